//! Strided views of shared storage.

use crate::{Element, Error, Layout, Result, Shape};
use std::sync::Arc;

/// An array of numbers: a [`Layout`] over storage that views share.
#[derive(Clone)]
pub struct Tensor<T> {
    storage: Arc<Vec<T>>,
    layout: Layout,
}

impl<T: Element> Tensor<T> {
    /// The array of this shape with these elements, in row-major order.
    ///
    /// # Errors
    /// A number of elements that the shape does not have.
    pub fn from_vec(data: Vec<T>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if data.len() != shape.size() {
            return Err(Error::LengthMismatch { shape, len: data.len() });
        }
        Ok(Tensor { storage: Arc::new(data), layout: Layout::contiguous(shape) })
    }

    /// The array of this shape, filled with one value.
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        Tensor { storage: Arc::new(vec![value; shape.size()]), layout: Layout::contiguous(shape) }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.layout.shape()
    }

    /// Where the elements lie in the storage.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The elements in row-major order, if they lie so.
    pub fn as_slice(&self) -> Option<&[T]> {
        let start = self.layout.offset();
        self.layout.is_contiguous().then(|| &self.storage[start..start + self.shape().size()])
    }

    /// The elements in row-major order, copied.
    pub fn to_vec(&self) -> Vec<T> {
        match self.as_slice() {
            Some(slice) => slice.to_vec(),
            None => self.layout.positions().map(|position| self.storage[position]).collect(),
        }
    }
}
