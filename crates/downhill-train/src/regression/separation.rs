//! Likelihoods that have no maximum.
//!
//! Along a direction in which no example's likelihood falls and that of one rises, the likelihood rises without end
//! (Albert and Anderson, "On the existence of maximum likelihood estimates in logistic regression models", 1984). Where
//! all examples are on the side of their class, the coefficients themselves are such a direction; else Newton's steps
//! come to point along one.

use super::RegressionError;
use super::loss::Loss;
use super::problem::{Evaluated, Problem};
use crate::Result;

/// Up to this part of the largest change, a change counts as none.
const NEARLY: f64 = 1e-7;

/// Refuses where every example is on the side of its class and nothing holds the coefficients.
pub(crate) fn check(problem: &Problem<'_>, here: &Evaluated, iterations: u64) -> Result<()> {
    if is_at_risk(problem) && here.margin > 0.0 && here.margin.is_finite() {
        return Err(RegressionError::Separation { complete: true, iterations }.into());
    }
    Ok(())
}

/// Refuses where no example's likelihood falls along this direction.
pub(crate) fn check_direction(problem: &Problem<'_>, direction: &[f64], iterations: u64) -> Result<()> {
    if !is_at_risk(problem) && (problem.loss != Loss::Poisson || problem.penalized) {
        return Ok(());
    }
    let examples = problem.examples;
    // The smallest and the largest change in favour of an example.
    let extent = problem.along(
        direction,
        || (f64::INFINITY, f64::NEG_INFINITY),
        |(low, high), row, change| {
            if examples.weight(row) == 0.0 {
                return;
            }
            let y = examples.targets[row];
            let (least, most) = in_favour(problem.loss, y, change);
            *low = least.min(*low);
            *high = most.max(*high);
        },
    );
    let (low, high) = extent
        .into_iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (low, high)| (l.min(low), h.max(high)));
    if high > 0.0 && low >= -NEARLY * high {
        return Err(match problem.loss {
            Loss::Poisson => {
                let reason = "a combination of the columns is 0 wherever the count is not, and never above 0";
                RegressionError::NoMaximum { reason }
            }
            _ => RegressionError::Separation { complete: low > NEARLY * high, iterations },
        }
        .into());
    }
    Ok(())
}

fn is_at_risk(problem: &Problem<'_>) -> bool {
    !problem.penalized && matches!(problem.loss, Loss::Logistic | Loss::Softmax { .. })
}

/// The smallest and the largest of the changes that decide an example's likelihood.
fn in_favour(loss: Loss, y: f64, change: &[f64]) -> (f64, f64) {
    match loss {
        Loss::Logistic => {
            let own = if y > 0.5 { change[0] } else { -change[0] };
            (own, own)
        }
        Loss::Poisson if y == 0.0 => (-change[0], -change[0]),
        // A count above 0 must not change at all.
        Loss::Poisson => (-change[0].abs(), 0.0),
        _ => {
            let right = y as usize;
            let others =
                change.iter().enumerate().filter(|&(k, _)| k != right).map(|(_, c)| change[right] - c);
            others.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), c| (l.min(c), h.max(c)))
        }
    }
}
