//! Steps on the gradient of the worst point nearby, which lead to flat minima.

use crate::clip::norm_of;
use crate::{Error, Optimize, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Sharpness-aware minimization (SAM) around any optimizer: climb to about the worst point within a radius,
/// take the gradient there, go back, and step with it. Each step costs two gradients.
///
/// ```text
/// e = ρ g / |g|                                     (plain)
/// e = ρ p² g / |p g|                                (adaptive, element by element)
/// p <- the optimizer's step from p on the gradient at p + e
/// ```
///
/// Where the gradient is 0, e is too. ρ is measured on whatever is given as one vector: all parameters, as in
/// the paper.
///
/// ```
/// use downhill_optim::{GradientDescent, Optimizer, SharpnessAware};
/// let sharpness_aware = SharpnessAware { radius: 0.5, ..SharpnessAware::default() };
/// let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.25 }, 1)?;
/// let mut parameters = [1.0_f64];
/// let parabola = |x: &[f64], gradient: &mut [f64]| gradient[0] = 2.0 * x[0];
/// sharpness_aware.step(&mut optimizer, &mut parameters, parabola, 1.0)?;
/// assert_eq!(parameters, [0.25], "1 - 0.25 * (the derivative at 1.5)");
/// # Ok::<(), downhill_optim::Error>(())
/// ```
///
/// # Source
/// P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, *Sharpness-aware minimization for efficiently improving
/// generalization* (2021), algorithm 1; adaptive: J. Kwon, J. Kim, H. Park, I. Choi, *ASAM: adaptive
/// sharpness-aware minimization* (2021), with η = 0; optax's `sam`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharpnessAware {
    /// ρ; at least 0, default 0.05. The adaptive form wants it about ten times larger.
    pub radius: f64,
    /// Whether to measure each parameter's way by its size; default `false`.
    pub adaptive: bool,
}

impl Default for SharpnessAware {
    fn default() -> Self {
        SharpnessAware { radius: 0.05, adaptive: false }
    }
}

impl SharpnessAware {
    /// Moves the parameters up to p + e, and keeps in `home` where they were. Allocates nothing once `home`
    /// is as long as they are.
    ///
    /// # Errors
    /// A radius outside its domain, slices of different lengths, or a gradient that is not finite; then
    /// nothing has changed.
    pub fn climb<T: Float>(&self, parameters: &mut [T], gradient: &[T], home: &mut Vec<T>) -> Result<()> {
        Error::check_at_least_zero("sharpness aware", "radius", self.radius)?;
        let (expected, actual) = (parameters.len(), gradient.len());
        if expected != actual {
            return Err(Error::LengthMismatch { what: "gradient", expected, actual });
        }
        let norm = match self.adaptive {
            true => norm_of(actual, |index| parameters[index] * gradient[index]),
            false => crate::global_norm(gradient),
        };
        if !norm.is_finite() {
            let first = gradient.iter().position(|g| !g.is_finite());
            let first = first.map(|index| (index, gradient[index].to_f64()));
            return Err(Error::NonFiniteNorm { norm, first });
        }
        home.clear();
        home.extend_from_slice(parameters);
        if norm > 0.0 {
            let scale = T::from_f64(self.radius / norm);
            for (p, &g) in parameters.iter_mut().zip(gradient) {
                let direction = if self.adaptive { *p * *p * g } else { g };
                *p += scale * direction;
            }
        }
        Ok(())
    }

    /// A whole step: `gradient` writes the derivatives at a point into its second slice, and is asked twice.
    ///
    /// # Errors
    /// Those of [`climb`](Self::climb) and of [`Optimize::step_scaled`]; the parameters are then as they were.
    pub fn step<T: Float>(
        &self,
        optimizer: &mut dyn Optimize<T>,
        parameters: &mut [T],
        mut gradient: impl FnMut(&[T], &mut [T]),
        factor: f64,
    ) -> Result<()> {
        let (mut slope, mut home) = (vec![T::ZERO; parameters.len()], Vec::new());
        gradient(parameters, &mut slope);
        self.climb(parameters, &slope, &mut home)?;
        gradient(parameters, &mut slope);
        parameters.copy_from_slice(&home);
        optimizer.step_scaled(parameters, &slope, factor)
    }
}
