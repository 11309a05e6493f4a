//! The boundary between programs and whatever carries them out.

use crate::{Error, Kind, Precision, Program, Result, Type};
use downhill_tensor::Key;

/// The data of one input: all its elements in row-major order.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a, T> {
    /// Real numbers.
    Float(&'a [T]),
    /// Whole numbers.
    Index(&'a [i64]),
    /// The numbers that lie in the output that takes this input's place: see
    /// [`Output::update`](crate::Output::update).
    InPlace,
}

/// The place for one output: all its elements in row-major order.
#[derive(Debug)]
pub enum DataMut<'a, T> {
    /// Real numbers.
    Float(&'a mut [T]),
    /// Whole numbers.
    Index(&'a mut [i64]),
}

impl<'a, T> From<&'a [T]> for Data<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Data::Float(values)
    }
}

impl<'a, T> From<&'a mut [T]> for DataMut<'a, T> {
    fn from(values: &'a mut [T]) -> Self {
        DataMut::Float(values)
    }
}

impl<T> Data<'_, T> {
    /// The kind and the number of elements; nothing for what lies in an output.
    pub fn kind_and_len(&self) -> Option<(Kind, usize)> {
        match self {
            Data::Float(values) => Some((Kind::Float, values.len())),
            Data::Index(values) => Some((Kind::Index, values.len())),
            Data::InPlace => None,
        }
    }
}

impl<T> DataMut<'_, T> {
    /// The kind and the number of elements.
    pub fn kind_and_len(&self) -> (Kind, usize) {
        match self {
            DataMut::Float(values) => (Kind::Float, values.len()),
            DataMut::Index(values) => (Kind::Index, values.len()),
        }
    }
}

/// Something that makes programs ready to run: the reference [`Interpreter`](crate::Interpreter), the
/// engine, or hardware of another kind.
pub trait Executor<T: Precision> {
    /// What it makes of a program.
    type Run: Run<T>;

    /// Makes a program ready to run any number of times.
    ///
    /// # Errors
    /// A program that this executor cannot carry out.
    fn prepare(&self, program: &Program) -> Result<Self::Run>;
}

/// A program made ready.
pub trait Run<T: Precision> {
    /// Carries out the program: reads `inputs`, in the order of [`Program::inputs`], and fills `outputs`, in
    /// the order of [`Program::outputs`]. Random operations draw from `key`.
    ///
    /// # Errors
    /// Data that do not fit the program, or values that an operation cannot take.
    fn run(&mut self, inputs: &[Data<'_, T>], outputs: &mut [DataMut<'_, T>], key: Key) -> Result<()>;
}

/// Compares the data of a run with what the program declares.
///
/// # Errors
/// The first port whose kind or length does not match.
pub fn check_bindings<T>(
    program: &Program,
    inputs: &[Data<'_, T>],
    outputs: &[DataMut<'_, T>],
) -> Result<()> {
    check_ports("output", program.outputs(), outputs.iter().map(|output| Some(output.kind_and_len())))?;
    check_ports("input", program.inputs(), inputs.iter().map(Data::kind_and_len))?;
    for (number, (port, data)) in program.inputs().iter().zip(inputs).enumerate() {
        let updated = program.updated_by(number).is_some();
        if updated != matches!(data, Data::InPlace) {
            let (expected, actual) = match updated {
                true => ("`Data::InPlace`: an output takes its place and holds its numbers", "other data"),
                false => ("data of its own: no output takes its place", "`Data::InPlace`"),
            };
            return Err(Error::Binding {
                direction: "input",
                name: port.name.clone(),
                expected: expected.into(),
                actual: actual.into(),
            });
        }
    }
    Ok(())
}

/// Compares data for all inputs, in place or not, with what the program declares.
pub(crate) fn check_inputs<T>(program: &Program, inputs: &[Data<'_, T>]) -> Result<()> {
    if let Some(port) = program.inputs().iter().zip(inputs).find(|(_, data)| matches!(data, Data::InPlace)) {
        return Err(Error::Binding {
            direction: "input",
            name: port.0.name.clone(),
            expected: "data of its own".into(),
            actual: "`Data::InPlace`".into(),
        });
    }
    check_ports("input", program.inputs(), inputs.iter().map(Data::kind_and_len))
}

fn check_ports(
    direction: &'static str,
    ports: &[crate::Port],
    data: impl ExactSizeIterator<Item = Option<(Kind, usize)>>,
) -> Result<()> {
    if data.len() != ports.len() {
        let names: Vec<_> = ports.iter().map(|port| port.name.as_str()).collect();
        return Err(Error::Binding {
            direction,
            name: names.join(", "),
            expected: format!("{} of them", ports.len()),
            actual: data.len().to_string(),
        });
    }
    for (port, found) in ports.iter().zip(data) {
        if let Some((kind, len)) = found
            && (kind, len) != (port.kind, port.len())
        {
            let declared = Type { kind: port.kind, shape: port.shape };
            return Err(Error::Binding {
                direction,
                name: port.name.clone(),
                expected: format!("{declared}, which has {} elements", port.len()),
                actual: format!("{len} elements of kind {}", format!("{kind:?}").to_lowercase()),
            });
        }
    }
    Ok(())
}
