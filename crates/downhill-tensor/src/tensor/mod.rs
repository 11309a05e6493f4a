//! Strided views of shared storage: the array type [`Tensor`].
//!
//! One file per group of operations: `create`, `random`, `views`, `elements` (iteration, mapping, writing),
//! `cast`, `arithmetic`, `compare`, `reduce`, `product`, `join`, `gather`, `close`, `display`, `serial`.
//! All of it is safe code on one thread; loops that must be fast are in [`kernels`](crate::kernels).
#![forbid(unsafe_code)]

mod arithmetic;
mod cast;
mod close;
mod compare;
mod create;
mod display;
mod elements;
mod gather;
mod join;
mod product;
mod random;
mod reduce;
mod serial;
mod views;

pub use cast::Cast;
pub use elements::{Iter, Outer};
pub use reduce::Axes;

use crate::{Element, Error, Layout, Result, Shape};
use std::sync::Arc;

/// An array of numbers of any rank up to [`MAX_RANK`](crate::MAX_RANK): a [`Layout`] over storage that
/// views share.
///
/// Cloning, slicing, permuting and broadcasting copy no numbers. Writing goes through
/// [`Tensor::make_mut`], which copies first if anybody else can see the storage, so a view never changes
/// behind its owner's back. Whatever can fail returns a [`Result`], which is why two arrays are added by
/// [`Tensor::add`] and not by `+`; `+ - * /` are there for scalars, which fit every shape.
///
/// ```
/// use downhill_tensor::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let column_means = Tensor::from([2.5, 3.5, 4.5]);
/// let centred = x.sub(&column_means)? * 2.0;
/// assert_eq!(centred, Tensor::from([[-3.0, -3.0, -3.0], [3.0, 3.0, 3.0]]));
/// assert_eq!(x.transpose()?.select(0, 1)?, Tensor::from([2.0, 5.0]));
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor<T> {
    pub(crate) storage: Arc<Vec<T>>,
    pub(crate) layout: Layout,
}

impl<T: Element> Tensor<T> {
    /// The view of this storage that the layout describes; nothing is copied.
    ///
    /// # Errors
    /// A layout that reaches beyond the storage.
    pub fn from_storage(storage: Arc<Vec<T>>, layout: Layout) -> Result<Self> {
        let shape = layout.shape();
        let back = layout.strides().iter().zip(shape.dims());
        let back: isize = back.map(|(&stride, &dim)| stride.min(0) * (dim as isize - 1)).sum();
        if shape.size() > 0 && (layout.offset() as isize + back < 0 || layout.end() > storage.len()) {
            return Err(Error::InvalidArgument {
                operation: "from_storage",
                argument: "layout",
                expected: "a layout that stays inside the storage",
                actual: format!("{layout:?} over {} elements", storage.len()),
            });
        }
        Ok(Tensor { storage, layout })
    }

    /// The storage that this array and its other views share.
    pub fn storage(&self) -> &Arc<Vec<T>> {
        &self.storage
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.layout.shape()
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape().size()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// Where the elements lie in the storage.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The elements in row-major order, if they lie so.
    pub fn as_slice(&self) -> Option<&[T]> {
        if self.is_empty() {
            return Some(&[]);
        }
        let start = self.layout.offset();
        self.layout.is_contiguous().then(|| &self.storage[start..start + self.size()])
    }

    /// A view of the same storage with another layout, which the caller derived from this one.
    fn view(&self, layout: Layout) -> Self {
        Tensor { storage: Arc::clone(&self.storage), layout }
    }

    /// The array of `shape` over elements that were counted already.
    fn from_counted(data: Vec<T>, shape: Shape) -> Self {
        debug_assert_eq!(data.len(), shape.size());
        Tensor { storage: Arc::new(data), layout: Layout::contiguous(shape) }
    }
}

/// Gives an error of a shared step the name of the operation that the caller asked for.
fn named<V>(operation: &'static str, result: Result<V>) -> Result<V> {
    result.map_err(|error| match error {
        Error::ShapeMismatch { left, right, expected, .. } => {
            Error::ShapeMismatch { operation, left, right, expected }
        }
        Error::IndexOutOfRange { index, length, .. } => Error::IndexOutOfRange { operation, index, length },
        other => other,
    })
}
