//! Cases that another library has computed: operands, a cotangent, values and gradients.

use crate::{Number, carry_out};
use downhill_autograd::{Data, Kind, Output, Tape, Var};
use downhill_tensor::{Float, Shape};
use serde::Deserialize;

/// A file of cases.
#[derive(Deserialize)]
pub struct File<Case> {
    pub cases: Vec<Case>,
}

/// Numbers with their shape.
#[derive(Clone, Deserialize)]
pub struct Operand {
    pub shape: Vec<usize>,
    pub float: Option<Vec<f64>>,
    pub index: Option<Vec<i64>>,
}

impl Operand {
    pub fn shape(&self) -> Shape {
        Shape::new(&self.shape).unwrap()
    }

    pub fn kind(&self) -> Kind {
        if self.index.is_some() { Kind::Index } else { Kind::Float }
    }
}

/// What `record` makes of the operands, and the gradients of its product with the cotangent by those in `wrt`.
/// Random numbers are drawn from one key.
pub fn value_and_gradients<T: Number>(
    operands: &[Operand],
    wrt: &[usize],
    cotangent: &[f64],
    record: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let tape = Tape::new();
    let vars: Vec<_> = operands
        .iter()
        .enumerate()
        .map(|(i, operand)| match operand.kind() {
            Kind::Float => tape.input(&format!("x{i}"), operand.shape()),
            Kind::Index => tape.index_input(&format!("x{i}"), operand.shape()),
        })
        .collect();
    let value = record(&vars);
    let direction = tape.input("cotangent", value.shape());
    let wrt: Vec<_> = wrt.iter().map(|&i| vars[i]).collect();
    let gradients = tape.vjp(&[(value, direction)], &wrt);
    let mut outputs = vec![Output::new("value", &value)];
    let names: Vec<_> = (0..gradients.len()).map(|i| format!("gradient{i}")).collect();
    outputs.extend(names.iter().zip(&gradients).map(|(name, gradient)| Output::new(name, gradient)));
    let program = tape.finish(&outputs).unwrap();

    let cast = |values: &[f64]| values.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>();
    let floats: Vec<Vec<T>> = operands.iter().map(|o| cast(o.float.as_deref().unwrap_or(&[]))).collect();
    let cotangent = cast(cotangent);
    let mut data: Vec<_> = operands
        .iter()
        .zip(&floats)
        .map(|(operand, floats)| match &operand.index {
            Some(numbers) => Data::Index(numbers),
            None => Data::Float(&floats[..]),
        })
        .collect();
    data.push(Data::Float(&cotangent));
    let results = carry_out(&program, &data).unwrap();
    let mut results = results.iter().map(|x| x.to_vec().into_iter().map(Float::to_f64).collect::<Vec<_>>());
    (results.next().unwrap(), results.collect())
}

/// Asserts that numbers agree to `tolerance`, relative to those that are larger than 1.
#[track_caller]
pub fn assert_agree(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let close = (a - e).abs() <= tolerance * e.abs().max(1.0);
        assert!(close, "{what}, element {i}: {a}, expected {e}\n{actual:?}\n{expected:?}");
    }
}
