//! The loss on a plane through the space of parameters.

use crate::Result;
use crate::objective::LossOverData;
use downhill_engine::EnginePrecision;
use downhill_nn::Layer;
use serde::Serialize;

/// A plane: `origin + x first + y second`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Where x and y are 0.
    pub origin: Vec<f64>,
    /// What x is multiplied by.
    pub first: Vec<f64>,
    /// What y is multiplied by.
    pub second: Vec<f64>,
}

/// The loss at evenly spaced places of a plane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Surface {
    /// The first and the last x.
    pub x: [f64; 2],
    /// The first and the last y.
    pub y: [f64; 2],
    /// How many places there are along x.
    pub columns: usize,
    /// The losses, row by row from the first y on; where one is no number or infinite, so is the loss there.
    pub losses: Vec<f64>,
}

impl Plane {
    /// θ at a place.
    pub fn point(&self, x: f64, y: f64) -> Vec<f64> {
        let both = self.first.iter().zip(&self.second);
        self.origin
            .iter()
            .zip(both)
            .map(|(origin, (first, second))| origin + x * first + y * second)
            .collect()
    }

    /// The loss at `columns` times `rows` places, one evaluation for each.
    ///
    /// # Errors
    /// What [`LossOverData::value`] reports.
    pub fn surface<T: EnginePrecision, L: Layer>(
        &self,
        loss: &mut LossOverData<'_, T, L>,
        x: [f64; 2],
        y: [f64; 2],
        [columns, rows]: [usize; 2],
    ) -> Result<Surface> {
        let mut losses = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let theta = self.point(place(x, column, columns), place(y, row, rows));
                losses.push(loss.value(&rounded(&theta))?);
            }
        }
        Ok(Surface { x, y, columns, losses })
    }
}

impl Surface {
    /// The number of places along y.
    pub fn rows(&self) -> usize {
        self.losses.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Every place with its loss, row by row.
    pub fn places(&self) -> impl Iterator<Item = ([f64; 2], f64)> + '_ {
        self.losses.iter().enumerate().map(|(at, &loss)| {
            let (row, column) = (at / self.columns, at % self.columns);
            ([place(self.x, column, self.columns), place(self.y, row, self.rows())], loss)
        })
    }

    /// The smallest and the largest loss that are finite.
    pub fn ends(&self) -> Option<[f64; 2]> {
        let finite = self.losses.iter().filter(|loss| loss.is_finite());
        finite.fold(None, |ends: Option<[f64; 2]>, &loss| {
            let [low, high] = ends.unwrap_or([loss, loss]);
            Some([low.min(loss), high.max(loss)])
        })
    }
}

/// One of `count` evenly spaced places; the ends are exact.
pub(crate) fn place([from, to]: [f64; 2], index: usize, count: usize) -> f64 {
    let share = index as f64 / count.saturating_sub(1).max(1) as f64;
    from * (1.0 - share) + to * share
}

/// θ in another precision.
pub(crate) fn rounded<T: EnginePrecision>(theta: &[f64]) -> Vec<T> {
    theta.iter().map(|&x| T::from_f64(x)).collect()
}
