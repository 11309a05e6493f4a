//! From the columns of a table to the numbers that a model sees, fitted on the training part only.
//!
//! A [`Preprocessing`] is plain data that is stored with a model, so that later data goes the same way.

use crate::{
    Column, ColumnKind, Error, Features, InMemory, InputSchema, Result, Schema, Target, TargetSchema,
};
use serde::{Deserialize, Serialize};

/// What to do when fitting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreprocessingOptions {
    /// Whether numeric columns are standardized. Default: yes.
    pub standardize_inputs: bool,
    /// Whether target numbers are standardized, so that losses of any two data sets are of one size.
    /// Default: yes.
    pub standardize_targets: bool,
}

impl Default for PreprocessingOptions {
    fn default() -> Self {
        PreprocessingOptions { standardize_inputs: true, standardize_targets: true }
    }
}

/// `(x - mean) / scale`.
///
/// Fitted, `mean` is the mean of n numbers, `m = sum(x) / n`, and `scale` their population standard
/// deviation, `s = sqrt(sum((x - m)^2) / n)`; numbers that are all equal get the scale 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    /// What becomes 0.
    pub mean: f64,
    /// What becomes 1 above the mean; positive.
    pub scale: f64,
}

impl Standardization {
    /// Changes nothing.
    pub const IDENTITY: Standardization = Standardization { mean: 0.0, scale: 1.0 };

    /// Fits mean and scale to these numbers; [`Standardization::IDENTITY`] for none.
    pub fn fit(values: impl Iterator<Item = f64> + Clone) -> Self {
        let Some(first) = values.clone().next() else { return Self::IDENTITY };
        // Rounding would give equal numbers a deviation that is tiny instead of 0, and blow up what follows.
        if values.clone().all(|value| value == first) {
            return Standardization { mean: first, scale: 1.0 };
        }
        let count = values.clone().count() as f64;
        // Divided first, so that the largest numbers do not overflow.
        let mean: f64 = values.clone().map(|value| value / count).sum();
        let largest = values.clone().map(|value| (value - mean).abs()).fold(0.0, f64::max);
        let scale =
            largest * values.map(|value| ((value - mean) / largest).powi(2) / count).sum::<f64>().sqrt();
        let usable = scale.is_finite() && scale > 0.0;
        Standardization { mean, scale: if usable { scale } else { 1.0 } }
    }

    fn is_usable(self) -> bool {
        self.mean.is_finite() && self.scale.is_finite() && self.scale > 0.0
    }

    /// `(value - mean) / scale`.
    pub fn apply(self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }

    /// `value * scale + mean`: the inverse of [`Standardization::apply`].
    pub fn invert(self, value: f64) -> f64 {
        value * self.scale + self.mean
    }
}

/// What becomes of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ColumnTransform {
    /// One number stays one number.
    Standardize(Standardization),
    /// A category becomes as many numbers as categories were seen in training: 1 at its place and 0
    /// elsewhere; all 0 for a category that the training part happens to lack.
    OneHot {
        /// The positions, in the column's list of categories, of those that were seen.
        seen: Vec<usize>,
    },
}

/// What was learned of the training part's columns, and how it changes data.
///
/// ```
/// use downhill_data::{CsvOptions, PartSize, Preprocessing, csv};
/// let table = b"size,colour,price\n1,red,10\n2,blue,21\n3,red,29\n4,blue,42\n5,red,50\n";
/// let data = csv::read_bytes(table, "memory".as_ref(), &CsvOptions::new("price"))?;
/// let (train, held_out) = data.split(PartSize::Count(1), 7)?;
/// let preprocessing = Preprocessing::fit(&train, Default::default())?;
/// let (train, held_out) = (preprocessing.apply(&train)?, preprocessing.apply(&held_out)?);
/// assert_eq!(train.schema().inputs.names(), ["size", "colour=blue", "colour=red"]);
/// assert_eq!(held_out.input_shape(), train.input_shape());
/// # Ok::<(), downhill_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Preprocessing {
    schema: Schema,
    columns: Vec<ColumnTransform>,
    targets: Vec<Standardization>,
}

/// A preprocessing as it was read from somewhere, before its parts are known to fit each other.
#[derive(Deserialize)]
struct Unchecked {
    schema: Schema,
    columns: Vec<ColumnTransform>,
    targets: Vec<Standardization>,
}

impl TryFrom<Unchecked> for Preprocessing {
    type Error = Error;

    fn try_from(read: Unchecked) -> Result<Self> {
        let Unchecked { schema, columns, targets } = read;
        let expect = |what, expected, actual| {
            if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { what, expected, actual }) }
        };
        expect("transforms of columns", schema.inputs.columns().len(), columns.len())?;
        if let TargetSchema::Values { width, .. } = schema.target {
            expect("standardizations of targets", width, targets.len())?;
        } else {
            expect("standardizations of targets", 0, targets.len())?;
        }
        for (column, transform) in schema.inputs.columns().iter().zip(&columns) {
            let fits = match (&column.kind, transform) {
                (ColumnKind::Numeric, ColumnTransform::Standardize(standardization)) => {
                    standardization.is_usable()
                }
                (ColumnKind::Categorical { categories }, ColumnTransform::OneHot { seen }) => {
                    seen.iter().all(|&code| code < categories.len())
                }
                _ => false,
            };
            if !fits {
                return Err(Error::SchemaMismatch {
                    what: format!("the stored preprocessing of column '{}'", column.name),
                    expected: "a transform of its kind".into(),
                    actual: format!("{transform:?}"),
                });
            }
        }
        if let Some(bad) = targets.iter().find(|standardization| !standardization.is_usable()) {
            return Err(Error::SchemaMismatch {
                what: "the stored preprocessing of the target".into(),
                expected: "a finite mean and a positive, finite scale".into(),
                actual: format!("{bad:?}"),
            });
        }
        Ok(Preprocessing { schema, columns, targets })
    }
}

impl Preprocessing {
    /// Learns from the training part. Arrays (images) are left as they are: their bytes are scaled when a
    /// batch is filled.
    ///
    /// # Errors
    /// A training part without examples.
    pub fn fit(train: &InMemory, options: PreprocessingOptions) -> Result<Self> {
        if train.is_empty() {
            return Err(Error::NoExamples { title: train.title().to_owned() });
        }
        let schema = train.schema().clone();
        let inputs = raw_inputs(train)?;
        let width = schema.inputs.columns().len();
        let fit_column = |(index, column): (usize, &Column)| {
            let values = inputs.iter().skip(index).step_by(width).copied();
            match &column.kind {
                ColumnKind::Numeric if options.standardize_inputs => {
                    ColumnTransform::Standardize(Standardization::fit(values))
                }
                ColumnKind::Numeric => ColumnTransform::Standardize(Standardization::IDENTITY),
                ColumnKind::Categorical { categories } => {
                    let mut seen = vec![false; categories.len()];
                    values.for_each(|code| seen[code as usize] = true);
                    ColumnTransform::OneHot { seen: (0..seen.len()).filter(|&code| seen[code]).collect() }
                }
            }
        };
        let columns = schema.inputs.columns().iter().enumerate().map(fit_column).collect();
        let targets = match (&schema.target, train.values()) {
            (TargetSchema::Values { width, .. }, Some(values)) => (0..*width)
                .map(|index| {
                    if options.standardize_targets {
                        Standardization::fit(values.iter().skip(index).step_by(*width).copied())
                    } else {
                        Standardization::IDENTITY
                    }
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(Preprocessing { schema, columns, targets })
    }

    /// The data as a model sees it: numeric columns, or the array unchanged. A target is changed as well; data
    /// without one stays without.
    ///
    /// # Errors
    /// Data of another form than the training part; further categories or classes than it knows.
    pub fn apply(&self, data: &InMemory) -> Result<InMemory> {
        let target = self.apply_target(data)?;
        let (inputs, features) = match (&self.schema.inputs, &data.schema().inputs) {
            (InputSchema::Columns(expected), InputSchema::Columns(actual)) => {
                let recode = match_columns(expected, actual)?;
                (self.output_schema(), Features::F64(self.transform(&raw_inputs(data)?, &recode)?))
            }
            (expected, actual) => {
                match_arrays(expected, actual)?;
                if self.targets.is_empty() && self.schema.target.classes() == data.class_names() {
                    // Nothing changes, and the bytes stay shared.
                    return Ok(data.clone());
                }
                (expected.clone(), data.gathered_features())
            }
        };
        let name = self.schema.target.name().unwrap_or_default();
        Ok(InMemory::new(inputs, features, target, name)?.with_title(data.title()).with_source(data.source()))
    }

    /// The form of the data before preprocessing.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What becomes of each column; nothing for arrays.
    pub fn columns(&self) -> &[ColumnTransform] {
        &self.columns
    }

    /// What becomes of each target number; nothing for classes.
    pub fn targets(&self) -> &[Standardization] {
        &self.targets
    }

    /// The names of the classes; none for other targets.
    pub fn class_names(&self) -> &[String] {
        self.schema.target.classes()
    }

    /// The form of the inputs after preprocessing.
    pub fn output_schema(&self) -> InputSchema {
        let InputSchema::Columns(columns) = &self.schema.inputs else { return self.schema.inputs.clone() };
        let names = columns.iter().zip(&self.columns).flat_map(|(column, transform)| {
            match (&column.kind, transform) {
                (ColumnKind::Categorical { categories }, ColumnTransform::OneHot { seen }) => {
                    seen.iter().map(|&code| format!("{}={}", column.name, categories[code])).collect()
                }
                _ => vec![column.name.clone()],
            }
        });
        InputSchema::numeric(names)
    }

    /// Turns a model's predictions, one example after the other, back into the units of the target. Does
    /// nothing for classes.
    pub fn invert_targets(&self, predictions: &mut [f64]) {
        if !self.targets.is_empty() {
            predictions.iter_mut().zip(self.targets.iter().cycle()).for_each(|(y, s)| *y = s.invert(*y));
        }
    }

    fn transform(&self, inputs: &[f64], recode: &[Vec<usize>]) -> Result<Vec<f64>> {
        let mut out = Vec::new();
        for example in inputs.chunks_exact(self.columns.len()) {
            for ((transform, recode), &value) in self.columns.iter().zip(recode).zip(example) {
                match transform {
                    ColumnTransform::Standardize(standardization) => out.push(standardization.apply(value)),
                    ColumnTransform::OneHot { seen } => {
                        let code = recode[value as usize];
                        out.extend(seen.iter().map(|&place| f64::from(u8::from(place == code))));
                    }
                }
            }
        }
        Ok(out)
    }

    fn apply_target(&self, data: &InMemory) -> Result<Target> {
        let mismatch = |expected: &str, actual: &str| {
            let what = "target".to_owned();
            Err(Error::SchemaMismatch { what, expected: expected.into(), actual: actual.into() })
        };
        match (&self.schema.target, &data.schema().target) {
            (_, TargetSchema::None) => Ok(Target::None),
            (TargetSchema::Classes { name, classes }, TargetSchema::Classes { classes: actual, .. }) => {
                let recode = match_categories(&format!("target '{name}'"), classes, actual)?;
                let labels = data.labels().unwrap_or_default();
                let labels = labels.into_iter().map(|label| recode[label as usize] as i64).collect();
                Ok(Target::Classes { labels, names: classes.clone() })
            }
            (TargetSchema::Values { width, .. }, TargetSchema::Values { width: actual, .. }) => {
                if width != actual {
                    return mismatch(&format!("{width} numbers"), &format!("{actual} numbers"));
                }
                let mut values = data.values().unwrap_or_default();
                values.iter_mut().zip(self.targets.iter().cycle()).for_each(|(y, s)| *y = s.apply(*y));
                Ok(Target::Values { values, width: *width })
            }
            (TargetSchema::None, _) => Ok(Target::None),
            (TargetSchema::Classes { .. }, _) => mismatch("classes", "numbers"),
            (TargetSchema::Values { .. }, _) => mismatch("numbers", "classes"),
        }
    }
}

fn raw_inputs(data: &InMemory) -> Result<Vec<f64>> {
    if matches!(data.schema().inputs, InputSchema::Array { .. }) {
        return Ok(Vec::new());
    }
    let mut inputs = Vec::with_capacity(data.len() * data.input_shape().size());
    for row in 0..data.len() {
        inputs.extend(data.input(row)?);
    }
    Ok(inputs)
}

/// For each column, which of the expected categories each actual one is; nothing for numeric columns.
fn match_columns(expected: &[Column], actual: &[Column]) -> Result<Vec<Vec<usize>>> {
    let names =
        |columns: &[Column]| columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    if names(expected) != names(actual) {
        let (expected, actual) = (names(expected), names(actual));
        return Err(Error::SchemaMismatch { what: "columns".into(), expected, actual });
    }
    let pairs = expected.iter().zip(actual);
    pairs
        .map(|(expected, actual)| match (&expected.kind, &actual.kind) {
            (ColumnKind::Numeric, ColumnKind::Numeric) => Ok(Vec::new()),
            (ColumnKind::Categorical { categories: known }, ColumnKind::Categorical { categories }) => {
                match_categories(&format!("column '{}'", expected.name), known, categories)
            }
            (kind, _) => {
                let words = ["numbers", "categories"];
                let numeric = *kind == ColumnKind::Numeric;
                Err(Error::SchemaMismatch {
                    what: format!("column '{}'", expected.name),
                    expected: words[usize::from(!numeric)].into(),
                    actual: words[usize::from(numeric)].into(),
                })
            }
        })
        .collect()
}

fn match_categories(what: &str, known: &[String], actual: &[String]) -> Result<Vec<usize>> {
    let position = |text: &String| {
        Schema::category(known, text).ok_or_else(|| Error::SchemaMismatch {
            what: what.to_owned(),
            expected: format!("one of {}", known.join(", ")),
            actual: format!("'{text}'"),
        })
    };
    actual.iter().map(position).collect()
}

fn match_arrays(expected: &InputSchema, actual: &InputSchema) -> Result<()> {
    let describe = |inputs: &InputSchema| match inputs {
        InputSchema::Columns(columns) => format!("a table of {} columns", columns.len()),
        InputSchema::Array { shape, maximum: Some(maximum), .. } => {
            format!("arrays of shape {shape} of bytes up to {maximum}")
        }
        InputSchema::Array { shape, maximum: None, .. } => format!("arrays of shape {shape}"),
    };
    let (expected, actual) = (describe(expected), describe(actual));
    if expected == actual {
        return Ok(());
    }
    Err(Error::SchemaMismatch { what: "inputs".into(), expected, actual })
}
