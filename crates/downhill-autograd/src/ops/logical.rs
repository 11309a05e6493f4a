//! Truth values: 0 is false, every other number is true, NaN included (as in NumPy and PyTorch). All of them are
//! compositions of comparisons, give 1 or 0, and have derivative 0.

use crate::Var;

impl<'t> Var<'t> {
    /// 1 where both are true, else 0, elementwise with broadcasting.
    #[track_caller]
    pub fn logical_and(self, other: Var<'t>) -> Var<'t> {
        self.truth() * other.truth()
    }

    /// 1 where at least one is true, else 0, elementwise with broadcasting.
    #[track_caller]
    pub fn logical_or(self, other: Var<'t>) -> Var<'t> {
        self.truth().maximum(other.truth())
    }

    /// 1 where exactly one is true, else 0, elementwise with broadcasting.
    #[track_caller]
    pub fn logical_xor(self, other: Var<'t>) -> Var<'t> {
        self.truth().ne(other.truth())
    }

    /// 1 where this is false, else 0, elementwise.
    #[track_caller]
    pub fn logical_not(self) -> Var<'t> {
        self.eq(self.tape().scalar(0.0))
    }

    /// 1 where this is true, else 0.
    #[track_caller]
    fn truth(self) -> Var<'t> {
        self.ne(self.tape().scalar(0.0))
    }
}
