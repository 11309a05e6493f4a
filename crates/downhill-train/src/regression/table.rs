//! Regressions of data sets: columns by their names, categories, classes, files.

use super::examples::Examples;
use super::fit::fit;
use super::fitted::Fitted;
use super::quality::Quality;
use super::{Regression, RegressionError};
use crate::{Error, Predictions, Result};
use downhill_data::preprocessing::ColumnTransform;
use downhill_data::{InMemory, InputSchema, Preprocessing, PreprocessingOptions, Schema, TargetKind};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A regression that was fitted to a data set, and takes others of the same form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedTable {
    /// What was found. Its names are those of the columns; a category's is `column=category`.
    pub fitted: Fitted,
    preprocessing: Preprocessing,
    /// Which columns after preprocessing the regression takes.
    kept: Vec<usize>,
}

impl Regression {
    /// Fits the model to a data set in memory, of which one copy in double precision is made.
    ///
    /// A column of categories becomes a column of zeros and ones for each of them; where no penalty decides between
    /// them, the first category is the reference that the others are compared with, and has none.
    ///
    /// # Errors
    /// A target of another kind than the model takes; and what [`Regression::fit_examples`] refuses.
    ///
    /// ```
    /// use downhill_data::embedded;
    /// use downhill_train::regression::{LogisticRegression, Regression};
    /// let wine = embedded::load("wine")?;
    /// let model = Regression::from(LogisticRegression { alpha: 0.01, ..LogisticRegression::default() });
    /// let fitted = model.fit_data(&wine)?;
    /// assert!(fitted.evaluate(&wine)?.accuracy > Some(0.98));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit_data(&self, data: &InMemory) -> Result<FittedTable> {
        let role = "the data to fit to";
        let wants_classes = matches!(self, Regression::LogisticRegression(_));
        let classes = match (data.target_kind(), wants_classes) {
            (TargetKind::Classes { count }, true) => count.max(2),
            (TargetKind::Values { width: 1 }, false) => 0,
            (TargetKind::None, _) => {
                return Err(Error::NoTarget { role, title: data.title().into() });
            }
            (other, _) => {
                let expected = if wants_classes { "classes" } else { "one number" };
                let actual = match other {
                    TargetKind::Values { width } => format!("{width} numbers"),
                    other => other.describe().into(),
                };
                return Err(RegressionError::TargetKind { model: self.name(), expected, actual }.into());
            }
        };
        let options = PreprocessingOptions { standardize_inputs: false, standardize_targets: false };
        let preprocessing = Preprocessing::fit(data, options).map_err(Error::data(role))?;
        let unpenalized = self.penalty() == Default::default();
        let kept = kept_columns(&preprocessing, unpenalized && self.options().intercept);
        let names = names(&preprocessing.output_schema(), &kept);
        let rows = rows(&preprocessing, &kept, data, role)?;
        let targets = targets(data);
        let examples = Examples::new(&rows, &targets)?.named(names)?;
        let fitted = fit(self, &examples, classes)?;
        Ok(FittedTable { fitted, preprocessing, kept })
    }
}

impl FittedTable {
    /// The form of the data that it was fitted to, and takes.
    pub fn schema(&self) -> &Schema {
        self.preprocessing.schema()
    }

    /// What is predicted for each example: classes with their probabilities, or the mean of the target.
    ///
    /// # Errors
    /// Data of another form.
    pub fn predict(&self, data: &InMemory) -> Result<Predictions> {
        let role = "the data to predict for";
        let rows = rows(&self.preprocessing, &self.kept, data, role)?;
        let target = &self.schema().target;
        if self.fitted.classes > 0 {
            return Ok(Predictions::Classes {
                names: target.classes().to_vec(),
                labels: self.fitted.predict_classes(&rows)?,
                probabilities: self.fitted.predict(&rows)?,
            });
        }
        let name = target.name().unwrap_or("target").to_owned();
        Ok(Predictions::Values { name, width: 1, values: self.fitted.predict(&rows)? })
    }

    /// How well it explains the targets of other data.
    ///
    /// # Errors
    /// Data of another form, or without a target.
    pub fn evaluate(&self, data: &InMemory) -> Result<Quality> {
        let role = "the data to evaluate on";
        if data.target_kind() == TargetKind::None {
            return Err(Error::NoTarget { role, title: data.title().into() });
        }
        // Classes in the order of the training data.
        let ready = self.preprocessing.apply(data).map_err(Error::data(role))?;
        let rows = rows(&self.preprocessing, &self.kept, data, role)?;
        let targets = targets(&ready);
        self.fitted.evaluate(&Examples::new(&rows, &targets)?.named(self.fitted.names.iter().cloned())?)
    }

    /// Writes it to a file as JSON, whole or not at all.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        downhill_tensor::write_atomically(path, |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            file.write_all(b"\n")
        })?;
        Ok(())
    }

    /// Reads it from a file of [`FittedTable::save`].
    ///
    /// # Errors
    /// A file that cannot be read, or is none.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let refused = |reason: String| RegressionError::File { path: path.display().to_string(), reason };
        let read: FittedTable = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        read.check().map_err(|reason| refused(reason.into()))?;
        Ok(read)
    }

    /// Parts that do not fit each other would be out of bounds later.
    fn check(&self) -> Result<(), &'static str> {
        let Fitted { names, coefficients, intercepts, classes, .. } = &self.fitted;
        let width = self.preprocessing.output_schema().shape().size();
        let outputs = self.fitted.model.loss(*classes).outputs();
        let of_target = self.schema().target.classes().len();
        let fits = [
            (names.len() == self.kept.len(), "names and columns differ in number"),
            (coefficients.len() == names.len() * outputs, "the number of coefficients is wrong"),
            (intercepts.len() == outputs, "the number of intercepts is wrong"),
            (self.kept.iter().all(|&column| column < width), "it takes a column that there is not"),
            (*classes == 0 || *classes == of_target.max(2), "the number of classes is wrong"),
        ];
        fits.into_iter().find(|(fits, _)| !fits).map_or(Ok(()), |(_, reason)| Err(reason))
    }
}

/// All columns after preprocessing, or all but the first category of each column.
fn kept_columns(preprocessing: &Preprocessing, leave_reference: bool) -> Vec<usize> {
    let width = preprocessing.output_schema().shape().size();
    let mut kept: Vec<usize> = (0..width).collect();
    if leave_reference {
        let mut at = 0;
        let mut references = Vec::new();
        for column in preprocessing.columns() {
            match column {
                ColumnTransform::Standardize(_) => at += 1,
                ColumnTransform::OneHot { seen } => {
                    references.extend((!seen.is_empty()).then_some(at));
                    at += seen.len();
                }
            }
        }
        kept.retain(|column| !references.contains(column));
    }
    kept
}

fn names(schema: &InputSchema, kept: &[usize]) -> Vec<String> {
    let names = schema.names();
    kept.iter().map(|&j| names.get(j).cloned().unwrap_or_else(|| format!("x{}", j + 1))).collect()
}

/// The rows after preprocessing, with the columns that are kept.
fn rows(
    preprocessing: &Preprocessing,
    kept: &[usize],
    data: &InMemory,
    role: &'static str,
) -> Result<Vec<f64>> {
    let ready = preprocessing.apply(data).map_err(Error::data(role))?;
    let all = ready.inputs_tensor::<f64>().map_err(Error::data(role))?.to_vec();
    let width = ready.input_shape().size();
    if kept.len() == width {
        return Ok(all);
    }
    Ok(all.chunks_exact(width.max(1)).flat_map(|row| kept.iter().map(|&column| row[column])).collect())
}

/// Numbers, or positions of classes.
fn targets(data: &InMemory) -> Vec<f64> {
    let labels = data.labels().map(|labels| labels.into_iter().map(|label| label as f64).collect());
    labels.or_else(|| data.values()).unwrap_or_default()
}
