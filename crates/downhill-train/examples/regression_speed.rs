//! How long a logistic regression of many rows takes, to a certificate.
//!
//! ```sh
//! cargo run --release --example regression_speed -p downhill-train
//! ```
//!
//! With a directory, it takes the data that a script has written there, which says how long scikit-learn takes for it:
//!
//! ```sh
//! python crates/downhill-train/tests/oracles/regression_speed.py DIRECTORY
//! cargo run --release --example regression_speed -p downhill-train -- DIRECTORY
//! ```
#![allow(clippy::print_stdout)]

use downhill_tensor::{Key, Tensor, npy};
use downhill_train::regression::{FitOptions, LogisticRegression, Solver};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let (rows, labels) = match std::env::args().nth(1).map(PathBuf::from) {
        Some(directory) => {
            let rows = npy::read::<f64>(directory.join("x.npy"))?.to_vec();
            (rows, npy::read::<i64>(directory.join("y.npy"))?.to_vec())
        }
        None => made(200_000, 32)?,
    };
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

/// Normal rows, and classes that follow from their sum and from chance.
fn made(examples: usize, columns: usize) -> Result<(Vec<f64>, Vec<i64>), Box<dyn Error>> {
    let rows = Tensor::<f64>::normal(Key::new(0), [examples, columns], 0.0, 1.0)?.to_vec();
    let chance = Tensor::<f64>::normal(Key::new(1), [examples], 0.0, 3.0)?.to_vec();
    let label = |(row, chance): (&[f64], f64)| i64::from(row.iter().sum::<f64>() + chance > 0.0);
    let labels = rows.chunks_exact(columns).zip(chance).map(label).collect();
    Ok((rows, labels))
}
