//! Strategies of `proptest` for shapes, layouts and tensors, shared by the property tests of all crates.
//!
//! ```
//! use downhill_tensor::strategies;
//! use proptest::prelude::*;
//! proptest!(|(x in strategies::tensor(strategies::finite::<f64>()))| {
//!     prop_assert_eq!(&x.flatten().reshape(x.shape())?, &x);
//! });
//! ```
#![forbid(unsafe_code)]

use crate::{Element, Float, Layout, Shape, Slice, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Shapes of rank 0 to 4 with dimensions 0 to 5, where 0 is rare and 1 common.
pub fn shape() -> BoxedStrategy<Shape> {
    vec(prop_oneof![1 => Just(0usize), 4 => Just(1), 12 => 2usize..=5], 0..=4).prop_map(of).boxed()
}

/// Shapes of rank 0 to 4 with dimensions 1 to 5.
pub fn shape_with_elements() -> BoxedStrategy<Shape> {
    vec(prop_oneof![1 => Just(1usize), 3 => 2usize..=5], 0..=4).prop_map(of).boxed()
}

/// Two shapes that broadcast, neither always the larger one.
pub fn broadcastable_pair() -> BoxedStrategy<(Shape, Shape)> {
    (shape(), vec(any::<(bool, bool)>(), 4), 0usize..=4, 0usize..=4)
        .prop_map(|(full, ones, left_rank, right_rank)| {
            let part = |rank: usize, one: &dyn Fn(usize) -> bool| {
                let skipped = full.rank().saturating_sub(rank);
                let dim = |axis: usize| if one(axis) { 1 } else { full[axis] };
                of((skipped..full.rank()).map(dim).collect())
            };
            (part(left_rank, &|axis| ones[axis].0), part(right_rank, &|axis| ones[axis].1))
        })
        .boxed()
}

/// Layouts that permuting, slicing, reversing and broadcasting make of a contiguous one, each with the number
/// of elements that its storage must have.
pub fn layout() -> BoxedStrategy<(Layout, usize)> {
    let change = prop_oneof![
        any::<[u8; 4]>().prop_map(Change::Permute),
        (any::<u8>(), -6isize..=6, -6isize..=6, select(vec![-2isize, -1, 1, 2, 3])).prop_map(
            |(axis, start, end, step)| Change::Slice(
                axis,
                Slice { start: Some(start), end: Some(end), step }
            )
        ),
        (any::<u8>(), any::<u8>()).prop_map(|(axis, index)| Change::Select(axis, index)),
        (1usize..=3).prop_map(Change::Repeat),
    ];
    (shape(), vec(change, 0..=4))
        .prop_map(|(shape, changes)| {
            let layout = changes.into_iter().fold(Layout::contiguous(shape), |layout, change| {
                // A change that this layout does not allow, for lack of axes or positions, is left out.
                change.apply(&layout).unwrap_or(layout)
            });
            (layout, shape.size())
        })
        .boxed()
}

#[derive(Clone, Debug)]
enum Change {
    Permute([u8; 4]),
    Slice(u8, Slice),
    Select(u8, u8),
    Repeat(usize),
}

impl Change {
    fn apply(self, layout: &Layout) -> Option<Layout> {
        let shape = layout.shape();
        let axis = |number: u8| (number as usize).checked_rem(shape.rank());
        match self {
            Change::Permute(keys) => layout.permute(&order(&keys, shape.rank())).ok(),
            Change::Slice(number, slice) => layout.slice(axis(number)?, slice).ok(),
            Change::Select(number, index) => {
                let axis = axis(number)?;
                layout.select(axis, (index as usize).checked_rem(shape[axis])?).ok()
            }
            Change::Repeat(count) if shape.rank() < 5 => {
                layout.broadcast_to(Shape::new(&[&[count], shape.dims()].concat()).ok()?).ok()
            }
            Change::Repeat(_) => None,
        }
    }
}

/// The order in which random keys arrange this many axes.
fn order(keys: &[u8], rank: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).collect();
    order.sort_by_key(|&axis| keys.get(axis));
    order
}

/// Tensors of a random [`shape`], each with a random arrangement in memory (see [`tensor_of`]).
pub fn tensor<T: Element>(elements: impl Strategy<Value = T> + Clone + 'static) -> BoxedStrategy<Tensor<T>> {
    shape().prop_flat_map(move |shape| tensor_of(shape, elements.clone())).boxed()
}

/// Tensors of this shape, whose elements lie in memory in row-major order or in any other: axes permuted,
/// reversed, with gaps between elements, behind an offset.
pub fn tensor_of<T: Element>(
    shape: impl Into<Shape>,
    elements: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Tensor<T>> {
    let shape = shape.into();
    let steps = vec(select(vec![1isize, 1, 2, -1, -2]), shape.rank());
    let keys = vec(any::<u8>(), shape.rank());
    (vec(elements, shape.size()), any::<bool>(), steps, keys)
        .prop_map(move |(data, in_order, steps, keys)| {
            let layout = if in_order { None } else { scattered(shape, &steps, &keys) };
            let Some((layout, length)) = layout else {
                return Tensor::from_vec(data, shape).unwrap_or_else(|_| Tensor::zeros(shape));
            };
            let mut storage = vec![T::default(); length];
            for (position, element) in layout.positions().zip(data) {
                storage[position] = element;
            }
            Tensor::from_storage(storage.into(), layout).unwrap_or_else(|_| Tensor::zeros(shape))
        })
        .boxed()
}

/// A layout of `shape` whose axes are steps through those of a larger, permuted block.
fn scattered(shape: Shape, steps: &[isize], keys: &[u8]) -> Option<(Layout, usize)> {
    let order = order(keys, shape.rank());
    let dims: Vec<usize> = order.iter().map(|&axis| shape[axis] * steps[axis].unsigned_abs()).collect();
    let block = Shape::new(&dims).ok()?;
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    let mut layout = Layout::contiguous(block).permute(&inverse).ok()?;
    for (axis, &step) in steps.iter().enumerate() {
        layout = layout.slice(axis, Slice { start: None, end: None, step }).ok()?;
    }
    Some((layout, block.size()))
}

/// Finite numbers of moderate size, between -100 and 100, among them whole ones.
pub fn finite<T: Float>() -> BoxedStrategy<T> {
    prop_oneof![
        3 => (-100.0..100.0f64).prop_map(T::from_f64),
        1 => (-100i32..=100).prop_map(|whole| T::from_f64(f64::from(whole))),
    ]
    .boxed()
}

/// Numbers at the edges: zeros of both signs, the smallest and the largest, infinities and NaN, among
/// [`finite`] ones.
pub fn extreme<T: Float>() -> BoxedStrategy<T> {
    let largest = T::from_f64(if T::DTYPE == crate::DType::F32 { f64::from(f32::MAX) } else { f64::MAX });
    let edges = vec![
        T::ZERO,
        -T::ZERO,
        T::MIN_POSITIVE,
        -T::MIN_POSITIVE,
        T::MIN_POSITIVE * T::EPSILON,
        T::EPSILON,
        T::ONE + T::EPSILON,
        largest,
        -largest,
        T::INFINITY,
        T::NEG_INFINITY,
        T::NAN,
    ];
    prop_oneof![select(edges), finite()].boxed()
}

/// Few different numbers, so that arrays have many equal elements: -1, 0, 1 and 2.
pub fn tied<T: Float>() -> BoxedStrategy<T> {
    (-1i8..=2).prop_map(|whole| T::from_f64(f64::from(whole))).boxed()
}

/// The shape of a few small dimensions, whose product cannot overflow.
fn of(dims: Vec<usize>) -> Shape {
    Shape::new(&dims).unwrap_or(Shape::SCALAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn pairs_broadcast((left, right) in broadcastable_pair()) {
            prop_assert!(left.broadcast(right).is_ok());
        }

        #[test]
        fn layouts_stay_inside_their_storage((layout, length) in layout()) {
            prop_assert!(layout.positions().all(|position| position < length));
            prop_assert_eq!(layout.end(), layout.positions().max().map_or(0, |last| last + 1));
            prop_assert!(Tensor::from_storage(vec![0u8; length].into(), layout).is_ok());
        }

        #[test]
        fn scattered_tensors_hold_what_was_drawn(shape in shape(), steps in vec(select(vec![-2isize, -1, 1, 2]), 4), keys in vec(any::<u8>(), 4)) {
            let (layout, length) = scattered(shape, &steps[..shape.rank()], &keys).unwrap();
            prop_assert_eq!(layout.shape(), shape);
            let mut positions: Vec<usize> = layout.positions().collect();
            positions.sort_unstable();
            positions.dedup();
            prop_assert_eq!(positions.len(), shape.size());
            prop_assert!(positions.iter().all(|&position| position < length));
        }
    }
}
