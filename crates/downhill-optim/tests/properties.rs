//! Laws of single optimizers and of what is built around them: scaling, going up, averages, lengths of steps.
#![allow(clippy::unwrap_used)]

mod common;

use common::problems::{Problem, wave};
use common::{configs, walks};
use downhill_optim::{
    Adafactor, Adam, AverageKind, Chunk, Lamb, Lars, Lion, Lookahead, Muon, Optimizer, OptimizerConfig,
    ParameterAverage, ParameterGroup, Rule, ScheduleFreeSgd, Scope, Sgd,
};
use downhill_tensor::ParameterLayout;
use proptest::prelude::*;
use serde_json::Value;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The optimizer of this name with these fields, where it has them.
fn with_fields(name: &str, fields: &[(&str, Value)]) -> OptimizerConfig {
    let mut written = serde_json::to_value(OptimizerConfig::from_name(name).unwrap()).unwrap();
    let own = written.as_object_mut().unwrap().values_mut().next().unwrap();
    for (field, value) in fields {
        if let Some(slot) = own.get_mut(*field) {
            *slot = value.clone();
        }
    }
    serde_json::from_value(written).unwrap()
}

/// A weight [3, 2], a bias [3], a filter [2, 1, 2] and a table [2, 2].
fn layout() -> ParameterLayout {
    let mut layout = ParameterLayout::default();
    layout.push("0.weight", [3, 2], false).unwrap();
    layout.push("0.bias", [3], false).unwrap();
    layout.push("1.filter", [2, 1, 2], false).unwrap();
    layout.push("nothing", [0, 4], false).unwrap();
    layout.push("2.table", [2, 2], true).unwrap();
    layout
}

const LEN: usize = 17;

/// Where an optimizer goes from `start` on these gradients.
fn follow(config: &OptimizerConfig, start: &[f64], gradients: &[Vec<f64>]) -> Vec<f64> {
    let mut optimizer = Optimizer::with_groups(config.clone(), &layout(), &[]).unwrap();
    let mut parameters = start.to_vec();
    gradients.iter().for_each(|gradient| optimizer.step(&mut parameters, gradient).unwrap());
    parameters
}

fn scaled(gradients: &[Vec<f64>], factor: f64) -> Vec<Vec<f64>> {
    gradients.iter().map(|gradient| gradient.iter().map(|g| factor * g).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn those_that_divide_by_the_size_of_gradients_do_not_see_their_scale((start, gradients) in walks(LEN, 8)) {
        let exact = [("epsilon", 0.0), ("elementwise_epsilon", 0.0), ("epsilon1", 0.0), ("weight_decay", 0.0),
            ("initial_accumulator", 0.0)].map(|(field, value)| (field, value.into()));
        for name in [
            "adagrad", "rmsprop", "adam", "adamw", "amsgrad", "adamax", "nadam", "adabelief", "yogi", "adan", "lion",
            "rprop", "schedule_free_adamw", "lamb", "lars", "adafactor", "muon",
        ] {
            let config = with_fields(name, &exact);
            let expected = follow(&config, &start, &gradients);
            // A power of two rounds nothing.
            for scale in [4.0, 0.125] {
                let ours = follow(&config, &start, &scaled(&gradients, scale));
                prop_assert_eq!(bits(&ours), bits(&expected), "{} at {}", name, scale);
            }
        }
    }

    #[test]
    fn those_that_do_not_divide_trade_scale_for_rate((start, gradients) in walks(LEN, 8), momentum in 0.1..0.9) {
        let config = OptimizerConfig::from(Sgd { learning_rate: 0.01, momentum, ..Sgd::default() });
        let free = ScheduleFreeSgd { learning_rate: 0.01, ..ScheduleFreeSgd::default() };
        for config in [config, free.into(), with_fields("gradient_descent", &[])] {
            let slower = config.clone().with_learning_rate(config.learning_rate() / 8.0);
            let ours = follow(&slower, &start, &scaled(&gradients, 8.0));
            prop_assert_eq!(bits(&ours), bits(&follow(&config, &start, &gradients)), "{:?}", config);
        }
    }

    #[test]
    fn going_up_is_going_down_on_the_negative((start, gradients) in walks(LEN, 5)) {
        for name in OptimizerConfig::names() {
            let up = match name {
                "gradient_descent" => continue,
                "lookahead" => Lookahead::around(Adam { maximize: true, ..Adam::default() }.into()).into(),
                _ => with_fields(name, &[("maximize", true.into())]),
            };
            let down = OptimizerConfig::from_name(name).unwrap();
            prop_assert!(up.maximizes() && !down.maximizes());
            let ours = follow(&up, &start, &scaled(&gradients, -1.0));
            prop_assert_eq!(bits(&ours), bits(&follow(&down, &start, &gradients)), "{}", name);
        }
    }

    #[test]
    fn any_order_of_chunks_of_shaped_parameters_gives_the_same_bits(
        (start, gradients) in walks(LEN, 4), config in configs(), chunk_len in 1usize..20, frozen: bool,
    ) {
        let groups = [
            ParameterGroup { frozen, ..ParameterGroup::matching("1.*") },
            ParameterGroup { learning_rate_factor: 0.5, ..ParameterGroup::matching("0.bias") },
        ];
        let mut whole = Optimizer::with_groups(config.clone(), &layout(), &groups).unwrap();
        let mut split = Optimizer::with_groups(config, &layout(), &groups).unwrap();
        let (mut expected, mut ours) = (start.clone(), start.clone());
        for gradient in &gradients {
            whole.step(&mut expected, gradient).unwrap();
            let chunks: Vec<_> = split.chunks(&mut ours, gradient, 1.0, chunk_len).unwrap().collect();
            if whole.rule().scope() == Scope::Parameter {
                let lens: Vec<_> = chunks.iter().map(Chunk::len).collect();
                prop_assert_eq!(lens, if frozen { vec![6, 3, 4] } else { vec![6, 3, 4, 4] });
            }
            chunks.into_iter().rev().for_each(Chunk::apply);
        }
        prop_assert_eq!(bits(&ours), bits(&expected));
        prop_assert_eq!(split.state(), whole.state());
        prop_assert!(!frozen || ours[9..13] == start[9..13]);
    }

    #[test]
    fn looking_back_every_step_and_all_the_way_is_not_looking_back(
        (start, gradients) in walks(LEN, 6), inner in configs(),
    ) {
        let rule = Lookahead { period: 1, slow_step: 1.0, ..Lookahead::around(inner.clone()) };
        let ours = follow(&rule.into(), &start, &gradients);
        // q + 1 (p - q) may round.
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
        let expected = follow(&inner, &start, &gradients);
        prop_assert!(ours.iter().zip(&expected).all(near), "{:?}", inner);
        let stuck = Lookahead { period: 3, slow_step: 0.0, ..Lookahead::around(inner) };
        prop_assert_eq!(follow(&stuck.into(), &start, &gradients), start, "6 steps are two periods");
    }

    #[test]
    fn a_schedule_free_point_is_the_mean_of_the_descent((start, gradients) in walks(5, 9), momentum in 0.2..0.95) {
        let rule = ScheduleFreeSgd { learning_rate: 0.1, momentum, ..ScheduleFreeSgd::default() };
        let mut optimizer = Optimizer::new(rule, 5).unwrap();
        let (mut y, mut z, mut sum) = (start.clone(), start.clone(), vec![0.0; 5]);
        prop_assert_eq!(optimizer.evaluation_parameters(&y).unwrap(), start);
        for (index, gradient) in gradients.iter().enumerate() {
            optimizer.step(&mut y, gradient).unwrap();
            for i in 0..5 {
                z[i] -= 0.1 * gradient[i];
                sum[i] += z[i];
            }
            let x = optimizer.evaluation_parameters(&y).unwrap();
            for i in 0..5 {
                let mean = sum[i] / (index + 1) as f64;
                prop_assert!((x[i] - mean).abs() < 1e-12, "{} is not {}", x[i], mean);
                prop_assert!((y[i] - (momentum * mean + (1.0 - momentum) * z[i])).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn averages_reach_from_the_first_to_the_last_point((start, points) in walks(4, 7)) {
        let average = |kind| {
            let mut average = ParameterAverage::new(kind).unwrap();
            std::iter::once(&start).chain(&points).for_each(|point| average.update(point).unwrap());
            average.values().to_vec()
        };
        prop_assert_eq!(average(AverageKind::Exponential(1.0)), start.clone());
        let last = average(AverageKind::Exponential(0.0));
        let (equal, decayed) = (average(AverageKind::Equal), average(AverageKind::Exponential(0.6)));
        for i in 0..4 {
            prop_assert!((last[i] - points[6][i]).abs() < 1e-14);
            let sum: f64 = points.iter().map(|point| point[i]).sum();
            prop_assert!((equal[i] - (start[i] + sum) / 8.0).abs() < 1e-14);
            let weighted = |(age, point): (usize, &Vec<f64>)| 0.4 * 0.6_f64.powi(6 - age as i32) * point[i];
            let sum: f64 = points.iter().enumerate().map(weighted).sum();
            prop_assert!((decayed[i] - sum - 0.6_f64.powi(7) * start[i]).abs() < 1e-14);
        }
    }

    #[test]
    fn layerwise_steps_are_as_long_as_their_parameters((start, gradients) in walks(LEN, 1)) {
        let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
        let moved = |config: OptimizerConfig| {
            let end = follow(&config, &start, &gradients);
            let moves: Vec<_> = start.iter().zip(&end).map(|(start, end)| end - start).collect();
            [0..6, 6..9, 9..13, 13..17].map(|range| norm(&moves[range.clone()]) / norm(&start[range]))
        };
        let lamb = moved(Lamb { learning_rate: 0.03, ..Lamb::default() }.into());
        prop_assert!(lamb.iter().all(|ratio| (ratio - 0.03).abs() < 1e-12), "{lamb:?}");
        let lars = moved(Lars { learning_rate: 2.0, trust_coefficient: 0.01, ..Lars::default() }.into());
        prop_assert!(lars.iter().all(|ratio| (ratio - 0.02).abs() < 1e-12), "{lars:?}");
    }

    #[test]
    fn lion_moves_everything_by_the_rate((start, gradients) in walks(LEN, 1)) {
        let end = follow(&Lion { learning_rate: 0.25, ..Lion::default() }.into(), &start, &gradients);
        for ((start, end), g) in start.iter().zip(&end).zip(&gradients[0]) {
            prop_assert_eq!(*end, start - 0.25 * g.signum());
        }
    }

    #[test]
    fn adafactor_knows_each_square_of_a_product(
        a in prop::array::uniform3(0.1..3.0_f64), b in prop::collection::vec(-3.0..-0.1_f64, 1..40),
    ) {
        let gradient: Vec<f64> = a.iter().flat_map(|a| b.iter().map(move |b| a * b)).collect();
        let mut layout = ParameterLayout::default();
        layout.push("weight", [3, b.len()], false).unwrap();
        let mut optimizer = Optimizer::with_groups(Adafactor::default(), &layout, &[]).unwrap();
        let mut parameters = vec![2.0; gradient.len()];
        optimizer.step(&mut parameters, &gradient).unwrap();
        // Squares that are products of rows and columns are kept without loss, so that all moves are alike.
        prop_assert!(parameters.iter().all(|p| (p - 2.0 * 1.01).abs() < 1e-12), "{:?}", parameters);
    }
}

/// A length of 0 does not say how long a step should be, and one of 0 would never leave.
#[test]
fn layerwise_steps_leave_zero_at_the_plain_rate() {
    let gradient: Vec<f64> = (0..LEN).map(|index| if index % 3 == 0 { -0.5 } else { 0.25 }).collect();
    let lamb = Lamb { learning_rate: 0.03, epsilon: 0.0, ..Lamb::default() };
    let end = follow(&lamb.into(), &[0.0; LEN], std::slice::from_ref(&gradient));
    assert!(end.iter().zip(&gradient).all(|(p, g)| (p + 0.03 * g.signum()).abs() < 1e-12), "{end:?}");
    let lars = Lars { learning_rate: 2.0, ..Lars::default() };
    let end = follow(&lars.into(), &[0.0; LEN], std::slice::from_ref(&gradient));
    assert!(end.iter().zip(&gradient).all(|(p, g)| *p == -2.0 * g), "{end:?}");
}

#[test]
fn muon_keeps_one_number_a_weight_and_leaves_the_rest_to_adamw() {
    let rule = Muon { elementwise: vec!["1.*".into()], ..Muon::default() };
    let mut optimizer = Optimizer::with_groups(rule.clone(), &layout(), &[]).unwrap();
    let lens: Vec<_> = optimizer.state().slots.iter().map(|slot| slot.values.len()).collect();
    assert_eq!(lens, [LEN, LEN - 6], "the first weight alone is a matrix to it");
    let adamw = with_fields("adamw", &[("weight_decay", rule.weight_decay.into())]);
    let mut alone = Optimizer::new(adamw, LEN - 6).unwrap();
    let mut ours = wave(LEN, 1.3, 0.8);
    let mut expected = ours[6..].to_vec();
    for step in 0..5 {
        let gradient = wave(LEN, 0.7 + f64::from(step), 1.0);
        optimizer.step(&mut ours, &gradient).unwrap();
        alone.step(&mut expected, &gradient[6..]).unwrap();
    }
    assert_eq!(bits(&ours[6..]), bits(&expected));
    let all = Muon { elementwise: Vec::new(), ..rule.clone() };
    assert!(optimizer.replace_rule(all).is_err(), "it has no second moment of the filter");
    optimizer.replace_rule(Muon { momentum: 0.5, ..rule }).unwrap();
}

#[test]
fn lookahead_keeps_what_its_inner_optimizer_keeps() {
    for name in ["adafactor", "muon", "lamb"] {
        let inner = OptimizerConfig::from_name(name).unwrap();
        let around = Lookahead { period: 100, ..Lookahead::around(inner.clone()) };
        let mut ahead: Optimizer<f64, _> = Optimizer::with_groups(around, &layout(), &[]).unwrap();
        let mut plain = Optimizer::with_groups(inner, &layout(), &[]).unwrap();
        let (mut ours, mut expected) = (wave(LEN, 1.3, 0.8), wave(LEN, 1.3, 0.8));
        for step in 0..3 {
            let gradient = wave(LEN, 0.7 + f64::from(step), 1.0);
            ahead.step(&mut ours, &gradient).unwrap();
            plain.step(&mut expected, &gradient).unwrap();
        }
        assert_eq!(bits(&ours), bits(&expected), "{name}");
        assert_eq!(ahead.state().slots[0].values, wave(LEN, 1.3, 0.8), "nothing was looked back at");
        assert_eq!(ahead.state().slots[1..], plain.state().slots[..], "{name}");
    }
}

#[test]
fn every_optimizer_learns_the_network() {
    for name in OptimizerConfig::names() {
        let config = OptimizerConfig::from_name(name).unwrap();
        let rate = match name {
            "gradient_descent" | "sgd" | "asgd" => 0.1,
            "lars" | "schedule_free_sgd" | "adadelta" => 1.0,
            _ => 0.01,
        };
        let mut optimizer =
            Optimizer::with_groups(config.with_learning_rate(rate), &Problem::Network.layout(), &[]).unwrap();
        let mut parameters = Problem::Network.start();
        let mut gradient = vec![0.0; parameters.len()];
        let before = Problem::network_loss(&parameters);
        for _ in 0..300 {
            Problem::Network.gradient(&parameters, &mut gradient);
            optimizer.step(&mut parameters, &gradient).unwrap();
        }
        let after = Problem::network_loss(&optimizer.evaluation_parameters(&parameters).unwrap());
        assert!(after < 0.5 * before, "{name}: from {before} to {after}");
    }
}
