//! The curvature against the step of an optimizer: whether it is stable.

use super::stability::{Preconditioning, StabilityLimit, called, largest_stable_rate, stability_limit};
use super::{LanczosOptions, Severity, Verdict, spectrum_ends};
use crate::objective::LossOverData;
use crate::{Error, Result};
use downhill_nn::Layer;
use downhill_optim::OptimizerConfig;

/// The part of the limit from which on training is said to be at the edge.
const EDGE: f64 = 0.8;

/// How far above the limit a network still often comes back: the catapult, measured for gradient descent.
const CATAPULT: f64 = 2.0;

/// How often the first step of a search is doubled or halved; a step that is smaller still changes no loss.
const MOST_DOUBLINGS: usize = 40;

/// The sharpness of a loss as an optimizer meets it, held against the optimizer's stability limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharpness {
    /// λ: the largest eigenvalue of the Hessian with what weight decay adds to it, behind the preconditioner where the
    /// optimizer has one.
    pub value: f64,
    /// How far the nearest eigenvalue may be away from it.
    pub residual: f64,
    /// η, the learning rate of the step.
    pub learning_rate: f64,
    /// The limit.
    pub limit: StabilityLimit,
    /// What the optimizer is called in a sentence.
    optimizer: String,
}

impl Sharpness {
    /// Measures the sharpness at θ as this optimizer meets it, with the learning rate that it has now (a schedule's
    /// factor included). `preconditioner` is what [`preconditioner`](super::preconditioner) made of the optimizer's
    /// memory, or [`estimated_preconditioner`]; needed where the optimizer has one. `None` for an optimizer without a
    /// stability limit.
    ///
    /// # Errors
    /// A preconditioner that is missing, of another length, or not positive; as [`spectrum_ends`].
    pub fn measure<L: Layer>(
        loss: &mut LossOverData<'_, f64, L>,
        theta: &[f64],
        config: &OptimizerConfig,
        learning_rate: f64,
        preconditioner: Option<&[f64]>,
        options: LanczosOptions,
    ) -> Result<Option<Sharpness>> {
        let Some(limit) = stability_limit(config) else { return Ok(None) };
        let n = loss.dimension();
        let roots = match limit.preconditioning {
            Preconditioning::None => vec![1.0; n],
            Preconditioning::Diagonal => inverse_roots(preconditioner, n)?,
        };
        let (mut inner, decay) = (vec![0.0; n], limit.coupled_decay);
        let product = |v: &[f64], out: &mut [f64]| {
            inner.iter_mut().zip(v).zip(&roots).for_each(|((inner, v), root)| *inner = v * root);
            loss.hessian_vector(theta, &inner, out)?;
            for ((out, inner), root) in out.iter_mut().zip(&inner).zip(&roots) {
                *out = (*out + decay * inner) * root;
            }
            Ok(())
        };
        let largest = spectrum_ends(n, product, options)?.largest;
        let optimizer = called(config);
        Ok(Some(Sharpness {
            value: largest.value,
            residual: largest.residual,
            learning_rate,
            limit,
            optimizer,
        }))
    }

    /// `η (λ + decoupled decay)`, which is held against the limit.
    pub fn product(&self) -> f64 {
        self.learning_rate * (self.value + self.limit.decoupled_decay)
    }

    /// The learning rate below which steps are stable here.
    pub fn largest_stable_rate(&self) -> f64 {
        largest_stable_rate(&self.limit, self.value)
    }

    /// Whether the step is stable, in words.
    pub fn verdict(&self) -> Verdict {
        let Sharpness { learning_rate, limit, optimizer, .. } = self;
        let (product, bound) = (self.product(), limit.product);
        let kind = match limit.preconditioning {
            Preconditioning::None => "sharpness",
            Preconditioning::Diagonal => "preconditioned sharpness",
        };
        let measured = format!(
            "The step of {} times the {kind} {} is {}",
            short(*learning_rate),
            short(self.value + limit.decoupled_decay),
            short(product)
        );
        let limit_is = format!("the limit {} of {optimizer} ({})", short(bound), limit.exact);
        let stable = short(self.largest_stable_rate());
        let (name, severity, finding, advice) = if product > CATAPULT * bound {
            (
                "rate-far-above-the-stability-limit",
                Severity::Failure,
                format!("{measured}, far over {limit_is}: on the quadratic model it must diverge."),
                format!("Try a rate below {stable}, or begin with a warm-up."),
            )
        } else if product > bound {
            (
                "rate-above-the-stability-limit",
                Severity::Warning,
                format!(
                    "{measured}, over {limit_is}: on the quadratic model it must diverge. A network often swings and \
                     comes to rest where it is less sharp, up to about twice the limit."
                ),
                format!("If the loss does not fall, try a rate below {stable}."),
            )
        } else if product > EDGE * bound {
            (
                "at-the-edge-of-stability",
                Severity::Notice,
                format!(
                    "{measured}, just under {limit_is}: at the edge of stability, where training with large batches \
                     usually stays."
                ),
                format!("Steps are unstable from a rate of {stable} on."),
            )
        } else {
            (
                "rate-below-the-stability-limit",
                Severity::Healthy,
                format!("{measured}, under {limit_is}: steps are stable up to a rate of {stable}."),
                String::new(),
            )
        };
        Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number: product,
            threshold: bound,
            formula: format!("η λmax against {}", limit.formula),
            source: "Cohen et al. 2021 and, behind a preconditioner, 2022 (edge of stability); twice the limit: Lewkowycz \
                     et al. 2020, \"The large learning rate phase of deep learning: the catapult mechanism\""
                .into(),
            advice,
        }
    }
}

/// `P^-1/2`.
fn inverse_roots(preconditioner: Option<&[f64]>, n: usize) -> Result<Vec<f64>> {
    let what = || "the preconditioner".to_owned();
    let Some(p) = preconditioner else {
        let reason = "this optimizer divides the gradient by what it remembers, which is not given: pass \
                      `preconditioner(config, state)`, or an estimate from the gradients of batches";
        return Err(Error::Mismatch { what: what(), reason: reason.into() });
    };
    if p.len() != n {
        let reason = format!("{} numbers came for {n} parameters", p.len());
        return Err(Error::Mismatch { what: what(), reason });
    }
    if let Some(wrong) = p.iter().find(|p| !(**p > 0.0 && p.is_finite())) {
        let reason = format!("its numbers must be above 0 and finite, and one is {wrong}");
        return Err(Error::Mismatch { what: what(), reason });
    }
    Ok(p.iter().map(|p| 1.0 / p.sqrt()).collect())
}

/// An estimate of `sqrt(v) + ε` from the gradients of all batches at θ, for where an optimizer's memory is gone: v is
/// the mean of their squares, which is what the averages of RMSprop, Adam and its kind tend to while θ stands still.
/// The batches must be of the size of those in training. `None` for an optimizer without such an average.
///
/// # Errors
/// As [`LossOverData::batch_gradient`].
pub fn estimated_preconditioner<L: Layer>(
    loss: &mut LossOverData<'_, f64, L>,
    theta: &[f64],
    config: &OptimizerConfig,
) -> Result<Option<Vec<f64>>> {
    let epsilon = match config {
        OptimizerConfig::Adam(rule) => rule.epsilon,
        OptimizerConfig::AdamW(rule) => rule.epsilon,
        OptimizerConfig::NAdam(rule) => rule.epsilon,
        OptimizerConfig::RAdam(rule) => rule.epsilon,
        OptimizerConfig::Yogi(rule) => rule.epsilon,
        OptimizerConfig::RmsProp(rule) if !rule.centered => rule.epsilon,
        _ => return Ok(None),
    };
    let mut squares = vec![0.0; loss.dimension()];
    let mut gradient = squares.clone();
    for batch in 0..loss.batches() {
        loss.batch_gradient(batch, theta, &mut gradient)?;
        squares.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g * g);
    }
    let count = loss.batches() as f64;
    // A parameter that no batch moves would have P = ε, and any curvature of it would count without bound.
    Ok(Some(squares.iter().map(|sum| (sum / count).sqrt() + epsilon.max(f64::MIN_POSITIVE)).collect()))
}

/// The critical sharpness along an update u: `2 / η_c`, where η_c is the smallest η for which the loss at `θ - η u` is
/// above that at θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalSharpness {
    /// η_c, between [`below`](Self::below) and itself up to the tolerance.
    pub step: f64,
    /// A step at which the loss was still not above.
    pub below: f64,
    /// The number of losses computed.
    pub evaluations: usize,
}

impl CriticalSharpness {
    /// Finds the critical step along `update`, from losses alone: `start` is doubled or halved until the loss is above,
    /// and the interval is then halved until its ends differ by less than a hundredth. A loss that is not a number
    /// counts as above. `None` if no step up to `2^40 start` raises the loss, or every one down to `2^-40 start` does.
    ///
    /// Along the gradient of a quadratic `2 / η_c = gᵀHg / gᵀg`, which is at most λmax. A loss that rises and falls
    /// again between two steps that were looked at is not seen.
    ///
    /// # Errors
    /// A start that is not above 0 and finite; what [`LossOverData::value`] reports.
    ///
    /// # Source
    /// D. Kalra et al., *A scalable measure of loss landscape curvature for analyzing the training dynamics of LLMs*
    /// (2026), arXiv 2601.16979.
    pub fn measure<L: Layer>(
        loss: &mut LossOverData<'_, f64, L>,
        theta: &[f64],
        update: &[f64],
        start: f64,
    ) -> Result<Option<CriticalSharpness>> {
        if !(start > 0.0 && start.is_finite()) {
            let (option, expected) = ("the first step", "above 0 and finite");
            return Err(Error::Option { option, expected, actual: start.to_string() });
        }
        let (mut evaluations, mut moved) = (1, theta.to_vec());
        let here = loss.value(theta)?;
        let mut rises = |step: f64| -> Result<bool> {
            moved.iter_mut().zip(theta).zip(update).for_each(|((moved, theta), u)| *moved = theta - step * u);
            evaluations += 1;
            let there = loss.value(&moved)?;
            Ok(there > here || there.is_nan())
        };
        let (mut low, mut high) = (start, start);
        let mut doublings = 0;
        if rises(start)? {
            while rises(low)? {
                high = low;
                low *= 0.5;
                doublings += 1;
                if doublings > MOST_DOUBLINGS {
                    return Ok(None);
                }
            }
        } else {
            high *= 2.0;
            while !rises(high)? {
                low = high;
                high *= 2.0;
                doublings += 1;
                if doublings > MOST_DOUBLINGS {
                    return Ok(None);
                }
            }
        }
        while high > 1.01 * low {
            let middle = 0.5 * (low + high);
            *if rises(middle)? { &mut high } else { &mut low } = middle;
        }
        Ok(Some(CriticalSharpness { step: high, below: low, evaluations }))
    }

    /// `2 / η_c`.
    pub fn value(&self) -> f64 {
        2.0 / self.step
    }
}

/// A number with three digits, as a person writes it.
pub(crate) fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() || (1e-3..1e4).contains(&x.abs()) {
        let places = if x == 0.0 || !x.is_finite() { 0 } else { (2 - x.abs().log10().floor() as i32).max(0) };
        let text = format!("{x:.*}", places as usize);
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    format!("{x:.2e}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use downhill_optim::{Adam, GradientDescent};

    fn sharpness(value: f64, learning_rate: f64, config: OptimizerConfig) -> Verdict {
        let limit = stability_limit(&config).unwrap();
        let optimizer = called(&config);
        Sharpness { value, residual: 0.0, learning_rate, limit, optimizer }.verdict()
    }

    #[test]
    fn the_sentence_has_the_numbers_and_says_when_it_is_exact() {
        let verdict = sharpness(9.1, 0.5, GradientDescent::default().into());
        assert_eq!(
            verdict.to_string(),
            "failure: rate-far-above-the-stability-limit. The step of 0.5 times the sharpness 9.1 is 4.55, far over the \
             limit 2 of gradient descent (exact for a quadratic and a constant rate): on the quadratic model it must \
             diverge. Try a rate below 0.22, or begin with a warm-up."
        );
        assert_eq!((verdict.number, verdict.threshold), (4.55, 2.0));
    }

    #[test]
    fn verdicts_follow_the_limit_of_the_optimizer() {
        let severity = |value, config: OptimizerConfig| sharpness(value, 0.1, config).severity;
        let descent = || GradientDescent::default().into();
        assert_eq!(severity(5.0, descent()), Severity::Healthy);
        assert_eq!(severity(18.0, descent()), Severity::Notice);
        assert_eq!(severity(22.0, descent()), Severity::Warning);
        assert_eq!(severity(41.0, descent()), Severity::Failure);
        assert_eq!(severity(-3.0, descent()), Severity::Healthy);
        assert_eq!(severity(41.0, Adam::default().into()), Severity::Healthy);
        assert_eq!(severity(400.0, Adam::default().into()), Severity::Warning);
    }

    #[test]
    fn numbers_are_written_with_three_digits() {
        let shown = [0.0, 4.55, 0.21978, 123.456, 0.5, -2.0, 1234.5, 1e-5, f64::INFINITY].map(short);
        assert_eq!(shown, ["0", "4.55", "0.22", "123", "0.5", "-2", "1234", "1.00e-5", "inf"]);
    }
}
