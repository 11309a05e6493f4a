//! A network in training: the step that the workloads have in common.

use crate::Result;
use crate::data::Batches;
use crate::workloads::Workload;
use downhill::autograd::Type;
use downhill::engine::{Engine, Plan};
use downhill::nn::{Layer, LossFunction, Network};
use downhill::optim::OptimizerConfig;
use downhill::train::TrainingStep;

/// A training step with the batches that it is fed.
pub struct Training {
    step: TrainingStep,
    batches: Batches,
}

impl Training {
    /// Compiles the step of a network on batches of these types.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches, or an optimizer with a rate outside its domain.
    pub fn new<L: Layer>(
        network: &Network<L>,
        [input, target]: [Type; 2],
        loss: &impl LossFunction,
        optimizer: impl Into<OptimizerConfig>,
        batches: Batches,
        engine: &Engine,
    ) -> Result<Self> {
        Ok(Training {
            step: TrainingStep::new(network, input, target, loss, optimizer.into(), engine)?,
            batches,
        })
    }
}

impl Workload for Training {
    fn step(&mut self) -> Result<f32> {
        let (input, target) = self.batches.next_batch();
        Ok(self.step.step(input, target)?)
    }

    fn parameters(&self) -> &[f32] {
        self.step.parameters()
    }

    fn plan_mut(&mut self) -> &mut Plan<f32> {
        self.step.plan_mut()
    }
}

#[cfg(test)]
mod tests {
    use crate::workloads::Line;
    use downhill::engine::Engine;

    #[test]
    fn a_step_moves_the_parameters() {
        let mut workload = "W5".parse::<Line>().unwrap().prepare(&Engine::default()).unwrap().workload;
        let before = workload.parameters().to_vec();
        workload.step().unwrap();
        assert!(
            workload
                .parameters()
                .iter()
                .zip(&before)
                .all(|(after, before)| after.is_finite() && after != before)
        );
    }
}
