//! Tensors as `nalgebra`'s matrices and back, without copying a number.
#![forbid(unsafe_code)]

use crate::{Element, Error, Layout, Result, Shape, Tensor};
use nalgebra::{DMatrix, DMatrixView, DVector, DVectorView, Dyn, U1};
use std::sync::Arc;

impl<T: Element> Tensor<T> {
    /// The elements of a tensor of rank 2 as a matrix of `nalgebra`, which borrows them: rows are rows and
    /// columns are columns, whatever the strides.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.as_matrix()?.column_sum().as_slice(), [3.0, 7.0]);
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// Another rank, or an axis that runs backwards; [`Tensor::contiguous`] copies such an array into order.
    pub fn as_matrix(&self) -> Result<DMatrixView<'_, T, Dyn, Dyn>> {
        let &[rows, columns] = self.shape().dims() else {
            return Err(wrong_rank("as_matrix", self.shape(), "two dimensions"));
        };
        let (elements, strides) = self.reach("as_matrix")?;
        Ok(DMatrixView::from_slice_with_strides_generic(
            elements,
            Dyn(rows),
            Dyn(columns),
            Dyn(strides[0]),
            Dyn(strides[1]),
        ))
    }

    /// The elements of a tensor of rank 1 as a column vector of `nalgebra`, which borrows them.
    ///
    /// # Errors
    /// Another rank, or an axis that runs backwards; [`Tensor::contiguous`] copies such an array into order.
    pub fn as_vector(&self) -> Result<DVectorView<'_, T, Dyn, Dyn>> {
        let &[length] = self.shape().dims() else {
            return Err(wrong_rank("as_vector", self.shape(), "one dimension"));
        };
        let (elements, strides) = self.reach("as_vector")?;
        let column_stride = Dyn(elements.len());
        Ok(DVectorView::from_slice_with_strides_generic(
            elements,
            Dyn(length),
            U1,
            Dyn(strides[0]),
            column_stride,
        ))
    }

    /// The part of the storage between the first and the last element, and the strides in it.
    fn reach(&self, operation: &'static str) -> Result<(&[T], Vec<usize>)> {
        let shape = self.shape();
        if shape.size() == 0 {
            // Strides with which a view of nothing asks for no element.
            return Ok((&[], shape.iter().map(|&dim| usize::from(dim == 0)).collect()));
        }
        let forwards = |(&stride, &dim): (&isize, &usize)| match usize::try_from(stride) {
            Ok(stride) => Ok(stride),
            Err(_) if dim == 1 => Ok(0),
            Err(_) => Err(Error::InvalidArgument {
                operation,
                argument: "strides",
                expected: "not negative (copy the array with `contiguous`)",
                actual: format!("{:?}", self.layout().strides()),
            }),
        };
        let strides =
            self.layout().strides().iter().zip(shape.iter()).map(forwards).collect::<Result<_>>()?;
        Ok((&self.storage()[self.layout().offset()..self.layout().end()], strides))
    }
}

fn wrong_rank(operation: &'static str, shape: Shape, expected: &str) -> Error {
    Error::InvalidShape { operation, shape, expected: expected.into() }
}

impl<T: Element> From<DMatrix<T>> for Tensor<T> {
    /// The tensor of the same rows and columns. The matrix's column-major storage becomes the tensor's.
    fn from(matrix: DMatrix<T>) -> Self {
        let (rows, columns) = matrix.shape();
        let data: Vec<T> = matrix.data.into();
        // A matrix that exists has a size; one without elements may have any, and keeps none.
        let layout =
            Shape::new(&[columns, rows]).and_then(|shape| Layout::contiguous(shape).permute(&[1, 0]));
        let layout = layout.unwrap_or(Layout::contiguous(Shape::from([0, 0])));
        Tensor { storage: Arc::new(data), layout }
    }
}

impl<T: Element> From<DVector<T>> for Tensor<T> {
    /// The tensor of rank 1 with the vector's storage.
    fn from(vector: DVector<T>) -> Self {
        let data: Vec<T> = vector.data.into();
        Tensor::from(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_of_nalgebra_borrows_the_tensors_elements() {
        let x = Tensor::from_fn([3, 4], |i| (i[0] * 10 + i[1]) as f64);
        for view in
            [x.clone(), x.transpose().unwrap(), x.slice(1, 1..3).unwrap(), x.broadcast_to([3, 4]).unwrap()]
        {
            let matrix = view.as_matrix().unwrap();
            assert_eq!(matrix.shape(), (view.shape()[0], view.shape()[1]));
            for row in 0..matrix.nrows() {
                for column in 0..matrix.ncols() {
                    let position = view.layout().position(&[row, column]).unwrap();
                    assert!(std::ptr::eq(&matrix[(row, column)], &x.storage()[position]));
                }
            }
        }
    }

    #[test]
    fn a_vector_of_nalgebra_borrows_a_column() {
        let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let column = x.select(1, 1).unwrap();
        let vector = column.as_vector().unwrap();
        assert!(std::ptr::eq(&vector[2], &x.storage()[5]));
        assert_eq!(vector.sum(), 12.0);
    }

    #[test]
    fn a_matrix_of_nalgebra_gives_its_storage_away() {
        let matrix = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let address = matrix.as_slice().as_ptr();
        let tensor = Tensor::from(matrix);
        assert_eq!(tensor.storage().as_ptr(), address);
        assert_eq!(tensor, Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let vector = DVector::from_vec(vec![1i64, 2]);
        let address = vector.as_slice().as_ptr();
        assert_eq!(Tensor::from(vector).storage().as_ptr(), address);
    }

    #[test]
    fn what_nalgebra_cannot_view_is_an_error() {
        let x = Tensor::<f32>::zeros([2, 3]);
        assert!(x.flip(0).unwrap().as_matrix().is_err());
        assert!(x.as_vector().is_err() && x.flatten().as_matrix().is_err());
        assert_eq!(x.flip(0).unwrap().contiguous().as_matrix().unwrap().shape(), (2, 3));
        for dims in [[0, 3], [3, 0], [0, 0]] {
            assert_eq!(Tensor::<f32>::zeros(dims).as_matrix().unwrap().shape(), (dims[0], dims[1]));
        }
        assert_eq!(Tensor::<f32>::zeros([0]).as_vector().unwrap().len(), 0);
    }
}
