//! What operations share that compute several primitive ones in one pass.
//!
//! Such an operation has a gradient operation, which is one pass again. The derivatives of that one are seldom
//! needed; they are recorded in primitive operations, through the formula that the pass stands for.

use super::{Cotangents, Tangent};
use crate::operation::{Args, At, Out};
use crate::{Data, Var};
use downhill_tensor::Float;
use downhill_tensor::kernels::naive;
use downhill_tensor::kernels::rows::{RowFunction, Rows, check};

/// The cotangents of a function that `formula` records from its operands in primitive operations.
pub(super) fn formula_vjp<'t>(
    at: &At<'_, 't>,
    cotangent: Var<'t>,
    formula: impl Fn(&[Var<'t>]) -> Var<'t>,
) -> Cotangents<'t> {
    let fresh = fresh(at.inputs);
    let result = formula(&fresh);
    let wanted: Vec<usize> = (0..fresh.len()).filter(|&i| fresh[i].is_float() && at.needs(i)).collect();
    let wrt: Vec<Var<'t>> = wanted.iter().map(|&i| fresh[i]).collect();
    let mut cotangents = vec![None; fresh.len()];
    for (i, cotangent) in wanted.into_iter().zip(at.tape().vjp(&[(result, cotangent)], &wrt)) {
        cotangents[i] = Some(cotangent);
    }
    Ok(cotangents)
}

/// The tangent of a function that `formula` records from its operands in primitive operations.
pub(super) fn formula_jvp<'t>(
    at: &At<'_, 't>,
    tangents: &[Option<Var<'t>>],
    formula: impl Fn(&[Var<'t>]) -> Var<'t>,
) -> Tangent<'t> {
    let fresh = fresh(at.inputs);
    let result = formula(&fresh);
    let pairs: Vec<_> =
        fresh.iter().zip(tangents).filter_map(|(x, tangent)| tangent.map(|t| (*x, t))).collect();
    Ok(at.tape().jvp(&[result], &pairs).first().copied())
}

/// `Jᵀ g` in primitive operations, J being the Jacobian of `formula` by its real operands: the formula of a
/// gradient operation. The cotangents of all real operands, in their order.
pub(super) fn formula_gradient<'t>(
    operands: &[Var<'t>],
    g: Var<'t>,
    formula: impl Fn(&[Var<'t>]) -> Var<'t>,
) -> Vec<Var<'t>> {
    let fresh = fresh(operands);
    let wrt: Vec<Var<'t>> = fresh.iter().copied().filter(|x| x.is_float()).collect();
    g.tape().vjp(&[(formula(&fresh), g)], &wrt)
}

/// The operands as values of their own: what they were computed from, and where else they are used, has no
/// part in the derivatives by them.
fn fresh<'t>(operands: &[Var<'t>]) -> Vec<Var<'t>> {
    let copy = |x: &Var<'t>| {
        if x.is_float() { x.tape().record(super::Reshape { shape: x.shape() }, &[*x]) } else { *x }
    };
    operands.iter().map(copy).collect()
}

/// The reference meaning of an operation that is a function of rows: as many as the first operand has along
/// all axes but the last.
pub(super) fn eval_rows<T: Float>(
    function: RowFunction,
    args: &Args<'_, T>,
    out: Out<'_, T>,
) -> Result<(), String> {
    let shape = args.shape(0);
    let rows = shape[..shape.rank().saturating_sub(1)].iter().product();
    let operands: Vec<_> = args.data.iter().map(rows_of).collect();
    check(function, rows, &operands).map_err(|error| error.to_string())?;
    naive::apply_rows(function, rows, &operands, out.float());
    Ok(())
}

fn rows_of<'a, T>(data: &Data<'a, T>) -> Rows<'a, T> {
    match *data {
        Data::Float(values) => Rows::Float(values),
        Data::Index(values) => Rows::Index(values),
        // No operand of an operation is bound so.
        Data::InPlace => Rows::Index(&[]),
    }
}
