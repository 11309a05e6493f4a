//! The test functions against another implementation, finite differences, and what is known about them.
#![allow(clippy::unwrap_used)]

use downhill_optim::test_functions::{ALL, MinimumKind, TestFunction, by_name};
use downhill_tensor::Key;
use serde::Deserialize;

/// The dimensions in which a function is looked at.
fn dimensions(function: &TestFunction) -> impl Iterator<Item = usize> {
    [1, 2, 3, 4, 5, 10].into_iter().filter(|&count| function.dimension.admits(count))
}

fn evaluate(function: &TestFunction, x: &[f64]) -> (f64, Vec<f64>) {
    // What was there before must not matter.
    let mut gradient = vec![f64::NAN; x.len()];
    let value = (function.value_and_gradient)(x, &mut gradient);
    (value, gradient)
}

/// Random numbers below 1 from 0 on, the same ones at each call.
fn numbers(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let mut numbers = vec![0.0; count];
    Key::new(count as u64).named(name).fill_uniform(0, &mut numbers);
    numbers.into_iter()
}

/// Random points in the bounds.
fn points(function: &TestFunction, dimension: usize, count: usize) -> Vec<Vec<f64>> {
    let bounds = function.bounds(dimension).unwrap();
    let mut numbers = numbers(function.name, count * dimension);
    let mut between = |&(low, high): &(f64, f64)| low + (high - low) * numbers.next().unwrap();
    (0..count).map(|_| bounds.iter().map(&mut between).collect()).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[derive(Deserialize)]
struct Case {
    function: String,
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("oracles/test_functions.json")).unwrap()
}

#[test]
fn values_and_gradients_are_those_of_another_implementation() {
    for case in cases() {
        let function = by_name(&case.function).unwrap();
        let (value, gradient) = evaluate(function, &case.point);
        let (name, point) = (&case.function, &case.point);
        let agrees = |ours: f64, theirs: f64, size: f64| (ours - theirs).abs() <= 1e-11 * (size + 1.0);
        assert!(agrees(value, case.value, case.value.abs()), "{name} {point:?}: {value}, {}", case.value);
        let size = largest(&case.gradient);
        for (&ours, &theirs) in gradient.iter().zip(&case.gradient) {
            assert!(agrees(ours, theirs, size), "{name} {point:?}: {gradient:?}, {:?}", case.gradient);
        }
    }
}

#[test]
fn every_function_has_a_case_of_the_oracle() {
    let cases = cases();
    for function in ALL {
        assert!(cases.iter().any(|case| case.function == function.name), "{} has none", function.name);
    }
}

#[test]
fn gradients_are_the_limits_of_differences() {
    for function in ALL {
        for dimension in dimensions(function) {
            for x in points(function, dimension, 20) {
                let (value, gradient) = evaluate(function, &x);
                for i in 0..dimension {
                    let width = 1e-6 * x[i].abs().max(1e-2);
                    let moved = |by: f64| {
                        let mut x = x.clone();
                        x[i] += by;
                        evaluate(function, &x).0
                    };
                    let between = |width: f64| moved(width) - moved(-width);
                    // The error of two widths that is proportional to their squares cancels.
                    let difference = (8.0 * between(width) - between(2.0 * width)) / (12.0 * width);
                    let rounding = 1e-14 * value.abs().max(1.0) / width;
                    let allowed = 1e-5 * largest(&gradient) + rounding;
                    assert!(
                        (difference - gradient[i]).abs() <= allowed,
                        "{} at {x:?}: {i}: {difference}, but {}",
                        function.name,
                        gradient[i]
                    );
                }
            }
        }
    }
}

#[test]
fn each_minimum_has_the_stated_value_no_slope_and_nothing_lower_beside_it() {
    for function in ALL {
        for dimension in dimensions(function) {
            let bounds = function.bounds(dimension).unwrap();
            for minimum in function.minima {
                let at = minimum.point.point(dimension);
                let stated = (minimum.value)(dimension);
                let (value, gradient) = evaluate(function, &at);
                let place = format!("{} at {at:?}", function.name);
                assert!(
                    (value - stated).abs() <= 1e-10 * stated.abs().max(1.0),
                    "{place}: {value}, {stated}"
                );
                assert!(largest(&gradient) <= 1e-9, "{place}: {gradient:?}");
                for (&x, &(low, high)) in at.iter().zip(&bounds) {
                    assert!((low..=high).contains(&x), "{place} is outside the bounds");
                }
                let mut numbers = numbers(function.name, 100 * dimension);
                for _ in 0..100 {
                    let mut aside = |x: &f64| x + 1e-3 * x.abs().max(1.0) * (numbers.next().unwrap() - 0.5);
                    let beside: Vec<f64> = at.iter().map(&mut aside).collect();
                    let (beside, _) = evaluate(function, &beside);
                    assert!(beside >= value - 1e-12 * value.abs().max(1.0), "{place}: {beside} is lower");
                }
            }
        }
    }
}

#[test]
fn no_point_in_the_bounds_lies_below_the_global_minimum() {
    for function in ALL {
        for dimension in dimensions(function) {
            let Some(least) = function.global_minimum(dimension) else {
                assert_eq!(function.name, "monkey_saddle");
                continue;
            };
            for x in points(function, dimension, 2000) {
                let (value, gradient) = evaluate(function, &x);
                assert!(value >= least - 1e-10 * least.abs(), "{} at {x:?} is {value}", function.name);
                assert!(gradient.iter().all(|slope| slope.is_finite()), "{} at {x:?}", function.name);
            }
        }
    }
}

#[test]
fn local_minima_are_higher_than_global_ones() {
    for function in ALL {
        for minimum in function.minima {
            for dimension in dimensions(function) {
                let (value, least) =
                    ((minimum.value)(dimension), function.global_minimum(dimension).unwrap());
                match minimum.kind {
                    MinimumKind::Global => assert_eq!(value, least, "{}", function.name),
                    MinimumKind::Local => assert!(value > least, "{}", function.name),
                }
            }
        }
    }
}

#[test]
fn every_start_is_in_the_bounds_and_has_a_slope() {
    for function in ALL {
        for dimension in dimensions(function) {
            let start = function.start(dimension).unwrap();
            let bounds = function.bounds(dimension).unwrap();
            for (&x, (low, high)) in start.iter().zip(bounds) {
                assert!(low <= x && x <= high, "{} starts at {start:?}", function.name);
            }
            let (value, gradient) = evaluate(function, &start);
            assert!(value.is_finite() && largest(&gradient) > 1e-3, "{}: {gradient:?}", function.name);
        }
    }
}

#[test]
fn one_that_is_not_differentiable_has_no_slope_where_it_has_no_derivative() {
    for (name, x) in [("bukin_6", vec![-10.0, 1.0]), ("ackley", vec![0.0; 3])] {
        let function = by_name(name).unwrap();
        assert!(function.not_differentiable.is_some());
        assert_eq!(evaluate(function, &x).1, vec![0.0; x.len()]);
    }
    let helix = by_name("helical_valley").unwrap();
    let height = |x: f64| evaluate(helix, &[x, -1.0, 0.0]).0;
    assert!((height(1e-9) - height(-1e-9)).abs() > 1.0, "the angle jumps below the x axis");
    assert!((evaluate(helix, &[-1.0, 0.0, 0.0]).0 - evaluate(helix, &[-1.0, -0.0, 0.0]).0).abs() < 1e-12);
}

#[test]
fn names_are_found_as_people_write_them_and_slips_are_answered() {
    assert_eq!(by_name("Goldstein-Price").unwrap().name, "goldstein_price");
    assert_eq!(by_name("three hump camel").unwrap().name, "three_hump_camel");
    let error = by_name("rosenbrok").unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no test function is called \"rosenbrok\"; did you mean \"rosenbrock\"; there are sphere, "
        ),
        "{error}"
    );
    for (index, function) in ALL.iter().enumerate() {
        assert!(
            ALL[..index].iter().all(|other| other.name != function.name),
            "{} is there twice",
            function.name
        );
    }
}

#[test]
fn a_wrong_number_of_variables_is_refused() {
    let refused = |name: &str, count| by_name(name).unwrap().start(count).unwrap_err().to_string();
    assert_eq!(refused("beale", 3), "beale: the number of variables must be 2, but is 3");
    assert_eq!(refused("rosenbrock", 1), "rosenbrock: the number of variables must be 2 or more, but is 1");
    assert_eq!(refused("michalewicz", 11), "michalewicz: the number of variables must be 1 to 10, but is 11");
    assert_eq!(by_name("wood").unwrap().dimension.usual(), 4);
    assert_eq!(by_name("ackley").unwrap().dimension.usual(), 2);
}
