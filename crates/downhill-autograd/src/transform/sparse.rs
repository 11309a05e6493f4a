//! Gradients of which few rows are not zero: those rows, instead of the whole.

use crate::operation::Lowering;
use crate::{Tape, Var};
use downhill_tensor::kernels::scalar::Binary;

/// Rows that are added to a table of zeros: each of `values` `[n.., d..]` at its number in `indices` `[n..]`,
/// where numbers may occur several times.
#[derive(Clone, Copy, Debug)]
pub struct AddedRows<'t> {
    /// Whole numbers.
    pub indices: Var<'t>,
    /// One row for each of them.
    pub values: Var<'t>,
}

impl Tape {
    /// What `gradient` is the sum of, if it is [`Var::scatter_add`] of some rows or the sum of several such:
    /// the gradient of a table from which rows are only ever gathered. An output of these rows, and not of
    /// `gradient`, spares a program the whole table. `None` for every other value.
    ///
    /// ```
    /// use downhill_autograd::Tape;
    /// let tape = Tape::new();
    /// let (table, words) = (tape.input("table", [1000, 8]), tape.index_input("words", [3]));
    /// let loss = table.gather(words).square().sum();
    /// let gradient = tape.grad(loss, &[table])[0];
    /// let rows = tape.added_rows(gradient).expect("the table is only gathered from");
    /// assert_eq!(rows.len(), 1);
    /// assert_eq!((rows[0].indices.dim(0), rows[0].values.shape()), (3, [3, 8].into()));
    /// ```
    pub fn added_rows<'t>(&'t self, gradient: Var<'t>) -> Option<Vec<AddedRows<'t>>> {
        let mut rows = Vec::new();
        let mut rest = vec![gradient];
        while let Some(value) = rest.pop() {
            let (operation, operands) = self.operation(value)?;
            match (operation.lower(), &operands[..]) {
                (Lowering::ScatterAdd, &[values, indices]) => rows.push(AddedRows { indices, values }),
                (Lowering::Binary(Binary::Add), &[first, second])
                    if first.shape() == value.shape() && second.shape() == value.shape() =>
                {
                    rest.extend([second, first]);
                }
                _ => return None,
            }
        }
        Some(rows)
    }
}
