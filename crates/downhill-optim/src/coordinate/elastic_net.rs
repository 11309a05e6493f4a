//! Lasso and elastic net by cyclic coordinate descent.

use super::design::Design;
use crate::minimize::vectors::dot;
use crate::proximal::shrink;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Least squares with absolute values and squares as a penalty, minimized coordinate by coordinate:
///
/// ```text
/// P(b) = 1/2 Σ_i (ỹ_i - Σ_j x̃_ij b_j)² + λ₁ Σ_j |b_j| + λ₂/2 Σ_j b_j²
/// b_j <- S(Σ_i x̃_ij r_i + s_j b_j, λ₁) / (s_j + λ₂)
/// ```
///
/// with `x̃` and `ỹ` of a [`Design`], so that the first sum is half the (weighted) mean of the squared errors, `r` the
/// residuals, which are kept up to date, `s_j = Σ_i x̃_ij²`, and `S` soft thresholding. scikit-learn's `alpha` and
/// `l1_ratio` are `λ₁ = alpha l1_ratio`, `λ₂ = alpha (1 - l1_ratio)`.
///
/// After a sweep over all coordinates only those that are not 0 are visited until they rest; then comes another sweep
/// over all. When the largest change of a sweep is small too, the **duality gap** decides: an upper bound for how far
/// `P` is from its minimum, which needs no knowledge of it. It stops when the gap is at most `tolerance Σ ỹ_i²`.
///
/// It is in double precision alone: the gap is a small difference of large numbers.
///
/// ```
/// use downhill_optim::coordinate::{ElasticNet, elastic_net};
/// // y = 3 a, and b has nothing to do with it.
/// let inputs = [-1.0, 0.5, 0.0, -1.0, 1.0, 0.5];
/// let targets = [-3.0, 0.0, 3.0];
/// let mut coefficients = [0.0; 2];
/// let lasso = ElasticNet { l1: 0.2, ..ElasticNet::default() };
/// let fit = elastic_net(&inputs, &targets, None, true, &lasso, &mut coefficients)?;
/// assert!(fit.converged);
/// // The mean of a² is 2/3: 0.2 of penalty takes 0.3 from the coefficient.
/// assert!((coefficients[0] - 2.7).abs() < 1e-9 && coefficients[1] == 0.0);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
///
/// # Source
/// J. Friedman, T. Hastie, R. Tibshirani, *Regularization paths for generalized linear models via coordinate descent*,
/// Journal of Statistical Software 33 (2010); S.-J. Kim, K. Koh, M. Lustig, S. Boyd, D. Gorinevsky, *An interior-point
/// method for large-scale l1-regularized least squares*, IEEE JSTSP 1 (2007) for the gap; scikit-learn's `ElasticNet`
/// for the rule by which it stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    /// λ₁; default 0.
    pub l1: f64,
    /// λ₂; default 0. One of the two must be above 0.
    pub l2: f64,
    /// Whether no coefficient may be below 0; default `false`.
    pub nonnegative: bool,
    /// The largest duality gap at the end, relative to Σ ỹ_i², and the largest relative change of a coefficient in
    /// the last sweep; default 1e-8. scikit-learn's is 1e-4.
    pub tolerance: f64,
    /// The most sweeps over all coordinates, or over those that are not 0; default 10,000.
    pub sweeps: u64,
}

impl Default for ElasticNet {
    fn default() -> Self {
        ElasticNet { l1: 0.0, l2: 0.0, nonnegative: false, tolerance: 1e-8, sweeps: 10_000 }
    }
}

/// What a descent along coordinates came to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ElasticNetFit {
    /// What must be added to every prediction; 0 without an intercept.
    pub intercept: f64,
    /// P at the end.
    pub value: f64,
    /// How far P is from its minimum, at most.
    pub gap: f64,
    /// The sweeps that were made.
    pub sweeps: u64,
    /// Whether the gap is as small as asked for.
    pub converged: bool,
}

/// Fits `coefficients`, which are also where it begins, to `inputs`, row-major of shape `[examples, columns]`, and
/// `targets`. [`ElasticNet::fit`] does it on a [`Design`] that is made once for several penalties.
///
/// # Errors
/// Those of [`Design::new`] and of [`ElasticNet::fit`].
pub fn elastic_net(
    inputs: &[f64],
    targets: &[f64],
    weights: Option<&[f64]>,
    intercept: bool,
    options: &ElasticNet,
    coefficients: &mut [f64],
) -> Result<ElasticNetFit> {
    options.fit(&Design::new(inputs, targets, weights, intercept)?, coefficients)
}

impl ElasticNet {
    /// Refuses penalties and a tolerance that are negative or not finite, and the lack of any penalty.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], [`Error::Conflict`].
    pub fn validate(&self) -> Result<()> {
        Error::check_at_least_zero("ElasticNet", "l1", self.l1)?;
        Error::check_at_least_zero("ElasticNet", "l2", self.l2)?;
        Error::check_at_least_zero("ElasticNet", "tolerance", self.tolerance)?;
        if self.l1 == 0.0 && self.l2 == 0.0 {
            let reason =
                "l1 and l2 are both 0: without a penalty a factorization finds the least squares at once";
            return Err(Error::Conflict { owner: "ElasticNet".into(), reason });
        }
        Ok(())
    }

    /// Fits `coefficients`, which are also where it begins.
    ///
    /// # Errors
    /// Options that [`validate`](Self::validate) refuses, or another number of coefficients than of columns.
    pub fn fit(&self, design: &Design, coefficients: &mut [f64]) -> Result<ElasticNetFit> {
        self.validate()?;
        if coefficients.len() != design.columns() {
            return Err(Error::Length {
                owner: "ElasticNet",
                what: "coefficients",
                expected: design.columns(),
                actual: coefficients.len(),
            });
        }
        let mut descent = CoordinateDescent::new(self, design, coefficients);
        let allowed = self.tolerance * dot(design.targets(), design.targets());
        let mut active = Vec::new();
        let mut sweeps = 0;
        let mut converged = false;
        while sweeps < self.sweeps && !converged {
            sweeps += 1;
            let all = descent.sweep(0..design.columns());
            if all <= self.tolerance || sweeps == self.sweeps {
                converged = descent.gap() <= allowed;
                // What moves is rounding, so nothing will come of going on.
                if all <= 4.0 * f64::EPSILON {
                    break;
                }
            }
            active.clear();
            active.extend((0..design.columns()).filter(|&j| descent.coefficients[j] != 0.0));
            while !converged && sweeps < self.sweeps {
                sweeps += 1;
                if descent.sweep(active.iter().copied()) <= self.tolerance {
                    break;
                }
            }
        }
        let (value, gap) = (descent.value(), descent.gap());
        Ok(ElasticNetFit { intercept: design.intercept(coefficients), value, gap, sweeps, converged })
    }
}

struct CoordinateDescent<'a> {
    options: &'a ElasticNet,
    design: &'a Design,
    coefficients: &'a mut [f64],
    residuals: Vec<f64>,
}

impl<'a> CoordinateDescent<'a> {
    fn new(options: &'a ElasticNet, design: &'a Design, coefficients: &'a mut [f64]) -> Self {
        let residuals = design.targets().to_vec();
        let mut descent = CoordinateDescent { options, design, coefficients, residuals };
        for j in 0..design.columns() {
            descent.change_residuals(j, -descent.coefficients[j]);
        }
        descent
    }

    fn change_residuals(&mut self, j: usize, by: f64) {
        if by != 0.0 {
            self.residuals
                .iter_mut()
                .zip(self.design.column(j))
                .for_each(|(residual, x)| *residual += by * x);
        }
    }

    /// Minimizes along each of these coordinates; the largest change, relative to the largest coefficient.
    fn sweep(&mut self, coordinates: impl Iterator<Item = usize>) -> f64 {
        let (mut changed, mut largest) = (0.0_f64, 0.0_f64);
        for j in coordinates {
            let (old, square) = (self.coefficients[j], self.design.square(j));
            let curvature = square + self.options.l2;
            // A column of zeros says nothing, and without squares of coefficients its own stays at 0.
            let mut new = 0.0;
            if curvature > 0.0 {
                let pull = dot(self.design.column(j), &self.residuals) + square * old;
                new = shrink(pull, self.options.l1) / curvature;
                if self.options.nonnegative {
                    new = new.max(0.0);
                }
            }
            self.change_residuals(j, old - new);
            self.coefficients[j] = new;
            changed = changed.max((new - old).abs());
            largest = largest.max(new.abs());
        }
        if changed == 0.0 { 0.0 } else { changed / largest.max(f64::MIN_POSITIVE) }
    }

    /// P.
    fn value(&self) -> f64 {
        let absolute: f64 = self.coefficients.iter().map(|b| b.abs()).sum();
        let square = dot(self.coefficients, self.coefficients);
        0.5 * dot(&self.residuals, &self.residuals)
            + self.options.l1 * absolute
            + 0.5 * self.options.l2 * square
    }

    /// P minus the dual objective at the residuals, scaled down until they are feasible: least squares on the rows
    /// of `x̃` and, below them, of `√λ₂` times the identity, with the residual `-√λ₂ b` there. Without λ₁ nothing
    /// scaled is feasible, and the gradient bounds the gap by the curvature λ₂ instead.
    fn gap(&self) -> f64 {
        let (l1, l2) = (self.options.l1, self.options.l2);
        let mut pull = 0.0_f64;
        let mut slope = 0.0;
        for (j, b) in self.coefficients.iter().enumerate() {
            let product = dot(self.design.column(j), &self.residuals) - l2 * b;
            let free = !self.options.nonnegative || product > 0.0;
            pull = pull.max(if self.options.nonnegative { product } else { product.abs() });
            // At 0 a coefficient that must not be negative holds against any slope from below.
            slope += if free || *b > 0.0 { product * product } else { 0.0 };
        }
        if l1 == 0.0 {
            return slope / (2.0 * l2);
        }
        let scale = if pull > l1 { l1 / pull } else { 1.0 };
        let square = dot(&self.residuals, &self.residuals) + l2 * dot(self.coefficients, self.coefficients);
        let dual = scale * dot(&self.residuals, self.design.targets()) - 0.5 * scale * scale * square;
        (self.value() - dual).max(0.0)
    }
}
