//! Regressions: what they find, how sure it is, and how near to the minimum.
//!
//! ```sh
//! cargo run --example regression -p downhill-train
//! ```
#![allow(clippy::print_stdout)]

use downhill_data::embedded;
use downhill_train::regression::{
    Examples, FitOptions, HuberRegression, Inference, Lasso, LogisticRegression, OrdinaryLeastSquares,
    Regression, RegressionError, Ridge, Solver,
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Twelve rows of two columns, one after the other, and a number for each row.
    let rows: Vec<f64> = (0..12).flat_map(|i| [f64::from(i), f64::from(i * i % 7)]).collect();
    let prices: Vec<f64> =
        (0..12).map(|i| 3.0 * f64::from(i) + 10.0 + [0.4, -0.7, 0.1, 0.5, -0.3][i as usize % 5]).collect();

    // Least squares, with standard errors and tests.
    let examples = Examples::new(&rows, &prices)?.named(["size", "rooms"])?;
    let line = OrdinaryLeastSquares::default().fit_examples(&examples)?;
    println!("ordinary least squares");
    if let Inference::Known { estimates, .. } = &line.inference {
        let names = line.names.iter().map(String::as_str).chain(["(intercept)"]);
        let values = line.coefficients.iter().chain(&line.intercepts);
        for ((name, value), estimate) in names.zip(values).zip(estimates.iter().flatten()) {
            let [from, to] = estimate.interval;
            println!("  {name:<12}{value:8.3}  from {from:7.3} to {to:7.3}, p = {:.1e}", estimate.p_value);
        }
    }

    // An outlier moves them; Huber's loss hardly notices.
    let mut wrong = prices.clone();
    wrong[11] += 500.0;
    let squares = OrdinaryLeastSquares::default().fit(&rows, &wrong)?;
    let robust = HuberRegression { scale: Some(0.5), ..HuberRegression::default() }.fit(&rows, &wrong)?;
    println!(
        "with an outlier: {:.3} by squares, {:.3} by Huber's loss",
        squares.coefficients[0], robust.coefficients[0]
    );

    // The lasso leaves out what says nothing.
    let lasso = Lasso { alpha: 0.5, ..Lasso::default() }.fit(&rows, &prices)?;
    println!("lasso: {:?}", lasso.coefficients);

    // Any optimizer may look for the minimum; the certificate says how near it came.
    for solver in ["newton", "lbfgs", "nesterov", "adam"] {
        let options = FitOptions { solver: Solver::from_name(solver)?, ..FitOptions::default() };
        let ridge = Ridge { alpha: 0.1, options }.fit(&rows, &prices)?;
        println!("ridge by {solver}: {} steps; {}", ridge.iterations, ridge.certificate);
    }

    // Classes that a plane separates have no estimate without a penalty, and the error says so.
    let iris = embedded::load("iris")?;
    let free = Regression::from(LogisticRegression::default());
    match free.fit_data(&iris) {
        Err(downhill_train::Error::Regression(error @ RegressionError::Separation { .. })) => {
            println!("{error}")
        }
        other => println!("a minimum, unexpectedly: {other:?}"),
    }
    let held = Regression::from(LogisticRegression { alpha: 0.01, ..LogisticRegression::default() });
    let fitted = held.fit_data(&iris)?;
    println!(
        "iris: accuracy {:.3}; {}",
        fitted.evaluate(&iris)?.accuracy.unwrap_or(f64::NAN),
        fitted.fitted.certificate
    );
    Ok(())
}
