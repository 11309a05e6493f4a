//! Axes brought to another length: compositions of choices of elements.

use crate::Var;
use downhill_tensor::Tensor;

/// How elements between elements are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// Element `i` of m is element `i n / m`, rounded down, of n.
    Nearest,
    /// Between the two nearest in proportion to the distance: element `i` of m stands at `(i + 1/2) n / m - 1/2`,
    /// held inside of the axis (PyTorch's `align_corners=False`).
    Linear,
}

impl<'t> Var<'t> {
    /// An axis brought to another length by interpolation.
    #[track_caller]
    pub fn resample(self, axis: isize, length: usize, interpolation: Interpolation) -> Var<'t> {
        let Some(position) = self.axis("resample", axis) else { return self.tape().poison() };
        let n = self.shape()[position];
        if n == 0 || length == 0 {
            return self.refuse("resample", "there must be at least one element, before and after");
        }
        if let Err(error) = self.shape().with(position, length) {
            return self.refuse("resample", error.to_string());
        }
        if n == length {
            return self;
        }
        let chosen = |place: &dyn Fn(usize) -> usize| {
            let numbers: Vec<i64> = (0..length).map(|i| place(i) as i64).collect();
            self.index_select(axis, self.tape().index_constant(Tensor::from(numbers)))
        };
        if interpolation == Interpolation::Nearest {
            return chosen(&|i| i * n / length);
        }
        let at = |i: usize| ((i as f64 + 0.5) * (n as f64 / length as f64) - 0.5).max(0.0);
        let low = |i: usize| (at(i) as usize).min(n - 1);
        let share: Vec<f64> = (0..length).map(|i| at(i) - low(i) as f64).collect();
        let mut dims = vec![1; self.rank()];
        dims[position] = length;
        let share = self.tape().constant(Tensor::from(share)).reshape_dims(&dims);
        let (below, above) = (chosen(&low), chosen(&|i| (low(i) + 1).min(n - 1)));
        (1.0 - share) * below + share * above
    }

    /// Images `[n, c, h, w]` brought to another size: [`Var::resample`] of both axes. Linear interpolation of both is
    /// called bilinear.
    #[track_caller]
    pub fn interpolate2d(self, size: [usize; 2], interpolation: Interpolation) -> Var<'t> {
        if self.rank() != 4 {
            return self.refuse("interpolate2d", "the input must be [n, c, h, w]");
        }
        self.resample(2, size[0], interpolation).resample(3, size[1], interpolation)
    }
}
