//! Penalties that have no derivative somewhere, by their values and their proximal operators.

use crate::{Error, Result, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A convex penalty `h` that is added to a smooth function, by its value and its proximal operator
///
/// ```text
/// prox_(t h)(v) = argmin over x of  h(x) + |x - v|² / (2t)
/// ```
///
/// which is known by formula for each:
///
/// | penalty | h(x) | prox of step t, element by element |
/// |---|---|---|
/// | `None` | 0 | v |
/// | `L1` | λ Σ \|x_i\| | sign(v) max(\|v\| - tλ, 0) |
/// | `ElasticNet` | λ₁ Σ \|x_i\| + λ₂/2 Σ x_i² | sign(v) max(\|v\| - tλ₁, 0) / (1 + tλ₂) |
/// | `GroupLasso` | λ Σ over groups √\|g\| ‖x_g‖₂ | v_g max(1 - tλ√\|g\| / ‖v_g‖₂, 0) |
/// | `Box` | 0 inside, infinite outside | v, moved to the nearer end |
/// | `Nonnegative` | 0 if no x_i < 0, infinite otherwise | max(v, 0) |
/// | `Parts` | the sum over parts of the vector | that of each part |
///
/// ```
/// use downhill_optim::proximal::Penalty;
/// // The last of three numbers is an intercept, which is not penalized.
/// let penalty = Penalty::Parts(vec![(0..2, Penalty::L1 { strength: 1.0 })]);
/// let mut x = [3.0, -0.25, 5.0];
/// assert_eq!(penalty.value(&x), 3.25);
/// penalty.prox(0.5, &mut x);
/// assert_eq!(x, [2.5, 0.0, 5.0]);
/// ```
///
/// # Source
/// N. Parikh, S. Boyd, *Proximal Algorithms*, Foundations and Trends in Optimization 1 (2014), sections 1 and 6;
/// M. Yuan, Y. Lin, *Model selection and estimation in regression with grouped variables*, JRSS B 68 (2006) for the
/// weights of groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Penalty {
    /// No penalty.
    #[default]
    None,
    /// The sum of absolute values, which makes numbers exactly 0.
    L1 {
        /// λ, at least 0.
        strength: f64,
    },
    /// Absolute values and squares.
    ElasticNet {
        /// λ₁, at least 0.
        l1: f64,
        /// λ₂, at least 0.
        l2: f64,
    },
    /// The lengths of groups of numbers, which makes whole groups 0.
    GroupLasso {
        /// λ, at least 0.
        strength: f64,
        /// Where each group lies in the vector. Groups do not overlap; what is in none is not penalized.
        groups: Vec<Range<usize>>,
    },
    /// The same bounds for every number.
    Box {
        /// The smallest number allowed; may be infinite.
        lower: f64,
        /// The largest number allowed; may be infinite.
        upper: f64,
    },
    /// Nothing below 0.
    Nonnegative,
    /// Penalties of parts of the vector. Parts do not overlap; what is in none is not penalized.
    Parts(Vec<(Range<usize>, Penalty)>),
}

impl Penalty {
    /// Refuses strengths that are negative or not finite, bounds that leave nothing, and groups or parts that lie
    /// outside a vector of length `len` or overlap.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], [`Error::Parts`].
    pub fn validate(&self, len: usize) -> Result<()> {
        match self {
            Penalty::None | Penalty::Nonnegative => Ok(()),
            Penalty::L1 { strength } => Error::check_at_least_zero("L1", "strength", *strength),
            Penalty::ElasticNet { l1, l2 } => {
                Error::check_at_least_zero("ElasticNet", "l1", *l1)?;
                Error::check_at_least_zero("ElasticNet", "l2", *l2)
            }
            Penalty::GroupLasso { strength, groups } => {
                Error::check_at_least_zero("GroupLasso", "strength", *strength)?;
                disjoint(groups.iter(), len)
            }
            Penalty::Box { lower, upper } => {
                let fits = lower <= upper && *lower < f64::INFINITY && *upper > f64::NEG_INFINITY;
                Error::check(fits, "Box", "upper", "a number that is not below `lower`", *upper)
            }
            Penalty::Parts(parts) => {
                disjoint(parts.iter().map(|(range, _)| range), len)?;
                parts.iter().try_for_each(|(range, penalty)| penalty.validate(range.len()))
            }
        }
    }

    /// `h(x)`; infinite outside bounds. The penalty must be valid for the length of `x`.
    pub fn value<T: Float>(&self, x: &[T]) -> f64 {
        let absolute = || x.iter().map(|x| x.to_f64().abs()).sum::<f64>();
        let square = || x.iter().map(|x| x.to_f64().powi(2)).sum::<f64>();
        let unless = |outside: bool| if outside { f64::INFINITY } else { 0.0 };
        match self {
            Penalty::None => 0.0,
            Penalty::L1 { strength } => strength * absolute(),
            Penalty::ElasticNet { l1, l2 } => l1 * absolute() + 0.5 * l2 * square(),
            Penalty::GroupLasso { strength, groups } => {
                groups.iter().map(|group| weight(*strength, group) * global_norm(&x[group.clone()])).sum()
            }
            Penalty::Box { lower, upper } => {
                unless(!x.iter().all(|x| (T::from_f64(*lower)..=T::from_f64(*upper)).contains(x)))
            }
            Penalty::Nonnegative => unless(!x.iter().all(|x| *x >= T::ZERO)),
            Penalty::Parts(parts) => {
                parts.iter().map(|(range, penalty)| penalty.value(&x[range.clone()])).sum()
            }
        }
    }

    /// Replaces `x` by `prox_(step h)(x)`. The penalty must be valid for the length of `x`, and `step` at least 0.
    pub fn prox<T: Float>(&self, step: f64, x: &mut [T]) {
        match self {
            Penalty::None => {}
            Penalty::L1 { strength } => {
                let threshold = T::from_f64(step * strength);
                x.iter_mut().for_each(|x| *x = shrink(*x, threshold));
            }
            Penalty::ElasticNet { l1, l2 } => {
                let (threshold, scale) = (T::from_f64(step * l1), T::from_f64(1.0 / (1.0 + step * l2)));
                x.iter_mut().for_each(|x| *x = shrink(*x, threshold) * scale);
            }
            Penalty::GroupLasso { strength, groups } => {
                for group in groups {
                    let members = &mut x[group.clone()];
                    let length = global_norm(members);
                    let threshold = step * weight(*strength, group);
                    // At a length of 0 everything is 0 already.
                    let scale =
                        if length > threshold { T::from_f64(1.0 - threshold / length) } else { T::ZERO };
                    members.iter_mut().for_each(|x| *x *= scale);
                }
            }
            Penalty::Box { lower, upper } => {
                let (lower, upper) = (T::from_f64(*lower), T::from_f64(*upper));
                x.iter_mut().for_each(|x| *x = x.maximum(lower).minimum(upper));
            }
            Penalty::Nonnegative => x.iter_mut().for_each(|x| *x = x.maximum(T::ZERO)),
            Penalty::Parts(parts) => {
                parts.iter().for_each(|(range, penalty)| penalty.prox(step, &mut x[range.clone()]));
            }
        }
    }
}

/// Soft thresholding: towards 0 by this much, and not beyond.
pub(crate) fn shrink<T: Float>(x: T, threshold: T) -> T {
    if x > threshold {
        x - threshold
    } else if x < -threshold {
        x + threshold
    } else if x.is_nan() {
        x
    } else {
        T::ZERO
    }
}

/// What the length of a group counts: larger groups are longer by chance.
fn weight(strength: f64, group: &Range<usize>) -> f64 {
    strength * (group.len() as f64).sqrt()
}

fn disjoint<'a>(ranges: impl Iterator<Item = &'a Range<usize>>, len: usize) -> Result<()> {
    let mut sorted: Vec<_> = ranges.collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let refuse = |range: &Range<usize>, reason| Err(Error::Parts { range: range.clone(), len, reason });
    for range in &sorted {
        if range.start > range.end || range.end > len {
            return refuse(range, "it does not lie in the vector");
        }
    }
    match sorted.windows(2).find(|pair| pair[1].start < pair[0].end) {
        Some(pair) => refuse(pair[1], "it overlaps the one before"),
        None => Ok(()),
    }
}
