//! How long a logistic regression of many rows takes, to a certificate.
//!
//! ```sh
//! python crates/downhill-train/tests/oracles/regression_speed.py DIRECTORY
//! cargo run --release --example regression_speed -p downhill-train -- DIRECTORY
//! ```
//!
//! The script writes the data, and says how long scikit-learn takes for the same.

use downhill_tensor::npy;
use downhill_train::regression::{FitOptions, LogisticRegression, Solver};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("give the directory of the data")?);
    let rows = npy::read::<f64>(directory.join("x.npy"))?.to_vec();
    let labels = npy::read::<i64>(directory.join("y.npy"))?.to_vec();
    let alpha = 1.0 / labels.len() as f64;
    for (solver, threads) in [("newton", 1), ("newton", 2), ("lbfgs", 1), ("lbfgs", 2)] {
        let options = FitOptions {
            solver: Solver::from_name(solver)?,
            threads: Some(threads),
            tolerance: 1e-6,
            ..FitOptions::default()
        };
        let begin = Instant::now();
        let fitted = LogisticRegression { alpha, options }.fit(&rows, &labels)?;
        let seconds = begin.elapsed().as_secs_f64();
        let (steps, passes) = (fitted.iterations, fitted.passes);
        println!(
            "{solver}, {threads} threads: {seconds:.2} s, {steps} steps, {passes} passes; f = {:.15}; {}",
            fitted.objective, fitted.certificate
        );
    }
    Ok(())
}
