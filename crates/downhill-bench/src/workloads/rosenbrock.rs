//! W6: no network and no data, the descent itself.

use super::{Prepared, Workload};
use crate::Result;
use crate::cost::Cost;
use downhill::autograd::{Data, DataMut, Output, Program, Run, Tape};
use downhill::engine::{Engine, Plan};
use downhill::optim::{Adam, Optimizer, OptimizerConfig};
use downhill::tensor::Key;

struct Rosenbrock {
    plan: Plan<f32>,
    optimizer: Optimizer<f32>,
    at: [f32; 2],
}

/// (1 - a)² + 100 (b - a²)² and its gradient. Input: `x` \[2\]. Outputs: `value` \[\], `gradient` \[2\].
///
/// # Errors
/// None that it makes itself.
pub fn rosenbrock_program() -> Result<Program> {
    let tape = Tape::new();
    let x = tape.input("x", [2]);
    let (a, b) = (x.at(0), x.at(1));
    let value = (1.0 - a).square() + 100.0 * (b - a.square()).square();
    let gradient = tape.grad(value, &[x]);
    Ok(tape.finish(&[Output::new("value", &value), Output::flat("gradient", &gradient)])?)
}

/// W6: (1 - a)² + 100 (b - a²)² from (-1.2, 1), Adam at 0.01. There are no batches.
///
/// # Errors
/// None that it makes itself.
pub fn rosenbrock(engine: &Engine) -> Result<Prepared> {
    let plan = engine.compile(&rosenbrock_program()?)?;
    let rule = OptimizerConfig::from(Adam { learning_rate: 1e-2, ..Adam::default() });
    let workload = Rosenbrock { plan, optimizer: Optimizer::new(rule, 2)?, at: [-1.2, 1.0] };
    Ok(Prepared { workload: Box::new(workload), cost: Cost::adam(2) })
}

impl Workload for Rosenbrock {
    fn step(&mut self) -> Result<f32> {
        let (mut value, mut gradient) = ([0.0], [0.0; 2]);
        let mut outputs = [DataMut::Float(&mut value), DataMut::Float(&mut gradient)];
        self.plan.run(&[Data::Float(&self.at)], &mut outputs, Key::new(0))?;
        self.optimizer.step(&mut self.at, &gradient)?;
        Ok(value[0])
    }

    fn parameters(&self) -> &[f32] {
        &self.at
    }

    fn plan_mut(&mut self) -> &mut Plan<f32> {
        &mut self.plan
    }
}
