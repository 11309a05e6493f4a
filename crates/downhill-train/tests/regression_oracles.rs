//! Regressions find what scikit-learn, SciPy and closed forms in NumPy find: `oracles/regression.py`.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic, also in its helpers")]

use downhill_data::embedded;
use downhill_train::regression::{Examples, Fitted, Inference, Regression, Solver};
use serde_json::Value;

struct Oracle {
    made: Value,
    cases: Vec<Value>,
}

impl Oracle {
    fn read() -> Self {
        let mut read: Value = serde_json::from_str(include_str!("oracles/regression.json")).unwrap();
        let cases = read["cases"].as_array().unwrap().clone();
        Oracle { made: read["data"].take(), cases }
    }

    /// Rows and targets of a case.
    fn data(&self, case: &Value) -> (Vec<f64>, Vec<f64>) {
        let (data, target) = (text(&case["data"]), text(&case["target"]));
        if data == "made" {
            return (numbers(&self.made["rows"]), numbers(&self.made[target]));
        }
        let data = embedded::load(data).unwrap();
        let rows: Vec<f64> = data.inputs_tensor::<f64>().unwrap().to_vec();
        if target == "class" {
            return (rows, data.labels().unwrap().iter().map(|&label| label as f64).collect());
        }
        // The last column, by the others.
        let width = data.input_shape().size();
        let own = |row: &[f64]| row[..width - 1].to_vec();
        (rows.chunks(width).flat_map(own).collect(), rows.chunks(width).map(|row| row[width - 1]).collect())
    }

    fn fit(&self, case: &Value, model: &Regression) -> Fitted {
        let (rows, targets) = self.data(case);
        let weights = numbers(&self.made["weights"]);
        let mut examples = Examples::new(&rows, &targets).unwrap();
        if case["weighted"] == true {
            examples = examples.weighted(&weights).unwrap();
        }
        model.fit_examples(&examples).unwrap_or_else(|error| panic!("{}: {error}", case["name"]))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// Relative to the largest of them.
#[track_caller]
fn close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1e-300f64, |size, x| size.max(x.abs()));
    let off = actual.iter().zip(expected).map(|(a, e)| (a - e).abs()).fold(0.0, f64::max);
    assert!(off <= tolerance * size, "{what}: off by {:.1e}\n{actual:?}\n{expected:?}", off / size);
}

fn compare(case: &Value, fitted: &Fitted, tolerance: f64) {
    let name = format!("{} by {}", text(&case["name"]), fitted.solver);
    close(&name, &fitted.coefficients, &numbers(&case["coefficients"]), tolerance);
    close(&name, &fitted.intercepts, &numbers(&case["intercepts"]), tolerance);
    if !case["scale"].is_null() {
        close(&name, &[fitted.scale.unwrap()], &numbers(&case["scale"]), tolerance);
    }
    if !case["r_squared"].is_null() {
        close(&name, &[fitted.quality.r_squared.unwrap()], &numbers(&case["r_squared"]), tolerance);
    }
    if !case["explained"].is_null() {
        close(&name, &[fitted.quality.explained().unwrap()], &numbers(&case["explained"]), tolerance);
    }
}

/// The lasso's minimum is flat where its gap is small, so that scikit-learn's coefficients have fewer digits.
fn tolerance(model: &Regression) -> f64 {
    match model {
        Regression::Lasso(_) | Regression::ElasticNet(_) => 1e-7,
        _ => 1e-8,
    }
}

#[test]
fn coefficients_agree_with_scikit_learn_and_closed_forms() {
    let oracle = Oracle::read();
    assert!(oracle.cases.len() >= 60);
    for case in &oracle.cases {
        let model: Regression = serde_json::from_value(case["model"].clone()).unwrap();
        let fitted = oracle.fit(case, &model);
        assert!(!fitted.stop.is_early(), "{}: {}", case["name"], fitted.stop);
        compare(case, &fitted, tolerance(&model));
        if !case["probabilities"].is_null() {
            let (rows, targets) = oracle.data(case);
            let width = rows.len() / targets.len();
            let probabilities = fitted.predict(&rows[..4 * width]).unwrap();
            close(text(&case["name"]), &probabilities, &numbers(&case["probabilities"]), 1e-8);
        }
    }
}

#[test]
fn standard_errors_agree_with_their_formulas() {
    let oracle = Oracle::read();
    let mut count = 0;
    for case in oracle.cases.iter().filter(|case| !case["standard_errors"].is_null()) {
        let model: Regression = serde_json::from_value(case["model"].clone()).unwrap();
        let fitted = oracle.fit(case, &model);
        let errors: Vec<f64> =
            fitted.inference.estimates().iter().map(|estimate| estimate.unwrap().standard_error).collect();
        close(text(&case["name"]), &errors, &numbers(&case["standard_errors"]), 1e-8);
        let Inference::Known { estimates, .. } = &fitted.inference else { unreachable!() };
        for (estimate, value) in estimates.iter().zip(fitted.coefficients.iter().chain(&fitted.intercepts)) {
            let estimate = estimate.unwrap();
            assert!(estimate.interval[0] < *value && *value < estimate.interval[1]);
            // 0 lies outside of the interval exactly where the probability is below what the interval leaves out.
            let outside = estimate.interval[0] > 0.0 || estimate.interval[1] < 0.0;
            assert_eq!(outside, estimate.p_value < 0.05);
        }
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

/// All solvers that fit a model come to the same place.
#[test]
fn every_solver_comes_to_the_same_place() {
    let oracle = Oracle::read();
    for case in &oracle.cases {
        let mut model: Regression = serde_json::from_value(case["model"].clone()).unwrap();
        let solvers: &[Solver] = match model {
            Regression::Lasso(_) | Regression::ElasticNet(_) => &[Solver::ProximalGradient],
            _ => &[Solver::Lbfgs],
        };
        for solver in solvers {
            model.options_mut().solver = solver.clone();
            model.options_mut().max_iterations = 1_000_000;
            model.options_mut().tolerance = 1e-11;
            compare(case, &oracle.fit(case, &model), 2e-7);
        }
    }
}
