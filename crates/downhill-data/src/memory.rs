//! A data set in memory, of which subsets are views.

use crate::split::{self, PartSize, Split};
use crate::{ColumnKind, Dataset, Error, InputSchema, Result, Schema, TargetKind, TargetSchema};
use downhill_tensor::{Float, Shape, Tensor};
use std::sync::Arc;

/// The inputs of all examples, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision, as it comes from text.
    F64(Vec<f64>),
    /// Bytes, which stay bytes until a batch is filled with byte / maximum.
    Bytes {
        /// The bytes.
        values: Vec<u8>,
        /// The value that stands for 1; 255 for most images.
        maximum: u8,
    },
}

impl Features {
    fn len(&self) -> usize {
        match self {
            Features::F32(values) => values.len(),
            Features::F64(values) => values.len(),
            Features::Bytes { values, .. } => values.len(),
        }
    }

    fn get(&self, position: usize) -> f64 {
        match self {
            Features::F32(values) => f64::from(values[position]),
            Features::F64(values) => values[position],
            Features::Bytes { values, maximum } => f64::from(values[position]) / f64::from(*maximum),
        }
    }
}

/// The targets of all examples.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// There are none: data to predict for.
    None,
    /// One of a few classes each.
    Classes {
        /// A position in `names` for each example.
        labels: Vec<i64>,
        /// The names of the classes.
        names: Vec<String>,
    },
    /// Numbers.
    Values {
        /// `width` numbers for each example, one example after the other.
        values: Vec<f64>,
        /// How many numbers an example has.
        width: usize,
    },
}

/// A data set in memory.
///
/// Cloning it and taking subsets copies no data: all share one storage.
///
/// ```
/// use downhill_data::{Features, InMemory, InputSchema, Target};
/// let inputs = InputSchema::numeric(["height", "width"]);
/// let target = Target::Values { values: vec![2.0, 12.0], width: 1 };
/// let data = InMemory::new(inputs, Features::F64(vec![1.0, 2.0, 3.0, 4.0]), target, "area")?;
/// let second = data.subset(&[1])?;
/// assert_eq!(second.input(0)?, [3.0, 4.0]);
/// assert_eq!(second.values(), Some(vec![12.0]));
/// # Ok::<(), downhill_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct InMemory {
    data: Arc<Data>,
    /// The examples of this view, in its order; all of them where there is no list.
    rows: Option<Arc<[usize]>>,
    title: Arc<str>,
    source: Arc<str>,
}

#[derive(Debug)]
struct Data {
    schema: Schema,
    input_size: usize,
    len: usize,
    features: Features,
    target: Target,
}

impl InMemory {
    /// The data set with these inputs and targets; `target_name` is what its target is called.
    ///
    /// # Errors
    /// No inputs or no examples, numbers of elements that do not fit each other, a number that is not finite,
    /// a label without a class, a category without a name, or a byte above the maximum.
    pub fn new(
        inputs: InputSchema,
        features: Features,
        target: Target,
        target_name: impl Into<String>,
    ) -> Result<Self> {
        let input_size = inputs.shape().size();
        let name = target_name.into();
        if input_size == 0 || features.len() == 0 {
            return Err(Error::NoExamples { title: name });
        }
        let len = features.len() / input_size;
        expect_length("features (whole examples)", len * input_size, features.len())?;
        check_features(&inputs, &features, input_size)?;
        let target_schema = check_target(&target, len, name)?;
        let schema = Schema { inputs, target: target_schema };
        let data = Arc::new(Data { schema, input_size, len, features, target });
        Ok(InMemory { data, rows: None, title: "data".into(), source: "".into() })
    }

    /// The same data under a title.
    #[must_use]
    pub fn with_title(mut self, title: &str) -> Self {
        self.title = title.into();
        self
    }

    /// The same data with where it comes from: a path, a formula, an attribution.
    #[must_use]
    pub fn with_source(mut self, source: &str) -> Self {
        self.source = source.into();
        self
    }

    /// What the data set is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where the data comes from, with its attribution.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The form of the data.
    pub fn schema(&self) -> &Schema {
        &self.data.schema
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.data.len, |rows| rows.len())
    }

    /// Whether there are no examples, which only a view can come to.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one example's input.
    pub fn input_shape(&self) -> Shape {
        self.data.schema.inputs.shape()
    }

    /// What the targets are.
    pub fn target_kind(&self) -> TargetKind {
        match &self.data.target {
            Target::None => TargetKind::None,
            Target::Classes { names, .. } => TargetKind::Classes { count: names.len() },
            Target::Values { width, .. } => TargetKind::Values { width: *width },
        }
    }

    /// The names of the classes; none for other targets.
    pub fn class_names(&self) -> &[String] {
        self.data.schema.target.classes()
    }

    /// The inputs of one example, as they are stored: bytes divided by their maximum, categories as their
    /// positions.
    ///
    /// # Errors
    /// An example that does not exist.
    pub fn input(&self, row: usize) -> Result<Vec<f64>> {
        let start = self.position(row)? * self.data.input_size;
        Ok((start..start + self.data.input_size).map(|at| self.data.features.get(at)).collect())
    }

    /// The inputs of the whole storage, of which this may be a view.
    pub fn features(&self) -> &Features {
        &self.data.features
    }

    /// The labels of all examples, if the targets are classes.
    pub fn labels(&self) -> Option<Vec<i64>> {
        match &self.data.target {
            Target::Classes { labels, .. } => Some(self.positions().map(|at| labels[at]).collect()),
            _ => None,
        }
    }

    /// The target numbers of all examples, `width` of them each, if the targets are numbers.
    pub fn values(&self) -> Option<Vec<f64>> {
        match &self.data.target {
            Target::Values { values, width } => {
                Some(self.positions().flat_map(|at| &values[at * width..(at + 1) * width]).copied().collect())
            }
            _ => None,
        }
    }

    /// How many examples each class has; nothing for other targets.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names().len()];
        for label in self.labels().unwrap_or_default() {
            counts[label as usize] += 1;
        }
        counts
    }

    /// All inputs as one array of shape `[examples, ...input shape]`.
    ///
    /// # Errors
    /// Columns that hold categories, or an input of the largest rank.
    pub fn inputs_tensor<T: Float>(&self) -> Result<Tensor<T>> {
        let rows: Vec<usize> = (0..self.len()).collect();
        let mut out = vec![T::ZERO; self.len() * self.data.input_size];
        Dataset::<T>::fill_inputs(self, &rows, &mut out)?;
        let dims: Vec<usize> =
            std::iter::once(self.len()).chain(self.input_shape().iter().copied()).collect();
        Ok(Tensor::from_vec(out, Shape::new(&dims)?)?)
    }

    /// The view of these examples of this view, in this order; an example may come more than once.
    ///
    /// # Errors
    /// An example that does not exist.
    pub fn subset(&self, rows: &[usize]) -> Result<InMemory> {
        let rows = rows.iter().map(|&row| self.position(row)).collect::<Result<Arc<[usize]>>>()?;
        Ok(InMemory { rows: Some(rows), ..self.clone() })
    }

    /// Two views, the training part and the held-out part of the given size. Which example goes where depends
    /// on the seed alone; for classes, both parts have them in the proportions of the whole.
    ///
    /// # Errors
    /// A size that leaves a part empty, or a fraction that does not lie between 0 and 1.
    pub fn split(&self, held_out: PartSize, seed: u64) -> Result<(InMemory, InMemory)> {
        let split = match self.labels() {
            Some(labels) => split::stratified(&labels, held_out, seed)?,
            None => split::random(self.len(), held_out, seed)?,
        };
        self.parts(&split)
    }

    /// `folds` pairs of views (training part, held-out part); each example is held out in exactly one. For
    /// classes, each fold has them in the proportions of the whole.
    ///
    /// # Errors
    /// Fewer than two folds, or more than there are examples.
    pub fn k_fold(&self, folds: usize, seed: u64) -> Result<Vec<(InMemory, InMemory)>> {
        let splits = match self.labels() {
            Some(labels) => split::stratified_k_fold(&labels, folds, seed)?,
            None => split::k_fold(self.len(), folds, seed)?,
        };
        splits.iter().map(|split| self.parts(split)).collect()
    }

    fn parts(&self, split: &Split) -> Result<(InMemory, InMemory)> {
        Ok((self.subset(&split.train)?, self.subset(&split.held_out)?))
    }

    /// The features of this view alone, in its order.
    pub(crate) fn gathered_features(&self) -> Features {
        fn gather<T: Copy>(values: &[T], size: usize, rows: impl Iterator<Item = usize>) -> Vec<T> {
            rows.flat_map(|at| &values[at * size..(at + 1) * size]).copied().collect()
        }
        let size = self.data.input_size;
        match &self.data.features {
            Features::F32(values) => Features::F32(gather(values, size, self.positions())),
            Features::F64(values) => Features::F64(gather(values, size, self.positions())),
            Features::Bytes { values, maximum } => {
                Features::Bytes { values: gather(values, size, self.positions()), maximum: *maximum }
            }
        }
    }

    /// Where an example of this view stands in the data that it is a view of, from 0.
    ///
    /// # Errors
    /// An example that does not exist.
    pub fn position(&self, row: usize) -> Result<usize> {
        if row >= self.len() {
            return Err(Error::RowOutOfRange { row, len: self.len() });
        }
        Ok(self.rows.as_ref().map_or(row, |rows| rows[row]))
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|row| self.rows.as_ref().map_or(row, |rows| rows[row]))
    }
}

impl<T: Float> Dataset<T> for InMemory {
    fn len(&self) -> usize {
        self.len()
    }

    fn input_shape(&self) -> Shape {
        self.input_shape()
    }

    fn target_kind(&self) -> TargetKind {
        self.target_kind()
    }

    fn fill_inputs(&self, rows: &[usize], out: &mut [T]) -> Result<()> {
        let columns = self.data.schema.inputs.columns();
        if let Some(column) = columns.iter().find(|column| column.kind != ColumnKind::Numeric) {
            return Err(Error::CategoricalInput { column: column.name.clone() });
        }
        let size = self.data.input_size;
        expect_length("input buffer", rows.len() * size, out.len())?;
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(size)) {
            let start = self.position(row)? * size;
            let range = start..start + size;
            match &self.data.features {
                Features::F32(values) => convert(&values[range], out, |x| T::from_f64(f64::from(x))),
                Features::F64(values) => convert(&values[range], out, T::from_f64),
                // A division, not a product with the reciprocal, so that the maximum gives exactly 1.
                Features::Bytes { values, maximum } => {
                    let maximum = T::from_f64(f64::from(*maximum));
                    convert(&values[range], out, |x| T::from_f64(f64::from(x)) / maximum);
                }
            }
        }
        Ok(())
    }

    fn fill_labels(&self, rows: &[usize], out: &mut [i64]) -> Result<()> {
        let Target::Classes { labels, .. } = &self.data.target else {
            return Err(Error::WrongTarget { expected: "classes", actual: self.target_kind().describe() });
        };
        expect_length("label buffer", rows.len(), out.len())?;
        for (&row, out) in rows.iter().zip(out) {
            *out = labels[self.position(row)?];
        }
        Ok(())
    }

    fn fill_values(&self, rows: &[usize], out: &mut [T]) -> Result<()> {
        let Target::Values { values, width } = &self.data.target else {
            return Err(Error::WrongTarget { expected: "numbers", actual: self.target_kind().describe() });
        };
        expect_length("target buffer", rows.len() * width, out.len())?;
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(*width)) {
            let start = self.position(row)? * width;
            convert(&values[start..start + width], out, T::from_f64);
        }
        Ok(())
    }
}

fn convert<S: Copy, T>(from: &[S], to: &mut [T], number: impl Fn(S) -> T) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = number(from);
    }
}

fn expect_length(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { what, expected, actual }) }
}

fn check_features(inputs: &InputSchema, features: &Features, input_size: usize) -> Result<()> {
    let invalid = |position: usize, value: String, expected: String| {
        Err(Error::InvalidValue { row: position / input_size, what: "an input", value, expected })
    };
    if let Features::Bytes { values, maximum } = features {
        if *maximum == 0 {
            return invalid(0, "0".into(), "bytes with a maximum of at least 1".into());
        }
        return match values.iter().position(|value| value > maximum) {
            Some(at) => invalid(at, values[at].to_string(), format!("at most {maximum}")),
            None => Ok(()),
        };
    }
    if let Some(at) = (0..features.len()).find(|&at| !features.get(at).is_finite()) {
        return invalid(at, features.get(at).to_string(), "a finite number".into());
    }
    for (index, column) in inputs.columns().iter().enumerate() {
        let ColumnKind::Categorical { categories } = &column.kind else { continue };
        let is_code = |x: f64| x >= 0.0 && x.fract() == 0.0 && x < categories.len() as f64;
        if let Some(at) = (index..features.len()).step_by(input_size).find(|&at| !is_code(features.get(at))) {
            let expected = format!("the position of a category, below {}", categories.len());
            return invalid(at, features.get(at).to_string(), expected);
        }
    }
    Ok(())
}

fn check_target(target: &Target, len: usize, name: String) -> Result<TargetSchema> {
    match target {
        Target::None => Ok(TargetSchema::None),
        Target::Classes { labels, names } => {
            expect_length("labels", len, labels.len())?;
            match labels.iter().position(|&label| label < 0 || label as usize >= names.len()) {
                Some(row) => Err(Error::InvalidValue {
                    row,
                    what: "the label",
                    value: labels[row].to_string(),
                    expected: format!("the position of a class, from 0 to below {}", names.len()),
                }),
                None => Ok(TargetSchema::Classes { name, classes: names.clone() }),
            }
        }
        Target::Values { values, width } => {
            expect_length("target values", len.saturating_mul(*width), values.len())?;
            if *width == 0 {
                return Err(Error::LengthMismatch { what: "target width", expected: 1, actual: 0 });
            }
            match values.iter().position(|value| !value.is_finite()) {
                Some(at) => Err(Error::InvalidValue {
                    row: at / width,
                    what: "the target",
                    value: values[at].to_string(),
                    expected: "a finite number".into(),
                }),
                None => Ok(TargetSchema::Values { name, width: *width }),
            }
        }
    }
}
