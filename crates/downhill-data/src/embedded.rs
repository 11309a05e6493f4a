//! Small real data sets that come with the crate; `data/README.md` says where each is from.

use crate::csv::{self, CsvOptions, TargetUse};
use crate::{Error, InMemory, InputSchema, Result, Schema, TargetSchema};
use downhill_tensor::Shape;
use downhill_tensor::suggest;

/// An embedded data set, before it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// The name that [`load`] takes.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Where it is from: authors, collection, licence.
    pub source: &'static str,
    file: &'static [u8],
    target: &'static str,
}

/// All embedded data sets.
pub const ALL: &[Embedded] = &[
    Embedded {
        name: "digits",
        description: "1,797 images of handwritten digits, 8x8 values from 0 to 16, 10 classes",
        source: "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part), \
                 UCI Machine Learning Repository, CC BY 4.0",
        file: include_bytes!("../data/digits.csv.gz"),
        target: "digit",
    },
    Embedded {
        name: "iris",
        description: "150 flowers, 4 measures in centimetres, 3 species",
        source: "R. A. Fisher, Iris, UCI Machine Learning Repository, CC BY 4.0",
        file: include_bytes!("../data/iris.csv"),
        target: "class",
    },
    Embedded {
        name: "wine",
        description: "178 wines, 13 chemical measures, 3 growers",
        source: "S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, CC BY 4.0",
        file: include_bytes!("../data/wine.csv"),
        target: "class",
    },
    Embedded {
        name: "breast_cancer",
        description: "569 tumours, 30 measures of their cell nuclei, benign or malignant",
        source: "W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), \
                 UCI Machine Learning Repository, CC BY 4.0",
        file: include_bytes!("../data/breast_cancer.csv"),
        target: "class",
    },
];

/// The names of the embedded data sets.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|data| data.name).collect()
}

/// The embedded data set of this name.
///
/// The digits have inputs of shape `[1, 8, 8]`, kept as bytes with the maximum 16; the others are columns of
/// numbers as they are in the table, without scaling.
///
/// # Errors
/// A name that none of them has.
///
/// ```
/// let digits = downhill_data::embedded::load("digits")?;
/// assert_eq!((digits.len(), digits.input_shape().dims()), (1797, &[1, 8, 8][..]));
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub fn load(name: &str) -> Result<InMemory> {
    let data = ALL.iter().find(|data| data.name == name).ok_or_else(|| Error::UnknownName {
        kind: "embedded data set",
        name: name.to_owned(),
        known: ALL.iter().map(|data| data.name.to_owned()).collect(),
        suggestion: suggest::nearest(name, names()),
    })?;
    let path = format!("embedded:{name}");
    let path = path.as_ref();
    let table = if name == "digits" {
        csv::read_bytes_with_schema(data.file, path, &digits_schema(), TargetUse::Required)
    } else {
        csv::read_bytes(data.file, path, &CsvOptions::new(data.target))
    };
    Ok(table?.with_title(name).with_source(data.source))
}

/// The corners of the images are never written on: as columns of a table they would be refused as constant.
fn digits_schema() -> Schema {
    Schema {
        inputs: InputSchema::Array {
            shape: Shape::from([1, 8, 8]),
            names: (0..64).map(|pixel| format!("p{pixel}")).collect(),
            maximum: Some(16),
        },
        target: TargetSchema::Classes {
            name: "digit".into(),
            classes: (0..10).map(|digit| digit.to_string()).collect(),
        },
    }
}
