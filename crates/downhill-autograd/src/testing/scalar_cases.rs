//! Rows for scalar functions of one, two and three operands.

use super::{Case, CaseRng, OperationCase};
use crate::Var;

/// Between which numbers a function is tested.
type Domain = (f64, f64);

fn smooth(name: &'static str, make: fn(&mut CaseRng) -> Case) -> OperationCase {
    OperationCase { name, flat: false, make }
}

fn flat(name: &'static str, make: fn(&mut CaseRng) -> Case) -> OperationCase {
    OperationCase { name, flat: true, make }
}

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

pub(super) fn unary() -> Vec<OperationCase> {
    vec![
        smooth("neg", |rng| one(rng, ALL, |x| -x)),
        smooth("abs", |rng| one(rng, ALL, |x| x.abs())),
        flat("sign", |rng| one(rng, ALL, |x| x.sign())),
        smooth("square", |rng| one(rng, ALL, |x| x.square())),
        smooth("sqrt", |rng| one(rng, POSITIVE, |x| x.sqrt())),
        smooth("recip", |rng| {
            let domain = rng.pick(&[POSITIVE, NEGATIVE]);
            one(rng, domain, |x| x.recip())
        }),
        smooth("exp", |rng| one(rng, ALL, |x| x.exp())),
        smooth("expm1", |rng| one(rng, ALL, |x| x.expm1())),
        smooth("log", |rng| one(rng, POSITIVE, |x| x.log())),
        smooth("log1p", |rng| one(rng, (-0.7, 3.0), |x| x.log1p())),
        smooth("sin", |rng| one(rng, ALL, |x| x.sin())),
        smooth("cos", |rng| one(rng, ALL, |x| x.cos())),
        smooth("tanh", |rng| one(rng, ALL, |x| x.tanh())),
        smooth("sigmoid", |rng| one(rng, ALL, |x| x.sigmoid())),
        smooth("relu", |rng| one(rng, ALL, |x| x.relu())),
        smooth("softplus", |rng| one(rng, ALL, |x| x.softplus())),
        smooth("erf", |rng| one(rng, ALL, |x| x.erf())),
        smooth("gelu", |rng| one(rng, ALL, |x| x.gelu())),
        smooth("gelu_slope", |rng| one(rng, ALL, |x| x.gelu_slope())),
        flat("floor", |rng| one(rng, ALL, |x| x.floor())),
        flat("ceil", |rng| one(rng, ALL, |x| x.ceil())),
        flat("round", |rng| one(rng, ALL, |x| x.round())),
        smooth("silu", |rng| one(rng, ALL, |x| x.silu())),
        smooth("leaky_relu", |rng| one(rng, ALL, |x| x.leaky_relu(0.1))),
        smooth("clamp", |rng| one(rng, ALL, |x| x.clamp(-0.5, 2.0))),
        smooth("powf", |rng| {
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
        smooth("add", |rng| two(rng, ALL, ALL, |a, b| a + b)),
        smooth("sub", |rng| two(rng, ALL, ALL, |a, b| a - b)),
        smooth("mul", |rng| two(rng, ALL, ALL, |a, b| a * b)),
        smooth("div", |rng| {
            let divisor = rng.pick(&[POSITIVE, NEGATIVE]);
            two(rng, ALL, divisor, |a, b| a / b)
        }),
        smooth("pow", |rng| two(rng, POSITIVE, ALL, |a, b| a.pow(b))),
        smooth("maximum", |rng| two(rng, ALL, ALL, |a, b| a.maximum(b))),
        smooth("minimum", |rng| two(rng, ALL, ALL, |a, b| a.minimum(b))),
        flat("eq", |rng| two(rng, ALL, ALL, |a, b| a.eq(b))),
        flat("ne", |rng| two(rng, ALL, ALL, |a, b| a.ne(b))),
        flat("lt", |rng| two(rng, ALL, ALL, |a, b| a.lt(b))),
        flat("le", |rng| two(rng, ALL, ALL, |a, b| a.le(b))),
        flat("gt", |rng| two(rng, ALL, ALL, |a, b| a.gt(b))),
        flat("ge", |rng| two(rng, ALL, ALL, |a, b| a.ge(b))),
        smooth("scalar arithmetic", |rng| one(rng, ALL, |x| 2.0 - (1.5 * x - 0.5) / 4.0 + 3.0 / (5.0 + x))),
        smooth("select", |rng| {
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
