//! How a regression is fitted: what is estimated, by which solver, and when it ends.

use crate::{Error, Result};
use downhill_optim::minimize::Method;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the minimum is found. All of them walk in centred and scaled columns, so that units do not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Solver {
    /// [`Solver::Newton`] where the penalty is smooth and there are at most 1,024 parameters,
    /// [`Solver::CoordinateDescent`] for the l1 norm, [`Solver::Lbfgs`] else.
    #[default]
    Auto,
    /// Newton's method with backtracking: loss, gradient and Hessian in one pass over the rows a step. For squares
    /// these are the normal equations, solved by Cholesky's factorization, and a second step that takes away what the
    /// first has lost to rounding. For the generalized linear models it is iteratively reweighted least squares.
    Newton,
    /// The limited-memory quasi-Newton method of Nocedal (1980): [`downhill_optim::minimize::Lbfgs`].
    Lbfgs,
    /// Cyclic coordinate descent on the matrix of the columns' products (Friedman, Hastie and Tibshirani, 2010), for
    /// squares. The rows are read once.
    CoordinateDescent,
    /// Accelerated proximal gradient descent with restarts (Beck and Teboulle, 2009; O'Donoghue and Candès, 2015), for
    /// squares.
    ProximalGradient,
    /// Any other method of [`mod@downhill_optim::minimize`], on all rows in each step: conjugate gradients, steepest descent
    /// with a line search, and every optimizer that networks are trained with.
    Method(Method),
}

impl Solver {
    /// The name of it on a command line.
    pub fn name(&self) -> String {
        match self {
            Solver::Auto => "auto".into(),
            Solver::Newton => "newton".into(),
            Solver::Lbfgs => "lbfgs".into(),
            Solver::CoordinateDescent => "coordinate".into(),
            Solver::ProximalGradient => "proximal-gradient".into(),
            Solver::Method(method) => method.name().replace('_', "-"),
        }
    }

    /// The solver of this name: `auto`, `newton`, `lbfgs`, `coordinate`, `proximal-gradient`, or one of
    /// [`Method::names`].
    ///
    /// # Errors
    /// A name that is neither.
    pub fn from_name(name: &str) -> Result<Self> {
        Ok(match name.replace('_', "-").as_str() {
            "auto" => Solver::Auto,
            "newton" => Solver::Newton,
            "lbfgs" | "l-bfgs" => Solver::Lbfgs,
            "coordinate" | "coordinate-descent" => Solver::CoordinateDescent,
            "proximal-gradient" | "fista" => Solver::ProximalGradient,
            _ => Solver::Method(Method::from_name(name)?),
        })
    }
}

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What all regressions can be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Whether a constant is estimated, which no penalty draws to 0. Default: yes.
    pub intercept: bool,
    /// Whether the penalty weighs the coefficients of columns divided by their standard deviation
    /// `sqrt(Σ wᵢ (xᵢ - x̄)² / Σ wᵢ)`. Coefficients come back in the units of the columns either way; without a
    /// penalty it changes nothing. Default: no.
    pub standardize: bool,
    /// How the minimum is found.
    pub solver: Solver,
    /// An iteration ends when no element of the gradient of the mean loss is larger, in scaled columns and relative
    /// to the scale of the target (its standard deviation for squares, its mean for counts, δ for Huber's loss if that is
    /// smaller, 1 else); for the l1 norm,
    /// when the duality gap is at most this times the objective of the constant. Default: 1e-8.
    pub tolerance: f64,
    /// The most steps that are made. Default: 1000.
    pub max_iterations: u64,
    /// How many threads compute; the result is the same with any number. Default: all cores.
    pub threads: Option<usize>,
    /// The probability with which intervals cover the true coefficient. Default: 0.95.
    pub confidence: f64,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            intercept: true,
            standardize: false,
            solver: Solver::Auto,
            tolerance: 1e-8,
            max_iterations: 1000,
            threads: None,
            confidence: 0.95,
        }
    }
}

impl FitOptions {
    pub(crate) fn validate(&self) -> Result<()> {
        check("tolerance", self.tolerance, "at least 0 and finite", |x| x >= 0.0)?;
        check("confidence", self.confidence, "above 0 and below 1", |x| x > 0.0 && x < 1.0)?;
        if self.threads == Some(0) {
            return Err(Error::Option { option: "threads", expected: "at least 1", actual: "0".into() });
        }
        if let Solver::Method(method) = &self.solver {
            method.validate()?;
        }
        Ok(())
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// Refuses a number outside its domain.
pub(crate) fn check(
    option: &'static str,
    value: f64,
    expected: &'static str,
    fits: impl Fn(f64) -> bool,
) -> Result<()> {
    if value.is_finite() && fits(value) {
        return Ok(());
    }
    Err(Error::Option { option, expected, actual: value.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_solver_is_known_by_its_name() {
        let solvers = [
            Solver::Auto,
            Solver::Newton,
            Solver::Lbfgs,
            Solver::CoordinateDescent,
            Solver::ProximalGradient,
            Solver::from_name("nesterov").unwrap(),
            Solver::from_name("gradient-descent").unwrap(),
        ];
        for solver in &solvers[..5] {
            assert_eq!(&Solver::from_name(&solver.name()).unwrap(), solver);
        }
        assert_eq!(solvers[6].to_string(), "gradient-descent");
        assert!(Solver::from_name("nonsense").is_err());
    }

    #[test]
    fn options_outside_their_domain_are_refused() {
        for options in [
            FitOptions { tolerance: f64::NAN, ..FitOptions::default() },
            FitOptions { tolerance: -1.0, ..FitOptions::default() },
            FitOptions { confidence: 1.0, ..FitOptions::default() },
            FitOptions { threads: Some(0), ..FitOptions::default() },
        ] {
            assert!(matches!(options.validate(), Err(Error::Option { .. })), "{options:?}");
        }
        FitOptions::default().validate().unwrap();
    }
}
