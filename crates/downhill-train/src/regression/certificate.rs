//! How far the objective can be above its minimum, and why.
//!
//! # Proofs
//! With `g` the gradient and `H` the Hessian where the solver ended:
//!
//! - **Quadratic.** The Hessian of squares is the same everywhere: `f - f* = gᵀ H⁻¹ g / 2`.
//! - **Self-concordance.** For the losses of logistic, softmax and Poisson regression the third derivative is bounded
//!   by the second: along `v`, `|f'''| <= maxᵢ |zᵢ·v| f''` (for a softmax, the range of the changes of the linear
//!   predictors takes the place of `|zᵢ·v|`). With `ν² = gᵀ H⁻¹ g` and `ρ² = maxᵢ zᵢᵀ H⁻¹ zᵢ`, so that `|zᵢ·v| <= ρ ‖v‖_H`,
//!   this gives `f(x + v) >= f + gᵀv + (e^{-ρ‖v‖} + ρ‖v‖ - 1)/ρ²`, and with `u = ρν < 1`:
//!   `f - f* <= (u + (1 - u) ln(1 - u)) / ρ²`, nearly `ν²/2`. It needs no penalty, and proves that a minimum exists.
//!   After Bach, "Self-concordant analysis for logistic regression", Electronic Journal of Statistics 4, 2010, with the
//!   norm of the Hessian in the place of the Euclidean one.
//! - **Strong convexity.** A penalty of strength μ on all parameters: `f - f* <= |g|²/(2μ)` (Boyd and Vandenberghe,
//!   "Convex Optimization", 9.1.2).
//! - **Strong convexity beside a bounded constant.** A penalty on the coefficients alone: `f - f* <= |g_β|²/(2μ) +
//!   |g_b| B`, where B bounds the distance of the constant (and of σ) from its place at the minimum, as it follows from
//!   the value that the objective has already.
//! - **Duality.** For squares with an l1 penalty: the gap between the objective and that of the dual problem at the
//!   residuals, scaled until they are feasible (Kim, Koh, Lustig, Boyd and Gorinevsky, 2007).
//!
//! For what rounding hides, `ν²` and `ρ²` are made larger by sixteen units in the last place times the condition of the
//! Hessian, bounded by traces, and 64 units in the last place of the sum of sizes that the objective is are added
//! to each bound.

use super::dense::Factor;
use super::loss::Loss;
use super::problem::{Evaluated, Problem};
use super::stream::each_block;
use crate::vectors::dot;
use downhill_tensor::kernels::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A bound on how far the objective is above its minimum, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certificate {
    /// The objective is at most this much above its minimum.
    Proven {
        /// `f - f*` is not above this.
        gap: f64,
        /// What it follows from.
        proof: Proof,
    },
    /// There is no proof.
    Missing {
        /// Why not.
        reason: String,
    },
}

/// What a bound follows from; the module's documentation has the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// The Hessian is the same everywhere.
    Quadratic,
    /// The third derivative is bounded by the second.
    SelfConcordance {
        /// ν, the length of the gradient in the norm of the inverse Hessian.
        decrement: f64,
        /// ρ, the length of the longest row in that norm.
        radius: f64,
    },
    /// The penalty holds all parameters.
    StrongConvexity {
        /// μ: the strength of the penalty, on the coefficients that it weighs.
        strength: f64,
    },
    /// The penalty holds the coefficients, and the value of the objective the rest.
    BoundedConstant {
        /// μ: the strength of the penalty, on the coefficients that it weighs.
        strength: f64,
    },
    /// A feasible point of the dual problem.
    Duality,
}

impl Certificate {
    /// The bound, if there is one.
    pub fn gap(&self) -> Option<f64> {
        match self {
            Certificate::Proven { gap, .. } => Some(*gap),
            Certificate::Missing { .. } => None,
        }
    }

    pub(super) fn missing(reason: impl Into<String>) -> Self {
        Certificate::Missing { reason: reason.into() }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Certificate::Proven { gap, proof } => {
                write!(f, "the objective is at most {gap:.1e} above its minimum: {proof}")
            }
            Certificate::Missing { reason } => write!(f, "no proof: {reason}"),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Quadratic => f.write_str("it is quadratic, and its curvature is known"),
            Proof::SelfConcordance { .. } => {
                f.write_str("its third derivative is bounded by its second (self-concordance)")
            }
            Proof::StrongConvexity { strength } => {
                write!(f, "the penalty makes it strongly convex, of strength {strength}")
            }
            Proof::BoundedConstant { strength } => write!(
                f,
                "the penalty makes it strongly convex in the coefficients, of strength {strength}, and its value \
                 bounds the rest"
            ),
            Proof::Duality => f.write_str("the dual problem has a point that is as high"),
        }
    }
}

/// The best certificate for the smooth objective at a point. `factor` is that of the Hessian there, if there is one.
pub(crate) fn certify(
    problem: &Problem<'_>,
    point: &[f64],
    here: &Evaluated,
    factor: Option<&Factor>,
    strength: f64,
) -> Certificate {
    let mut best: Option<(f64, Proof)> = None;
    let mut offer = |bound: Option<(f64, Proof)>| {
        if let Some((gap, proof)) = bound
            && gap.is_finite()
            && best.is_none_or(|(known, _)| gap < known)
        {
            best = Some((gap, proof));
        }
    };
    let mut reason = if here.hessian.is_empty() {
        "there are too many parameters for a Hessian"
    } else {
        "the Hessian is singular, and no penalty holds the coefficients"
    };
    if let Some(factor) = factor {
        let inflated = (1.0 + 16.0 * f64::EPSILON * factor.condition()).sqrt();
        let decrement = inflated * dot(&here.gradient, &factor.solve(&here.gradient)).max(0.0).sqrt();
        match problem.loss {
            Loss::Squares => offer(Some((0.5 * decrement * decrement, Proof::Quadratic))),
            Loss::Logistic | Loss::Softmax { .. } | Loss::Poisson => {
                let radius = inflated * radius(problem, factor);
                offer(self_concordant(decrement, radius));
                reason = "it ended too far from a minimum, if there is one, for the curvature here to bound the rest";
            }
            Loss::Huber { .. } | Loss::FixedHuber { .. } => {
                reason = "the loss is flat far out, and no penalty holds the coefficients";
            }
        }
    }
    offer(by_penalty(problem, point, here, strength));
    match best {
        Some((gap, proof)) => Certificate::Proven { gap: gap + here.rounding, proof },
        None => Certificate::missing(reason),
    }
}

/// The certificate of squares with an l1 penalty: from the smooth part's value and gradient alone,
/// `(1 - s)² v + Σ λⱼ|xⱼ| + s x·g` with the scale `s = min(1, minⱼ λⱼ/|gⱼ|)` that makes the residuals feasible.
pub(crate) fn duality(problem: &Problem<'_>, point: &[f64], here: &Evaluated) -> Certificate {
    let gap = duality_gap(&problem.l1, point, here.value, &here.gradient);
    // The constant is not held by the penalty. The columns are centred, so that its best place is the targets' mean.
    let constant = if problem.frame.intercept {
        let at = problem.l1.len();
        (here.gradient[at] * (point[at] - problem.examples.mean(|y| y))).abs()
    } else {
        0.0
    };
    Certificate::Proven { gap: gap.max(0.0) + constant + here.rounding, proof: Proof::Duality }
}

pub(crate) fn duality_gap(l1: &[f64], point: &[f64], value: f64, gradient: &[f64]) -> f64 {
    let mut scale: f64 = 1.0;
    for (&l1, g) in l1.iter().zip(gradient) {
        if g.abs() > l1 {
            scale = scale.min(l1 / g.abs());
        }
    }
    let between: f64 =
        l1.iter().zip(point).zip(gradient).map(|((l1, x), g)| l1 * x.abs() + scale * x * g).sum();
    (1.0 - scale).powi(2) * value + between
}

/// `(u + (1 - u) ln(1 - u)) / ρ²`, which is `ν² Σ uᵏ⁻² / (k (k - 1))`.
fn self_concordant(decrement: f64, radius: f64) -> Option<(f64, Proof)> {
    let u = decrement * radius;
    if u.is_nan() || u >= 1.0 {
        return None;
    }
    let gap = if u < 0.1 {
        let mut sum = 0.0;
        for k in (2..30).rev() {
            let k = f64::from(k);
            sum = sum * u + 1.0 / (k * (k - 1.0));
        }
        decrement * decrement * sum
    } else {
        (u + (1.0 - u) * (-u).ln_1p()) / (radius * radius)
    };
    Some((gap, Proof::SelfConcordance { decrement, radius }))
}

/// ρ: the length of the longest row, or for a softmax difference of rows, in the norm of the inverse Hessian.
fn radius(problem: &Problem<'_>, factor: &Factor) -> f64 {
    let (width, outputs, dimension) = (problem.width(), problem.loss.outputs(), problem.dimension());
    // Matrices A with ρ² = max |A z|².
    let roots: Vec<Vec<f64>> = if outputs == 1 {
        vec![factor.inverse_lower()]
    } else {
        let inverse = factor.inverse();
        let block =
            |k: usize, l: usize, i: usize, j: usize| inverse[(k * width + i) * dimension + l * width + j];
        let mut roots = Vec::new();
        for k in 0..outputs {
            for l in 0..k {
                let mut of_pair = vec![0.0; width * width];
                for i in 0..width {
                    for j in 0..width {
                        of_pair[i * width + j] =
                            block(k, k, i, j) + block(l, l, i, j) - block(k, l, i, j) - block(l, k, i, j);
                    }
                }
                roots.push(of_pair);
            }
        }
        roots
    };
    let frame = &problem.frame;
    let largest = each_block(
        problem.examples.rows,
        problem.examples.len(),
        frame,
        problem.threads,
        1,
        || 0.0f64,
        |most, block| {
            let product = Product {
                m: block.rows,
                n: width,
                k: width,
                a: Strides2::row_major(block.stride),
                b: Strides2 { row: 1, column: width },
                c_row_stride: width,
            };
            let mut scratch = vec![0.0; matmul_scratch_len::<f64>(&product)];
            let mut out = vec![0.0; block.rows * width];
            for root in &roots {
                matmul(&product, 0..block.rows, 0..width, block.z, root, &mut out, Update::SET, &mut scratch);
                for (i, (image, z)) in
                    out.chunks_exact(width).zip(block.z.chunks_exact(block.stride)).enumerate()
                {
                    if problem.examples.weight(block.first + i) > 0.0 {
                        // With one output the matrix is a root of the inverse, with several the inverse itself.
                        let square = if outputs == 1 { dot(image, image) } else { dot(image, z) };
                        *most = most.max(square);
                    }
                }
            }
        },
    );
    largest.into_iter().fold(0.0, f64::max).sqrt()
}

/// What the penalty alone proves.
fn by_penalty(problem: &Problem<'_>, point: &[f64], here: &Evaluated, strength: f64) -> Option<(f64, Proof)> {
    if !problem.penalized || problem.l2.iter().any(|&l2| l2 <= 0.0) {
        return None;
    }
    let (width, gradient) = (problem.width(), &here.gradient);
    let mut gap = 0.0;
    for k in 0..problem.loss.outputs() {
        let of_output = gradient[k * width..].iter().zip(&problem.l2);
        gap += of_output.map(|(g, l2)| g * g / (2.0 * l2)).sum::<f64>();
    }
    if !problem.frame.intercept && !problem.loss.has_scale() {
        return Some((gap, Proof::StrongConvexity { strength }));
    }
    let at = problem.l2.len();
    let value = here.value;
    let mean = || problem.examples.mean(|y| y);
    let constant = match problem.loss {
        _ if !problem.frame.intercept => 0.0,
        // σ + σ H(r/σ) >= 2 ε |r| + σ (1 - ε²), and σ is at most 2 f: so the mean of |r| is at most ε f.
        Loss::Huber { epsilon } => (point[at] - mean()).abs() + epsilon * value,
        // δ |r| - δ²/2 is below the loss.
        Loss::FixedHuber { delta } => (point[at] - mean()).abs() + value / delta + 0.5 * delta,
        Loss::Logistic => constant_of_logistic(problem, point[at], value),
        _ => return None,
    };
    gap += gradient[at..]
        .first()
        .map_or(0.0, |g| if problem.frame.intercept { g.abs() * constant } else { 0.0 });
    if problem.loss.has_scale() {
        let last = point.len() - 1;
        // σ/2 is below the loss.
        gap += gradient[last].abs() * point[last].max(2.0 * value);
    }
    Some((gap, Proof::BoundedConstant { strength }))
}

/// How far the constant of a logistic regression can be from its place at the minimum: each class alone costs no more
/// than everything does here, by Jensen's inequality at the mean of its rows.
fn constant_of_logistic(problem: &Problem<'_>, constant: f64, value: f64) -> f64 {
    let width = problem.width();
    let stride = problem.frame.stride();
    let means = each_block(
        problem.examples.rows,
        problem.examples.len(),
        &problem.frame,
        problem.threads,
        2 * stride,
        || vec![0.0; 2 * stride],
        |sums: &mut Vec<f64>, block| {
            for (i, row) in block.z.chunks_exact(block.stride).enumerate() {
                let row_number = block.first + i;
                let class = usize::from(problem.examples.targets[row_number] > 0.5);
                let share = problem.examples.weight(row_number) / problem.total;
                sums[class * stride..].iter_mut().zip(row).for_each(|(sum, z)| *sum += share * z);
            }
        },
    );
    let bound = |class: usize| {
        let sum = |j: usize| means.iter().map(|sums| sums[class * stride + j]).sum::<f64>();
        // The column of ones sums to the share of the class.
        let share = sum(width - 1);
        let reach: f64 = (0..width - 1).map(|j| (sum(j) / share).powi(2) / problem.l2[j]).sum();
        value / share + (2.0 * value * reach).sqrt()
    };
    // From -bound(1) to bound(0).
    (constant + bound(1)).abs().max((bound(0) - constant).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_and_the_closed_form_of_self_concordance_agree() {
        for (decrement, radius) in [(0.0999, 1.0), (0.1001, 1.0), (1e-3, 80.0), (0.3, 2.0)] {
            let (gap, _) = self_concordant(decrement, radius).unwrap();
            let u: f64 = decrement * radius;
            let closed = (u + (1.0 - u) * (1.0 - u).ln()) / (radius * radius);
            assert!((gap - closed).abs() < 1e-9 * closed, "{gap} and {closed}");
            assert!(gap > 0.5 * decrement * decrement);
        }
        assert!(self_concordant(0.5, 2.0).is_none());
        assert!(self_concordant(f64::NAN, 2.0).is_none());
    }
}
