//! Trust region, with the model minimized by conjugate gradients.

use super::newton_equation::{NewtonEquation, check_inner, inner_limit};
use super::{Solve, at_precision};
use crate::minimize::Objective;
use crate::minimize::evaluator::{Evaluation, Evaluator, Halt, rounding};
use crate::minimize::vectors::{add_scaled, dot, max_abs};
use crate::minimize::walk::{Moved, Walk};
use crate::{Error, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Minimizes the parabola `f + ∇f·d + d·∇²f d / 2` within `|d| <= radius`, and lets the radius follow from how well
/// the parabola foretold the value. Conjugate gradients do it, which end at the boundary or along negative curvature.
///
/// It asks for products of the Hessian and vectors, or makes them of gradients, and leaves saddles, as
/// [`NewtonCg`](super::NewtonCg) does.
///
/// # Source
/// T. Steihaug, *The conjugate gradient method and trust regions in large scale optimization*, SIAM Journal on
/// Numerical Analysis 20 (1983); Ph. Toint (1981); J. Nocedal, S. Wright, *Numerical Optimization* (2006), algorithms
/// 4.1 and 7.2; A. Conn, N. Gould, Ph. Toint, *Trust-Region Methods* (2000), section 17.4.2, for what rounding does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustRegion {
    /// The first radius; default 1.
    pub radius: f64,
    /// The largest radius; default 1e10.
    pub largest_radius: f64,
    /// A step is made where the value falls by at least this part of what was foretold; default 0.15.
    pub acceptance: f64,
    /// The most conjugate gradients an iteration; default 200, and never more than twice the number of variables and
    /// ten.
    pub inner_iterations: u32,
    /// Whether stationary points that are no minima are left; default true.
    pub leave_saddles: bool,
}

impl Default for TrustRegion {
    fn default() -> Self {
        TrustRegion {
            radius: 1.0,
            largest_radius: 1e10,
            acceptance: 0.15,
            inner_iterations: 200,
            leave_saddles: true,
        }
    }
}

impl TrustRegion {
    pub(crate) fn validate(&self) -> crate::Result<()> {
        const OWNER: &str = "trust_region";
        let fits = self.radius > 0.0 && self.radius.is_finite();
        Error::check(fits, OWNER, "radius", "above 0 and finite", self.radius)?;
        let fits = self.largest_radius >= self.radius && self.largest_radius.is_finite();
        Error::check(fits, OWNER, "largest_radius", "finite and at least `radius`", self.largest_radius)?;
        let fits = (0.0..0.25).contains(&self.acceptance);
        Error::check(fits, OWNER, "acceptance", "at least 0 and below 0.25", self.acceptance)?;
        check_inner(OWNER, self.inner_iterations)
    }
}

pub(crate) struct TrustRegionSolver<T> {
    options: TrustRegion,
    radius: f64,
    step: Vec<T>,
    equation: NewtonEquation<T>,
}

impl<T: Float> TrustRegionSolver<T> {
    pub fn new(options: TrustRegion, variables: usize) -> Self {
        let (radius, step) = (options.radius, vec![T::ZERO; variables]);
        TrustRegionSolver { options, radius, step, equation: NewtonEquation::new(variables) }
    }

    /// Minimizes the parabola approximately; says whether the step ends at the boundary.
    fn solve<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<bool, Halt<O::Error>> {
        self.equation.begin(&mut self.step, &walk.gradient);
        for _ in 0..inner_limit(self.options.inner_iterations, walk.x.len()) {
            let along = self.equation.curvature(walk, evaluator)?;
            let (length, to_boundary) = (self.equation.length(along), self.to_boundary());
            let NewtonEquation { residual, conjugate, product, .. } = &mut self.equation;
            // A curvature that overflows says no more than a negative one.
            if !(along > 0.0 && along.is_finite() && length < to_boundary) {
                add_scaled(&mut self.step, to_boundary, conjugate);
                if along.is_finite() {
                    add_scaled(residual, to_boundary, product);
                }
                return Ok(true);
            }
            if !self.equation.advance(&mut self.step, length) {
                break;
            }
        }
        Ok(false)
    }

    /// The length along the conjugate direction at which the step leaves the region.
    fn to_boundary(&self) -> f64 {
        let conjugate = &self.equation.conjugate;
        let [ss, sd, dd] = [(&self.step, &self.step), (&self.step, conjugate), (conjugate, conjugate)]
            .map(|(a, b)| dot(a, b));
        let room = (self.radius * self.radius - ss).max(0.0);
        let root = (sd * sd + dd * room).sqrt();
        // Of the two forms of the root the one without cancellation.
        if sd > 0.0 { room / (sd + root) } else { (root - sd) / dd }
    }

    /// How much of what the parabola foretold came true. Where both are mere rounding, all of it, if the gradient
    /// became smaller.
    fn agreement(&self, walk: &Walk<T>, found: Evaluation) -> f64 {
        if !found.is_finite() {
            return f64::NEG_INFINITY;
        }
        let foretold = -0.5 * (dot(&self.step, &walk.gradient) + dot(&self.step, &self.equation.residual));
        let fallen = walk.value - found.value;
        let noise = 4.0 * rounding::<T>(walk.value);
        if foretold <= noise && fallen.abs() <= noise {
            return if found.max_gradient < max_abs(&walk.gradient) { 1.0 } else { -1.0 };
        }
        if foretold > 0.0 { fallen / foretold } else { f64::NEG_INFINITY }
    }
}

impl<T: Float> Solve<T> for TrustRegionSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        loop {
            let at_boundary = self.solve(walk, evaluator)?;
            let slope = dot(&self.step, &walk.gradient);
            walk.other.copy_from_slice(&walk.x);
            add_scaled(&mut walk.other, 1.0, &self.step);
            let found = evaluator.value_and_gradient(&walk.other, &mut walk.other_gradient)?;
            let agreement = self.agreement(walk, found);
            let length = global_norm(&self.step);
            if agreement < 0.25 {
                self.radius = 0.25 * self.radius.min(length);
            } else if agreement > 0.75 && at_boundary {
                self.radius = (2.0 * self.radius).min(self.options.largest_radius);
            }
            if agreement > self.options.acceptance {
                walk.accept(found);
                return Ok(Moved { step: length, slope, satisfied: true });
            }
            let least = T::EPSILON.to_f64() * (T::MIN_POSITIVE.to_f64() + global_norm(&walk.x));
            if self.radius.is_nan() || self.radius <= least {
                self.radius = self.options.radius;
                return Err(at_precision(walk));
            }
        }
    }

    fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        if !self.options.leave_saddles {
            return Ok(None);
        }
        self.equation.leave(walk, evaluator)
    }
}
