//! Lookahead.

use crate::{Adam, Error, MAX_SLOTS, OptimizerConfig, Piece, Result, Rule, Scope, Slot, Step};
use downhill_tensor::{Float, ParameterEntry};
use serde::{Deserialize, Serialize};

/// Lookahead around another optimizer: that one runs ahead for k steps, and then slow parameters q go a part
/// of the way to where it came, from where it starts anew.
///
/// ```text
/// p <- what the inner optimizer makes of it
/// q <- q + α (p - q),  p <- q                       (in each k-th step)
/// ```
///
/// q starts at the parameters, and is what should be judged:
/// [`Optimizer::evaluation_parameters`](crate::Optimizer::evaluation_parameters). The inner optimizer keeps its
/// state. It has one slot of state less to itself.
///
/// ```
/// use downhill_optim::{GradientDescent, Lookahead, Optimizer};
/// let rule = Lookahead { period: 2, ..Lookahead::around(GradientDescent { learning_rate: 1.0 }) };
/// let mut optimizer = Optimizer::new(rule, 1)?;
/// let mut parameters = [4.0_f32];
/// optimizer.step(&mut parameters, &[1.0])?;
/// assert_eq!(parameters, [3.0]);
/// optimizer.step(&mut parameters, &[1.0])?;
/// assert_eq!(parameters, [3.0], "half of the way from 4 to 2");
/// # Ok::<(), downhill_optim::Error>(())
/// ```
///
/// # Source
/// M. Zhang, J. Lucas, G. Hinton, J. Ba, *Lookahead optimizer: k steps forward, 1 step back* (2019),
/// algorithm 1; optax's `lookahead`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>, Lookahead<R>: Default"))]
pub struct Lookahead<R = OptimizerConfig> {
    /// The inner optimizer; default Adam.
    pub inner: Box<R>,
    /// k, the number of steps between two looks back; at least 1, default 5.
    pub period: u64,
    /// α, the part of the way that the slow parameters go; from 0 to 1, default 0.5.
    pub slow_step: f64,
}

impl Default for Lookahead {
    fn default() -> Self {
        Lookahead::around(Adam::default().into())
    }
}

impl<R> Lookahead<R> {
    /// Around this optimizer, with the defaults.
    pub fn around(inner: R) -> Self {
        Lookahead { inner: Box::new(inner), period: 5, slow_step: 0.5 }
    }
}

impl<R: Rule> Rule for Lookahead<R> {
    fn name(&self) -> &str {
        "lookahead"
    }

    fn learning_rate(&self) -> f64 {
        self.inner.learning_rate()
    }

    fn weight_decay(&self) -> Option<f64> {
        self.inner.weight_decay()
    }

    fn maximizes(&self) -> bool {
        self.inner.maximizes()
    }

    fn validate(&self) -> Result<()> {
        Error::check(self.period > 0, self.name(), "period", "at least 1", self.period as f64)?;
        let slow_step = self.slow_step;
        Error::check((0.0..=1.0).contains(&slow_step), self.name(), "slow_step", "from 0 to 1", slow_step)?;
        self.inner.validate()
    }

    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    fn slots(&self) -> Vec<Slot> {
        [Slot::zeros("slow_parameters")].into_iter().chain(self.inner.slots()).collect()
    }

    fn slot_len(&self, slot: usize, parameter: &ParameterEntry) -> usize {
        match slot.checked_sub(1) {
            Some(slot) => self.inner.slot_len(slot, parameter),
            None => parameter.shape.size(),
        }
    }

    fn scalars(&self) -> Vec<Slot> {
        self.inner.scalars()
    }

    fn advance(&self, step: &mut Step) {
        self.inner.advance(step);
    }

    fn evaluation_point<T: Float>(&self, _: T, state: [T; MAX_SLOTS]) -> T {
        state[0]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let Piece { parameters, gradient, state: [slow, inner @ ..], ascends, parameter } = piece;
        if step.number == 1 {
            slow.copy_from_slice(parameters);
        }
        let mut slots = inner.into_iter();
        let state = std::array::from_fn(|_| slots.next().unwrap_or_default());
        let fast = &mut *parameters;
        self.inner.update(step, Piece { parameters: fast, gradient, state, ascends, parameter });
        if step.number.is_multiple_of(self.period) {
            let slow_step = T::from_f64(self.slow_step);
            for (fast, slow) in parameters.iter_mut().zip(slow) {
                *slow += slow_step * (*fast - *slow);
                *fast = *slow;
            }
        }
    }
}
