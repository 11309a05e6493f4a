//! What the examples of a data set look like, apart from their values.

use downhill_tensor::Shape;
use serde::{Deserialize, Serialize};

/// The form of a data set: of its inputs and of its target. Stored with a model, it decides what later data
/// must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The form of one example's input.
    pub inputs: InputSchema,
    /// The form of one example's target.
    pub target: TargetSchema,
}

/// The form of one example's input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputSchema {
    /// Named columns of a table; the shape is `[columns]`.
    Columns(Vec<Column>),
    /// One array of numbers that are alike, such as the pixels of an image.
    Array {
        /// The shape of one example.
        shape: Shape,
        /// The names that the numbers have in a table, row by row; empty where there are none.
        names: Vec<String>,
        /// For bytes, the value that stands for 1: an input is byte / maximum. `None` for floating point.
        maximum: Option<u8>,
    },
}

impl InputSchema {
    /// Numeric columns with these names.
    pub fn numeric<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let numeric = |name: S| Column { name: name.into(), kind: ColumnKind::Numeric };
        InputSchema::Columns(names.into_iter().map(numeric).collect())
    }

    /// The shape of one example.
    pub fn shape(&self) -> Shape {
        match self {
            InputSchema::Columns(columns) => Shape::from([columns.len()]),
            InputSchema::Array { shape, .. } => *shape,
        }
    }

    /// The columns of a table; none for an array.
    pub fn columns(&self) -> &[Column] {
        match self {
            InputSchema::Columns(columns) => columns,
            InputSchema::Array { .. } => &[],
        }
    }

    /// The names of the numbers of one example, where they have any.
    pub fn names(&self) -> Vec<String> {
        match self {
            InputSchema::Columns(columns) => columns.iter().map(|column| column.name.clone()).collect(),
            InputSchema::Array { names, .. } => names.clone(),
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// What its cells hold.
    pub kind: ColumnKind,
}

/// What the cells of a column hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Finite numbers.
    Numeric,
    /// One of a few texts. In memory a cell is the position in this list.
    Categorical {
        /// The texts, sorted.
        categories: Vec<String>,
    },
}

/// The form of one example's target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetSchema {
    /// There is none: data to predict for.
    None,
    /// One of a few classes.
    Classes {
        /// The name of the target.
        name: String,
        /// The names of the classes; a label is a position in this list.
        classes: Vec<String>,
    },
    /// Numbers.
    Values {
        /// The name of the target.
        name: String,
        /// How many numbers an example has.
        width: usize,
    },
}

impl TargetSchema {
    /// The name of the target, if there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            TargetSchema::None => None,
            TargetSchema::Classes { name, .. } | TargetSchema::Values { name, .. } => Some(name),
        }
    }

    /// The names of the classes; none for other targets.
    pub fn classes(&self) -> &[String] {
        match self {
            TargetSchema::Classes { classes, .. } => classes,
            _ => &[],
        }
    }
}

impl Schema {
    /// Where the text of a column stands in the list of its categories.
    pub(crate) fn category(categories: &[String], text: &str) -> Option<usize> {
        // Lists made by this crate are sorted, but a caller's need not be.
        categories.iter().position(|category| category == text)
    }
}
