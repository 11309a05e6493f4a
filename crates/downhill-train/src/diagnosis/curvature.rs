//! How the loss is curved where the parameters are: the ends of the Hessian's spectrum, its trace, and what kind of
//! place that makes it.

use super::{
    Eigenvalue, LanczosOptions, LanczosStop, Severity, TraceEstimate, Verdict, estimate_trace, spectrum_ends,
};
use crate::objective::LossOverData;
use crate::vectors::dot;
use crate::{Error, Result};
use downhill_nn::Layer;

/// The part of the loss that the best step of gradient descent must still take off it for the place to be a slope.
const SLOPE: f64 = 1e-6;

/// The part of the largest eigenvalue that the smallest must lie below 0 for the place to be a saddle.
const SADDLE: f64 = 1e-3;

/// How much of the curvature to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvatureOptions {
    /// How the ends of the spectrum are found.
    pub lanczos: LanczosOptions,
    /// How many random vectors the trace is estimated from, at least 2; default 16.
    pub trace_samples: usize,
}

impl Default for CurvatureOptions {
    fn default() -> Self {
        CurvatureOptions { lanczos: LanczosOptions::default(), trace_samples: 16 }
    }
}

/// What kind of place a point is, by gradient and curvature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The gradient is as good as 0, and no direction curves downwards.
    Minimum,
    /// The gradient is as good as 0, and some direction curves downwards.
    Saddle,
    /// The gradient is not 0: there is a way down.
    Slope,
    /// Neither gradient nor curvature change the loss within single precision.
    Flat,
}

/// How the loss is curved at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Curvature {
    /// f(θ).
    pub loss: f64,
    /// The norm of the gradient.
    pub gradient_norm: f64,
    /// ‖θ‖.
    pub parameter_norm: f64,
    /// The smallest eigenvalue of the Hessian, with its sign.
    pub smallest: Eigenvalue,
    /// The largest eigenvalue of the Hessian, the sharpness.
    pub largest: Eigenvalue,
    /// The sum of all eigenvalues.
    pub trace: TraceEstimate,
    /// How many products with the Hessian the ends of the spectrum took.
    pub iterations: usize,
    /// Why there were no more.
    pub stop: LanczosStop,
}

impl Curvature {
    /// Measures the curvature of a loss at θ, in double precision: one gradient, up to
    /// [`LanczosOptions::iterations`] products with the Hessian, and one for each sample of the trace.
    ///
    /// # Errors
    /// A loss, gradient or product that is not finite, an option outside its domain, and what
    /// [`LossOverData::hessian_vector`] reports.
    ///
    /// ```
    /// use downhill_data::{PartSize, embedded};
    /// use downhill_engine::Engine;
    /// use downhill_nn::{Activation, models};
    /// use downhill_train::diagnosis::{Curvature, Place};
    /// use downhill_train::objective::LossOverData;
    /// use downhill_train::{TrainConfig, Trainer};
    /// let iris = embedded::load("iris")?;
    /// let config = TrainConfig { epochs: 3, ..TrainConfig::default() };
    /// let model = Trainer::new(models::mlp(&[8], 3, Activation::Tanh), config)?.fit(&iris, None)?.model;
    /// let mut loss =
    ///     LossOverData::<f64>::of_model(&model, &iris, &Engine::default(), Default::default())?;
    /// let theta = LossOverData::<f64>::point(model.parameters());
    /// let curvature = Curvature::measure(&mut loss, &theta, Default::default())?;
    /// assert_eq!(curvature.place(), Place::Slope); // three epochs are not enough
    /// println!("{}", curvature.verdict());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn measure<L: Layer>(
        loss: &mut LossOverData<'_, f64, L>,
        theta: &[f64],
        options: CurvatureOptions,
    ) -> Result<Curvature> {
        let n = loss.dimension();
        let mut gradient = vec![0.0; n];
        let value = loss.value_and_gradient(theta, &mut gradient)?;
        let gradient_norm = dot(&gradient, &gradient).sqrt();
        for (what, number) in [("the loss", value), ("the gradient", gradient_norm)] {
            if !number.is_finite() {
                return Err(Error::NotFinite { what });
            }
        }
        let mut product = |v: &[f64], out: &mut [f64]| loss.hessian_vector(theta, v, out);
        let ends = spectrum_ends(n, &mut product, options.lanczos)?;
        let trace = estimate_trace(n, &mut product, options.trace_samples, options.lanczos.seed)?;
        Ok(Curvature {
            loss: value,
            gradient_norm,
            parameter_norm: dot(theta, theta).sqrt(),
            smallest: ends.smallest,
            largest: ends.largest,
            trace,
            iterations: ends.iterations,
            stop: ends.stop,
        })
    }

    /// How much the best step of gradient descent lowers the quadratic model at least: `‖∇f‖² / (2 λmax)`, with the
    /// largest absolute eigenvalue where none is positive.
    pub fn promised_decrease(&self) -> f64 {
        let curvature = match self.largest.value {
            largest if largest > 0.0 => largest,
            largest => largest.abs().max(self.smallest.value.abs()),
        };
        if self.gradient_norm == 0.0 { 0.0 } else { self.gradient_norm.powi(2) / (2.0 * curvature) }
    }

    /// How much the quadratic model changes at most when θ moves by its own length: `‖∇f‖ ‖θ‖ + max|λ| ‖θ‖² / 2`.
    fn largest_change(&self) -> f64 {
        let most = self.largest.value.abs().max(self.smallest.value.abs());
        let length = self.parameter_norm.max(1.0);
        self.gradient_norm * length + 0.5 * most * length * length
    }

    /// What kind of place this is:
    ///
    /// - [`Place::Flat`] if moving θ by its own length changes the quadratic model by no more than the rounding of
    ///   `f32`, `2⁻²³ |f|`;
    /// - else [`Place::Slope`] if the best step of gradient descent takes more than a millionth off the loss,
    ///   `‖∇f‖² / (2 λmax) > 10⁻⁶ |f|`;
    /// - else [`Place::Saddle`] if `λmin`, with its residual, lies below `-10⁻³ λmax`;
    /// - else [`Place::Minimum`], within these bounds.
    pub fn place(&self) -> Place {
        if self.largest_change() <= f64::from(f32::EPSILON) * self.loss.abs() {
            return Place::Flat;
        }
        if self.promised_decrease() > SLOPE * self.loss.abs() {
            return Place::Slope;
        }
        let downwards = self.smallest.value + self.smallest.residual < -SADDLE * self.largest.value.abs();
        if downwards { Place::Saddle } else { Place::Minimum }
    }

    /// [`place`](Self::place) in words.
    pub fn verdict(&self) -> Verdict {
        let (low, high) = (self.smallest.value, self.largest.value);
        let promised = self.promised_decrease();
        let (name, severity, number, threshold, formula, finding, advice) = match self.place() {
            Place::Minimum => (
                "at-a-minimum",
                Severity::Healthy,
                low,
                -SADDLE * high.abs(),
                "λmin of the Hessian",
                format!(
                    "The gradient's norm of {:.3e} promises no more than {promised:.1e} off the loss of {:.6}, and no \
                     direction curves downwards: the eigenvalues of the Hessian lie between {low:.3e} and {high:.3e}.",
                    self.gradient_norm, self.loss
                ),
                String::new(),
            ),
            Place::Saddle => (
                "at-a-saddle",
                Severity::Warning,
                low,
                -SADDLE * high.abs(),
                "λmin of the Hessian",
                format!(
                    "The gradient's norm of {:.3e} promises no more than {promised:.1e} off the loss of {:.6}, but there \
                     are directions that curve downwards: the smallest eigenvalue of the Hessian is {low:.3e}, the \
                     largest {high:.3e}.",
                    self.gradient_norm, self.loss
                ),
                "Go on with momentum or smaller batches, whose noise leaves a saddle, or start from another seed."
                    .into(),
            ),
            Place::Slope => (
                "still-on-a-slope",
                Severity::Notice,
                promised,
                SLOPE * self.loss.abs(),
                "‖∇f‖² / (2 λmax)",
                format!(
                    "The loss of {:.6} is not at rest: its gradient has the norm {:.3e}, and one step of gradient \
                     descent at the rate 1/λmax = {:.3e} takes about {promised:.1e} off it.",
                    self.loss,
                    self.gradient_norm,
                    1.0 / high.max(f64::MIN_POSITIVE)
                ),
                "Train for longer if a smaller loss on this data is what is wanted.".into(),
            ),
            Place::Flat => (
                "flat-to-precision",
                Severity::Warning,
                self.largest_change(),
                f64::from(f32::EPSILON) * self.loss.abs(),
                "‖∇f‖ ‖θ‖ + max|λ| ‖θ‖² / 2",
                format!(
                    "Gradient (norm {:.1e}) and curvature (at most {:.1e}) are so small that single precision does not \
                     see the loss of {:.6} change.",
                    self.gradient_norm,
                    low.abs().max(high.abs()),
                    self.loss
                ),
                "Nothing can be learned from here: look for saturated or dead units, or start again with another \
                 initialization."
                    .into(),
            ),
        };
        Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number,
            threshold,
            formula: formula.into(),
            source: "the second-order model of the loss; eigenvalues by Lanczos' iteration, each within its residual"
                .into(),
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(gradient_norm: f64, low: f64, high: f64, loss: f64) -> Place {
        let eigenvalue = |value| Eigenvalue { value, residual: 1e-9, vector: vec![1.0] };
        let curvature = Curvature {
            loss,
            gradient_norm,
            parameter_norm: 2.0,
            smallest: eigenvalue(low),
            largest: eigenvalue(high),
            trace: TraceEstimate { trace: high + low, standard_error: 0.0, samples: 2 },
            iterations: 2,
            stop: LanczosStop::Invariant,
        };
        let verdict = curvature.verdict();
        assert_eq!(
            verdict.severity > Severity::Notice,
            matches!(curvature.place(), Place::Saddle | Place::Flat)
        );
        curvature.place()
    }

    #[test]
    fn gradient_and_ends_of_the_spectrum_make_the_place() {
        assert_eq!(place(0.0, 0.1, 3.0, 0.5), Place::Minimum);
        assert_eq!(place(0.0, -1e-4, 3.0, 0.5), Place::Minimum);
        assert_eq!(place(1e-4, 0.1, 3.0, 0.5), Place::Minimum);
        assert_eq!(place(0.0, -0.1, 3.0, 0.5), Place::Saddle);
        assert_eq!(place(0.0, -3.0, -0.1, 0.5), Place::Saddle);
        assert_eq!(place(1.0, -0.1, 3.0, 0.5), Place::Slope);
        assert_eq!(place(1.0, -0.2, -0.1, 0.5), Place::Slope);
        assert_eq!(place(1.0, 0.0, 0.0, 0.5), Place::Slope);
        assert_eq!(place(0.0, 0.0, 0.0, 0.5), Place::Flat);
        assert_eq!(place(1e-9, -1e-10, 1e-9, 2.3), Place::Flat);
        // A loss of 0 is the bottom, whatever the rounding of its neighbours.
        assert_eq!(place(0.0, 0.0, 2.0, 0.0), Place::Minimum);
    }
}
