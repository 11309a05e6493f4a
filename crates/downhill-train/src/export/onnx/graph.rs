//! A graph of ONNX under construction: nodes, constants, inputs and outputs, each a message of `onnx.proto`.
//!
//! Source: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use super::protobuf::Message;

/// The version of the format's files: the one that came with the operators below.
const IR_VERSION: i64 = 8;
/// The version of the operators.
pub(super) const OPSET: i64 = 17;

/// Element types, by their numbers in `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementType {
    Float = 1,
    Uint8 = 2,
    Int64 = 7,
    Bool = 9,
    Double = 11,
}

/// One dimension of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Fixed(usize),
    /// Any, the same wherever it stands.
    Batch,
}

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Float(&'a str, f32),
}

/// The graph so far. Values are known by their names.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    metadata: Vec<Message>,
    /// The layer whose operations are being added, for the names of nodes.
    path: String,
}

impl Graph {
    /// What is added from now on belongs to this layer.
    pub fn enter(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    fn fresh(&self, what: &str) -> String {
        let number = self.nodes.len() + self.initializers.len();
        if self.path.is_empty() {
            format!("{what}_{number}")
        } else {
            format!("{}/{what}_{number}", self.path)
        }
    }

    /// A node with one result, whose name is returned.
    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Attribute<'_>]) -> String {
        let output = self.fresh(operator);
        self.named_nodes(operator, inputs, attributes, &[&output]);
        output
    }

    /// A node with several results.
    pub fn nodes<const N: usize>(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> [String; N] {
        let first = self.fresh(operator);
        let outputs = std::array::from_fn(|number| format!("{first}_{number}"));
        self.named_nodes(operator, inputs, attributes, &outputs.each_ref().map(String::as_str));
        outputs
    }

    fn named_nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
        outputs: &[&str],
    ) {
        let node = Message::new()
            .each(1, inputs.iter().copied(), Message::text)
            .each(2, outputs.iter().copied(), Message::text)
            .text(3, outputs[0])
            .text(4, operator);
        let node = attributes.iter().fold(node, |node, attribute| node.message(5, &attribute.message()));
        self.nodes.push(node);
    }

    /// A value under another name, which the outside knows.
    pub fn rename(&mut self, value: &str, name: &str) {
        self.named_nodes("Identity", &[value], &[], &[name]);
    }

    /// Constant numbers, in single precision.
    pub fn floats(&mut self, dims: &[usize], values: impl IntoIterator<Item = f32>) -> String {
        let name = self.fresh("constant");
        self.named_floats(&name, dims, values);
        name
    }

    /// Constant numbers in single precision, under a name of their own.
    pub fn named_floats(&mut self, name: &str, dims: &[usize], values: impl IntoIterator<Item = f32>) {
        let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>();
        self.initializer(name, ElementType::Float, dims, &bytes);
    }

    /// Constant numbers, in double precision.
    pub fn doubles(&mut self, dims: &[usize], values: impl IntoIterator<Item = f64>) -> String {
        let bytes = values.into_iter().flat_map(f64::to_le_bytes).collect::<Vec<_>>();
        let name = self.fresh("constant");
        self.initializer(&name, ElementType::Double, dims, &bytes);
        name
    }

    /// Constant whole numbers.
    pub fn integers(&mut self, dims: &[usize], values: impl IntoIterator<Item = i64>) -> String {
        let bytes = values.into_iter().flat_map(i64::to_le_bytes).collect::<Vec<_>>();
        let name = self.fresh("constant");
        self.initializer(&name, ElementType::Int64, dims, &bytes);
        name
    }

    /// Constant truth values.
    pub fn truths(&mut self, dims: &[usize], values: impl IntoIterator<Item = bool>) -> String {
        let bytes = values.into_iter().map(u8::from).collect::<Vec<_>>();
        let name = self.fresh("constant");
        self.initializer(&name, ElementType::Bool, dims, &bytes);
        name
    }

    fn initializer(&mut self, name: &str, ty: ElementType, dims: &[usize], bytes: &[u8]) {
        let tensor = Message::new()
            .each(1, dims.iter().map(|&dim| dim as i64), Message::int)
            .int(2, ty as i64)
            .text(8, name)
            .bytes(9, bytes);
        self.initializers.push(tensor);
    }

    /// An input of the graph.
    pub fn input(&mut self, name: &str, ty: ElementType, dims: &[Dimension], about: &str) {
        self.inputs.push(value_info(name, ty, dims, about));
    }

    /// An output of the graph, a value of this name.
    pub fn output(&mut self, name: &str, ty: ElementType, dims: &[Dimension], about: &str) {
        self.outputs.push(value_info(name, ty, dims, about));
    }

    /// A remark that runtimes show under a key.
    pub fn remark(&mut self, key: &str, value: &str) {
        self.metadata.push(Message::new().text(1, key).text(2, value));
    }

    /// A whole model of the graph: the bytes of a file.
    pub fn into_model(self, name: &str, about: &str) -> Vec<u8> {
        let graph = Message::new()
            .each(1, &self.nodes, Message::message)
            .text(2, name)
            .each(5, &self.initializers, Message::message)
            .each(11, &self.inputs, Message::message)
            .each(12, &self.outputs, Message::message);
        Message::new()
            .int(1, IR_VERSION)
            .text(2, "downhill")
            .text(3, env!("CARGO_PKG_VERSION"))
            .text(6, about)
            .message(7, &graph)
            .message(8, &Message::new().text(1, "").int(2, OPSET))
            .each(14, &self.metadata, Message::message)
            .into_bytes()
    }
}

impl Attribute<'_> {
    fn message(&self) -> Message {
        match *self {
            Attribute::Float(name, value) => Message::new().text(1, name).float(2, value).int(20, 1),
            Attribute::Int(name, value) => Message::new().text(1, name).int(3, value).int(20, 2),
            Attribute::Ints(name, values) => {
                Message::new().text(1, name).each(8, values.iter().copied(), Message::int).int(20, 7)
            }
        }
    }
}

fn value_info(name: &str, ty: ElementType, dims: &[Dimension], about: &str) -> Message {
    let dimension = |shape: Message, dim: &Dimension| {
        let dim = match dim {
            Dimension::Fixed(length) => Message::new().int(1, *length as i64),
            Dimension::Batch => Message::new().text(2, "batch"),
        };
        shape.message(1, &dim)
    };
    let shape = dims.iter().fold(Message::new(), dimension);
    let tensor = Message::new().int(1, ty as i64).message(2, &shape);
    Message::new().text(1, name).message(2, &Message::new().message(1, &tensor)).text(3, about)
}
