//! A trained model: everything that is needed to use it.

use crate::evaluator::{self, Evaluator};
use crate::predictions::{labels, probabilities};
use crate::{Error, Evaluation, Predictions, Result, baseline, file};
use downhill_data::{InMemory, Preprocessing, Schema, TargetKind, TargetSchema};
use downhill_engine::Engine;
use downhill_nn::metrics::ConfusionMatrix;
use downhill_nn::{AnyLayer, Loss, Network, Summary};
use std::path::Path;

/// A trained model: the network as a description, its parameters and state, the preprocessing that was fitted
/// on the training data, and the loss.
///
/// It takes data as it comes from its source, in the form of the training data ([`Model::schema`]).
#[derive(Clone, Debug)]
pub struct Model {
    layers: AnyLayer,
    network: Network<AnyLayer>,
    parameters: Vec<f32>,
    state: Vec<f32>,
    preprocessing: Preprocessing,
    loss: Loss,
    title: String,
    constant: Vec<f64>,
    engine: Engine,
}

impl Model {
    /// The parts must fit each other; [`file::read`] checks them, and the trainer makes them so.
    #[allow(clippy::too_many_arguments, reason = "each part comes from somewhere else, and only twice")]
    pub(crate) fn new(
        layers: AnyLayer,
        network: Network<AnyLayer>,
        parameters: Vec<f32>,
        state: Vec<f32>,
        preprocessing: Preprocessing,
        loss: Loss,
        title: String,
        constant: Vec<f64>,
        engine: Engine,
    ) -> Self {
        Model { layers, network, parameters, state, preprocessing, loss, title, constant, engine }
    }

    /// What the model says about each example. The data needs no target; one that it has is not looked at.
    ///
    /// # Errors
    /// Data of another form than the training data.
    pub fn predict(&self, data: &InMemory) -> Result<Predictions> {
        let ready = self.ready(data, "the data to predict for")?;
        let width = self.network.output().shape.size();
        let outputs = evaluator::outputs(&self.network, &self.engine, &ready, &self.parameters, &self.state)?;
        match &self.preprocessing.schema().target {
            TargetSchema::Values { name, width } => {
                let mut values: Vec<f64> = outputs.iter().map(|&y| f64::from(y)).collect();
                self.preprocessing.invert_targets(&mut values);
                Ok(Predictions::Values { name: name.clone(), width: *width, values })
            }
            target => Ok(Predictions::Classes {
                names: target.classes().to_vec(),
                labels: labels(&outputs, width)?,
                probabilities: outputs
                    .chunks_exact(width.max(1))
                    .flat_map(|row| probabilities(&self.loss, row))
                    .collect(),
            }),
        }
    }

    /// How good the model is on data with a target.
    ///
    /// # Errors
    /// Data of another form than the training data, without a target, or without examples.
    pub fn evaluate(&self, data: &InMemory) -> Result<Evaluation> {
        let ready = self.ready_with_target(data)?;
        let Model { network, loss, engine, preprocessing, .. } = self;
        let mut evaluator = Evaluator::new(network, loss, engine, &ready, data, preprocessing)?;
        let mut confusion = match ready.target_kind() {
            TargetKind::Classes { count } => Some(ConfusionMatrix::new(count)),
            _ => None,
        };
        let evaluation = evaluator.evaluate(&self.parameters, &self.state, confusion.as_mut())?;
        Ok(Evaluation { confusion, ..evaluation })
    }

    /// The loss of each example by itself, in their order, as it was trained on.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn losses(&self, data: &InMemory) -> Result<Vec<f64>> {
        let ready = self.ready_with_target(data)?;
        let Model { network, loss, engine, parameters, state, .. } = self;
        evaluator::losses(network, loss, engine, &ready, parameters, state)
    }

    /// How good it would be on this data to give always the same answer: the most frequent class of the
    /// training data, or the mean of its target. The loss is that of the classes' shares as probabilities, or
    /// of the mean.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn baseline(&self, data: &InMemory) -> Result<Evaluation> {
        let ready = self.ready_with_target(data)?;
        baseline::evaluate(&self.constant, &self.loss, &self.preprocessing, &ready, data)
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(self, path.as_ref())
    }

    /// Reads a model from a file of [`Model::save`], or from the folder of a run. It computes on one thread
    /// until [`Model::set_threads`] says otherwise.
    ///
    /// # Errors
    /// A file that cannot be read, is no model, was written by a later version, or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        if path.is_dir() {
            return crate::RunDirectory::open(path)?.model();
        }
        file::read(path)
    }

    /// Lets the model compute on this many threads; the results do not depend on it.
    pub fn set_threads(&mut self, threads: usize) {
        self.engine = Engine::with_threads(threads);
    }

    /// The form of the data that the model was trained on, and takes.
    pub fn schema(&self) -> &Schema {
        self.preprocessing.schema()
    }

    /// What was fitted on the training data, and is done to all data first.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The network as a value.
    pub fn layers(&self) -> &AnyLayer {
        &self.layers
    }

    /// The network with its layout; it takes data after preprocessing.
    pub fn network(&self) -> &Network<AnyLayer> {
        &self.network
    }

    /// All parameters, in the order of the network's layout.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// The state beside the parameters, such as running statistics.
    pub fn state(&self) -> &[f32] {
        &self.state
    }

    /// The number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters.len()
    }

    /// The table of layers, outputs and parameters.
    pub fn summary(&self) -> &Summary {
        self.network.summary()
    }

    /// What it was trained to make small.
    pub fn loss(&self) -> &Loss {
        &self.loss
    }

    /// What the training data is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The same model with other parameters, in the order of the network's layout.
    ///
    /// # Errors
    /// Another number of them than the network has.
    pub fn with_parameters(mut self, parameters: Vec<f32>) -> Result<Model> {
        Error::check_length("the parameters", self.parameters.len(), parameters.len())?;
        self.parameters = parameters;
        Ok(self)
    }

    /// Takes over weights, which must be as many as the network has.
    #[cfg(feature = "exchange")]
    pub(crate) fn set_weights(&mut self, weights: crate::state_dict::Weights<f32>) {
        self.parameters = weights.parameters;
        self.state = weights.state;
    }

    /// The constant answer that [`Model::baseline`] gives.
    pub(crate) fn constant(&self) -> &[f64] {
        &self.constant
    }

    fn ready(&self, data: &InMemory, role: &'static str) -> Result<InMemory> {
        self.preprocessing.apply(data).map_err(Error::data(role))
    }

    fn ready_with_target(&self, data: &InMemory) -> Result<InMemory> {
        let role = "the data to evaluate on";
        if data.target_kind() == TargetKind::None {
            return Err(Error::NoTarget { role, title: data.title().into() });
        }
        self.ready(data, role)
    }
}
