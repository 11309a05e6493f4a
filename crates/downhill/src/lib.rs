#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use downhill_autograd as autograd;
pub use downhill_data as data;
pub use downhill_engine as engine;
pub use downhill_nn as nn;
pub use downhill_optim as optim;
pub use downhill_tensor as tensor;
pub use downhill_train as train;

/// What most programs need, to be imported with `use downhill::prelude::*`.
///
/// Errors and results stay in their crates, since there is one of each in every crate.
pub mod prelude {
    pub use downhill_autograd::{
        Data, DataMut, Executor, Interpreter, Output, Program, Run, Tape, Type, Var, value_and_grad,
    };
    pub use downhill_data::{
        BatchSize, Dataset, Features, InMemory, InputSchema, PartSize, Preprocessing, Target, csv, embedded,
        generators,
    };
    pub use downhill_engine::{Engine, Plan};
    pub use downhill_nn::{
        Activation, AvgPool2d, BatchNorm, Conv2d, Dropout, Embedding, Flatten, Init, Layer, LayerNorm,
        Linear, Loss, MaxPool2d, Mode, Network, Residual, Scope, Sequential, layer_fn, loss_fn, models,
    };
    pub use downhill_optim::{
        Adagrad, Adam, AdamW, AverageKind, CosineAnnealing, CosineRestarts, Cyclic, ExponentialDecay,
        GradientAccumulator, GradientDescent, InverseSquareRoot, InverseTimeDecay, LinearChange, Lion,
        Lookahead, MultiStepDecay, Muon, NAdam, OneCycle, Optimizer, OptimizerConfig, ParameterAverage,
        ParameterGroup, Plateau, PolynomialDecay, RAdam, ReduceOnPlateau, RmsProp, Schedule,
        ScheduleFreeAdamW, ScheduleFreeSgd, Sgd, SharpnessAware, StepDecay, WarmUp, clip_adaptive,
        clip_global_norm, clip_value,
    };
    pub use downhill_tensor::{Key, Shape, Tensor};
    pub use downhill_train::{
        Averaging, Callback, EarlyStopping, Event, History, Model, ModelSpec, Outcome, Predictions,
        RunDirectory, StopReason, TrainConfig, Trainer,
    };
}

/// The code in the README at the top of the repository, compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct TopReadme;
