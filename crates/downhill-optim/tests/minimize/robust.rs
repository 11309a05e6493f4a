//! Where other minimizers fail: points that are not finite, flat ground, saddles, no minimum, bad scales, and the last
//! digits.

use crate::certificate::extreme_curvatures;
use downhill_optim::minimize::*;
use downhill_optim::{Adam, Error, GradientDescent, OptimizerConfig, Schedule, StepDecay};
use std::ops::ControlFlow;
use std::time::Duration;

/// Every method that searches, with every search.
fn methods() -> Vec<Method> {
    let searches = [
        LineSearch::Backtracking(Backtracking::default()),
        LineSearch::Armijo(Armijo::default()),
        LineSearch::StrongWolfe(StrongWolfe::default()),
        LineSearch::HagerZhang(HagerZhang::default()),
    ];
    let mut methods = Vec::new();
    for search in searches {
        let line_search = || search.clone();
        methods.push(SteepestDescent { line_search: line_search() }.into());
        methods.push(Lbfgs { line_search: line_search(), ..Lbfgs::default() }.into());
        methods.push(LbfgsB { line_search: line_search(), ..LbfgsB::default() }.into());
        methods.push(NewtonCg { line_search: line_search(), ..NewtonCg::default() }.into());
    }
    for formula in [
        ConjugateGradientFormula::FletcherReeves,
        ConjugateGradientFormula::PolakRibiere,
        ConjugateGradientFormula::HagerZhang,
        ConjugateGradientFormula::DaiYuan,
    ] {
        methods.push(ConjugateGradient { formula, ..ConjugateGradient::default() }.into());
    }
    methods.push(TrustRegion::default().into());
    methods
}

fn options(iterations: u64) -> MinimizeOptions {
    MinimizeOptions { iterations, ..MinimizeOptions::default() }
}

fn run<T: downhill_tensor::Float>(
    mut objective: impl FnMut(&[T], &mut [T]) -> T,
    start: &[T],
    method: &Method,
    options: &MinimizeOptions,
) -> (Vec<T>, Ending<T>) {
    let mut x = start.to_vec();
    let end = minimize(&mut objective, &mut x, method, options, unobserved).unwrap();
    (x, end)
}

#[test]
fn a_start_that_is_not_finite_ends_there_with_the_numbers() {
    for method in methods().iter().chain([&Method::from(OptimizerConfig::from(Adam::default()))]) {
        let value = |_: &[f64], gradient: &mut [f64]| {
            gradient.fill(1.0);
            f64::NAN
        };
        let (x, end) = run(value, &[2.0], method, &options(10));
        assert!(
            matches!(end.reason, StopReason::NotFinite { iteration: 0, value, gradient: 1.0 } if value.is_nan()),
            "{end:?}"
        );
        assert_eq!((x[0], end.iterations, end.evaluations.values), (2.0, 0, 1));
        let gradient = |_: &[f64], gradient: &mut [f64]| {
            gradient.fill(f64::INFINITY);
            1.0
        };
        let (_, end) = run(gradient, &[2.0], method, &options(10));
        assert!(matches!(end.reason, StopReason::NotFinite { value: 1.0, .. }), "{end:?}");
    }
}

#[test]
fn searches_step_back_from_values_and_gradients_that_are_not_numbers() {
    // -ln x + x: the minimum is 1, and beyond 0 there is nothing. The start's steps lead there.
    let barrier = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 1.0 - 1.0 / x[0];
        if x[0] <= 0.0 { f64::NAN } else { x[0] - x[0].ln() }
    };
    // Finite values with gradients that are not, far to the left.
    let cliff = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = if x[0] < -0.5 { f64::NAN } else { 2.0 * (x[0] - 1.0) };
        (x[0] - 1.0).powi(2)
    };
    // An overflow: the exponential of a large step is infinite.
    let exponential = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 40.0 * (40.0 * x[0]).exp() - 40.0 * (-40.0 * x[0]).exp();
        (40.0 * x[0]).exp() + (-40.0 * x[0]).exp()
    };
    for method in &methods() {
        for start in [1e-3, 0.5, 300.0] {
            let (x, end) = run(barrier, &[start], method, &options(5000));
            assert!((x[0] - 1.0).abs() < 1e-4, "{method:?} {start}: {} {}", x[0], end.reason);
        }
        let (x, end) = run(cliff, &[40.0], method, &options(5000));
        assert!((x[0] - 1.0).abs() < 1e-4, "{method:?}: {} {}", x[0], end.reason);
        let (x, end) = run(exponential, &[6.0], method, &options(5000));
        assert!(x[0].abs() < 1e-6, "{method:?}: {} {}", x[0], end.reason);
    }
}

#[test]
fn an_optimizer_that_leaves_the_numbers_ends_at_the_best_point_it_saw() {
    let parabola = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    };
    let method = Method::from(OptimizerConfig::from(GradientDescent { learning_rate: 1.5 }));
    let (x, end) = run(parabola, &[1.0], &method, &options(100_000));
    let StopReason::NotFinite { iteration, value, .. } = end.reason else { panic!("{end:?}") };
    assert!(value.is_infinite() && iteration == end.iterations + 1);
    assert_eq!((x[0], end.value), (1.0, 1.0));
}

#[test]
fn flat_directions_and_flat_ground_are_stationary() {
    let flat = |_: &[f64], gradient: &mut [f64]| {
        gradient.fill(0.0);
        7.0
    };
    let groove = |x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0], 0.0]);
        x[0] * x[0]
    };
    for method in &methods() {
        let (x, end) = run(flat, &[1.0, -1.0], method, &options(50));
        assert!(matches!(end.reason, StopReason::GradientTolerance { gradient_norm: 0.0, .. }), "{end:?}");
        assert_eq!((&x[..], end.iterations), (&[1.0, -1.0][..], 0));
        let (x, end) = run(groove, &[3.0, 5.0], method, &options(500));
        assert!(end.reason.converged() && x[0].abs() < 1e-4 && x[1] == 5.0, "{method:?} {x:?} {end:?}");
    }
}

#[test]
fn a_start_at_the_minimum_ends_there_after_one_evaluation() {
    let parabola = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * (x[0] - 1.0);
        (x[0] - 1.0).powi(2)
    };
    for method in &methods() {
        let (x, end) = run(parabola, &[1.0], method, &options(50));
        assert_eq!((x[0], end.iterations), (1.0, 0));
        assert!(matches!(end.reason, StopReason::GradientTolerance { .. }));
        let looks_at_curvature = matches!(method, Method::NewtonCg(_) | Method::TrustRegion(_));
        assert!(end.evaluations.values == 1 || looks_at_curvature, "{end:?}");
    }
}

/// `(x² - 1)² + y²`: minima at ±1, a saddle at 0.
fn saddle(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.copy_from_slice(&[4.0 * x[0] * (x[0] * x[0] - 1.0), 2.0 * x[1]]);
    (x[0] * x[0] - 1.0).powi(2) + x[1] * x[1]
}

#[test]
fn a_saddle_is_stationary_for_methods_that_see_slopes_alone() {
    for method in &methods() {
        if matches!(method, Method::NewtonCg(_) | Method::TrustRegion(_)) {
            continue;
        }
        let (x, end) = run(saddle, &[0.0, 0.0], method, &options(50));
        assert_eq!((&x[..], end.iterations), (&[0.0, 0.0][..], 0));
        assert!(end.reason.to_string().starts_with("stationary point"), "{}", end.reason);
    }
}

#[test]
fn newton_and_trust_region_leave_a_saddle_along_negative_curvature() {
    for method in methods().iter().filter(|m| matches!(m, Method::NewtonCg(_) | Method::TrustRegion(_))) {
        for start in [[0.0, 0.0], [0.0, 1.0], [1e-12, 2.0]] {
            let (x, end) = run(saddle, &start, method, &options(200));
            assert!((x[0].abs() - 1.0).abs() < 1e-5 && x[1].abs() < 1e-5, "{method:?}: {x:?} {end:?}");
        }
        let product = |x: &[f64], v: &[f64], product: &mut [f64]| {
            product.copy_from_slice(&[(12.0 * x[0] * x[0] - 4.0) * v[0], 2.0 * v[1]]);
        };
        let mut objective = WithHessian::new(saddle, product);
        let mut x = [0.0, 0.0];
        let end = minimize(&mut objective, &mut x, method, &options(200), unobserved).unwrap();
        assert!((x[0].abs() - 1.0).abs() < 1e-5 && end.evaluations.hessian_products > 0, "{end:?}");
        let (least, _) = extreme_curvatures(saddle, &x);
        assert!(least > 0.0);
    }
    // Asked again, a minimizer that has stopped asks nothing of the objective.
    let mut minimizer =
        Minimizer::new(&mut saddle, &[1.0, 0.0], &NewtonCg::default().into(), &options(50)).unwrap();
    assert!(minimizer.step(&mut saddle).unwrap().is_break());
    let evaluations = minimizer.progress().evaluations;
    assert!(minimizer.step(&mut saddle).unwrap().is_break());
    assert_eq!(minimizer.progress().evaluations, evaluations);
    let stays = NewtonCg { leave_saddles: false, ..NewtonCg::default() };
    assert_eq!(run(saddle, &[0.0, 0.0], &stays.into(), &options(50)).0, [0.0, 0.0]);
}

#[test]
fn a_function_without_a_minimum_ends_at_the_floor_or_at_the_budget_and_never_loops() {
    let plane = |x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[1.0, -2.0]);
        x[0] - 2.0 * x[1]
    };
    let cubic = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 3.0 * x[0] * x[0];
        x[0].powi(3)
    };
    let logarithm = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = -1.0 / x[0];
        -x[0].ln()
    };
    for method in &methods() {
        for (name, end) in [
            ("plane", run(plane, &[0.0, 0.0], method, &options(300)).1),
            ("cubic", run(cubic, &[-1.0], method, &options(300)).1),
        ] {
            let ended = matches!(
                end.reason,
                StopReason::UnboundedBelow { .. }
                    | StopReason::Iterations { .. }
                    | StopReason::Evaluations { .. }
            );
            assert!(ended, "{name} {method:?}: {end:?}");
            assert!(end.value < -50.0, "{name} {method:?}: {end:?}");
        }
        // It falls so slowly that its slope is soon within the tolerance.
        let (x, end) = run(logarithm, &[1.0], method, &options(300));
        assert!(x[0] > 100.0 && (end.gradient_norm <= 1e-5 || end.iterations == 300), "{method:?}: {end:?}");
    }
    let floor = MinimizeOptions { floor: -10.0, ..options(300) };
    let (_, end) = run(plane, &[0.0, 0.0], &Method::default(), &floor);
    assert!(matches!(end.reason, StopReason::UnboundedBelow { value, floor: -10.0 } if value <= -10.0));
    let infinite = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        if x[0] < 0.5 { f64::NEG_INFINITY } else { x[0] * x[0] }
    };
    let (x, end) = run(infinite, &[2.0], &Method::default(), &options(300));
    assert!(matches!(end.reason, StopReason::UnboundedBelow { .. }) && x[0] >= 0.5, "{end:?}");
}

#[test]
fn variables_of_scales_from_1e_minus_8_to_1e8_reach_the_minimum() {
    // Each variable in units of its own: the minimum is 1, 10, 100, ... of them away.
    let scales: [f64; 5] = [1e-8, 1e-4, 1.0, 1e4, 1e8];
    let bowl = |x: &[f64], gradient: &mut [f64]| {
        let mut value = 0.0;
        for i in 0..5 {
            let off = x[i] / scales[i] - 1.0;
            gradient[i] = 2.0 * off / scales[i];
            value += off * off;
        }
        value
    };
    for method in [Method::default(), LbfgsB::default().into(), NewtonCg::default().into()] {
        let tight = MinimizeOptions { gradient_tolerance: 0.0, ..options(20_000) };
        let (x, end) = run(bowl, &[0.0; 5], &method, &tight);
        // The steep ones are found; the value tells how much is left of the five.
        assert!(end.value <= 2.0 + 1e-9, "{method:?} {x:?} {end:?}");
        assert!((0..3).all(|i| (x[i] / scales[i] - 1.0).abs() < 1e-6), "{method:?} {x:?} {end:?}");
    }
}

/// Multinomial logistic regression on data that lies between 0 and 1 and is mostly 0, with a small penalty.
fn logistic(
    classes: usize,
    features: usize,
    examples: usize,
    penalty: f64,
) -> impl Fn(&[f64], &mut [f64]) -> f64 {
    let noise =
        |i: usize| ((i as f64 * 0.754_877_666) % 1.0 + (i as f64 * i as f64 * 0.569_840_291) % 1.0) % 1.0;
    let x: Vec<f64> =
        (0..examples * features).map(|i| if noise(i) < 0.8 { 0.0 } else { noise(i + 7_919) }).collect();
    move |theta: &[f64], gradient: &mut [f64]| {
        gradient.iter_mut().zip(theta).for_each(|(g, t)| *g = penalty * t);
        let mut value = 0.5 * penalty * theta.iter().map(|t| t * t).sum::<f64>();
        let mut scores = vec![0.0; classes];
        for (example, row) in x.chunks(features).enumerate() {
            // A class that depends on the features, a little.
            let class = (example * 5 + (row[0] * 3.0) as usize + (row[1] * 5.0) as usize) % classes;
            for (score, weights) in scores.iter_mut().zip(theta.chunks(features)) {
                *score = row.iter().zip(weights).map(|(x, w)| x * w).sum();
            }
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
            value += (sum.ln() + most - scores[class]) / examples as f64;
            for k in 0..classes {
                let error = (scores[k] - most).exp() / sum - f64::from(u8::from(k == class));
                for (g, x) in gradient[k * features..].iter_mut().zip(row) {
                    *g += error * x / examples as f64;
                }
            }
        }
        value
    }
}

#[test]
fn logistic_regression_on_normalized_data_ends_at_the_precision_of_its_numbers() {
    // A tolerance that cannot be reached: the search must fail in the end, and that must be an ending.
    let unreachable = MinimizeOptions { gradient_tolerance: 0.0, ..options(5000) };
    for penalty in [0.0, 1e-6, 1e-2] {
        let objective = logistic(4, 6, 120, penalty);
        for method in [Method::default(), LbfgsB::default().into(), NewtonCg::default().into()] {
            let (_, end) = run(&objective, &[0.0; 24], &method, &unreachable);
            let ended =
                matches!(end.reason, StopReason::Precision { .. } | StopReason::GradientTolerance { .. });
            assert!(ended, "{method:?} {penalty}: {end:?}");
            assert!(end.gradient_norm < 2e-9, "{method:?} {penalty}: {end:?}");
        }
    }
}

#[test]
fn logistic_regression_with_a_class_for_each_example_takes_a_bounded_number_of_evaluations() {
    // More classes than can be told apart, unregularized and badly scaled.
    let objective = logistic(60, 4, 90, 0.0);
    let scaled = |theta: &[f64], gradient: &mut [f64]| {
        1e3 * objective(theta, gradient) + {
            gradient.iter_mut().for_each(|g| *g *= 1e3);
            0.0
        }
    };
    let (_, end) = run(scaled, &[0.0; 240], &Method::default(), &options(300));
    assert!(end.evaluations.values < 600, "{end:?}");
    assert!(end.reason.converged() || end.iterations == 300, "{end:?}");
}

#[test]
fn a_direction_that_does_not_descend_restarts_the_method() {
    // A gradient with a systematic error makes pairs that contradict each other.
    let wrong = |x: &[f64], gradient: &mut [f64]| {
        for i in 0..x.len() {
            gradient[i] = 2.0 * x[i] + 0.3 * (50.0 * x[i]).sin();
        }
        x.iter().map(|x| x * x).sum::<f64>()
    };
    for method in &methods() {
        let (x, end) = run(wrong, &[3.0, -2.0, 1.0], method, &options(2000));
        // No error, no endless loop, and far below the start.
        assert!(end.value < 0.1 && x.iter().all(|x| x.is_finite()), "{method:?} {end:?}");
        assert!(end.evaluations.values < 20_000, "{method:?} {end:?}");
    }
}

#[test]
fn a_gradient_that_contradicts_the_value_is_a_failed_search_and_is_said() {
    let upside_down = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = -2.0 * x[0];
        x[0] * x[0]
    };
    for method in [Method::default(), LbfgsB::default().into(), ConjugateGradient::default().into()] {
        let (x, end) = run(upside_down, &[3.0], &method, &options(50));
        assert!(matches!(end.reason, StopReason::LineSearch { .. }), "{end:?}");
        assert!(!end.reason.converged() && x[0] == 3.0);
        assert!(end.reason.to_string().contains("do value and gradient belong together?"));
    }
}

#[test]
fn single_precision_ends_at_its_own_precision_and_says_so() {
    let valley = |x: &[f32], gradient: &mut [f32]| {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        // A constant, so that the value rounds where the gradient does not.
        3.0 + a * a + 100.0 * b * b
    };
    let unreachable = MinimizeOptions { gradient_tolerance: 1e-12, ..options(5000) };
    for method in [
        Method::default(),
        LbfgsB::default().into(),
        ConjugateGradient::default().into(),
        NewtonCg::default().into(),
        TrustRegion::default().into(),
    ] {
        let (x, end) = run(valley, &[-1.2_f32, 1.0], &method, &unreachable);
        assert!(end.reason.converged(), "{method:?} {end:?}");
        assert!((x[0] - 1.0).abs() < 0.05, "{method:?} {x:?} {end:?}");
        assert!(end.evaluations.values < 5000, "{method:?} {end:?}");
    }
}

#[test]
fn every_limit_is_kept_and_named_with_its_numbers() {
    let valley = |x: &[f64], gradient: &mut [f64]| {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        a * a + 100.0 * b * b
    };
    let start = [-1.2, 1.0];
    for method in &methods() {
        let (_, end) = run(valley, &start, method, &options(3));
        assert_eq!((end.reason, end.iterations), (StopReason::Iterations { iterations: 3 }, 3));
        let few = MinimizeOptions { evaluations: Some(5), ..options(1000) };
        let (x, end) = run(valley, &start, method, &few);
        assert_eq!(end.reason, StopReason::Evaluations { evaluations: 5 });
        assert_eq!(end.evaluations.calls(), 5);
        // The best point is kept, also from within a search.
        assert_eq!(end.value, valley(&x, &mut [0.0; 2]));
        assert!(end.value <= 24.2);
        let target = MinimizeOptions { target: Some(1.0), ..options(1000) };
        let (x, end) = run(valley, &start, method, &target);
        assert!(matches!(end.reason, StopReason::Target { value, target: 1.0 } if value <= 1.0));
        assert!(valley(&x, &mut [0.0; 2]) <= 1.0 && end.gradient_norm > 1e-5);
        let value = MinimizeOptions { value_tolerance: 0.5, ..options(1000) };
        let (_, end) = run(valley, &start, method, &value);
        assert!(
            matches!(end.reason, StopReason::ValueTolerance { decrease, .. } if (0.0..=0.5).contains(&decrease))
        );
        let step = MinimizeOptions { step_tolerance: 0.1, ..options(1000) };
        let (_, end) = run(valley, &start, method, &step);
        assert!(matches!(end.reason, StopReason::StepTolerance { change, .. } if change <= 0.1), "{end:?}");
        let late = MinimizeOptions { time: Some(Duration::ZERO), ..options(1000) };
        let (x, end) = run(valley, &start, method, &late);
        assert!(matches!(end.reason, StopReason::Time { limit: Duration::ZERO, .. }));
        assert_eq!(x, start);
    }
}

#[test]
fn an_observer_ends_it_where_it_is_and_sees_every_point() {
    let parabola = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    };
    let mut x = [1.0];
    let mut seen = Vec::new();
    let method = Method::from(OptimizerConfig::from(GradientDescent { learning_rate: 0.25 }));
    let observer = |progress: &Progress<'_, f64>| {
        seen.push((progress.iteration, progress.x[0], progress.last.is_some()));
        if progress.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let end = minimize(&mut { parabola }, &mut x, &method, &options(50), observer).unwrap();
    assert_eq!((end.reason, x[0]), (StopReason::Observer { iteration: 2 }, 0.25));
    assert_eq!(seen, [(0, 1.0, false), (1, 0.5, true), (2, 0.25, true)]);
}

#[test]
fn an_optimizer_follows_its_schedule_and_counts_its_steps() {
    let parabola = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    };
    let descent = |learning_rate, schedule| {
        let method = ScheduledOptimizer { optimizer: GradientDescent { learning_rate }.into(), schedule };
        run(parabola, &[1.0], &method.into(), &options(3))
    };
    let (x, end) = descent(0.25, Schedule::Constant);
    assert_eq!((x[0], end.value, end.gradient_norm, end.iterations), (0.125, 0.125 * 0.125, 0.25, 3));
    assert_eq!((end.evaluations.values, end.reason), (4, StopReason::Iterations { iterations: 3 }));
    let halving = Schedule::Step(StepDecay { period: 1, gamma: 0.5 });
    assert_eq!(descent(0.25, halving).0[0], 0.5 * 0.75 * 0.875);
}

#[test]
fn the_objectives_own_error_comes_back_with_the_best_point_left_in_place() {
    let fails_below_half = |x: &[f64], gradient: &mut [f64]| match x[0] {
        low if low < 0.5 => Err(format!("{low} is too low")),
        x => {
            gradient[0] = 2.0 * x;
            Ok(x * x)
        }
    };
    let mut x = [1.0];
    let method = Method::from(OptimizerConfig::from(GradientDescent { learning_rate: 0.125 }));
    let end = minimize(&mut Fallible(fails_below_half), &mut x, &method, &options(50), unobserved);
    assert_eq!(end, Err(MinimizeError::Objective("0.421875 is too low".into())));
    assert_eq!(x[0], 0.75 * 0.75);
}

#[test]
fn options_that_do_not_fit_are_errors_that_name_the_field() {
    let parabola = |x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    };
    let refused = |method: Method, options: MinimizeOptions| match minimize(
        &mut { parabola },
        &mut [1.0],
        &method,
        &options,
        unobserved,
    ) {
        Err(MinimizeError::Method(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let negative = MinimizeOptions { gradient_tolerance: -1.0, ..MinimizeOptions::default() };
    assert!(refused(Method::default(), negative).contains("gradient_tolerance must be at least 0"));
    let target = MinimizeOptions { target: Some(f64::NAN), ..MinimizeOptions::default() };
    assert!(refused(Method::default(), target).contains("target"));
    let memory = Lbfgs { memory: 0, ..Lbfgs::default() };
    assert!(refused(memory.into(), MinimizeOptions::default()).contains("memory must be at least 1"));
    let bounds = Bounds::Each(vec![Interval::EVERYTHING; 2]);
    let bounded = LbfgsB { bounds, ..LbfgsB::default() };
    let end =
        minimize(&mut { parabola }, &mut [1.0], &bounded.into(), &MinimizeOptions::default(), unobserved);
    assert!(matches!(end, Err(MinimizeError::Method(Error::LengthMismatch { expected: 1, actual: 2, .. }))));
}

#[test]
fn a_minimizer_that_is_driven_goes_where_minimize_goes() {
    let mut valley = |x: &[f64], gradient: &mut [f64]| {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        a * a + 100.0 * b * b
    };
    for method in &methods() {
        let (x, end) = run(valley, &[-1.2, 1.0], method, &options(40));
        let mut minimizer = Minimizer::new(&mut valley, &[-1.2, 1.0], method, &options(40)).unwrap();
        let mut value = minimizer.progress().value;
        let reason = loop {
            match minimizer.step(&mut valley).unwrap() {
                ControlFlow::Continue(iteration) => {
                    let expected = value - iteration.decrease;
                    assert!((minimizer.progress().value - expected).abs() <= 1e-15 * value.abs());
                    value = minimizer.progress().value;
                }
                ControlFlow::Break(reason) => break reason,
            }
        };
        assert_eq!((minimizer.point(), reason), (&x[..], end.reason));
        assert_eq!(minimizer.stopped(), Some(reason));
        assert_eq!(minimizer.step(&mut valley).unwrap(), ControlFlow::Break(reason));
    }
}
