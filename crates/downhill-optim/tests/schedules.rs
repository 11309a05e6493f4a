//! Agreement of schedules with what PyTorch and optax computed; `oracles/schedules.py` wrote the file.
#![allow(clippy::unwrap_used)]

mod common;

use common::problems::TOLERANCE;
use downhill_optim::{Plateau, ReduceOnPlateau, Schedule, ScheduleFunction, Threshold};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    base_rate: f64,
    cases: Vec<Rates>,
    metrics: Vec<f64>,
    plateaus: Vec<PlateauRates>,
}

#[derive(Deserialize)]
struct Rates {
    by: String,
    schedule: Schedule,
    rates: Vec<f64>,
    #[serde(default)]
    momenta: Vec<f64>,
}

#[derive(Deserialize)]
struct PlateauRates {
    options: ReduceOnPlateau,
    rates: Vec<f64>,
}

fn file() -> File {
    serde_json::from_str(include_str!("oracles/schedules.json")).unwrap()
}

#[test]
fn every_schedule_gives_the_rates_of_its_oracle() {
    let file = file();
    for Rates { by, schedule, rates, momenta } in &file.cases {
        schedule.validate().unwrap();
        assert_eq!(rates.len(), 200);
        for (step, &rate) in rates.iter().enumerate() {
            let ours = file.base_rate * schedule.factor(step as u64);
            let near = (ours - rate).abs() <= TOLERANCE;
            assert!(near, "{schedule:?} step {step}: {ours} is not {rate} as {by} has it");
        }
        let momentum = |step| match schedule {
            Schedule::OneCycle(one_cycle) => one_cycle.momentum(step),
            Schedule::Cyclic(cyclic) => cyclic.momentum(step),
            other => panic!("{other:?} has no momentum"),
        };
        for (index, theirs) in momenta.iter().enumerate() {
            let ours = momentum(5 * index as u64);
            assert!((ours - theirs).abs() <= TOLERANCE, "{schedule:?}: momentum {ours} is not {theirs}");
        }
    }
}

#[test]
fn the_plateau_gives_the_rates_of_pytorch() {
    let file = file();
    for PlateauRates { options, rates } in &file.plateaus {
        let mut plateau = Plateau::new(options.clone()).unwrap();
        for (step, (&metric, rate)) in file.metrics.iter().zip(rates).enumerate() {
            let ours = file.base_rate * plateau.observe(metric);
            assert!((ours - rate).abs() <= TOLERANCE, "{options:?} step {step}: {ours} is not {rate}");
            // Written and read in between, it goes on the same.
            plateau = serde_json::from_str(&serde_json::to_string(&plateau).unwrap()).unwrap();
        }
        assert!(plateau.factor() < 1.0, "{options:?} never falls");
    }
}

#[test]
fn what_is_better_by_less_than_the_threshold_is_a_plateau() {
    for (maximize, threshold, metrics) in [
        (false, Threshold::Relative(0.1), [2.0, 1.9, 1.7]),
        (false, Threshold::Absolute(0.1), [2.0, 1.95, 1.85]),
        (true, Threshold::Relative(0.1), [2.0, 2.1, 2.3]),
        (true, Threshold::Absolute(0.1), [2.0, 2.05, 2.15]),
    ] {
        let options = ReduceOnPlateau { maximize, threshold, patience: 0, ..ReduceOnPlateau::default() };
        let mut plateau = Plateau::new(options).unwrap();
        let rates = metrics.map(|metric| plateau.observe(metric));
        assert_eq!((rates, plateau.best()), ([1.0, 0.1, 0.1], Some(metrics[2])), "{maximize}, {threshold:?}");
    }
}

#[test]
fn a_function_gives_what_it_returns() {
    for Rates { schedule, .. } in file().cases {
        let copy = schedule.clone();
        let function = Schedule::Function(ScheduleFunction::new(move |step| copy.factor(step)));
        assert!((0..200).all(|step| function.factor(step) == schedule.factor(step)));
    }
}
