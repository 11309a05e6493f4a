//! Names, shapes and ranges in one flat vector of parameters.

use crate::{Error, Result, Shape};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One parameter: where it lies in the flat vector and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ParameterEntry {
    /// The path of the layer and the name in it, joined by dots: `encoder.0.weight`.
    pub name: String,
    /// The shape.
    pub shape: Shape,
    /// The position of its first element in the flat vector.
    pub offset: usize,
    /// Whether it is only ever gathered from, so that a step touches few of its rows.
    pub sparse: bool,
}

impl ParameterEntry {
    /// The range of the flat vector that holds it.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.shape.size()
    }
}

/// The description of a flat vector: its parameters one after the other, without gaps.
///
/// ```
/// use downhill_tensor::ParameterLayout;
/// let mut layout = ParameterLayout::default();
/// layout.push("weight", [3, 2], false)?;
/// layout.push("bias", [2], false)?;
/// assert_eq!(layout.len(), 8);
/// assert_eq!(layout.get("bias").map(|entry| entry.range()), Some(6..8));
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ParameterLayout {
    entries: Vec<ParameterEntry>,
}

impl ParameterLayout {
    /// A layout of one unnamed vector of this length.
    pub fn flat(len: usize) -> Self {
        let entry =
            ParameterEntry { name: "parameters".into(), shape: [len].into(), offset: 0, sparse: false };
        ParameterLayout { entries: vec![entry] }
    }

    /// Appends a parameter and returns its offset.
    ///
    /// # Errors
    /// A name that is already there.
    pub fn push(&mut self, name: impl Into<String>, shape: impl Into<Shape>, sparse: bool) -> Result<usize> {
        let name = name.into();
        if self.get(&name).is_some() {
            return Err(Error::InvalidArgument {
                operation: "parameter layout",
                argument: "name",
                expected: "a name that no other parameter has",
                actual: name,
            });
        }
        let offset = self.len();
        self.entries.push(ParameterEntry { name, shape: shape.into(), offset, sparse });
        Ok(offset)
    }

    /// The parameters, in the order of their offsets.
    pub fn entries(&self) -> &[ParameterEntry] {
        &self.entries
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&ParameterEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The length of the flat vector.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range().end)
    }

    /// Whether the flat vector is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
