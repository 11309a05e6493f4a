//! Batches of examples against the examples one by one: every operation of the registry and its gradient, whichever of
//! the operands differ between examples.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::operation::{Args, Out};
use downhill_autograd::ops::Conv2d;
use downhill_autograd::testing::{Case, CaseRng, Input, OperationCase, Values, operations};
use downhill_autograd::{
    Batch, Data, Error, Interpreter, Kind, NoDerivative, Operation, Output, Tape, Type, Var,
};
use downhill_tensor::{Float, Key, Shape, Tensor};

const KEY: u64 = 5;

/// The result of a case and, if there is one, its gradient by all real operands.
fn results<'t>(case: &Case, row: &OperationCase, tape: &'t Tape, vars: &[Var<'t>]) -> Vec<Var<'t>> {
    let y = (case.record)(tape, vars);
    if row.flat || y.ty().kind == Kind::Index {
        return vec![y];
    }
    let mut k = 0.0f64;
    let cotangent = Tensor::from_fn(y.shape(), |_| {
        k += 1.0;
        k.sin()
    });
    let gradient = tape.vjp(&[(y, tape.constant(cotangent))], &vars[..case.floats.len()]);
    std::iter::once(y).chain(gradient).collect()
}

fn run(tape: &Tape, results: &[Var<'_>], inputs: &[Input<f64>]) -> Result<Vec<Vec<f64>>, Error> {
    let outputs: Vec<_> = results.iter().map(|y| Output::new("result", y)).collect();
    let program = tape.finish(&outputs)?;
    let data: Vec<Data<'_, f64>> = inputs.iter().map(Input::data).collect();
    let results = Interpreter.outputs(&program, &data, Key::new(KEY))?;
    Ok(results.iter().map(Tensor::to_vec).collect())
}

/// The operands of some examples: for each operand, one value, or one for each example.
fn examples(case: &Case, rng: &mut CaseRng, size: usize) -> Vec<Vec<Input<f64>>> {
    let mut operands: Vec<Vec<Input<f64>>> = Vec::new();
    for input in case.inputs::<f64>() {
        if rng.chance(0.35) {
            operands.push(vec![input]);
            continue;
        }
        let example = |number: usize| match &input {
            // In another order, so that numbers stay in their domain.
            Input::Float(x) => Input::Float(turned(x, number)),
            Input::Index(x) => Input::Index(turned(x, number)),
        };
        operands.push((0..size).map(example).collect());
    }
    operands
}

fn turned<T: Clone>(x: &[T], by: usize) -> Vec<T> {
    let mut x = x.to_vec();
    let n = x.len().max(1);
    x.rotate_left(by % n);
    x
}

fn joined(examples: &[Input<f64>]) -> Input<f64> {
    let mut all = examples[0].clone();
    for example in &examples[1..] {
        match (&mut all, example) {
            (Input::Float(all), Input::Float(x)) => all.extend(x),
            (Input::Index(all), Input::Index(x)) => all.extend(x),
            _ => unreachable!("an operand is of one kind"),
        }
    }
    all
}

#[test]
fn a_batch_of_every_operation_and_its_gradient_is_its_examples_one_by_one() {
    let mut count = 0;
    for row in operations() {
        for seed in 0..24 {
            let case = row.case(seed, Values::Ordinary);
            let mut rng = CaseRng::new(300 + seed);
            let size = 1 + rng.below(3);
            let operands = examples(&case, &mut rng, size);
            // At least one that differs between examples, or there is nothing to batch.
            if operands.iter().all(|values| values.len() == 1 && size > 1) || operands.is_empty() {
                continue;
            }
            let what = format!("{} seed {seed}, {size} examples", row.name);
            let one_by_one: Vec<_> = (0..size)
                .map(|number| {
                    let inputs: Vec<_> =
                        operands.iter().map(|values| values[number.min(values.len() - 1)].clone()).collect();
                    let tape = Tape::new();
                    let vars = case.declare(&tape);
                    let results = results(&case, &row, &tape, &vars);
                    run(&tape, &results, &inputs).unwrap_or_else(|error| panic!("{what}: {error}"))
                })
                .collect();
            let tape = Tape::new();
            let vars = case.declare(&tape);
            let shared = case.inputs::<f64>();
            let mut inputs = shared.clone();
            let mut pairs = Vec::new();
            for (i, values) in operands.iter().enumerate() {
                if values.len() == size {
                    let dims = [&[size], vars[i].shape().dims()].concat();
                    let shape = Shape::new(&dims).unwrap();
                    let batch = match vars[i].ty().kind {
                        Kind::Float => tape.input("batch", shape),
                        Kind::Index => tape.index_input("batch", shape),
                    };
                    pairs.push((vars[i], batch));
                    inputs.push(joined(values));
                }
            }
            let results = results(&case, &row, &tape, &vars);
            let batches = tape.vmap(&results, &pairs);
            let actual = run(&tape, &batches, &inputs).unwrap_or_else(|error| panic!("{what}: {error}"));
            for (part, actual) in actual.iter().enumerate() {
                let expected: Vec<f64> =
                    one_by_one.iter().flat_map(|example| example[part].clone()).collect();
                assert_eq!(actual.len(), expected.len(), "{what}, result {part}");
                for (a, e) in actual.iter().zip(&expected) {
                    let same = a == e || (a.is_nan() && e.is_nan());
                    assert!(
                        same || (a - e).abs() <= 1e-11 * (1.0 + e.abs()),
                        "{what}, result {part}: {a} and {e}"
                    );
                }
            }
            count += 1;
        }
    }
    assert!(count > 3000, "only {count} cases");
    println!("{count} batches");
}

#[test]
fn every_operation_of_this_crate_and_its_gradient_have_a_rule() {
    for row in operations() {
        for seed in 0..8 {
            let case = row.case(seed, Values::Ordinary);
            let length = |size: usize, which: u64| {
                let tape = Tape::new();
                let vars = case.declare(&tape);
                let results = results(&case, &row, &tape, &vars);
                // Some of the operands, the same ones for each size.
                let chosen = vars.iter().enumerate().filter(|(i, _)| which >> i & 1 == 1);
                let pairs: Vec<_> = chosen
                    .map(|(_, x)| {
                        let shape = Shape::new(&[&[size], x.shape().dims()].concat()).unwrap();
                        let batch = match x.ty().kind {
                            Kind::Float => tape.input("batch", shape),
                            Kind::Index => tape.index_input("batch", shape),
                        };
                        (*x, batch)
                    })
                    .collect();
                let batches = tape.vmap(&results, &pairs);
                let outputs: Vec<_> = batches.iter().map(|y| Output::new("y", y)).collect();
                tape.finish(&outputs).unwrap().len()
            };
            let operands = case.floats.len() + case.indices.len();
            for which in 1..1 << operands.min(3) {
                assert_eq!(
                    length(2, which),
                    length(3, which),
                    "{} seed {seed}, operands {which:b}",
                    row.name
                );
            }
        }
    }
}

#[test]
fn the_program_of_a_batch_does_not_grow_with_it() {
    let length = |size: usize| {
        let tape = Tape::new();
        let (w, kernel) = (tape.input("w", [8, 3]), tape.input("kernel", [2, 1, 2, 2]));
        let (image, class) = (tape.placeholder([1, 1, 3, 3]), tape.index_placeholder([]));
        let features = image.conv2d(kernel, Conv2d::default()).relu().reshape([8]);
        let loss = features.matmul(w).cross_entropy(class);
        let gradients = tape.grad(loss, &[w, kernel]);
        let (images, classes) =
            (tape.input("images", [size, 1, 1, 3, 3]), tape.index_input("classes", [size]));
        let batches = tape.vmap(&gradients, &[(image, images), (class, classes)]);
        tape.finish(&[Output::flat("gradients", &batches)]).unwrap().len()
    };
    assert_eq!(length(2), length(100));
}

/// An operation of a user's own, without a rule for batches.
#[derive(Clone, Debug, PartialEq)]
struct LargestTwice;

impl Operation for LargestTwice {
    fn name(&self) -> &'static str {
        "largest_twice"
    }
    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Ok(inputs[0])
    }
    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let x = args.float(0);
        let largest = x.iter().fold(T::NEG_INFINITY, |a, &b| a.maximum(b));
        out.float().iter_mut().zip(x).for_each(|(y, &x)| *y = if x == largest { x + x } else { x });
        Ok(())
    }
}

#[test]
fn an_operation_without_a_rule_is_recorded_for_each_example() {
    let tape = Tape::new();
    let (x, batch) = (tape.placeholder([2]), tape.input("batch", [3, 2]));
    let y = tape.record(LargestTwice, &[x]);
    let ys = tape.vmap(&[y], &[(x, batch)])[0];
    let input = [Input::Float(vec![1.0, 2.0, 4.0, 3.0, -1.0, -2.0])];
    assert_eq!(run(&tape, &[ys], &input).unwrap(), [[1.0, 4.0, 8.0, 3.0, -2.0, -2.0]]);
}

#[test]
fn a_rule_with_the_wrong_shape_and_wrong_batches_are_reported() {
    #[derive(Clone, Debug, PartialEq)]
    struct WrongRule;
    impl Operation for WrongRule {
        fn name(&self) -> &'static str {
            "wrong_rule"
        }
        fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
            Ok(inputs[0])
        }
        fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
            out.float().copy_from_slice(args.float(0));
            Ok(())
        }
        fn vjp<'t>(
            &self,
            _: &downhill_autograd::At<'_, 't>,
            _: Var<'t>,
        ) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
            Ok(vec![None])
        }
        fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
            Some(batch.input(0).sum())
        }
    }
    let message = |record: for<'t> fn(&'t Tape, Var<'t>, Var<'t>)| {
        let tape = Tape::new();
        record(&tape, tape.placeholder([2]), tape.input("batch", [3, 2]));
        tape.finish(&[]).unwrap_err().to_string().split('\n').next().unwrap().to_string()
    };
    assert_eq!(
        message(|tape, x, batch| drop(tape.vmap(&[tape.record(WrongRule, &[x])], &[(x, batch)]))),
        "`vmap of wrong_rule` cannot take float[]: the result for 3 examples must be float[3, 2]"
    );
    assert_eq!(
        message(|tape, x, batch| drop(tape.vmap(&[x.sin()], &[(x, batch.slice(1, ..1))]))),
        "`vmap` cannot take float[2] and float[3, 1]: a batch must have 3 rows, each of the kind and shape of its value"
    );
    assert_eq!(
        message(|tape, x, _| drop(tape.vmap(&[x.sin()], &[]))),
        "the batches of `vmap`: expected at least one, with an axis of examples, got None"
    );
}

#[test]
fn what_does_not_depend_on_the_example_is_repeated() {
    let tape = Tape::new();
    let (x, batch, w) = (tape.placeholder([2]), tape.input("batch", [2, 2]), tape.input("w", [3]));
    let results = tape.vmap(&[w.sin(), x], &[(x, batch)]);
    let inputs = [Input::Float(vec![1.0, 2.0, 3.0, 4.0]), Input::Float(vec![0.5, 1.0, 2.0])];
    let actual = run(&tape, &results, &inputs).unwrap();
    let sines = [0.5f64, 1.0, 2.0].map(f64::sin);
    assert_eq!(actual[0], [sines, sines].concat());
    assert_eq!(actual[1], [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn batches_may_be_batched_again() {
    // An ensemble of two tables, each with two batches of three examples of its own.
    let (tables, numbers): (Vec<f64>, [i64; 12]) =
        ((0..16).map(f64::from).map(f64::sin).collect(), [0, 1, 3, 3, 2, 0, 1, 1, 2, 3, 0, 2]);
    let tape = Tape::new();
    let (table, number) = (tape.placeholder([4, 2]), tape.index_placeholder([2]));
    let loss = table.gather(number).sin().prod();
    let gradient = tape.grad(loss, &[table])[0];
    let numbers_of_one = tape.index_placeholder([3, 2]);
    let of_one = tape.vmap(&[gradient], &[(number, numbers_of_one)])[0];
    let (all_tables, all_numbers) = (tape.input("tables", [2, 4, 2]), tape.index_input("numbers", [2, 3, 2]));
    let of_all = tape.vmap(&[of_one], &[(table, all_tables), (numbers_of_one, all_numbers)])[0];
    assert_eq!(of_all.shape().dims(), [2, 3, 4, 2]);
    let inputs = [Input::Float(tables.clone()), Input::Index(numbers.to_vec())];
    let actual = run(&tape, &[of_all], &inputs).unwrap();
    let mut expected = Vec::new();
    for (table, numbers) in tables.chunks(8).zip(numbers.chunks(6)) {
        for numbers in numbers.chunks(2) {
            let tape = Tape::new();
            let (x, i) = (tape.input("x", [4, 2]), tape.index_input("i", [2]));
            let gradient = tape.grad(x.gather(i).sin().prod(), &[x]);
            let inputs = [Input::Float(table.to_vec()), Input::Index(numbers.to_vec())];
            expected.extend(run(&tape, &gradient, &inputs).unwrap().concat());
        }
    }
    for (a, e) in actual[0].iter().zip(&expected) {
        assert!((a - e).abs() <= 1e-12, "{a} and {e}");
    }
    assert!(expected.iter().any(|e| e.abs() > 1e-3));
}
