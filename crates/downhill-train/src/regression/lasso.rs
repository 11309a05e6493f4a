//! Squares with an l1 penalty, on the matrix of the columns' products.
//!
//! One pass over the rows gives `H = Zᵀ W Z + diag(l2)` and the gradient at 0; all steps are made on these, and a last
//! pass gives the value and the gradient that the certificate rests on.

use super::certificate::duality_gap;
use super::dense::Factor;
use super::newton::Ended;
use super::problem::{Problem, Want};
use super::{FitStop, RegressionError, Solver};
use crate::Result;
use crate::vectors::dot;

/// The most columns of which the products are held: 512 MiB.
const MOST_COLUMNS: usize = 8192;

/// Sweeps after which coordinates that are not 0 are solved for together.
const PATIENCE: u64 = 20;

/// The quadratic `f0 + g0ᵀx + xᵀHx/2` with `λⱼ |xⱼ|` added.
struct Quadratic<'a> {
    n: usize,
    hessian: &'a [f64],
    l1: Vec<f64>,
    value: f64,
    x: Vec<f64>,
    /// Of the smooth part at x.
    gradient: Vec<f64>,
    start: Vec<f64>,
}

pub(crate) fn minimize(problem: &Problem<'_>, solver: &Solver, tolerance: f64, most: u64) -> Result<Ended> {
    let n = problem.dimension();
    if n > MOST_COLUMNS {
        let advice = "choose columns first";
        let solver = solver.name();
        return Err(RegressionError::TooManyColumns { solver, columns: n, most: MOST_COLUMNS, advice }.into());
    }
    let start = problem.start();
    let begin = problem.evaluate(&start, Want::Hessian);
    let mut l1 = problem.l1.clone();
    l1.resize(n, 0.0);
    let mut quadratic = Quadratic {
        n,
        hessian: &begin.hessian,
        l1,
        value: begin.value,
        x: vec![0.0; n],
        gradient: begin.gradient.clone(),
        start: begin.gradient.clone(),
    };
    let allowed = tolerance * begin.value;
    let (iterations, mut stop) = match solver {
        Solver::ProximalGradient => quadratic.accelerated(allowed, most),
        _ => quadratic.coordinates(allowed, most),
    };
    quadratic.polish();
    let mut point: Vec<f64> = start.iter().zip(&quadratic.x).map(|(s, x)| s + x).collect();
    let mut last = problem.evaluate(&point, Want::Gradient);
    let mut passes = 2;
    // What the products have lost to rounding, the rows give back.
    if let Some(step) = quadratic.refinement(&point, &last.gradient) {
        let refined: Vec<f64> = point.iter().zip(&step).map(|(x, d)| x + d).collect();
        let there = problem.evaluate(&refined, Want::Gradient);
        passes += 1;
        let of = |point: &[f64], e: &super::problem::Evaluated| {
            duality_gap(&quadratic.l1, point, e.value, &e.gradient)
        };
        if of(&refined, &there) < of(&point, &last) {
            (point, last) = (refined, there);
        }
    }
    let gap = duality_gap(&problem.l1, &point, last.value, &last.gradient).max(0.0);
    if gap <= allowed {
        stop = FitStop::Gap { gap, tolerance: allowed };
    }
    Ok(Ended { point, iterations, stop, passes, last: Some(last) })
}

impl Quadratic<'_> {
    fn smooth(&self) -> f64 {
        self.value
            + 0.5
                * self
                    .x
                    .iter()
                    .zip(&self.start)
                    .zip(&self.gradient)
                    .map(|((x, a), b)| x * (a + b))
                    .sum::<f64>()
    }

    fn gap(&self) -> f64 {
        duality_gap(&self.l1, &self.x, self.smooth(), &self.gradient)
    }

    fn row(&self, j: usize) -> &[f64] {
        &self.hessian[j * self.n..(j + 1) * self.n]
    }

    /// Minimizes over one coordinate; by how much it moved, in units of the gradient.
    fn coordinate(&mut self, j: usize) -> f64 {
        let curvature = self.hessian[j * self.n + j];
        if curvature <= 0.0 {
            return 0.0;
        }
        let to = shrunk(self.x[j] - self.gradient[j] / curvature, self.l1[j] / curvature);
        let change = to - self.x[j];
        if change == 0.0 {
            return 0.0;
        }
        self.x[j] = to;
        let row = &self.hessian[j * self.n..(j + 1) * self.n];
        self.gradient.iter_mut().zip(row).for_each(|(g, h)| *g += change * h);
        (change * curvature).abs()
    }

    /// Sweeps over all coordinates, and between them over those that are not 0 until these hardly move; where that
    /// takes long, because columns are alike, straight to where they would end.
    fn coordinates(&mut self, allowed: f64, most: u64) -> (u64, FitStop) {
        let mut sweeps = 0;
        loop {
            let gap = self.gap().max(0.0);
            if gap <= allowed && sweeps > 0 {
                return (sweeps, FitStop::Gap { gap, tolerance: allowed });
            }
            if sweeps >= most {
                return (sweeps, FitStop::Iterations { most });
            }
            let moved = (0..self.n).map(|j| self.coordinate(j)).fold(0.0, f64::max);
            sweeps += 1;
            if moved == 0.0 {
                return (sweeps, FitStop::NoProgress { largest: gap });
            }
            let active: Vec<usize> = (0..self.n).filter(|&j| self.x[j] != 0.0 || self.l1[j] == 0.0).collect();
            let mut inner = moved;
            while inner > 1e-3 * moved && sweeps < most.min(2 * PATIENCE) {
                inner = active.iter().map(|&j| self.coordinate(j)).fold(0.0, f64::max);
                sweeps += 1;
            }
            if sweeps > PATIENCE {
                self.polish();
            }
        }
    }

    /// Accelerated proximal gradient steps of length 1/L, with L the largest sum of a row's sizes, which no eigenvalue
    /// exceeds; the momentum begins anew where it points uphill.
    fn accelerated(&mut self, allowed: f64, most: u64) -> (u64, FitStop) {
        let lipschitz = (0..self.n).map(|j| self.row(j).iter().map(|h| h.abs()).sum()).fold(0.0, f64::max);
        let (mut ahead, mut momentum) = (self.x.clone(), 1.0f64);
        for step in 0..most {
            let gap = self.gap().max(0.0);
            if gap <= allowed && step > 0 {
                return (step, FitStop::Gap { gap, tolerance: allowed });
            }
            let slope: Vec<f64> = (0..self.n).map(|j| self.start[j] + dot(self.row(j), &ahead)).collect();
            let next: Vec<f64> = (0..self.n)
                .map(|j| shrunk(ahead[j] - slope[j] / lipschitz, self.l1[j] / lipschitz))
                .collect();
            let uphill: f64 = (0..self.n).map(|j| (ahead[j] - next[j]) * (next[j] - self.x[j])).sum();
            let following = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
            let weight = if uphill > 0.0 { 0.0 } else { (momentum - 1.0) / following };
            momentum = if uphill > 0.0 { 1.0 } else { following };
            ahead = (0..self.n).map(|j| next[j] + weight * (next[j] - self.x[j])).collect();
            self.x = next;
            self.gradient = (0..self.n).map(|j| self.start[j] + dot(self.row(j), &self.x)).collect();
        }
        (most, FitStop::Iterations { most })
    }

    /// Coordinates that are not 0, or that nothing draws to 0.
    fn active(&self) -> Vec<usize> {
        (0..self.n)
            .filter(|&j| (self.x[j] != 0.0 || self.l1[j] == 0.0) && self.hessian[j * self.n + j] > 0.0)
            .collect()
    }

    /// Walks to the minimum over the coordinates that are not 0 and keep their sign: along the line to the minimum of
    /// the quadratic that has these signs, up to where a coordinate becomes 0, and on without it.
    fn polish(&mut self) {
        let before = (self.x.clone(), self.gradient.clone(), self.value_with_l1());
        for _ in 0..=self.n {
            let Some((active, factor)) = self.factor() else { break };
            let right: Vec<f64> =
                active.iter().map(|&j| -(self.start[j] + self.l1[j] * sign(self.x[j]))).collect();
            let exact = factor.solve(&right);
            let crossings =
                active.iter().zip(&exact).filter(|&(&j, &to)| self.l1[j] > 0.0 && to * self.x[j] <= 0.0);
            let first = crossings
                .map(|(&j, &to)| (self.x[j] / (self.x[j] - to), j))
                .min_by(|(a, _), (b, _)| a.total_cmp(b));
            let length = first.map_or(1.0, |(length, _)| length);
            for (&j, &to) in active.iter().zip(&exact) {
                self.x[j] += length * (to - self.x[j]);
            }
            match first {
                Some((_, j)) => self.x[j] = 0.0,
                None => {
                    active.iter().zip(exact).for_each(|(&j, to)| self.x[j] = to);
                    break;
                }
            }
        }
        self.gradient = (0..self.n).map(|j| self.start[j] + dot(self.row(j), &self.x)).collect();
        let value = self.value_with_l1();
        if value.is_nan() || value > before.2 {
            (self.x, self.gradient, _) = before;
        }
    }

    fn value_with_l1(&self) -> f64 {
        self.smooth() + self.l1.iter().zip(&self.x).map(|(l1, x)| l1 * x.abs()).sum::<f64>()
    }

    fn factor(&self) -> Option<(Vec<usize>, Factor)> {
        const MOST: usize = 2048;
        let active = self.active();
        if active.is_empty() || active.len() > MOST {
            return None;
        }
        let part: Vec<f64> =
            active.iter().flat_map(|&i| active.iter().map(move |&j| self.hessian[i * self.n + j])).collect();
        let factor = Factor::of(&part, active.len(), 0.0, 1e-13)?;
        Some((active, factor))
    }

    /// A step that takes the gradient of the rows, which knows more digits, to 0 where x is not.
    fn refinement(&self, point: &[f64], gradient: &[f64]) -> Option<Vec<f64>> {
        let (active, factor) = self.factor()?;
        let right: Vec<f64> = active.iter().map(|&j| -(gradient[j] + self.l1[j] * sign(self.x[j]))).collect();
        let mut step = vec![0.0; self.n];
        active.iter().zip(factor.solve(&right)).for_each(|(&j, d)| step[j] = d);
        let keeps_signs = |&j: &usize| self.l1[j] == 0.0 || (point[j] + step[j]) * point[j] > 0.0;
        active.iter().all(keeps_signs).then_some(step)
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// The minimum of `(t - x)²/2 + by |t|`.
fn shrunk(x: f64, by: f64) -> f64 {
    if x > by {
        x - by
    } else if x < -by {
        x + by
    } else {
        0.0
    }
}
