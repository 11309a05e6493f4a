//! L-BFGS within bounds.

use super::{Solve, stuck};
use crate::global_norm;
use crate::minimize::Objective;
use crate::minimize::bounds::{Bounds, FAR, Feasible};
use crate::minimize::compact::Compact;
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::line_search::{Direction, LineSearch, StrongWolfe, step_along};
use crate::minimize::vectors::{difference_into, dot};
use crate::minimize::walk::{Moved, Walk};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// L-BFGS for variables with bounds. The objective is never asked for a point outside of them.
///
/// An iteration goes along the projected gradient to the first minimum of the model, which says which variables stay
/// at their bounds (the generalized Cauchy point); minimizes the model over the others; moves the result within the
/// bounds; and searches along the line to it. Its gradient, for tolerances, is the projected one,
/// `x - P(x - ∇f(x))`, which is 0 where a bound stops the descent.
///
/// # Source
/// R. Byrd, P. Lu, J. Nocedal, C. Zhu, *A limited memory algorithm for bound constrained optimization*, SIAM Journal on
/// Scientific Computing 16 (1995), algorithms CP and "direct primal"; the projection of the result: J. Morales,
/// J. Nocedal, *Remark on "Algorithm 778: L-BFGS-B"*, ACM Transactions on Mathematical Software 38 (2011).
///
/// ```
/// use downhill_optim::minimize::{Bounds, Interval, LbfgsB, Method, MinimizeOptions, minimize, unobserved};
/// let mut bowl = |x: &[f64], gradient: &mut [f64]| {
///     gradient.iter_mut().zip(x).for_each(|(g, x)| *g = 2.0 * (x - 3.0));
///     x.iter().map(|x| (x - 3.0).powi(2)).sum()
/// };
/// let bounds = Bounds::Each(vec![Interval::new(0.0, 1.0), Interval::at_least(0.0)]);
/// let method = Method::LbfgsB(LbfgsB { bounds, ..LbfgsB::default() });
/// let mut x = [0.5, 0.5];
/// let end = minimize(&mut bowl, &mut x, &method, &MinimizeOptions::default(), unobserved)?;
/// assert!(end.reason.converged() && x[0] == 1.0 && (x[1] - 3.0).abs() < 1e-5);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LbfgsB {
    /// The number of steps that are remembered; default 10.
    pub memory: usize,
    /// The bounds; default none. A start outside of them is moved to the nearest point within.
    pub bounds: Bounds,
    /// The search; default [`StrongWolfe`].
    pub line_search: LineSearch,
}

impl Default for LbfgsB {
    fn default() -> Self {
        let line_search = LineSearch::StrongWolfe(StrongWolfe::default());
        LbfgsB { memory: 10, bounds: Bounds::default(), line_search }
    }
}

pub(crate) struct LbfgsBSolver<T> {
    options: LbfgsB,
    feasible: Feasible<T>,
    compact: Compact<T>,
    /// The Cauchy point, then the point to which the line goes.
    target: Vec<T>,
    direction: Vec<T>,
    /// At which step along the gradient each variable comes to its bound.
    breaks: Vec<f64>,
    /// The variables in the order of their breaks.
    order: Vec<usize>,
    free: Vec<usize>,
    /// Vectors as long as the rank of the model: `Wᵀ d`, `Wᵀ (x - x0)`, a row of W, and one for products.
    p: Vec<f64>,
    c: Vec<f64>,
    row: Vec<f64>,
    work: Vec<f64>,
}

impl<T: Float> LbfgsBSolver<T> {
    pub fn new(options: LbfgsB, feasible: Feasible<T>, variables: usize) -> Self {
        let zeros = || vec![T::ZERO; variables];
        let rank = || vec![0.0; 2 * options.memory];
        LbfgsBSolver {
            feasible,
            compact: Compact::new(options.memory, variables),
            target: zeros(),
            direction: zeros(),
            breaks: vec![0.0; variables],
            order: Vec::with_capacity(variables),
            free: Vec::with_capacity(variables),
            p: rank(),
            c: rank(),
            row: rank(),
            work: rank(),
            options,
        }
    }

    /// `a · M b`, with `work` as memory.
    fn middle_product(compact: &Compact<T>, a: &[f64], b: &[f64], work: &mut [f64]) -> f64 {
        let rank = compact.rank();
        work[..rank].copy_from_slice(&b[..rank]);
        compact.apply_middle(work);
        a[..rank].iter().zip(&work[..rank]).map(|(a, b)| a * b).sum()
    }

    /// The first minimum of the model along the projected gradient: into `target`, with `c = Wᵀ (target - x)`.
    fn cauchy_point(&mut self, walk: &Walk<T>) {
        let LbfgsBSolver { feasible, compact, target, breaks, order, p, c, row, work, .. } = self;
        let (rank, scale) = (compact.rank(), compact.scale());
        p[..rank].fill(0.0);
        c[..rank].fill(0.0);
        target.copy_from_slice(&walk.x);
        order.clear();
        let mut square = 0.0;
        for (variable, at) in breaks.iter_mut().enumerate() {
            let (x, gradient) = (walk.x[variable].to_f64(), walk.gradient[variable].to_f64());
            let room = if gradient < 0.0 {
                x - feasible.upper[variable].to_f64()
            } else {
                x - feasible.lower[variable].to_f64()
            };
            *at = if gradient == 0.0 { f64::INFINITY } else { (room / gradient).max(0.0) };
            if *at > 0.0 && gradient != 0.0 {
                square += gradient * gradient;
                compact.row(variable, row);
                p.iter_mut().zip(&*row).take(rank).for_each(|(p, w)| *p -= gradient * w);
                if at.is_finite() {
                    order.push(variable);
                }
            }
        }
        order.sort_unstable_by(|&a, &b| breaks[a].total_cmp(&breaks[b]).then(a.cmp(&b)));
        let mut first = -square;
        let mut second = scale * square - Self::middle_product(compact, p, p, work);
        // A curvature that rounding has eaten.
        let least = f64::EPSILON * scale * square;
        let (mut before, mut wait) = (0.0, -first / second.max(least));
        for &variable in &*order {
            let length = breaks[variable] - before;
            if wait < length {
                break;
            }
            let gradient = walk.gradient[variable].to_f64();
            target[variable] =
                if gradient < 0.0 { feasible.upper[variable] } else { feasible.lower[variable] };
            let moved = target[variable].to_f64() - walk.x[variable].to_f64();
            c.iter_mut().zip(&*p).take(rank).for_each(|(c, p)| *c += length * p);
            compact.row(variable, row);
            first += length * second + gradient * gradient + scale * gradient * moved
                - gradient * Self::middle_product(compact, row, c, work);
            second -= scale * gradient * gradient
                + 2.0 * gradient * Self::middle_product(compact, row, p, work)
                + gradient * gradient * Self::middle_product(compact, row, row, work);
            p.iter_mut().zip(&*row).take(rank).for_each(|(p, w)| *p += gradient * w);
            before = breaks[variable];
            wait = if first < 0.0 { -first / second.max(least) } else { 0.0 };
            // It is at its bound, and stays there.
            breaks[variable] = 0.0;
        }
        if square == 0.0 {
            return;
        }
        c.iter_mut().zip(&*p).take(rank).for_each(|(c, p)| *c += wait * p);
        for (variable, target) in target.iter_mut().enumerate() {
            if breaks[variable] > 0.0 {
                *target = walk.x[variable] - T::from_f64(before + wait) * walk.gradient[variable];
            }
        }
        feasible.project(target);
    }

    /// Minimizes the model over the variables that the Cauchy point leaves between their bounds.
    fn minimize_over_free(&mut self, walk: &Walk<T>) {
        let LbfgsBSolver { feasible, compact, target, direction, free, p, c, row, work, .. } = self;
        let (rank, scale) = (compact.rank(), compact.scale());
        let between = |&variable: &usize| {
            let target = target[variable];
            feasible.lower[variable] < target && target < feasible.upper[variable]
        };
        free.clear();
        free.extend((0..target.len()).filter(between));
        if free.is_empty() || rank == 0 || !compact.reduce(free.iter().copied(), row) {
            return;
        }
        // The gradient of the model at the Cauchy point, into the direction.
        work[..rank].copy_from_slice(&c[..rank]);
        compact.apply_middle(work);
        p[..rank].fill(0.0);
        direction.fill(T::ZERO);
        let along_row =
            |row: &[f64], vector: &[f64]| row.iter().zip(vector).take(rank).map(|(a, b)| a * b).sum::<f64>();
        for &variable in &*free {
            compact.row(variable, row);
            let moved = target[variable].to_f64() - walk.x[variable].to_f64();
            let slope = walk.gradient[variable].to_f64() + scale * moved - along_row(row, work);
            p.iter_mut().zip(&*row).take(rank).for_each(|(p, w)| *p += slope * w);
            direction[variable] = T::from_f64(slope);
        }
        compact.apply_reduced(p);
        for &variable in &*free {
            compact.row(variable, row);
            let slope = direction[variable].to_f64();
            direction[variable] = T::from_f64(-(slope + along_row(row, p) / scale) / scale);
        }
        if direction.iter().any(|d| !d.is_finite()) {
            return;
        }
        let within = |variable: usize, target: T, direction: T| {
            (target + direction).maximum(feasible.lower[variable]).minimum(feasible.upper[variable])
        };
        let slope: f64 = (0..target.len())
            .map(|variable| {
                let end = within(variable, target[variable], direction[variable]);
                walk.gradient[variable].to_f64() * (end - walk.x[variable]).to_f64()
            })
            .sum();
        // The projection may point upwards; then the step ends at the first bound.
        let length =
            if slope < 0.0 { T::ONE } else { T::from_f64(feasible.longest_step(target, direction).min(1.0)) };
        for (variable, target) in target.iter_mut().enumerate() {
            *target = within(variable, *target, length * direction[variable]);
        }
    }
}

impl<T: Float> Solve<T> for LbfgsBSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        loop {
            let unscaled = self.compact.rank() == 0;
            self.cauchy_point(walk);
            self.minimize_over_free(walk);
            difference_into(&mut self.direction, &self.target, &walk.x);
            let slope = dot(&walk.gradient, &self.direction);
            let descends = slope < 0.0 && slope.is_finite();
            if !descends && !unscaled {
                self.compact.clear();
                continue;
            }
            let longest = self.feasible.longest_step(&walk.x, &self.direction).clamp(1.0, FAR);
            let length = global_norm(&self.direction);
            let first = if unscaled { (1.0 / length).min(1.0) } else { 1.0 };
            let (vector, feasible) = (&self.direction[..], Some(&self.feasible));
            let direction = Direction { vector, slope, first, longest, feasible };
            match step_along(&self.options.line_search, walk, evaluator, direction)? {
                Ok(moved) => {
                    self.compact.push(walk);
                    return Ok(moved);
                }
                Err(_) if !unscaled => self.compact.clear(),
                Err(failed) => return Err(stuck(failed)),
            }
        }
    }
}
