//! Two-dimensional convolution and its two adjoints.
//!
//! The three are the three ways of reading one trilinear form
//! `Σ x[n, c, i s + p d - q, ..] w[o, c, p, ..] y[n, o, i, ..]`: given two of input x, weight w and result
//! y, it is linear in the third. So each one's derivatives are the other two, to any order.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, ConvPart, Lowering, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape};

/// How a window moves over an image: the options of a two-dimensional convolution, each as
/// `[vertical, horizontal]`.
///
/// The convolution is the cross-correlation of the field: `[n, c, h, w]` with weights
/// `[o, c / groups, kh, kw]` gives `[n, o, h', w']`, where `h' = (h + 2 padding - dilation (kh - 1) - 1) /
/// stride + 1`, rounded down.
///
/// # Source
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016 (arXiv:1603.07285).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// The distance between neighbouring windows; at least 1.
    pub stride: [usize; 2],
    /// The number of zeros put at both ends of each axis.
    pub padding: [usize; 2],
    /// The distance between neighbouring elements of a window; at least 1.
    pub dilation: [usize; 2],
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
}

impl Default for Conv2d {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv2d { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl Conv2d {
    /// The shape of the result.
    fn output(&self, x: Shape, w: Shape) -> Result<Shape, String> {
        let (&[n, c, h, width], &[o, group_c, kh, kw]) = (x.dims(), w.dims()) else {
            return Err("the input must be [n, c, h, w] and the weight [o, c / groups, kh, kw]".into());
        };
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) {
            return Err("stride, dilation and groups must be at least 1".into());
        }
        if kh == 0 || kw == 0 {
            return Err("the window must have at least one element".into());
        }
        if c % self.groups != 0 || o % self.groups != 0 || c / self.groups != group_c {
            return Err(format!(
                "in {} groups, the input's channels ({c}) must be {} times the weight's second dimension \
                 ({group_c}), and the weight's first ({o}) a multiple of {}",
                self.groups, self.groups, self.groups
            ));
        }
        let size = |axis: usize, length: usize, window: usize| {
            // Saturated numbers are refused as a shape.
            let padded = self.padding[axis].saturating_mul(2).saturating_add(length);
            let reach = self.dilation[axis].saturating_mul(window - 1).saturating_add(1);
            if padded < reach {
                return Err(format!(
                    "the window reaches over {reach} positions, but the padded input has {padded}"
                ));
            }
            Ok(((padded - reach) / self.stride[axis]).saturating_add(1))
        };
        Shape::new(&[n, o, size(0, h, kh)?, size(1, width, kw)?]).map_err(|error| error.to_string())
    }

    /// The same for channels of this many examples side by side.
    fn grouped(self, examples: usize) -> Conv2d {
        Conv2d { groups: self.groups.saturating_mul(examples), ..self }
    }

    /// Visits every product of the trilinear form, by its positions in x, w and y.
    fn visit(&self, x: Shape, w: Shape, y: Shape, mut product: impl FnMut(usize, usize, usize)) {
        let (in_group, out_group) = (w[1], w[0] / self.groups);
        let (image, window, result) = (x[2] * x[3], w[2] * w[3], y[2] * y[3]);
        for n in 0..y[0] {
            for o in 0..y[1] {
                for c in 0..in_group {
                    let channel = o / out_group * in_group + c;
                    for (i, j) in (0..y[2]).flat_map(|i| (0..y[3]).map(move |j| (i, j))) {
                        for (p, q) in (0..w[2]).flat_map(|p| (0..w[3]).map(move |q| (p, q))) {
                            let row =
                                (i * self.stride[0] + p * self.dilation[0]).wrapping_sub(self.padding[0]);
                            let col =
                                (j * self.stride[1] + q * self.dilation[1]).wrapping_sub(self.padding[1]);
                            if row < x[2] && col < x[3] {
                                product(
                                    (n * x[1] + channel) * image + row * x[3] + col,
                                    (o * in_group + c) * window + p * w[3] + q,
                                    (n * y[1] + o) * result + i * y[3] + j,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The images `[b, n, c, h, w]` of b examples with their channels side by side, `[n, b c, h, w]`: with b times the
/// groups, each example meets weights of its own.
#[track_caller]
fn side_by_side(images: Var<'_>) -> Var<'_> {
    match images.shape().dims() {
        &[b, n, c, h, w] => images.permute(&[1, 0, 2, 3, 4]).reshape_dims(&[n, b * c, h, w]),
        _ => images,
    }
}

/// What has been put side by side: `[n, b c, h, w]` gives `[b, n, c, h, w]`.
#[track_caller]
fn apart(images: Var<'_>, b: usize) -> Var<'_> {
    match images.shape().dims() {
        &[n, channels, h, w] => {
            images.reshape_dims(&[n, b, channels / b.max(1), h, w]).permute(&[1, 0, 2, 3, 4])
        }
        _ => images,
    }
}

/// The cotangent of the input, from that of the result and the weight; also called transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dInputGradient {
    /// The convolution.
    pub conv: Conv2d,
    /// Height and width of the input.
    pub input: [usize; 2],
}

/// The cotangent of the weight, from the input and the cotangent of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dWeightGradient {
    /// The convolution.
    pub conv: Conv2d,
    /// Height and width of the window.
    pub kernel: [usize; 2],
}

/// One of the three, by which of x, w, y are its operands; for the derivatives, which are alike.
trait Trilinear: Operation {
    /// For each operand, given what takes the place of the result: the operation and its operands.
    fn adjoint<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Var<'t>;

    fn trilinear_vjp<'t>(&self, at: &At<'_, 't>, v: Var<'t>) -> Cotangents<'t> {
        Ok((0..2).map(|i| at.needs(i).then(|| self.adjoint(at, i, v))).collect())
    }

    fn trilinear_jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let record = |a, b| at.tape().record(self.clone(), &[a, b]);
        let terms =
            [tangents[0].map(|t| record(t, at.inputs[1])), tangents[1].map(|t| record(at.inputs[0], t))];
        Ok(terms.into_iter().flatten().reduce(|sum, term| sum + term))
    }
}

fn input_gradient<'t>(conv: Conv2d, x: Shape, y: Var<'t>, w: Var<'t>) -> Var<'t> {
    y.tape().record(Conv2dInputGradient { conv, input: [x[2], x[3]] }, &[y, w])
}

fn weight_gradient<'t>(conv: Conv2d, w: Shape, x: Var<'t>, y: Var<'t>) -> Var<'t> {
    x.tape().record(Conv2dWeightGradient { conv, kernel: [w[2], w[3]] }, &[x, y])
}

impl Trilinear for Conv2d {
    fn adjoint<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Var<'t> {
        let (x, w) = (at.inputs[0], at.inputs[1]);
        if i == 0 { input_gradient(*self, x.shape(), v, w) } else { weight_gradient(*self, w.shape(), x, v) }
    }
}

impl Trilinear for Conv2dInputGradient {
    fn adjoint<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Var<'t> {
        let (y, w) = (at.inputs[0], at.inputs[1]);
        if i == 0 { v.conv2d(w, self.conv) } else { weight_gradient(self.conv, w.shape(), v, y) }
    }
}

impl Trilinear for Conv2dWeightGradient {
    fn adjoint<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Var<'t> {
        let (x, y) = (at.inputs[0], at.inputs[1]);
        if i == 0 { input_gradient(self.conv, x.shape(), y, v) } else { x.conv2d(v, self.conv) }
    }
}

impl Operation for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        self.output(inputs[0].shape, inputs[1].shape).map(Type::float)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (x, w, y) = (args.float(0), args.float(1), out.float());
        y.fill(T::ZERO);
        self.visit(args.shape(0), args.shape(1), args.output_shape(), |i, j, k| y[k] += x[i] * w[j]);
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        if batch.is_batched(0) && !batch.is_batched(1) {
            return Some(batch.parted(batch.joined(0).conv2d(batch.input(1), *self)));
        }
        let images = side_by_side(batch.all(0)).conv2d(batch.joined(1), self.grouped(batch.size()));
        Some(apart(images, batch.size()))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        self.trilinear_vjp(at, cotangent)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        self.trilinear_jvp(at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Conv2d(ConvPart::Forward, *self)
    }
}

impl Operation for Conv2dInputGradient {
    fn name(&self) -> &'static str {
        "conv2d_input_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        let (&[n, ..], &[_, group_c, ..]) = (inputs[0].shape.dims(), inputs[1].shape.dims()) else {
            return Err("the cotangent must be [n, o, h', w'] and the weight [o, c / groups, kh, kw]".into());
        };
        let channels = group_c.saturating_mul(self.conv.groups);
        let x =
            Shape::new(&[n, channels, self.input[0], self.input[1]]).map_err(|error| error.to_string())?;
        match self.conv.output(x, inputs[1].shape)? {
            y if y == inputs[0].shape => Ok(Type::float(x)),
            y => Err(format!("an input of {x} gives a result of {y}, which the cotangent must match")),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (y, w, x) = (args.float(0), args.float(1), out.float());
        x.fill(T::ZERO);
        self.conv.visit(args.output_shape(), args.shape(1), args.shape(0), |i, j, k| x[i] += y[k] * w[j]);
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        if batch.is_batched(0) && !batch.is_batched(1) {
            return Some(batch.parted(batch.record(*self, &[batch.joined(0), batch.input(1)])));
        }
        let grouped = Conv2dInputGradient { conv: self.conv.grouped(batch.size()), ..*self };
        let images = batch.record(grouped, &[side_by_side(batch.all(0)), batch.joined(1)]);
        Some(apart(images, batch.size()))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        self.trilinear_vjp(at, cotangent)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        self.trilinear_jvp(at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Conv2d(ConvPart::InputGradient, self.conv)
    }
}

impl Operation for Conv2dWeightGradient {
    fn name(&self) -> &'static str {
        "conv2d_weight_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        let (&[_, c, ..], &[_, o, ..]) = (inputs[0].shape.dims(), inputs[1].shape.dims()) else {
            return Err("the input must be [n, c, h, w] and the cotangent [n, o, h', w']".into());
        };
        let group_c = c / self.conv.groups.max(1);
        let w =
            Shape::new(&[o, group_c, self.kernel[0], self.kernel[1]]).map_err(|error| error.to_string())?;
        match self.conv.output(inputs[0].shape, w)? {
            y if y == inputs[1].shape => Ok(Type::float(w)),
            y => Err(format!("a weight of {w} gives a result of {y}, which the cotangent must match")),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (x, y, w) = (args.float(0), args.float(1), out.float());
        w.fill(T::ZERO);
        self.conv.visit(args.shape(0), args.output_shape(), args.shape(1), |i, j, k| w[j] += x[i] * y[k]);
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let grouped = Conv2dWeightGradient { conv: self.conv.grouped(batch.size()), ..*self };
        let operands = [side_by_side(batch.all(0)), side_by_side(batch.all(1))];
        Some(batch.parted(batch.record(grouped, &operands)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        self.trilinear_vjp(at, cotangent)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        self.trilinear_jvp(at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Conv2d(ConvPart::WeightGradient, self.conv)
    }
}

impl<'t> Var<'t> {
    /// Two-dimensional convolution of images `[n, c, h, w]` with weights `[o, c / groups, kh, kw]`: see
    /// [`Conv2d`].
    #[track_caller]
    pub fn conv2d(self, weight: Var<'t>, options: Conv2d) -> Var<'t> {
        self.tape().record(options, &[self, weight])
    }
}
