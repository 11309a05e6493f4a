//! Reductions and softmax against the plain loops and f64, over random shapes and parts.
#![allow(clippy::unwrap_used)]

mod kernel_support;

use downhill_tensor::kernels::isa::{Isa, current};
use downhill_tensor::kernels::reduce::{Axes, Reduction, argmax, reduce, reduce_strided, reduce_with, sum};
use downhill_tensor::kernels::{naive, softmax};
use downhill_tensor::{Float, Layout, Shape};
use kernel_support::{assert_close, numbers, same_bits, to_f64};
use proptest::prelude::*;

fn axes() -> impl Strategy<Value = Axes> {
    let reduced = prop_oneof![3 => 0usize..40, 1 => 100usize..300, 1 => 1000usize..2200];
    (0usize..4, reduced, prop_oneof![Just(1usize), 0usize..5, 60usize..140])
        .prop_map(|(outer, reduced, inner)| Axes { outer, reduced, inner })
}

const ALL: [Reduction; 3] = [Reduction::Sum, Reduction::Max, Reduction::Min];

fn naive_reduce(reduction: Reduction, x: &[f64], axes: Axes, out: &mut [f64]) {
    match reduction {
        Reduction::Sum => naive::sum(x, axes, out),
        Reduction::Max => naive::max(x, axes, out),
        Reduction::Min => naive::min(x, axes, out),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reductions_agree_with_the_plain_loops_on_every_instruction_set(axes in axes()) {
        let x = numbers::<f32>(axes.outer * axes.reduced * axes.inner, 5);
        let outputs = axes.outer * axes.inner;
        for reduction in ALL {
            let mut expected = vec![0.0; outputs];
            naive_reduce(reduction, &to_f64(&x), axes, &mut expected);
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; outputs];
                reduce_with(isa, reduction, &x, axes, 0..outputs, &mut out);
                assert_close(&out, &expected, 1e-4);
                prop_assert!(same_bits(first.get_or_insert_with(|| out.clone()), &out));
            }
        }
    }

    #[test]
    fn how_the_outputs_are_cut_changes_no_bit(axes in axes(), cut in 0.0..1.0f64) {
        let x = numbers::<f32>(axes.outer * axes.reduced * axes.inner, 6);
        let outputs = axes.outer * axes.inner;
        let cut = (outputs as f64 * cut) as usize;
        for reduction in ALL {
            let (mut whole, mut parts) = (vec![0.0; outputs], vec![0.0; outputs]);
            reduce(reduction, &x, axes, 0..outputs, &mut whole);
            reduce(reduction, &x, axes, 0..cut, &mut parts[..cut]);
            reduce(reduction, &x, axes, cut..outputs, &mut parts[cut..]);
            prop_assert!(same_bits(&whole, &parts));
        }
    }

    #[test]
    fn reductions_through_a_layout_are_those_of_the_copied_array(
        dims in prop::array::uniform3(0usize..6),
        long in prop_oneof![Just(3usize), Just(1500)],
        mask in 0usize..16,
    ) {
        let base = Layout::contiguous(Shape::from([dims[0], long, dims[1], dims[2]]));
        let x = numbers::<f32>(base.shape().size(), 7);
        // Reduced axes last: the copy is then [outer, reduced, 1].
        let (kept, reduced): (Vec<usize>, Vec<usize>) = (0..4).partition(|axis| mask >> axis & 1 == 0);
        let order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
        let permuted = base.permute(&order).unwrap();
        let copied: Vec<f32> = permuted.positions().map(|p| x[p]).collect();
        let size = |axes: &[usize]| axes.iter().map(|&axis| base.shape()[axis]).product::<usize>();
        let axes = Axes { outer: size(&kept), reduced: size(&reduced), inner: 1 };
        for reduction in ALL {
            let (mut expected, mut out) = (vec![0.0; axes.outer], vec![0.0; axes.outer]);
            reduce(reduction, &copied, axes, 0..axes.outer, &mut expected);
            let half = axes.outer / 2;
            let is_reduced = |axis: usize| mask >> axis & 1 == 1;
            reduce_strided(reduction, &x, &base, is_reduced, 0..half, &mut out[..half]);
            reduce_strided(reduction, &x, &base, is_reduced, half..axes.outer, &mut out[half..]);
            prop_assert!(same_bits(&expected, &out));
        }
    }

    #[test]
    fn the_place_of_the_largest_is_the_first(axes in axes(), special in 0usize..4) {
        let mut x = numbers::<f32>(axes.outer * axes.reduced * axes.inner, 8);
        x.iter_mut().for_each(|v| *v = (*v * 3.0).round()); // ties
        let len = x.len();
        (0..special.min(len)).for_each(|i| x[i * 37 % len] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][i]);
        let outputs = axes.outer * axes.inner;
        let (mut expected, mut out) = (vec![-1; outputs], vec![-2; outputs]);
        naive::argmax(&x, axes, &mut expected);
        let cut = outputs / 3;
        argmax(&x, axes, 0..cut, &mut out[..cut]);
        argmax(&x, axes, cut..outputs, &mut out[cut..]);
        prop_assert_eq!(expected, out);
    }

    #[test]
    fn softmax_and_its_kin_agree_with_the_plain_loops(
        rows in 0usize..6,
        n in prop_oneof![1usize..20, 100usize..200, 4000usize..5000],
        scale in prop_oneof![Just(1.0), Just(30.0), Just(1e4)],
    ) {
        softmax_agrees::<f32>(rows, n, scale);
        softmax_agrees::<f64>(rows, n, scale);
    }
}

fn softmax_agrees<T: Float>(rows: usize, n: usize, scale: f64) {
    let x: Vec<T> = numbers::<f64>(rows * n, 9).iter().map(|v| T::from_f64(v * scale)).collect();
    let g = numbers::<T>(rows * n, 10);
    let labels: Vec<i64> = (0..rows).map(|row| (row * 7 % n) as i64).collect();
    let (wide_x, wide_g) = (to_f64(&x), to_f64(&g));
    let bound = T::EPSILON.to_f64() * 40.0;
    let (mut out, mut expected) = (vec![T::NAN; rows * n], vec![f64::NAN; rows * n]);
    for isa in Isa::available() {
        softmax::softmax_with(isa, &x, n, &mut out);
        naive::softmax(&wide_x, n, &mut expected);
        assert_close(&out, &expected, bound);
    }
    let (y, wide_y) = (out.clone(), to_f64(&out));
    softmax::softmax_gradient(&y, &g, n, &mut out);
    naive::softmax_gradient(&wide_y, &wide_g, n, &mut expected);
    assert_close(&out, &expected, bound);
    softmax::log_softmax(&x, n, &mut out);
    naive::log_softmax(&wide_x, n, &mut expected);
    assert_close(&out, &expected, bound * (2.0 + 2.0 * scale));
    let (y, wide_y) = (out.clone(), to_f64(&out));
    softmax::log_softmax_gradient(&y, &g, n, &mut out);
    naive::log_softmax_gradient(&wide_y, &wide_g, n, &mut expected);
    assert_close(&out, &expected, bound * 10.0 * (n as f64).sqrt());
    softmax::cross_entropy_gradient(&x, &labels, &g[..rows], n, &mut out);
    naive::cross_entropy_gradient(&wide_x, &labels, &wide_g[..rows], n, &mut expected);
    assert_close(&out, &expected, bound);
    let (mut out, mut expected) = (vec![T::NAN; rows], vec![f64::NAN; rows]);
    softmax::logsumexp(&x, n, &mut out);
    naive::logsumexp(&wide_x, n, &mut expected);
    assert_close(&out, &expected, bound * (2.0 + 2.0 * scale));
    softmax::cross_entropy(&x, &labels, n, &mut out);
    naive::cross_entropy(&wide_x, &labels, n, &mut expected);
    assert_close(&out, &expected, bound * (2.0 + 2.0 * scale));
}

#[test]
fn a_sum_of_ten_million_floats_is_good_to_six_digits() {
    let x = vec![0.1f32; 10_000_000];
    let exact = x.len() as f64 * f64::from(0.1f32);
    for axes in
        [Axes { outer: 1, reduced: x.len(), inner: 1 }, Axes { outer: 1, reduced: x.len() / 2, inner: 2 }]
    {
        let mut out = vec![0.0f32; axes.inner];
        sum(&x, axes, 0..axes.inner, &mut out);
        let total: f64 = out.iter().map(|&v| f64::from(v)).sum();
        assert!((total / exact - 1.0).abs() < 1e-6, "{total} for {exact}");
    }
}

#[test]
fn not_a_number_wins_every_extreme() {
    for place in [0, 7, 16, 40] {
        let mut x = vec![1.0f32; 41];
        x[place] = f32::NAN;
        for axes in [Axes { outer: 1, reduced: 41, inner: 1 }, Axes { outer: 1, reduced: 41, inner: 1 }] {
            for reduction in ALL {
                let mut out = [0.0];
                reduce_with(current(), reduction, &x, axes, 0..1, &mut out);
                assert!(out[0].is_nan());
            }
        }
    }
}

#[test]
fn rows_that_are_all_masked_are_empty_distributions() {
    let x = [f32::NEG_INFINITY; 3];
    let mut out = [1.0; 3];
    softmax::softmax(&x, 3, &mut out);
    assert_eq!(out, [0.0; 3]);
    softmax::log_softmax(&x, 3, &mut out);
    assert_eq!(out, [f32::NEG_INFINITY; 3]);
    softmax::logsumexp(&x, 3, &mut out[..1]);
    assert_eq!(out[0], f32::NEG_INFINITY);
    softmax::logsumexp(&[] as &[f32], 0, &mut out);
    assert_eq!(out, [f32::NEG_INFINITY; 3]);
}

#[test]
fn a_view_is_reduced_from_where_it_begins() {
    // The last two columns of a matrix of three rows and four columns, transposed.
    let x: Vec<f64> = (0..12).map(f64::from).collect();
    let whole = Layout::contiguous(Shape::from([3, 4]));
    let part = downhill_tensor::Slice { start: Some(2), end: None, step: 1 };
    let view = whole.slice(1, part).unwrap().permute(&[1, 0]).unwrap();
    let mut out = [0.0; 2];
    reduce_strided(Reduction::Sum, &x, &view, |axis| axis == 1, 0..2, &mut out);
    assert_eq!(out, [2.0 + 6.0 + 10.0, 3.0 + 7.0 + 11.0]);
}
