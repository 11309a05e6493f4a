//! What is chosen where the command line leaves it open. The help texts in `options` state the same.

use downhill::data::BatchSize;

/// The network.
pub const MODEL: &str = "mlp:128";
/// The activation of its hidden layers.
pub const ACTIVATION: &str = "relu";
/// The optimizer.
pub const OPTIMIZER: &str = "adam";

/// The learning rate to start from with the optimizer of this name.
///
/// Optimizers that divide by the size of past gradients move every parameter by about the rate itself; the
/// others move by the rate times the gradient, which is small, and momentum of 0.9 makes that ten times more.
pub fn learning_rate(optimizer: &str) -> f64 {
    match optimizer.replace('-', "_").as_str() {
        "adam"
        | "adamw"
        | "amsgrad"
        | "adamax"
        | "nadam"
        | "radam"
        | "adabelief"
        | "adan"
        | "lamb"
        | "lookahead"
        | "schedule_free_adamw" => 0.005,
        "lion" => 0.0005,
        "rmsprop" => 0.001,
        "yogi" | "adafactor" | "rprop" | "muon" => 0.01,
        "adagrad" => 0.02,
        "momentum" | "nesterov" => 0.02,
        "adadelta" | "lars" | "schedule_free_sgd" => 1.0,
        _ => 0.1,
    }
}

/// 32 examples, and 64 where there are 10,000 or more.
pub fn batch_size(examples: usize) -> BatchSize {
    BatchSize::Examples(if examples < 10_000 { 32 } else { 64 })
}

/// Epochs for about 3,000 steps: at least 5, at most 200.
pub fn epochs(steps_per_epoch: u64) -> u64 {
    const STEPS: u64 = 3000;
    STEPS.div_ceil(steps_per_epoch.max(1)).clamp(5, 200)
}

/// As many threads as were asked for, or as the machine runs at once.
pub fn threads(asked: Option<u64>) -> usize {
    match asked {
        Some(threads) => usize::try_from(threads).unwrap_or(usize::MAX),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}
