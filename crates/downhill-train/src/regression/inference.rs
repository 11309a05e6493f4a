//! Standard errors, tests and intervals of the coefficients, where they are defined.
//!
//! For squares without a penalty the covariance of the estimates is `σ̂² (XᵀWX)⁻¹` with `σ̂² = Σ wᵢ rᵢ² / (n - q)`, where q
//! coefficients are estimated, and `t = β̂ / se` has Student's distribution with n - q degrees of freedom if the errors
//! are normal, of variance `σ²/wᵢ`. For logistic and Poisson regression without a penalty it is the inverse of the Fisher
//! information `XᵀVX`, with V the variances of the targets times their weights, and `z = β̂ / se` is normal for many
//! examples (McCullagh and Nelder, "Generalized Linear Models", 1989, 4.4); a weight counts repetitions here.

use super::dense::Factor;
use super::distribution::{normal_quantile, normal_two_sided, t_quantile, t_two_sided};
use super::loss::Loss;
use super::problem::{Evaluated, Problem};
use serde::{Deserialize, Serialize};

/// How sure the coefficients are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Inference {
    /// As the theory of least squares and of maximum likelihood has it.
    Known {
        /// Of the coefficients, in the order of the columns, and then of the intercept if there is one; `None` for a
        /// column that was left out.
        estimates: Vec<Option<Estimate>>,
        /// The degrees of freedom of Student's distribution; `None` where the normal one takes its place.
        degrees_of_freedom: Option<f64>,
        /// σ̂, the estimated standard deviation of an error, for squares.
        residual_deviation: Option<f64>,
        /// The probability with which an interval covers the true coefficient.
        confidence: f64,
    },
    /// They are not defined, or not known here.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// How sure a coefficient is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The standard deviation of the estimate over repeated data.
    pub standard_error: f64,
    /// The coefficient divided by it.
    pub statistic: f64,
    /// The probability of a statistic at least as far from 0, if the true coefficient is 0.
    pub p_value: f64,
    /// The ends of the interval.
    pub interval: [f64; 2],
}

impl Inference {
    /// The estimates, where they are known.
    pub fn estimates(&self) -> &[Option<Estimate>] {
        match self {
            Inference::Known { estimates, .. } => estimates,
            Inference::Unknown { .. } => &[],
        }
    }

    pub(super) fn unknown(reason: &str) -> Self {
        Inference::Unknown { reason: reason.into() }
    }
}

/// What is known of the coefficients at a minimum.
pub(crate) fn infer(
    problem: &Problem<'_>,
    here: &Evaluated,
    factor: Option<&Factor>,
    coefficients: &[f64],
    intercept: f64,
    confidence: f64,
) -> Inference {
    if problem.penalized || problem.l1.iter().any(|&l1| l1 > 0.0) {
        return Inference::unknown(
            "a penalty moves the coefficients by an amount that depends on the true ones, so that no standard error \
             describes how far they are off; fit without one, or resample",
        );
    }
    // Squares that leave nothing: the statistics would be infinite.
    let nothing_left = f64::EPSILON * problem.spread;
    if problem.loss == Loss::Squares && here.value <= nothing_left * nothing_left {
        return Inference::unknown("the fit is exact: no error is left to judge the coefficients by");
    }
    let estimated = problem.width() - problem.left_out.iter().filter(|&&out| out).count();
    let (variance, degrees) = match problem.loss {
        Loss::Squares => {
            let degrees = problem.examples.counted() as f64 - estimated as f64;
            if degrees < 1.0 {
                return Inference::unknown(
                    "there are no more examples than coefficients: nothing is left to tell the error by",
                );
            }
            (2.0 * here.value * problem.total / degrees, Some(degrees))
        }
        Loss::Logistic | Loss::Poisson => (1.0, None),
        Loss::Softmax { .. } => {
            return Inference::unknown(
                "each class has coefficients of its own, which are determined up to what all classes share",
            );
        }
        Loss::Huber { .. } | Loss::FixedHuber { .. } => {
            return Inference::unknown(
                "the errors are not taken to be normal, and no other distribution is named; resample",
            );
        }
    };
    let Some(factor) = factor else {
        return Inference::unknown("the Hessian is singular to working precision");
    };
    let width = problem.width();
    let mut covariance = factor.inverse();
    covariance.iter_mut().for_each(|c| *c *= variance / problem.total);
    let frame = &problem.frame;
    let mut errors: Vec<Option<f64>> = (0..problem.examples.columns)
        .map(|j| (!problem.left_out[j]).then(|| frame.factor[j] * covariance[j * width + j].max(0.0).sqrt()))
        .collect();
    if frame.intercept {
        // b = b' - Σ x̄ⱼ βⱼ, as a combination of what was estimated.
        let mut of: Vec<f64> = frame.centre.iter().zip(&frame.factor).map(|(c, f)| -c * f).collect();
        of.push(1.0);
        let mut square = 0.0;
        for i in 0..width {
            for j in 0..width {
                square += of[i] * covariance[i * width + j] * of[j];
            }
        }
        errors.push(Some(square.max(0.0).sqrt()));
    }
    let reach = match degrees {
        Some(degrees) => t_quantile(1.0 - confidence, degrees),
        None => normal_quantile(1.0 - confidence),
    };
    let estimate = |coefficient: f64, standard_error: f64| {
        let statistic = coefficient / standard_error;
        let p_value = match degrees {
            Some(degrees) => t_two_sided(statistic, degrees),
            None => normal_two_sided(statistic),
        };
        let interval = [coefficient - reach * standard_error, coefficient + reach * standard_error];
        Estimate { standard_error, statistic, p_value, interval }
    };
    let values = coefficients.iter().chain(std::iter::once(&intercept));
    Inference::Known {
        estimates: values
            .zip(&errors)
            .map(|(&value, error)| error.map(|error| estimate(value, error)))
            .collect(),
        degrees_of_freedom: degrees,
        residual_deviation: degrees.map(|_| variance.sqrt()),
        confidence,
    }
}
