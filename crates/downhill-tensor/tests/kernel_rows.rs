//! Functions of rows against the plain loops in f64, under every cut and instruction set.
#![allow(clippy::unwrap_used)]

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::isa::Isa;
use downhill_tensor::kernels::naive;
use downhill_tensor::kernels::rows::{Epsilon, RowFunction, Rows, apply, apply_with, check};
use kernel_support::{assert_close, numbers, same_bits, to_f64};
use proptest::prelude::*;

/// A function with the widths of its operands (0 for classes) and of its result, for rows of `n`.
fn functions(n: usize) -> [(RowFunction, Vec<usize>, usize); 9] {
    let epsilon = Epsilon::new(1e-2);
    [
        (RowFunction::Softmax, vec![n], n),
        (RowFunction::LogSoftmax, vec![n], n),
        (RowFunction::SoftmaxGradient, vec![n, n], n),
        (RowFunction::CrossEntropy, vec![n, 0], 1),
        (RowFunction::CrossEntropyGradient, vec![n, 0, 1], n),
        (RowFunction::Normalize(epsilon), vec![n], n),
        (RowFunction::NormalizeGradient(epsilon), vec![n, n], n),
        (RowFunction::LstmCell, vec![4 * n, n], 2 * n),
        (RowFunction::LstmCellGradient, vec![4 * n, n, n, n], 5 * n),
    ]
}

/// The rows `part` of operands of these widths.
fn part<'a, T>(
    floats: &'a [Vec<T>],
    classes: &'a [i64],
    widths: &[usize],
    part: std::ops::Range<usize>,
) -> Vec<Rows<'a, T>> {
    let each = widths.iter().zip(floats).map(|(&width, floats)| match width {
        0 => Rows::Index(&classes[part.clone()]),
        _ => Rows::Float(&floats[part.start * width..part.end * width]),
    });
    each.collect()
}

fn agree<T: Float>(rows: usize, n: usize, cut: usize) {
    for (function, widths, out_width) in functions(n) {
        let draw = |(seed, width): (usize, &usize)| numbers::<T>(rows * width, seed as u64 + 3);
        let mut floats: Vec<Vec<T>> = widths.iter().enumerate().map(draw).collect();
        floats[0].iter_mut().for_each(|x| *x *= T::from_f64(3.0));
        let wide: Vec<Vec<f64>> = floats.iter().map(|x| to_f64(x)).collect();
        let classes: Vec<i64> = (0..rows).map(|row| (row * 7 % n) as i64).collect();
        let mut expected = vec![f64::NAN; rows * out_width];
        naive::apply_rows(function, rows, &part(&wide, &classes, &widths, 0..rows), &mut expected);
        let operands = part(&floats, &classes, &widths, 0..rows);
        check(function, rows, &operands).unwrap();
        let mut whole = vec![T::NAN; rows * out_width];
        apply(function, rows, &operands, &mut whole);
        let largest = expected.iter().fold(1.0f64, |largest, y| largest.max(y.abs()));
        assert_close(&whole, &expected, T::EPSILON.to_f64() * (100.0 + n as f64) * largest);
        // Where rows are cut changes no bit.
        let mut cuts = vec![T::NAN; rows * out_width];
        let (first, second) = cuts.split_at_mut(cut * out_width);
        apply(function, cut, &part(&floats, &classes, &widths, 0..cut), first);
        apply(function, rows - cut, &part(&floats, &classes, &widths, cut..rows), second);
        assert!(same_bits(&whole, &cuts), "{function:?}, cut at {cut} of {rows} rows of {n}");
        for isa in Isa::available() {
            let mut out = vec![T::NAN; rows * out_width];
            apply_with(isa, function, rows, &operands, &mut out);
            assert!(same_bits(&whole, &out), "{function:?} with {}", isa.name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn functions_of_rows_agree_with_the_plain_loops_under_every_cut(
        (rows, cut) in (0usize..30).prop_flat_map(|rows| (Just(rows), 0..=rows)),
        n in prop_oneof![3 => 1usize..20, 1 => 60usize..130, 1 => 1000usize..1100],
    ) {
        agree::<f32>(rows, n, cut);
        agree::<f64>(rows, n, cut);
    }
}

#[test]
fn cross_entropy_is_finite_far_out_and_infinite_where_the_class_is_impossible() {
    for n in [3, 40] {
        let mut x = vec![-1e4f32; 3 * n];
        x[1] = 1e4;
        x[n] = f32::NEG_INFINITY;
        x[2 * n..].fill(f32::NEG_INFINITY);
        let operands = [Rows::Float(&x[..]), Rows::Index(&[0, 0, 0])];
        let mut out = [0.0; 3];
        apply(RowFunction::CrossEntropy, 3, &operands, &mut out);
        assert_eq!(out, [2e4, f32::INFINITY, f32::INFINITY]);
        let mut gradient = vec![f32::NAN; 3 * n];
        let operands = [operands[0], operands[1], Rows::Float(&[0.5, 1.0, 2.0])];
        apply(RowFunction::CrossEntropyGradient, 3, &operands, &mut gradient);
        assert_eq!(gradient[..3], [-0.5, 0.5, 0.0]);
        assert_eq!(gradient[n], -1.0);
        assert_eq!(gradient[2 * n..2 * n + 2], [-2.0, 0.0]);
    }
}

#[test]
fn rows_far_from_zero_are_normalized_without_losing_their_digits() {
    let x = [1e6f32, 1e6 + 1.0, 1e6 + 2.0];
    let mut out = [0.0; 3];
    apply(RowFunction::Normalize(Epsilon::new(0.0)), 1, &[Rows::Float(&x)], &mut out);
    assert_close(&out, &[-1.5f64.sqrt(), 0.0, 1.5f64.sqrt()], 1e-6);
}

#[test]
fn a_class_out_of_range_is_named_and_read_nowhere() {
    for n in [3, 40] {
        let x = vec![0.0f32; 2 * n];
        for class in [n as i64, -1, i64::MIN, i64::MAX] {
            let classes = [1, class];
            let operands = [Rows::Float(&x[..]), Rows::Index(&classes)];
            let error = check(RowFunction::CrossEntropy, 2, &operands).unwrap_err().to_string();
            let last = n - 1;
            let expected =
                format!("class {class} at position 1 is out of range: there are {n} classes, 0 to {last}");
            assert_eq!(error, expected);
            let mut loss = [0.0; 2];
            apply(RowFunction::CrossEntropy, 2, &operands, &mut loss);
            assert!(loss[0].is_finite() && loss[1].is_nan());
            let operands = [operands[0], operands[1], Rows::Float(&[1.0, 1.0])];
            let mut gradient = vec![0.0; 2 * n];
            apply(RowFunction::CrossEntropyGradient, 2, &operands, &mut gradient);
            assert!(gradient[..n].iter().all(|g| g.is_finite()) && gradient[n..].iter().all(|g| g.is_nan()));
        }
    }
}
