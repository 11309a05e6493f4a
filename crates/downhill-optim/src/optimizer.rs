//! A rule with its state, applied to the flat vector of parameters.

use crate::groups::{Segment, segments};
use crate::rows::SeenRows;
use crate::{
    Error, MAX_SCALARS, MAX_SLOTS, OptimizerConfig, OptimizerState, ParameterGroup, Piece, Result, Rule,
    Scope, Step,
};
use downhill_tensor::{Float, ParameterEntry, ParameterLayout};

/// Anything that moves a flat vector of parameters by its gradient: the boundary behind which optimizers
/// can be exchanged at run time, as a `Box<dyn Optimize<T>>`.
///
/// [`Optimizer`] is the reference implementation, which applies a [`Rule`].
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
    /// The parameters, where the rule looks at whole ones; none otherwise.
    parameters: Vec<ParameterEntry>,
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
        if count > MAX_SLOTS || rule.scalars().len() > MAX_SCALARS {
            return Err(Error::TooManySlots {
                rule: rule.name().into(),
                count,
                scalars: rule.scalars().len(),
            });
        }
        let segments = segments(&rule, layout, groups)?;
        let parameters = match rule.scope() {
            Scope::Element => Vec::new(),
            Scope::Parameter => {
                let entries = layout.entries().iter();
                entries.filter(|parameter| parameter.shape.size() > 0).cloned().collect()
            }
        };
        let state = OptimizerState::initial(&rule, layout);
        Ok(Optimizer { rule, len: layout.len(), segments, parameters, state, seen: SeenRows::default() })
    }

    /// The rule with its hyperparameters.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    /// Goes on with other hyperparameters, and with the state that is there: a momentum that changes along
    /// the way, as [`OneCycle::momentum`](crate::OneCycle::momentum) gives it. Its weight decay must stay,
    /// because groups have been made with it.
    ///
    /// # Errors
    /// A hyperparameter outside its domain, a rule that keeps another state or looks at other things, or
    /// another weight decay; then nothing has changed.
    ///
    /// ```
    /// use downhill_optim::{OneCycle, Optimizer, Sgd};
    /// let cycle = OneCycle::over(100);
    /// let rule = |step| Sgd { momentum: cycle.momentum(step), ..Sgd::default() };
    /// let mut optimizer = Optimizer::new(rule(0), 1)?;
    /// let mut parameters = [1.0_f32];
    /// for step in 0..100 {
    ///     optimizer.replace_rule(rule(step))?;
    ///     optimizer.step_scaled(&mut parameters, &[0.5], cycle.factor(step))?;
    /// }
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    pub fn replace_rule(&mut self, rule: R) -> Result<()> {
        Error::check_at_least_zero(rule.name(), "learning_rate", rule.learning_rate())?;
        rule.validate()?;
        let declared = |rule: &R| (rule.slots(), rule.scalars(), rule.scope(), rule.weight_decay());
        let keeps_the_same = |parameter: &ParameterEntry| {
            (0..self.state.slots.len())
                .all(|slot| rule.slot_len(slot, parameter) == self.rule.slot_len(slot, parameter))
        };
        if declared(&rule) != declared(&self.rule) || !self.parameters.iter().all(keeps_the_same) {
            let reason = "it keeps another state or has another weight decay than the rule whose place it shall take; make \
                          a new optimizer";
            return Err(Error::Conflict { owner: rule.name().into(), reason });
        }
        self.rule = rule;
        Ok(())
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
        for (scalar, declared) in self.state.scalars.iter_mut().zip(self.rule.scalars()) {
            scalar.value = declared.initial;
        }
    }

    /// Makes one step with the rule's own learning rate. Allocates nothing, unless the rule says so.
    ///
    /// # Errors
    /// Slices of the wrong length; then nothing has changed.
    pub fn step(&mut self, parameters: &mut [T], gradient: &[T]) -> Result<()> {
        self.step_scaled(parameters, gradient, 1.0)
    }

    /// Makes one step with the learning rate multiplied by `factor`, which a
    /// [`Schedule`](crate::Schedule) gives. Allocates nothing, unless the rule says so.
    ///
    /// # Errors
    /// Slices of the wrong length, or a factor that is negative or not finite; then nothing has changed.
    pub fn step_scaled(&mut self, parameters: &mut [T], gradient: &[T], factor: f64) -> Result<()> {
        let ([segment @ Segment { frozen: false, .. }], []) = (&self.segments[..], &self.parameters[..])
        else {
            self.chunks(parameters, gradient, factor, usize::MAX)?.for_each(Chunk::apply);
            return Ok(());
        };
        // All parameters are treated alike and nothing needs to be cut, which for few parameters is the most of
        // the work.
        self.check_step(parameters.len(), gradient.len(), factor)?;
        let segment = *segment;
        let step = segment.step(&self.begin_step(factor));
        let ascends = self.rule.maximizes();
        let state = slots(&mut self.state);
        self.rule.update(&step, Piece { parameters, gradient, state, ascends, parameter: None });
        Ok(())
    }

    /// Counts a step, moves on what all parameters share, and returns the step of parameters in no group.
    #[inline]
    pub(crate) fn begin_step(&mut self, factor: f64) -> Step {
        let Optimizer { rule, state, .. } = self;
        state.steps += 1;
        let mut step =
            Step { number: state.steps, learning_rate: rule.learning_rate() * factor, ..Step::FIRST };
        if !state.scalars.is_empty() {
            let kept = || step.scalars.len().min(state.scalars.len());
            (0..kept()).for_each(|index| step.scalars[index] = state.scalars[index].value);
            rule.advance(&mut step);
            state.scalars.iter_mut().zip(step.scalars).for_each(|(scalar, value)| scalar.value = value);
        }
        step
    }

    /// The parameters at which the loss shall be judged: an average, for rules that keep one beside the
    /// parameters; these themselves for all others, where nothing moves, and before the first step.
    ///
    /// # Errors
    /// A slice of the wrong length.
    ///
    /// ```
    /// use downhill_optim::{Optimizer, ScheduleFreeSgd};
    /// let rule = ScheduleFreeSgd { learning_rate: 0.5, momentum: 0.5, ..ScheduleFreeSgd::default() };
    /// let mut optimizer = Optimizer::new(rule, 1)?;
    /// let mut parameters = [1.0_f64];
    /// optimizer.step(&mut parameters, &[1.0])?;
    /// optimizer.step(&mut parameters, &[1.0])?;
    /// // Gradient descent is at 0; the average of 0.5 and 0 is 0.25, and the gradient is wanted between the two.
    /// assert_eq!(optimizer.evaluation_parameters(&parameters)?, [0.25]);
    /// assert_eq!(parameters, [0.125]);
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    pub fn evaluation_parameters(&self, parameters: &[T]) -> Result<Vec<T>> {
        if parameters.len() != self.len {
            let (expected, actual) = (self.len, parameters.len());
            return Err(Error::LengthMismatch { what: "parameter", expected, actual });
        }
        let mut points = parameters.to_vec();
        let mut start = 0;
        for segment in &self.segments {
            if !segment.frozen && self.state.steps > 0 {
                for (index, point) in points.iter_mut().enumerate().take(segment.end).skip(start) {
                    // A slot that is not as long as the parameters has nothing to say of single elements.
                    let value = |slot: &crate::SlotState<T>| match slot.values.len() == self.len {
                        true => slot.values[index],
                        false => T::ZERO,
                    };
                    let mut slots = self.state.slots.iter();
                    let state = std::array::from_fn(|_| slots.next().map_or(T::ZERO, value));
                    *point = self.rule.evaluation_point(*point, state);
                }
            }
            start = segment.end;
        }
        Ok(points)
    }

    /// One step as independent pieces of work, each of at most `chunk_len` elements (or one whole parameter,
    /// if that is what the rule looks at), to be applied in any order on any thread: the result has the same
    /// bits as [`step_scaled`](Self::step_scaled). The step counts as made; chunks that are dropped unapplied
    /// leave their parameters and state as they were.
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
        let step = self.begin_step(factor);
        let (ascends, state) = (self.rule.maximizes(), slots(&mut self.state));
        Ok(Chunks {
            rule: &self.rule,
            step,
            segments: &self.segments,
            parameters: &self.parameters,
            position: 0,
            chunk_len,
            rest: Piece { parameters, gradient, state, ascends, parameter: None },
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
    step: Step,
    segments: &'a [Segment],
    /// Those that follow, where the rule looks at whole ones.
    parameters: &'a [ParameterEntry],
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
            if left == 0 {
                self.segments = later;
                continue;
            }
            let piece = match self.parameters.split_first() {
                Some((parameter, following)) => {
                    self.parameters = following;
                    let lens = std::array::from_fn(|slot| match self.rest.state[slot].is_empty() {
                        true => 0,
                        false => self.rule.slot_len(slot, parameter),
                    });
                    let piece = split_off_front(&mut self.rest, parameter.shape.size(), lens);
                    Piece { parameter: Some(parameter), ..piece }
                }
                None => {
                    let len = if segment.frozen { left } else { left.min(self.chunk_len) };
                    split_off_front(&mut self.rest, len, [len; MAX_SLOTS])
                }
            };
            let len = piece.parameters.len();
            self.position += len;
            if self.position == segment.end {
                self.segments = later;
            }
            if segment.frozen {
                continue;
            }
            return Some(Chunk { rule: self.rule, step: segment.step(&self.step), piece });
        }
    }
}

/// The slots of a state; those that the rule does not have are empty.
#[inline]
pub(crate) fn slots<T>(state: &mut OptimizerState<T>) -> [&mut [T]; MAX_SLOTS] {
    let mut slots = state.slots.iter_mut();
    std::array::from_fn(|_| slots.next().map_or(&mut [][..], |slot| &mut slot.values[..]))
}

/// Takes the first `len` elements, and those of each slot.
fn split_off_front<'a, T>(
    rest: &mut Piece<'a, T>,
    len: usize,
    slot_lens: [usize; MAX_SLOTS],
) -> Piece<'a, T> {
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
        state: {
            let mut lens = slot_lens.into_iter();
            rest.state.each_mut().map(|slot| {
                let len = lens.next().unwrap_or_default().min(slot.len());
                front(slot, len)
            })
        },
        ascends: rest.ascends,
        parameter: None,
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
