//! What is said when a training is over: as a text for people, as an object for programs.

use crate::measures::{self, Measures};
use crate::report::{count, grouped, seconds, sentence};
use serde::Serialize;
use std::fmt;

/// The result of a training.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The short name of the data.
    pub source: String,
    /// The network, as on the command line.
    pub model: String,
    /// How many numbers were learned.
    pub parameters: usize,
    /// The name of the loss.
    pub loss: String,
    /// The name of the optimizer.
    pub optimizer: String,
    /// What the randomness followed from.
    pub seed: u64,
    /// How many threads computed.
    pub threads: usize,
    /// Epochs that were finished.
    pub epochs: u64,
    /// Steps that were made.
    pub steps: u64,
    /// The epoch whose parameters were kept, where they were chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<u64>,
    /// The time of the training alone.
    pub seconds: f64,
    /// Why it ended, in a word.
    pub stop_reason: &'static str,
    /// On the examples that were learned from.
    pub train: Measures,
    /// On the examples that were held out to choose the best epoch by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Measures>,
    /// On the examples that took no part in the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Measures>,
    /// What needs no learning, on the last of the parts above.
    pub baseline: Measures,
    /// Where the run was saved.
    pub run: String,
    /// The page of the run.
    pub report: String,
    /// What the baseline is, in words.
    #[serde(skip)]
    pub baseline_is: String,
    /// Why it ended, in a sentence.
    #[serde(skip)]
    pub stop_sentence: String,
    /// Commands to try next, each with what it does.
    #[serde(skip)]
    pub next: Vec<(String, &'static str)>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The loss of numbers is measured as it was trained; rmse is in the target's own units.
        let scale = if self.train.rmse.is_some() { " of the standardized target" } else { "" };
        writeln!(
            f,
            "{} on {}: {}, {}{scale} by {}\n",
            self.model,
            self.source,
            count(self.parameters as u64, "parameter"),
            self.loss,
            self.optimizer
        )?;
        let mut rows = vec![("train", self.train, "")];
        rows.extend(self.validation.map(|measures| ("validation", measures, "held out")));
        rows.extend(self.test.map(|measures| ("test", measures, "held out")));
        rows.push(("baseline", self.baseline, &self.baseline_is));
        write!(f, "{}", measures::table(&rows))?;
        let (stop, steps) = (sentence(&self.stop_sentence), count(self.steps, "step"));
        write!(f, "\n{stop}. {steps} took {}", seconds(self.seconds))?;
        if let Some(best) = self.best_epoch.filter(|&best| best != self.epochs) {
            write!(f, "; the parameters are those of epoch {}, the best", grouped(best))?;
        }
        writeln!(f, ".\nSaved in {}; to look at: {}\n\nTo try next:", self.run, self.report)?;
        let width = self.next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
        for (command, purpose) in &self.next {
            writeln!(f, "  {command:<width$}   {purpose}")?;
        }
        Ok(())
    }
}
