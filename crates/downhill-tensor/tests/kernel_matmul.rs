//! Products against the plain loops, over random shapes, strides and parts.

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::isa::Isa;
use downhill_tensor::kernels::matmul::{
    Prepared, Product, Strides2, Update, matmul_prepared, matmul_scratch_len, matmul_with,
};
use downhill_tensor::kernels::naive;
use kernel_support::{assert_close, numbers, same_bits, to_f64};
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

    #[test]
    fn preparing_b_changes_no_bit(
        (p, a_len, b_len, update) in product(),
        cuts in (0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64),
    ) {
        prepared_gives_the_same_bits::<f32>(&p, a_len, b_len, update, cuts)?;
        prepared_gives_the_same_bits::<f64>(&p, a_len, b_len, update, cuts)?;
    }
}

fn prepared_gives_the_same_bits<T: Float>(
    p: &Product,
    a_len: usize,
    b_len: usize,
    update: Update<f64>,
    cuts: (f64, f64, f64),
) -> Result<(), TestCaseError> {
    let (a, b) = (numbers::<T>(a_len, 1), numbers::<T>(b_len, 2));
    let start = numbers::<T>(p.m * p.c_row_stride, 3);
    let (row, column) = ((p.m as f64 * cuts.0) as usize, (p.n as f64 * cuts.1) as usize);
    for isa in Isa::available() {
        let mut expected = start.clone();
        whole(isa, p, &a, &b, &mut expected, update);
        let form = Prepared::new::<T>(isa, p);
        let mut panels = vec![T::NAN; form.len()];
        let panel = (form.panels() as f64 * cuts.2) as usize;
        let (first, second) = panels.split_at_mut(panel * form.panel_len());
        form.fill(0..panel, &b, first);
        form.fill(panel..form.panels(), &b, second);
        let mut c = start.clone();
        let mut scratch = vec![T::NAN; matmul_scratch_len::<T>(p)];
        for rows in [0..row, row..p.m] {
            for columns in [0..column, column..p.n] {
                let (rows, update) = (rows.clone(), cast(update));
                matmul_prepared(&form, rows, columns, &a, &panels, &mut c, update, &mut scratch);
            }
        }
        prop_assert!(same_bits(&c, &expected), "{p:?} on {}", isa.name());
    }
    Ok(())
}

#[test]
fn small_products_of_every_size_agree_with_the_plain_loops() {
    for m in [1, 2, 3, 4, 5, 6, 7, 12, 13] {
        for n in (1..=18).chain([24, 31, 32, 33, 64, 65]) {
            for (number, k) in [1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 40].into_iter().enumerate() {
                for form in 0..4 {
                    let ((a, a_len), (b, b_len)) = (operand(m, k, form & 1, 0), operand(k, n, form >> 1, 0));
                    let p = Product { a, b, ..Product::row_major(m, n, k) };
                    let update = UPDATES[(number + m + n) % UPDATES.len()];
                    agrees_with_the_loops::<f32>(&p, a_len - 1, b_len - 1, update);
                    agrees_with_the_loops::<f64>(&p, a_len - 1, b_len - 1, update);
                }
            }
        }
    }
}

#[test]
fn blocks_of_the_shared_dimension_agree_with_the_plain_loops() {
    for k in [319, 320, 321, 639, 640, 641, 961] {
        for (m, n) in [(7, 17), (1, 40), (40, 1), (30, 300), (2, 3)] {
            for form in 0..4 {
                let ((a, a_len), (b, b_len)) = (operand(m, k, form & 1, 1), operand(k, n, form >> 1, 1));
                let p = Product { a, b, ..Product::row_major(m, n, k) };
                agrees_with_the_loops::<f32>(&p, a_len, b_len, UPDATES[2]);
                agrees_with_the_loops::<f64>(&p, a_len, b_len, UPDATES[3]);
            }
        }
    }
}

#[test]
fn a_scale_of_one_gives_the_bits_of_plain_multiplication_and_addition() {
    let p = Product::row_major(5, 11, 7);
    let (a, b) = (numbers::<f32>(35, 1), numbers::<f32>(77, 2));
    for isa in Isa::available() {
        let (mut product, mut sum, start) = (vec![0.0; 55], numbers::<f32>(55, 3), numbers::<f32>(55, 3));
        whole(isa, &p, &a, &b, &mut product, Update::SET);
        whole(isa, &p, &a, &b, &mut sum, Update::ADD);
        let expected: Vec<f32> = start.iter().zip(&product).map(|(s, p)| s + p).collect();
        assert!(same_bits(&sum, &expected));
    }
}

#[test]
fn what_follows_an_operand_in_memory_changes_no_product() {
    for (n, k) in [(1, 1), (2, 3), (3, 5), (5, 9), (9, 2), (10, 128), (17, 7)] {
        let p = Product::row_major(4, n, k);
        let (a, mut b) = (numbers::<f32>(4 * k, 1), numbers::<f32>(k * n, 2));
        let mut expected = vec![0.0; 4 * n];
        naive::matmul(&p, &to_f64(&a), &to_f64(&b), &mut expected, Update::SET);
        b.extend([f32::NAN; 16]);
        for isa in Isa::available() {
            let mut c = vec![0.0f32; 4 * n];
            whole(isa, &p, &a, &b[..k * n], &mut c, Update::SET);
            assert_close(&c, &expected, 1e-4);
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
