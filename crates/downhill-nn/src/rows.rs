//! The training program in which parameters that are only gathered from have their gradient as rows.

use crate::{Layer, LossFunction, Network, Result};
use downhill_autograd::{Output, Program, Type};

/// A training program whose gradient has two forms: see [`Network::rows_program`].
#[derive(Clone, Debug)]
pub struct RowsProgram {
    /// The program.
    pub program: Program,
    /// The parameters whose gradient is rows, in the order of the layout.
    pub sparse: Vec<SparseParameter>,
}

/// A parameter whose gradient a program gives as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparseParameter {
    /// Its number in the layout.
    pub entry: usize,
    /// How many rows the program gives for it, those named several times counted each time.
    pub rows: usize,
}

impl<L: Layer> Network<L> {
    /// The program of one training step in which a parameter that the layout marks as sparse has its gradient
    /// as rows, where nothing but [`Var::gather`](downhill_autograd::Var::gather) reads it: so a step on a few
    /// rows of a large table costs what these rows cost. Without such parameters it is
    /// [`training_program`](Network::training_program).
    ///
    /// Inputs: `parameters` \[P\], `state` \[S\], `input`, `target`. Outputs: `loss` \[\], `gradient` (of all
    /// other parameters, one after the other), `state` \[S\], `output`, and then for each sparse parameter
    /// `NAME.rows` \[n\] (whole numbers; a row may occur several times, and its values are added then) and
    /// `NAME.values` \[n · width\].
    ///
    /// # Errors
    /// As [`training_program`](Network::training_program).
    pub fn rows_program(
        &self,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
    ) -> Result<RowsProgram> {
        let mut sparse = Vec::new();
        let program = self.record_gradient(input, target, loss, |scope, output, loss, gradient| {
            let tape = scope.tape();
            let (mut dense, mut rows) = (Vec::new(), Vec::new());
            for (number, (entry, &slope)) in self.layout().entries().iter().zip(&gradient).enumerate() {
                match tape.added_rows(slope).filter(|_| entry.sparse) {
                    Some(added) => {
                        let indices: Vec<_> = added.iter().map(|rows| rows.indices).collect();
                        let values: Vec<_> = added.iter().map(|rows| rows.values).collect();
                        let count = indices.iter().map(|indices| indices.shape().size()).sum();
                        sparse.push(SparseParameter { entry: number, rows: count });
                        let names = [format!("{}.rows", entry.name), format!("{}.values", entry.name)];
                        rows.push((names, indices, values));
                    }
                    None => dense.push(slope),
                }
            }
            let state = scope.next_state();
            let mut outputs = vec![
                Output::new("loss", &loss),
                Output::flat("gradient", &dense),
                Output::flat("state", &state),
                Output::new("output", &output),
            ];
            for ([rows_name, values_name], indices, values) in &rows {
                outputs.extend([Output::flat(rows_name, indices), Output::flat(values_name, values)]);
            }
            tape.finish(&outputs)
        })?;
        Ok(RowsProgram { program, sparse })
    }
}
