//! Conversion between element types.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::Element;

/// An element type whose values can become values of `To`.
///
/// Floating-point numbers are cut towards 0 on their way to integers; numbers beyond the range of the
/// target become its nearest end, and NaN becomes 0; integers become the nearest floating-point number;
/// truth is 1, and everything but 0 is true.
pub trait Cast<To>: Element {
    /// The value in the other type.
    fn cast(self) -> To;
}

impl<T: Element> Tensor<T> {
    /// The array with its elements in another type, by the rules of [`Cast`].
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let pixels = Tensor::from([0u8, 128, 255]);
    /// assert_eq!(pixels.cast::<f32>() / 255.0, Tensor::from([0.0, 128.0 / 255.0, 1.0]));
    /// assert_eq!(Tensor::from([-1.5, 300.0, f64::NAN]).cast::<u8>(), Tensor::from([0u8, 255, 0]));
    /// ```
    pub fn cast<U: Element>(&self) -> Tensor<U>
    where
        T: Cast<U>,
    {
        self.map(Cast::cast)
    }
}

macro_rules! cast {
    ($($from:ty => $to:ty: |$x:ident| $value:expr;)*) => {$(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                let $x = self;
                $value
            }
        }
    )*};
}

cast! {
    f32 => f32: |x| x;
    f32 => f64: |x| f64::from(x);
    f32 => i64: |x| x as i64;
    f32 => u8: |x| x as u8;
    f32 => bool: |x| x != 0.0;
    f64 => f32: |x| x as f32;
    f64 => f64: |x| x;
    f64 => i64: |x| x as i64;
    f64 => u8: |x| x as u8;
    f64 => bool: |x| x != 0.0;
    i64 => f32: |x| x as f32;
    i64 => f64: |x| x as f64;
    i64 => i64: |x| x;
    i64 => u8: |x| x.clamp(0, 255) as u8;
    i64 => bool: |x| x != 0;
    u8 => f32: |x| f32::from(x);
    u8 => f64: |x| f64::from(x);
    u8 => i64: |x| i64::from(x);
    u8 => u8: |x| x;
    u8 => bool: |x| x != 0;
    bool => f32: |x| f32::from(u8::from(x));
    bool => f64: |x| f64::from(u8::from(x));
    bool => i64: |x| i64::from(x);
    bool => u8: |x| u8::from(x);
    bool => bool: |x| x;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_become_the_nearest_end() {
        let x = Tensor::from([f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 2.9, -2.9]);
        assert_eq!(x.cast::<i64>(), Tensor::from([i64::MAX, i64::MIN, 0, 2, -2]));
        assert_eq!(Tensor::from([-7i64, 1000]).cast::<u8>(), Tensor::from([0u8, 255]));
        assert_eq!(Tensor::from([0.0, -0.0, f64::NAN]).cast::<bool>(), Tensor::from([false, false, true]));
    }
}
