//! What defines proximal operators, and minima of functions with penalties.
#![allow(clippy::unwrap_used)]

use downhill_optim::Error;
use downhill_optim::coordinate::{ElasticNet, elastic_net};
use downhill_optim::minimize::{Ending, Fallible, MinimizeError, MinimizeOptions, StopReason, unobserved};
use downhill_optim::proximal::{Penalty, ProximalGradient};
use proptest::prelude::*;
use std::ops::{ControlFlow, Range};

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

const PLAIN: ProximalGradient = ProximalGradient { accelerated: false, restart: false, first_step: 1.0 };
const ACCELERATED: ProximalGradient = ProximalGradient { accelerated: true, restart: false, first_step: 1.0 };
const RESTARTED: ProximalGradient = ProximalGradient { accelerated: true, restart: true, first_step: 1.0 };

const EXAMPLES: usize = 30;
const COLUMNS: usize = 6;

fn table() -> (Vec<f64>, Vec<f64>) {
    let sine = |index: usize, frequency: f64| (frequency * (index * index) as f64).sin();
    let inputs = (1..=EXAMPLES * COLUMNS).map(|index| sine(index, 0.7)).collect();
    (inputs, (1..=EXAMPLES).map(|index| 2.0 * sine(index, 0.3)).collect())
}

/// Half the mean of the squared errors.
fn least_squares(b: &[f64], gradient: &mut [f64]) -> f64 {
    let (inputs, targets) = table();
    gradient.fill(0.0);
    let mut value = 0.0;
    for (row, target) in inputs.chunks(COLUMNS).zip(targets) {
        let error = dot(row, b) - target;
        value += 0.5 * error * error / EXAMPLES as f64;
        gradient.iter_mut().zip(row).for_each(|(g, x)| *g += error * x / EXAMPLES as f64);
    }
    value
}

/// A valley of curvatures from 0.001 to 1 around (1, 1, ...).
fn valley(x: &[f64], gradient: &mut [f64]) -> f64 {
    let curvature = |i: usize| 10f64.powf(-3.0 * i as f64 / (LEN - 1) as f64);
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        *g = curvature(i) * (x - 1.0);
    }
    x.iter().enumerate().map(|(i, x)| 0.5 * curvature(i) * (x - 1.0).powi(2)).sum()
}

fn tight() -> MinimizeOptions {
    MinimizeOptions { gradient_tolerance: 1e-11, iterations: 100_000, ..MinimizeOptions::default() }
}

fn walk(
    method: &ProximalGradient,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    penalty: &Penalty,
    options: &MinimizeOptions,
    start: &[f64],
) -> (Vec<f64>, Ending<f64>) {
    let mut x = start.to_vec();
    let end = method.minimize(&mut function, penalty, &mut x, options, unobserved).unwrap();
    (x, end)
}

#[test]
fn every_method_finds_the_coefficients_of_coordinate_descent() {
    let (inputs, targets) = table();
    for (l1, l2) in [(0.05, 0.0), (0.1, 0.3), (0.0, 0.2)] {
        let mut expected = [0.0; COLUMNS];
        let options = ElasticNet { l1, l2, tolerance: 1e-15, ..ElasticNet::default() };
        let fit = elastic_net(&inputs, &targets, None, false, &options, &mut expected).unwrap();
        for method in [PLAIN, ACCELERATED, RESTARTED] {
            let penalty = Penalty::ElasticNet { l1, l2 };
            let (x, end) = walk(&method, least_squares, &penalty, &tight(), &[0.5; COLUMNS]);
            assert!(end.reason.converged(), "{method:?}: {}", end.reason);
            assert!((end.value - fit.value).abs() < 1e-12);
            assert!(end.gradient_norm <= 1e-9, "{method:?}: {end:?}");
            for (x, b) in x.iter().zip(expected) {
                assert!((x - b).abs() < 1e-8 && (*x == 0.0) == (b == 0.0), "{method:?}: {x} is not {b}");
            }
        }
    }
}

/// At the minimum each group is 0 where its slope is within the penalty, and else its slope is the penalty's.
#[test]
fn groups_vanish_as_a_whole() {
    let groups = vec![0..2, 2..4, 4..6];
    for (strength, expected) in [(0.03, 3), (0.1, 2), (1.0, 0)] {
        let penalty = Penalty::GroupLasso { strength, groups: groups.clone() };
        let (x, end) = walk(&RESTARTED, least_squares, &penalty, &tight(), &[0.0; COLUMNS]);
        assert!(end.reason.converged());
        let mut slope = [0.0; COLUMNS];
        least_squares(&x, &mut slope);
        let mut left = 0;
        for group in &groups {
            let (members, slope) = (&x[group.clone()], &slope[group.clone()]);
            let (length, limit) = (dot(members, members).sqrt(), strength * 2f64.sqrt());
            if length == 0.0 {
                assert!(dot(slope, slope).sqrt() <= limit + 1e-9);
            } else {
                left += 1;
                for (x, slope) in members.iter().zip(slope) {
                    assert!((slope + limit * x / length).abs() < 1e-9);
                }
            }
        }
        assert_eq!(left, expected, "{strength}: {x:?}");
    }
}

#[test]
fn bounds_hold_the_walk_even_if_it_starts_outside() {
    let penalty = Penalty::Box { lower: -2.0, upper: 0.5 };
    for method in [PLAIN, RESTARTED] {
        let mut x = vec![7.0; LEN];
        let inside = |x: &[f64]| x.iter().all(|x| (-2.0..=0.5).contains(x));
        let mut watched = true;
        let options = tight();
        let end = method
            .minimize(&mut valley, &penalty, &mut x, &options, |progress| {
                watched &= inside(progress.x);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(watched && end.reason.converged());
        assert_eq!(x, [0.5; LEN]);
    }
}

/// Beck and Teboulle, theorems 3.1 and 4.4, for steps that are at most halved too far.
#[test]
fn values_fall_as_fast_as_the_theorems_say() {
    for (method, start) in [(PLAIN, 4.0), (ACCELERATED, 4.0)] {
        let mut x = vec![start; LEN];
        let distance = LEN as f64 * (start - 1.0_f64).powi(2);
        let mut fine = true;
        method
            .minimize(&mut valley, &Penalty::None, &mut x, &tight(), |progress| {
                let k = progress.iteration as f64;
                let bound = match method.accelerated {
                    _ if k == 0.0 => f64::INFINITY,
                    true => 4.0 * distance / (k + 1.0).powi(2),
                    false => 2.0 * distance / (2.0 * k),
                };
                fine &= progress.value <= bound;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(fine, "{method:?}");
    }
}

#[test]
fn acceleration_helps_in_a_valley_and_restarts_help_acceleration() {
    let iterations = |method: &ProximalGradient| {
        let options = MinimizeOptions { gradient_tolerance: 1e-8, ..tight() };
        walk(method, valley, &Penalty::None, &options, &[4.0; LEN]).1.iterations
    };
    let (plain, accelerated, restarted) =
        (iterations(&PLAIN), iterations(&ACCELERATED), iterations(&RESTARTED));
    assert!(2 * restarted < accelerated, "{restarted}, {accelerated}");
    assert!(3 * restarted < plain, "{restarted}, {plain}");
}

#[test]
fn every_end_has_its_reason() {
    let end = |options: MinimizeOptions| walk(&RESTARTED, valley, &Penalty::None, &options, &[4.0; LEN]).1;
    let options = MinimizeOptions::default();
    let few = end(MinimizeOptions { iterations: 3, ..options.clone() });
    assert_eq!((few.reason, few.iterations), (StopReason::Iterations { iterations: 3 }, 3));
    let few = end(MinimizeOptions { evaluations: Some(5), ..options.clone() });
    assert_eq!((few.reason, few.evaluations.calls()), (StopReason::Evaluations { evaluations: 5 }, 5));
    let enough = end(MinimizeOptions { target: Some(1.0), ..options.clone() });
    assert!(matches!(enough.reason, StopReason::Target { .. }) && enough.value <= 1.0);
    let slow = end(MinimizeOptions { value_tolerance: 1e-2, ..options.clone() });
    assert!(matches!(slow.reason, StopReason::ValueTolerance { .. }));
    let short = end(MinimizeOptions { step_tolerance: 1e-2, ..options.clone() });
    assert!(matches!(short.reason, StopReason::StepTolerance { .. }));

    let (_, end) = walk(&RESTARTED, |_, _| f64::NAN, &Penalty::None, &options, &[1.0]);
    assert!(matches!(end.reason, StopReason::NotFinite { iteration: 0, .. }));
    let falls = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 1.0;
        x[0]
    };
    let (_, end) = walk(&RESTARTED, falls, &Penalty::None, &options, &[1.0]);
    assert!(matches!(end.reason, StopReason::UnboundedBelow { .. }), "{}", end.reason);
    let wrong = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = -1.0;
        x[0] * x[0]
    };
    let (_, end) = walk(&PLAIN, wrong, &Penalty::None, &options, &[1.0]);
    assert!(matches!(end.reason, StopReason::LineSearch { .. }), "{}", end.reason);
    let mut x = [4.0; LEN];
    let watch = |progress: &downhill_optim::minimize::Progress<'_, f64>| match progress.iteration {
        2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let end = PLAIN.minimize(&mut valley, &Penalty::None, &mut x, &options, watch).unwrap();
    assert_eq!(end.reason, StopReason::Observer { iteration: 2 });
}

#[test]
fn what_does_not_fit_and_what_fails_is_an_error() {
    let options = MinimizeOptions::default();
    let mut fails = Fallible(|_: &[f64], _: &mut [f64]| Err::<f64, _>("no data"));
    let error = PLAIN.minimize(&mut fails, &Penalty::None, &mut [0.0], &options, unobserved);
    assert_eq!(error, Err(MinimizeError::Objective("no data")));
    let penalty = Penalty::Parts(vec![(0..9, Penalty::Nonnegative)]);
    let error = PLAIN.minimize(&mut valley, &penalty, &mut [0.0; LEN], &options, unobserved);
    assert!(matches!(error, Err(MinimizeError::Method(Error::Parts { .. }))));
    let method = ProximalGradient { first_step: 0.0, ..PLAIN };
    assert!(method.minimize(&mut valley, &Penalty::None, &mut [0.0; LEN], &options, unobserved).is_err());
}
