//! Elementwise maps, copies, gathers and scatters against the plain loops.
#![allow(clippy::unwrap_used)]

mod kernel_support;

use downhill_tensor::kernels::gather::{
    Along, RowOutOfRange, gather_along_axis, gather_rows, one_hot, scatter_add_along_axis, scatter_add_rows,
};
use downhill_tensor::kernels::{copy, elementwise, gather, naive};
use downhill_tensor::{Layout, Shape, Slice};
use kernel_support::numbers;
use proptest::prelude::*;

/// A layout made by permuting, slicing and broadcasting, and how long its storage is.
fn layouts() -> impl Strategy<Value = (Layout, usize)> {
    let dims = prop_oneof![prop::collection::vec(0usize..5, 0..5), prop::collection::vec(15usize..40, 2..3)];
    (dims, any::<u64>(), prop::collection::vec((-3isize..4, any::<bool>()), 5)).prop_map(
        |(dims, seed, changes)| {
            let base = Layout::contiguous(Shape::new(&dims).unwrap());
            let mut order: Vec<usize> = (0..dims.len()).collect();
            order.sort_by_key(|&axis| (seed >> (axis * 8)) & 255);
            let mut layout = base.permute(&order).unwrap();
            for (axis, &(step, broadcast)) in changes.iter().enumerate().take(dims.len()) {
                if step != 0 && seed % 3 == 0 {
                    layout = layout.slice(axis, Slice { start: None, end: None, step }).unwrap();
                }
                if broadcast && seed % 5 == 0 && layout.shape()[axis] > 0 {
                    let single = layout.slice(axis, Slice::range(0, 1)).unwrap();
                    layout = single.broadcast_to(layout.shape()).unwrap();
                }
            }
            (layout, base.shape().size())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn strided_maps_and_copies_agree_with_the_plain_loops((layout, len) in layouts(), cut in 0.0..1.0f64) {
        let x = numbers::<f32>(len, 1);
        let size = layout.shape().size();
        let cut = (size as f64 * cut) as usize;
        let (mut expected, mut out) = (vec![0.0; size], vec![7.0; size]);
        naive::copy_strided(&x, &layout, &mut expected);
        copy::copy_strided(&x, &layout, 0..cut, &mut out[..cut]);
        copy::copy_strided(&x, &layout, cut..size, &mut out[cut..]);
        prop_assert_eq!(&expected, &out);
        out.fill(7.0);
        expected.iter_mut().for_each(|v| *v += 1.0);
        elementwise::map_strided(&x, &layout, 0..cut, &mut out[..cut], |v| v + 1.0);
        elementwise::map_strided(&x, &layout, cut..size, &mut out[cut..], |v| v + 1.0);
        prop_assert_eq!(&expected, &out);
    }

    #[test]
    fn zips_of_any_two_layouts_agree_with_the_plain_loops((layout, len) in layouts(), which in 0usize..5, cut in 0.0..1.0f64) {
        let shape = layout.shape();
        let (x, y) = (numbers::<f32>(len, 1), numbers::<f32>(shape.size().max(1), 2));
        let other = match (which, shape.rank()) {
            (0, _) => Layout::contiguous(Shape::from(())),
            (1, 1..) => Layout::contiguous(Shape::from([shape[shape.rank() - 1]])),
            (2, 2..) => Layout::contiguous(Shape::from([shape[shape.rank() - 2], 1])),
            (3, _) => layout,
            _ => Layout::contiguous(shape),
        };
        let other = other.broadcast_to(shape).unwrap();
        let y = if which == 3 { &x } else { &y };
        let f = |a: f32, b: f32| a - 2.0 * b;
        let size = shape.size();
        let cut = (size as f64 * cut) as usize;
        let (mut expected, mut out) = (vec![0.0; size], vec![7.0; size]);
        naive::zip_strided((&x, &layout), (y, &other), &mut expected, f);
        elementwise::zip_strided((&x, &layout), (y, &other), 0..cut, &mut out[..cut], f);
        elementwise::zip_strided((&x, &layout), (y, &other), cut..size, &mut out[cut..], f);
        prop_assert_eq!(&expected, &out);
        let g = |b: f32, a: f32| a - 2.0 * b;
        elementwise::zip_strided((y, &other), (&x, &layout), 0..size, &mut out, g);
        prop_assert_eq!(&expected, &out);
    }

    #[test]
    fn padding_is_the_adjoint_of_slicing(
        length in 1usize..12, start in 0isize..6, step in prop_oneof![-3isize..0, 1isize..4], inner in 1usize..4,
    ) {
        let base = Layout::contiguous(Shape::from([length, inner]));
        let slice = base.slice(0, Slice { start: Some(start), end: None, step }).unwrap();
        let (x, g) = (numbers::<f64>(length * inner, 1), numbers::<f64>(slice.shape().size(), 2));
        let (mut sliced, mut padded) = (vec![0.0; g.len()], vec![7.0; x.len()]);
        copy::copy_strided(&x, &slice, 0..g.len(), &mut sliced);
        copy::pad(&g, 0.0, &mut padded, &slice);
        let mut expected = vec![3.0; x.len()];
        naive::pad(&g, 0.0, &mut expected, &slice);
        prop_assert_eq!(&padded, &expected);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        prop_assert!((dot(&sliced, &g) - dot(&x, &padded)).abs() < 1e-12);
    }

    #[test]
    fn rows_are_gathered_and_scattered_as_by_the_plain_loops(
        rows in 1usize..8, row_len in 0usize..5, picks in prop::collection::vec(0i64..100, 0..20), cut in 0usize..8,
    ) {
        let indices: Vec<i64> = picks.iter().map(|i| i % rows as i64).collect();
        let table = numbers::<f32>(rows * row_len, 1);
        let source = numbers::<f32>(indices.len() * row_len, 2);
        let (mut expected, mut out) = (vec![0.0; source.len()], vec![7.0; source.len()]);
        naive::gather_rows(&table, rows, row_len, &indices, &mut expected).unwrap();
        gather_rows(&table, rows, row_len, &indices, &mut out).unwrap();
        prop_assert_eq!(expected, out);
        let (mut expected, mut out) = (table.clone(), table);
        naive::scatter_add_rows(&source, rows, row_len, &indices, &mut expected).unwrap();
        let cut = cut.min(rows);
        let (left, right) = out.split_at_mut(cut * row_len);
        scatter_add_rows(&source, rows, row_len, &indices, 0..cut, left).unwrap();
        scatter_add_rows(&source, rows, row_len, &indices, cut..rows, right).unwrap();
        prop_assert_eq!(expected, out);
    }

    #[test]
    fn positions_along_an_axis_are_gathered_and_scattered_as_by_the_plain_loops(
        outer in 0usize..4, length in 1usize..5, count in 0usize..5, inner in 0usize..4, seed in any::<u64>(),
    ) {
        let along = Along { outer, length, count, inner };
        let indices: Vec<i64> =
            numbers::<f64>(along.index_len(), seed).iter().map(|v| ((v + 1.0) / 2.0 * length as f64) as i64).collect();
        let x = numbers::<f32>(along.source_len(), 1);
        let (mut expected, mut out) = (vec![0.0; indices.len()], vec![7.0; indices.len()]);
        naive::gather_along_axis(&x, along, &indices, &mut expected).unwrap();
        gather_along_axis(&x, along, &indices, &mut out).unwrap();
        prop_assert_eq!(&expected, &out);
        let (mut sums, mut expected) = (x.clone(), x);
        naive::scatter_add_along_axis(&out, along, &indices, &mut expected).unwrap();
        scatter_add_along_axis(&out, along, &indices, &mut sums).unwrap();
        prop_assert_eq!(expected, sums);
    }
}

#[test]
fn an_index_beyond_the_table_is_named_and_nothing_is_written() {
    let mut out = [7.0f32; 4];
    let error = gather_rows(&[1.0, 2.0], 2, 1, &[0, 1, 2, 0], &mut out).unwrap_err();
    assert_eq!(error, RowOutOfRange { index: 2, position: 2, rows: 2 });
    assert_eq!(out, [7.0; 4]);
    assert!(scatter_add_rows(&[1.0f32], 2, 1, &[-1], 0..2, &mut [0.0; 2]).is_err());
    assert!(one_hot(&[3], 3, &mut [0.0f32; 3]).is_err());
    assert!(gather_rows(&[] as &[f32], 0, 1, &[0], &mut [0.0]).is_err());
}

#[test]
fn one_hot_rows_have_a_single_one() {
    let mut out = [7.0f32; 6];
    one_hot(&[2, 0], 3, &mut out).unwrap();
    assert_eq!(out, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let mut expected = [0.0f32; 6];
    naive::one_hot(&[2, 0], 3, &mut expected).unwrap();
    assert_eq!(out, expected);
}

#[test]
fn rows_are_copied_and_added_in_the_order_of_their_indices() {
    for (row_len, count) in [(1, 40), (3, 5), (64, 40), (0, 4)] {
        let table: Vec<f32> = (0..50 * row_len).map(|i| i as f32).collect();
        let indices: Vec<i64> = (0..count).map(|i| i * i * 7 % 50).collect();
        let mut out = vec![-1.0f32; indices.len() * row_len];
        gather::copy_rows(&table, row_len, &indices, &mut out);
        for (i, &index) in indices.iter().enumerate() {
            let row = &table[index as usize * row_len..][..row_len];
            assert_eq!(&out[i * row_len..][..row_len], row);
        }
        let mut expected = table.clone();
        for (i, &index) in indices.iter().enumerate() {
            for j in 0..row_len {
                expected[index as usize * row_len + j] += -0.3 * out[i * row_len + j];
            }
        }
        let mut updated = table.clone();
        gather::add_rows(&mut updated, row_len, &indices, &out, -0.3);
        assert_eq!(updated, expected);
    }
}

#[test]
fn an_index_that_is_no_row_is_named_with_its_position() {
    assert!(gather::check_rows(&[0, 2, 1], 3).is_ok() && gather::check_rows(&[], 0).is_ok());
    for index in [3, -1, i64::MIN, i64::MAX] {
        let error = gather::check_rows(&[0, index], 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("index {index} at position 1 is out of range: there are 3 rows")
        );
    }
}
