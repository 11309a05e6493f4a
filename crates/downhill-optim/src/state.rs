//! What an optimizer remembers from step to step, as a value that can be saved.

use crate::{Error, Result, Rule};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// One vector of state: its name and an element for each parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct SlotState<T> {
    /// The name of the slot, as the rule declares it.
    pub name: String,
    /// One value for each parameter.
    pub values: Vec<T>,
}

/// The whole memory of an optimizer. Saved with the parameters and loaded again, it makes n + m steps equal
/// to n steps, a pause, and m steps, to the last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct OptimizerState<T> {
    /// The number of steps made.
    pub steps: u64,
    /// The slots, in the order in which the rule declares them.
    pub slots: Vec<SlotState<T>>,
}

impl<T: Float> OptimizerState<T> {
    /// The state of a rule before its first step, for this number of parameters.
    pub fn initial(rule: &impl Rule, len: usize) -> Self {
        let slots = rule
            .slots()
            .into_iter()
            .map(|slot| SlotState { name: slot.name.into(), values: vec![T::from_f64(slot.initial); len] });
        OptimizerState { steps: 0, slots: slots.collect() }
    }

    /// Whether `other` has the same slots with the same lengths.
    ///
    /// # Errors
    /// [`Error::StateMismatch`], which describes both.
    pub fn check_compatible(&self, other: &Self) -> Result<()> {
        let same = self.slots.len() == other.slots.len()
            && self
                .slots
                .iter()
                .zip(&other.slots)
                .all(|(a, b)| a.name == b.name && a.values.len() == b.values.len());
        if same {
            return Ok(());
        }
        Err(Error::StateMismatch { expected: self.describe(), found: other.describe() })
    }

    fn describe(&self) -> String {
        if self.slots.is_empty() {
            return "no slots".into();
        }
        let slots = self.slots.iter().map(|slot| format!("{} [{}]", slot.name, slot.values.len()));
        slots.collect::<Vec<_>>().join(", ")
    }
}
