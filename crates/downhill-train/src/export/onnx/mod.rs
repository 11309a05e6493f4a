//! Networks as ONNX files, for inference in any of its runtimes (operator set 17).
//!
//! The inference program of a network becomes a graph, operation by operation; parameters and state are constants
//! of the graph, in single precision and under their own names. The batch is free where the program is the same
//! function at any batch size, which is found out by recording it at two; elsewhere it is one example.
//!
//! [`model`] writes a trained model from data as it comes from its source to predictions: the preprocessing is
//! part of the graph. [`network()`] writes a network alone.
//!
//! Source: <https://onnx.ai>; the messages follow `onnx.proto`.

mod graph;
mod operators;
mod protobuf;
mod translate;
mod whole;

use crate::{Error, Model, Result};
use downhill_autograd::{Kind, Program, Type};
use downhill_nn::{Layer, Network};
use downhill_tensor::Shape;
use graph::{Dimension, ElementType, Graph};
use std::fmt;
use translate::{Numbers, SIZES, Translation, same_at_any_size};

/// The most bytes of constants that a file holds: a message of Protocol Buffers has less than 2 GiB.
const LARGEST: usize = (1 << 31) - (1 << 20);

/// An ONNX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onnx {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number of examples that it takes at once; `None` for any number.
    pub batch: Option<usize>,
    /// What it takes and gives, in words.
    pub signature: String,
}

impl fmt::Display for Onnx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator set {}, {}", graph::OPSET, self.signature)?;
        match self.batch {
            None => Ok(()),
            Some(batch) => write!(f, "; the batch is fixed at {batch}, since this network depends on it"),
        }
    }
}

/// A network as an ONNX file: from `input`, as the network takes it, to `output`, as it gives it. All but the
/// first dimension of the input are those with which the network was made.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_nn::{Activation, Network, models};
/// use downhill_tensor::Key;
/// use downhill_train::export::onnx;
/// let network = Network::new(models::mlp(&[8], 3, Activation::Relu), Type::float([1, 4]))?;
/// let file = onnx::network(&network, &network.initialize::<f32>(Key::new(1)), &[])?;
/// assert_eq!(file.batch, None);
/// assert_eq!(file.signature, "input float32 [batch, 4], output float32 [batch, 3]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NotExportable`], which names the operation and its layer, where ONNX has no such operation; vectors
/// of other lengths than the network's.
pub fn network<L: Layer>(network: &Network<L>, parameters: &[f32], state: &[f32]) -> Result<Onnx> {
    let recorded = Recorded::of(network, parameters, state)?;
    let mut graph = Graph::default();
    let (input, output) = (network.input(), recorded.program().outputs()[0].shape);
    let (input_dims, output_dims) = (recorded.dims(&input.shape), recorded.dims(&output));
    let ty = match input.kind {
        Kind::Float => ElementType::Float,
        Kind::Index => ElementType::Int64,
    };
    graph.input("input", ty, &input_dims, "");
    let result = recorded.add_to(&mut graph, "input")?;
    graph.rename(&result, "output");
    let kind = recorded.program().outputs()[0].kind;
    let result_type = if kind == Kind::Index { ElementType::Int64 } else { ElementType::Float };
    graph.output("output", result_type, &output_dims, "");
    let signature =
        format!("input {}, output {}", describe(ty, &input_dims), describe(result_type, &output_dims));
    Ok(Onnx { bytes: graph.into_model("network", ""), batch: recorded.batch(), signature })
}

/// A trained model as an ONNX file, from data as it comes from its source to predictions.
///
/// - `input`, for a table: `float32 [batch, columns]`, the columns in the order of the training data; a category is
///   its position in the sorted list of its column's categories.
/// - `input`, for images: `uint8 [batch, ..]`, if the training data was of bytes, otherwise `float32`.
/// - `probabilities`: `float32 [batch, classes]`, as [`Model::predict`] gives them; or
/// - `values`: `float32 [batch, width]`, in the target's own unit.
///
/// The names of columns, categories and classes are in the file's metadata, as JSON. Columns are standardized in
/// double precision; all else is single.
///
/// # Errors
/// As [`network()`].
pub fn model(model: &Model) -> Result<Onnx> {
    let recorded = Recorded::of(model.network(), model.parameters(), model.state())?;
    whole::model(model, &recorded)
}

/// The inference program of a network, at two batch sizes if the batch is free.
struct Recorded<'a> {
    programs: Vec<Program>,
    numbers: Numbers<'a>,
}

impl<'a> Recorded<'a> {
    fn of<L: Layer>(network: &'a Network<L>, parameters: &'a [f32], state: &'a [f32]) -> Result<Self> {
        let numbers =
            Numbers { layouts: [network.layout(), network.state_layout()], values: [parameters, state] };
        for (what, layout, values) in
            [("the parameters", network.layout(), parameters), ("the state", network.state_layout(), state)]
        {
            if layout.len() != values.len() {
                let (expected, actual) = (layout.len(), values.len());
                let reason = format!("the network has {expected} numbers, but {actual} were given");
                return Err(Error::Mismatch { what: what.into(), reason });
            }
        }
        let bytes = (parameters.len() + state.len()).saturating_mul(size_of::<f32>());
        if bytes > LARGEST {
            let reason = format!("they are {bytes} bytes, and a message has at most {LARGEST}");
            return Err(Error::NotExportable { format: "ONNX", what: "the parameters".into(), reason });
        }
        let at = |batch: usize| {
            let input = network.input();
            let shape = if input.shape.rank() == 0 { input.shape } else { input.shape.with(0, batch)? };
            Ok::<_, Error>(network.inference_program(Type { kind: input.kind, shape })?)
        };
        // A network that cannot be recorded at these sizes may still take one example.
        let programs = match SIZES.map(at) {
            [Ok(first), Ok(second)] if same_at_any_size(&first, &second) => vec![first, second],
            _ => vec![at(1)?],
        };
        Ok(Recorded { programs, numbers })
    }

    fn program(&self) -> &Program {
        &self.programs[0]
    }

    /// The number of examples, if it is not free.
    fn batch(&self) -> Option<usize> {
        (self.programs.len() == 1).then_some(1)
    }

    /// The dimensions of something whose first one is the batch.
    fn dims(&self, shape: &Shape) -> Vec<Dimension> {
        let first = if self.batch().is_some() { Dimension::Fixed(1) } else { Dimension::Batch };
        let rest = shape.iter().skip(1).map(|&length| Dimension::Fixed(length));
        std::iter::once(first).take(shape.rank()).chain(rest).collect()
    }

    /// Adds the program to a graph; returns the name of the output.
    fn add_to(&self, graph: &mut Graph, input: &str) -> Result<String> {
        Translation::run(graph, self.program(), self.programs.get(1), &self.numbers, input)
    }
}

/// An input or output in words.
fn describe(ty: ElementType, dims: &[Dimension]) -> String {
    let ty = match ty {
        ElementType::Float => "float32",
        ElementType::Double => "float64",
        ElementType::Int64 => "int64",
        ElementType::Uint8 => "uint8",
        ElementType::Bool => "bool",
    };
    let dims = dims.iter().map(|dim| match dim {
        Dimension::Fixed(length) => length.to_string(),
        Dimension::Batch => "batch".into(),
    });
    format!("{ty} [{}]", dims.collect::<Vec<_>>().join(", "))
}
