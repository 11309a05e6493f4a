//! How far a run of a race may go.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a run may spend; it ends with the first limit that is used up. As text `20epochs`, `2000steps`, `5seconds`,
/// or several of them with commas between.
///
/// A limit of epochs lets every entrant see as many examples, and large batches make few steps of them; a limit of
/// steps gives large batches more examples. A limit of seconds makes the result depend on the machine.
///
/// ```
/// use downhill_train::race::Budget;
/// let budget: Budget = "20epochs,5000steps".parse()?;
/// assert_eq!(budget, Budget { steps: Some(5000), ..Budget::epochs(20.0) });
/// assert_eq!(budget.to_string(), "20 epochs or 5000 steps");
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How often to go through the training data: the examples seen, as a multiple of those there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// How often to move the parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// How long to make steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl Default for Budget {
    /// 20 epochs.
    fn default() -> Self {
        Budget::epochs(20.0)
    }
}

impl Budget {
    /// Nothing but a number of epochs.
    pub fn epochs(epochs: f64) -> Self {
        Budget { epochs: Some(epochs), steps: None, seconds: None }
    }

    /// Nothing but a number of steps.
    pub fn steps(steps: u64) -> Self {
        Budget { epochs: None, steps: Some(steps), seconds: None }
    }

    /// This part of it; of steps at least one.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Budget {
            epochs: self.epochs.map(|epochs| epochs * share),
            steps: self.steps.map(|steps| ((steps as f64 * share).ceil() as u64).max(1)),
            seconds: self.seconds.map(|seconds| seconds * share),
        }
    }

    /// Whether a run on so many examples that has spent this much is over.
    pub(crate) fn is_spent(&self, examples_there: usize, steps: u64, examples: u64, seconds: f64) -> bool {
        self.epochs.is_some_and(|epochs| examples as f64 >= epochs * examples_there as f64)
            || self.steps.is_some_and(|limit| steps >= limit)
            || self.seconds.is_some_and(|limit| seconds >= limit)
    }

    /// Refuses a budget that nothing limits, or with which nothing could be done.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |expected, actual: String| Err(Error::Option { option: "budget", expected, actual });
        let amounts = [self.epochs, self.steps.map(|steps| steps as f64), self.seconds];
        if amounts.iter().all(Option::is_none) {
            return refuse("a limit of epochs, steps or seconds", "none".into());
        }
        match amounts.into_iter().flatten().find(|amount| !(*amount > 0.0 && amount.is_finite())) {
            Some(amount) => refuse("limits above 0 and finite", amount.to_string()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural =
            |amount: f64, unit: &str| format!("{amount} {unit}{}", if amount == 1.0 { "" } else { "s" });
        let limits = [
            self.epochs.map(|epochs| plural(epochs, "epoch")),
            self.steps.map(|steps| plural(steps as f64, "step")),
            self.seconds.map(|seconds| plural(seconds, "second")),
        ];
        f.write_str(&limits.into_iter().flatten().collect::<Vec<_>>().join(" or "))
    }
}

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || Error::Option {
            option: "budget",
            expected: "numbers above 0 with their units, such as 20epochs, 2000steps or 5seconds",
            actual: format!("'{text}'"),
        };
        let mut budget = Budget { epochs: None, steps: None, seconds: None };
        for limit in text.split(',').map(str::trim) {
            let amount = limit.trim_end_matches(char::is_alphabetic);
            let (amount, unit) = (amount.trim(), &limit[amount.len()..]);
            match unit {
                "epochs" | "epoch" if budget.epochs.is_none() => {
                    budget.epochs = Some(amount.parse().map_err(|_| refuse())?);
                }
                "steps" | "step" if budget.steps.is_none() => {
                    budget.steps = Some(amount.parse().map_err(|_| refuse())?);
                }
                "seconds" | "second" | "s" if budget.seconds.is_none() => {
                    budget.seconds = Some(amount.parse().map_err(|_| refuse())?);
                }
                _ => return Err(refuse()),
            }
        }
        budget.validate().map_err(|_| refuse())?;
        Ok(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_reads_as_it_is_written() {
        for (text, budget) in [
            ("20epochs", Budget::epochs(20.0)),
            ("0.5 epochs", Budget::epochs(0.5)),
            ("1e2epochs", Budget::epochs(100.0)),
            ("1step", Budget::steps(1)),
            ("5s", Budget { epochs: None, steps: None, seconds: Some(5.0) }),
            (
                "3 epochs, 70 steps, 1.5 seconds",
                Budget { epochs: Some(3.0), steps: Some(70), seconds: Some(1.5) },
            ),
        ] {
            assert_eq!(text.parse::<Budget>().unwrap(), budget, "{text}");
        }
    }

    #[test]
    fn what_is_no_budget_is_refused_with_an_example() {
        for text in [
            "",
            "20",
            "epochs",
            "0steps",
            "-1epochs",
            "1.5steps",
            "nanseconds",
            "infepochs",
            "5hours",
            "1s,2s",
        ] {
            let error = text.parse::<Budget>().unwrap_err().to_string();
            assert!(error.contains("such as 20epochs") && error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn the_first_limit_that_is_used_up_ends_a_run() {
        let budget = Budget { steps: Some(10), ..Budget::epochs(2.0) };
        assert!(!budget.is_spent(100, 9, 199, 1e9));
        assert!(budget.is_spent(100, 9, 200, 0.0) && budget.is_spent(100, 10, 10, 0.0));
        assert_eq!(budget.share(0.25), Budget { steps: Some(3), ..Budget::epochs(0.5) });
    }
}
