//! A whole training step as one call, for loops that are written by hand.

use crate::aligned::Aligned;
use crate::memory::optimizer_bytes;
use crate::way::{Batch, Moving, Way};
use crate::{AsData, Error, Result, StepMemory, StepOptions};
use downhill_autograd::Type;
use downhill_engine::{Engine, EnginePrecision, Plan};
use downhill_nn::{Layer, LossFunction, Network};
use downhill_optim::{Optimizer, OptimizerState};
use downhill_tensor::Key;

/// A compiled training step with all that it needs from one to the next: parameters, state, the optimizer's
/// memory, and places for results.
///
/// It takes the shortest way that the optimizer allows. Plain gradient descent adds what each layer
/// contributes straight to the parameters, and there is no gradient. Every other optimizer gets the gradient as
/// one flat vector, but for embeddings, of which those that can get only the rows that the batch has seen. Steps allocate nothing, and no bit of a result depends on the number of threads.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_engine::Engine;
/// use downhill_nn::{Activation, Loss, Network, models};
/// use downhill_optim::Sgd;
/// use downhill_train::TrainingStep;
///
/// let (points, classes) = ([0., 0., 0., 1., 1., 0., 1., 1.], [0, 1, 1, 0]);
/// let (input, target) = (Type::float([4, 2]), Type::index([4]));
/// let network = Network::new(models::mlp(&[8], 2, Activation::Tanh), input)?;
/// let descent = Sgd { learning_rate: 0.5, ..Sgd::default() };
/// let loss = Loss::CrossEntropy;
/// let mut step = TrainingStep::<f32>::new(&network, input, target, &loss, descent, &Engine::default())?;
/// let first = step.step(&points, &classes)?;
/// for _ in 0..500 {
///     step.step(&points, &classes)?;
/// }
/// assert!(step.step(&points, &classes)? < 0.1 * first);
/// # Ok::<(), downhill_train::Error>(())
/// ```
pub struct TrainingStep<T = f32> {
    way: Way<T>,
    parameters: Aligned<T>,
    state: Vec<T>,
    output: Vec<T>,
    optimizer: Optimizer<T>,
    steps: u64,
    factor: f64,
    dropout: Key,
    engine: Engine,
}

impl<T: EnginePrecision> TrainingStep<T> {
    /// Compiles the step of a network for batches of these types. `options` is an optimizer, or
    /// [`StepOptions`]. The parameters start as the network says, drawn from the seed.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches; an option outside its domain.
    pub fn new<L: Layer>(
        network: &Network<L>,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
        options: impl Into<StepOptions>,
        engine: &Engine,
    ) -> Result<Self> {
        let options = options.into();
        Error::check_limit("clip_norm", options.clip_norm)?;
        Error::check_limit("clip_value", options.clip_value)?;
        let optimizer = Optimizer::with_groups(options.optimizer.clone(), network.layout(), &options.groups)?;
        let (way, output) = Way::compile(network, input, target, loss, &options, &optimizer, engine)?;
        let seed = Key::new(options.seed);
        Ok(TrainingStep {
            output: vec![T::ZERO; output],
            way,
            parameters: Aligned::from_slice(&network.initialize::<T>(seed.named("initialization"))),
            state: network.initial_state(),
            optimizer,
            steps: 0,
            factor: 1.0,
            dropout: seed.named("dropout"),
            engine: engine.clone(),
        })
    }

    /// Makes one step on a batch, and returns its loss as it was before the step.
    ///
    /// A loss that is not finite is returned like any other; the parameters have moved then, and are of no
    /// use.
    ///
    /// # Errors
    /// A batch of other types than the step was compiled for, or values that an operation cannot take, such
    /// as a class out of range; a gradient whose norm cannot be clipped since it is not finite.
    pub fn step(
        &mut self,
        input: &(impl AsData<T> + ?Sized),
        target: &(impl AsData<T> + ?Sized),
    ) -> Result<T> {
        let TrainingStep { parameters, state, output, optimizer, .. } = self;
        let batch = Batch { input: input.as_data(), target: target.as_data() };
        let moving =
            Moving { parameters, state, output, optimizer, factor: self.factor, engine: &self.engine };
        let loss = self.way.step(batch, moving, self.dropout.fold(self.steps))?;
        self.steps += 1;
        Ok(loss)
    }

    /// What the step holds of memory.
    pub fn memory(&self) -> StepMemory {
        let memory = StepMemory {
            parameters: size_of_val(&self.parameters[..]) + size_of_val(&self.state[..]),
            gradient: self.way.gradient_bytes(),
            optimizer: optimizer_bytes(self.optimizer.state()),
            output: size_of_val(&self.output[..]),
            ..StepMemory::default()
        };
        memory.with_plan(&self.plan().schedule())
    }

    /// The plan of the step: its schedule, and where its time goes.
    pub fn plan(&self) -> &Plan<T> {
        self.way.plan()
    }

    /// The plan of the step, to be profiled.
    pub fn plan_mut(&mut self) -> &mut Plan<T> {
        self.way.plan_mut()
    }

    /// The number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// θ, as it is after the last step.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// θ, to be changed between steps. Its length is that of the network's layout.
    pub fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// The parameters at which the loss shall be judged, where the optimizer keeps an average beside θ; θ for all
    /// others. See [`Optimizer::evaluation_parameters`].
    pub fn evaluation_parameters(&self) -> Vec<T> {
        // The one error is another length than the optimizer was made for, and this is the vector that it moves.
        self.optimizer.evaluation_parameters(&self.parameters).unwrap_or_else(|_| self.parameters.to_vec())
    }

    /// θ, as a vector of its own.
    pub fn into_parameters(self) -> Vec<T> {
        self.parameters.to_vec()
    }

    /// The network's state beside its parameters, as it is after the last step: running statistics.
    pub fn state(&self) -> &[T] {
        &self.state
    }

    /// What the network made of the last batch, before the step.
    pub fn output(&self) -> &[T] {
        &self.output
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate() * self.factor
    }

    /// Multiplies the optimizer's learning rate by this from the next step on: what a
    /// [`Schedule`](downhill_optim::Schedule) gives for a step.
    ///
    /// # Errors
    /// A factor that is negative or not finite; then the one before stays.
    pub fn set_learning_rate_factor(&mut self, factor: f64) -> Result<()> {
        let what = "the factor of the learning rate";
        downhill_optim::Error::check_at_least_zero("training step", what, factor)?;
        self.factor = factor;
        Ok(())
    }

    /// What the optimizer remembers.
    pub fn optimizer_state(&self) -> &OptimizerState<T> {
        self.optimizer.state()
    }

    /// All that a step changes, to come back to.
    pub fn snapshot(&self) -> StepSnapshot<T> {
        StepSnapshot {
            parameters: self.parameters.to_vec(),
            state: self.state.clone(),
            output: self.output.clone(),
            optimizer: self.optimizer.state().clone(),
            steps: self.steps,
            factor: self.factor,
        }
    }

    /// Goes back to where it was when the snapshot was taken: all steps from here on are the same as from there, bit
    /// by bit.
    ///
    /// # Errors
    /// A snapshot of another step: of other parameters or of another optimizer; then nothing has changed.
    pub fn restore(&mut self, snapshot: StepSnapshot<T>) -> Result<()> {
        let StepSnapshot { parameters, state, output, optimizer, steps, factor } = snapshot;
        let lengths = [parameters.len(), state.len(), output.len()];
        let expected = [self.parameters.len(), self.state.len(), self.output.len()];
        if lengths != expected {
            return Err(Error::Mismatch {
                what: "the snapshot of a training step".into(),
                reason: format!(
                    "parameters, state and output should have {expected:?} elements, but have {lengths:?}"
                ),
            });
        }
        self.optimizer.load_state(optimizer)?;
        self.parameters.copy_from_slice(&parameters);
        (self.state, self.output, self.steps, self.factor) = (state, output, steps, factor);
        Ok(())
    }
}

/// All that a [`TrainingStep`] changes from one step to the next: parameters, state, the memory of the optimizer, the
/// output of the last batch, the number of steps (from which dropout follows) and the factor of the learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSnapshot<T = f32> {
    parameters: Vec<T>,
    state: Vec<T>,
    output: Vec<T>,
    optimizer: OptimizerState<T>,
    steps: u64,
    factor: f64,
}

impl<T> std::fmt::Debug for TrainingStep<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingStep").field("steps", &self.steps).finish_non_exhaustive()
    }
}
