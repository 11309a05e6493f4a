//! The workloads, one family a file, and their register.

mod convolutional;
mod decoder;
mod embedding;
mod logistic;
mod perceptron;
mod recurrent;
mod rosenbrock;

pub use convolutional::{coloured, grey};
pub use decoder::{Sizes, decoder};
pub use embedding::embedding;
pub use logistic::logistic;
pub use perceptron::{perceptron, sigmoid_perceptron, xor};
pub use recurrent::recurrent;
pub use rosenbrock::{rosenbrock, rosenbrock_program};

use crate::cost::Cost;
use crate::training::Task;
use crate::{Error, Result};
use downhill::engine::{Engine, Plan};
use std::fmt;
use std::str::FromStr;

/// Something that learns step by step.
pub trait Workload {
    /// One whole training step: the next batch, forward, loss, backward, update. Returns the loss.
    ///
    /// # Errors
    /// What the libraries report.
    fn step(&mut self) -> Result<f32>;

    /// The parameters as they are now.
    fn parameters(&self) -> &[f32];

    /// The plan of a step.
    fn plan_mut(&mut self) -> &mut Plan<f32>;
}

/// A workload that is ready to run, and what a step of it costs at least.
pub struct Prepared {
    /// What runs.
    pub workload: Box<dyn Workload>,
    /// The work that nobody can avoid.
    pub cost: Cost,
}

/// A row of the register.
struct Row {
    id: &'static str,
    what: &'static str,
    batches: &'static [usize],
    make: Make,
}

/// How a workload comes about.
enum Make {
    /// A network in training, with batches of a size.
    Task(fn(usize) -> Result<Task>),
    /// Something else, which has no batches.
    Workload(fn(&Engine) -> Result<Prepared>),
}

/// All workloads. A new one is a function in a file of its family, and a row here.
const REGISTER: [Row; 10] = [
    Row {
        id: "W1",
        what: "MLP 784-128-10, ReLU",
        batches: &[1, 32, 128, 1024],
        make: Make::Task(|batch| perceptron(128, batch)),
    },
    Row {
        id: "W1b",
        what: "MLP 784-16-16-10, sigmoid",
        batches: &[10],
        make: Make::Task(sigmoid_perceptron),
    },
    Row { id: "W2", what: "two convolutions on 1x28x28", batches: &[64], make: Make::Task(grey) },
    Row { id: "W2b", what: "three convolutions on 3x32x32", batches: &[32], make: Make::Task(coloured) },
    Row {
        id: "W3",
        what: "transformer decoder, width 128",
        batches: &[16],
        make: Make::Task(|batch| decoder(Sizes::default(), batch)),
    },
    Row {
        id: "W4",
        what: "logistic regression, 1,000,000 x 32",
        batches: &[logistic::EXAMPLES],
        make: Make::Task(logistic),
    },
    Row { id: "W5", what: "XOR, MLP 2-8-1, tanh", batches: &[4], make: Make::Task(xor) },
    Row { id: "W6", what: "Rosenbrock in 2 dimensions", batches: &[1], make: Make::Workload(rosenbrock) },
    Row {
        id: "W7",
        what: "embedding 1,000,000 x 64",
        batches: &[256],
        make: Make::Task(|batch| embedding(embedding::ROWS, batch)),
    },
    Row { id: "W8", what: "LSTM, hidden 128, 64 steps", batches: &[32], make: Make::Task(recurrent) },
];

/// A workload with a batch size: a line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The workload, W1 say.
    pub id: &'static str,
    /// Examples of one step.
    pub batch: usize,
}

impl Line {
    /// All lines, in order.
    pub fn all() -> Vec<Line> {
        let lines = |row: &'static Row| row.batches.iter().map(|&batch| Line { id: row.id, batch });
        REGISTER.iter().flat_map(lines).collect()
    }

    /// The lines that a word means: `W1:32` is one, `W1` is that workload with each of its batch sizes.
    ///
    /// # Errors
    /// An unknown workload, or a batch size that is no number.
    pub fn parse_all(word: &str) -> Result<Vec<Line>> {
        if word.contains(':') {
            return Ok(vec![word.parse()?]);
        }
        let row = row(word)?;
        Ok(row.batches.iter().map(|&batch| Line { id: row.id, batch }).collect())
    }

    /// What the model is, in a few words.
    pub fn what(&self) -> &'static str {
        row(self.id).map_or("", |row| row.what)
    }

    /// The network of this line and all that its training needs; nothing for W6, which has none.
    ///
    /// # Errors
    /// A batch size that does not go with the data set.
    pub fn task(&self) -> Result<Option<Task>> {
        match row(self.id)?.make {
            Make::Task(make) => make(self.batch).map(Some),
            Make::Workload(_) => Ok(None),
        }
    }

    /// Makes it ready to run on the threads of `engine`.
    ///
    /// # Errors
    /// A batch size that does not go with the data set.
    pub fn prepare(&self, engine: &Engine) -> Result<Prepared> {
        match row(self.id)?.make {
            Make::Task(make) => make(self.batch)?.prepare(engine),
            Make::Workload(make) => make(engine),
        }
    }
}

fn row(id: &str) -> Result<&'static Row> {
    REGISTER.iter().find(|row| row.id == id).ok_or_else(|| {
        let known: Vec<&str> = REGISTER.iter().map(|row| row.id).collect();
        format!("there is no workload `{id}`; there are: {}", known.join(", ")).into()
    })
}

impl FromStr for Line {
    type Err = Error;

    /// `W1:32`, or `W3` for a workload's first batch size.
    fn from_str(word: &str) -> Result<Line> {
        let (id, batch) = word.split_once(':').map_or((word, None), |(id, batch)| (id, Some(batch)));
        let row = row(id)?;
        let batch = match batch {
            None => row.batches[0],
            Some(batch) => batch.parse().map_err(|_| format!("`{batch}` is no batch size"))?,
        };
        Ok(Line { id: row.id, batch })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_one_line_or_all_of_a_workload() {
        assert_eq!(Line::parse_all("W1:7").unwrap(), [Line { id: "W1", batch: 7 }]);
        assert_eq!(Line::parse_all("W1").unwrap().len(), 4);
        assert_eq!("W1b".parse::<Line>().unwrap().batch, 10);
        assert!("W9".parse::<Line>().is_err());
        assert!("W1:many".parse::<Line>().is_err());
    }
}
