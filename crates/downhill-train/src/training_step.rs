//! A whole training step as one call, for loops that are written by hand.

use crate::aligned::Aligned;
use crate::step::move_parameters;
use crate::{Error, Result};
use downhill_autograd::{Data, DataMut, Precision, Run, Type};
use downhill_engine::{Engine, Plan};
use downhill_nn::{Layer, LossFunction, Network};
use downhill_optim::{
    Optimizer, OptimizerConfig, OptimizerState, ParameterGroup, clip_global_norm, clip_value,
};
use downhill_tensor::Key;

/// How a [`TrainingStep`] moves the parameters. Any optimizer is one, with the other options as by default.
///
/// ```
/// use downhill_optim::Adam;
/// use downhill_train::StepOptions;
/// let options = StepOptions { clip_norm: Some(1.0), ..Adam::default().into() };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// How the gradient moves the parameters; default plain gradient descent.
    pub optimizer: OptimizerConfig,
    /// Parameters that are treated differently, by name; default none.
    pub groups: Vec<ParameterGroup>,
    /// The largest absolute value that an element of the gradient may have; default none. It acts before
    /// `clip_norm`.
    pub clip_value: Option<f64>,
    /// The largest norm that the whole gradient may have; default none.
    pub clip_norm: Option<f64>,
    /// What all randomness follows from: the first parameters and dropout. Default 42.
    pub seed: u64,
}

impl Default for StepOptions {
    fn default() -> Self {
        StepOptions {
            optimizer: OptimizerConfig::default(),
            groups: Vec::new(),
            clip_value: None,
            clip_norm: None,
            seed: 42,
        }
    }
}

impl<R: Into<OptimizerConfig>> From<R> for StepOptions {
    fn from(optimizer: R) -> Self {
        StepOptions { optimizer: optimizer.into(), ..StepOptions::default() }
    }
}

impl StepOptions {
    /// Whether a step is `θ ← θ - rate ∇loss` and nothing else.
    fn is_plain_descent(&self) -> bool {
        let plain = match &self.optimizer {
            OptimizerConfig::GradientDescent(_) => true,
            OptimizerConfig::Sgd(sgd) => sgd.momentum == 0.0 && sgd.weight_decay == 0.0,
            _ => false,
        };
        plain && self.groups.is_empty() && self.clip_value.is_none() && self.clip_norm.is_none()
    }
}

/// Numbers that a program can be given: slices, arrays and vectors of `T` or of whole numbers.
pub trait AsData<T> {
    /// The numbers, borrowed.
    fn as_data(&self) -> Data<'_, T>;
}

impl AsData<f32> for [f32] {
    fn as_data(&self) -> Data<'_, f32> {
        Data::Float(self)
    }
}

impl AsData<f64> for [f64] {
    fn as_data(&self) -> Data<'_, f64> {
        Data::Float(self)
    }
}

impl<T> AsData<T> for [i64] {
    fn as_data(&self) -> Data<'_, T> {
        Data::Index(self)
    }
}

impl<T, E> AsData<T> for Vec<E>
where
    [E]: AsData<T>,
{
    fn as_data(&self) -> Data<'_, T> {
        self[..].as_data()
    }
}

impl<T, E, const N: usize> AsData<T> for [E; N]
where
    [E]: AsData<T>,
{
    fn as_data(&self) -> Data<'_, T> {
        self[..].as_data()
    }
}

impl<T: Copy> AsData<T> for Data<'_, T> {
    fn as_data(&self) -> Data<'_, T> {
        *self
    }
}

/// A compiled training step with all that it needs from one to the next: parameters, state, the optimizer's
/// memory, and places for results.
///
/// It takes the shortest way that the optimizer allows. Plain gradient descent adds what each layer
/// contributes straight to the parameters, and there is no gradient; every other optimizer gets the gradient
/// as one flat vector. Steps allocate nothing, and no bit of a result depends on the number of threads.
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

/// How the parameters move.
enum Way<T> {
    /// The program itself moves them.
    InPlace { plan: Plan<T> },
    /// The program gives a gradient, and the optimizer moves them.
    Gradient {
        plan: Plan<T>,
        gradient: Aligned<T>,
        next_state: Vec<T>,
        clip_value: Option<f64>,
        clip_norm: Option<f64>,
    },
}

impl<T: Precision> TrainingStep<T> {
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
        let compiling = Error::execution("compiling the training step");
        let in_place = IN_PLACE && options.is_plain_descent();
        let program = match in_place {
            true => network.sgd_program(input, target, loss)?,
            false => network.training_program(input, target, loss)?,
        };
        let plan = engine.compile(&program).map_err(compiling)?;
        let way = if in_place {
            Way::InPlace { plan }
        } else {
            Way::Gradient {
                plan,
                gradient: Aligned::new(T::ZERO, network.parameter_count()),
                next_state: network.initial_state(),
                clip_value: options.clip_value,
                clip_norm: options.clip_norm,
            }
        };
        let output = program.output("output").map_or(0, |port| program.outputs()[port].len());
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
        let (input, target) = (input.as_data(), target.as_data());
        let key = self.dropout.fold(self.steps);
        let mut loss = [T::ZERO];
        match &mut self.way {
            Way::InPlace { plan } => {
                let rate = [T::from_f64(optimizer.learning_rate() * self.factor)];
                let inputs = [Data::InPlace, Data::InPlace, input, target, Data::Float(&rate)];
                let mut outputs = [
                    DataMut::Float(&mut loss),
                    DataMut::Float(parameters),
                    DataMut::Float(state),
                    DataMut::Float(output),
                ];
                plan.run(&inputs, &mut outputs, key).map_err(Error::execution(TRAINING))?;
            }
            Way::Gradient { plan, gradient, next_state, clip_value: value, clip_norm: norm } => {
                let inputs = [Data::Float(parameters), Data::Float(state), input, target];
                let mut outputs = [
                    DataMut::Float(&mut loss),
                    DataMut::Float(gradient),
                    DataMut::Float(next_state),
                    DataMut::Float(output),
                ];
                plan.run(&inputs, &mut outputs, key).map_err(Error::execution(TRAINING))?;
                if value.is_some() || norm.is_some() {
                    optimizer.zero_frozen(gradient)?;
                }
                if let Some(limit) = *value {
                    clip_value(gradient, limit)?;
                }
                if let Some(limit) = *norm {
                    clip_global_norm(gradient, limit)?;
                }
                move_parameters(&self.engine, optimizer, parameters, gradient, self.factor)?;
                std::mem::swap(state, next_state);
            }
        }
        self.steps += 1;
        Ok(loss[0])
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
}

const TRAINING: &str = "training";

/// Whether the engine carries out updates in place.
const IN_PLACE: bool = true;

impl<T> std::fmt::Debug for TrainingStep<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingStep").field("steps", &self.steps).finish_non_exhaustive()
    }
}
