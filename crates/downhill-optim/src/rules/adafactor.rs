//! Adafactor.

use crate::{Error, Piece, Result, Rule, Scope, Slot, Step, global_norm};
use downhill_tensor::{Float, ParameterEntry};
use serde::{Deserialize, Serialize};

/// Adafactor: the mean squares of a matrix' derivatives are kept as one average for each row and one for each
/// column, so that the state of a matrix `[R, C]` is R + C numbers. Vectors have one average an element.
/// Steps are bounded, and in proportion to the parameter.
///
/// ```text
/// a = max(ε2, rms(p)) min(η, 1 / sqrt(t)),   β = 1 - t^τ
/// p <- (1 - η λ) p
/// r <- β r + (1 - β) mean of g² over columns        (each row)
/// c <- β c + (1 - β) mean of g² over rows           (each column)
/// v = r c / max(mean of r, ε1)                      (matrices)
/// v <- β v + (1 - β) g²                             (vectors)
/// u = g / sqrt(max(v, ε1²))
/// p <- p - a u / max(1, rms(u) / d)
/// ```
///
/// rms is the root mean square over the parameter. One of more than two dimensions is a batch of matrices, of
/// the last two. The paper has no η, but 0.01 for it, and ε1 inside the squares.
///
/// # Source
/// N. Shazeer, M. Stern, *Adafactor: adaptive learning rates with sublinear memory cost* (2018), algorithms 4
/// and 5; PyTorch's `Adafactor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adafactor {
    /// η, the most that a parameter moves in a step, against itself; default 0.01.
    pub learning_rate: f64,
    /// τ, how fast the memory grows; at most 0, default -0.8.
    pub beta2_decay: f64,
    /// ε1, which keeps the divisions finite; default `None`, the distance from 1 to the type's next number.
    pub epsilon1: Option<f64>,
    /// ε2, the length of a step for parameters near 0; default 0.001.
    pub epsilon2: f64,
    /// d, the root mean square above which a step is shortened; at least 1, default 1.
    pub threshold: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adafactor {
    fn default() -> Self {
        Adafactor {
            learning_rate: 1e-2,
            beta2_decay: -0.8,
            epsilon1: None,
            epsilon2: 1e-3,
            threshold: 1.0,
            weight_decay: 0.0,
            maximize: false,
        }
    }
}

impl Rule for Adafactor {
    fn name(&self) -> &str {
        "adafactor"
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn weight_decay(&self) -> Option<f64> {
        Some(self.weight_decay)
    }

    fn maximizes(&self) -> bool {
        self.maximize
    }

    fn validate(&self) -> Result<()> {
        let decay = self.beta2_decay;
        Error::check(decay.is_finite() && decay <= 0.0, self.name(), "beta2_decay", "at most 0", decay)?;
        Error::check_at_least_zero(self.name(), "epsilon1", self.epsilon1.unwrap_or_default())?;
        Error::check_at_least_zero(self.name(), "epsilon2", self.epsilon2)?;
        Error::check(self.threshold >= 1.0, self.name(), "threshold", "at least 1", self.threshold)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("row_average"), Slot::zeros("column_average"), Slot::zeros("second_moment")]
    }

    fn scope(&self) -> Scope {
        Scope::Parameter
    }

    fn slot_len(&self, slot: usize, parameter: &ParameterEntry) -> usize {
        let size = parameter.shape.size();
        match (slot, &*parameter.shape) {
            (0, [.., _, columns]) => size / columns,
            (1, [.., rows, _]) => size / rows,
            (2, [] | [_]) => size,
            _ => 0,
        }
    }

    fn update<T: Float>(&self, step: &Step, mut piece: Piece<'_, T>) {
        let number = step.number as f64;
        let epsilon = self.epsilon1.unwrap_or(T::EPSILON.to_f64());
        let count = piece.parameters.len().max(1) as f64;
        let size = global_norm(piece.parameters) / count.sqrt();
        let reach = step.learning_rate.min(1.0 / number.sqrt()) * self.epsilon2.max(size);
        let shrink = 1.0 - step.learning_rate * step.weight_decay;

        let shape = piece.shape();
        average_squares(&shape, &mut piece, number.powf(self.beta2_decay));
        let sign = piece.sign().to_f64();
        let Piece { parameters, gradient, state: [row, column, second_moment, ..], .. } = piece;
        let averages = [&*row, &*column, &*second_moment];
        let mut squares = 0.0;
        each_direction(&shape, gradient, averages, epsilon, |_, u| squares += u * u);
        let rate = sign * reach / ((squares / count).sqrt() / self.threshold).max(1.0);
        each_direction(&shape, gradient, averages, epsilon, |index, u| {
            parameters[index] = T::from_f64(parameters[index].to_f64() * shrink - rate * u);
        });
    }
}

/// How many columns are summed side by side.
const COLUMNS: usize = 16;

/// Moves the averages by a share of the way to the means of the squares.
fn average_squares<T: Float>(shape: &[usize], piece: &mut Piece<'_, T>, share: f64) {
    let toward = |old: &mut T, new: f64| *old = T::from_f64(old.to_f64() + share * (new - old.to_f64()));
    let square = |g: &T| g.to_f64() * g.to_f64();
    let [row_average, column_average, second_moment, ..] = &mut piece.state;
    let &[.., rows, columns] = shape else {
        second_moment.iter_mut().zip(piece.gradient).for_each(|(v, g)| toward(v, square(g)));
        return;
    };
    let averages = row_average.chunks_exact_mut(rows).zip(column_average.chunks_exact_mut(columns));
    for (matrix, (row, column)) in piece.gradient.chunks_exact(rows * columns).zip(averages) {
        for (average, gradient) in row.iter_mut().zip(matrix.chunks_exact(columns)) {
            toward(average, gradient.iter().map(square).sum::<f64>() / columns as f64);
        }
        for (block, averages) in column.chunks_mut(COLUMNS).enumerate() {
            let mut sums = [0.0; COLUMNS];
            for gradient in matrix.chunks_exact(columns) {
                let gradient = &gradient[block * COLUMNS..][..averages.len()];
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += square(g));
            }
            averages.iter_mut().zip(sums).for_each(|(average, sum)| toward(average, sum / rows as f64));
        }
    }
}

/// Visits each element's u, in order.
fn each_direction<T: Float>(
    shape: &[usize],
    gradient: &[T],
    [row_average, column_average, second_moment]: [&[T]; 3],
    epsilon: f64,
    mut visit: impl FnMut(usize, f64),
) {
    let direction = |g: T, square: f64| g.to_f64() / square.max(epsilon * epsilon).sqrt();
    let &[.., rows, columns] = shape else {
        let pairs = gradient.iter().zip(second_moment).enumerate();
        pairs.for_each(|(index, (&g, v))| visit(index, direction(g, v.to_f64())));
        return;
    };
    let mut elements = gradient.iter().enumerate();
    for (row, column) in row_average.chunks_exact(rows).zip(column_average.chunks_exact(columns)) {
        let mean = row.iter().map(|r| r.to_f64()).sum::<f64>() / rows as f64;
        for r in row {
            for (c, (index, &g)) in column.iter().zip(elements.by_ref()) {
                visit(index, direction(g, r.to_f64() * c.to_f64() / mean.max(epsilon)));
            }
        }
    }
}
