//! Muon.

use crate::groups::matches_pattern;
use crate::{AdamW, Error, Piece, Result, Rule, Scope, Slot, Step, global_norm};
use downhill_tensor::kernels::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};
use downhill_tensor::{Float, ParameterEntry};
use serde::{Deserialize, Serialize};

/// Muon: momentum whose matrices are made orthogonal, so that a step moves in all directions of a matrix
/// alike. All other parameters go by [`AdamW`](crate::AdamW).
///
/// For a matrix `[R, C]`:
///
/// ```text
/// b <- b + (1 - μ) (g - b)
/// u = b                                             (plain)
/// u = g + μ (b - g)                                 (nesterov)
/// X <- u / max(|u|, ε),  then `iterations` times  X <- a X + (b A + c A²) X,  A = X Xᵀ     (of its shorter side)
/// p <- (1 - η λ) p - η s X
/// ```
///
/// (a, b, c) are `coefficients`, and s is chosen by `scale`. A parameter of more than two dimensions is the
/// matrix of its first one and the rest. Not taken as matrices: parameters of less than two dimensions, those
/// that are only gathered from (embeddings), and those whose names match one of `elementwise`; these have
/// AdamW's formula at `elementwise_rate` times η, with `beta1`, `beta2` and `elementwise_epsilon`. Allocates
/// working space for each matrix.
///
/// PyTorch computes X with 8 bits of precision and refuses all but matrices; here X has the type of the
/// parameters.
///
/// # Source
/// K. Jordan et al., *Muon: an optimizer for hidden layers in neural networks* (2024); J. Liu et al., *Muon
/// is scalable for LLM training* (2025); PyTorch's `Muon`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Muon {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// λ; default 0.1.
    pub weight_decay: f64,
    /// μ, the part of b that is kept; at least 0 and below 1, default 0.95.
    pub momentum: f64,
    /// Whether to look ahead along b; default `true`.
    pub nesterov: bool,
    /// a, b and c; default 3.4445, -4.775 and 2.0315.
    pub coefficients: [f64; 3],
    /// How often X is improved; default 5.
    pub iterations: u32,
    /// ε, the least that |u| is taken for; default 1e-7.
    pub epsilon: f64,
    /// How s depends on the shape; default [`MuonScale::Original`].
    pub scale: MuonScale,
    /// Patterns of names, as those of [`ParameterGroup`](crate::ParameterGroup), that go by AdamW although
    /// they are matrices; default none.
    pub elementwise: Vec<String>,
    /// The rate of AdamW, in parts of η; default 1.
    pub elementwise_rate: f64,
    /// β1 of AdamW; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2 of AdamW; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε of AdamW; default 1e-8.
    pub elementwise_epsilon: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Muon {
    fn default() -> Self {
        Muon {
            learning_rate: 1e-3,
            weight_decay: 0.1,
            momentum: 0.95,
            nesterov: true,
            coefficients: [3.4445, -4.775, 2.0315],
            iterations: 5,
            epsilon: 1e-7,
            scale: MuonScale::Original,
            elementwise: Vec::new(),
            elementwise_rate: 1.0,
            beta1: 0.9,
            beta2: 0.999,
            elementwise_epsilon: 1e-8,
            maximize: false,
        }
    }
}

impl Rule for Muon {
    fn name(&self) -> &str {
        "muon"
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
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_fraction(self.name(), "momentum", self.momentum)?;
        for coefficient in self.coefficients {
            Error::check(coefficient.is_finite(), self.name(), "coefficients", "finite", coefficient)?;
        }
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "elementwise_rate", self.elementwise_rate)?;
        Error::check_fraction(self.name(), "beta1", self.beta1)?;
        Error::check_fraction(self.name(), "beta2", self.beta2)?;
        Error::check_at_least_zero(self.name(), "elementwise_epsilon", self.elementwise_epsilon)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("momentum_buffer"), Slot::zeros("second_moment")]
    }

    fn scope(&self) -> Scope {
        Scope::Parameter
    }

    fn slot_len(&self, slot: usize, parameter: &ParameterEntry) -> usize {
        if slot == 1 && self.takes(parameter) { 0 } else { parameter.shape.size() }
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        if !piece.parameter.is_some_and(|parameter| self.takes(parameter)) {
            let learning_rate = step.learning_rate * self.elementwise_rate;
            return self.adamw().update(&Step { learning_rate, ..*step }, piece);
        }
        let rows = piece.shape()[0];
        let columns = piece.parameters.len() / rows;
        let [rest, momentum, sign] =
            [1.0 - self.momentum, self.momentum, piece.sign().to_f64()].map(T::from_f64);
        let nesterov = self.nesterov;
        let direction = |(b, &g): (&mut T, &T)| {
            let g = sign * g;
            *b += rest * (g - *b);
            if nesterov { g + momentum * (*b - g) } else { *b }
        };
        let mut matrix: Vec<T> = piece.state[0].iter_mut().zip(piece.gradient).map(direction).collect();
        self.orthogonalize(&mut matrix, rows, columns);
        let scale = self.scale.of(rows as f64, columns as f64);
        let [rate, shrink] =
            [step.learning_rate * scale, 1.0 - step.learning_rate * step.weight_decay].map(T::from_f64);
        piece.parameters.iter_mut().zip(&matrix).for_each(|(p, &x)| *p = *p * shrink - rate * x);
    }
}

/// What s is for a matrix `[R, C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MuonScale {
    /// sqrt(max(1, R / C)), as K. Jordan has it.
    Original,
    /// 0.2 sqrt(max(R, C)): steps of about the size of AdamW's, which can take its rate.
    MatchRmsAdamw,
    /// sqrt(R / C): steps of the same spectral size whatever the shape (J. Bernstein, *Deriving Muon*).
    SpectralUnclamped,
}

impl MuonScale {
    fn of(self, rows: f64, columns: f64) -> f64 {
        match self {
            MuonScale::Original => (rows / columns).max(1.0).sqrt(),
            MuonScale::MatchRmsAdamw => 0.2 * rows.max(columns).sqrt(),
            MuonScale::SpectralUnclamped => (rows / columns).sqrt(),
        }
    }
}

impl Muon {
    /// Whether the parameter is moved as a matrix.
    fn takes(&self, parameter: &ParameterEntry) -> bool {
        parameter.shape.rank() > 1
            && !parameter.sparse
            && !self.elementwise.iter().any(|pattern| matches_pattern(pattern, &parameter.name))
    }

    /// What moves all others. Its slots are the same.
    fn adamw(&self) -> AdamW {
        let &Muon { beta1, beta2, elementwise_epsilon: epsilon, weight_decay, .. } = self;
        AdamW { beta1, beta2, epsilon, weight_decay, ..AdamW::default() }
    }

    /// X, from u in its place.
    fn orthogonalize<T: Float>(&self, x: &mut [T], rows: usize, columns: usize) {
        let [a, b, c] = self.coefficients.map(T::from_f64);
        let length = T::from_f64(global_norm(x).max(self.epsilon));
        x.iter_mut().for_each(|x| *x /= length);
        let (short, long) = (rows.min(columns), rows.max(columns));
        let plain = Strides2::row_major(columns);
        let turned = plain.transposed();
        let square = Strides2::row_major(short);
        // A is X Xᵀ or Xᵀ X, whichever is smaller; it is symmetric, and stands on the same side of X.
        let (left, right) = if rows <= columns { (plain, turned) } else { (turned, plain) };
        let gram = Product { m: short, n: short, k: long, a: left, b: right, c_row_stride: short };
        let power = Product { m: short, n: short, k: short, a: square, b: square, c_row_stride: short };
        let (m, n) = (rows, columns);
        let applied = match rows <= columns {
            true => Product { m, n, k: short, a: square, b: plain, c_row_stride: columns },
            false => Product { m, n, k: short, a: plain, b: square, c_row_stride: columns },
        };
        let lens = [gram, power, applied].map(|product| matmul_scratch_len::<T>(&product));
        let mut scratch = vec![T::ZERO; lens.into_iter().fold(0, usize::max)];
        let mut multiply = |product: &Product, a: &[T], b: &[T], c: &mut [T], update| {
            matmul(product, 0..product.m, 0..product.n, a, b, c, update, &mut scratch);
        };
        let (mut first, mut second) = (vec![T::ZERO; short * short], vec![T::ZERO; short * short]);
        let mut next = vec![T::ZERO; x.len()];
        for _ in 0..self.iterations {
            multiply(&gram, x, x, &mut first, Update::SET);
            second.iter_mut().zip(&first).for_each(|(second, &first)| *second = b * first);
            multiply(&power, &first, &first, &mut second, Update::add_scaled(c));
            next.iter_mut().zip(&*x).for_each(|(next, &x)| *next = a * x);
            match rows <= columns {
                true => multiply(&applied, &second, x, &mut next, Update::ADD),
                false => multiply(&applied, x, &second, &mut next, Update::ADD),
            }
            x.copy_from_slice(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_orthogonal_has_singular_values_near_one() {
        for (rows, columns) in [(3, 7), (7, 3), (4, 4), (1, 6)] {
            let mut x: Vec<f64> =
                (0..rows * columns).map(|index| (0.7 * (index * index) as f64).sin()).collect();
            Muon { iterations: 40, coefficients: [1.875, -1.25, 0.375], ..Muon::default() }
                .orthogonalize(&mut x, rows, columns);
            // With coefficients that converge, the short side's vectors are of length 1 and orthogonal.
            let short = rows.min(columns);
            let at = |side: usize, along: usize| {
                if rows <= columns { x[side * columns + along] } else { x[along * columns + side] }
            };
            for (i, j) in (0..short).flat_map(|i| (0..short).map(move |j| (i, j))) {
                let product: f64 = (0..rows.max(columns)).map(|k| at(i, k) * at(j, k)).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-6, "{rows} x {columns}: {product} is not {expected}");
            }
        }
    }
}
