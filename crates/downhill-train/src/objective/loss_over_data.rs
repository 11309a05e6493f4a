//! The mean loss of a network over a data set, as a function of the network's parameters.

use crate::step::{input_type, target_type};
use crate::{Error, Model, Result};
use downhill_autograd::{Data, DataMut, Output, Program, Run, Tape, Type};
use downhill_data::{Batch, Dataset, InMemory, TargetKind, Targets};
use downhill_engine::{Engine, EnginePrecision, Plan};
use downhill_nn::{AnyLayer, Layer, Loss, LossFunction, Mode, Network, Scope};
use downhill_optim::minimize::{HessianVectorProduct, Objective};
use downhill_tensor::{Key, ParameterLayout};
use std::ops::Range;

/// What a [`LossOverData`] computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossOptions {
    /// Whether the network computes as in training or as in use. Default [`Mode::Training`], the function whose
    /// gradient training follows: batch normalization normalizes by the batch, so that the loss depends on which
    /// examples share one, and dropout drops, the same units for every θ. A network without these two has one and
    /// the same loss in both.
    pub mode: Mode,
    /// How many examples go through the network at once, at least 1; the last batch may have fewer. Default 256.
    pub batch_size: usize,
    /// How many examples count: the first ones of the data. Default all.
    pub examples: Option<usize>,
    /// What dropout is drawn from, in training mode. Default 42.
    pub seed: u64,
}

impl Default for LossOptions {
    fn default() -> Self {
        LossOptions { mode: Mode::Training, batch_size: 256, examples: None, seed: 42 }
    }
}

/// The mean loss of a network over a data set, `f(θ) = 1/n Σ_b n_b loss_b(θ)`, as a function of the network's
/// parameters θ: b counts batches of n_b examples, and n is the sum of n_b.
///
/// Value, gradient and products with the Hessian are compiled once for each size of batch. Batches have a fixed
/// size and come in the order of the data, and their sums are added up in that order, so the bits depend on
/// the batch size and on nothing else: not on the number of threads, and not on what was computed before. Data, θ and
/// results are of precision `T`: `f64` for curvature, `f32` for the bits of training. The state beside the
/// parameters (running statistics) stays as it was given; it counts in [`Mode::Inference`] alone.
///
/// For a part of the data take [`LossOptions::examples`], or [`InMemory::subset`] for any list of examples; a single
/// batch has [`batch_gradient`](Self::batch_gradient).
///
/// ```
/// use downhill_data::{Preprocessing, embedded};
/// use downhill_engine::Engine;
/// use downhill_nn::{Activation, Loss, Network, models};
/// use downhill_tensor::Key;
/// use downhill_train::objective::{LossOptions, LossOverData};
///
/// let iris = embedded::load("iris")?;
/// let iris = Preprocessing::fit(&iris, Default::default())?.apply(&iris)?;
/// let network = Network::new(models::mlp(&[8], 3, Activation::Tanh).into(), downhill_autograd::Type::float([1, 4]))?;
/// let engine = Engine::default();
/// let options = LossOptions::default();
/// let mut loss =
///     LossOverData::<f64>::new(&network, &Loss::CrossEntropy, &engine, &iris, &[], options)?;
///
/// let theta: Vec<f64> = network.initialize(Key::new(1));
/// let mut gradient = vec![0.0; loss.dimension()];
/// let before = loss.value_and_gradient(&theta, &mut gradient)?;
/// let lower: Vec<f64> = theta.iter().zip(&gradient).map(|(x, slope)| x - 0.1 * slope).collect();
/// assert!(loss.value(&lower)? < before);
///
/// // How much the slope along the gradient changes on the way: the curvature there.
/// let mut bent = vec![0.0; loss.dimension()];
/// loss.hessian_vector(&theta, &gradient, &mut bent)?;
/// let along = |v: &[f64]| gradient.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
/// assert!((along(&bent) / along(&gradient)).is_finite());
///
/// // It is an objective like any other, for every minimizer.
/// use downhill_optim::minimize::{Lbfgs, Method, MinimizeOptions, minimize, unobserved};
/// let mut theta = theta;
/// let method = Method::Lbfgs(Lbfgs::default());
/// let end = minimize(&mut loss, &mut theta, &method, &MinimizeOptions::default(), unobserved)?;
/// assert!(end.value < 0.1 * before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LossOverData<'a, T = f64, L = AnyLayer> {
    network: &'a Network<L>,
    loss: &'a Loss,
    engine: Engine,
    data: InMemory,
    rows: Vec<usize>,
    state: Vec<T>,
    options: LossOptions,
    plans: Vec<(Pass, usize, Plan<T>)>,
    batch: Batch<T>,
    /// What one batch contributes to a sum of vectors.
    part: Vec<T>,
}

/// What is computed of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Value,
    Gradient,
    HessianVector,
}

impl Pass {
    /// For errors: what goes on.
    fn during(self) -> &'static str {
        match self {
            Pass::Value => "computing the loss over data",
            Pass::Gradient => "computing the gradient over data",
            Pass::HessianVector => "computing a product with the Hessian over data",
        }
    }
}

impl<'a, T: EnginePrecision> LossOverData<'a, T> {
    /// The loss that a model was trained on, over data as it comes from its source: the model's own preprocessing is
    /// applied first, and the state is the model's. Its point is [`point`](Self::point) of the model's parameters.
    ///
    /// # Errors
    /// Data of another form than the training data, or without target; as [`LossOverData::new`].
    pub fn of_model(model: &'a Model, raw: &InMemory, engine: &Engine, options: LossOptions) -> Result<Self> {
        let role = "the data of the loss";
        if raw.target_kind() == TargetKind::None {
            return Err(Error::NoTarget { role, title: raw.title().into() });
        }
        let data = model.preprocessing().apply(raw).map_err(Error::data(role))?;
        let state = Self::point(model.state());
        LossOverData::new(model.network(), model.loss(), engine, &data, &state, options)
    }

    /// Parameters or state of a trained model in this precision, each number the same.
    pub fn point(values: &[f32]) -> Vec<T> {
        values.iter().map(|&x| T::from_f64(f64::from(x))).collect()
    }
}

impl<'a, T: EnginePrecision, L: Layer> LossOverData<'a, T, L> {
    /// The loss of a network over data that has gone through the preprocessing. `state` is what the network keeps
    /// beside its parameters, or nothing for [`Network::initial_state`].
    ///
    /// # Errors
    /// Data without target or examples, or with fewer than are asked for; a batch size of 0; a state of the wrong
    /// length; a network that does not take the data.
    pub fn new(
        network: &'a Network<L>,
        loss: &'a Loss,
        engine: &Engine,
        data: &InMemory,
        state: &[T],
        options: LossOptions,
    ) -> Result<Self> {
        let role = "the data of the loss";
        if data.target_kind() == TargetKind::None {
            return Err(Error::NoTarget { role, title: data.title().into() });
        }
        let examples = options.examples.unwrap_or(data.len());
        if data.is_empty() || examples == 0 {
            let source = downhill_data::Error::NoExamples { title: data.title().into() };
            return Err(Error::data(role)(source));
        }
        if examples > data.len() {
            let (expected, actual) = ("at most the number of examples that there are", examples.to_string());
            return Err(Error::Option { option: "examples", expected, actual });
        }
        if options.batch_size == 0 {
            let (expected, actual) = ("at least 1", "0".into());
            return Err(Error::Option { option: "batch_size", expected, actual });
        }
        let expected = network.state_layout().len();
        let state = if state.is_empty() { network.initial_state() } else { state.to_vec() };
        check_length("the network's state", expected, state.len())?;
        let capacity = options.batch_size.min(examples);
        let mut over_data = LossOverData {
            network,
            loss,
            engine: engine.clone(),
            rows: (0..examples).collect(),
            state,
            options: LossOptions { batch_size: capacity, ..options },
            plans: Vec::new(),
            batch: Batch::with_capacity(data as &dyn Dataset<T>, capacity),
            part: vec![T::ZERO; network.parameter_count()],
            data: data.clone(),
        };
        // What does not fit shows here and not at the first point.
        over_data.plan(Pass::Value, capacity)?;
        Ok(over_data)
    }

    /// The number of parameters: the length of θ.
    pub fn dimension(&self) -> usize {
        self.network.parameter_count()
    }

    /// Names, shapes and ranges of the parameters.
    pub fn layout(&self) -> &ParameterLayout {
        self.network.layout()
    }

    /// The number of examples that count.
    pub fn examples(&self) -> usize {
        self.rows.len()
    }

    /// The number of batches.
    pub fn batches(&self) -> usize {
        self.rows.len().div_ceil(self.options.batch_size)
    }

    /// The number of examples of a batch; 0 beyond the last.
    pub fn batch_len(&self, batch: usize) -> usize {
        self.range(batch).len()
    }

    /// Whether the network computes as in training or as in use.
    pub fn mode(&self) -> Mode {
        self.options.mode
    }

    /// f(θ).
    ///
    /// # Errors
    /// A θ of the wrong length, or values that an operation cannot take. A loss that is not finite is none.
    pub fn value(&mut self, theta: &[T]) -> Result<f64> {
        let mut sum = 0.0;
        for batch in 0..self.batches() {
            sum += self.run(Pass::Value, batch, theta, None)? * self.batch_len(batch) as f64;
        }
        Ok(sum / self.examples() as f64)
    }

    /// f(θ), and its gradient.
    ///
    /// # Errors
    /// As [`value`](Self::value); a place for the gradient of the wrong length; an operation without derivative.
    pub fn value_and_gradient(&mut self, theta: &[T], gradient: &mut [T]) -> Result<f64> {
        check_length("the gradient", self.dimension(), gradient.len())?;
        let mut sum = 0.0;
        gradient.fill(T::ZERO);
        for batch in 0..self.batches() {
            let loss = self.run(Pass::Gradient, batch, theta, None)?;
            sum += loss * self.batch_len(batch) as f64;
            self.add_part(batch, gradient);
        }
        Ok(sum / self.examples() as f64)
    }

    /// The product of the Hessian of f at θ with `direction`: forward over reverse mode, exact up to rounding, for
    /// about four times the work of the gradient.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient); an operation without a second derivative.
    pub fn hessian_vector(&mut self, theta: &[T], direction: &[T], product: &mut [T]) -> Result<()> {
        check_length("the direction", self.dimension(), direction.len())?;
        check_length("the product", self.dimension(), product.len())?;
        product.fill(T::ZERO);
        for batch in 0..self.batches() {
            self.run(Pass::HessianVector, batch, theta, Some(direction))?;
            self.add_part(batch, product);
        }
        Ok(())
    }

    /// The mean loss over one batch, counted from 0, and its gradient: what a step of training sees. Their mean,
    /// weighted by [`batch_len`](Self::batch_len), is the gradient over all data.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient); a batch beyond the last.
    pub fn batch_gradient(&mut self, batch: usize, theta: &[T], gradient: &mut [T]) -> Result<f64> {
        if batch >= self.batches() {
            let (expected, actual) = ("below the number of batches", batch.to_string());
            return Err(Error::Option { option: "batch", expected, actual });
        }
        check_length("the gradient", self.dimension(), gradient.len())?;
        let loss = self.run(Pass::Gradient, batch, theta, None)?;
        gradient.copy_from_slice(&self.part);
        Ok(loss)
    }

    fn range(&self, batch: usize) -> Range<usize> {
        let size = self.options.batch_size;
        let start = batch.saturating_mul(size).min(self.rows.len());
        start..start.saturating_add(size).min(self.rows.len())
    }

    /// Adds what the last batch gave, with its weight.
    fn add_part(&self, batch: usize, sum: &mut [T]) {
        let weight = T::from_f64(self.batch_len(batch) as f64 / self.examples() as f64);
        sum.iter_mut().zip(&self.part).for_each(|(sum, &part)| *sum += weight * part);
    }

    /// Computes one batch; its vector, where there is one, lies in `part` then.
    fn run(&mut self, pass: Pass, batch: usize, theta: &[T], direction: Option<&[T]>) -> Result<f64> {
        check_length("the vector of parameters", self.dimension(), theta.len())?;
        let range = self.range(batch);
        let number = self.plan(pass, range.len())?;
        let LossOverData { plans, batch: examples, data, rows, state, part, options, .. } = self;
        examples.fill(&*data, &rows[range]).map_err(Error::data("the data of the loss"))?;
        let target = match &examples.targets {
            Targets::Values { values, .. } => Data::Float(&values[..]),
            _ => Data::Index(examples.labels()),
        };
        let key = Key::new(options.seed).named("dropout").fold(batch as u64);
        let mut loss = [T::ZERO];
        let mut inputs =
            vec![Data::Float(theta), Data::Float(&state[..]), Data::Float(&examples.inputs), target];
        inputs.extend(direction.map(Data::Float));
        let plan = &mut plans[number].2;
        let outcome = match pass {
            Pass::Value => plan.run(&inputs, &mut [DataMut::Float(&mut loss)], key),
            Pass::Gradient => plan.run(&inputs, &mut [DataMut::Float(&mut loss), DataMut::Float(part)], key),
            Pass::HessianVector => plan.run(&inputs, &mut [DataMut::Float(part)], key),
        };
        outcome.map_err(Error::execution(pass.during()))?;
        Ok(loss[0].to_f64())
    }

    /// The position of the plan for this, which is compiled where it is asked for first.
    fn plan(&mut self, pass: Pass, size: usize) -> Result<usize> {
        let known = |(known, of, _): &(Pass, usize, Plan<T>)| (*known, *of) == (pass, size);
        if let Some(number) = self.plans.iter().position(known) {
            return Ok(number);
        }
        let input = input_type(size, self.data.input_shape())?;
        let target = target_type(size, self.data.target_kind());
        let program = record(self.network, self.loss, self.options.mode, pass, input, target)?;
        let plan = self.engine.compile(&program).map_err(Error::execution(pass.during()))?;
        self.plans.push((pass, size, plan));
        Ok(self.plans.len() - 1)
    }
}

impl<T: EnginePrecision, L: Layer> Objective<T> for LossOverData<'_, T, L> {
    type Error = Error;

    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T> {
        LossOverData::value_and_gradient(self, x, gradient).map(T::from_f64)
    }

    fn value(&mut self, x: &[T]) -> Result<T> {
        LossOverData::value(self, x).map(T::from_f64)
    }

    fn value_is_cheaper(&self) -> bool {
        true
    }

    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<T, Error = Error>> {
        Some(self)
    }
}

impl<T: EnginePrecision, L: Layer> HessianVectorProduct<T> for LossOverData<'_, T, L> {
    type Error = Error;

    fn hessian_vector_product(&mut self, x: &[T], direction: &[T], product: &mut [T]) -> Result<()> {
        self.hessian_vector(x, direction, product)
    }
}

/// Inputs: `parameters` \[P\], `state` \[S\], `input`, `target`, and for a product `direction` \[P\]. Outputs: `loss`
/// \[\] and `gradient` \[P\], or `product` \[P\].
fn record<L: Layer>(
    network: &Network<L>,
    loss: &Loss,
    mode: Mode,
    pass: Pass,
    input: Type,
    target: Type,
) -> Result<Program> {
    let tape = Tape::new();
    let scope = Scope::new(&tape, mode);
    let x = scope.input("input", input);
    let output = network.layer().forward(&scope, x);
    let target = scope.input("target", target);
    let value = tape.at_path("(loss)", || loss.loss(output, target).reshape(()));
    if let Some(error) = tape.error() {
        return Err(downhill_nn::Error::from(error).into());
    }
    if scope.layout() != *network.layout() || scope.state_layout() != *network.state_layout() {
        let reason = format!("the network needs other parameters for an input of {input}");
        return Err(Error::Mismatch { what: "the network".into(), reason });
    }
    let parameters = scope.parameters();
    let program = match pass {
        Pass::Value => tape.finish(&[Output::new("loss", &value)]),
        Pass::Gradient => {
            let gradient = tape.grad(value, &parameters);
            tape.finish(&[Output::new("loss", &value), Output::flat("gradient", &gradient)])
        }
        Pass::HessianVector => {
            let port = tape.vector("direction");
            let entries = network.layout().entries().iter();
            let direction: Vec<_> = entries.map(|entry| tape.part(port, &entry.name, entry.shape)).collect();
            tape.finish(&[Output::flat("product", &tape.hvp(value, &parameters, &direction))])
        }
    };
    Ok(program.map_err(downhill_nn::Error::from)?)
}

/// Refuses a vector of the wrong length.
fn check_length(what: &str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    let reason = format!("{actual} numbers came, and the network takes {expected}");
    Err(Error::Mismatch { what: what.into(), reason })
}
