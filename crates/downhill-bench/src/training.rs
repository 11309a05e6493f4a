//! A network in training: the step that the workloads have in common.

use crate::Result;
use crate::cost::Cost;
use crate::data::Batches;
use crate::workloads::{Prepared, Workload};
use downhill::autograd::Type;
use downhill::engine::{Engine, Plan};
use downhill::nn::{Loss, Network, Sequential};
use downhill::optim::OptimizerConfig;
use downhill::train::TrainingStep;

/// A network and all that its training needs.
pub struct Task {
    /// The network.
    pub network: Network<Sequential>,
    /// The types of a batch: of its inputs and of its targets.
    pub types: [Type; 2],
    /// What is minimized.
    pub loss: Loss,
    /// By what.
    pub optimizer: OptimizerConfig,
    /// What it is trained on.
    pub batches: Batches,
    /// What a step costs at least.
    pub cost: Cost,
}

impl Task {
    /// Compiles the step on the threads of `engine`.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches, or an optimizer with a rate outside its domain.
    pub fn prepare(self, engine: &Engine) -> Result<Prepared> {
        let [input, target] = self.types;
        let step = TrainingStep::new(&self.network, input, target, &self.loss, self.optimizer, engine)?;
        let workload = Box::new(Training { step, batches: self.batches });
        Ok(Prepared { workload, cost: self.cost })
    }
}

/// A training step with the batches that it is fed.
struct Training {
    step: TrainingStep,
    batches: Batches,
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
