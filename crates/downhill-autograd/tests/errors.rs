//! Every error as a person sees it: the whole text, with the line of this file that is to blame.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::operation::{Args, At, Out};
use downhill_autograd::ops::{Conv2d, Pool2d};
use downhill_autograd::{
    Data, DataMut, Error, Executor, Interpreter, NoDerivative, Operation, Output, Run, Tape, Tolerance, Type,
    Var, check_gradients, grad,
};
use downhill_tensor::{Float, Key, Tensor};

/// A function of one value.
type Record = fn(Var<'_>) -> Var<'_>;

/// The text of an error, without the column at the end of its place.
fn text(error: &Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(':') {
        Some((head, column)) if column.parse::<u32>().is_ok() => head.to_string(),
        _ => text,
    }
}

/// A place in this file, outside of any layer.
fn at(line: u32) -> String {
    format!("\n  at {}:{line}", file!())
}

/// The error that finishing this tape returns.
fn error_of(tape: &Tape) -> Error {
    tape.finish(&[]).unwrap_err()
}

/// A result of three numbers whose rules are wrong, or not there, on purpose.
#[derive(Clone, Debug, PartialEq)]
enum Unfinished {
    WithoutRules,
    WrongShape,
    TooMany,
}

impl Operation for Unfinished {
    fn name(&self) -> &'static str {
        "unfinished"
    }
    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Ok(inputs[0])
    }
    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        out.float().copy_from_slice(args.float(0));
        Ok(())
    }
    fn vjp<'t>(&self, _: &At<'_, 't>, cotangent: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        match self {
            Unfinished::WithoutRules => Err(NoDerivative),
            Unfinished::WrongShape => Ok(vec![Some(cotangent.sum())]),
            Unfinished::TooMany => Ok(vec![Some(cotangent), None]),
        }
    }
    fn jvp<'t>(
        &self,
        at: &At<'_, 't>,
        tangents: &[Option<Var<'t>>],
    ) -> Result<Option<Var<'t>>, NoDerivative> {
        match self {
            Unfinished::WrongShape => {
                Ok(tangents[0].map(|tangent| tangent.sum() + 0.0 * at.tape().scalar(1.0)))
            }
            _ => Err(NoDerivative),
        }
    }
}

#[test]
fn a_wrong_shape_names_the_operation_both_shapes_the_layer_and_the_line() {
    let tape = Tape::new();
    let (x, w) = (tape.input("x", [32, 784]), tape.input("w", [128, 10]));
    let (y, line) = tape.at_path("encoder.0", || (x.matmul(w), line!()));
    // What follows from it stays silent, and later errors do not cover it.
    let later = (y + x.reshape([5])).transpose();
    let error = tape.finish(&[Output::new("y", &later)]).unwrap_err();
    assert_eq!(
        text(&error),
        format!(
            "`matmul` cannot take float[32, 784] and float[128, 10]: the last dimension of the left (784) must \
             equal the second to last of the right (128)\n  in layer `encoder.0`, at {}:{line}",
            file!()
        )
    );
}

#[test]
fn the_first_error_wins() {
    let tape = Tape::new();
    let x = tape.input("x", [2, 3]);
    let (_, line) = (x + tape.input("b", [2]), line!());
    let _ = x.matmul(x);
    let _ = x.squeeze(0);
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "`add` cannot take float[2, 3] and float[2]: the shapes must broadcast: aligned at the last \
             dimension, dimensions must be equal or one of them 1{}",
            at(line)
        )
    );
}

#[test]
fn wrong_shapes_say_what_was_expected() {
    let cases: [(Record, &str); 17] = [
        (
            |x| x.matmul(x.tape().ones([4])),
            "`matmul` cannot take float[2, 3] and float[4]: a vector must be as long as the axis of the other \
             that it is multiplied with",
        ),
        (
            |x| x.reshape([7]),
            "`reshape` cannot take float[2, 3]: the new shape [7] has 7 elements, but the value has 6",
        ),
        (
            |x| x.sum_over(&[2]),
            "`sum` cannot take float[2, 3]: axis 2 does not exist in a shape of 2 dimensions (allowed: -2 to 1)",
        ),
        (|x| x.squeeze(0), "`squeeze` cannot take float[2, 3]: axis 0 must have length 1"),
        (|x| x.unsqueeze(4), "`unsqueeze` cannot take float[2, 3]: a new axis can stand at 0 to 2, not at 4"),
        (
            |x| x.at(2),
            "`slice` cannot take float[2, 3]: positions 2 to 2 do not exist on axis 0, whose length is 2",
        ),
        (|x| x.at(0).transpose(), "`transpose` cannot take float[3]: a matrix has at least two axes"),
        (
            |x| x.broadcast_to([3, 3]),
            "`broadcast_to` cannot take float[2, 3]: to become [3, 3], its dimensions, aligned at the last, \
             must be equal to those or 1",
        ),
        (
            |x| x.slice(0, ..0).max_over(&[0]),
            "`max` cannot take float[0, 3]: an extreme of no elements does not exist",
        ),
        (
            |x| x.tape().concat(&[x, x.transpose()], 0),
            "`concat` cannot take float[2, 3] and float[3, 2]: all must hold real numbers and agree in all \
             axes but 0",
        ),
        (
            |x| x.tape().concat(&[], 0),
            "`concat` cannot take no operands: there must be at least one value to join",
        ),
        (
            |x| x.gather(x),
            "`gather` cannot take float[2, 3] and float[2, 3]: operand 2 must hold whole numbers (index)",
        ),
        (
            |x| x.argmax().one_hot(3).argmax().exp(),
            "`exp` cannot take index[2]: operand 1 must hold real numbers (float)",
        ),
        (
            |x| x.tape().scalar(1.0).softmax(),
            "`softmax` cannot take float[]: it runs along the last axis, and a scalar has none",
        ),
        (
            |x| x.conv2d(x, Conv2d::default()),
            "`conv2d` cannot take float[2, 3] and float[2, 3]: the input must be [n, c, h, w] and the weight \
             [o, c / groups, kh, kw]",
        ),
        (
            |x| {
                let image = x.reshape([1, 1, 2, 3]);
                image.conv2d(x.tape().ones([1, 1, 3, 3]), Conv2d::default())
            },
            "`conv2d` cannot take float[1, 1, 2, 3] and float[1, 1, 3, 3]: the window reaches over 3 positions, \
             but the padded input has 2",
        ),
        (
            |x| x.reshape([1, 1, 2, 3]).max_pool2d(Pool2d { padding: [2; 2], ..Pool2d::square(2) }),
            "`max_pool2d` cannot take float[1, 1, 2, 3]: the padding (2) must be at most half the window (2)",
        ),
    ];
    for (record, expected) in cases {
        let tape = Tape::new();
        let _ = record(tape.input("x", [2, 3]));
        let error = error_of(&tape).to_string();
        let (said, place) = error.split_once('\n').unwrap();
        assert_eq!(said, expected);
        assert!(place.starts_with(&format!("  at {}:", file!())), "{place}");
    }
}

#[test]
fn a_gradient_of_something_that_is_not_a_scalar_says_to_reduce_it() {
    let tape = Tape::new();
    let x = tape.input("x", [3]);
    let (y, line) = (x.square(), line!());
    tape.grad(y, &[x]);
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "the gradient is defined for a scalar, but this value is float[3]: reduce it first, with `.sum()` \
             or `.mean()`{}",
            at(line)
        )
    );
}

#[test]
fn a_parameter_that_is_not_reached_is_named_with_its_layer() {
    let tape = Tape::new();
    let port = tape.vector("theta");
    let used = tape.part(port, "head.weight", [3]);
    let (unused, line) = tape.at_path("encoder.1", || (tape.part(port, "encoder.1.bias", [3]), line!()));
    tape.grad(used.sum(), &[used, unused]);
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "the value does not depend on `encoder.1.bias`, so its gradient would be zero for ever: use it in \
             the computation, leave it out, or say so with `.stop_gradient()`\n  in layer `encoder.1`, at \
             {}:{line}",
            file!()
        )
    );
}

#[test]
fn a_parameter_reached_only_through_flat_operations_is_told_which() {
    let said = |record: Record| {
        let tape = Tape::new();
        let (x, line) = (tape.input("x", [3, 3]), line!());
        tape.grad(record(x).sum(), &[x]);
        let text = text(&error_of(&tape));
        text.strip_suffix(&at(line)).unwrap().to_string()
    };
    let flat = |operations: &str| {
        format!(
            "the value depends on `x` only through {operations}, whose derivative is zero, so its gradient \
             would be zero for ever: let it act in another way, or say so with `.stop_gradient()`"
        )
    };
    assert_eq!(said(|x| x.floor().sin()), flat("`floor`"));
    assert_eq!(said(|x| x.gt(x.tape().scalar(0.0)) * x.ceil()), flat("`ceil`, `gt`"));
    // Through whole numbers.
    assert_eq!(said(|x| x.tape().ones([3]).gather(x.argmax())), flat("`argmax`"));
    assert!(grad(|x| x.sum().round().stop_gradient() + x.sum(), &[1.0]).is_ok());
}

#[test]
fn an_operation_without_a_derivative_is_named_where_it_was_recorded() {
    for transform in ["vjp", "jvp"] {
        let tape = Tape::new();
        let x = tape.input("x", [3]);
        let (y, line) = tape.at_path("block", || (tape.record(Unfinished::WithoutRules, &[x]), line!()));
        match transform {
            "vjp" => drop(tape.grad(y.sum(), &[x])),
            _ => drop(tape.jvp(&[y], &[(x, x)])),
        }
        assert_eq!(
            text(&error_of(&tape)),
            format!(
                "`unfinished` has no derivative ({transform}), but lies between the value and what it is \
                 differentiated by: implement it for this operation, or cut the path with \
                 `.stop_gradient()`\n  in layer `block`, at {}:{line}",
                file!()
            )
        );
    }
    // Where no derivative is asked for, none is missed.
    assert!(
        grad(|x| (x * x.tape().record(Unfinished::WithoutRules, &[x]).stop_gradient()).sum(), &[2.0]).is_ok()
    );
}

#[test]
fn derivative_rules_that_return_the_wrong_shape_or_number_are_found() {
    let said = |operation: Unfinished, forward: bool| {
        let tape = Tape::new();
        let x = tape.input("x", [3]);
        let (y, line) = (tape.record(operation, &[x]), line!());
        if forward {
            tape.jvp(&[y], &[(x, x)]);
        } else {
            tape.grad(y.sum(), &[x]);
        }
        let text = text(&error_of(&tape));
        text.strip_suffix(&at(line)).unwrap().to_string()
    };
    assert_eq!(
        said(Unfinished::WrongShape, false),
        "`vjp of unfinished` cannot take float[]: the cotangent of operand 1 must be float[3], as that is"
    );
    assert_eq!(
        said(Unfinished::WrongShape, true),
        "`jvp of unfinished` cannot take float[]: the tangent must be float[3], as the result is"
    );
    assert_eq!(
        said(Unfinished::TooMany, false),
        "cotangents from the vjp of an operation: expected 1, one for each operand of `unfinished`, got 2"
    );
}

#[test]
fn values_of_another_tape_are_refused_wherever_they_come_in() {
    let other = Tape::new();
    let foreign = other.input("z", [3]);
    type Mix = for<'t> fn(&'t Tape, Var<'t>, Var<'t>) -> Var<'t>;
    let cases: [(&str, Mix); 5] = [
        ("add", |_, x, z| x + z),
        ("concat", |tape, _, z| tape.concat(&[z], 5)),
        ("vjp", |tape, x, z| tape.grad(x.sum(), &[z])[0]),
        ("jvp", |tape, x, z| tape.jvp(&[x], &[(z, z)])[0]),
        ("matmul", |_, x, z| x.slice(0, ..2).matmul(z)),
    ];
    for (operation, record) in cases {
        let tape = Tape::new();
        // A tape's values have its lifetime, so mixing two takes tapes that live equally long.
        let _ = record(&tape, tape.input("x", [3]), foreign);
        let error = error_of(&tape).to_string();
        assert!(
            error.starts_with(&format!(
                "`{operation}` was given a value of another tape; values live and die with the tape that \
                 recorded them\n  at {}:",
                file!()
            )),
            "{error}"
        );
    }
    let tape = Tape::new();
    assert!(matches!(tape.finish(&[Output::new("z", &foreign)]), Err(Error::ForeignVar { .. })));
}

#[test]
fn cotangents_and_tangents_must_have_the_shape_of_their_values() {
    let tape = Tape::new();
    let x = tape.input("x", [3]);
    let (_, line) = (tape.vjp(&[(x.exp(), x.sum())], &[x]), line!());
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "`vjp` cannot take float[3] and float[]: a cotangent must be float and have the shape of its \
             value{}",
            at(line)
        )
    );
    let tape = Tape::new();
    let x = tape.input("x", [3]);
    let (_, line) = (tape.jvp(&[x.exp()], &[(x, x.slice(0, ..2))]), line!());
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "`jvp` cannot take float[3] and float[2]: a tangent must be float and have the shape of its \
             input{}",
            at(line)
        )
    );
    let tape = Tape::new();
    let x = tape.input("x", [3]);
    let (_, line) = (tape.hvp(x.square().sum(), &[x], &[]), line!());
    assert_eq!(
        text(&error_of(&tape)),
        format!(
            "parts of the direction of a Hessian-vector product: expected 1, one for each value, got 0{}",
            at(line)
        )
    );
}

#[test]
fn a_vjp_of_nothing_reaches_nothing() {
    let tape = Tape::new();
    let x = tape.input("x", [3]);
    let gradient = tape.vjp(&[], &[x])[0];
    let error = tape.finish(&[Output::new("gradient", &gradient)]).unwrap_err();
    assert!(matches!(&error, Error::Unreached { name, .. } if name == "x"), "{error}");
    assert!(tape.jvp(&[], &[]).is_empty());
}

#[test]
fn a_part_of_a_port_that_is_not_there_is_refused() {
    let tape = Tape::new();
    let (_, line) = (tape.part(0, "weight", [2]), line!());
    assert_eq!(
        text(&error_of(&tape)),
        format!("the port of a part: expected the number that `Tape::vector` returned, got 0{}", at(line))
    );
}

#[test]
fn data_that_do_not_fit_the_program_are_named() {
    let tape = Tape::new();
    let (x, i) = (tape.input("pixels", [2, 3]), tape.index_input("labels", [2]));
    let y = x.gather(i);
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    let run = |inputs: &[Data<'_, f64>]| {
        Interpreter.outputs(&program, inputs, Key::new(0)).unwrap_err().to_string()
    };
    let (pixels, labels) = (Data::Float(&[0.0; 6]), Data::Index(&[0; 2]));
    assert_eq!(run(&[pixels]), "input `pixels, labels` of the program: expected 2 of them, got 1");
    assert_eq!(
        run(&[Data::Float(&[0.0; 5]), labels]),
        "input `pixels` of the program: expected float[2, 3], which has 6 elements, got 5 elements of kind float"
    );
    assert_eq!(
        run(&[pixels, Data::Float(&[0.0; 2])]),
        "input `labels` of the program: expected index[2], which has 2 elements, got 2 elements of kind float"
    );
    let mut prepared = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
    let mut short = [0.0; 5];
    let error = prepared.run(&[pixels, labels], &mut [DataMut::Float(&mut short)], Key::new(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "output `y` of the program: expected float[2, 3], which has 6 elements, got 5 elements of kind float"
    );
}

#[test]
fn numbers_out_of_range_are_found_when_the_program_runs() {
    let said = |record: for<'t> fn(Var<'t>, Var<'t>) -> Var<'t>, index: i64| {
        let tape = Tape::new();
        let (table, i) = (tape.input("table", [4, 2]), tape.index_input("i", [2]));
        let y = tape.at_path("embedding", || record(table, i));
        let program = tape.finish(&[Output::new("y", &y)]).unwrap();
        let inputs = [Data::Float(&[0.0; 8]), Data::Index(&[0, index])];
        let error = Interpreter.outputs::<f64>(&program, &inputs, Key::new(0)).unwrap_err().to_string();
        let (said, place) = error.split_once('\n').unwrap();
        let here = format!("  in layer `embedding`, at {}:", file!());
        assert!(place.starts_with(&here), "{place}");
        said.to_string()
    };
    assert_eq!(
        said(|table, i| table.gather(i), 4),
        "`gather` failed: index 4 at position 1 is out of range: there are 4 rows"
    );
    assert_eq!(
        said(|table, i| table.gather(i), -1),
        "`gather` failed: index -1 at position 1 is out of range: there are 4 rows"
    );
    assert_eq!(
        said(|_, i| i.one_hot(3), 3),
        "`one_hot` failed: class 3 at position 1 is out of range: there are 3 classes, 0 to 2"
    );
    assert_eq!(
        said(|table, i| table.slice(0, ..2).scatter_add(i, 3), 7),
        "`scatter_add` failed: index 7 at position 1 is out of range: there are 3 rows"
    );
    // The gradient needs no forward gather; its own failure names the line of the gather all the same.
    assert_eq!(
        said(|table, i| table.tape().grad(table.gather(i).sum(), &[table])[0], 9),
        "`scatter_add` failed: index 9 at position 1 is out of range: there are 4 rows"
    );
}

#[test]
fn a_wrong_derivative_is_found_by_the_gradient_check() {
    #[derive(Clone, Debug, PartialEq)]
    struct WrongSquare;
    impl Operation for WrongSquare {
        fn name(&self) -> &'static str {
            "wrong_square"
        }
        fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
            Ok(inputs[0])
        }
        fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
            out.float().iter_mut().zip(args.float(0)).for_each(|(y, &x)| *y = x * x);
            Ok(())
        }
        fn vjp<'t>(&self, at: &At<'_, 't>, u: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
            Ok(vec![Some(u * at.inputs[0])])
        }
        fn jvp<'t>(&self, at: &At<'_, 't>, v: &[Option<Var<'t>>]) -> Result<Option<Var<'t>>, NoDerivative> {
            Ok(v[0].map(|v| v * at.inputs[0]))
        }
    }
    let x = Tensor::from_vec(vec![3.0], [1]).unwrap();
    let error =
        check_gradients(|x| x[0].tape().record(WrongSquare, x), &[x], Tolerance::default()).unwrap_err();
    let Error::GradientMismatch { check: "gradient", input: 0, element: 0, expected, actual } = error else {
        panic!("{error}");
    };
    // The cotangent of a single number is ±1.
    assert!((expected.abs() - 6.0).abs() < 1e-6 && actual.abs() == 3.0);
    assert!(error.to_string().starts_with("gradient check: gradient: at input 0, element 0: expected "));
}
