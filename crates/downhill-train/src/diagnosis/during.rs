//! What the numbers of a run say about it: no more is looked at than the steps have made anyway.

use super::course::{Course, Seen};
use super::not_finite::brief;
use super::steps::{self, Layer};
use super::{NotFinite, Severity, Verdict};
use crate::{Answer, BadStep, EpochRecord, Fault, StopReason, TrainConfig};
use downhill_data::TargetKind;
use downhill_nn::Loss;
use downhill_optim::Rule;
use downhill_tensor::ParameterLayout;

/// The excess of the first cross-entropy over ln(classes) from which outputs count as badly scaled.
const EXCESS: f64 = 1.0;

/// How many times the loss of the constant answer other losses may be at the beginning.
const TIMES_CONSTANT: f64 = 10.0;

/// By how many percent the loss may change at the beginning when the parameters change by one.
const SENSITIVITY: f64 = 100.0;

/// The part of its beginning below which the loss must come to count as learning.
const LEARNED: f64 = 0.9;

/// The median of `‖Δθ‖ / ‖θ‖` below and above which steps are blamed for a loss that does not fall.
const SMALL_STEP: f64 = 1e-4;
const LARGE_STEP: f64 = 0.03;

/// What the loss of an epoch may differ from that of the one before on average, as a part of the first loss.
const OSCILLATION: f64 = 0.1;

/// The growth of gradient, or of the loss of a run that diverged, that counts.
const GRADIENT_GROWTH: f64 = 100.0;
const LOSS_GROWTH: f64 = 10.0;

/// By what part of the constant answer's loss the validation loss may have risen from its smallest.
const RISE: f64 = 0.1;

/// What is known of a run when it is over.
pub(crate) struct Facts<'a> {
    pub course: &'a Course,
    pub layout: &'a ParameterLayout,
    pub config: &'a TrainConfig,
    pub target: TargetKind,
    /// The loss of the constant answer; NaN if it is not known.
    pub baseline: f64,
    pub history: &'a [EpochRecord],
    pub stop: &'a StopReason,
    pub bad_steps: &'a [BadStep],
}

/// All verdicts, the worst first.
pub(crate) fn verdicts(facts: &Facts<'_>) -> Vec<Verdict> {
    let layers = facts.layers();
    let mut all: Vec<Verdict> = [
        facts.divergence(&layers),
        facts.made_good(),
        initial_loss(facts.first_loss(), &facts.config.loss, facts.target, facts.baseline),
        facts.sensitivity(),
        facts.growth(),
        facts.progress(&layers),
        facts.oscillation(),
        facts.overfitting(),
        steps::update_sizes(&layers),
    ]
    .into_iter()
    .flatten()
    .chain(steps::gradients(&layers))
    .collect();
    Verdict::worst_first(&mut all);
    all
}

/// The middle one of some numbers; NaN if there are none. NaN among them do not count.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().filter(|x| !x.is_nan()).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The loss of the untrained network against that of one that knows nothing.
pub(crate) fn initial_loss(first: f64, loss: &Loss, target: TargetKind, baseline: f64) -> Option<Verdict> {
    let named = Verdict::named("initial-loss");
    let advice = "Standardize the inputs, and check how the last layer starts: its outputs should be small.";
    if let (Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. }, TargetKind::Classes { count }) =
        (loss, target)
    {
        let knows_nothing = (count as f64).ln();
        let number = first - knows_nothing;
        let high = number > EXCESS;
        return first.is_finite().then(|| Verdict {
            severity: if high { Severity::Warning } else { Severity::Healthy },
            finding: format!(
                "The first loss is {}; a network that takes {count} classes to be equally likely has ln({count}) = {}{}",
                brief(first),
                brief(knows_nothing),
                if high { ", so this one begins by being sure of wrong answers." } else { "." }
            ),
            number,
            threshold: EXCESS,
            formula: "L₀ - ln(classes)".into(),
            source: "outputs of standard deviation s cost about s²/2 more than equal ones (the second order of \
                     log-sum-exp); 1 is s = √2"
                .into(),
            advice: if high { advice.into() } else { String::new() },
            ..named
        });
    }
    let number = first / baseline;
    let high = number > TIMES_CONSTANT;
    number.is_finite().then(|| Verdict {
        severity: if high { Severity::Warning } else { Severity::Healthy },
        finding: format!(
            "The first loss is {}; always the same answer, the best of that kind, has {}.",
            brief(first),
            brief(baseline)
        ),
        number,
        threshold: TIMES_CONSTANT,
        formula: "L₀ / loss of the constant answer".into(),
        source: "outputs without relation to the targets, of their size, have about twice the loss of the constant \
                 answer for squared errors; the threshold is a convention"
            .into(),
        advice: if high { format!("{advice} Standardize the targets, too.") } else { String::new() },
        ..named
    })
}

impl Facts<'_> {
    /// The weights, with what was seen of them.
    fn layers(&self) -> Vec<Layer> {
        let entries = self.layout.entries().iter().enumerate();
        let is_frozen = |name: &str| {
            self.config.groups.iter().find(|group| group.matches(name)).is_some_and(|group| group.frozen)
        };
        entries
            .filter(|(_, entry)| entry.shape.rank() >= 2 && !is_frozen(&entry.name))
            .map(|(number, entry)| {
                let seen: Vec<Seen> = self.course.samples(number).collect();
                Layer {
                    name: entry.name.clone(),
                    sparse: entry.sparse,
                    update: median(seen.iter().map(|seen| seen.update)),
                    largest_update: seen.iter().map(|seen| seen.update).fold(f64::NAN, f64::max),
                    gradient: median(seen.iter().map(|seen| seen.gradient)),
                    largest_gradient: seen.iter().map(|seen| seen.gradient).fold(f64::NAN, f64::max),
                }
            })
            .collect()
    }

    fn first_loss(&self) -> f64 {
        self.course.first.map_or(f64::NAN, |first| first.loss)
    }

    /// Why the run left the finite numbers, if it did.
    fn divergence(&self, layers: &[Layer]) -> Option<Verdict> {
        let StopReason::Diverged { step, loss, cause } = self.stop else { return None };
        let because = cause.as_ref().map_or(String::new(), |cause| format!(": {cause}"));
        let failure = |name: &str| Verdict { severity: Severity::Failure, ..Verdict::named(name) };
        if let Some(NotFinite::Given { input, range, .. }) = cause.as_deref()
            && (input == "input" || input == "target")
        {
            return Some(Verdict {
                finding: format!("In step {step} the data itself was not finite{because}."),
                number: (range.infinite + range.not_a_number) as f64,
                formula: "how many numbers of the batch are not finite".into(),
                source: "what the network was given, in single precision".into(),
                advice: "Look for numbers above 3.4e38, which single precision does not have, and for divisions by 0 \
                         in what made the data."
                    .into(),
                ..failure("data-not-finite")
            });
        }
        let sensitivity = self.course.first.map_or(0.0, |first| first.sensitivity);
        if sensitivity > SENSITIVITY {
            return Some(Verdict {
                finding: format!(
                    "The run diverged at step {step}{because}. Already at the start, a change of the parameters by 1 % \
                     changes the loss by {} %.",
                    brief(sensitivity)
                ),
                advice: "Clip the gradient's norm (--clip-norm 1), start from smaller weights, and shorten or normalize \
                         what is multiplied again and again."
                    .into(),
                ..Self::sensitivity_of(sensitivity, Severity::Failure)
            });
        }
        let stretches = self.course.stretches().iter().map(|stretch| stretch.loss());
        let highest = stretches.chain(*loss).fold(f64::NAN, f64::max);
        let growth = highest / self.first_loss();
        let largest = layers.iter().map(|layer| layer.largest_update).fold(f64::NAN, f64::max);
        let too_high = matches!(self.bad_steps.last().map(|bad| bad.fault), Some(Fault::TooHigh { .. }));
        let updated = matches!(cause.as_deref(), Some(NotFinite::Updated { .. }));
        if growth > LOSS_GROWTH || largest > 1.0 || too_high || updated {
            let by_loss = growth > LOSS_GROWTH;
            let what = if by_loss {
                format!("the loss grew to {} times its beginning", brief(growth))
            } else {
                format!("one step changed a layer by {} times its own size", brief(largest))
            };
            return Some(Verdict {
                finding: format!("The run diverged at step {step}: {what}{because}."),
                number: if by_loss { growth } else { largest },
                threshold: if by_loss { LOSS_GROWTH } else { 1.0 },
                formula: if by_loss { "highest loss / first loss" } else { "max ‖Δθ‖ / ‖θ‖" }.into(),
                source: "above the limit of stability each step throws the parameters further; the thresholds are \
                         conventions"
                    .into(),
                advice: format!(
                    "Lower the learning rate of {} ten times, or clip the gradient's norm.",
                    brief(self.config.optimizer.learning_rate())
                ),
                ..failure("rate-too-high")
            });
        }
        let place = match cause.as_deref() {
            Some(NotFinite::Computed { layer, .. }) => Some(layer.clone()),
            Some(NotFinite::Given { part, .. }) => Some(part.clone()),
            _ => None,
        };
        Some(Verdict {
            place,
            finding: format!("In step {step} a number became infinite or not a number{because}."),
            number: *step as f64,
            threshold: f64::INFINITY,
            formula: "the step in which the loss or its gradient is not finite".into(),
            source: "the step carried out again, operation by operation".into(),
            advice: "Keep that operation away from where it is not defined (a logarithm or a quotient of 0, a root at \
                     0), or take its stable form."
                .into(),
            ..failure("not-a-number")
        })
    }

    /// Steps that were bad, in a run that went on.
    fn made_good(&self) -> Option<Verdict> {
        let good = |bad: &&BadStep| bad.answer != Answer::Stopped;
        let count = self.bad_steps.iter().filter(good).count();
        let first = self.bad_steps.iter().find(good)?;
        Some(Verdict {
            severity: Severity::Warning,
            finding: format!("{count} steps were bad and made good; the first was {first}."),
            number: count as f64,
            threshold: 0.0,
            formula: "the number of bad steps".into(),
            source: "the policy for bad steps".into(),
            advice: "Look at what the first of them says; a run without bad steps is to be preferred.".into(),
            ..Verdict::named("bad-steps")
        })
    }

    fn sensitivity_of(number: f64, severity: Severity) -> Verdict {
        Verdict {
            severity,
            number,
            threshold: SENSITIVITY,
            formula: "‖g‖ ‖θ‖ / L₀".into(),
            source: "the relative condition of the loss with respect to the parameters; for a network of d layers that \
                     are linear or ReLU it is about d; explosion: Pascanu, Mikolov, Bengio, 2013 (arXiv:1211.5063)"
                .into(),
            ..Verdict::named(match severity {
                Severity::Healthy => "gradient-in-proportion",
                _ => "exploding-gradient",
            })
        }
    }

    /// How much the loss depends on the parameters at the start.
    fn sensitivity(&self) -> Option<Verdict> {
        let number = self.course.first?.sensitivity;
        // Said by the reason of the divergence.
        if !number.is_finite() || self.stop.is_failure() && number > SENSITIVITY {
            return None;
        }
        let high = number > SENSITIVITY;
        let severity = if high { Severity::Warning } else { Severity::Healthy };
        Some(Verdict {
            finding: format!(
                "At the start a change of the parameters by 1 % changes the loss by about {} %.",
                brief(number)
            ),
            advice: if high {
                "Clip the gradient's norm, start from smaller weights, or normalize between layers.".into()
            } else {
                String::new()
            },
            ..Self::sensitivity_of(number, severity)
        })
    }

    /// Whether the gradient grows together with the loss, or vanishes while the loss stays.
    fn growth(&self) -> Option<Verdict> {
        let stretches = self.course.stretches();
        let first = stretches.first().filter(|_| stretches.len() >= 8)?;
        let (start, loss) = (first.gradient_norm(), first.loss());
        let last = &stretches[stretches.len() - stretches.len().div_ceil(16)..];
        let end = median(last.iter().map(|stretch| stretch.gradient_norm()));
        let end_loss = median(last.iter().map(|stretch| stretch.loss()));
        let largest = stretches.iter().filter(|stretch| stretch.loss() > 2.0 * loss);
        let largest = largest.map(|stretch| stretch.gradient_norm()).fold(0.0, f64::max);
        let source = "a gradient falls with the loss that it belongs to; the thresholds are conventions";
        if largest > GRADIENT_GROWTH * start && !self.stop.is_failure() {
            return Some(Verdict {
                severity: Severity::Warning,
                finding: format!(
                    "The norm of the gradient grew from {} to {}, and the loss with it.",
                    brief(start),
                    brief(largest)
                ),
                number: largest / start,
                threshold: GRADIENT_GROWTH,
                formula: "largest ‖g‖ / first ‖g‖, where the loss is above twice the first".into(),
                source: source.into(),
                advice: "Lower the learning rate, or clip the gradient's norm.".into(),
                ..Verdict::named("growing-gradient")
            });
        }
        let number = end / start;
        // What falls from an explosion has not vanished.
        let exploded = self.course.first.is_some_and(|first| first.sensitivity > SENSITIVITY);
        let vanished =
            !exploded && number < 1.0 / 1000.0 && end_loss > LEARNED * loss.min(self.baseline_or(loss));
        (number.is_finite() && !self.stop.is_failure()).then(|| Verdict {
            severity: if vanished { Severity::Failure } else { Severity::Healthy },
            finding: format!(
                "The norm of the gradient went from {} to {}, the loss from {} to {}.",
                brief(start),
                brief(end),
                brief(loss),
                brief(end_loss)
            ),
            number,
            threshold: 1.0 / 1000.0,
            formula: "last ‖g‖ / first ‖g‖, where the loss did not fall".into(),
            source: source.into(),
            advice: if vanished {
                "The network got to where nothing moves it: look for units that are dead or saturated (`downhill \
                 diagnose`), and lower the learning rate."
                    .into()
            } else {
                String::new()
            },
            ..Verdict::named(if vanished { "vanished-gradient" } else { "gradient-over-time" })
        })
    }

    fn baseline_or(&self, other: f64) -> f64 {
        if self.baseline.is_finite() { self.baseline } else { other }
    }

    /// Whether the loss fell, and if not, whether the steps are to blame.
    fn progress(&self, layers: &[Layer]) -> Option<Verdict> {
        let losses: Vec<f64> = self.history.iter().map(|record| record.train.loss).collect();
        let (&first_epoch, &last) = (losses.first()?, losses.last()?);
        if self.stop.is_failure() || self.course.stretches().len() < 8 {
            return None;
        }
        let first = self.first_loss().max(first_epoch);
        let learned = last <= LEARNED * first && first > 0.0 || last <= LEARNED * self.baseline_or(first);
        let update = median(layers.iter().map(|layer| layer.update));
        // In ten pieces, so that the noise of single batches does not count.
        let stretches = self.course.stretches();
        let pieces: Vec<f64> = stretches
            .chunks(stretches.len().div_ceil(10))
            .map(|piece| piece.iter().map(|stretch| stretch.loss()).sum::<f64>() / piece.len() as f64)
            .collect();
        let falls = pieces.windows(2).filter(|pair| pair[1] < pair[0]).count();
        let steady = 10 * falls >= 8 * (pieces.len() - 1);
        let gain = 1.0 - last / first;
        let named = |name: &str, severity| Verdict { severity, number: gain, ..Verdict::named(name) };
        let gained = format!("the loss went from {} to {}", brief(first), brief(last));
        let update_source = "about 1e-3 is usual (A. Karpathy, CS231n, notes on babysitting the learning process); the \
                             thresholds are conventions";
        // The last fifth against all: a line has a fifth, and what has arrived has nothing.
        let late = pieces.iter().rev().nth(2).map_or(0.0, |before| before - pieces[pieces.len() - 1]);
        let all = pieces[0] - pieces[pieces.len() - 1];
        let largest = layers.iter().map(|layer| layer.update).fold(f64::NAN, f64::max);
        // Where no gradient arrives, no rate would help.
        let arrives = layers.iter().all(|layer| layer.largest_gradient > 0.0);
        if arrives && largest < SMALL_STEP && (!learned || steady && late > 0.1 * all) {
            let severity = if learned { Severity::Warning } else { Severity::Failure };
            return Some(Verdict {
                finding: format!(
                    "In the whole run {gained}; a step changes no layer by more than {} of its size.",
                    brief(largest)
                ),
                number: largest,
                threshold: SMALL_STEP,
                formula:
                    "median over steps of ‖Δθ‖ / ‖θ‖, the largest of the layers, where the loss hardly falls"
                        .into(),
                source: update_source.into(),
                advice: format!(
                    "Raise the learning rate of {} ten times, and again if it still falls as steadily.",
                    brief(self.config.optimizer.learning_rate())
                ),
                ..named("rate-too-low", severity)
            });
        }
        if learned {
            return Some(Verdict {
                finding: format!("In the run {gained}."),
                threshold: 1.0 - LEARNED,
                formula: "1 - last loss / first loss".into(),
                source: "the means of the training loss over epochs".into(),
                ..named("loss-falls", Severity::Healthy)
            });
        }
        if update > LARGE_STEP || last > 2.0 * first {
            return Some(Verdict {
                finding: format!(
                    "In the whole run {gained}; a step changes a layer by {} of its size.",
                    brief(update)
                ),
                number: update,
                threshold: LARGE_STEP,
                formula: "median of ‖Δθ‖ / ‖θ‖ over steps and layers, where the loss does not fall".into(),
                source: update_source.into(),
                advice: format!(
                    "Lower the learning rate of {} ten times.",
                    brief(self.config.optimizer.learning_rate())
                ),
                ..named("rate-too-high", Severity::Failure)
            });
        }
        Some(Verdict {
            finding: format!(
                "In the whole run {gained}, though steps change the layer that moves most by {} of its size.",
                brief(largest)
            ),
            threshold: 1.0 - LEARNED,
            formula: "1 - last loss / first loss".into(),
            source: "the means of the training loss over epochs; the threshold is a convention".into(),
            advice: "The steps are not to blame: look at the data, the start and the layers with `downhill diagnose`."
                .into(),
            ..named("no-progress", Severity::Warning)
        })
    }

    /// Whether the loss of the epochs jumps up and down.
    fn oscillation(&self) -> Option<Verdict> {
        let losses: Vec<f64> = self.history.iter().map(|record| record.train.loss).collect();
        if losses.len() < 6 || self.stop.is_failure() {
            return None;
        }
        let half = &losses[losses.len() / 2..];
        let rises = half.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).sum::<f64>();
        let number = rises / (half.len() - 1) as f64 / self.first_loss().abs();
        let high = number > OSCILLATION;
        number.is_finite().then(|| Verdict {
            severity: if high { Severity::Warning } else { Severity::Healthy },
            finding: format!(
                "In the second half of the run the training loss rises from epoch to epoch by {} % of the first loss on \
                 average.",
                brief(100.0 * number)
            ),
            number,
            threshold: OSCILLATION,
            formula: "mean of max(Lₑ₊₁ - Lₑ, 0) / L₀ over the second half of the epochs".into(),
            source: "steps beyond the limit of stability bounce instead of converging; the threshold is a convention"
                .into(),
            advice: if high {
                format!(
                    "Lower the learning rate of {}, let it fall by a schedule, or take larger batches.",
                    brief(self.config.optimizer.learning_rate())
                )
            } else {
                String::new()
            },
            ..Verdict::named(if high { "oscillating-loss" } else { "steady-loss" })
        })
    }

    /// Whether the validation loss rose while the training loss fell.
    fn overfitting(&self) -> Option<Verdict> {
        let loss = |record: &EpochRecord| record.validation.as_ref().map_or(f64::NAN, |v| v.loss);
        let last = self.history.last().filter(|_| !self.stop.is_failure())?;
        let best = self.history.iter().min_by(|a, b| loss(a).total_cmp(&loss(b)))?;
        let scale = self.baseline_or(self.first_loss());
        let number = (loss(last) - loss(best)) / scale.abs();
        let high = number > RISE && last.train.loss < best.train.loss;
        let kept = if self.config.restore_best {
            format!("The model has the parameters of epoch {}.", best.epoch)
        } else {
            "The model has the last parameters all the same.".into()
        };
        number.is_finite().then(|| Verdict {
            severity: if high { Severity::Warning } else { Severity::Healthy },
            finding: if high {
                format!(
                    "After epoch {} the validation loss rose from {} to {}, while the training loss fell from {} to {}. \
                     {kept}",
                    best.epoch,
                    brief(loss(best)),
                    brief(loss(last)),
                    brief(best.train.loss),
                    brief(last.train.loss)
                )
            } else {
                format!(
                    "The validation loss is {} at its best, in epoch {}, and {} at the end.",
                    brief(loss(best)),
                    best.epoch,
                    brief(loss(last))
                )
            },
            number,
            threshold: RISE,
            formula: "(last - smallest validation loss) / loss of the constant answer".into(),
            source: "generalization loss, as in L. Prechelt, Early stopping - but when?, 1998, but on the scale of the \
                     constant answer, so that small losses do not count as large changes; the threshold is a convention"
                .into(),
            advice: if high {
                "Stop early (--patience), take a smaller network, weight decay or dropout, or more data.".into()
            } else {
                String::new()
            },
            ..Verdict::named(if high { "overfitting" } else { "no-overfitting" })
        })
    }
}
