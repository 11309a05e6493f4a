//! Laws of layouts: every change of view is compared with the positions that it must visit.

use crate::strategies::{broadcastable_pair, layout, shape};
use crate::{Layout, MAX_RANK, Shape, Slice};
use proptest::prelude::*;

/// All coordinates of a shape in row-major order, by counting.
pub fn coordinates(shape: Shape) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &dim in shape.dims() {
        all = all.iter().flat_map(|index| (0..dim).map(move |i| [&index[..], &[i]].concat())).collect();
    }
    all
}

fn positions(layout: &Layout) -> Vec<usize> {
    layout.positions().collect()
}

proptest! {
    #[test]
    fn positions_are_those_of_the_coordinates_in_order((layout, _) in layout()) {
        let expected: Vec<usize> =
            coordinates(layout.shape()).iter().map(|index| layout.position(index).unwrap()).collect();
        prop_assert_eq!(layout.positions().len(), expected.len());
        prop_assert_eq!(positions(&layout), expected);
    }

    #[test]
    fn a_contiguous_layout_counts_from_its_offset((layout, _) in layout()) {
        let counting = positions(&layout).windows(2).all(|pair| pair[1] == pair[0] + 1);
        prop_assert_eq!(layout.is_contiguous(), counting);
    }

    #[test]
    fn reshaping_keeps_the_order_of_positions((layout, _) in layout(), cut in 0usize..4, keys in any::<[u8; 6]>()) {
        // A random factorization of the size, with ones in between.
        let mut rest = layout.shape().size();
        let mut dims = Vec::new();
        for key in keys {
            let factor = (1..=rest.min(key as usize % 6 + 1)).rev().find(|factor| rest.is_multiple_of(*factor));
            let factor = factor.unwrap_or(1);
            dims.push(factor);
            rest /= factor;
        }
        dims.insert(cut, rest);
        let target = Shape::new(&dims).unwrap();
        if let Some(reshaped) = layout.reshape(target).unwrap() {
            prop_assert_eq!(reshaped.shape(), target);
            prop_assert_eq!(positions(&reshaped), positions(&layout));
        } else {
            prop_assert!(!layout.is_contiguous());
        }
        let back = layout.reshape(layout.shape()).unwrap();
        prop_assert!(back.is_some_and(|back| positions(&back) == positions(&layout)));
        prop_assert!(layout.reshape(Shape::from([layout.shape().size() + 1])).is_err());
    }

    #[test]
    fn a_permutation_and_its_inverse_cancel((layout, _) in layout(), keys in any::<[u8; MAX_RANK]>()) {
        let mut order: Vec<usize> = (0..layout.shape().rank()).collect();
        order.sort_by_key(|&axis| keys[axis]);
        let mut inverse = order.clone();
        order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        let permuted = layout.permute(&order).unwrap();
        prop_assert_eq!(permuted.permute(&inverse).unwrap(), layout);
        for index in coordinates(permuted.shape()) {
            let original: Vec<usize> = inverse.iter().map(|&axis| index[axis]).collect();
            prop_assert_eq!(permuted.position(&index).unwrap(), layout.position(&original).unwrap());
        }
    }

    #[test]
    fn a_slice_visits_what_python_counts(
        (layout, _) in layout(),
        axis in 0usize..MAX_RANK,
        start in proptest::option::of(-7isize..=7),
        end in proptest::option::of(-7isize..=7),
        step in -3isize..=3,
    ) {
        let slice = Slice { start, end, step };
        if axis >= layout.shape().rank() || step == 0 {
            prop_assert!(layout.slice(axis, slice).is_err());
            return Ok(());
        }
        // Python's rule, one position after the other.
        let length = layout.shape()[axis] as isize;
        let absolute = |bound: isize| if bound < 0 { bound + length } else { bound };
        let mut at = start.map_or(if step > 0 { 0 } else { length - 1 }, absolute);
        at = if step > 0 { at.max(0) } else { at.min(length - 1) };
        let end = end.map_or(if step > 0 { length } else { -1 }, absolute);
        let mut visited = Vec::new();
        while if step > 0 { at < end.min(length) } else { at > end.max(-1) } {
            visited.push(at as usize);
            at += step;
        }
        let sliced = layout.slice(axis, slice).unwrap();
        prop_assert_eq!(sliced.shape(), layout.shape().with(axis, visited.len()).unwrap());
        for index in coordinates(sliced.shape()) {
            let mut original = index.clone();
            original[axis] = visited[index[axis]];
            prop_assert_eq!(sliced.position(&index).unwrap(), layout.position(&original).unwrap());
        }
    }

    #[test]
    fn slices_of_slices_are_slices((layout, _) in layout(), a in 0usize..4, b in 0usize..6, c in 0usize..4, d in 0usize..6) {
        if layout.shape().rank() == 0 {
            return Ok(());
        }
        let twice = layout.slice(0, Slice::range(a, b)).unwrap().slice(0, Slice::range(c, d)).unwrap();
        let once = layout.slice(0, Slice::range(a + c, (a + d).min(b))).unwrap();
        prop_assert_eq!(positions(&twice), positions(&once));
    }

    #[test]
    fn broadcasting_repeats_along_axes_that_were_one_or_absent((left, right) in broadcastable_pair()) {
        let target = left.broadcast(right).unwrap();
        prop_assert_eq!(target, right.broadcast(left).unwrap());
        let layout = Layout::contiguous(left);
        let wide = layout.broadcast_to(target).unwrap();
        for index in coordinates(target) {
            let tail = &index[target.rank() - left.rank()..];
            let original: Vec<usize> = tail.iter().zip(left.dims()).map(|(&i, &dim)| if dim == 1 { 0 } else { i }).collect();
            prop_assert_eq!(wide.position(&index).unwrap(), layout.position(&original).unwrap());
        }
    }

    #[test]
    fn selecting_is_slicing_one_position_away((layout, _) in layout(), axis in 0usize..5, index in 0usize..6) {
        let selected = layout.select(axis, index);
        if axis < layout.shape().rank() && index < layout.shape()[axis] {
            let sliced = layout.slice(axis, Slice::range(index, index + 1)).unwrap();
            prop_assert_eq!(positions(&selected.unwrap()), positions(&sliced));
        } else {
            prop_assert!(selected.is_err());
        }
    }

    #[test]
    fn coordinates_beyond_the_shape_are_refused(shape in shape(), index in proptest::collection::vec(0usize..8, 0..6)) {
        let inside = index.len() == shape.rank() && index.iter().zip(shape.dims()).all(|(i, dim)| i < dim);
        prop_assert_eq!(Layout::contiguous(shape).position(&index).is_ok(), inside);
    }
}
