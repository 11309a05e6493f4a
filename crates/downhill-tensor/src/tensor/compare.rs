//! Elementwise comparisons, and what is done with their truth values.
#![forbid(unsafe_code)]

use super::{Tensor, named};
use crate::{Element, Result, Shape};

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $operator:tt;)*) => {
        /// Elementwise comparisons, broadcast by NumPy's rule. NaN is unequal to everything, and neither less
        /// nor greater.
        impl<T: Element> Tensor<T> {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// Shapes that do not broadcast.
            pub fn $name(&self, other: &Tensor<T>) -> Result<Tensor<bool>> {
                self.zip_named(stringify!($name), other, |x, y| x $operator y)
            }
        )*}
    };
}

comparisons! {
    /// Where `self == other`; whether the arrays are equal as a whole is what `==` tells.
    equal ==;
    /// Where `self != other`.
    not_equal !=;
    /// Where `self < other`.
    less <;
    /// Where `self <= other`.
    less_equal <=;
    /// Where `self > other`.
    greater >;
    /// Where `self >= other`.
    greater_equal >=;
}

impl Tensor<bool> {
    /// Whether all elements are true, as they are when there are none.
    pub fn all(&self) -> bool {
        self.iter().all(|x| x)
    }

    /// Whether any element is true.
    pub fn any(&self) -> bool {
        self.iter().any(|x| x)
    }

    /// How many elements are true.
    pub fn count(&self) -> usize {
        self.iter().filter(|&x| x).count()
    }

    /// Where both are true.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn and(&self, other: &Tensor<bool>) -> Result<Tensor<bool>> {
        self.zip_named("and", other, |x, y| x && y)
    }

    /// Where at least one is true.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn or(&self, other: &Tensor<bool>) -> Result<Tensor<bool>> {
        self.zip_named("or", other, |x, y| x || y)
    }

    /// True where this is false.
    pub fn not(&self) -> Tensor<bool> {
        self.map(|x| !x)
    }

    /// The element of `if_true` where this is true, that of `if_false` where it is not; all three broadcast.
    /// NumPy's `where`.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let x = Tensor::from([-1.0, 2.0, -3.0]);
    /// let zero = Tensor::scalar(0.0);
    /// assert_eq!(x.greater(&zero)?.choose(&x, &zero)?, Tensor::from([0.0, 2.0, 0.0]));
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn choose<T: Element>(&self, if_true: &Tensor<T>, if_false: &Tensor<T>) -> Result<Tensor<T>> {
        let shape = named("choose", if_true.shape().broadcast(if_false.shape()))?;
        let shape: Shape = named("choose", self.shape().broadcast(shape))?;
        let condition = self.broadcast_to(shape)?;
        let (if_true, if_false) = (if_true.broadcast_to(shape)?, if_false.broadcast_to(shape)?);
        let values = condition.iter().zip(if_true.iter().zip(if_false.iter()));
        let data = values.map(|(condition, (x, y))| if condition { x } else { y }).collect();
        Ok(Tensor::from_counted(data, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_compares_to_nothing() {
        let x = Tensor::from([f64::NAN, 1.0]);
        assert_eq!(x.equal(&x).unwrap().to_vec(), [false, true]);
        assert_eq!(x.not_equal(&x).unwrap().to_vec(), [true, false]);
        assert_eq!(x.less_equal(&x).unwrap().to_vec(), [false, true]);
        assert_ne!(x, x.clone());
    }

    #[test]
    fn truth_values_combine() {
        let (x, y) = (Tensor::from([true, true, false, false]), Tensor::from([true, false, true, false]));
        assert_eq!(x.and(&y).unwrap().count(), 1);
        assert_eq!(x.or(&y).unwrap().count(), 3);
        assert!(x.or(&x.not()).unwrap().all() && !x.and(&x.not()).unwrap().any());
        assert!(Tensor::<bool>::zeros([0]).all());
        assert_eq!(x.and(&Tensor::from([true; 3])).unwrap_err().to_string().split(':').next(), Some("and"));
    }
}
