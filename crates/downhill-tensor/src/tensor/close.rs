//! How far two arrays are apart.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Error, Float, Result, Shape};

impl<T: Float> Tensor<T> {
    /// Whether `|self - expected| <= absolute + relative * |expected|` holds for every element. Equal
    /// infinities are close; NaN is close to nothing.
    ///
    /// # Errors
    /// Shapes that differ.
    pub fn all_close(&self, expected: &Tensor<T>, relative: f64, absolute: f64) -> Result<bool> {
        match self.check_close(expected, relative, absolute) {
            Ok(()) => Ok(true),
            Err(Error::NotClose { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Nothing if [`Tensor::all_close`] holds, and otherwise where it fails worst, for tests:
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let expected = Tensor::from([1.0, 2.0, 3.0]);
    /// let error = Tensor::from([1.0, 2.1, 3.0]).check_close(&expected, 1e-3, 0.0).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "1 of 3 elements are not close; the worst, at [1], is 2.1 and should be 2, \
    ///      off by 0.10000000000000009 where 0.002 is allowed",
    /// );
    /// ```
    ///
    /// # Errors
    /// Shapes that differ, or elements that are not close.
    pub fn check_close(&self, expected: &Tensor<T>, relative: f64, absolute: f64) -> Result<()> {
        same_shape("check_close", self.shape(), expected.shape())?;
        let mut count = 0;
        let mut worst: Option<(f64, Error)> = None;
        for (i, (x, y)) in self.iter().zip(expected.iter()).enumerate() {
            let (x, y) = (x.to_f64(), y.to_f64());
            let allowed = absolute + relative * y.abs();
            let difference = distance(x, y);
            // An infinite expectation allows nothing but itself, although its share of itself is infinite.
            if difference == 0.0 || (difference <= allowed && y.is_finite()) {
                continue;
            }
            count += 1;
            // What is not a number is worse than any number.
            let excess = if difference.is_nan() { f64::INFINITY } else { difference / allowed };
            if worst.as_ref().is_none_or(|(most, _)| excess > *most) {
                let index = coordinates(self.shape(), i);
                let error = Error::NotClose {
                    index,
                    actual: x,
                    expected: y,
                    difference,
                    allowed,
                    count: 0,
                    size: self.size(),
                };
                worst = Some((excess, error));
            }
        }
        match worst {
            None => Ok(()),
            Some((_, Error::NotClose { index, actual, expected, difference, allowed, size, .. })) => {
                Err(Error::NotClose { index, actual, expected, difference, allowed, count, size })
            }
            Some((_, error)) => Err(error),
        }
    }

    /// The largest `|self - other|`; 0 if there are no elements, NaN if any difference is NaN.
    ///
    /// # Errors
    /// Shapes that differ.
    pub fn max_abs_difference(&self, other: &Tensor<T>) -> Result<f64> {
        same_shape("max_abs_difference", self.shape(), other.shape())?;
        let differences = self.iter().zip(other.iter()).map(|(x, y)| distance(x.to_f64(), y.to_f64()));
        Ok(differences.fold(0.0, Float::maximum))
    }
}

fn distance(x: f64, y: f64) -> f64 {
    if x == y { 0.0 } else { (x - y).abs() }
}

fn same_shape(operation: &'static str, left: Shape, right: Shape) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::ShapeMismatch { operation, left, right, expected: "both must be equal" })
}

/// The coordinates of the `i`-th element in row-major order.
fn coordinates(shape: Shape, mut i: usize) -> Vec<usize> {
    let mut index = vec![0; shape.rank()];
    for axis in (0..shape.rank()).rev() {
        index[axis] = i % shape[axis];
        i /= shape[axis];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_are_close_to_themselves_and_nan_to_nothing() {
        let x = Tensor::from([f64::INFINITY, f64::NEG_INFINITY]);
        assert!(x.all_close(&x, 0.0, 0.0).unwrap());
        assert!(!x.all_close(&-&x, 1.0, 1.0).unwrap());
        assert!(!Tensor::from([1.0, 1.0]).all_close(&x, 1.0, 1.0).unwrap());
        let nan = Tensor::scalar(f32::NAN);
        assert!(!nan.all_close(&nan, 1.0, 1.0).unwrap());
        assert!(nan.max_abs_difference(&nan).unwrap().is_nan());
    }

    #[test]
    fn the_worst_element_is_named() {
        let expected = Tensor::<f64>::zeros([2, 3]);
        let actual = Tensor::from([[0.0, 1e-3, 0.0], [0.0, 0.0, 2e-3]]);
        match actual.check_close(&expected, 0.0, 1e-6).unwrap_err() {
            Error::NotClose { index, count, .. } => assert_eq!((index, count), (vec![1, 2], 2)),
            other => panic!("{other}"),
        }
        assert_eq!(actual.max_abs_difference(&expected).unwrap(), 2e-3);
    }

    #[test]
    fn different_shapes_are_an_error_and_not_far_apart() {
        let (x, y) = (Tensor::<f32>::zeros([2]), Tensor::<f32>::zeros([1, 2]));
        assert!(x.all_close(&y, 0.0, 0.0).is_err() && x.max_abs_difference(&y).is_err());
    }
}
