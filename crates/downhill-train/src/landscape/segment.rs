//! The loss along a line between two points of the space of parameters.

use super::plane::{place, rounded};
use crate::Result;
use crate::objective::LossOverData;
use downhill_engine::EnginePrecision;
use downhill_nn::Layer;
use serde::Serialize;

/// The loss along the line `(1 - α) from + α to`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// α: 0 at the one end, 1 at the other.
    pub shares: Vec<f64>,
    /// The loss at each.
    pub losses: Vec<f64>,
}

impl Segment {
    /// The loss at `count` evenly spaced places from α = `ends[0]` to `ends[1]`.
    ///
    /// # Errors
    /// What [`LossOverData::value`] reports.
    ///
    /// # Source
    /// I. Goodfellow, O. Vinyals, A. Saxe, *Qualitatively characterizing neural network optimization problems* (2015).
    pub fn measure<T: EnginePrecision, L: Layer>(
        loss: &mut LossOverData<'_, T, L>,
        from: &[f64],
        to: &[f64],
        ends: [f64; 2],
        count: usize,
    ) -> Result<Segment> {
        let shares: Vec<f64> = (0..count).map(|index| place(ends, index, count)).collect();
        let at = |share: f64| -> Vec<f64> {
            from.iter().zip(to).map(|(from, to)| from * (1.0 - share) + to * share).collect()
        };
        let losses = shares.iter().map(|&share| loss.value(&rounded(&at(share)))).collect::<Result<_>>()?;
        Ok(Segment { shares, losses })
    }

    /// How high the loss rises between the two ends above the straight line from the loss at the one to that at the
    /// other, `max over α in [0, 1]` of the places looked at; 0 where it never does, and where an end was not looked at.
    pub fn barrier(&self) -> f64 {
        let at =
            |end: f64| self.shares.iter().position(|&share| share == end).map(|index| self.losses[index]);
        let (Some(start), Some(end)) = (at(0.0), at(1.0)) else { return 0.0 };
        let between = self.shares.iter().zip(&self.losses).filter(|(share, _)| (0.0..=1.0).contains(*share));
        between.map(|(share, loss)| loss - (start * (1.0 - share) + end * share)).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_is_what_stands_above_the_straight_line() {
        let shares = vec![-0.5, 0.0, 0.5, 1.0, 1.5];
        let barrier = |losses: [f64; 5]| Segment { shares: shares.clone(), losses: losses.into() }.barrier();
        assert_eq!(barrier([9.0, 2.0, 2.5, 1.0, 9.0]), 1.0);
        assert_eq!(barrier([9.0, 2.0, 1.0, 1.0, 9.0]), 0.0);
    }
}
