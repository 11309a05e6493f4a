//! Minimize a function that has nothing to do with networks, with three optimizers.
//!
//! Rosenbrock's valley is curved and nearly flat along its bottom: easy to reach, slow to follow. Its
//! minimum is 0, at (1, 1).
#![allow(clippy::print_stdout)]

use downhill_optim::{
    Adam, DescentOptions, GradientDescent, Optimizer, OptimizerConfig, Sgd, descend, unobserved,
};

fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    gradient[0] = -2.0 * (1.0 - a) - 400.0 * a * (b - a * a);
    gradient[1] = 200.0 * (b - a * a);
    (1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)
}

fn main() -> Result<(), downhill_optim::Error> {
    let optimizers: [(&str, OptimizerConfig); 3] = [
        ("gradient descent", GradientDescent { learning_rate: 1e-3 }.into()),
        (
            "Nesterov's momentum",
            Sgd { learning_rate: 1e-3, momentum: 0.9, nesterov: true, ..Sgd::default() }.into(),
        ),
        ("Adam", Adam { learning_rate: 0.02, ..Adam::default() }.into()),
    ];
    let options = DescentOptions { steps: 50_000, gradient_tolerance: 1e-6, ..DescentOptions::default() };

    println!("{:<20} {:>7} {:>10} {:>22}", "optimizer", "steps", "value", "point");
    for (name, config) in optimizers {
        let mut x = [-1.2, 1.0];
        let mut optimizer = Optimizer::new(config, x.len())?;
        let end = descend(&mut optimizer, &mut x, rosenbrock, &options, unobserved)?;
        println!("{name:<20} {:>7} {:>10.2e} {:>12.7}, {:.7}", end.steps, end.value, x[0], x[1]);
    }
    Ok(())
}
