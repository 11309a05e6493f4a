//! Descent on a closure that gives a value and its gradient.
//!
//! The loop behind it is the plainest there is: evaluate, look, step. It does not search along lines.

use crate::{Error, Optimize, Result, Schedule, global_norm};
use downhill_tensor::Float;
use std::ops::ControlFlow;

/// When to stop, and how the rate changes.
#[derive(Clone, Debug, PartialEq)]
pub struct DescentOptions {
    /// The most steps to make; default 1000.
    pub steps: u64,
    /// Stop when the gradient's Euclidean norm is at most this; default 0, only at an exact zero.
    pub gradient_tolerance: f64,
    /// The schedule of the learning rate; default constant.
    pub schedule: Schedule,
}

impl Default for DescentOptions {
    fn default() -> Self {
        DescentOptions { steps: 1000, gradient_tolerance: 0.0, schedule: Schedule::Constant }
    }
}

/// What an observer sees at each point, before the step from it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Progress<'a, T> {
    /// The number of steps made so far.
    pub step: u64,
    /// The value at the point.
    pub value: T,
    /// The Euclidean norm of the gradient there.
    pub gradient_norm: f64,
    /// The point.
    pub parameters: &'a [T],
    /// The gradient there.
    pub gradient: &'a [T],
}

/// Why a descent ended, with the numbers that ended it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum StopReason {
    /// The gradient became small enough.
    GradientTolerance {
        /// Its norm.
        gradient_norm: f64,
        /// The tolerance asked for.
        tolerance: f64,
    },
    /// All steps that were allowed are made.
    Budget {
        /// Their number.
        steps: u64,
    },
    /// The value or the gradient became infinite or not a number.
    NotFinite {
        /// The number of steps that led there.
        step: u64,
        /// The value there.
        value: f64,
        /// The norm of the gradient there.
        gradient_norm: f64,
    },
    /// The observer asked for it.
    Observer {
        /// The number of steps made.
        step: u64,
    },
}

/// Where a descent ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Descent<T> {
    /// The value at the point where it ended.
    pub value: T,
    /// The Euclidean norm of the gradient there.
    pub gradient_norm: f64,
    /// The number of steps made to that point.
    pub steps: u64,
    /// How often the function was evaluated.
    pub evaluations: u64,
    /// Why it ended.
    pub reason: StopReason,
}

/// The observer that only watches it happen.
pub fn unobserved<T>(_: &Progress<'_, T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Walks `parameters` downhill on `function`, which returns its value at a point and writes its gradient
/// there into the second slice.
///
/// `observer` is called at every point and can end the walk with [`ControlFlow::Break`]. If the function
/// becomes infinite or NaN, `parameters` go back to the last point where it was not, if there was one; the
/// optimizer's state does not.
///
/// # Errors
/// A schedule or tolerance outside its domain, or an optimizer made for another number of parameters.
///
/// ```
/// use downhill_optim::{DescentOptions, GradientDescent, Optimizer, StopReason, descend, unobserved};
/// let mut x = [4.0_f64];
/// let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.25 }, 1)?;
/// let parabola = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (x[0] - 1.0);
///     (x[0] - 1.0).powi(2)
/// };
/// let options = DescentOptions { gradient_tolerance: 1e-6, ..DescentOptions::default() };
/// let end = descend(&mut optimizer, &mut x, parabola, &options, unobserved)?;
/// assert!((x[0] - 1.0).abs() < 1e-6);
/// assert!(matches!(end.reason, StopReason::GradientTolerance { .. }));
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub fn descend<T: Float>(
    optimizer: &mut dyn Optimize<T>,
    parameters: &mut [T],
    mut function: impl FnMut(&[T], &mut [T]) -> T,
    options: &DescentOptions,
    observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Descent<T>> {
    let function = |x: &[T], gradient: &mut [T]| Ok(function(x, gradient));
    try_descend(optimizer, parameters, function, options, observer)
}

/// [`descend`] on a function that can fail: where it does, the walk ends with its error, and `parameters` are
/// the point at which it failed.
///
/// # Errors
/// Those of the function, and those of [`descend`].
///
/// ```
/// use downhill_optim::{DescentOptions, GradientDescent, Optimizer, try_descend, unobserved};
/// let mut x = [4.0_f64];
/// let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 1.0 }, 1)?;
/// let root = |x: &[f64], gradient: &mut [f64]| -> Result<f64, Box<dyn std::error::Error>> {
///     if x[0] <= 0.0 {
///         return Err(format!("there is no slope at {}", x[0]).into());
///     }
///     gradient[0] = 0.5 / x[0].sqrt();
///     Ok(x[0].sqrt())
/// };
/// let end = try_descend(&mut optimizer, &mut x, root, &DescentOptions::default(), unobserved);
/// assert!(end.is_err() && x[0] <= 0.0);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub fn try_descend<T: Float, E: From<Error>>(
    optimizer: &mut dyn Optimize<T>,
    parameters: &mut [T],
    mut function: impl FnMut(&[T], &mut [T]) -> Result<T, E>,
    options: &DescentOptions,
    mut observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Descent<T>, E> {
    options.schedule.validate()?;
    let tolerance = options.gradient_tolerance;
    Error::check(tolerance >= 0.0, "descend", "gradient_tolerance", "at least 0", tolerance)?;
    let mut gradient = vec![T::ZERO; parameters.len()];
    let mut last_good = parameters.to_vec();
    let mut last = (T::NAN, f64::NAN);
    let mut step = 0;
    loop {
        let value = function(parameters, &mut gradient)?;
        let gradient_norm = global_norm(&gradient);
        let evaluations = step + 1;
        if !value.is_finite() || !gradient_norm.is_finite() {
            let reason = StopReason::NotFinite { step, value: value.to_f64(), gradient_norm };
            if step == 0 {
                return Ok(Descent { value, gradient_norm, steps: 0, evaluations, reason });
            }
            parameters.copy_from_slice(&last_good);
            let (value, gradient_norm) = last;
            return Ok(Descent { value, gradient_norm, steps: step - 1, evaluations, reason });
        }
        let progress = Progress { step, value, gradient_norm, parameters, gradient: &gradient };
        let reason = if observer(&progress).is_break() {
            Some(StopReason::Observer { step })
        } else if gradient_norm <= tolerance {
            Some(StopReason::GradientTolerance { gradient_norm, tolerance })
        } else if step == options.steps {
            Some(StopReason::Budget { steps: step })
        } else {
            None
        };
        if let Some(reason) = reason {
            return Ok(Descent { value, gradient_norm, steps: step, evaluations, reason });
        }
        last_good.copy_from_slice(parameters);
        last = (value, gradient_norm);
        optimizer.step_scaled(parameters, &gradient, options.schedule.factor(step))?;
        step += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GradientDescent, Optimizer, StepDecay};

    fn parabola(x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    }

    fn descent(learning_rate: f64, options: &DescentOptions) -> (f64, Descent<f64>) {
        let mut x = [1.0];
        let mut optimizer = Optimizer::new(GradientDescent { learning_rate }, 1).unwrap();
        let end = descend(&mut optimizer, &mut x, parabola, options, unobserved).unwrap();
        (x[0], end)
    }

    #[test]
    fn a_rate_above_two_over_the_curvature_ends_at_the_last_finite_point() {
        let (x, end) = descent(1.5, &DescentOptions { steps: 100_000, ..Default::default() });
        let StopReason::NotFinite { step, value, .. } = end.reason else { panic!("{end:?}") };
        assert!(value.is_infinite());
        assert_eq!((end.steps, end.evaluations), (step - 1, step + 1));
        assert!(x.is_finite() && (x * x - end.value).abs() == 0.0);
    }

    #[test]
    fn the_budget_counts_steps_and_the_value_belongs_to_the_point() {
        let (x, end) = descent(0.25, &DescentOptions { steps: 3, ..Default::default() });
        assert_eq!(x, 0.125);
        assert_eq!((end.value, end.gradient_norm, end.steps, end.evaluations), (x * x, 2.0 * x, 3, 4));
        assert_eq!(end.reason, StopReason::Budget { steps: 3 });
    }

    #[test]
    fn the_schedule_scales_the_steps() {
        let schedule = Schedule::Step(StepDecay { period: 1, gamma: 0.5 });
        let (x, _) = descent(0.5, &DescentOptions { steps: 2, schedule, ..Default::default() });
        assert_eq!(x, 0.0);
        let schedule = Schedule::Step(StepDecay { period: 1, gamma: 0.5 });
        let (x, _) = descent(0.25, &DescentOptions { steps: 2, schedule, ..Default::default() });
        assert_eq!(x, 0.5 * 0.75);
    }

    #[test]
    fn an_observer_ends_the_descent_where_it_is() {
        let mut x = [1.0];
        let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.25 }, 1).unwrap();
        let stop = |progress: &Progress<'_, f64>| match progress.step {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let end = descend(&mut optimizer, &mut x, parabola, &DescentOptions::default(), stop).unwrap();
        assert_eq!((end.reason, x[0]), (StopReason::Observer { step: 2 }, 0.25));
    }

    #[test]
    fn the_functions_own_error_ends_the_descent_at_the_point_where_it_failed() {
        #[derive(Debug, PartialEq)]
        enum Failure {
            Function(f64),
            Descent(Error),
        }
        impl From<Error> for Failure {
            fn from(error: Error) -> Self {
                Failure::Descent(error)
            }
        }
        let fails_below_half = |x: &[f64], gradient: &mut [f64]| match x[0] {
            low if low < 0.5 => Err(Failure::Function(low)),
            _ => Ok(parabola(x, gradient)),
        };
        let walk = |x: &mut [f64], options: &DescentOptions| {
            let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.125 }, 1).unwrap();
            try_descend(&mut optimizer, x, fails_below_half, options, unobserved)
        };
        let mut x = [1.0];
        assert_eq!(walk(&mut x, &DescentOptions::default()), Err(Failure::Function(x[0])));
        assert_eq!(x[0], 0.75 * 0.75 * 0.75);
        let unfit = DescentOptions { gradient_tolerance: -1.0, ..Default::default() };
        assert!(matches!(walk(&mut x, &unfit), Err(Failure::Descent(Error::InvalidValue { .. }))));
    }

    #[test]
    fn a_start_that_is_not_finite_is_reported_without_a_step() {
        let mut x = [f64::NAN];
        let mut optimizer = Optimizer::new(GradientDescent::default(), 1).unwrap();
        let end = descend(&mut optimizer, &mut x, parabola, &DescentOptions::default(), unobserved).unwrap();
        assert!(matches!(end.reason, StopReason::NotFinite { step: 0, .. }));
        assert_eq!((end.steps, end.evaluations), (0, 1));
    }
}
