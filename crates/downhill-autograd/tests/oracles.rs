//! Every operation against PyTorch: outputs and vector-Jacobian products, in both precisions.
//!
//! The frozen cases are in `oracles/operations.json`, which `oracles/operations.py` writes. How each is recorded here
//! is one row of `oracle_table`.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

mod oracle_table;

use downhill_autograd::testing::{Input, coverage};
use downhill_autograd::{Interpreter, Kind, Output, Precision, Tape};
use downhill_tensor::kernels::scalar::Unary;
use downhill_tensor::{Key, Shape, Tensor};
use oracle_table::{Attributes, record};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<Value>,
}

#[derive(Deserialize)]
struct OracleCase {
    operation: String,
    attributes: Attributes,
    inputs: Vec<Array>,
    indices: Vec<Array>,
    cotangent: Option<Vec<Value>>,
    output: Array,
    gradients: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct File {
    cases: Vec<OracleCase>,
}

fn cases() -> Vec<OracleCase> {
    serde_json::from_str::<File>(include_str!("oracles/operations.json")).unwrap().cases
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().map(number).collect()
}

impl OracleCase {
    fn name(&self) -> String {
        let attributes: Vec<String> =
            self.attributes.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("{} {}", self.operation, attributes.join(", "))
    }

    /// The output and the gradients in some precision, as double precision; none if the table has no such row.
    fn run<T: Precision>(&self) -> Option<Vec<Vec<f64>>> {
        let tape = Tape::new();
        let shape = |array: &Array| Shape::new(&array.shape).unwrap();
        let floats: Vec<_> = self.inputs.iter().map(|x| tape.input("x", shape(x))).collect();
        let whole: Vec<_> = self.indices.iter().map(|x| tape.index_input("i", shape(x))).collect();
        let vars = [floats.clone(), whole].concat();
        let mut y = record(&self.operation, &self.attributes, &tape, &vars)?;
        if y.ty().kind == Kind::Index {
            // Whole numbers as real ones, by way of a table.
            let most = numbers(&self.output.values).into_iter().fold(0.0, f64::max) as usize + 2;
            let table = Tensor::from_fn([most], |i| i[0] as f64);
            y = y.one_hot(most).matmul(tape.constant(table));
        }
        assert!(tape.error().is_none(), "{}: {}", self.name(), tape.error().unwrap());
        assert_eq!(y.shape().dims(), self.output.shape, "{}: the shape", self.name());
        let mut results = vec![y];
        if let Some(cotangent) = &self.cotangent {
            let cotangent = tape.constant(Tensor::from_vec(numbers(cotangent), y.shape()).unwrap());
            results.extend(tape.vjp(&[(y, cotangent)], &floats));
        }
        let outputs: Vec<_> = results.iter().map(|value| Output::new("result", value)).collect();
        let program = tape.finish(&outputs).unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let floats = self.inputs.iter().map(|x| Input::Float(numbers(&x.values)).rounded::<T>());
        let whole = |x: &Array| Input::Index(x.values.iter().map(|i| i.as_i64().unwrap()).collect());
        let inputs: Vec<_> = floats.chain(self.indices.iter().map(whole)).collect();
        let data: Vec<_> = inputs.iter().map(Input::data).collect();
        let results = Interpreter.outputs::<T>(&program, &data, Key::new(0));
        let results = results.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        Some(results.iter().map(|y| y.to_vec().into_iter().map(T::to_f64).collect()).collect())
    }

    fn expected(&self) -> Vec<Vec<f64>> {
        let gradients = self.gradients.iter().map(|gradient| numbers(gradient));
        std::iter::once(numbers(&self.output.values)).chain(gradients).collect()
    }

    /// Whether this is one scalar function of one number.
    fn is_scalar_function(&self) -> bool {
        Unary::ALL.iter().any(|function| function.name() == self.operation)
    }
}

/// Compares all numbers of all cases, and returns how many cases and numbers; `allowed` is the greatest difference from an expected number, of output or
/// gradient number `part`.
fn compare<T: Precision>(allowed: impl Fn(&OracleCase, usize, f64) -> f64) -> (usize, usize) {
    let (mut count, mut numbers, mut failures) = (0, 0, Vec::new());
    for case in cases() {
        let Some(actual) = case.run::<T>() else {
            panic!("no row of the table records `{}`", case.operation);
        };
        let expected = case.expected();
        assert_eq!(actual.len(), expected.len(), "{}", case.name());
        for (part, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert_eq!(actual.len(), expected.len(), "{}", case.name());
            for (i, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
                // What this precision makes of it.
                let rounded = T::from_f64(expected).to_f64();
                let same = actual == rounded || (actual.is_nan() && expected.is_nan());
                // A NaN on one side is not close.
                let close = (actual - expected).abs() <= allowed(&case, part, expected);
                if !same && !close {
                    let what = if part == 0 { "output".to_string() } else { format!("gradient {part}") };
                    failures
                        .push(format!("{}: {what}, element {i}: {actual:e}, not {expected:e}", case.name()));
                }
                numbers += 1;
            }
        }
        count += 1;
    }
    assert!(failures.is_empty(), "{} of {numbers} numbers differ:\n{}", failures.len(), failures.join("\n"));
    (count, numbers)
}

#[test]
fn outputs_and_gradients_are_those_of_pytorch_in_double_precision() {
    let (count, numbers) =
        compare::<f64>(|case, part, expected| match case.is_scalar_function() && part == 0 {
            true => 1e-13 * expected.abs(),
            false => 1e-10 * expected.abs() + 1e-12,
        });
    println!("{count} cases, {numbers} numbers");
}

#[test]
fn outputs_and_gradients_are_those_of_pytorch_in_single_precision() {
    let (count, numbers) =
        compare::<f32>(|case, part, expected| match case.is_scalar_function() && part == 0 {
            true => 4.0 * unit_in_the_last_place(expected),
            false => 1e-5 * (1.0 + expected.abs()),
        });
    println!("{count} cases, {numbers} numbers");
}

/// The distance of the single-precision numbers around this one.
fn unit_in_the_last_place(x: f64) -> f64 {
    let magnitude = (x.abs() as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
    f64::from(magnitude) - f64::from(f32::from_bits(magnitude.to_bits() - 1))
}

#[test]
fn every_operation_has_an_oracle_or_a_reason_why_not() {
    let with: BTreeSet<String> = cases().into_iter().map(|case| case.operation).collect();
    let coverage = coverage();
    let known: BTreeSet<String> = coverage.iter().map(|row| row.operation.to_string()).collect();
    let reasons = coverage.iter().filter(|row| row.instead_of_oracle.is_some());
    let without: BTreeSet<String> = reasons.map(|row| row.operation.to_string()).collect();
    let covered: BTreeSet<String> = with.union(&without).cloned().collect();
    let missing: Vec<_> = known.difference(&covered).collect();
    assert!(missing.is_empty(), "without a case in tests/oracles/operations.py: {missing:?}");
    let unknown: Vec<_> = covered.difference(&known).collect();
    assert!(unknown.is_empty(), "in the oracle, but not in the registry: {unknown:?}");
    assert_eq!(with.intersection(&without).count(), 0, "an operation with an oracle needs no reason");
}
