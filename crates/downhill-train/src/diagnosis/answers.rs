//! What the model answers: always the same, or never a small class.

use super::examine::percent;
use super::not_finite::brief;
use super::{Diagnosis, Severity, Verdict};
use crate::{Model, Predictions, Result};
use downhill_data::InMemory;

/// The share of one answer from which all count as the same.
const SAME: f64 = 0.995;

/// How many times larger than the smallest the largest class may be.
const IMBALANCE: f64 = 10.0;

/// The spread of the answers below which numbers count as the same, as a part of the targets' spread.
const SPREAD: f64 = 0.02;

/// Looks at the answers for `data`, and at the classes of the training data.
pub(crate) fn examine(model: &Model, data: &InMemory, train: &InMemory, found: &mut Diagnosis) -> Result<()> {
    match model.predict(data)? {
        Predictions::Classes { names, labels, .. } => classes(&names, &labels, data, train, found),
        Predictions::Values { values, width, .. } => numbers(&values, width, data, found),
    }
    Ok(())
}

fn classes(names: &[String], labels: &[usize], data: &InMemory, train: &InMemory, found: &mut Diagnosis) {
    let mut answers = vec![0usize; names.len()];
    labels.iter().for_each(|&label| answers[label] += 1);
    let most = (0..names.len()).max_by_key(|&class| answers[class]).unwrap_or(0);
    let share = answers[most] as f64 / labels.len().max(1) as f64;
    let truth = data.class_counts();
    let true_share = truth.iter().copied().max().unwrap_or(0) as f64 / data.len().max(1) as f64;
    found.note("share of the most frequent answer", None, share);
    let constant = share >= SAME && true_share < SAME;
    found.say(Verdict {
        severity: if constant { Severity::Failure } else { Severity::Healthy },
        finding: format!(
            "For {} of the examples the answer is '{}'; the largest class has {}.",
            percent(share),
            names[most],
            percent(true_share)
        ),
        number: share,
        threshold: SAME,
        formula: "examples with the most frequent answer / examples".into(),
        source: "what the constant answer would do; the threshold is a convention".into(),
        advice: if constant {
            "The model has learned the shares of the classes at most: look at the other verdicts, and weight the classes \
             or draw them equally often if one is rare."
                .into()
        } else {
            String::new()
        },
        ..Verdict::named(if constant { "constant-prediction" } else { "predictions-vary" })
    });
    let counts = train.class_counts();
    let (largest, smallest) =
        (counts.iter().copied().max().unwrap_or(0), counts.iter().copied().min().unwrap_or(0));
    let number = largest as f64 / smallest.max(1) as f64;
    found.note("largest class / smallest class", None, number);
    let true_labels = data.labels().unwrap_or_default();
    let found_right = |class: usize| {
        let own = true_labels.iter().zip(labels).filter(|&(&truth, _)| truth as usize == class);
        own.filter(|&(&truth, &label)| truth as usize == label).count()
    };
    let missed = (0..names.len()).find(|&class| truth[class] > 0 && found_right(class) == 0);
    let unequal = number > IMBALANCE;
    found.say(Verdict {
        severity: match (unequal, missed) {
            (true, Some(_)) => Severity::Warning,
            (true, None) => Severity::Notice,
            _ => Severity::Healthy,
        },
        finding: format!(
            "The largest class has {largest} training examples, the smallest {smallest}{}.",
            match missed.filter(|_| unequal) {
                Some(class) => format!(", and not one example of '{}' is recognized", names[class]),
                None => String::new(),
            }
        ),
        number,
        threshold: IMBALANCE,
        formula: "largest class / smallest class".into(),
        source: "H. He, E. Garcia, Learning from imbalanced data, 2009; the threshold is a convention".into(),
        advice: if unequal {
            "Do not go by the accuracy alone: look at the recall of each class (`downhill eval`).".into()
        } else {
            String::new()
        },
        ..Verdict::named(if unequal { "class-imbalance" } else { "class-balance" })
    });
}

fn numbers(values: &[f64], width: usize, data: &InMemory, found: &mut Diagnosis) {
    let truth = data.values().unwrap_or_default();
    let spread = |numbers: &[f64], column: usize| {
        let own = || numbers.iter().skip(column).step_by(width.max(1));
        let count = own().count().max(1) as f64;
        let mean = own().sum::<f64>() / count;
        (own().map(|y| (y - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    let ratios = (0..width).map(|column| spread(values, column) / spread(&truth, column));
    let number = ratios.fold(f64::NAN, f64::max);
    if number.is_nan() {
        return;
    }
    found.note("spread of the answers / spread of the targets", None, number);
    let constant = number < SPREAD;
    found.say(Verdict {
        severity: if constant { Severity::Failure } else { Severity::Healthy },
        finding: format!("The answers have {} times the standard deviation of the targets.", brief(number)),
        number,
        threshold: SPREAD,
        formula: "standard deviation of the answers / that of the targets".into(),
        source: "the constant answer has 0; the threshold is a convention".into(),
        advice: if constant {
            "The model has learned the mean of the targets at most: look at the other verdicts.".into()
        } else {
            String::new()
        },
        ..Verdict::named(if constant { "constant-prediction" } else { "predictions-vary" })
    });
}
