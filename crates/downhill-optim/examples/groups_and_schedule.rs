//! Parameters that are treated differently by name, under a rate that warms up and falls.
//!
//! A line y = 3 x + 10 is fitted with weight decay. Decay pulls what it is applied to toward 0. That is
//! wanted for the slope and harmful for the bias, whose size says nothing about how complicated a model is.
#![allow(clippy::print_stdout)]

use downhill_optim::{AdamW, CosineAnnealing, Optimizer, ParameterGroup, Schedule, WarmUp, clip_global_norm};
use downhill_tensor::ParameterLayout;

const STEPS: u64 = 400;

/// The derivatives of half the mean squared error by slope and bias.
fn gradient(parameters: &[f64]) -> [f64; 2] {
    let points = (0..21).map(|index| f64::from(index) / 10.0 - 1.0);
    let mut gradient = [0.0; 2];
    for x in points {
        let residual = parameters[0] * x + parameters[1] - (3.0 * x + 10.0);
        gradient[0] += residual * x / 21.0;
        gradient[1] += residual / 21.0;
    }
    gradient
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut layout = ParameterLayout::default();
    layout.push("line.weight", [1], false)?;
    layout.push("line.bias", [1], false)?;

    let rule = AdamW { learning_rate: 0.2, weight_decay: 0.1, ..AdamW::default() };
    let cosine = CosineAnnealing { minimum_factor: 0.05, ..CosineAnnealing::over(STEPS - 20) };
    let schedule = Schedule::WarmUp(WarmUp::over(20, Schedule::Cosine(cosine)));
    schedule.validate()?;
    let no_decay_on_biases =
        [ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching("*.bias") }];

    for (title, groups) in [("decay on all", &[][..]), ("no decay on biases", &no_decay_on_biases[..])] {
        println!(
            "{title}\n{:>6} {:>8} {:>14} {:>8} {:>8}",
            "step", "rate", "gradient norm", "weight", "bias"
        );
        let mut optimizer = Optimizer::with_groups(rule.clone(), &layout, groups)?;
        let mut parameters = [0.0, 0.0];
        for step in 0..STEPS {
            let mut gradient = gradient(&parameters);
            let norm = clip_global_norm(&mut gradient, 1.0)?;
            let factor = schedule.factor(step);
            if step % 80 == 0 || step == STEPS - 1 {
                let rate = rule.learning_rate * factor;
                println!("{step:>6} {rate:>8.4} {norm:>14.6} {:>8.4} {:>8.4}", parameters[0], parameters[1]);
            }
            optimizer.step_scaled(&mut parameters, &gradient, factor)?;
        }
        println!();
    }
    Ok(())
}
