//! What a network sees of a table, number by number.

use downhill_data::Preprocessing;
use downhill_data::preprocessing::{ColumnTransform, Standardization};

/// One number that a network sees: a column of the table, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Feature {
    /// The position of the column.
    pub column: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Number(Standardization),
    /// 1 for this category, by its position in the list, and 0 for the others.
    Category(usize),
}

impl Feature {
    /// What is done to a number; nothing to a category.
    pub fn standardization(&self) -> Standardization {
        match self.kind {
            Kind::Number(standardization) => standardization,
            Kind::Category(_) => Standardization::IDENTITY,
        }
    }

    /// The category that it stands for.
    pub fn category(&self) -> Option<usize> {
        match self.kind {
            Kind::Number(_) => None,
            Kind::Category(code) => Some(code),
        }
    }
}

/// All of them, in the order in which the network sees them.
pub(super) fn features(preprocessing: &Preprocessing) -> Vec<Feature> {
    let mut features = Vec::new();
    for (column, transform) in preprocessing.columns().iter().enumerate() {
        match transform {
            ColumnTransform::Standardize(standardization) => {
                features.push(Feature { column, kind: Kind::Number(*standardization) });
            }
            ColumnTransform::OneHot { seen } => {
                let category = |&code| Feature { column, kind: Kind::Category(code) };
                features.extend(seen.iter().map(category));
            }
        }
    }
    features
}
