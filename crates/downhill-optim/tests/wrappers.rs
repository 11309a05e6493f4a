//! Agreement of clipping, averages, cycled momentum and sharpness-aware steps with what PyTorch and optax computed;
//! `oracles/clipping.py` and `oracles/wrappers.py` wrote the files.
#![allow(clippy::unwrap_used)]

mod common;

use common::problems::{Problem, close};
use downhill_optim::{
    Adam, AverageKind, OneCycle, Optimizer, OptimizerConfig, ParameterAverage, Sgd, SharpnessAware,
    clip_adaptive, clip_global_norm, clip_value,
};
use downhill_tensor::{ParameterLayout, Shape};
use serde::Deserialize;

fn all_close(ours: &[f64], theirs: &[f64]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(&ours, &theirs)| close(ours, theirs))
}

#[test]
fn clipping_gives_the_gradients_of_its_oracles() {
    #[derive(Deserialize)]
    struct Clipping {
        gradient: Vec<f64>,
        norms: Vec<Norm>,
        values: Values,
        adaptive: Adaptive,
    }
    #[derive(Deserialize)]
    struct Norm {
        max_norm: f64,
        norm: f64,
        clipped: Vec<f64>,
    }
    #[derive(Deserialize)]
    struct Values {
        limit: f64,
        clipped: Vec<f64>,
    }
    #[derive(Deserialize)]
    struct Adaptive {
        shapes: Vec<Vec<usize>>,
        parameters: Vec<f64>,
        gradient: Vec<f64>,
        cases: Vec<Clipped>,
    }
    #[derive(Deserialize)]
    struct Clipped {
        clipping: f64,
        epsilon: f64,
        clipped: Vec<f64>,
    }
    let file: Clipping = serde_json::from_str(include_str!("oracles/clipping.json")).unwrap();
    for case in &file.norms {
        let mut gradient = file.gradient.clone();
        let norm = clip_global_norm(&mut gradient, case.max_norm).unwrap();
        assert!(close(norm, case.norm), "{norm} is not {}", case.norm);
        assert!(all_close(&gradient, &case.clipped));
    }
    let mut gradient = file.gradient.clone();
    clip_value(&mut gradient, file.values.limit).unwrap();
    assert_eq!(gradient, file.values.clipped);

    let mut layout = ParameterLayout::default();
    for (index, dims) in file.adaptive.shapes.iter().enumerate() {
        layout.push(index.to_string(), Shape::new(dims).unwrap(), false).unwrap();
    }
    let Adaptive { parameters, gradient, cases, .. } = &file.adaptive;
    for case in cases {
        let mut ours = gradient.clone();
        let clipped = clip_adaptive(&mut ours, parameters, &layout, case.clipping, case.epsilon).unwrap();
        assert!(all_close(&ours, &case.clipped), "{ours:?} is not {:?}", case.clipped);
        assert!((1..7).contains(&clipped), "{clipped} of 7 units");
    }
    assert!(clip_adaptive(&mut [0.0; 3], parameters, &layout, 0.1, 1e-3).is_err());
    assert!(clip_adaptive(&mut gradient.clone(), parameters, &layout, -0.1, 1e-3).is_err());
}

#[test]
fn averages_are_those_of_pytorch() {
    #[derive(Deserialize)]
    struct File {
        averages: Vec<Average>,
    }
    #[derive(Deserialize)]
    struct Average {
        kind: AverageKind,
        values: Vec<Vec<f64>>,
    }
    let file: File = serde_json::from_str(include_str!("oracles/wrappers.json")).unwrap();
    for Average { kind, values } in &file.averages {
        let mut average = ParameterAverage::<f64>::new(*kind).unwrap();
        let mut expected = values.iter();
        for step in 0..30 {
            let seen: Vec<f64> = (1..=3).map(|index| (0.7 * f64::from(step * index)).sin()).collect();
            average.update(&seen).unwrap();
            if [0, 1, 9, 29].contains(&step) {
                let theirs = expected.next().unwrap();
                assert!(all_close(average.values(), theirs), "{kind:?} step {step}: {theirs:?}");
            }
            average = serde_json::from_str(&serde_json::to_string(&average).unwrap()).unwrap();
        }
        assert_eq!((average.count(), expected.next()), (30, None));
        assert!(average.update(&[1.0]).is_err());
    }
    assert!(ParameterAverage::<f32>::new(AverageKind::Exponential(1.5)).is_err());
}

#[test]
fn sharpness_aware_steps_go_where_optax_goes() {
    #[derive(Deserialize)]
    struct File {
        sharpness_aware: Vec<Walk>,
    }
    #[derive(Deserialize)]
    struct Walk {
        options: SharpnessAware,
        config: OptimizerConfig,
        points: Vec<Vec<f64>>,
    }
    let file: File = serde_json::from_str(include_str!("oracles/wrappers.json")).unwrap();
    for Walk { options, config, points } in &file.sharpness_aware {
        let mut optimizer = Optimizer::new(config.clone(), 2).unwrap();
        let mut x = Problem::Rosenbrock.start();
        let mut expected = points.iter();
        for step in 0..100 {
            let gradient = |x: &[f64], gradient: &mut [f64]| Problem::Rosenbrock.gradient(x, gradient);
            options.step(&mut optimizer, &mut x, gradient, 1.0).unwrap();
            if [0, 1, 9, 99].contains(&step) {
                let theirs = expected.next().unwrap();
                assert!(all_close(&x, theirs), "{options:?} {config:?} step {step}: {x:?} is not {theirs:?}");
            }
        }
    }
}

#[test]
fn a_cycled_momentum_goes_where_pytorch_goes() {
    #[derive(Deserialize)]
    struct File {
        cycled_momentum: Vec<Walk>,
    }
    #[derive(Deserialize)]
    struct Walk {
        config: OptimizerConfig,
        points: Vec<Vec<f64>>,
    }
    let file: File = serde_json::from_str(include_str!("oracles/wrappers.json")).unwrap();
    let cycle = OneCycle::over(101);
    for Walk { config, points } in &file.cycled_momentum {
        let with_momentum = |step| match config.clone() {
            OptimizerConfig::Sgd(rule) => Sgd { momentum: cycle.momentum(step), ..rule }.into(),
            OptimizerConfig::Adam(rule) => Adam { beta1: cycle.momentum(step), ..rule }.into(),
            other => panic!("{other:?} has no momentum"),
        };
        let mut optimizer: Optimizer<f64> = Optimizer::new(with_momentum(0), 2).unwrap();
        let (mut x, mut gradient) = (Problem::Rosenbrock.start(), [0.0; 2]);
        let mut expected = points.iter();
        for step in 0..100 {
            optimizer.replace_rule(with_momentum(step)).unwrap();
            Problem::Rosenbrock.gradient(&x, &mut gradient);
            optimizer.step_scaled(&mut x, &gradient, cycle.factor(step)).unwrap();
            if [0, 1, 9, 99].contains(&step) {
                let theirs = expected.next().unwrap();
                assert!(all_close(&x, theirs), "{config:?} step {step}: {x:?} is not {theirs:?}");
            }
        }
    }
}

#[test]
fn a_rule_with_another_state_or_decay_is_no_replacement() {
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    let mut optimizer = Optimizer::<f64, Sgd>::new(momentum.clone(), 2).unwrap();
    for other in [Sgd::default(), Sgd { weight_decay: 0.1, ..momentum.clone() }] {
        let error = optimizer.replace_rule(other).unwrap_err().to_string();
        assert!(error.contains("make a new optimizer"), "{error}");
    }
    assert!(optimizer.replace_rule(Sgd { momentum: -1.0, ..momentum.clone() }).is_err());
    assert_eq!(optimizer.rule(), &momentum);
    optimizer.replace_rule(Sgd { learning_rate: 1.0, ..momentum }).unwrap();
    assert_eq!(optimizer.learning_rate(), 1.0);
}

#[test]
fn a_climb_that_cannot_be_changes_nothing() {
    let mut home = Vec::new();
    let mut parameters = [1.0_f32, 2.0];
    let plain = SharpnessAware::default();
    assert!(plain.climb(&mut parameters, &[1.0], &mut home).is_err());
    assert!(plain.climb(&mut parameters, &[1.0, f32::NAN], &mut home).is_err());
    let inward = SharpnessAware { radius: -1.0, ..SharpnessAware::default() };
    assert!(inward.climb(&mut parameters, &[1.0, 1.0], &mut home).is_err());
    plain.climb(&mut parameters, &[0.0, 0.0], &mut home).unwrap();
    assert_eq!((parameters, &home[..]), ([1.0, 2.0], &[1.0, 2.0][..]));
}
