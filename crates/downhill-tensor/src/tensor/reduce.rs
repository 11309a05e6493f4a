//! Sums and other reductions along axes.
//!
//! Sums are accumulated in double precision along a fixed binary tree and rounded once at the end, so their
//! bits depend on the values and their order alone, and their error hardly grows with their number.
//! An empty sum is 0 and an empty product 1; the mean, variance, maximum and minimum of nothing are errors.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Error, Float, Result, Shape};

/// The axes that a reduction runs over: one (`0`, `-1`), some (`[0, 2]`), or all (`..`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Option<Vec<isize>>);

impl Axes {
    fn positions(&self, shape: Shape) -> Result<Vec<usize>> {
        match &self.0 {
            Some(axes) => shape.axes(axes),
            None => Ok((0..shape.rank()).collect()),
        }
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Self {
        Axes(Some(vec![axis]))
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Axes(Some(axes.to_vec()))
    }
}

impl From<&[isize]> for Axes {
    fn from(axes: &[isize]) -> Self {
        Axes(Some(axes.to_vec()))
    }
}

impl From<std::ops::RangeFull> for Axes {
    fn from(_: std::ops::RangeFull) -> Self {
        Axes(None)
    }
}

/// Reductions. `axes` disappear from the shape, or stay with length 1 if `keep` is true.
impl<T: Element> Tensor<T> {
    /// `f` of the elements along `axes` at each position of the others.
    fn reduce<V: Element>(
        &self,
        axes: impl Into<Axes>,
        keep: bool,
        f: impl Fn(&[T]) -> Result<V>,
    ) -> Result<Tensor<V>> {
        let axes = axes.into().positions(self.shape())?;
        let mut order: Vec<usize> = (0..self.rank()).filter(|axis| !axes.contains(axis)).collect();
        order.extend(&axes);
        let rows = self.view(self.layout.permute(&order)?).contiguous();
        let length: usize = axes.iter().map(|&axis| self.shape()[axis]).product();
        let shape = self.shape().reduced(&axes, keep);
        let data = match rows.as_slice() {
            Some(rows) if length > 0 => rows.chunks_exact(length).map(f).collect::<Result<_>>()?,
            _ => (0..shape.size()).map(|_| f(&[])).collect::<Result<_>>()?,
        };
        Ok(Tensor::from_counted(data, shape))
    }

    /// The largest element; NaN if any is NaN.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice, or no elements along them.
    pub fn max(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(row[first_best("max", row, |x, best| x > best)?]))
    }

    /// The smallest element; NaN if any is NaN.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice, or no elements along them.
    pub fn min(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(row[first_best("min", row, |x, best| x < best)?]))
    }

    /// The position of the largest element along one axis: the first of equals; the first NaN if there is
    /// one.
    ///
    /// # Errors
    /// No such axis, or one of length 0.
    pub fn argmax(&self, axis: isize, keep: bool) -> Result<Tensor<i64>> {
        self.reduce(axis, keep, |row| Ok(first_best("argmax", row, |x, best| x > best)? as i64))
    }

    /// The position of the smallest element along one axis: the first of equals; the first NaN if there is
    /// one.
    ///
    /// # Errors
    /// No such axis, or one of length 0.
    pub fn argmin(&self, axis: isize, keep: bool) -> Result<Tensor<i64>> {
        self.reduce(axis, keep, |row| Ok(first_best("argmin", row, |x, best| x < best)? as i64))
    }
}

/// Reductions of floating-point numbers.
impl<T: Float> Tensor<T> {
    /// The sum.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0, false)?, Tensor::from([4.0, 6.0]));
    /// assert_eq!(x.sum(-1, true)?, Tensor::from([[3.0], [7.0]]));
    /// assert_eq!(x.sum(.., false)?.item()?, 10.0);
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// Axes that do not exist or are named twice.
    pub fn sum(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(T::from_f64(tree_sum(row, &|x| x))))
    }

    /// The product.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice.
    pub fn prod(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(T::from_f64(row.iter().map(|x| x.to_f64()).product())))
    }

    /// The arithmetic mean.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice, or no elements along them.
    pub fn mean(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(T::from_f64(mean("mean", row, 0)?)))
    }

    /// The variance `sum((x - mean)²) / (n - correction)`: with `correction` 1 the unbiased estimate from a
    /// sample, with 0 the variance of the elements themselves.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice, or not more than `correction` elements along them.
    pub fn var(&self, axes: impl Into<Axes>, correction: usize, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(T::from_f64(variance("var", row, correction)?)))
    }

    /// The standard deviation, the square root of [`Tensor::var`].
    ///
    /// # Errors
    /// Axes that do not exist or are named twice, or not more than `correction` elements along them.
    pub fn std(&self, axes: impl Into<Axes>, correction: usize, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| Ok(T::from_f64(variance("std", row, correction)?.sqrt())))
    }

    /// The Euclidean norm `sqrt(sum(x²))`, without overflow or underflow on the way.
    ///
    /// # Errors
    /// Axes that do not exist or are named twice.
    pub fn norm(&self, axes: impl Into<Axes>, keep: bool) -> Result<Tensor<T>> {
        self.reduce(axes, keep, |row| {
            let largest = row.iter().fold(T::ZERO, |most, x| Float::maximum(most, x.abs())).to_f64();
            // Squares of numbers beyond these bounds leave what a double can hold; powers of two scale exactly.
            let scale = match largest {
                x if x > 1e140 => 2f64.powi(600),
                x if x < 1e-140 => 2f64.powi(-600),
                _ => 1.0,
            };
            Ok(T::from_f64(match largest.is_finite() {
                true => tree_sum(row, &|x| (x / scale) * (x / scale)).sqrt() * scale,
                false => largest,
            }))
        })
    }
}

fn no_elements(operation: &'static str, expected: &'static str, length: usize) -> Error {
    Error::InvalidArgument {
        operation,
        argument: "number of elements along the axes",
        expected,
        actual: length.to_string(),
    }
}

/// The position of the first element that no other one betters; NaN betters every number.
fn first_best<T: Element>(
    operation: &'static str,
    row: &[T],
    better: impl Fn(T, T) -> bool,
) -> Result<usize> {
    let is_nan = |x: T| x.partial_cmp(&x).is_none();
    let mut best = *row.first().ok_or_else(|| no_elements(operation, "at least 1", 0))?;
    let mut position = 0;
    for (i, &x) in row.iter().enumerate() {
        if !is_nan(best) && (better(x, best) || is_nan(x)) {
            (best, position) = (x, i);
        }
    }
    Ok(position)
}

fn mean<T: Float>(operation: &'static str, row: &[T], correction: usize) -> Result<f64> {
    if row.len() <= correction {
        let expected = if correction == 0 { "at least 1" } else { "more than the correction" };
        return Err(no_elements(operation, expected, row.len()));
    }
    Ok(tree_sum(row, &|x| x) / row.len() as f64)
}

fn variance<T: Float>(operation: &'static str, row: &[T], correction: usize) -> Result<f64> {
    let mean = mean(operation, row, correction)?;
    Ok(tree_sum(row, &|x| (x - mean) * (x - mean)) / (row.len() - correction) as f64)
}

/// The sum of `f(x)` over a row: eight interleaved sums for short rows, halves of long ones apart.
fn tree_sum<T: Float>(row: &[T], f: &impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    const SHORT: usize = 256;
    if row.len() > SHORT {
        let middle = (row.len() / 2).next_multiple_of(LANES);
        return tree_sum(&row[..middle], f) + tree_sum(&row[middle..], f);
    }
    let mut lanes = [0.0; LANES];
    for chunk in row.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x.to_f64());
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_sum_and_a_product_but_no_mean_and_no_maximum() {
        let x = Tensor::<f32>::zeros([2, 0]);
        assert_eq!(x.sum(1, false).unwrap(), Tensor::from([0.0f32, 0.0]));
        assert_eq!(x.prod(1, true).unwrap(), Tensor::from([[1.0f32], [1.0]]));
        assert_eq!(x.norm(.., false).unwrap().item().unwrap(), 0.0);
        assert!(x.mean(1, false).is_err() && x.max(1, false).is_err() && x.argmin(1, false).is_err());
        let message = Tensor::from([1.0]).var(0, 1, false).unwrap_err().to_string();
        assert_eq!(
            message,
            "var: number of elements along the axes must be more than the correction, but is 1"
        );
    }

    #[test]
    fn the_first_of_equals_wins_and_nan_beats_all() {
        let x = Tensor::from([[1.0, 3.0, 3.0], [f64::NAN, 9.0, f64::NAN]]);
        assert_eq!(x.argmax(1, false).unwrap(), Tensor::from([1i64, 0]));
        assert_eq!(x.argmin(1, true).unwrap(), Tensor::from([[0i64], [0]]));
        assert!(x.max(1, false).unwrap().get(&[1]).unwrap().is_nan());
        assert_eq!(Tensor::from([3u8, 7, 5]).max(.., false).unwrap().item().unwrap(), 7);
    }

    #[test]
    fn large_sums_lose_nothing() {
        let x = Tensor::full([1_000_003], 0.1f32);
        let exact = f64::from(0.1f32) * 1_000_003.0;
        assert_eq!(x.sum(.., false).unwrap().item().unwrap(), exact as f32);
        let offset = Tensor::<f32>::arange(0.0, 1000.0, 1.0).unwrap() + 1e4;
        assert_eq!(offset.var(.., 0, false).unwrap().item().unwrap(), 83_333.25);
    }

    #[test]
    fn norms_of_extremes_stay_finite() {
        let norm = |x: [f64; 2]| Tensor::from(x).norm(0, false).unwrap().item().unwrap();
        assert!((norm([3e200, 4e200]) / 5e200 - 1.0).abs() < 1e-15);
        assert!((norm([3e-200, 4e-200]) / 5e-200 - 1.0).abs() < 1e-15);
        assert_eq!(norm([f64::NEG_INFINITY, 1.0]), f64::INFINITY);
        assert!(norm([f64::NAN, f64::INFINITY]).is_nan());
    }

    #[test]
    fn an_axis_named_twice_is_an_error() {
        let x = Tensor::<f32>::zeros([2, 3]);
        assert!(x.sum([0, -2], false).is_err() && x.sum(2, false).is_err());
        assert_eq!(x.sum([-1, 0], true).unwrap().shape(), Shape::from([1, 1]));
    }
}
