//! What defines proximal operators, and minima of functions with penalties.
#![allow(clippy::unwrap_used)]

use downhill_optim::Error;
use downhill_optim::proximal::Penalty;
use proptest::prelude::*;
use std::ops::Range;

const LEN: usize = 7;

fn simple() -> impl Strategy<Value = Penalty> {
    prop_oneof![
        Just(Penalty::None),
        Just(Penalty::Nonnegative),
        (0.0..3.0_f64).prop_map(|strength| Penalty::L1 { strength }),
        (0.0..3.0_f64, 0.0..3.0_f64).prop_map(|(l1, l2)| Penalty::ElasticNet { l1, l2 }),
        (-2.0..2.0_f64, 0.0..3.0_f64).prop_map(|(lower, width)| Penalty::Box { lower, upper: lower + width }),
    ]
}

fn penalties() -> impl Strategy<Value = Penalty> {
    prop_oneof![
        simple(),
        (0.0..3.0_f64).prop_map(|strength| Penalty::GroupLasso { strength, groups: vec![4..6, 0..3] }),
        (simple(), simple()).prop_map(|(first, second)| Penalty::Parts(vec![(5..7, first), (0..4, second)])),
    ]
}

fn vectors() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-5.0..5.0_f64, LEN)
}

fn prox(penalty: &Penalty, step: f64, x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    penalty.prox(step, &mut x);
    x
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// (prox u - prox v)·(u - v) >= |prox u - prox v|².
    #[test]
    fn proximal_operators_are_firmly_nonexpansive(
        penalty in penalties(), step in 0.01..3.0_f64, u in vectors(), v in vectors(),
    ) {
        let apart = minus(&prox(&penalty, step, &u), &prox(&penalty, step, &v));
        prop_assert!(dot(&apart, &minus(&u, &v)) >= dot(&apart, &apart) - 1e-12);
    }

    #[test]
    fn no_point_is_better_than_the_proximal_one(
        penalty in penalties(), step in 0.01..3.0_f64, v in vectors(), other in vectors(), near in 0.0..1.0_f64,
    ) {
        let objective = |x: &[f64]| {
            let apart = minus(x, &v);
            penalty.value(x) + dot(&apart, &apart) / (2.0 * step)
        };
        let best = prox(&penalty, step, &v);
        let least = objective(&best);
        prop_assert!(least.is_finite());
        // Somewhere, and close by.
        for part in [near, 1e-3 * near] {
            let between: Vec<f64> = best.iter().zip(&other).map(|(b, o)| b + part * (o - b)).collect();
            prop_assert!(objective(&between) >= least - 1e-12);
        }
    }

    /// Moreau: v = prox_(t h)(v) + t prox_(h* / t)(v / t), where the conjugate h* of a norm is the bound of its dual
    /// norm, and the operator of a bound is the nearest point.
    #[test]
    fn what_the_operator_takes_away_is_the_nearest_point_of_the_dual_ball(
        strength in 0.01..3.0_f64, step in 0.01..3.0_f64, v in vectors(),
    ) {
        let l1 = minus(&v, &prox(&Penalty::L1 { strength }, step, &v));
        let cube = prox(&Penalty::Box { lower: -step * strength, upper: step * strength }, 1.0, &v);
        let whole = Penalty::GroupLasso { strength, groups: std::iter::once(0..LEN).collect() };
        let group = minus(&v, &prox(&whole, step, &v));
        let (length, radius) = (dot(&v, &v).sqrt(), step * strength * (LEN as f64).sqrt());
        for i in 0..LEN {
            prop_assert!((l1[i] - cube[i]).abs() < 1e-12);
            prop_assert!((group[i] - v[i] * (radius / length).min(1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn single_precision_follows_double(penalty in penalties(), step in 0.01..3.0_f64, v in vectors()) {
        let mut single: Vec<f32> = v.iter().map(|&v| v as f32).collect();
        penalty.prox(step, &mut single);
        for (single, double) in single.iter().zip(prox(&penalty, step, &v)) {
            prop_assert!((f64::from(*single) - double).abs() < 1e-5);
        }
    }
}

#[test]
fn penalties_have_the_values_of_their_formulas() {
    let x = [3.0, -4.0, 0.0];
    let groups = vec![0..2, 2..3];
    assert_eq!(Penalty::L1 { strength: 2.0 }.value(&x), 14.0);
    assert_eq!(Penalty::ElasticNet { l1: 2.0, l2: 4.0 }.value(&x), 14.0 + 50.0);
    assert_eq!(Penalty::GroupLasso { strength: 1.0, groups }.value(&x), 5.0 * 2.0_f64.sqrt());
    assert_eq!(Penalty::Box { lower: -4.0, upper: 3.0 }.value(&x), 0.0);
    assert_eq!(Penalty::Box { lower: -3.0, upper: 3.0 }.value(&x), f64::INFINITY);
    assert_eq!(Penalty::Nonnegative.value(&x), f64::INFINITY);
    assert_eq!(Penalty::Nonnegative.value(&[0.0]), 0.0);
}

#[test]
fn not_a_number_stays_one() {
    for penalty in [Penalty::L1 { strength: 1.0 }, Penalty::ElasticNet { l1: 1.0, l2: 1.0 }] {
        assert!(prox(&penalty, 1.0, &[f64::NAN])[0].is_nan());
    }
}

#[test]
fn penalties_that_do_not_fit_are_refused() {
    let group = |groups: Vec<Range<usize>>| {
        Penalty::GroupLasso { strength: 1.0, groups }.validate(5).map_err(|error| error.to_string())
    };
    assert_eq!(group(vec![3..5, 0..3]), Ok(()));
    assert_eq!(
        group(vec![0..3, 2..5]).unwrap_err(),
        "the part 2..5 of a vector of length 5 cannot be penalized: it overlaps the one before"
    );
    assert!(group(vec![0..2, 2..6]).unwrap_err().ends_with("it does not lie in the vector"));
    assert!(matches!(
        Penalty::L1 { strength: -1.0 }.validate(1),
        Err(Error::InvalidValue { field: "strength", .. })
    ));
    assert!(Penalty::Box { lower: 1.0, upper: 0.0 }.validate(1).is_err());
    assert!(Penalty::Box { lower: f64::NEG_INFINITY, upper: f64::INFINITY }.validate(1).is_ok());
    let inner = Penalty::Parts(vec![(0..2, Penalty::ElasticNet { l1: 0.0, l2: f64::NAN })]);
    assert!(inner.validate(2).is_err());
    let nested = Penalty::Parts(vec![(0..2, Penalty::Parts(vec![(1..3, Penalty::None)]))]);
    assert!(nested.validate(5).is_err());
}
