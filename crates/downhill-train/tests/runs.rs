//! Whole training runs in double precision that go as PyTorch's do, loss by loss, by the interpreter and by the
//! engine; `oracles/runs.py` wrote the losses.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "common/streams.rs"]
mod streams;

use downhill_autograd::{Data, DataMut, Executor, Interpreter, Kind, Run, Type};
use downhill_engine::Engine;
use downhill_nn::{
    Activation, AnyLayer, AvgPool2d, BatchNorm, Conv2d, Embedding, Flatten, LayerNorm, Linear, Loss, Lstm,
    MaxPool2d, Network, PositionEmbedding, Sequential, TransformerBlock,
};
use downhill_optim::{Adam, AdamW, CosineAnnealing, Optimizer, OptimizerConfig, RmsProp, Schedule, Sgd};
use downhill_tensor::Key;
use downhill_train::TrainingStep;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How far a number may be from PyTorch's, as a part of it.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct File {
    runs: BTreeMap<String, Way>,
}

/// How a run went.
#[derive(Deserialize)]
struct Way {
    /// Before each step.
    losses: Vec<f64>,
    /// Of all parameters, after the last step.
    parameter_norm: f64,
    /// The running statistics after the last step.
    state: Vec<f64>,
}

/// What is trained, on what, and how.
struct Setting {
    layer: AnyLayer,
    input: Type,
    target: Type,
    /// How many classes inputs and targets have, where they are whole numbers.
    classes: usize,
    loss: Loss,
    optimizer: OptimizerConfig,
    schedule: Schedule,
}

/// The numbers of a batch, of either kind.
enum Numbers {
    Float(Vec<f64>),
    Index(Vec<i64>),
}

impl Numbers {
    fn new(ty: Type, classes: usize, key: Key) -> Self {
        match ty.kind {
            Kind::Index => Numbers::Index(streams::whole(key, ty.shape.size(), classes)),
            Kind::Float => {
                let mut values = vec![0.0; ty.shape.size()];
                streams::around_zero(key, &mut values);
                Numbers::Float(values)
            }
        }
    }

    fn data(&self) -> Data<'_, f64> {
        match self {
            Numbers::Float(values) => Data::Float(values),
            Numbers::Index(values) => Data::Index(values),
        }
    }
}

impl Setting {
    fn network(&self) -> Network<AnyLayer> {
        Network::new(self.layer.clone(), self.input).unwrap()
    }

    fn batch(&self, step: u64) -> [Numbers; 2] {
        let key = streams::batch(step);
        [(self.input, "input"), (self.target, "target")]
            .map(|(ty, name)| Numbers::new(ty, self.classes, key.named(name)))
    }

    /// By the definition of each operation, and one call of the optimizer a step.
    fn by_the_interpreter(&self, steps: u64) -> Way {
        let network = self.network();
        let program = network.training_program(self.input, self.target, &self.loss).unwrap();
        let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
        let mut optimizer = Optimizer::with_groups(self.optimizer.clone(), network.layout(), &[]).unwrap();
        let mut parameters = vec![0.0; network.parameter_count()];
        streams::start(network.layout(), &mut parameters);
        let mut state: Vec<f64> = network.initial_state();
        let (mut gradient, mut next) = (parameters.clone(), state.clone());
        let mut output = vec![0.0; program.outputs()[program.output("output").unwrap()].len()];
        let mut losses = Vec::new();
        for step in 0..steps {
            let [input, target] = self.batch(step);
            let mut loss = [0.0];
            let inputs = [Data::Float(&parameters), Data::Float(&state), input.data(), target.data()];
            let outputs = [&mut loss[..], &mut gradient, &mut next, &mut output];
            run.run(&inputs, &mut outputs.map(DataMut::Float), Key::new(0)).unwrap();
            optimizer.step_scaled(&mut parameters, &gradient, self.schedule.factor(step)).unwrap();
            std::mem::swap(&mut state, &mut next);
            losses.push(loss[0]);
        }
        Way { losses, parameter_norm: downhill_optim::global_norm(&parameters), state }
    }

    /// By a compiled step on two threads.
    fn by_the_engine(&self, steps: u64) -> Way {
        let (network, engine, rule) = (self.network(), Engine::with_threads(2), self.optimizer.clone());
        let (input, target) = (self.input, self.target);
        let mut step = TrainingStep::<f64>::new(&network, input, target, &self.loss, rule, &engine).unwrap();
        streams::start(network.layout(), step.parameters_mut());
        let mut losses = Vec::new();
        for number in 0..steps {
            let [input, target] = self.batch(number);
            step.set_learning_rate_factor(self.schedule.factor(number)).unwrap();
            losses.push(step.step(&input.data(), &target.data()).unwrap());
        }
        let parameter_norm = downhill_optim::global_norm(step.parameters());
        Way { losses, parameter_norm, state: step.state().to_vec() }
    }

    /// Compares the run with PyTorch's of this name.
    fn agrees(&self, name: &str) {
        let file: File = serde_json::from_str(include_str!("oracles/runs.json")).unwrap();
        let theirs = &file.runs[name];
        let steps = theirs.losses.len() as u64;
        assert!(steps >= 50, "{name}: {steps} steps");
        theirs.is(&self.by_the_interpreter(steps), &format!("{name} by the interpreter"));
        theirs.is(&self.by_the_engine(steps), &format!("{name} by the engine"));
    }
}

impl Way {
    fn is(&self, ours: &Way, name: &str) {
        let close = |ours: f64, theirs: f64, what: String| {
            let difference = (ours - theirs).abs();
            assert!(difference <= TOLERANCE * theirs.abs(), "{name}, {what}: {ours} is not {theirs}");
        };
        assert_eq!(ours.losses.len(), self.losses.len());
        for (step, (&ours, &theirs)) in ours.losses.iter().zip(&self.losses).enumerate() {
            close(ours, theirs, format!("loss of step {step}"));
        }
        close(ours.parameter_norm, self.parameter_norm, "norm of the parameters".into());
        assert_eq!(ours.state.len(), self.state.len(), "{name}");
        for (index, (&ours, &theirs)) in ours.state.iter().zip(&self.state).enumerate() {
            close(ours, theirs, format!("running statistic {index}"));
        }
    }
}

#[test]
fn a_multilayer_perceptron_under_adam_goes_as_in_pytorch() {
    let layers = Sequential::new()
        .with(Linear::new(16))
        .with(Activation::Tanh)
        .with(Linear::new(12))
        .with(Activation::Relu)
        .with(Linear::new(2));
    let setting = Setting {
        layer: layers.into(),
        input: Type::float([16, 6]),
        target: Type::float([16, 2]),
        classes: 0,
        loss: Loss::MeanSquaredError,
        optimizer: Adam { learning_rate: 0.01, ..Adam::default() }.into(),
        schedule: Schedule::Constant,
    };
    setting.agrees("mlp");
}

#[test]
fn a_convolutional_network_under_nesterov_goes_as_in_pytorch() {
    let layers = Sequential::new()
        .with(Conv2d { padding: [1, 1], ..Conv2d::new(4, 3) })
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(MaxPool2d::new(2))
        .with(Conv2d { padding: [1, 1], stride: [2, 2], ..Conv2d::new(6, 3) })
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(AvgPool2d::new(2))
        .with(Flatten {})
        .with(Linear::new(5));
    let sgd =
        Sgd { learning_rate: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-3, ..Sgd::default() };
    let setting = Setting {
        layer: layers.into(),
        input: Type::float([8, 2, 8, 8]),
        target: Type::index([8]),
        classes: 5,
        loss: Loss::CrossEntropy,
        optimizer: sgd.into(),
        schedule: Schedule::Constant,
    };
    setting.agrees("cnn");
}

#[test]
fn an_lstm_under_rmsprop_goes_as_in_pytorch() {
    let rule = RmsProp { learning_rate: 3e-3, momentum: 0.5, centered: true, ..RmsProp::default() };
    let setting = Setting {
        layer: Sequential::new().with(Lstm::new(12)).with(Linear::new(4)).into(),
        input: Type::float([8, 9, 5]),
        target: Type::index([8]),
        classes: 4,
        loss: Loss::CrossEntropy,
        optimizer: rule.into(),
        schedule: Schedule::Constant,
    };
    setting.agrees("lstm");
}

#[test]
fn a_transformer_under_adamw_along_a_cosine_goes_as_in_pytorch() {
    let layers = Sequential::new()
        .with_named("tokens", Embedding::new(11, 16))
        .with_named("positions", PositionEmbedding::new(10))
        .with_named("block", TransformerBlock::causal(2))
        .with_named("norm", LayerNorm::default())
        .with_named("head", Linear::new(11));
    let setting = Setting {
        layer: layers.into(),
        input: Type::index([4, 10]),
        target: Type::index([4, 10]),
        classes: 11,
        loss: Loss::CrossEntropy,
        optimizer: AdamW { learning_rate: 5e-3, weight_decay: 0.1, ..AdamW::default() }.into(),
        schedule: Schedule::Cosine(CosineAnnealing::over(50)),
    };
    setting.agrees("transformer");
}
