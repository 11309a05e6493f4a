//! What is to be learned from a target, and when numbers are classes.

use serde::{Deserialize, Serialize};

/// What is to be learned from a target.
///
/// Left to [`Task::Auto`], texts are classes, and so are whole numbers that have exactly two different values,
/// or at most 20 that repeat ten times on average; other numbers are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Decide by the target.
    #[default]
    Auto,
    /// Classes, also where the target holds numbers.
    Classify,
    /// Numbers.
    Regress,
}

/// The most classes that are taken from numbers when classes are asked for.
pub(crate) const MOST_CLASSES: usize = 1000;

const MOST_CLASSES_UNASKED: usize = 20;
const FEWEST_ROWS_PER_CLASS: usize = 10;

/// The different values of numbers, until there are too many for classes.
#[derive(Clone, Debug)]
pub(crate) struct Distinct {
    sorted: Vec<f64>,
    all_whole: bool,
}

impl Distinct {
    pub(crate) fn new() -> Self {
        Distinct { sorted: Vec::new(), all_whole: true }
    }

    pub(crate) fn see(&mut self, number: f64) {
        self.all_whole &= number.fract() == 0.0;
        if !self.too_many()
            && let Err(at) = self.position(number)
        {
            self.sorted.insert(at, number);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are more than [`MOST_CLASSES`]; the rest was not kept then.
    pub(crate) fn too_many(&self) -> bool {
        self.sorted.len() > MOST_CLASSES
    }

    /// Whether the values in this many rows are taken for classes unasked.
    pub(crate) fn look_like_classes(&self, rows: usize) -> bool {
        let repeat = self.len() <= MOST_CLASSES_UNASKED && self.len() * FEWEST_ROWS_PER_CLASS <= rows;
        self.all_whole && (self.len() == 2 || repeat)
    }

    /// Where a number stands among the values, or where it would.
    pub(crate) fn position(&self, number: f64) -> Result<usize, usize> {
        self.sorted.binary_search_by(|known| known.total_cmp(&number))
    }

    /// The values as names of classes, in their order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.sorted.iter().map(f64::to_string).collect()
    }
}
