//! Products against the plain loops, over random shapes, strides and parts.

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::isa::Isa;
use downhill_tensor::kernels::matmul::{
    Prepared, Product, Strides2, Update, matmul_prepared, matmul_scratch_len, matmul_with,
};
use downhill_tensor::kernels::naive;
use kernel_support::{numbers, to_f64};
use proptest::prelude::*;

fn operand(rows: usize, columns: usize, form: u8, gap: usize) -> (Strides2, usize) {
    let strides = match form {
        0 => Strides2::row_major(columns + gap),
        1 => Strides2::row_major(rows + gap).transposed(),
        2 => Strides2 { row: 2 * columns + gap, column: 2 },
        _ => Strides2 { row: 0, column: 1 },
    };
    (strides, rows * strides.row + columns * strides.column + 1)
}

const UPDATES: [Update<f64>; 4] = [
    Update::SET,
    Update::ADD,
    Update { scale: -0.375, accumulate: true },
    Update { scale: 2.5, accumulate: false },
];

fn cast<T: Float>(update: Update<f64>) -> Update<T> {
    Update { scale: T::from_f64(update.scale), accumulate: update.accumulate }
}

fn product() -> impl Strategy<Value = (Product, usize, usize, Update<f64>)> {
    let size = || prop_oneof![0usize..4, 4usize..40, 60usize..140];
    let depth = prop_oneof![4 => 0usize..40, 1 => 300usize..700];
    (size(), size(), depth, 0u8..4, 0u8..4, 0usize..3, 0..UPDATES.len()).prop_map(
        |(m, n, k, a_form, b_form, gap, update)| {
            let (a, a_len) = operand(m, k, a_form, gap);
            let (b, b_len) = operand(k, n, b_form, gap);
            (Product { m, n, k, a, b, c_row_stride: n + gap }, a_len, b_len, UPDATES[update])
        },
    )
}

fn whole<T: Float>(isa: Isa, p: &Product, a: &[T], b: &[T], c: &mut [T], update: Update<f64>) {
    let mut scratch = vec![T::NAN; matmul_scratch_len::<T>(p)];
    matmul_with(isa, p, 0..p.m, 0..p.n, a, b, c, cast(update), &mut scratch);
}

fn agrees_with_the_loops<T: Float>(p: &Product, a_len: usize, b_len: usize, update: Update<f64>) {
    let (a, b) = (numbers::<T>(a_len, 1), numbers::<T>(b_len, 2));
    let start = numbers::<T>(p.m * p.c_row_stride, 3);
    // In f64 the reference is exact enough to judge f32.
    let mut expected = to_f64(&start);
    naive::matmul(p, &to_f64(&a), &to_f64(&b), &mut expected, update);
    for isa in Isa::available() {
        let mut c = start.clone();
        whole(isa, p, &a, &b, &mut c, update);
        let bound = T::EPSILON.to_f64() * (p.k as f64 + 4.0) * update.scale.abs().max(1.0);
        for (at, (c, expected)) in c.iter().zip(&expected).enumerate() {
            let error = (c.to_f64() - expected).abs();
            assert!(error <= bound, "{p:?} on {}: {c} for {expected} at {at}", isa.name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn products_agree_with_the_plain_loops((p, a_len, b_len, update) in product()) {
        agrees_with_the_loops::<f32>(&p, a_len, b_len, update);
        agrees_with_the_loops::<f64>(&p, a_len, b_len, update);
    }

    #[test]
    fn how_the_result_is_cut_changes_no_bit(
        (p, a_len, b_len, update) in product(),
        cuts in (0.0..1.0f64, 0.0..1.0f64),
    ) {
        let (a, b) = (numbers::<f32>(a_len, 1), numbers::<f32>(b_len, 2));
        let start = numbers::<f32>(p.m * p.c_row_stride, 3);
        let (row, column) = ((p.m as f64 * cuts.0) as usize, (p.n as f64 * cuts.1) as usize);
        for isa in Isa::available() {
            let mut expected = start.clone();
            whole(isa, &p, &a, &b, &mut expected, update);
            let mut c = start.clone();
            let mut scratch = vec![f32::NAN; matmul_scratch_len::<f32>(&p)];
            for rows in [0..row, row..p.m] {
                for columns in [0..column, column..p.n] {
                    matmul_with(isa, &p, rows.clone(), columns, &a, &b, &mut c, cast(update), &mut scratch);
                }
            }
            prop_assert!(c.iter().zip(&expected).all(|(c, e)| c.to_bits() == e.to_bits()));
        }
    }
}

#[test]
fn products_larger_than_every_block_agree_with_the_plain_loops() {
    for (m, n, k) in [(200, 1100, 3), (197, 70, 650), (3, 1100, 330)] {
        let p = Product::row_major(m, n, k);
        agrees_with_the_loops::<f32>(&p, m * k, k * n, Update::SET);
        agrees_with_the_loops::<f64>(&p, m * k, k * n, Update::ADD);
    }
}

#[test]
fn not_a_number_passes_through_a_zero() {
    let p = Product::row_major(2, 3, 2);
    let mut c = [0.0f32; 6];
    for isa in Isa::available() {
        whole(isa, &p, &[0.0, 0.0, 0.0, 1.0], &[f32::NAN; 6], &mut c, Update::SET);
        assert!(c.iter().all(|v| v.is_nan()));
    }
}

#[test]
#[should_panic(expected = "A is shorter than its rows and columns reach")]
fn strides_beyond_the_address_space_are_refused() {
    let a = Strides2 { row: usize::MAX, column: 1 };
    let p = Product { a, ..Product::row_major(3, 1, 2) };
    whole(Isa::PORTABLE, &p, &[1.0f32; 4], &[1.0; 2], &mut [0.0; 3], Update::SET);
}
