//! Batches in a fixed order, in a buffer that is used again.

use crate::random::Stream;
use crate::{Dataset, Error, Result, TargetKind};
use downhill_tensor::{Float, Key, Shape};

/// How many examples a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// This many; the last batch of an epoch may have fewer.
    Examples(usize),
    /// All of them: plain gradient descent.
    Full,
}

/// How a [`Loader`] goes through the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// How many examples a batch has.
    pub batch_size: BatchSize,
    /// The seed of the order; `None` keeps the order of the data set in every epoch.
    pub shuffle: Option<u64>,
    /// Whether to leave out a last batch that is smaller than the others.
    pub drop_last: bool,
}

impl LoaderOptions {
    /// Batches in the order of the data set, as for evaluation.
    pub fn in_order(batch_size: BatchSize) -> Self {
        LoaderOptions { batch_size, shuffle: None, drop_last: false }
    }

    /// Batches in an order that is new in every epoch and depends on the seed.
    pub fn shuffled(batch_size: BatchSize, seed: u64) -> Self {
        LoaderOptions { batch_size, shuffle: Some(seed), drop_last: false }
    }
}

/// The targets of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets<T> {
    /// There are none.
    None,
    /// A class for each example.
    Labels(Vec<i64>),
    /// `width` numbers for each example.
    Values {
        /// The numbers, one example after the other.
        values: Vec<T>,
        /// How many an example has.
        width: usize,
    },
}

/// Some examples, one after the other in contiguous buffers that the next batch uses again.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T = f32> {
    /// The number of examples.
    pub len: usize,
    /// The inputs, of shape `[len, ...input_shape]`.
    pub inputs: Vec<T>,
    /// The shape of one example's input.
    pub input_shape: Shape,
    /// The targets.
    pub targets: Targets<T>,
}

impl<T: Float> Batch<T> {
    /// An empty batch with room for `capacity` examples of this data set.
    pub fn with_capacity(dataset: &dyn Dataset<T>, capacity: usize) -> Self {
        let input_shape = dataset.input_shape();
        let targets = match dataset.target_kind() {
            TargetKind::None => Targets::None,
            TargetKind::Classes { .. } => Targets::Labels(Vec::with_capacity(capacity)),
            TargetKind::Values { width } => {
                Targets::Values { values: Vec::with_capacity(capacity * width), width }
            }
        };
        Batch { len: 0, inputs: Vec::with_capacity(capacity * input_shape.size()), input_shape, targets }
    }

    /// Fills the batch with the examples `rows`. Nothing is allocated as long as they fit into what earlier
    /// batches needed.
    ///
    /// # Errors
    /// What the data set reports; the batch is empty then.
    pub fn fill(&mut self, dataset: &dyn Dataset<T>, rows: &[usize]) -> Result<()> {
        self.len = 0;
        self.input_shape = dataset.input_shape();
        self.inputs.resize(rows.len() * self.input_shape.size(), T::ZERO);
        dataset.fill_inputs(rows, &mut self.inputs)?;
        match dataset.target_kind() {
            TargetKind::None => self.targets = Targets::None,
            TargetKind::Classes { .. } => {
                if !matches!(self.targets, Targets::Labels(_)) {
                    self.targets = Targets::Labels(Vec::new());
                }
                if let Targets::Labels(labels) = &mut self.targets {
                    labels.resize(rows.len(), 0);
                    dataset.fill_labels(rows, labels)?;
                }
            }
            TargetKind::Values { width: new } => {
                if !matches!(self.targets, Targets::Values { .. }) {
                    self.targets = Targets::Values { values: Vec::new(), width: new };
                }
                if let Targets::Values { values, width } = &mut self.targets {
                    *width = new;
                    values.resize(rows.len() * new, T::ZERO);
                    dataset.fill_values(rows, values)?;
                }
            }
        }
        self.len = rows.len();
        Ok(())
    }

    /// The labels; none where the targets are not classes.
    pub fn labels(&self) -> &[i64] {
        match &self.targets {
            Targets::Labels(labels) => labels,
            _ => &[],
        }
    }

    /// The target numbers; none where the targets are not numbers.
    pub fn values(&self) -> &[T] {
        match &self.targets {
            Targets::Values { values, .. } => values,
            _ => &[],
        }
    }
}

/// Goes through a data set in batches.
///
/// The order of an epoch is a function of the seed and the epoch's number, so a run can go on from any step
/// of any epoch.
///
/// ```
/// use downhill_data::{BatchSize, Loader, LoaderOptions, embedded};
/// let iris = embedded::load("iris")?;
/// let mut loader = Loader::<f32>::new(&iris, LoaderOptions::shuffled(BatchSize::Examples(64), 42))?;
/// let mut batch = loader.batch();
/// let mut sizes = Vec::new();
/// for epoch in 0..2 {
///     loader.begin(epoch);
///     for step in 0..loader.steps() {
///         loader.fill(step, &mut batch)?;
///         sizes.push(batch.len);
///     }
/// }
/// assert_eq!(sizes, [64, 64, 22, 64, 64, 22]);
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub struct Loader<'a, T: Float = f32> {
    dataset: &'a dyn Dataset<T>,
    options: LoaderOptions,
    batch_size: usize,
    order: Vec<usize>,
}

impl<'a, T: Float> Loader<'a, T> {
    /// A loader that stands at the beginning of epoch 0.
    ///
    /// # Errors
    /// A data set without examples, a batch size of 0, or `drop_last` with batches larger than the data set.
    pub fn new(dataset: &'a dyn Dataset<T>, options: LoaderOptions) -> Result<Self> {
        let len = dataset.len();
        let invalid = |expected: String, actual: usize| {
            let argument = "the batch size";
            Err(Error::InvalidArgument {
                operation: "loader",
                argument,
                expected,
                actual: actual.to_string(),
            })
        };
        let batch_size = match options.batch_size {
            _ if len == 0 => return Err(Error::NoExamples { title: "given to the loader".into() }),
            BatchSize::Full => len,
            BatchSize::Examples(0) => return invalid("at least 1".into(), 0),
            BatchSize::Examples(size) if size > len && options.drop_last => {
                return invalid(
                    format!("at most {len}, the number of examples, when the last is dropped"),
                    size,
                );
            }
            BatchSize::Examples(size) => size.min(len),
        };
        let mut loader = Loader { dataset, options, batch_size, order: (0..len).collect() };
        loader.begin(0);
        Ok(loader)
    }

    /// The number of batches of an epoch.
    pub fn steps(&self) -> usize {
        if self.options.drop_last {
            self.order.len() / self.batch_size
        } else {
            self.order.len().div_ceil(self.batch_size)
        }
    }

    /// The number of examples of every batch but perhaps the last.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The data set.
    pub fn dataset(&self) -> &'a dyn Dataset<T> {
        self.dataset
    }

    /// An empty batch with room for every batch of this loader.
    pub fn batch(&self) -> Batch<T> {
        Batch::with_capacity(self.dataset, self.batch_size)
    }

    /// Takes up the order of an epoch.
    pub fn begin(&mut self, epoch: u64) {
        if let Some(seed) = self.options.shuffle {
            self.order.iter_mut().enumerate().for_each(|(position, row)| *row = position);
            Stream::new(Key::new(seed).named("shuffle").fold(epoch)).shuffle(&mut self.order);
        }
    }

    /// The examples of a batch of this epoch; none beyond the last.
    pub fn rows(&self, step: usize) -> &[usize] {
        if step >= self.steps() {
            return &[];
        }
        let start = step * self.batch_size;
        &self.order[start..(start + self.batch_size).min(self.order.len())]
    }

    /// Fills `batch` with the examples of a batch of this epoch.
    ///
    /// # Errors
    /// A step beyond the last, or what the data set reports.
    pub fn fill(&self, step: usize, batch: &mut Batch<T>) -> Result<()> {
        if step >= self.steps() {
            return Err(Error::InvalidArgument {
                operation: "loader",
                argument: "the step",
                expected: format!("below {}, the number of batches of an epoch", self.steps()),
                actual: step.to_string(),
            });
        }
        batch.fill(self.dataset, self.rows(step))
    }
}
