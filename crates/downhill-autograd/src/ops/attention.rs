//! Multi-head attention on packed projections.

use super::composite::{formula_gradient, formula_jvp, formula_vjp};
use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, AttentionPart, Lowering, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::kernels::{attention, naive};
use downhill_tensor::{Float, Shape, Tensor};

/// `softmax(Q Kᵀ / √depth) V` for each head of each sequence, from projections `[n, length, 3 width]` that hold
/// query, key and value side by side, and in each of them the heads side by side, `depth = width / heads` numbers
/// each. The result is `[n, length, width]`.
///
/// # Source
/// Vaswani et al., "Attention is all you need", 2017 (arXiv:1706.03762), section 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attention {
    /// The number of heads.
    pub heads: usize,
    /// Whether a position sees only itself and those before it.
    pub causal: bool,
}

/// The cotangent `[n, length, 3 width]` of the projections of [`Attention`] (first operand), given that of its
/// result (second). It computes the probabilities again, so that nothing need be kept of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttentionGradient {
    /// The attention that it belongs to.
    pub attention: Attention,
}

impl Attention {
    /// The shape of the result.
    fn result(&self, packed: Shape) -> Result<Shape, String> {
        let &[n, length, packed_width] = packed.dims() else {
            return Err("the projections must be [n, length, 3 width]".into());
        };
        if !packed_width.is_multiple_of(3) {
            return Err(
                "the last axis must hold query, key and value side by side: three times the width".into()
            );
        }
        let width = packed_width / 3;
        if self.heads == 0 || !width.is_multiple_of(self.heads) {
            let heads = self.heads;
            return Err(format!("the width ({width}) must be a multiple of the number of heads ({heads})"));
        }
        Ok([n, length, width].into())
    }

    /// The sizes of one sequence, for the kernels; the projections are those that `infer` has taken.
    pub fn sizes(&self, packed: Shape) -> attention::Attention {
        let (length, width) = (packed[1], packed[2] / 3);
        attention::Attention {
            length,
            heads: self.heads,
            depth: width / self.heads.max(1),
            causal: self.causal,
        }
    }

    /// The same in primitive operations.
    fn formula<'t>(&self, packed: Var<'t>) -> Var<'t> {
        let &[n, length, packed_width] = packed.shape().dims() else { return packed };
        let (heads, width) = (self.heads, packed_width / 3);
        let depth = width / heads.max(1);
        // [n, length, 3 width] to [3, n, heads, length, depth]
        let split = packed.reshape([n, length, 3, heads, depth]).permute(&[2, 0, 3, 1, 4]);
        let [query, key, value] = [0, 1, 2].map(|part| split.select_at(0, part));
        let mut scores = query.matmul(key.transpose()) * (1.0 / (depth as f64).sqrt());
        if self.causal {
            let seen = |at: &[usize]| if at[1] <= at[0] { 1.0 } else { 0.0 };
            let mask = packed.tape().constant(Tensor::from_fn([length, length], seen));
            scores = mask.select(scores, packed.tape().scalar(f64::NEG_INFINITY));
        }
        scores.softmax().matmul(value).permute(&[0, 2, 1, 3]).reshape([n, length, width])
    }
}

impl Operation for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float])?;
        self.result(inputs[0].shape).map(Type::float)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        naive::attention(&self.sizes(args.shape(0)), args.float(0), out.float());
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let operands: Vec<_> = (0..1).map(|i| batch.joined(i)).collect();
        Some(batch.parted(batch.record(*self, &operands)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let gradient = AttentionGradient { attention: *self };
        Ok(vec![Some(at.tape().record(gradient, &[at.inputs[0], cotangent]))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        formula_jvp(at, tangents, |operands| self.formula(operands[0]))
    }

    fn lower(&self) -> Lowering {
        Lowering::Attention(AttentionPart::Forward, *self)
    }
}

impl AttentionGradient {
    /// The same in primitive operations.
    fn formula<'t>(&self, operands: &[Var<'t>]) -> Var<'t> {
        formula_gradient(&operands[..1], operands[1], |packed| self.attention.formula(packed[0]))[0]
    }
}

impl Operation for AttentionGradient {
    fn name(&self) -> &'static str {
        "attention_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        if self.attention.result(inputs[0].shape)? != inputs[1].shape {
            return Err("the cotangent must be [n, length, width], as the result of the attention is".into());
        }
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let sizes = self.attention.sizes(args.shape(0));
        naive::attention_gradient(&sizes, args.float(0), args.float(1), out.float());
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let operands: Vec<_> = (0..2).map(|i| batch.joined(i)).collect();
        Some(batch.parted(batch.record(*self, &operands)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        formula_vjp(at, cotangent, |operands| self.formula(operands))
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        formula_jvp(at, tangents, |operands| self.formula(operands))
    }

    fn lower(&self) -> Lowering {
        Lowering::Attention(AttentionPart::Gradient, self.attention)
    }
}

impl<'t> Var<'t> {
    /// Multi-head attention on these projections `[n, length, 3 width]`, which hold query, key and value side by
    /// side, and in each of them the heads: `softmax(Q Kᵀ / √(width / heads)) V` for each head, the heads' results
    /// side by side, `[n, length, width]`. With `causal`, a position sees only itself and those before it.
    ///
    /// The scores are never held all at once, nor kept for the gradient.
    #[track_caller]
    pub fn attention(self, heads: usize, causal: bool) -> Var<'t> {
        self.tape().record(Attention { heads, causal }, &[self])
    }
}
