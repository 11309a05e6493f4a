//! Agreement with what PyTorch computed; `oracles/optimizers.py` wrote the files.

use downhill_optim::{Optimizer, OptimizerConfig, Schedule, clip_global_norm};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct File<Case> {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Walk {
    config: OptimizerConfig,
    #[serde(default)]
    schedule: Schedule,
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    step: u64,
    point: [f64; 2],
}

#[derive(Deserialize)]
struct Rates {
    schedule: Schedule,
    rates: Vec<f64>,
}

fn rosenbrock_gradient([a, b]: [f64; 2]) -> [f64; 2] {
    [-2.0 * (1.0 - a) - 400.0 * a * (b - a * a), 200.0 * (b - a * a)]
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0)
}

#[test]
fn every_optimizer_walks_where_pytorch_walks() {
    let file: File<Walk> = serde_json::from_str(include_str!("oracles/optimizers.json")).unwrap();
    for case in &file.cases {
        let mut optimizer = Optimizer::new(case.config.clone(), 2).unwrap();
        let mut x = [-1.2, 1.0];
        let mut expected = case.points.iter().peekable();
        let mut step = 0;
        while let Some(point) = expected.peek() {
            let gradient = rosenbrock_gradient(x);
            optimizer.step_scaled(&mut x, &gradient, case.schedule.factor(step)).unwrap();
            step += 1;
            if point.step == step {
                let near = x.iter().zip(&point.point).all(|(&ours, &theirs)| close(ours, theirs));
                assert!(near, "{:?} step {step}: {x:?} is not {:?}", case.config, point.point);
                expected.next();
            }
        }
        assert_eq!(step, 24, "{:?}", case.config);
    }
}

#[test]
fn every_optimizer_has_a_walk_of_pytorch() {
    let file: File<Walk> = serde_json::from_str(include_str!("oracles/optimizers.json")).unwrap();
    for name in OptimizerConfig::names() {
        let config = OptimizerConfig::from_name(name).unwrap();
        let variant = std::mem::discriminant(&config);
        let walks = file.cases.iter().filter(|case| std::mem::discriminant(&case.config) == variant);
        assert!(walks.count() > 0, "{name} has no case in oracles/optimizers.json");
    }
}

#[test]
fn every_schedule_gives_the_rates_of_pytorch() {
    #[derive(Deserialize)]
    struct Schedules {
        base_rate: f64,
        cases: Vec<Rates>,
    }
    let file: Schedules = serde_json::from_str(include_str!("oracles/schedules.json")).unwrap();
    for case in &file.cases {
        case.schedule.validate().unwrap();
        assert_eq!(case.rates.len(), 200);
        for (step, &rate) in case.rates.iter().enumerate() {
            let ours = file.base_rate * case.schedule.factor(step as u64);
            assert!(
                (ours - rate).abs() <= TOLERANCE,
                "{:?} step {step}: {ours} is not {rate}",
                case.schedule
            );
        }
    }
}

#[test]
fn clipping_by_norm_gives_the_gradients_of_pytorch() {
    #[derive(Deserialize)]
    struct Clipping {
        gradient: Vec<f64>,
        cases: Vec<Clipped>,
    }
    #[derive(Deserialize)]
    struct Clipped {
        max_norm: f64,
        norm: f64,
        clipped: Vec<f64>,
    }
    let file: Clipping = serde_json::from_str(include_str!("oracles/clipping.json")).unwrap();
    for case in &file.cases {
        let mut gradient = file.gradient.clone();
        let norm = clip_global_norm(&mut gradient, case.max_norm).unwrap();
        assert!(close(norm, case.norm), "{norm} is not {}", case.norm);
        assert!(gradient.iter().zip(&case.clipped).all(|(&ours, &theirs)| close(ours, theirs)));
    }
}
