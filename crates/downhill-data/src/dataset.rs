//! The boundary between data and whoever learns from it.

use crate::{Error, Result};
use downhill_tensor::{Float, Shape};

/// What the targets of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// There are none.
    None,
    /// Labels from 0 to `count - 1`.
    Classes {
        /// The number of classes.
        count: usize,
    },
    /// Numbers.
    Values {
        /// How many an example has.
        width: usize,
    },
}

impl TargetKind {
    /// The kind in words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            TargetKind::None => "nothing",
            TargetKind::Classes { .. } => "classes",
            TargetKind::Values { .. } => "numbers",
        }
    }
}

/// Examples that can be asked for by their numbers, in the precision `T`.
///
/// The methods that fill write one example after the other into a contiguous buffer of the caller. What
/// they write is a function of `rows` alone, so any number of threads may fill parts of one buffer.
///
/// An implementation of one's own needs the first four methods and, by its targets, one of the last two:
///
/// ```
/// use downhill_data::{Dataset, Result, TargetKind};
/// use downhill_tensor::Shape;
///
/// /// The numbers 0, 1, 2, ... and their squares.
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     fn len(&self) -> usize { self.0 }
///     fn input_shape(&self) -> Shape { Shape::from([1]) }
///     fn target_kind(&self) -> TargetKind { TargetKind::Values { width: 1 } }
///     fn fill_inputs(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
///         out.iter_mut().zip(rows).for_each(|(x, &row)| *x = row as f32);
///         Ok(())
///     }
///     fn fill_values(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
///         out.iter_mut().zip(rows).for_each(|(y, &row)| *y = (row * row) as f32);
///         Ok(())
///     }
/// }
/// # let mut out = [0.0; 2];
/// # Squares(9).fill_values(&[3, 8], &mut out)?;
/// # assert_eq!(out, [9.0, 64.0]);
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub trait Dataset<T: Float = f32>: Send + Sync {
    /// The number of examples.
    fn len(&self) -> usize;

    /// Whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one example's input.
    fn input_shape(&self) -> Shape;

    /// What the targets are.
    fn target_kind(&self) -> TargetKind;

    /// Writes the inputs of the examples `rows`, each `input_shape().size()` numbers, into `out`.
    ///
    /// # Errors
    /// A row that does not exist, a buffer of another length, or data that cannot be read.
    fn fill_inputs(&self, rows: &[usize], out: &mut [T]) -> Result<()>;

    /// Writes the labels of the examples `rows` into `out`.
    ///
    /// # Errors
    /// As [`Dataset::fill_inputs`], and targets that are not classes.
    fn fill_labels(&self, _rows: &[usize], _out: &mut [i64]) -> Result<()> {
        Err(Error::WrongTarget { expected: "classes", actual: self.target_kind().describe() })
    }

    /// Writes the target numbers of the examples `rows`, each `width` of them, into `out`.
    ///
    /// # Errors
    /// As [`Dataset::fill_inputs`], and targets that are not numbers.
    fn fill_values(&self, _rows: &[usize], _out: &mut [T]) -> Result<()> {
        Err(Error::WrongTarget { expected: "numbers", actual: self.target_kind().describe() })
    }
}
