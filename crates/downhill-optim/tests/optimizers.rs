//! Agreement of trajectories and states with what PyTorch and optax computed, and with what the formulas of papers
//! give where these have none; `oracles/optimizers.py` wrote the file.
#![allow(clippy::unwrap_used)]

mod common;

use common::problems::{Problem, close};
use downhill_optim::{Optimizer, OptimizerConfig, Rule, Schedule};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct File {
    cases: Vec<Walk>,
}

#[derive(Deserialize)]
struct Walk {
    by: String,
    problem: Problem,
    config: OptimizerConfig,
    #[serde(default)]
    schedule: Schedule,
    points: Vec<Point>,
    #[serde(default)]
    slots: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    scalars: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Point {
    step: u64,
    point: Vec<f64>,
}

fn walks() -> Vec<Walk> {
    serde_json::from_str::<File>(include_str!("oracles/optimizers.json")).unwrap().cases
}

#[test]
fn every_optimizer_walks_where_its_oracle_walks() {
    for case in walks() {
        let what = format!("{:?} on {:?} by {}", case.config, case.problem, case.by);
        let layout = case.problem.layout();
        let mut optimizer = Optimizer::with_groups(case.config.clone(), &layout, &[]).unwrap();
        let mut parameters = case.problem.start();
        let mut gradient = vec![0.0; parameters.len()];
        let mut expected = case.points.iter().peekable();
        for step in 0..100 {
            case.problem.gradient(&parameters, &mut gradient);
            if case.config.maximizes() {
                // Up the negative of the function.
                gradient.iter_mut().for_each(|g| *g = -*g);
            }
            optimizer.step_scaled(&mut parameters, &gradient, case.schedule.factor(step)).unwrap();
            if let Some(point) = expected.next_if(|point| point.step == step + 1) {
                assert_eq!(point.point.len(), parameters.len());
                for (ours, theirs) in parameters.iter().zip(&point.point) {
                    assert!(close(*ours, *theirs), "{what}, step {}: {ours} is not {theirs}", step + 1);
                }
            }
        }
        assert!(expected.next().is_none() && case.points.last().unwrap().step == 100, "{what}");
        for (name, theirs) in &case.slots {
            let slot = optimizer.state().slots.iter().find(|slot| slot.name == *name);
            let ours = &slot.unwrap_or_else(|| panic!("{what} has no {name}")).values;
            assert_eq!(ours.len(), theirs.len(), "{what}: {name}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert!(close(*ours, *theirs), "{what}, {name}: {ours} is not {theirs}");
            }
        }
        for (name, theirs) in &case.scalars {
            let scalar = optimizer.state().scalars.iter().find(|scalar| scalar.name == *name);
            let ours = scalar.unwrap_or_else(|| panic!("{what} has no {name}")).value;
            assert!(close(ours, *theirs), "{what}, {name}: {ours} is not {theirs}");
        }
        if case.problem == Problem::Rosenbrock {
            let compared = optimizer.state().slots.iter().filter(|slot| !slot.values.is_empty());
            let names: Vec<_> = compared.map(|slot| &slot.name).collect();
            assert!(names.iter().all(|name| case.slots.contains_key(*name)), "{what}: {names:?}");
        }
    }
}
