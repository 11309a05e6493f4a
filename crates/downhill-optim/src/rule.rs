//! What an update rule is: a formula for one element, and the one pass that applies it to slices.
//!
//! A few rules look at whole parameters, at their norms or as matrices; these say so by their [`Scope`], and
//! get pieces that are one parameter each.
//!
//! A [`Rule`] does not know how many parameters there are, how they are grouped, or what computed the
//! gradient; [`Optimizer`](crate::Optimizer) does the book-keeping.

use crate::Result;
use downhill_tensor::kernels::isa::{self, vectorize};
use downhill_tensor::{Float, ParameterEntry, Shape};

/// The most vectors of state that a rule may keep beside the parameters.
pub const MAX_SLOTS: usize = 6;

/// The most numbers of state that all parameters of a rule may share.
pub const MAX_SCALARS: usize = 2;

/// What is looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One element: the parameters can be cut anywhere, and any cut gives the same bits.
    Element,
    /// One parameter with its shape, which is never cut.
    Parameter,
}

/// A vector of state beside the parameters, of the same length unless [`Rule::slot_len`] says otherwise; or a
/// number of state that they all share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// What it holds, in the field's term: `first_moment`. Saved with the state, and compared when loading.
    pub name: &'static str,
    /// The value of each element before the first step.
    pub initial: f64,
}

impl Slot {
    /// A slot that starts at 0.
    pub const fn zeros(name: &'static str) -> Self {
        Slot { name, initial: 0.0 }
    }
}

/// What is the same for all elements of a piece in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The number of this step, beginning with 1.
    pub number: u64,
    /// The rate of this step: the rule's, times the group's factor, times the schedule's.
    pub learning_rate: f64,
    /// The weight decay: the group's, or else the rule's.
    pub weight_decay: f64,
    /// The group's factor, which `learning_rate` contains.
    pub group_factor: f64,
    /// The numbers that all parameters share, as [`Rule::advance`] left them; the rest are 0.
    pub scalars: [f64; MAX_SCALARS],
}

impl Step {
    /// The first step of parameters in no group, at the rate 1.
    pub const FIRST: Step = Step {
        number: 1,
        learning_rate: 1.0,
        weight_decay: 0.0,
        group_factor: 1.0,
        scalars: [0.0; MAX_SCALARS],
    };

    /// The weight decay's two ways: what to add of the parameter to the gradient, and what to multiply the
    /// parameter by. The way that is not taken is 0 or 1, which change no bit.
    #[inline]
    pub fn decay(&self, decoupled: bool) -> (f64, f64) {
        match decoupled {
            true => (0.0, 1.0 - self.learning_rate * self.weight_decay),
            false => (self.weight_decay, 1.0),
        }
    }

    /// `1 - decay^number`: what an exponential moving average that started at 0 lacks to be unbiased.
    #[inline]
    pub fn bias_correction(&self, decay: f64) -> f64 {
        let steps = self.number as f64;
        // decay^steps <= exp(-steps (1 - decay)), which below 2^-54 takes nothing off 1. A power costs as much
        // as a step of a few parameters.
        if steps * (1.0 - decay) > 38.0 { 1.0 } else { 1.0 - decay.powf(steps) }
    }
}

/// A contiguous piece of the parameters with the gradient and state that belong to it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Piece<'a, T> {
    /// The parameters, to be changed in place.
    pub parameters: &'a mut [T],
    /// The derivative of the loss by each of them.
    pub gradient: &'a [T],
    /// The slots of state, in the order in which the rule declared them; the rest are empty.
    pub state: [&'a mut [T]; MAX_SLOTS],
    /// Whether the rule goes up the gradient: [`Rule::maximizes`].
    pub ascends: bool,
    /// The parameter that the piece is, for rules that asked for whole ones.
    pub parameter: Option<&'a ParameterEntry>,
}

impl<T> Piece<'_, T> {
    /// The same piece for a while, so that several passes can be made over it.
    pub fn reborrow(&mut self) -> Piece<'_, T> {
        Piece {
            parameters: &mut *self.parameters,
            gradient: self.gradient,
            state: self.state.each_mut().map(|slot| &mut **slot),
            ascends: self.ascends,
            parameter: self.parameter,
        }
    }

    /// The shape of the parameter that the piece is; that of a vector where it is not known to be one.
    pub fn shape(&self) -> Shape {
        self.parameter.map_or_else(|| [self.parameters.len()].into(), |parameter| parameter.shape)
    }
}

impl<T: Float> Piece<'_, T> {
    /// What the gradient is multiplied by: 1, or -1 to go up.
    #[inline(always)]
    pub fn sign(&self) -> T {
        if self.ascends { -T::ONE } else { T::ONE }
    }

    /// Applies a formula to every element in one pass: parameter, gradient and the first `N` slots are read
    /// once and written once.
    ///
    /// `formula` takes a parameter, its derivative (its negative where the rule
    /// [`maximizes`](Rule::maximizes)) and its state, and returns the new parameter and state.
    /// It must not depend on anything else that changes, so that any split into pieces gives the same bits.
    ///
    /// # Panics
    /// If the formula takes more slots than the rule declares, which is a mistake in the rule.
    #[inline(always)]
    pub fn for_each<const N: usize>(self, formula: impl Fn(T, T, [T; N]) -> (T, [T; N])) {
        const { assert!(N <= MAX_SLOTS, "a rule has at most MAX_SLOTS slots") };
        let sign = self.sign();
        let Piece { parameters, gradient, mut state, .. } = self;
        let length = parameters.len().min(gradient.len());
        let present = state[..N].iter().all(|slot| slot.len() >= length);
        assert!(present, "the formula takes {N} slots, but the rule declares fewer");
        let (parameters, gradient) = (&mut parameters[..length], &gradient[..length]);
        let mut slots = state.iter_mut();
        let mut state: [&mut [T]; N] =
            std::array::from_fn(|_| slots.next().map_or(&mut [][..], |slot| &mut slot[..length]));
        let whole = length - length % LANES;
        if whole > 0 {
            // Wider registers change no bit: each element is computed by itself, in the order that is written.
            vectorize(
                isa::current(),
                #[inline(always)]
                |_| {
                    for start in (0..whole).step_by(LANES) {
                        pass::<T, N, LANES>(start, sign, parameters, gradient, &mut state, &formula);
                    }
                },
            );
        }
        // The rest, of fewer elements than lanes, in two halves: few steps for few parameters.
        let even = length - length % 2;
        for start in (whole..even).step_by(2) {
            pass::<T, N, 2>(start, sign, parameters, gradient, &mut state, &formula);
        }
        if even < length {
            pass::<T, N, 1>(even, sign, parameters, gradient, &mut state, &formula);
        }
    }
}

/// How many elements the pass takes at a time: two registers of each vector.
const LANES: usize = 16;

/// Applies a formula to the `L` elements from `start`. They are copied to arrays of their own, which overlap
/// with nothing: so the compiler makes vectors of them without a proof that the slices do not.
#[inline(always)]
fn pass<T: Float, const N: usize, const L: usize>(
    start: usize,
    sign: T,
    parameters: &mut [T],
    gradient: &[T],
    state: &mut [&mut [T]; N],
    formula: &impl Fn(T, T, [T; N]) -> (T, [T; N]),
) {
    #[inline(always)]
    fn lanes<T: Float, const L: usize>(slice: &[T], start: usize) -> [T; L] {
        let mut lanes = [T::ZERO; L];
        lanes.copy_from_slice(&slice[start..start + L]);
        lanes
    }
    let mut p = lanes::<T, L>(parameters, start);
    let g = lanes::<T, L>(gradient, start);
    let mut s: [[T; L]; N] = std::array::from_fn(|slot| lanes(&*state[slot], start));
    for lane in 0..L {
        let (moved, values) = formula(p[lane], sign * g[lane], std::array::from_fn(|slot| s[slot][lane]));
        p[lane] = moved;
        for slot in 0..N {
            s[slot][lane] = values[slot];
        }
    }
    parameters[start..start + L].copy_from_slice(&p);
    for slot in 0..N {
        state[slot][start..start + L].copy_from_slice(&s[slot]);
    }
}

/// What becomes of a row whose gradient is 0, and so whether a step may leave it out: see
/// [`Optimizer::step_rows`](crate::Optimizer::step_rows).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSteps {
    /// It moves, by momentum or decay, and cannot be left out.
    Never,
    /// It would move a little, since averages fade; an optimizer that leaves it out is another one, which is
    /// known as the *lazy* form of this one.
    Lazily,
    /// It stays as it is, with its state: leaving it out changes nothing.
    Exactly,
}

/// An update rule: hyperparameters, and the formula that they enter.
///
/// Implement it for a type of your own to use it wherever an optimizer of this crate is used:
///
/// ```
/// use downhill_optim::{Optimizer, Piece, Rule, Step};
/// use downhill_tensor::Float;
///
/// /// p <- p - learning_rate * sign(g)
/// struct SignDescent { learning_rate: f64 }
///
/// impl Rule for SignDescent {
///     fn name(&self) -> &str { "sign_descent" }
///     fn learning_rate(&self) -> f64 { self.learning_rate }
///     fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
///         let rate = T::from_f64(step.learning_rate);
///         piece.for_each(|p, g, []| (p - rate * g.sign(), []));
///     }
/// }
///
/// let mut optimizer = Optimizer::new(SignDescent { learning_rate: 0.25 }, 2)?;
/// let mut parameters = [1.0_f32, 1.0];
/// optimizer.step(&mut parameters, &[0.1, -20.0])?;
/// assert_eq!(parameters, [0.75, 1.25]);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub trait Rule: Send + Sync {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// The rate before any schedule.
    fn learning_rate(&self) -> f64;

    /// The weight decay where no group says otherwise; `None` if the rule has no use for one.
    fn weight_decay(&self) -> Option<f64> {
        None
    }

    /// Refuses hyperparameters outside their domain. The learning rate is checked by the optimizer.
    ///
    /// # Errors
    /// [`Error::InvalidValue`](crate::Error::InvalidValue) or [`Error::Conflict`](crate::Error::Conflict).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it goes up the gradient instead of down.
    fn maximizes(&self) -> bool {
        false
    }

    /// What the rule looks at together: single elements, or whole parameters.
    fn scope(&self) -> Scope {
        Scope::Element
    }

    /// The state that the rule keeps beside each parameter: at most [`MAX_SLOTS`] values.
    fn slots(&self) -> Vec<Slot> {
        Vec::new()
    }

    /// The length of a slot's part that belongs to a parameter; its size, unless the rule looks at whole
    /// parameters and keeps less, or nothing, of this one.
    fn slot_len(&self, slot: usize, parameter: &ParameterEntry) -> usize {
        let _ = slot;
        parameter.shape.size()
    }

    /// The numbers of state that all parameters share: at most [`MAX_SCALARS`].
    fn scalars(&self) -> Vec<Slot> {
        Vec::new()
    }

    /// Moves [`Step::scalars`] on, once in each step and before anything else. The step is that of parameters
    /// in no group.
    fn advance(&self, step: &mut Step) {
        let _ = step;
    }

    /// Where the loss shall be judged, if not at the parameter itself: for rules that keep an average beside
    /// it. See [`Optimizer::evaluation_parameters`](crate::Optimizer::evaluation_parameters).
    fn evaluation_point<T: Float>(&self, parameter: T, state: [T; MAX_SLOTS]) -> T {
        let _ = state;
        parameter
    }

    /// Whether a step may look at those rows of a parameter alone whose gradient is not 0.
    fn row_steps(&self) -> RowSteps {
        RowSteps::Never
    }

    /// Makes one step on a piece of the parameters.
    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_correction_is_its_formula_for_any_number_of_steps() {
        for decay in [0.0, 0.5, 0.9, 0.999, 0.99999] {
            for number in (0..60).map(|n| 1 << (n / 2)).chain([37_999, 38_000, 38_001, u64::MAX]) {
                let step = Step { number, ..Step::FIRST };
                let formula = 1.0 - f64::powf(decay, number as f64);
                assert_eq!(step.bias_correction(decay), formula, "{decay} after {number}");
            }
        }
    }
}
