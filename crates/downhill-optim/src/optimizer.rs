//! A rule with its state, applied to the flat vector of parameters.

use crate::groups::{Segment, segments};
use crate::rows::SeenRows;
use crate::{Error, MAX_SLOTS, OptimizerConfig, OptimizerState, ParameterGroup, Piece, Result, Rule, Step};
use downhill_tensor::{Float, ParameterLayout};

/// Anything that moves a flat vector of parameters by its gradient: the boundary behind which optimizers
/// can be exchanged at run time, as a `Box<dyn Optimize<T>>`.
///
/// [`Optimizer`] is the reference implementation, for rules that treat every element alike.
pub trait Optimize<T: Float>: Send {
    /// Makes one step with the learning rate multiplied by `factor`.
    ///
    /// # Errors
    /// Slices of the wrong length, or a factor that is negative or not finite; then nothing has changed.
    fn step_scaled(&mut self, parameters: &mut [T], gradient: &[T], factor: f64) -> Result<()>;

    /// The learning rate before any schedule, for reports.
    fn learning_rate(&self) -> f64;

    /// Sets the gradient of parameters that are never moved to 0, so that a norm taken for clipping leaves
    /// them out.
    ///
    /// # Errors
    /// A slice of the wrong length.
    fn zero_frozen(&self, gradient: &mut [T]) -> Result<()>;

    /// What it remembers, to be saved.
    fn state(&self) -> &OptimizerState<T>;

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// A state of another optimizer or length; then nothing has changed.
    fn load_state(&mut self, state: OptimizerState<T>) -> Result<()>;
}

/// A rule, its state, and how the parameters are grouped.
///
/// ```
/// use downhill_optim::{Optimizer, OptimizerConfig};
/// let config = OptimizerConfig::from_name("gradient_descent")?.with_learning_rate(0.5);
/// let mut optimizer: Optimizer<f32> = Optimizer::new(config, 2)?;
/// let mut parameters = [1.0, 2.0];
/// optimizer.step(&mut parameters, &[2.0, -2.0])?;
/// assert_eq!(parameters, [0.0, 3.0]);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<T, R = OptimizerConfig> {
    pub(crate) rule: R,
    len: usize,
    pub(crate) segments: Vec<Segment>,
    pub(crate) state: OptimizerState<T>,
    pub(crate) seen: SeenRows<T>,
}

impl<T: Float, R: Rule> Optimizer<T, R> {
    /// An optimizer of this many parameters, all treated alike.
    ///
    /// # Errors
    /// A hyperparameter outside its domain.
    pub fn new(rule: R, len: usize) -> Result<Self> {
        Self::with_groups(rule, &ParameterLayout::flat(len), &[])
    }

    /// An optimizer of the parameters of a layout, some of them treated as groups say. A parameter belongs
    /// to the first group whose pattern matches its name, or to none.
    ///
    /// # Errors
    /// A hyperparameter outside its domain, or a group that no parameter falls to.
    pub fn with_groups(rule: R, layout: &ParameterLayout, groups: &[ParameterGroup]) -> Result<Self> {
        Error::check_at_least_zero(rule.name(), "learning_rate", rule.learning_rate())?;
        rule.validate()?;
        let count = rule.slots().len();
        if count > MAX_SLOTS {
            return Err(Error::TooManySlots { rule: rule.name().into(), count });
        }
        let segments = segments(&rule, layout, groups)?;
        let state = OptimizerState::initial(&rule, layout.len());
        Ok(Optimizer { rule, len: layout.len(), segments, state, seen: SeenRows::default() })
    }

    /// The rule with its hyperparameters.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    /// The learning rate before any schedule.
    pub fn learning_rate(&self) -> f64 {
        self.rule.learning_rate()
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of steps made.
    pub fn steps(&self) -> u64 {
        self.state.steps
    }

    /// What the optimizer remembers, to be saved.
    pub fn state(&self) -> &OptimizerState<T> {
        &self.state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] for a state of another optimizer or length; then nothing has changed.
    pub fn load_state(&mut self, state: OptimizerState<T>) -> Result<()> {
        self.state.check_compatible(&state)?;
        self.state = state;
        Ok(())
    }

    /// Forgets everything: the state before the first step, in the memory that is there.
    pub fn reset(&mut self) {
        self.state.steps = 0;
        for (slot, declared) in self.state.slots.iter_mut().zip(self.rule.slots()) {
            slot.values.fill(T::from_f64(declared.initial));
        }
    }

    /// Makes one step with the rule's own learning rate. Allocates nothing.
    ///
    /// # Errors
    /// Slices of the wrong length; then nothing has changed.
    pub fn step(&mut self, parameters: &mut [T], gradient: &[T]) -> Result<()> {
        self.step_scaled(parameters, gradient, 1.0)
    }

    /// Makes one step with the learning rate multiplied by `factor`, which a
    /// [`Schedule`](crate::Schedule) gives. Allocates nothing.
    ///
    /// # Errors
    /// Slices of the wrong length, or a factor that is negative or not finite; then nothing has changed.
    pub fn step_scaled(&mut self, parameters: &mut [T], gradient: &[T], factor: f64) -> Result<()> {
        let [segment @ Segment { frozen: false, .. }] = &self.segments[..] else {
            self.chunks(parameters, gradient, factor, usize::MAX)?.for_each(Chunk::apply);
            return Ok(());
        };
        // All parameters are treated alike and nothing needs to be cut, which for few parameters is the most of
        // the work.
        self.check_step(parameters.len(), gradient.len(), factor)?;
        self.state.steps += 1;
        let step = segment.step(self.state.steps, self.rule.learning_rate() * factor);
        self.rule.update(&step, Piece { parameters, gradient, state: slots(&mut self.state) });
        Ok(())
    }

    /// One step as independent pieces of work, each of at most `chunk_len` parameters, to be applied in any
    /// order on any thread: the result has the same bits as [`step_scaled`](Self::step_scaled). The step
    /// counts as made; chunks that are dropped unapplied leave their parameters and state as they were.
    ///
    /// ```
    /// use downhill_optim::{Adam, Chunk, Optimizer};
    /// let mut optimizer = Optimizer::new(Adam::default(), 10)?;
    /// let (mut parameters, gradient) = ([0.0_f32; 10], [1.0; 10]);
    /// std::thread::scope(|scope| -> Result<(), downhill_optim::Error> {
    ///     for chunk in optimizer.chunks(&mut parameters, &gradient, 1.0, 4)? {
    ///         scope.spawn(move || chunk.apply());
    ///     }
    ///     Ok(())
    /// })?;
    /// assert!(parameters.iter().all(|&p| (p + 0.001).abs() < 1e-8));
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`step_scaled`](Self::step_scaled), and a `chunk_len` of 0.
    pub fn chunks<'a>(
        &'a mut self,
        parameters: &'a mut [T],
        gradient: &'a [T],
        factor: f64,
        chunk_len: usize,
    ) -> Result<Chunks<'a, T, R>> {
        self.check_step(parameters.len(), gradient.len(), factor)?;
        Error::check(chunk_len > 0, "step", "chunk_len", "at least 1", 0.0)?;
        self.state.steps += 1;
        Ok(Chunks {
            rule: &self.rule,
            number: self.state.steps,
            learning_rate: self.rule.learning_rate() * factor,
            segments: &self.segments,
            position: 0,
            chunk_len,
            rest: Piece { parameters, gradient, state: slots(&mut self.state) },
        })
    }

    /// What a step demands.
    #[inline]
    pub(crate) fn check_step(&self, parameters: usize, gradient: usize, factor: f64) -> Result<()> {
        let expected = self.len;
        for (what, actual) in [("parameter", parameters), ("gradient", gradient)] {
            if actual != expected {
                return Err(Error::LengthMismatch { what, expected, actual });
            }
        }
        Error::check_at_least_zero("step", "the factor of the learning rate", factor)
    }

    /// Sets the gradient of frozen parameters to 0, so that a norm taken for clipping leaves them out.
    ///
    /// # Errors
    /// A slice of the wrong length.
    pub fn zero_frozen(&self, gradient: &mut [T]) -> Result<()> {
        if gradient.len() != self.len {
            let (expected, actual) = (self.len, gradient.len());
            return Err(Error::LengthMismatch { what: "gradient", expected, actual });
        }
        let mut start = 0;
        for segment in &self.segments {
            if segment.frozen {
                gradient[start..segment.end].fill(T::ZERO);
            }
            start = segment.end;
        }
        Ok(())
    }
}

impl<T: Float, R: Rule> Optimize<T> for Optimizer<T, R> {
    fn step_scaled(&mut self, parameters: &mut [T], gradient: &[T], factor: f64) -> Result<()> {
        Optimizer::step_scaled(self, parameters, gradient, factor)
    }

    fn learning_rate(&self) -> f64 {
        self.rule.learning_rate()
    }

    fn zero_frozen(&self, gradient: &mut [T]) -> Result<()> {
        Optimizer::zero_frozen(self, gradient)
    }

    fn state(&self) -> &OptimizerState<T> {
        Optimizer::state(self)
    }

    fn load_state(&mut self, state: OptimizerState<T>) -> Result<()> {
        Optimizer::load_state(self, state)
    }
}

/// The pieces of one step, in order; see [`Optimizer::chunks`].
#[derive(Debug)]
#[must_use = "a step changes nothing until its chunks are applied"]
pub struct Chunks<'a, T, R> {
    rule: &'a R,
    number: u64,
    learning_rate: f64,
    segments: &'a [Segment],
    position: usize,
    chunk_len: usize,
    rest: Piece<'a, T>,
}

impl<'a, T: Float, R: Rule> Iterator for Chunks<'a, T, R> {
    type Item = Chunk<'a, T, R>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (segment, later) = self.segments.split_first()?;
            let left = segment.end - self.position;
            let len = if segment.frozen { left } else { left.min(self.chunk_len) };
            self.position += len;
            if self.position == segment.end {
                self.segments = later;
            }
            let piece = split_off_front(&mut self.rest, len);
            if segment.frozen || len == 0 {
                continue;
            }
            let step = segment.step(self.number, self.learning_rate);
            return Some(Chunk { rule: self.rule, step, piece });
        }
    }
}

/// The slots of a state; those that the rule does not have are empty.
#[inline]
pub(crate) fn slots<T>(state: &mut OptimizerState<T>) -> [&mut [T]; MAX_SLOTS] {
    let mut slots = state.slots.iter_mut();
    std::array::from_fn(|_| slots.next().map_or(&mut [][..], |slot| &mut slot.values[..]))
}

/// Takes the first `len` elements of each slice.
fn split_off_front<'a, T>(rest: &mut Piece<'a, T>, len: usize) -> Piece<'a, T> {
    fn front<'a, T>(slice: &mut &'a mut [T], len: usize) -> &'a mut [T] {
        let (front, back) = std::mem::take(slice).split_at_mut(len);
        *slice = back;
        front
    }
    let (gradient, back) = rest.gradient.split_at(len);
    rest.gradient = back;
    Piece {
        parameters: front(&mut rest.parameters, len),
        gradient,
        // Slots that the rule does not have are empty.
        state: rest.state.each_mut().map(|slot| {
            let len = len.min(slot.len());
            front(slot, len)
        }),
    }
}

/// An independent piece of one step; see [`Optimizer::chunks`].
#[derive(Debug)]
#[must_use = "a chunk changes nothing until it is applied"]
pub struct Chunk<'a, T, R = OptimizerConfig> {
    rule: &'a R,
    step: Step,
    piece: Piece<'a, T>,
}

impl<T: Float, R: Rule> Chunk<'_, T, R> {
    /// Makes this piece of the step.
    pub fn apply(self) {
        self.rule.update(&self.step, self.piece);
    }

    /// The number of parameters in this piece.
    pub fn len(&self) -> usize {
        self.piece.parameters.len()
    }

    /// Whether the piece is empty; none that [`Chunks`] gives is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
