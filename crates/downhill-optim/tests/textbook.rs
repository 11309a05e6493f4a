//! Agreement with the formulas as a textbook has them: one number at a time, one branch an option.

mod common;

use common::{classic_configs, walks};
use downhill_optim::{Adam, Optimizer, OptimizerConfig};
use proptest::prelude::*;

/// One parameter after following the derivatives of all steps.
fn follow(config: &OptimizerConfig, mut p: f64, derivatives: impl Iterator<Item = f64>) -> f64 {
    let (mut velocity, mut square, mut mean, mut largest) = (0.0, 0.0, 0.0, 0.0_f64);
    for (index, mut g) in derivatives.enumerate() {
        let t = index as i32 + 1;
        match config {
            OptimizerConfig::GradientDescent(rule) => p -= rule.learning_rate * g,
            OptimizerConfig::Sgd(rule) => {
                if rule.weight_decay != 0.0 {
                    g += rule.weight_decay * p;
                }
                if rule.momentum != 0.0 {
                    if t == 1 {
                        velocity = g;
                    } else {
                        velocity = rule.momentum * velocity + (1.0 - rule.dampening) * g;
                    }
                    if rule.nesterov {
                        g += rule.momentum * velocity;
                    } else {
                        g = velocity;
                    }
                }
                p -= rule.learning_rate * g;
            }
            OptimizerConfig::Adagrad(rule) => {
                if t == 1 {
                    square = rule.initial_accumulator;
                }
                g += rule.weight_decay * p;
                square += g.powi(2);
                let rate = rule.learning_rate / (1.0 + f64::from(t - 1) * rule.learning_rate_decay);
                p -= rate * g / (square.sqrt() + rule.epsilon);
            }
            OptimizerConfig::RmsProp(rule) => {
                g += rule.weight_decay * p;
                square = rule.alpha * square + (1.0 - rule.alpha) * g.powi(2);
                let mut variance = square;
                if rule.centered {
                    mean = rule.alpha * mean + (1.0 - rule.alpha) * g;
                    variance -= mean.powi(2);
                }
                let direction = g / (variance.sqrt() + rule.epsilon);
                if rule.momentum > 0.0 {
                    velocity = rule.momentum * velocity + direction;
                    p -= rule.learning_rate * velocity;
                } else {
                    p -= rule.learning_rate * direction;
                }
            }
            OptimizerConfig::Adam(rule) => {
                g += rule.weight_decay * p;
                adam_moments(rule, g, &mut mean, &mut square, &mut largest);
                p -= adam_move(rule, t, mean, square, largest);
            }
            OptimizerConfig::AdamW(rule) => {
                p -= rule.learning_rate * rule.weight_decay * p;
                let rule = Adam {
                    learning_rate: rule.learning_rate,
                    beta1: rule.beta1,
                    beta2: rule.beta2,
                    epsilon: rule.epsilon,
                    weight_decay: 0.0,
                    amsgrad: rule.amsgrad,
                    maximize: false,
                };
                adam_moments(&rule, g, &mut mean, &mut square, &mut largest);
                p -= adam_move(&rule, t, mean, square, largest);
            }
            other => panic!("the textbook has no {other:?}"),
        }
    }
    p
}

fn adam_moments(rule: &Adam, g: f64, mean: &mut f64, square: &mut f64, largest: &mut f64) {
    *mean = rule.beta1 * *mean + (1.0 - rule.beta1) * g;
    *square = rule.beta2 * *square + (1.0 - rule.beta2) * g.powi(2);
    *largest = largest.max(*square);
}

fn adam_move(rule: &Adam, t: i32, mean: f64, square: f64, largest: f64) -> f64 {
    let mean_hat = mean / (1.0 - rule.beta1.powi(t));
    let square_hat = if rule.amsgrad { largest } else { square } / (1.0 - rule.beta2.powi(t));
    rule.learning_rate * mean_hat / (square_hat.sqrt() + rule.epsilon)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn trajectories_follow_the_textbook((start, gradients) in walks(13, 30), config in classic_configs()) {
        let mut optimizer = Optimizer::new(config.clone(), 13).unwrap();
        let mut ours = start.clone();
        for gradient in &gradients {
            optimizer.step(&mut ours, gradient).unwrap();
        }
        for (index, (&ours, &start)) in ours.iter().zip(&start).enumerate() {
            let expected = follow(&config, start, gradients.iter().map(|gradient| gradient[index]));
            // A variance that cancels to almost nothing magnifies the last bits of both.
            let tolerance = if matches!(&config, OptimizerConfig::RmsProp(r) if r.centered) { 1e-8 } else { 1e-11 };
            prop_assert!((ours - expected).abs() <= tolerance * expected.abs().max(1.0), "{ours} is not {expected}");
        }
    }

    #[test]
    fn single_precision_follows_double((start, gradients) in walks(21, 20), config in classic_configs()) {
        let centered = matches!(&config, OptimizerConfig::RmsProp(r) if r.centered);
        prop_assume!(!centered);
        let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
        let mut double_optimizer = Optimizer::new(config.clone(), 21).unwrap();
        let mut single_optimizer = Optimizer::new(config, 21).unwrap();
        let (mut double, mut ours) = (start.clone(), single(&start));
        for gradient in &gradients {
            double_optimizer.step(&mut double, gradient).unwrap();
            single_optimizer.step(&mut ours, &single(gradient)).unwrap();
        }
        for (ours, expected) in ours.iter().zip(&double) {
            let scale = expected.abs().max(1.0);
            prop_assert!((f64::from(*ours) - expected).abs() <= 1e-3 * scale, "{ours} is not {expected}");
        }
    }
}
