//! Elementwise arithmetic: checked methods between arrays, operators with scalars.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Float, Result};
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident: |$x:ident, $y:ident| $value:expr;)*) => {
        /// Elementwise arithmetic. Two arrays are broadcast to a common shape by NumPy's rule: aligned at
        /// the last dimension, dimensions must be equal or one of them 1.
        impl<T: Float> Tensor<T> {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// Shapes that do not broadcast.
            pub fn $name(&self, other: &Tensor<T>) -> Result<Tensor<T>> {
                self.zip_named(stringify!($name), other, |$x, $y| $value)
            }
        )*}
    };
}

binary! {
    /// `self + other`.
    add: |x, y| x + y;
    /// `self - other`.
    sub: |x, y| x - y;
    /// `self * other`, element by element; for the product of matrices see [`Tensor::matmul`].
    mul: |x, y| x * y;
    /// `self / other`.
    div: |x, y| x / y;
    /// `self` to the power of `other`.
    pow: |x, y| x.powf(y);
    /// The larger of both; NaN if either is NaN.
    maximum: |x, y| x.maximum(y);
    /// The smaller of both; NaN if either is NaN.
    minimum: |x, y| x.minimum(y);
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Functions of each element.
        impl<T: Float> Tensor<T> {$(
            $(#[$doc])*
            pub fn $name(&self) -> Tensor<T> {
                self.map(Float::$name)
            }
        )*}
    };
}

unary! {
    /// The absolute values.
    abs;
    /// The square roots; NaN below 0.
    sqrt;
    /// e to the power of each element.
    exp;
    /// The natural logarithms; negative infinity at 0, NaN below.
    ln;
    /// The sines of angles in radians.
    sin;
    /// The cosines of angles in radians.
    cos;
    /// The hyperbolic tangents.
    tanh;
    /// -1, 0 or 1 by the sign; NaN for NaN.
    sign;
    /// The largest integers not above.
    floor;
    /// The smallest integers not below.
    ceil;
}

impl<T: Float> Tensor<T> {
    /// The squares.
    pub fn square(&self) -> Tensor<T> {
        self.map(|x| x * x)
    }

    /// Every element moved into `low..=high`: `min(max(x, low), high)`, so that `high` wins if the bounds
    /// are crossed, and NaN stays.
    pub fn clamp(&self, low: T, high: T) -> Tensor<T> {
        self.map(|x| Float::minimum(Float::maximum(x, low), high))
    }
}

/// The array of `f(x)` in the same storage, if nobody else looks at it.
fn in_place<T: Float>(mut tensor: Tensor<T>, f: impl Fn(T) -> T) -> Tensor<T> {
    tensor.make_mut().iter_mut().for_each(|x| *x = f(*x));
    tensor
}

macro_rules! scalar_operators {
    ($($trait:ident $method:ident $operator:tt),*) => {$(
        impl<T: Float> $trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, scalar: T) -> Tensor<T> {
                self.map(|x| x $operator scalar)
            }
        }
        impl<T: Float> $trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, scalar: T) -> Tensor<T> {
                in_place(self, |x| x $operator scalar)
            }
        }
        scalar_operators!(@left $trait $method $operator f32);
        scalar_operators!(@left $trait $method $operator f64);
    )*};
    (@left $trait:ident $method:ident $operator:tt $float:ty) => {
        impl $trait<&Tensor<$float>> for $float {
            type Output = Tensor<$float>;
            fn $method(self, tensor: &Tensor<$float>) -> Tensor<$float> {
                tensor.map(|x| self $operator x)
            }
        }
        impl $trait<Tensor<$float>> for $float {
            type Output = Tensor<$float>;
            fn $method(self, tensor: Tensor<$float>) -> Tensor<$float> {
                in_place(tensor, |x| self $operator x)
            }
        }
    };
}

scalar_operators!(Add add +, Sub sub -, Mul mul *, Div div /);

impl<T: Float> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        self.map(|x| -x)
    }
}

impl<T: Float> Neg for Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        in_place(self, |x| -x)
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn operators_with_scalars_work_on_both_sides_and_on_references() {
        let x = Tensor::from([1.0f32, 2.0]);
        assert_eq!(&x + 1.0, Tensor::from([2.0f32, 3.0]));
        assert_eq!(1.0 - &x, Tensor::from([0.0f32, -1.0]));
        assert_eq!(2.0 / (x.clone() * 2.0), Tensor::from([1.0f32, 0.5]));
        assert_eq!(-&x, -x);
    }

    #[test]
    fn arrays_broadcast_or_say_why_not() {
        let column = Tensor::from([[1.0], [2.0]]);
        let row = Tensor::from([10.0, 20.0, 30.0]);
        assert_eq!(column.add(&row).unwrap(), Tensor::from([[11.0, 21.0, 31.0], [12.0, 22.0, 32.0]]));
        let message = row.mul(&Tensor::from([1.0, 2.0])).unwrap_err().to_string();
        assert!(message.starts_with("mul: the shapes [3] and [2] do not go together"), "{message}");
    }

    #[test]
    fn clamping_keeps_nan() {
        let x = Tensor::from([-2.0, 0.5, 2.0, f64::NAN]).clamp(-1.0, 1.0).to_vec();
        assert_eq!(x[..3], [-1.0, 0.5, 1.0]);
        assert!(x[3].is_nan());
    }
}
