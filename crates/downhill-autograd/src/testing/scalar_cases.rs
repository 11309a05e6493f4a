//! Rows for scalar functions of one, two and three operands.

use super::{Case, CaseRng, OperationCase};
use crate::Var;

/// Between which numbers a function is tested.
type Domain = (f64, f64);

fn one(rng: &mut CaseRng, (low, high): Domain, function: fn(Var<'_>) -> Var<'_>) -> Case {
    let shape = rng.shape(0..=4);
    Case::new(vec![rng.tensor(shape, low, high)], move |_, x| function(x[0]))
}

fn two(rng: &mut CaseRng, a: Domain, b: Domain, function: for<'t> fn(Var<'t>, Var<'t>) -> Var<'t>) -> Case {
    let (shape_a, shape_b) = rng.broadcast_pair();
    let operands = vec![rng.tensor(shape_a, a.0, a.1), rng.tensor(shape_b, b.0, b.1)];
    Case::new(operands, move |_, x| function(x[0], x[1]))
}

const ALL: Domain = (-3.0, 3.0);
const POSITIVE: Domain = (0.3, 3.0);
const NEGATIVE: Domain = (-3.0, -0.3);
/// Where sines lie.
const INSIDE: Domain = (-0.85, 0.85);

pub(super) fn unary() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("neg", |rng| one(rng, ALL, |x| -x)),
        OperationCase::smooth("abs", |rng| one(rng, ALL, |x| x.abs())),
        OperationCase::flat("sign", |rng| one(rng, ALL, |x| x.sign())),
        OperationCase::smooth("square", |rng| one(rng, ALL, |x| x.square())),
        OperationCase::smooth("sqrt", |rng| one(rng, POSITIVE, |x| x.sqrt())),
        OperationCase::smooth("recip", |rng| {
            let domain = rng.pick(&[POSITIVE, NEGATIVE]);
            one(rng, domain, |x| x.recip())
        }),
        OperationCase::smooth("exp", |rng| one(rng, ALL, |x| x.exp())),
        OperationCase::smooth("expm1", |rng| one(rng, ALL, |x| x.expm1())),
        OperationCase::smooth("log", |rng| one(rng, POSITIVE, |x| x.log())),
        OperationCase::smooth("log1p", |rng| one(rng, (-0.7, 3.0), |x| x.log1p())),
        OperationCase::smooth("sin", |rng| one(rng, ALL, |x| x.sin())),
        OperationCase::smooth("cos", |rng| one(rng, ALL, |x| x.cos())),
        OperationCase::smooth("tanh", |rng| one(rng, ALL, |x| x.tanh())),
        OperationCase::smooth("sigmoid", |rng| one(rng, ALL, |x| x.sigmoid())),
        OperationCase::smooth("relu", |rng| one(rng, ALL, |x| x.relu())),
        OperationCase::smooth("softplus", |rng| one(rng, ALL, |x| x.softplus())),
        OperationCase::smooth("erf", |rng| one(rng, ALL, |x| x.erf())),
        OperationCase::smooth("gelu", |rng| one(rng, ALL, |x| x.gelu())),
        OperationCase::smooth("gelu_slope", |rng| one(rng, ALL, |x| x.gelu_slope())),
        OperationCase::flat("floor", |rng| one(rng, ALL, |x| x.floor())),
        OperationCase::flat("ceil", |rng| one(rng, ALL, |x| x.ceil())),
        OperationCase::flat("round", |rng| one(rng, ALL, |x| x.round())),
        OperationCase::smooth("rsqrt", |rng| one(rng, POSITIVE, |x| x.rsqrt())),
        OperationCase::smooth("tan", |rng| one(rng, (-1.2, 1.2), |x| x.tan())),
        OperationCase::smooth("asin", |rng| one(rng, INSIDE, |x| x.asin())),
        OperationCase::smooth("acos", |rng| one(rng, INSIDE, |x| x.acos())),
        OperationCase::smooth("atan", |rng| one(rng, ALL, |x| x.atan())),
        OperationCase::smooth("sinh", |rng| one(rng, ALL, |x| x.sinh())),
        OperationCase::smooth("cosh", |rng| one(rng, ALL, |x| x.cosh())),
        OperationCase::smooth("asinh", |rng| one(rng, ALL, |x| x.asinh())),
        OperationCase::smooth("acosh", |rng| one(rng, (1.2, 4.0), |x| x.acosh())),
        OperationCase::smooth("atanh", |rng| one(rng, INSIDE, |x| x.atanh())),
        OperationCase::smooth("erfc", |rng| one(rng, ALL, |x| x.erfc())),
        OperationCase::smooth("lgamma", |rng| {
            let domain = rng.pick(&[POSITIVE, (3.0, 20.0), (-0.8, -0.2)]);
            one(rng, domain, |x| x.lgamma())
        }),
        OperationCase::smooth("digamma", |rng| {
            let domain = rng.pick(&[POSITIVE, (3.0, 20.0), (-0.8, -0.2)]);
            one(rng, domain, |x| x.digamma())
        }),
        OperationCase::smooth("polygamma", |rng| {
            let domain = rng.pick(&[(0.8, 4.0), (3.0, 20.0), (-0.8, -0.2)]);
            let (shape, order) = (rng.shape(0..=4), 1 + rng.below(3) as u32);
            Case::new(vec![rng.tensor(shape, domain.0, domain.1)], move |_, x| x[0].polygamma(order))
        }),
        OperationCase::flat("logical_not", |rng| one(rng, ALL, |x| (x - 0.5).logical_not())),
        OperationCase::smooth("silu", |rng| one(rng, ALL, |x| x.silu())),
        OperationCase::smooth("leaky_relu", |rng| one(rng, ALL, |x| x.leaky_relu(0.1))),
        OperationCase::smooth("clamp", |rng| one(rng, ALL, |x| x.clamp(-0.5, 2.0))),
        OperationCase::smooth("powf", |rng| {
            let exponent = rng.pick(&[3.0, 0.0, -2.0, 1.0, 2.0, 0.5, -1.0, 1.7]);
            let shape = rng.shape(0..=4);
            Case::new(vec![rng.tensor(shape, 0.3, 3.0)], move |_, x| x[0].powf(exponent))
        }),
        OperationCase {
            name: "stop_gradient",
            flat: false,
            // The gradient is not what finite differences see: that is its purpose.
            make: |rng| Case { smooth: false, ..one(rng, ALL, |x| x * x.stop_gradient()) },
        },
    ]
}

pub(super) fn binary() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("add", |rng| two(rng, ALL, ALL, |a, b| a + b)),
        OperationCase::smooth("sub", |rng| two(rng, ALL, ALL, |a, b| a - b)),
        OperationCase::smooth("mul", |rng| two(rng, ALL, ALL, |a, b| a * b)),
        OperationCase::smooth("div", |rng| {
            let divisor = rng.pick(&[POSITIVE, NEGATIVE]);
            two(rng, ALL, divisor, |a, b| a / b)
        }),
        OperationCase::smooth("pow", |rng| two(rng, POSITIVE, ALL, |a, b| a.pow(b))),
        OperationCase::smooth("maximum", |rng| two(rng, ALL, ALL, |a, b| a.maximum(b))),
        OperationCase::smooth("minimum", |rng| two(rng, ALL, ALL, |a, b| a.minimum(b))),
        OperationCase::flat("eq", |rng| two(rng, ALL, ALL, |a, b| a.eq(b))),
        OperationCase::flat("ne", |rng| two(rng, ALL, ALL, |a, b| a.ne(b))),
        OperationCase::flat("lt", |rng| two(rng, ALL, ALL, |a, b| a.lt(b))),
        OperationCase::flat("le", |rng| two(rng, ALL, ALL, |a, b| a.le(b))),
        OperationCase::flat("gt", |rng| two(rng, ALL, ALL, |a, b| a.gt(b))),
        OperationCase::flat("ge", |rng| two(rng, ALL, ALL, |a, b| a.ge(b))),
        // Away from the origin, where the derivative by the one is far larger than that by both together.
        OperationCase::smooth("atan2", |rng| two(rng, POSITIVE, ALL, |a, b| a.atan2(b + 0.5))),
        OperationCase::flat("logical_and", |rng| two(rng, ALL, ALL, |a, b| a.logical_and(b))),
        OperationCase::flat("logical_or", |rng| two(rng, ALL, ALL, |a, b| a.logical_or(b))),
        OperationCase::flat("logical_xor", |rng| two(rng, ALL, ALL, |a, b| a.logical_xor(b))),
        OperationCase::smooth("scalar arithmetic", |rng| {
            one(rng, ALL, |x| 2.0 - (1.5 * x - 0.5) / 4.0 + 3.0 / (5.0 + x))
        }),
        OperationCase::smooth("select", |rng| {
            let (a, b) = rng.broadcast_pair();
            let whole = a.broadcast(b).unwrap_or(a);
            let shape = rng.broadcast_part(whole);
            let (a, b) = (rng.tensor(a, -3.0, 3.0), rng.tensor(b, -3.0, 3.0));
            // The condition is not differentiated by, so it is a constant of the program.
            let condition = rng.tensor(shape, -1.0, 1.0).map(|x| f64::from(u8::from(x > 0.0)));
            Case::new(vec![a, b], move |tape, x| tape.constant(condition.clone()).select(x[0], x[1]))
        }),
    ]
}
