//! What a training step needs of memory, known before it is made.

use downhill_engine::Schedule;
use downhill_optim::OptimizerState;
use std::fmt;

/// The bytes that a training step holds, batch and data set not counted. Nothing is allocated while steps are made,
/// so this is the peak too.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_engine::Engine;
/// use downhill_nn::{Activation, Loss, Network, models};
/// use downhill_optim::Adam;
/// use downhill_train::TrainingStep;
///
/// let network = Network::new(models::mlp(&[128], 10, Activation::Relu), Type::float([1, 784]))?;
/// let (input, target) = (Type::float([32, 784]), Type::index([32]));
/// let step = TrainingStep::<f32>::new(&network, input, target, &Loss::CrossEntropy, Adam::default(), &Engine::default())?;
/// let memory = step.memory();
/// assert_eq!(memory.parameters, 101_770 * 4);
/// assert_eq!(memory.optimizer, 2 * memory.parameters);
/// println!("{memory}");
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepMemory {
    /// θ, and the state beside it.
    pub parameters: usize,
    /// The gradient; nothing where the program itself moves the parameters.
    pub gradient: usize,
    /// What the optimizer remembers.
    pub optimizer: usize,
    /// Values between the layers, forward and backward. Those that are not needed at the same time share their
    /// places.
    pub intermediates: usize,
    /// What the plans know ahead, and the space in which threads lay things out.
    pub workspace: usize,
    /// The network's output.
    pub output: usize,
}

impl StepMemory {
    /// All of it.
    pub fn total(&self) -> usize {
        let StepMemory { parameters, gradient, optimizer, intermediates, workspace, output } = self;
        parameters + gradient + optimizer + intermediates + workspace + output
    }

    /// With the memory of a plan.
    pub(crate) fn with_plan(mut self, schedule: &Schedule) -> Self {
        self.intermediates += schedule.intermediate_bytes;
        self.workspace += schedule.constant_bytes + schedule.scratch_bytes;
        self
    }
}

/// The bytes of an optimizer's memory.
pub(crate) fn optimizer_bytes<T>(state: &OptimizerState<T>) -> usize {
    let slots: usize = state.slots.iter().map(|slot| size_of_val(&slot.values[..])).sum();
    slots + state.scalars.len() * size_of::<f64>()
}

impl fmt::Display for StepMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "a step holds {:.2} MiB: parameters {:.2}, gradient {:.2}, optimizer {:.2}, intermediates {:.2}, \
             workspace {:.2}, output {:.2}",
            mib(self.total()),
            mib(self.parameters),
            mib(self.gradient),
            mib(self.optimizer),
            mib(self.intermediates),
            mib(self.workspace),
            mib(self.output),
        )
    }
}
