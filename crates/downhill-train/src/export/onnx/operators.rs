//! The table from operations to operators of ONNX.
//!
//! Operations that ONNX lacks are written in several of its operators; those that no inference needs (gradients,
//! losses, random numbers) are refused.
//!
//! Source: <https://onnx.ai/onnx/operators>, operator set 17.

use super::graph::{Attribute, ElementType};
use super::translate::{Length, Translation};
use downhill_autograd::operation::{
    AnyOperation, AttentionPart, ConvPart, Movement, PoolPart, Reduction, RowFunction,
};
use downhill_autograd::{Lowering, NodeId, ops};
use downhill_tensor::kernels::scalar::{Binary, Unary};

/// Of gradients, losses and random numbers, and of what is not in the table yet.
const UNKNOWN: &str =
    "there is no operator for it in ONNX that is known here; `safetensors` takes the parameters alone";

/// The name of the result, or why it cannot be written.
type Added = Result<String, String>;

/// Whether an operation has a shape and no other attribute.
pub(super) fn has_shape_alone(operation: &dyn AnyOperation) -> bool {
    matches!(operation.lower(), Lowering::Move(Movement::Reshape | Movement::Broadcast))
}

/// Adds an operation on these operands, whose result is the value `id`.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn add(
    to: &mut Translation<'_>,
    operation: &dyn AnyOperation,
    operands: &[NodeId],
    id: NodeId,
) -> Added {
    let names: Vec<String> = operands.iter().map(|&operand| to.name(operand).to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = names.first().copied().unwrap_or_default();
    match operation.lower() {
        Lowering::Unary(function) => unary(to, function, first),
        Lowering::Binary(function) => binary(to, function, &names),
        Lowering::Select => {
            let condition = to.cast(first, ElementType::Bool);
            Ok(to.graph.node("Where", &[&condition, names[1], names[2]], &[]))
        }
        Lowering::Reduce(reduction, axes) => Ok(reduce(to, reduction, &axes, first)),
        // A graph computes nothing for its time.
        Lowering::After => Ok(to.graph.node("Identity", &[first], &[])),
        Lowering::MatMul => Ok(to.graph.node("MatMul", &names, &[])),
        Lowering::Move(movement) => moved(to, movement, first, operands[0], id),
        Lowering::Concat(axis) => Ok(to.graph.node("Concat", &names, &[Attribute::Int("axis", axis as i64)])),
        Lowering::Rows(function) => rows(to, function, &names, operands),
        Lowering::Attention(AttentionPart::Forward, attention) => {
            Ok(attend(to, attention, first, operands[0], id))
        }
        Lowering::Conv2d(ConvPart::Forward, options) => {
            let [pads, strides, dilations] =
                [both_ends(options.padding), pair(options.stride), pair(options.dilation)];
            let attributes = [
                Attribute::Ints("pads", &pads),
                Attribute::Ints("strides", &strides),
                Attribute::Ints("dilations", &dilations),
                Attribute::Int("group", options.groups as i64),
            ];
            Ok(to.graph.node("Conv", &names, &attributes))
        }
        Lowering::Pool2d(part @ (PoolPart::Max | PoolPart::Average), options) => {
            let [kernel, pads, strides] =
                [pair(options.kernel), both_ends(options.padding), pair(options.stride)];
            let mut attributes = vec![
                Attribute::Ints("kernel_shape", &kernel),
                Attribute::Ints("pads", &pads),
                Attribute::Ints("strides", &strides),
            ];
            let operator = if part == PoolPart::Max { "MaxPool" } else { "AveragePool" };
            if part == PoolPart::Average {
                attributes.push(Attribute::Int("count_include_pad", 1));
            }
            Ok(to.graph.node(operator, &names, &attributes))
        }
        Lowering::Gather => Ok(to.graph.node("Gather", &names, &[Attribute::Int("axis", 0)])),
        _ => opaque(to, operation, first, id),
    }
}

/// Operations that no engine knows as a loop, and one by one are known here.
fn opaque(to: &mut Translation<'_>, operation: &dyn AnyOperation, operand: &str, id: NodeId) -> Added {
    if let Some(extreme) = operation.as_any().downcast_ref::<ops::ArgExtreme>() {
        let attributes = [Attribute::Int("axis", extreme.axis as i64), Attribute::Int("keepdims", 0)];
        let operator = if extreme.largest { "ArgMax" } else { "ArgMin" };
        return Ok(to.graph.node(operator, &[operand], &attributes));
    }
    if operation.as_any().is::<ops::OneHot>() {
        let depth = to.shape(id).last().copied().unwrap_or(1);
        let depth = to.graph.integers(&[], [depth as i64]);
        let values = to.graph.floats(&[2], [0.0, 1.0]);
        return Ok(to.graph.node("OneHot", &[operand, &depth, &values], &[Attribute::Int("axis", -1)]));
    }
    Err("there is no operator for it in ONNX that is known here; `safetensors` takes the parameters alone"
        .into())
}

fn pair(values: [usize; 2]) -> Vec<i64> {
    values.map(|value| value as i64).to_vec()
}

/// The same margin before and behind.
fn both_ends(margin: [usize; 2]) -> Vec<i64> {
    [pair(margin), pair(margin)].concat()
}

fn unary(to: &mut Translation<'_>, function: Unary, x: &str) -> Added {
    let operator = match function {
        Unary::Neg => "Neg",
        Unary::Abs => "Abs",
        Unary::Sign => "Sign",
        Unary::Sqrt => "Sqrt",
        Unary::Recip => "Reciprocal",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Tanh => "Tanh",
        Unary::Sigmoid => "Sigmoid",
        Unary::Relu => "Relu",
        Unary::Softplus => "Softplus",
        Unary::Erf => "Erf",
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Round => "Round",
        Unary::Tan => "Tan",
        Unary::Asin => "Asin",
        Unary::Acos => "Acos",
        Unary::Atan => "Atan",
        Unary::Sinh => "Sinh",
        Unary::Cosh => "Cosh",
        Unary::Asinh => "Asinh",
        Unary::Acosh => "Acosh",
        Unary::Atanh => "Atanh",
        Unary::Rsqrt => {
            let root = to.graph.node("Sqrt", &[x], &[]);
            return Ok(to.graph.node("Reciprocal", &[&root], &[]));
        }
        Unary::Square => return Ok(to.graph.node("Mul", &[x, x], &[])),
        // The digits that these functions keep near 0, or far from it, are lost.
        Unary::Erfc => {
            let (erf, one) = (to.graph.node("Erf", &[x], &[]), to.graph.floats(&[], [1.0]));
            return Ok(to.graph.node("Sub", &[&one, &erf], &[]));
        }
        Unary::Expm1 => {
            let (exp, one) = (to.graph.node("Exp", &[x], &[]), to.graph.floats(&[], [1.0]));
            return Ok(to.graph.node("Sub", &[&exp, &one], &[]));
        }
        Unary::Log1p => {
            let one = to.graph.floats(&[], [1.0]);
            let sum = to.graph.node("Add", &[x, &one], &[]);
            return Ok(to.graph.node("Log", &[&sum], &[]));
        }
        // x (1 + erf(x/√2)) / 2
        Unary::Gelu => {
            let scale = to.graph.floats(&[], [std::f32::consts::FRAC_1_SQRT_2]);
            let scaled = to.graph.node("Mul", &[x, &scale], &[]);
            let erf = to.graph.node("Erf", &[&scaled], &[]);
            let one = to.graph.floats(&[], [1.0]);
            let sum = to.graph.node("Add", &[&erf, &one], &[]);
            let half = to.graph.floats(&[], [0.5]);
            let halved = to.graph.node("Mul", &[x, &half], &[]);
            return Ok(to.graph.node("Mul", &[&halved, &sum], &[]));
        }
        _ => return Err(UNKNOWN.into()),
    };
    Ok(to.graph.node(operator, &[x], &[]))
}

fn binary(to: &mut Translation<'_>, function: Binary, operands: &[&str]) -> Added {
    let (operator, truth) = match function {
        Binary::Add => ("Add", false),
        Binary::Sub => ("Sub", false),
        Binary::Mul => ("Mul", false),
        Binary::Div => ("Div", false),
        Binary::Pow => ("Pow", false),
        Binary::Maximum => ("Max", false),
        Binary::Minimum => ("Min", false),
        Binary::Equal | Binary::NotEqual => ("Equal", true),
        Binary::Less => ("Less", true),
        Binary::LessEqual => ("LessOrEqual", true),
        Binary::Greater => ("Greater", true),
        Binary::GreaterEqual => ("GreaterOrEqual", true),
        Binary::Atan2 => return Err(UNKNOWN.into()),
    };
    let mut result = to.graph.node(operator, operands, &[]);
    if function == Binary::NotEqual {
        result = to.graph.node("Not", &[&result], &[]);
    }
    Ok(if truth { to.cast(&result, ElementType::Float) } else { result })
}

fn reduce(to: &mut Translation<'_>, reduction: Reduction, axes: &[usize], x: &str) -> String {
    let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
    // No axes would mean all.
    if axes.is_empty() {
        return to.graph.node("Identity", &[x], &[]);
    }
    let drop = Attribute::Int("keepdims", 0);
    match reduction {
        // The one that takes its axes as an operand.
        Reduction::Sum => {
            let axes = to.graph.integers(&[axes.len()], axes);
            to.graph.node("ReduceSum", &[x, &axes], &[drop])
        }
        Reduction::Max => to.graph.node("ReduceMax", &[x], &[Attribute::Ints("axes", &axes), drop]),
        Reduction::Min => to.graph.node("ReduceMin", &[x], &[Attribute::Ints("axes", &axes), drop]),
    }
}

fn moved(to: &mut Translation<'_>, movement: Movement, x: &str, operand: NodeId, id: NodeId) -> Added {
    match movement {
        Movement::Reshape if to.lengths(operand) == to.lengths(id) => {
            Ok(to.graph.node("Identity", &[x], &[]))
        }
        Movement::Reshape => {
            let lengths = to.lengths(id);
            Ok(to.reshape(x, &lengths))
        }
        Movement::Permute(order) => {
            let order: Vec<i64> = order.iter().map(|&axis| axis as i64).collect();
            Ok(to.graph.node("Transpose", &[x], &[Attribute::Ints("perm", &order)]))
        }
        Movement::Broadcast => {
            let lengths = to.lengths(id);
            let shape = to.dimensions(&lengths);
            Ok(to.graph.node("Expand", &[x, &shape], &[]))
        }
        Movement::Slice { axis, start, step } => {
            let count = to.shape(id)[axis] as i64;
            let last = start as i64 + step as i64 * (count - 1);
            // Behind the last one, in either direction; there is nothing before the first.
            let end = match last + step.signum() as i64 {
                _ if count == 0 => start as i64,
                end if end < 0 => i64::MIN,
                end => end,
            };
            let [starts, ends, axes, steps] =
                [start as i64, end, axis as i64, step as i64].map(|value| to.graph.integers(&[1], [value]));
            Ok(to.graph.node("Slice", &[x, &starts, &ends, &axes, &steps], &[]))
        }
        Movement::Pad { axis, start, step: 1 } => {
            let (rank, whole, part) = (to.shape(id).rank(), to.shape(id)[axis], to.shape(operand)[axis]);
            let mut pads = vec![0; 2 * rank];
            pads[axis] = start as i64;
            pads[rank + axis] = whole as i64 - start as i64 - part as i64;
            let pads = to.graph.integers(&[2 * rank], pads);
            Ok(to.graph.node("Pad", &[x, &pads], &[]))
        }
        Movement::Pad { .. } => Err("ONNX pads with zeros at both ends, and not between elements".into()),
    }
}

fn rows(to: &mut Translation<'_>, function: RowFunction, operands: &[&str], ids: &[NodeId]) -> Added {
    let x = operands[0];
    let last = Attribute::Int("axis", -1);
    match function {
        RowFunction::Softmax => Ok(to.graph.node("Softmax", &[x], &[last])),
        RowFunction::LogSoftmax => Ok(to.graph.node("LogSoftmax", &[x], &[last])),
        RowFunction::Normalize(epsilon) => {
            let width = to.shape(ids[0]).last().copied().unwrap_or(1);
            let scale = to.graph.floats(&[width], vec![1.0; width]);
            let epsilon = Attribute::Float("epsilon", epsilon.get() as f32);
            Ok(to.graph.node("LayerNormalization", &[x, &scale], &[last, epsilon]))
        }
        RowFunction::LstmCell => Ok(lstm_cell(to, x, operands[1])),
        _ => Err(UNKNOWN.into()),
    }
}

/// `c' = σ(f) c + σ(i) tanh(g)`; the result is `σ(o) tanh(c')`, and c' behind it.
fn lstm_cell(to: &mut Translation<'_>, gates: &str, c: &str) -> String {
    let [i, f, g, o]: [String; 4] = to.graph.nodes("Split", &[gates], &[Attribute::Int("axis", -1)]);
    let [i, f, o] = [i, f, o].map(|gate| to.graph.node("Sigmoid", &[&gate], &[]));
    let g = to.graph.node("Tanh", &[&g], &[]);
    let kept = to.graph.node("Mul", &[&f, c], &[]);
    let new = to.graph.node("Mul", &[&i, &g], &[]);
    let next = to.graph.node("Add", &[&kept, &new], &[]);
    let bounded = to.graph.node("Tanh", &[&next], &[]);
    let output = to.graph.node("Mul", &[&o, &bounded], &[]);
    to.graph.node("Concat", &[&output, &next], &[Attribute::Int("axis", -1)])
}

/// `softmax(Q Kᵀ / √depth) V` for each head.
fn attend(
    to: &mut Translation<'_>,
    attention: ops::Attention,
    packed: &str,
    operand: NodeId,
    id: NodeId,
) -> String {
    let sizes = attention.sizes(to.shape(operand));
    let (length, depth) = (sizes.length, sizes.depth);
    let joined = to.lengths(id);
    // [n, length, 3 width] to [3, n, heads, length, depth]
    let parts = [
        joined[0],
        Length::Fixed(length),
        Length::Fixed(3),
        Length::Fixed(sizes.heads),
        Length::Fixed(depth),
    ];
    let split = to.reshape(packed, &parts);
    let split = to.graph.node("Transpose", &[&split], &[Attribute::Ints("perm", &[2, 0, 3, 1, 4])]);
    let [query, key, value] = [0, 1, 2].map(|part| {
        let part = to.graph.integers(&[], [part]);
        to.graph.node("Gather", &[&split, &part], &[Attribute::Int("axis", 0)])
    });
    let key = to.graph.node("Transpose", &[&key], &[Attribute::Ints("perm", &[0, 1, 3, 2])]);
    let scores = to.graph.node("MatMul", &[&query, &key], &[]);
    let scale = to.graph.floats(&[], [(1.0 / (depth as f64).sqrt()) as f32]);
    let mut scores = to.graph.node("Mul", &[&scores, &scale], &[]);
    if attention.causal {
        let seen = (0..length).flat_map(|row| (0..length).map(move |column| column <= row));
        let seen = to.graph.truths(&[length, length], seen);
        let never = to.graph.floats(&[], [f32::NEG_INFINITY]);
        scores = to.graph.node("Where", &[&seen, &scores, &never], &[]);
    }
    let shares = to.graph.node("Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
    let heads = to.graph.node("MatMul", &[&shares, &value], &[]);
    let heads = to.graph.node("Transpose", &[&heads], &[Attribute::Ints("perm", &[0, 2, 1, 3])]);
    to.reshape(&heads, &joined)
}
