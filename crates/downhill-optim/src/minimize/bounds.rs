//! Bounds on variables.

use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// The range of a variable; an end that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interval {
    /// The smallest number allowed.
    pub lower: Option<f64>,
    /// The largest number allowed.
    pub upper: Option<f64>,
}

impl Interval {
    /// Every number.
    pub const EVERYTHING: Interval = Interval { lower: None, upper: None };

    /// From `lower` to `upper`.
    pub fn new(lower: f64, upper: f64) -> Self {
        Interval { lower: Some(lower), upper: Some(upper) }
    }

    /// `lower` and more.
    pub fn at_least(lower: f64) -> Self {
        Interval { lower: Some(lower), upper: None }
    }
}

/// The longest step of a search without bounds, as a multiple of the direction.
pub(crate) const FAR: f64 = 1e10;

/// Bounds on all variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bounds {
    /// The same interval for every variable.
    All(Interval),
    /// An interval for each variable, in their order.
    Each(Vec<Interval>),
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::All(Interval::EVERYTHING)
    }
}

impl Bounds {
    pub(crate) fn resolve<T: Float>(&self, len: usize) -> Result<Feasible<T>> {
        let interval = |index: usize| match self {
            Bounds::All(interval) => *interval,
            Bounds::Each(intervals) => intervals[index],
        };
        if let Bounds::Each(intervals) = self
            && intervals.len() != len
        {
            return Err(Error::LengthMismatch { what: "bounds", expected: len, actual: intervals.len() });
        }
        let mut feasible = Feasible { lower: Vec::with_capacity(len), upper: Vec::with_capacity(len) };
        for index in 0..len {
            let interval = interval(index);
            let lower = interval.lower.unwrap_or(f64::NEG_INFINITY);
            let upper = interval.upper.unwrap_or(f64::INFINITY);
            let fits = lower < f64::INFINITY && upper >= lower;
            Error::check(fits, "bounds", "upper", "a number that is not below `lower`", upper)?;
            feasible.lower.push(T::from_f64(lower));
            feasible.upper.push(T::from_f64(upper));
        }
        Ok(feasible)
    }
}

/// The box of all points within the bounds.
#[derive(Clone, Debug)]
pub(crate) struct Feasible<T> {
    pub lower: Vec<T>,
    pub upper: Vec<T>,
}

impl<T: Float> Feasible<T> {
    /// Moves each variable to the nearest number within its bounds.
    pub fn project(&self, x: &mut [T]) {
        for ((x, &lower), &upper) in x.iter_mut().zip(&self.lower).zip(&self.upper) {
            *x = x.maximum(lower).minimum(upper);
        }
    }

    /// The projected gradient, `x - P(x - g)`: 0 where a bound stops the descent. By distances, so that a small
    /// gradient is not lost in a large x.
    pub fn projected(&self, index: usize, x: T, gradient: T) -> T {
        match gradient < T::ZERO {
            true => gradient.maximum(x - self.upper[index]),
            false => gradient.minimum(x - self.lower[index]),
        }
    }

    /// The longest step along a direction that stays within the bounds.
    pub fn longest_step(&self, x: &[T], direction: &[T]) -> f64 {
        let mut longest = f64::INFINITY;
        for (index, &direction) in direction.iter().enumerate() {
            let room = if direction > T::ZERO {
                self.upper[index].to_f64() - x[index].to_f64()
            } else if direction < T::ZERO {
                self.lower[index].to_f64() - x[index].to_f64()
            } else {
                continue;
            };
            longest = longest.min((room / direction.to_f64()).max(0.0));
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_a_value_and_are_refused_where_they_do_not_fit() {
        let each =
            Bounds::Each(vec![Interval::at_least(0.0), Interval::new(-1.0, 2.0), Interval::EVERYTHING]);
        let text = serde_json::to_string(&each).unwrap();
        assert_eq!(serde_json::from_str::<Bounds>(&text).unwrap(), each);
        let all = r#"{"lower": 0}"#;
        assert_eq!(serde_json::from_str::<Bounds>(all).unwrap(), Bounds::All(Interval::at_least(0.0)));
        assert!(matches!(
            each.resolve::<f64>(2),
            Err(Error::LengthMismatch { what: "bounds", expected: 2, actual: 3 })
        ));
        for empty in [Interval::new(1.0, 0.0), Interval::new(f64::NAN, 1.0), Interval::new(0.0, f64::NAN)] {
            assert!(Bounds::All(empty).resolve::<f32>(1).is_err(), "{empty:?}");
        }
    }

    #[test]
    fn the_projected_gradient_is_zero_where_a_bound_stops_the_descent() {
        let feasible = Bounds::All(Interval::new(0.0, 1.0)).resolve::<f64>(4).unwrap();
        let cases = [(0.0, 3.0, 0.0), (1.0, -2.0, 0.0), (0.25, 0.5, 0.25), (0.0, -0.5, -0.5)];
        for (index, (x, gradient, projected)) in cases.into_iter().enumerate() {
            assert_eq!(feasible.projected(index, x, gradient), projected);
        }
        assert_eq!(feasible.longest_step(&[0.0, 1.0, 0.25, 0.5], &[0.0, -2.0, -1.0, 0.5]), 0.25);
    }
}
