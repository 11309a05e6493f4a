//! Axes made longer: compositions of slices and concatenations.

use crate::Var;

/// What is put at the ends of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Padding {
    /// This number.
    Constant(f64),
    /// The neighbouring elements mirrored, the outermost not repeated: `c b | a b c`. Shorter than the axis.
    Reflect,
    /// The outermost element over and over: `a a | a b c`.
    Replicate,
    /// The elements from the other end: `b c | a b c`. No longer than the axis.
    Circular,
}

impl<'t> Var<'t> {
    /// This value with `before` and `after` elements put at the ends of an axis, as `padding` says.
    #[track_caller]
    pub fn pad_with(self, axis: isize, before: usize, after: usize, padding: Padding) -> Var<'t> {
        let Some(position) = self.axis("pad", axis) else { return self.tape().poison() };
        let n = self.shape()[position];
        let most = match padding {
            Padding::Constant(value) => {
                // Zeros around the distance from the value would lose digits; an infinity all of them.
                let inside = self.tape().ones([n]).pad(0, before, after);
                let mut dims = vec![1; self.rank()];
                let padded = self.pad(axis, before, after);
                if padded.is_poison() {
                    return padded;
                }
                dims[position] = padded.shape()[position];
                let outside = self.tape().scalar(value);
                return if value == 0.0 {
                    padded
                } else {
                    inside.reshape_dims(&dims).select(padded, outside)
                };
            }
            Padding::Reflect => n.saturating_sub(1),
            Padding::Replicate if n == 0 => 0,
            Padding::Replicate => usize::MAX / 4,
            Padding::Circular => n,
        };
        if before > most || after > most {
            let expected = format!(
                "an axis of {n} elements can be padded by at most {most} in this way, not by {before} and {after}"
            );
            return self.refuse("pad", expected);
        }
        let ends = match padding {
            Padding::Reflect => [
                self.slice(axis, 1..before + 1).flip(axis),
                self.slice(axis, n.saturating_sub(after + 1)..n.saturating_sub(1)).flip(axis),
            ],
            Padding::Circular => [self.slice(axis, n - before..), self.slice(axis, ..after)],
            _ => [
                self.slice(axis, ..n.min(1)).repeat(axis, before),
                self.slice(axis, n.saturating_sub(1)..).repeat(axis, after),
            ],
        };
        let parts = [(before, ends[0]), (1, self), (after, ends[1])];
        let parts: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
        if parts.len() == 1 { self } else { self.tape().concat(&parts, axis) }
    }
}
