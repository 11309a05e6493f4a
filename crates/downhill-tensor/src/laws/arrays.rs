//! Laws of arrays: every operation against loops over coordinates, on operands of all strides.

use super::layouts::coordinates;
use crate::strategies::{broadcastable_pair, extreme, finite, shape_with_elements, tensor, tensor_of, tied};
use crate::{Result, Shape, Tensor};
use proptest::prelude::*;

/// The element of an operand that meets the result's element at `index`.
fn broadcast_get(x: &Tensor<f64>, index: &[usize]) -> f64 {
    let tail = &index[index.len() - x.rank()..];
    let own: Vec<usize> =
        tail.iter().zip(x.shape().dims()).map(|(&i, &dim)| if dim == 1 { 0 } else { i }).collect();
    x.get(&own).unwrap()
}

fn pair_of(elements: fn() -> BoxedStrategy<f64>) -> BoxedStrategy<(Tensor<f64>, Tensor<f64>)> {
    broadcastable_pair()
        .prop_flat_map(move |(left, right)| (tensor_of(left, elements()), tensor_of(right, elements())))
        .boxed()
}

/// Bitwise equality, with all NaN equal.
fn same(x: f64, y: f64) -> bool {
    x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan())
}

type Binary = (fn(&Tensor<f64>, &Tensor<f64>) -> Result<Tensor<f64>>, fn(f64, f64) -> f64);

proptest! {
    #[test]
    fn arithmetic_is_what_it_is_for_each_pair((x, y) in pair_of(extreme::<f64>)) {
        let operations: [Binary; 6] = [
            (Tensor::add, |x, y| x + y),
            (Tensor::sub, |x, y| x - y),
            (Tensor::mul, |x, y| x * y),
            (Tensor::div, |x, y| x / y),
            (Tensor::maximum, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else if x > y { x } else { y }),
            (Tensor::minimum, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else if x < y { x } else { y }),
        ];
        for (array, scalar) in operations {
            let result = array(&x, &y).unwrap();
            prop_assert_eq!(result.shape(), x.shape().broadcast(y.shape()).unwrap());
            for index in coordinates(result.shape()) {
                let expected = scalar(broadcast_get(&x, &index), broadcast_get(&y, &index));
                let actual = result.get(&index).unwrap();
                prop_assert!(same(actual, expected), "{actual} {expected}");
            }
        }
    }

    #[test]
    fn comparisons_and_choices_are_what_they_are_for_each_pair((x, y) in pair_of(tied::<f64>)) {
        let less = x.less(&y).unwrap();
        prop_assert_eq!(&less.not(), &x.greater_equal(&y).unwrap());
        prop_assert_eq!(&x.equal(&y).unwrap().not(), &x.not_equal(&y).unwrap());
        prop_assert_eq!(less.choose(&x, &y).unwrap(), x.minimum(&y).unwrap());
        prop_assert_eq!(less.or(&x.equal(&y).unwrap()).unwrap(), x.less_equal(&y).unwrap());
    }

    #[test]
    fn all_ways_to_read_agree(x in tensor(finite::<f64>())) {
        let expected: Vec<f64> = coordinates(x.shape()).iter().map(|index| x.get(index).unwrap()).collect();
        prop_assert_eq!(&x.to_vec(), &expected);
        prop_assert_eq!(&x.iter().collect::<Vec<_>>(), &expected);
        prop_assert_eq!(&x.map(|x| x).into_vec(), &expected);
        let contiguous = x.contiguous();
        prop_assert_eq!(contiguous.as_slice(), Some(&expected[..]));
        prop_assert_eq!(&x.flatten().to_vec(), &expected);
        prop_assert_eq!(&x.clone().make_mut().to_vec(), &expected);
        prop_assert_eq!(&x.clone().into_vec(), &expected);
        if x.rank() > 0 {
            let outer: Vec<f64> = x.outer().unwrap().flat_map(|part| part.to_vec()).collect();
            prop_assert_eq!(&outer, &expected);
        }
        let texts = [x.to_string(), format!("{x:?}")];
        prop_assert!(texts.iter().all(|text| !text.is_empty()));
    }

    #[test]
    fn writing_changes_one_array_alone(x in tensor(finite::<f64>())) {
        let before = x.to_vec();
        let mut y = x.clone();
        y.make_mut().iter_mut().for_each(|value| *value += 1.0);
        prop_assert_eq!(x.to_vec(), before);
        prop_assert_eq!(y, &x + 1.0);
    }

    #[test]
    fn reductions_agree_with_loops(
        (x, axes) in shape_with_elements().prop_flat_map(|shape| {
            (tensor_of(shape, tied::<f64>()), proptest::sample::subsequence((0..shape.rank() as isize).collect::<Vec<_>>(), 0..=shape.rank()))
        }),
        keep in any::<bool>(),
    ) {
        let positions: Vec<usize> = axes.iter().map(|&axis| axis as usize).collect();
        let kept_shape = x.shape().reduced(&positions, true);
        let shape = x.shape().reduced(&positions, keep);
        // The elements that fall on each element of the result.
        let mut groups = vec![Vec::new(); shape.size()];
        let group_of = Tensor::from_fn(kept_shape, |index| {
            index.iter().zip(kept_shape.dims()).fold(0, |at, (&i, &dim)| at * dim as i64 + i as i64)
        });
        for index in coordinates(x.shape()) {
            let mut group = index.clone();
            positions.iter().for_each(|&axis| group[axis] = 0);
            groups[group_of.get(&group).unwrap() as usize].push(x.get(&index).unwrap());
        }
        let expected = |f: &dyn Fn(&[f64]) -> f64| {
            Tensor::from_vec(groups.iter().map(|group| f(group)).collect(), shape).unwrap()
        };
        let n = groups[0].len() as f64;
        // Small whole numbers add up exactly in any order.
        prop_assert_eq!(x.sum(&axes[..], keep).unwrap(), expected(&|g| g.iter().sum()));
        prop_assert_eq!(x.prod(&axes[..], keep).unwrap(), expected(&|g| g.iter().product()));
        prop_assert_eq!(x.mean(&axes[..], keep).unwrap(), expected(&|g| g.iter().sum::<f64>() / n));
        prop_assert_eq!(x.max(&axes[..], keep).unwrap(), expected(&|g| g.iter().copied().fold(f64::MIN, f64::max)));
        prop_assert_eq!(x.min(&axes[..], keep).unwrap(), expected(&|g| g.iter().copied().fold(f64::MAX, f64::min)));
        let variance = expected(&|g| {
            let mean = g.iter().sum::<f64>() / n;
            g.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
        });
        x.var(&axes[..], 0, keep).unwrap().check_close(&variance, 1e-12, 1e-12).unwrap();
        x.std(&axes[..], 0, keep).unwrap().check_close(&variance.sqrt(), 1e-12, 1e-12).unwrap();
        let norm = expected(&|g| g.iter().map(|x| x * x).sum::<f64>().sqrt());
        x.norm(&axes[..], keep).unwrap().check_close(&norm, 1e-12, 0.0).unwrap();
        if let [axis] = axes[..] {
            let first = |g: &[f64], best: f64| g.iter().position(|&x| x == best).unwrap() as f64;
            let largest = expected(&|g| first(g, g.iter().copied().fold(f64::MIN, f64::max)));
            let smallest = expected(&|g| first(g, g.iter().copied().fold(f64::MAX, f64::min)));
            prop_assert_eq!(x.argmax(axis, keep).unwrap().cast::<f64>(), largest);
            prop_assert_eq!(x.argmin(axis, keep).unwrap().cast::<f64>(), smallest);
        }
    }

    #[test]
    fn bits_of_sums_do_not_depend_on_strides(x in tensor(extreme::<f32>())) {
        for axis in 0..x.rank() as isize {
            let (view, copy) = (x.sum(axis, false).unwrap(), x.contiguous().sum(axis, false).unwrap());
            let equal = view.iter().zip(copy.iter()).all(|(x, y)| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan());
            prop_assert!(equal);
        }
    }

    #[test]
    fn products_of_matrices_agree_with_loops(
        (x, y) in (broadcastable_pair(), 0usize..4, 0usize..4, 0usize..4).prop_flat_map(|((left, right), m, k, n)| {
            let with = |batch: Shape, tail: [usize; 2]| Shape::new(&[batch.dims(), &tail].concat()).unwrap();
            (tensor_of(with(left, [m, k]), tied::<f64>()), tensor_of(with(right, [k, n]), tied::<f64>()))
        }),
    ) {
        let product = x.matmul(&y).unwrap();
        let (m, k, n) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1], y.shape()[y.rank() - 1]);
        prop_assert_eq!(&product.shape()[product.rank() - 2..], &[m, n][..]);
        for index in coordinates(product.shape()) {
            let (batch, place) = index.split_at(index.len() - 2);
            let sum: f64 = (0..k)
                .map(|i| broadcast_get(&x, &[batch, &[place[0], i]].concat()) * broadcast_get(&y, &[batch, &[i, place[1]]].concat()))
                .sum();
            prop_assert_eq!(product.get(&index).unwrap(), sum);
        }
    }

    #[test]
    fn gathering_agrees_with_loops(
        (x, indices, axis) in shape_with_elements().prop_filter("an axis", |shape| shape.rank() > 0).prop_flat_map(|shape| {
            (0..shape.rank()).prop_flat_map(move |axis| {
                let indices = tensor_of([2, 3], 0..shape[axis] as i64);
                (tensor_of(shape, finite::<f64>()), indices, Just(axis))
            })
        }),
    ) {
        let gathered = x.gather(axis as isize, &indices).unwrap();
        for index in coordinates(gathered.shape()) {
            let at = indices.get(&index[axis..axis + 2]).unwrap() as usize;
            let original = [&index[..axis], &[at], &index[axis + 2..]].concat();
            prop_assert_eq!(gathered.get(&index).unwrap(), x.get(&original).unwrap());
        }
        let along_shape = x.shape().with(axis, 2).unwrap();
        let along = Tensor::from_fn(along_shape, |index| index.iter().sum::<usize>() as i64 % x.shape()[axis] as i64);
        let taken = x.take_along_axis(axis as isize, &along).unwrap();
        for index in coordinates(along_shape) {
            let mut original = index.clone();
            original[axis] = along.get(&index).unwrap() as usize;
            prop_assert_eq!(taken.get(&index).unwrap(), x.get(&original).unwrap());
        }
    }
}

#[cfg(feature = "linalg")]
proptest! {
    #[test]
    fn factorizations_of_any_matrix_give_it_back(
        x in (1usize..6, 1usize..6).prop_flat_map(|(m, n)| tensor_of([m, n], prop_oneof![finite::<f64>(), tied::<f64>()])),
    ) {
        use crate::linalg;
        let size = x.norm(.., false).unwrap().item().unwrap();
        let svd = linalg::svd(&x).unwrap();
        let again = svd.u.mul(&svd.singular_values).unwrap().matmul(&svd.v_transposed).unwrap();
        // Rarely, `nalgebra`'s last step on a 2 by 2 block costs four of sixteen digits.
        again.check_close(&x, 0.0, 1e-9 * (size + 1.0)).unwrap();
        let qr = linalg::qr(&x).unwrap();
        qr.q.matmul(&qr.r).unwrap().check_close(&x, 0.0, 1e-12 * (size + 1.0)).unwrap();
        let gram = x.transpose().unwrap().matmul(&x).unwrap();
        let eigen = linalg::symmetric_eigen(&gram).unwrap();
        let again = eigen.vectors.mul(&eigen.values).unwrap().matmul(&eigen.vectors.transpose().unwrap()).unwrap();
        again.check_close(&gram, 0.0, 1e-12 * (size * size + 1.0)).unwrap();
    }
}
