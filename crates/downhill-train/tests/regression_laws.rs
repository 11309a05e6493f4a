//! What holds for every regression: certificates, threads, weights, units, and data that has no answer.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic, also in its helpers")]

use downhill_data::{Features, InMemory, InputSchema, Target, csv, embedded};
use downhill_tensor::Key;
use downhill_tensor::Tensor;
use downhill_train::regression::{
    Because, Certificate, ElasticNet, Examples, FitOptions, FitStop, Fitted, FittedTable, HuberRegression,
    Inference, Lasso, LogisticRegression, OrdinaryLeastSquares, PoissonRegression, Proof, Regression,
    RegressionError, Ridge, Solver,
};
use downhill_train::{Error, Predictions};
use proptest::prelude::*;

/// Rows of this many columns, correlated and in different units, and a linear signal.
fn made(seed: u64, n: usize, p: usize) -> (Vec<f64>, Vec<f64>) {
    let normal = |what: u64, len: usize| {
        Tensor::<f64>::normal(Key::new(seed).fold(what), [len], 0.0, 1.0).unwrap().to_vec()
    };
    let (mut rows, effects) = (normal(1, n * p), normal(2, p));
    for row in rows.chunks_mut(p) {
        for j in 1..p {
            row[j] += 0.5 * row[j - 1];
        }
    }
    let noise = normal(3, n);
    let signal: Vec<f64> = rows
        .chunks(p)
        .zip(noise)
        .map(|(row, e)| row.iter().zip(&effects).map(|(x, b)| x * b).sum::<f64>() + e)
        .collect();
    for row in rows.chunks_mut(p) {
        for (j, x) in row.iter_mut().enumerate() {
            *x = *x * 10f64.powi(j as i32 % 5 - 2) + 3.0 * j as f64;
        }
    }
    (rows, signal)
}

/// Targets of the kind that a model takes, from a signal.
fn targets(model: &Regression, signal: &[f64], classes: usize) -> Vec<f64> {
    signal
        .iter()
        .enumerate()
        .map(|(i, s)| match model {
            Regression::LogisticRegression(_) if classes == 2 => f64::from(u8::from(*s > 0.2)),
            Regression::LogisticRegression(_) => ((s + 1.5).clamp(0.0, 2.9) as usize) as f64,
            Regression::PoissonRegression(_) => (0.4 * s).clamp(-3.0, 3.0).exp().round(),
            Regression::HuberRegression(_) if i % 9 == 0 => s + 50.0,
            _ => *s,
        })
        .collect()
}

fn with(mut model: Regression, change: impl FnOnce(&mut FitOptions)) -> Regression {
    change(model.options_mut());
    model
}

/// Models with penalties, so that each has a minimum.
fn penalized(alpha: f64) -> Vec<Regression> {
    vec![
        Ridge { alpha, ..Ridge::default() }.into(),
        Lasso { alpha: 0.1 * alpha, ..Lasso::default() }.into(),
        ElasticNet { alpha, ..ElasticNet::default() }.into(),
        LogisticRegression { alpha, ..LogisticRegression::default() }.into(),
        PoissonRegression { alpha, ..PoissonRegression::default() }.into(),
        HuberRegression { alpha, ..HuberRegression::default() }.into(),
        HuberRegression { alpha, scale: Some(0.7), ..HuberRegression::default() }.into(),
    ]
}

fn fit(model: &Regression, rows: &[f64], targets: &[f64]) -> Fitted {
    model
        .fit_examples(&Examples::new(rows, targets).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", model.name()))
}

fn refused(result: Result<Fitted, Error>) -> RegressionError {
    match result.unwrap_err() {
        Error::Regression(error) => error,
        other => panic!("{other}"),
    }
}

fn solvers(model: &Regression) -> Vec<Solver> {
    match model {
        Regression::Lasso(_) | Regression::ElasticNet(_) => {
            vec![Solver::CoordinateDescent, Solver::ProximalGradient]
        }
        _ => ["newton", "lbfgs", "adam", "gradient-descent"]
            .map(|name| Solver::from_name(name).unwrap())
            .to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However early a solver is stopped, the objective is no further above its minimum than the certificate says.
    #[test]
    fn the_objective_is_never_further_above_its_minimum_than_the_certificate_says(
        seed in 0u64..1_000_000,
        n in 12usize..120,
        p in 1usize..7,
        alpha in prop_oneof![Just(1e-4), Just(0.01), Just(1.0)],
        intercept in any::<bool>(),
        standardize in any::<bool>(),
        steps in 0u64..12,
    ) {
        let (rows, signal) = made(seed, n, p);
        for model in penalized(alpha) {
            for classes in [2, 3] {
                let y = targets(&model, &signal, classes);
                let model = with(model.clone(), |options| {
                    (options.intercept, options.standardize) = (intercept, standardize);
                });
                let exact = with(model.clone(), |options| options.tolerance = 1e-14);
                let Ok(exact) = exact.fit_examples(&Examples::new(&rows, &y).unwrap()) else {
                    // Too few examples for all classes.
                    continue;
                };
                for solver in solvers(&model) {
                    let name = format!("{} by {solver} in {steps} steps", model.name());
                    let early = with(model.clone(), |options| {
                        (options.solver, options.max_iterations) = (solver, steps);
                    });
                    let fitted = match early.fit_examples(&Examples::new(&rows, &y).unwrap()) {
                        Err(Error::Regression(RegressionError::Diverged { .. })) => continue,
                        fitted => fitted.unwrap(),
                    };
                    let above = fitted.objective - exact.objective;
                    if let Some(gap) = fitted.certificate.gap() {
                        prop_assert!(gap.is_finite() && above <= gap, "{name}: {above:e} above, {gap:e} certified");
                    }
                    let rounding = 1e-14 * exact.objective.abs().max(1.0);
                    prop_assert!(above >= -rounding, "{name}: {above:e} below what was the minimum");
                }
                // At the minimum there is a proof of nearly nothing.
                let gap = exact.certificate.gap();
                prop_assert!(gap.is_some_and(|gap| gap < 1e-9 * exact.objective.abs().max(1.0)), "{exact:?}");
            }
        }
    }

    /// Whole weights are repetitions of examples, and scaling all weights changes nothing.
    #[test]
    fn weights_are_repetitions(seed in 0u64..1_000_000, n in 20usize..60, p in 1usize..5) {
        let (rows, signal) = made(seed, n, p);
        let weights: Vec<f64> = (0..n).map(|i| (i % 4) as f64).collect();
        for model in penalized(0.05) {
            let model = with(model, |options| options.tolerance = 1e-13);
            let y = targets(&model, &signal, 2);
            let repeated: Vec<usize> = (0..n).flat_map(|i| vec![i; i % 4]).collect();
            let more: Vec<f64> = repeated.iter().flat_map(|&i| rows[i * p..(i + 1) * p].to_vec()).collect();
            let more_y: Vec<f64> = repeated.iter().map(|&i| y[i]).collect();
            let Ok(expected) = model.fit_examples(&Examples::new(&more, &more_y).unwrap()) else { continue };
            let scaled: Vec<f64> = weights.iter().map(|w| 0.37 * w).collect();
            for weights in [&weights, &scaled] {
                let examples = Examples::new(&rows, &y).unwrap().weighted(weights).unwrap();
                let fitted = model.fit_examples(&examples).unwrap();
                for (a, b) in fitted.coefficients.iter().zip(&expected.coefficients) {
                    let size = expected.coefficients.iter().fold(1e-3f64, |s, x| s.max(x.abs()));
                    prop_assert!((a - b).abs() <= 1e-6 * size, "{}: {a} and {b}", model.name());
                }
            }
        }
    }
}

#[test]
fn the_bits_are_the_same_with_any_number_of_threads() {
    let (n, p) = (30_000, 7);
    let (rows, signal) = made(3, n, p);
    for model in penalized(0.01) {
        let y = targets(&model, &signal, 3);
        let bits = |threads: usize| {
            let model = with(model.clone(), |options| options.threads = Some(threads));
            let Fitted { coefficients, intercepts, objective, certificate, quality, .. } =
                fit(&model, &rows, &y);
            let mut numbers = [coefficients, intercepts].concat();
            numbers.extend([objective, certificate.gap().unwrap()]);
            numbers.extend(quality.log_likelihood);
            numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let one = bits(1);
        assert_eq!(one, bits(2), "{}", model.name());
        assert_eq!(one, bits(5), "{}", model.name());
    }
}

#[test]
fn units_of_columns_change_nothing_without_a_penalty() {
    let (rows, signal) = made(5, 200, 4);
    let models: [Regression; 3] = [
        OrdinaryLeastSquares::default().into(),
        LogisticRegression::default().into(),
        PoissonRegression::default().into(),
    ];
    let units = [1e-9, 1e7, 1e30, 1e-40];
    let other: Vec<f64> = rows.chunks(4).flat_map(|row| [0, 1, 2, 3].map(|j| row[j] * units[j])).collect();
    for model in models {
        let y = targets(&model, &signal, 2);
        let (here, there) = (fit(&model, &rows, &y), fit(&model, &other, &y));
        for (j, unit) in units.into_iter().enumerate() {
            let (a, b) = (here.coefficients[j], there.coefficients[j] * unit);
            assert!((a - b).abs() <= 1e-7 * a.abs(), "{}: {a} and {b}", model.name());
            let error = |fitted: &Fitted| fitted.inference.estimates()[j].unwrap().p_value;
            assert!((error(&here) - error(&there)).abs() < 1e-6);
        }
        assert!(there.left_out.is_empty());
    }
}

#[test]
fn single_precision_is_taken_as_it_is() {
    let (rows, signal) = made(6, 100, 3);
    let single: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    let double: Vec<f64> = single.iter().map(|&x| f64::from(x)).collect();
    let (a, b) =
        (Ridge::default().fit(&single, &signal).unwrap(), Ridge::default().fit(&double, &signal).unwrap());
    assert_eq!(a.coefficients, b.coefficients);
}

#[test]
fn columns_that_say_the_same_are_left_out_and_named() {
    let (rows, signal) = made(7, 60, 3);
    // A column that never changes, and one that is a combination of two others.
    let wide: Vec<f64> = rows
        .chunks(3)
        .flat_map(|row| [row[0], 7.0, row[1], 2.0 * row[0] - 0.1 * row[1] + 5.0, row[2]])
        .collect();
    let models: [Regression; 3] = [
        OrdinaryLeastSquares::default().into(),
        LogisticRegression::default().into(),
        PoissonRegression::default().into(),
    ];
    for model in models {
        let y = targets(&model, &signal, 2);
        let (narrow, fitted) = (fit(&model, &rows, &y), fit(&model, &wide, &y));
        let left: Vec<_> = fitted.left_out.iter().map(|out| (out.column.as_str(), out.because)).collect();
        assert_eq!(left, [("x2", Because::Constant), ("x4", Because::Combination)]);
        assert_eq!((fitted.coefficients[1], fitted.coefficients[3]), (0.0, 0.0));
        assert!((fitted.objective - narrow.objective).abs() < 1e-12);
        let estimates = fitted.inference.estimates();
        assert!(estimates[1].is_none() && estimates[3].is_none() && estimates[5].is_some());
        let error = |fitted: &Fitted, at: usize| fitted.inference.estimates()[at].unwrap().standard_error;
        assert!((error(&fitted, 4) / error(&narrow, 2) - 1.0).abs() < 1e-8);
    }
    // With a penalty, it decides between them.
    let fitted = Ridge::default().fit(&wide, &signal).unwrap();
    assert_eq!(fitted.left_out.len(), 1);
    assert!(fitted.coefficients[3] != 0.0);
}

#[test]
fn fewer_rows_than_columns_leave_no_error_to_judge_by() {
    let (rows, signal) = made(8, 5, 9);
    let fitted = OrdinaryLeastSquares::default().fit(&rows, &signal).unwrap();
    assert_eq!(fitted.left_out.len(), 5);
    assert!(fitted.objective < 1e-20);
    assert!(matches!(fitted.inference, Inference::Unknown { .. }));
    let fitted = Ridge { alpha: 0.1, ..Ridge::default() }.fit(&rows, &signal).unwrap();
    assert!(fitted.certificate.gap() < Some(1e-14) && fitted.left_out.is_empty());
}

#[test]
fn classes_that_a_plane_separates_have_no_estimate() {
    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let labels: Vec<i64> = (0..20).map(|i| i64::from(i >= 10)).collect();
    for solver in ["newton", "lbfgs", "gradient-descent"] {
        let options = FitOptions {
            solver: Solver::from_name(solver).unwrap(),
            max_iterations: 100_000,
            ..FitOptions::default()
        };
        let error = refused(LogisticRegression { alpha: 0.0, options }.fit(&x, &labels));
        assert!(matches!(error, RegressionError::Separation { complete: true, .. }), "{solver}: {error}");
        assert!(error.to_string().contains("a plane separates the classes without a mistake"), "{error}");
    }
    let three: Vec<i64> = (0..20).map(|i| i / 7).collect();
    let error = refused(LogisticRegression::default().fit(&x, &three));
    assert!(matches!(error, RegressionError::Separation { .. }), "{error}");
    // A penalty gives them one.
    let fitted =
        LogisticRegression { alpha: 1e-3, ..LogisticRegression::default() }.fit(&x, &labels).unwrap();
    assert_eq!(fitted.quality.accuracy, Some(1.0));
}

#[test]
fn a_plane_that_only_touches_the_classes_is_seen_too() {
    // The indicator in the second column never goes with class 0; the first has examples on both sides.
    let (signal, _) = made(9, 200, 1);
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for (i, s) in signal.iter().enumerate() {
        let indicator = f64::from(u8::from(i % 5 == 0));
        rows.extend([*s, indicator]);
        labels.push(i64::from(indicator == 1.0 || (s.sin() + (i % 7) as f64 - 3.0) > 0.0));
    }
    let error = refused(LogisticRegression::default().fit(&rows, &labels));
    assert!(matches!(error, RegressionError::Separation { complete: false, .. }), "{error}");
    // One exception, and there is an estimate, with a proof that it is one.
    labels[0] = 0;
    let fitted = LogisticRegression::default().fit(&rows, &labels).unwrap();
    assert!(matches!(fitted.certificate, Certificate::Proven { proof: Proof::SelfConcordance { .. }, .. }));
}

#[test]
fn counts_without_an_estimate_are_told_from_others() {
    let rows: Vec<f64> = (0..40).flat_map(|i| [f64::from(i % 2), f64::from(i % 7)]).collect();
    let counts: Vec<f64> = (0..40).map(|i| if i % 2 == 1 { 0.0 } else { f64::from(i % 3) }).collect();
    let error = refused(PoissonRegression::default().fit(&rows, &counts));
    assert!(matches!(error, RegressionError::NoMaximum { .. }), "{error}");
    let error = refused(PoissonRegression::default().fit(&rows, &[0.0; 40]));
    assert_eq!(error, RegressionError::NoMaximum { reason: "all counts are 0" });
    let mut negative = counts.clone();
    negative[3] = -1.0;
    let error = refused(PoissonRegression::default().fit(&rows, &negative));
    assert!(matches!(error, RegressionError::Target { row: 3, .. }), "{error}");
    let penalized = PoissonRegression { alpha: 0.01, ..PoissonRegression::default() };
    penalized.fit(&rows, &counts).unwrap();
}

#[test]
fn counts_that_differ_by_orders_of_magnitude_do_not_overflow() {
    let rows: Vec<f64> = (0..100).map(|i| f64::from(i) * 100.0).collect();
    let counts: Vec<f64> = (0..100).map(|i| (f64::from(i) * 0.4).exp().round()).collect();
    let fitted = PoissonRegression::default().fit(&rows, &counts).unwrap();
    assert!((fitted.coefficients[0] - 0.004).abs() < 1e-6, "{:?}", fitted.coefficients);
    assert!(fitted.predict(&[1e6]).unwrap()[0] == f64::INFINITY);
}

#[test]
fn a_scale_of_nothing_is_told() {
    let rows: Vec<f64> = (0..30).map(f64::from).collect();
    let targets: Vec<f64> = (0..30).map(|i| if i % 10 == 0 { 500.0 } else { 2.0 * f64::from(i) }).collect();
    let error = refused(HuberRegression::default().fit(&rows, &targets));
    assert!(matches!(error, RegressionError::NoScale { .. }), "{error}");
    let given = HuberRegression { scale: Some(0.1), ..HuberRegression::default() };
    let fitted = given.fit(&rows, &targets).unwrap();
    assert!((fitted.coefficients[0] - 2.0).abs() < 0.1);
}

#[test]
fn classes_need_examples() {
    let fit = |labels: &[i64]| LogisticRegression::default().fit(&[1.0, 2.0, 3.0], labels);
    assert_eq!(refused(fit(&[1, 1, 1])), RegressionError::OneClass { class: 1 });
    assert_eq!(refused(fit(&[0, 2, 0])), RegressionError::EmptyClass { class: 1 });
    assert!(matches!(refused(fit(&[0, -1, 0])), RegressionError::Target { row: 1, .. }));
    assert!(matches!(refused(fit(&[0, i64::MAX, 0])), RegressionError::Target { row: 1, .. }));
}

#[test]
fn solvers_that_do_not_fit_are_refused_and_steps_that_are_too_large_are_told() {
    let (rows, signal) = made(10, 40, 2);
    let lasso = |name: &str| Lasso {
        alpha: 0.1,
        options: FitOptions { solver: Solver::from_name(name).unwrap(), ..FitOptions::default() },
    };
    let error = refused(lasso("newton").fit(&rows, &signal));
    assert!(error.to_string().ends_with("take auto, coordinate or proximal-gradient"), "{error}");
    let mut ridge = Ridge::default();
    ridge.options.solver = Solver::from_name("gradient-descent").unwrap();
    assert!(ridge.fit(&rows, &signal).is_ok());
    ridge.options.solver = serde_json::from_str(
        r#"{"method":{"optimizer":{"optimizer":{"gradient_descent":{"learning_rate":9.0}}}}}"#,
    )
    .unwrap();
    let error = refused(ridge.fit(&rows, &signal));
    assert!(matches!(error, RegressionError::Diverged { .. }), "{error}");
}

#[test]
fn a_solver_that_is_stopped_early_says_so() {
    let (rows, signal) = made(11, 200, 5);
    let mut model = LogisticRegression { alpha: 1e-3, ..LogisticRegression::default() };
    model.options.max_iterations = 1;
    let labels: Vec<i64> = signal.iter().map(|s| i64::from(*s > 0.0)).collect();
    let fitted = model.fit(&rows, &labels).unwrap();
    assert_eq!(fitted.stop, FitStop::Iterations { most: 1 });
    assert!(fitted.stop.to_string().starts_with("stopped early, after 1 steps"));
    assert!(matches!(fitted.inference, Inference::Unknown { .. }));
}

#[test]
fn nearly_collinear_columns_keep_their_digits() {
    let (base, signal) = made(12, 400, 2);
    // They differ by a ten-thousandth.
    let rows: Vec<f64> = base
        .chunks(2)
        .enumerate()
        .flat_map(|(i, x)| [x[0], x[0] + 1e-4 * ((i * 7919) % 13) as f64])
        .collect();
    let exact: Vec<f64> = rows.chunks(2).map(|x| 3.0 * x[0] - 2.0 * x[1] + 1.0).collect();
    let fitted = OrdinaryLeastSquares::default().fit(&rows, &exact).unwrap();
    for (found, true_one) in fitted.coefficients.iter().zip([3.0, -2.0]) {
        assert!((found - true_one).abs() < 1e-9, "{found}");
    }
    assert!(OrdinaryLeastSquares::default().fit(&rows, &signal).is_ok());
}

#[test]
fn tables_with_categories_have_a_reference() {
    let mut table = String::from("size,colour,price\n");
    for i in 0..60 {
        let colour = ["blue", "green", "red"][i % 3];
        let price = 2.0 * i as f64 + 10.0 * (i % 3) as f64 + ((i * i) % 5) as f64;
        table += &format!("{i},{colour},{price}\n");
    }
    let options = downhill_data::CsvOptions::new("price");
    let data = csv::read_bytes(table.as_bytes(), "memory".as_ref(), &options).unwrap();
    let ols = Regression::from(OrdinaryLeastSquares::default()).fit_data(&data).unwrap();
    assert_eq!(ols.fitted.names, ["size", "colour=green", "colour=red"]);
    assert!((ols.fitted.coefficients[2] - 20.0).abs() < 1.0);
    assert!(ols.fitted.left_out.is_empty());
    let ridge = Regression::from(Ridge::default()).fit_data(&data).unwrap();
    assert_eq!(ridge.fitted.names.len(), 4);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fitted.json");
    ols.save(&path).unwrap();
    let read = FittedTable::load(&path).unwrap();
    assert_eq!(read, ols);
    assert_eq!(read.predict(&data).unwrap(), ols.predict(&data).unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"kept\": [", "\"kept\": [\n    77,", 1)).unwrap();
    assert!(FittedTable::load(&path).unwrap_err().to_string().contains("names and columns differ in number"));
    std::fs::write(&path, "{").unwrap();
    assert!(FittedTable::load(&path).unwrap_err().to_string().contains("this is no fitted regression"));
}

#[test]
fn data_sets_are_taken_by_the_kind_of_their_target() {
    let iris = embedded::load("iris").unwrap();
    let error = Regression::from(OrdinaryLeastSquares::default()).fit_data(&iris).unwrap_err();
    assert_eq!(error.to_string(), "ols takes one number as its target, but the data has classes");
    let model = Regression::from(LogisticRegression { alpha: 0.001, ..LogisticRegression::default() });
    let fitted = model.fit_data(&iris).unwrap();
    let Predictions::Classes { names, probabilities, .. } = fitted.predict(&iris).unwrap() else { panic!() };
    assert_eq!((names.len(), probabilities.len()), (3, 450));
    assert!(probabilities.chunks(3).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    assert_eq!(fitted.evaluate(&iris).unwrap(), fitted.fitted.quality);

    let none =
        InMemory::new(InputSchema::numeric(["a"]), Features::F64(vec![1.0]), Target::None, "").unwrap();
    assert!(matches!(model.fit_data(&none), Err(Error::NoTarget { .. })));
}

#[test]
fn names_and_files_of_models_are_known() {
    for name in Regression::NAMES {
        let model = Regression::from_name(name).unwrap();
        assert_eq!(model.name(), *name);
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Regression>(&text).unwrap(), model);
        let mut changed = model.clone();
        assert_eq!(changed.set_alpha(-1.0), *name != "ols");
        assert_eq!(changed.validate().is_err(), *name != "ols");
    }
    assert!(Regression::from_name("svm").is_none());
}
