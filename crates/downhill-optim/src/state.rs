//! What an optimizer remembers from step to step, as a value that can be saved.

use crate::{Error, Result, Rule};
use downhill_tensor::{Float, ParameterLayout};
use serde::{Deserialize, Serialize};

/// One vector of state: its name and its elements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct SlotState<T> {
    /// The name of the slot, as the rule declares it.
    pub name: String,
    /// One value for each element of the parameters, or as many as [`Rule::slot_len`] says for each of them.
    pub values: Vec<T>,
}

/// One number of state that all parameters share, in double precision whatever theirs is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalarState {
    /// The name, as the rule declares it.
    pub name: String,
    /// The number.
    pub value: f64,
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
    /// The numbers that all parameters share, in the order in which the rule declares them.
    #[serde(default)]
    pub scalars: Vec<ScalarState>,
}

impl<T: Float> OptimizerState<T> {
    /// The state of a rule before its first step, for these parameters.
    pub fn initial(rule: &impl Rule, layout: &ParameterLayout) -> Self {
        let slots = rule.slots().into_iter().enumerate().map(|(index, slot)| {
            let entries = layout.entries().iter().filter(|parameter| parameter.shape.size() > 0);
            let len = entries.map(|parameter| rule.slot_len(index, parameter)).sum();
            SlotState { name: slot.name.into(), values: vec![T::from_f64(slot.initial); len] }
        });
        let scalars = rule.scalars().into_iter();
        let scalars = scalars.map(|scalar| ScalarState { name: scalar.name.into(), value: scalar.initial });
        OptimizerState { steps: 0, slots: slots.collect(), scalars: scalars.collect() }
    }

    /// Whether `other` has the same slots with the same lengths, and the same scalars.
    ///
    /// # Errors
    /// [`Error::StateMismatch`], which describes both.
    pub fn check_compatible(&self, other: &Self) -> Result<()> {
        let same = self.slots.len() == other.slots.len()
            && self
                .scalars
                .iter()
                .map(|scalar| &scalar.name)
                .eq(other.scalars.iter().map(|scalar| &scalar.name))
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
        if self.slots.is_empty() && self.scalars.is_empty() {
            return "no slots".into();
        }
        let slots = self.slots.iter().map(|slot| format!("{} [{}]", slot.name, slot.values.len()));
        slots.chain(self.scalars.iter().map(|scalar| scalar.name.clone())).collect::<Vec<_>>().join(", ")
    }
}
