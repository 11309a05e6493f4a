//! Coordinate descent against scikit-learn and against what defines its minimum.
#![allow(clippy::unwrap_used)]

use downhill_optim::Error;
use downhill_optim::coordinate::{Design, ElasticNet, elastic_net};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Case {
    examples: usize,
    columns: usize,
    alpha: f64,
    l1_ratio: f64,
    weighted: bool,
    intercept: bool,
    nonnegative: bool,
    coefficients: Vec<f64>,
    constant: f64,
}

fn wave(count: usize, frequency: f64, size: f64) -> impl Iterator<Item = f64> {
    (1..=count).map(move |index| size * (frequency * index as f64).sin())
}

/// The problem of the script.
fn problem(examples: usize, columns: usize) -> (Vec<f64>, Vec<f64>) {
    let mut inputs: Vec<f64> =
        (1..=examples * columns).map(|index| index as f64).map(|index| (0.7 * index * index).sin()).collect();
    inputs.chunks_mut(columns).for_each(|row| row[1] += 0.8 * row[0] + 0.5);
    let noise = wave(examples, 2.3, 0.4);
    let targets =
        inputs.chunks(columns).zip(noise).map(|(row, noise)| 2.0 * row[0] - 1.5 * row[2] + noise + 3.0);
    let targets = targets.collect();
    (inputs, targets)
}

#[test]
fn coefficients_are_those_of_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("oracles/elastic_net.json")).unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let (inputs, targets) = problem(case.examples, case.columns);
        let weights: Vec<f64> = wave(case.examples, 0.9, 0.9).map(|wave| 1.0 + wave).collect();
        let weights = case.weighted.then_some(&weights[..]);
        let options = ElasticNet {
            l1: case.alpha * case.l1_ratio,
            l2: case.alpha * (1.0 - case.l1_ratio),
            nonnegative: case.nonnegative,
            tolerance: 1e-14,
            sweeps: 1_000_000,
        };
        let mut ours = vec![0.0; case.columns];
        let fit = elastic_net(&inputs, &targets, weights, case.intercept, &options, &mut ours).unwrap();
        assert!(fit.converged, "{case:?}: {fit:?}");
        assert!((fit.intercept - case.constant).abs() <= 1e-9, "{case:?}: {fit:?}");
        for (ours, theirs) in ours.iter().zip(&case.coefficients) {
            assert!((ours - theirs).abs() <= 1e-9, "{case:?}: {ours} is not {theirs}");
            assert_eq!(*ours == 0.0, *theirs == 0.0, "{case:?}");
        }
    }
}

#[test]
fn the_gap_bounds_how_far_the_value_is_from_its_minimum() {
    let (inputs, targets) = problem(40, 6);
    let design = Design::new(&inputs, &targets, None, true).unwrap();
    for (l1, l2, nonnegative) in [(0.05, 0.0, false), (0.05, 0.2, true), (0.0, 0.1, false), (0.0, 0.1, true)]
    {
        let fit = |sweeps| {
            let options = ElasticNet { l1, l2, nonnegative, tolerance: 1e-15, sweeps };
            options.fit(&design, &mut [5.0; 6]).unwrap()
        };
        let least = fit(100_000);
        assert!(least.gap <= 1e-12, "{least:?}");
        for sweeps in 1..8 {
            let early = fit(sweeps);
            assert!(early.value - least.value <= early.gap + 1e-12, "{early:?}");
            assert!(early.value >= least.value - 1e-12);
        }
    }
}

#[test]
fn at_the_strongest_penalty_everything_is_zero_and_below_it_is_not() {
    let (inputs, targets) = problem(40, 6);
    for nonnegative in [false, true] {
        let design = Design::new(&inputs, &targets, None, true).unwrap();
        let strongest = design.strongest(nonnegative);
        let fitted = |part: f64| {
            let mut coefficients = [0.0; 6];
            let options = ElasticNet { l1: part * strongest, nonnegative, ..ElasticNet::default() };
            options.fit(&design, &mut coefficients).unwrap();
            coefficients
        };
        assert_eq!(fitted(1.0), [0.0; 6]);
        assert_eq!(fitted(0.99).iter().filter(|b| **b != 0.0).count(), 1);
    }
}

#[test]
fn a_weight_counts_as_that_many_examples() {
    let (inputs, targets) = problem(10, 3);
    let options = ElasticNet { l1: 0.1, l2: 0.05, tolerance: 1e-14, ..ElasticNet::default() };
    let fitted = |inputs: &[f64], targets: &[f64], weights: Option<&[f64]>| {
        let mut coefficients = vec![0.0; 3];
        let fit = elastic_net(inputs, targets, weights, true, &options, &mut coefficients).unwrap();
        coefficients.push(fit.intercept);
        coefficients
    };
    let weighted = fitted(&inputs, &targets, Some(&[1.0, 3.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]));
    let (mut repeated, mut values) = (Vec::new(), Vec::new());
    for (i, times) in [1, 3, 0, 2, 1, 1, 1, 1, 1, 1].into_iter().enumerate() {
        for _ in 0..times {
            repeated.extend_from_slice(&inputs[3 * i..][..3]);
            values.push(targets[i]);
        }
    }
    for (a, b) in weighted.iter().zip(fitted(&repeated, &values, None)) {
        assert!((a - b).abs() < 1e-10);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let fit = |inputs: &[f64], targets: &[f64], weights: Option<&[f64]>, options: &ElasticNet| {
        elastic_net(inputs, targets, weights, true, options, &mut [0.0]).unwrap_err().to_string()
    };
    let lasso = ElasticNet { l1: 1.0, ..ElasticNet::default() };
    assert_eq!(
        fit(&[1.0, 2.0, 3.0], &[1.0, 2.0], None, &lasso),
        "Design: inputs must have length 4, but have length 3"
    );
    assert_eq!(fit(&[1.0, f64::NAN], &[1.0, 2.0], None, &lasso), "Design: inputs must be finite, but is NaN");
    assert!(fit(&[], &[], None, &lasso).contains("at least one number"));
    assert!(fit(&[1.0, 2.0], &[1.0, 2.0], Some(&[0.0, 0.0]), &lasso).contains("above 0"));
    assert!(fit(&[1.0, 2.0], &[1.0, 2.0], Some(&[1.0]), &lasso).contains("must have length 2"));
    assert!(fit(&[1.0, 2.0], &[1.0, 2.0], None, &ElasticNet::default()).contains("l1 and l2 are both 0"));
    assert_eq!(
        fit(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0], None, &lasso),
        "ElasticNet: coefficients must have length 2, but have length 1"
    );
}

#[test]
fn columns_that_say_nothing_get_zero_and_no_columns_get_the_mean() {
    let options = ElasticNet { l1: 0.1, ..ElasticNet::default() };
    let mut coefficients = [7.0, 7.0];
    let inputs = [1.0, 4.0, 2.0, 4.0, 3.0, 4.0];
    let fit = elastic_net(&inputs, &[1.0, 2.0, 3.0], None, true, &options, &mut coefficients).unwrap();
    assert!(fit.converged && coefficients[1] == 0.0 && coefficients[0] > 0.5);
    let fit = elastic_net(&[], &[1.0, 2.0, 6.0], None, true, &options, &mut []).unwrap();
    assert!(fit.converged && (fit.intercept - 3.0).abs() < 1e-15);
    let same = elastic_net(&inputs, &[2.0; 3], None, true, &options, &mut [0.0; 2]).unwrap();
    assert!(same.converged && same.gap == 0.0);
    let error = elastic_net(&[1.0], &[1.0], None, true, &ElasticNet { l1: -1.0, ..options }, &mut [0.0]);
    assert!(matches!(error, Err(Error::InvalidValue { field: "l1", .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The minimum by its definition: the slope of the smooth part is within λ₁ where a coefficient is 0, and is
    /// λ₁ against its sign where it is not.
    #[test]
    fn the_slopes_are_those_of_a_minimum(
        inputs in prop::collection::vec(-3.0..3.0_f64, 60),
        targets in prop::collection::vec(-5.0..5.0_f64, 15),
        l1 in 0.01..0.5_f64,
        l2 in 0.01..1.0_f64,
    ) {
        let options = ElasticNet { l1, l2, tolerance: 1e-14, ..ElasticNet::default() };
        let mut b = [0.0; 4];
        let fit = elastic_net(&inputs, &targets, None, true, &options, &mut b).unwrap();
        prop_assert!(fit.converged);
        let residuals: Vec<f64> = inputs
            .chunks(4)
            .zip(&targets)
            .map(|(row, y)| y - fit.intercept - row.iter().zip(&b).map(|(x, b)| x * b).sum::<f64>())
            .collect();
        prop_assert!(residuals.iter().sum::<f64>().abs() < 1e-9);
        for j in 0..4 {
            let pull: f64 = inputs.chunks(4).zip(&residuals).map(|(row, r)| row[j] * r / 15.0).sum();
            let slope = pull - l2 * b[j];
            if b[j] == 0.0 {
                prop_assert!(slope.abs() <= l1 + 1e-9);
            } else {
                prop_assert!((slope - l1 * b[j].signum()).abs() <= 1e-9, "{slope}, {b:?}");
            }
        }
    }
}
