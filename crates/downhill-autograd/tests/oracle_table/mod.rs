//! How each operation of the oracle is recorded: one row for each name of the registry.

use downhill_autograd::operation::PoolPart;
use downhill_autograd::ops::{
    Attention, AttentionGradient, Conv1d, Conv2d, Conv2dInputGradient, Conv2dWeightGradient, Conv3d,
    CrossEntropyGradient, IndexRow, Interpolation, LstmCellGradient, NormalizeGradient, OffsetIndex, Pad,
    Padding, Pool2d, Pooling, RepeatIndex, ScatterAddAlongAxis, SoftmaxGradient,
};
use downhill_autograd::{Tape, Var};
use downhill_tensor::kernels::rows::Epsilon;
use downhill_tensor::{Shape, Slice, Tensor};
use serde_json::Value;
use std::collections::BTreeMap;

/// The attributes of a case, by name.
pub type Attributes = BTreeMap<String, Value>;

/// Reads attributes; one that is missing is a mistake of the table.
struct Read<'a>(&'a Attributes);

impl Read<'_> {
    fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or_else(|| panic!("there is no attribute `{name}`"))
    }

    fn number(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::String(text) => text.parse().unwrap(),
            value => value.as_f64().unwrap(),
        }
    }

    fn signed(&self, name: &str) -> isize {
        self.value(name).as_i64().unwrap() as isize
    }

    fn size(&self, name: &str) -> usize {
        self.signed(name) as usize
    }

    fn truth(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap()
    }

    fn axis(&self) -> isize {
        self.signed("axis")
    }

    fn list(&self, name: &str) -> Vec<isize> {
        self.value(name).as_array().unwrap().iter().map(|x| x.as_i64().unwrap() as isize).collect()
    }

    fn axes(&self) -> Vec<isize> {
        self.list("axes")
    }

    fn sizes(&self, name: &str) -> Vec<usize> {
        self.list(name).into_iter().map(|x| x as usize).collect()
    }

    fn array<const N: usize>(&self, name: &str) -> [usize; N] {
        self.sizes(name).try_into().unwrap()
    }

    fn shape(&self, name: &str) -> Shape {
        Shape::new(&self.sizes(name)).unwrap()
    }

    fn conv1d(&self) -> Conv1d {
        Conv1d {
            stride: self.size("stride"),
            padding: self.size("padding"),
            dilation: self.size("dilation"),
            groups: self.size("groups"),
        }
    }

    fn conv2d(&self) -> Conv2d {
        Conv2d {
            stride: self.array("stride"),
            padding: self.array("padding"),
            dilation: self.array("dilation"),
            groups: self.size("groups"),
        }
    }

    fn conv3d(&self) -> Conv3d {
        Conv3d {
            stride: self.array("stride"),
            padding: self.array("padding"),
            dilation: self.array("dilation"),
            groups: self.size("groups"),
        }
    }

    fn pool(&self) -> Pool2d {
        Pool2d { kernel: self.array("kernel"), stride: self.array("stride"), padding: self.array("padding") }
    }

    /// A pooling's adjoint, and the constant image or the size that it belongs to.
    fn pooling(&self, part: PoolPart, input: &[usize]) -> Pooling {
        Pooling { part, pool: self.pool(), input: [input[2], input[3]] }
    }

    fn constant<'t>(&self, tape: &'t Tape, name: &str, shape: Shape) -> Var<'t> {
        let values = self.value(name).as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        tape.constant(Tensor::from_vec(values, shape).unwrap())
    }

    fn padded<'t>(&self, x: Var<'t>, padding: Padding) -> Var<'t> {
        x.pad_with(self.axis(), self.size("before"), self.size("after"), padding)
    }
}

/// Records the operation of this name; none if there is no row for it. Whole numbers stand behind the real ones.
pub fn record<'t>(name: &str, attributes: &Attributes, tape: &'t Tape, v: &[Var<'t>]) -> Option<Var<'t>> {
    let a = Read(attributes);
    let x = v[0];
    Some(match name {
        "neg" => -x,
        "abs" => x.abs(),
        "sign" => x.sign(),
        "square" => x.square(),
        "sqrt" => x.sqrt(),
        "recip" => x.recip(),
        "exp" => x.exp(),
        "expm1" => x.expm1(),
        "log" => x.log(),
        "log1p" => x.log1p(),
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tanh" => x.tanh(),
        "sigmoid" => x.sigmoid(),
        "relu" => x.relu(),
        "softplus" => x.softplus(),
        "erf" => x.erf(),
        "gelu" => x.gelu(),
        "gelu_slope" => x.gelu_slope(),
        "floor" => x.floor(),
        "ceil" => x.ceil(),
        "round" => x.round(),
        "rsqrt" => x.rsqrt(),
        "tan" => x.tan(),
        "asin" => x.asin(),
        "acos" => x.acos(),
        "atan" => x.atan(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "asinh" => x.asinh(),
        "acosh" => x.acosh(),
        "atanh" => x.atanh(),
        "erfc" => x.erfc(),
        "lgamma" => x.lgamma(),
        "digamma" => x.digamma(),
        "polygamma" => x.polygamma(a.size("order") as u32),
        "logical_not" => x.logical_not(),
        "silu" => x.silu(),
        "leaky_relu" => x.leaky_relu(a.number("slope")),
        "clamp" => x.clamp(a.number("low"), a.number("high")),
        "powf" => x.powf(a.number("exponent")),
        "stop_gradient" => x * x.stop_gradient(),
        "add" => x + v[1],
        "sub" => x - v[1],
        "mul" => x * v[1],
        "div" => x / v[1],
        "pow" => x.pow(v[1]),
        "atan2" => x.atan2(v[1]),
        "maximum" => x.maximum(v[1]),
        "minimum" => x.minimum(v[1]),
        "eq" => x.eq(v[1]),
        "ne" => x.ne(v[1]),
        "lt" => x.lt(v[1]),
        "le" => x.le(v[1]),
        "gt" => x.gt(v[1]),
        "ge" => x.ge(v[1]),
        "logical_and" => x.logical_and(v[1]),
        "logical_or" => x.logical_or(v[1]),
        "logical_xor" => x.logical_xor(v[1]),
        "scalar arithmetic" => 2.0 - (1.5 * x - 0.5) / 4.0 + 3.0 / (5.0 + x),
        "select" => a.constant(tape, "condition", [2, 1].into()).select(x, v[1]),
        "sum" => x.sum_over(&a.axes()),
        "sum of all" => x.sum(),
        "sum_keep" => x.sum_keep(&a.axes()),
        "mean" => x.mean_over(&a.axes()),
        "mean of all" => x.mean(),
        "mean_keep" => x.mean_keep(&a.axes()),
        "variance_keep" => x.variance_keep(&a.axes()),
        "max" => x.max_over(&a.axes()),
        "min" => x.min_over(&a.axes()),
        "sum_to" => x.sum_to(a.shape("shape")),
        "var" => x.var_over(&a.axes(), a.size("correction")),
        "std" => x.std_over(&a.axes(), a.size("correction")),
        "norm of all" => x.norm(),
        norm if norm.starts_with("norm ") => x.norm_over(&a.axes(), a.number("p")),
        "logsumexp_over" => x.logsumexp_over(&a.axes()),
        "prod" => x.prod_over(&a.axes()),
        "prod of all" => x.prod(),
        "cumsum" => x.cumsum(a.axis()),
        "cumprod" => x.cumprod(a.axis()),
        "recurrence" => x.recurrence(v[1], a.axis()),
        "reshape" => x.reshape(a.shape("shape")),
        "flatten_from" => x.flatten_from(a.size("start")),
        "unsqueeze and squeeze" => x.unsqueeze(a.axis()).sin().squeeze(a.axis()),
        "permute" => x.permute(&a.sizes("order")),
        "transpose" => x.transpose(),
        "move_axis" => x.move_axis(a.axis(), a.signed("to")),
        "swap_axes" => x.swap_axes(a.axis(), a.signed("to")),
        "broadcast_to" => x.broadcast_to(a.shape("shape")),
        "slice" => {
            let bound = |name: &str| a.value(name).as_i64().map(|x| x as isize);
            x.slice(a.axis(), Slice { start: bound("start"), end: bound("end"), step: a.signed("step") })
        }
        "select_at" => x.select_at(a.axis(), a.size("index")),
        "pad" => x.pad(a.axis(), a.size("before"), a.size("after")),
        "pad with steps" => {
            let axis = a.size("axis");
            let pad = Pad { axis, start: a.size("start"), step: a.signed("step"), length: a.size("length") };
            tape.record(pad, &[x])
        }
        "flip" => x.flip(a.axis()),
        "concat" => tape.concat(v, a.axis()),
        "stack" => tape.stack(v, a.axis()),
        "roll" => x.roll(a.axis(), a.signed("by")),
        "tile" => x.tile(&a.sizes("counts")),
        "repeat" => x.repeat(a.axis(), a.size("count")),
        "split" => {
            let parts = x.split(a.axis(), &a.sizes("lengths"));
            tape.concat(&[parts[1], parts[0]], a.axis())
        }
        "chunk" => {
            let mut parts = x.chunk(a.axis(), a.size("count"));
            parts.reverse();
            tape.concat(&parts, a.axis())
        }
        "diagonal" => x.diagonal(a.signed("offset")),
        "diag_embed" => x.diag_embed(a.signed("offset")),
        "trace" => x.trace(),
        "tril" => x.tril(a.signed("offset")),
        "triu" => x.triu(a.signed("offset")),
        "pad_with constant" => a.padded(x, Padding::Constant(a.number("value"))),
        "pad_with reflect" => a.padded(x, Padding::Reflect),
        "pad_with replicate" => a.padded(x, Padding::Replicate),
        "pad_with circular" => a.padded(x, Padding::Circular),
        "einsum" => tape.einsum(a.value("formula").as_str().unwrap(), v),
        "dot" => x.dot(v[1]),
        "outer" => x.outer(v[1]),
        matmul if matmul.starts_with("matmul") => x.matmul(v[1]),
        "softmax" => x.softmax(),
        "softmax_gradient" => tape.record(SoftmaxGradient, v),
        "log_softmax" => x.log_softmax(),
        "logsumexp" => x.logsumexp(),
        "cross_entropy" => x.cross_entropy(v[1]),
        "cross_entropy_gradient" => tape.record(CrossEntropyGradient, &[x, v[2], v[1]]),
        "normalize" => x.normalize(a.number("epsilon")),
        "normalize_gradient" => {
            tape.record(NormalizeGradient { epsilon: Epsilon::new(a.number("epsilon")) }, v)
        }
        "lstm_cell" => {
            let (output, state) = x.lstm_cell(v[1]);
            tape.concat(&[output, state], -1)
        }
        "lstm_cell_gradient" => {
            let h = v[1].dim(-1);
            let cotangents = [v[2].slice(-1, ..h), v[2].slice(-1, h..)];
            tape.record(LstmCellGradient, &[x, v[1], cotangents[0], cotangents[1]])
        }
        "after" => (x * x.sin().after(x.exp())).after(x),
        "checkpoint" => {
            let inner = tape.checkpoint(|| tape.checkpoint(|| x.sin() * x) + x.exp());
            tape.checkpoint(|| (inner * inner.cos()) * x)
        }
        "scan" => {
            let (carried, all) = tape.scan(v[1].dim(0), &[x], &[v[1]], &[v[2]], |step| {
                let h = (step.carried[0].matmul(step.constants[0]) + step.elements[0]).tanh();
                (vec![h], vec![h * step.elements[0]])
            });
            tape.concat(&[carried[0].unsqueeze(0), all[0]], 0)
        }
        "attention" => x.attention(a.size("heads"), a.truth("causal")),
        "attention_gradient" => {
            let attention = Attention { heads: a.size("heads"), causal: a.truth("causal") };
            tape.record(AttentionGradient { attention }, v)
        }
        "argmax" => x.argmax(),
        "argmin" => x.argmin(),
        "argmax_over" if a.truth("largest") => x.argmax_over(a.axis()),
        "argmax_over" => x.argmin_over(a.axis()),
        "gather" | "index_constant" => x.gather(v[1]),
        "scatter_add" => x.scatter_add(v[1], a.size("rows")),
        "index_row" => x.gather(tape.record(IndexRow { axis: 0, row: a.size("row") }, &[v[1]])),
        "repeat_index" => x.gather(tape.record(RepeatIndex { axis: 0, count: a.size("count") }, &[v[1]])),
        "offset_index" => x.gather(tape.record(OffsetIndex { axis: 0, rows: a.size("rows") }, &[v[1]])),
        "one_hot" => v[1].one_hot(a.size("classes")) * x,
        "take_along_axis" => x.take_along_axis(v[1], a.axis()),
        "scatter_add_along_axis" => x.scatter_add_along_axis(a.axis(), v[2], v[1]),
        "scatter_add_along_axis into zeros" => {
            let shape = a.shape("shape");
            let axis = shape.axis(a.axis()).unwrap();
            tape.record(ScatterAddAlongAxis { axis, shape }, v)
        }
        "scatter_along_axis" => x.scatter_along_axis(a.axis(), v[2], v[1]),
        "index_select" => x.index_select(a.axis(), v[1]),
        "sort" => x.sort(a.axis(), a.truth("descending")).0,
        "argsort" => x.argsort(a.axis(), a.truth("descending")),
        "topk" => x.topk(a.size("count"), a.axis(), a.truth("largest")).0,
        "inverse" => x.inverse(),
        "det" => x.det(),
        "log_abs_det" => x.log_abs_det(),
        "cholesky" => x.cholesky(),
        "solve" => x.solve(v[1]),
        "conv2d" => x.conv2d(v[1], a.conv2d()),
        "conv2d_input_gradient" => {
            tape.record(Conv2dInputGradient { conv: a.conv2d(), input: a.array("input") }, v)
        }
        "conv2d_weight_gradient" => {
            tape.record(Conv2dWeightGradient { conv: a.conv2d(), kernel: a.array("kernel") }, v)
        }
        "max_pool2d" => x.max_pool2d(a.pool()),
        "max_pool2d_gather" => {
            let image = a.constant(tape, "image", x.shape());
            tape.record(a.pooling(PoolPart::MaxGather, &x.shape()), &[image, x])
        }
        "max_pool2d_scatter" => {
            let size = a.shape("size");
            let image = a.constant(tape, "image", size);
            tape.record(a.pooling(PoolPart::MaxScatter, &size), &[image, x])
        }
        "avg_pool2d" => x.avg_pool2d(a.pool()),
        "avg_pool2d_scatter" => tape.record(a.pooling(PoolPart::AverageScatter, &a.shape("size")), v),
        "conv1d" => x.conv1d(v[1], a.conv1d()),
        "conv3d" => x.conv3d(v[1], a.conv3d()),
        "conv_transpose1d" => x.conv_transpose1d(v[1], a.conv1d(), a.size("extra")),
        "conv_transpose2d" => x.conv_transpose2d(v[1], a.conv2d(), a.array("extra")),
        "adaptive_avg_pool1d" => x.adaptive_avg_pool1d(a.size("size")),
        "adaptive_max_pool1d" => x.adaptive_max_pool1d(a.size("size")),
        "adaptive_avg_pool2d" => x.adaptive_avg_pool2d(a.array("size")),
        "adaptive_max_pool2d" => x.adaptive_max_pool2d(a.array("size")),
        "interpolate2d nearest" => x.interpolate2d(a.array("size"), Interpolation::Nearest),
        "interpolate2d linear" => x.interpolate2d(a.array("size"), Interpolation::Linear),
        "resample" => x.resample(a.axis(), a.size("length"), Interpolation::Linear),
        _ => return None,
    })
}
