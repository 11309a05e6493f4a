//! Variances, norms, and sums of exponentials: compositions of sums.

use crate::Var;

impl<'t> Var<'t> {
    /// The variance over `axes`, which disappear: `Σ (x - mean)² / (n - correction)` of n elements. PyTorch's
    /// `correction` is 1 (unbiased), NumPy's 0. It must be less than n.
    #[track_caller]
    pub fn var_over(self, axes: &[isize], correction: usize) -> Var<'t> {
        let Some(positions) = self.axes("var", axes) else { return self.tape().poison() };
        let count: usize = positions.iter().map(|&axis| self.shape()[axis]).product();
        if count <= correction {
            let expected =
                format!("there must be more than {correction} elements (the correction), not {count}");
            return self.refuse("var", expected);
        }
        let centered = self - self.mean_keep(axes);
        centered.square().sum_over(axes) * (1.0 / (count - correction) as f64)
    }

    /// The standard deviation over `axes`: the root of [`Var::var_over`]. Its derivative is 0 where it is 0, as in
    /// PyTorch.
    #[track_caller]
    pub fn std_over(self, axes: &[isize], correction: usize) -> Var<'t> {
        self.var_over(axes, correction).power(0.5)
    }

    /// The norm `(Σ |x|ᵖ)^(1/p)` over `axes`, which disappear. With p = ∞ the largest magnitude, with -∞ the
    /// smallest, with 0 the number of elements that are not 0.
    ///
    /// Where the norm is 0 its derivative is 0 (one of the subgradients, PyTorch's choice), and so is the derivative
    /// by an element that is 0. Magnitudes that tie for the largest share the gradient equally. Squares and powers
    /// may overflow: numbers beyond 10¹⁹ have no norm in single precision.
    #[track_caller]
    pub fn norm_over(self, axes: &[isize], p: f64) -> Var<'t> {
        if p.is_nan() {
            return self.refuse("norm", "the exponent must be a number");
        }
        match p {
            1.0 => self.abs().sum_over(axes),
            2.0 => self.square().sum_over(axes).power(0.5),
            0.0 => self.ne(self.tape().scalar(0.0)).sum_over(axes),
            f64::INFINITY => self.abs().max_over(axes),
            f64::NEG_INFINITY => self.abs().min_over(axes),
            // Powers below 0 of 0 are infinite, and the norm is 0.
            _ if p < 0.0 => self.abs().powf(p).sum_over(axes).powf(1.0 / p),
            _ => self.abs().power(p).sum_over(axes).power(1.0 / p),
        }
    }

    /// The Euclidean norm of all elements: [`Var::norm_over`] with p = 2.
    #[track_caller]
    pub fn norm(self) -> Var<'t> {
        self.square().sum().power(0.5)
    }

    /// A positive power of a value that is not negative, with derivative 0 at 0.
    #[track_caller]
    fn power(self, exponent: f64) -> Var<'t> {
        let (zero, one) = (self.tape().scalar(0.0), self.tape().scalar(1.0));
        let positive = self.ne(zero);
        positive.select(positive.select(self, one).powf(exponent), zero)
    }

    /// ln Σ exp(x) over `axes`, which disappear, without overflow; -∞ where all are -∞, ∞ where one is ∞, as in
    /// PyTorch.
    #[track_caller]
    pub fn logsumexp_over(self, axes: &[isize]) -> Var<'t> {
        let Some(positions) = self.axes("logsumexp", axes) else { return self.tape().poison() };
        let max = self.max_over(axes).stop_gradient();
        // An infinite maximum must not be subtracted from itself.
        let finite = max.abs().lt(self.tape().scalar(f64::INFINITY));
        let shift = finite.select(max, self.tape().scalar(0.0));
        (self - shift.restore_axes(&positions)).exp().sum_over(axes).log() + shift
    }
}
