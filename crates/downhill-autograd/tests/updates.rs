//! Outputs that take the place of inputs.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, DataMut, Executor, Interpreter, Output, Program, Run, Tape, Var};
use downhill_tensor::Key;

/// Both halves of `x` exchanged, and their sum.
fn exchange() -> Program {
    let tape = Tape::new();
    let port = tape.vector("x");
    let (a, b) = (tape.part(port, "a", [2]), tape.part(port, "b", [2]));
    let sum = a + b;
    tape.finish(&[Output::update("x", &[b, a]), Output::new("sum", &sum)]).unwrap()
}

#[test]
fn an_update_reads_the_numbers_as_they_were() {
    let program = exchange();
    assert_eq!(program.updated_by(0), Some(0));
    let (mut x, mut sum) = ([1.0, 2.0, 3.0, 4.0], [0.0; 2]);
    let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
    let mut outputs = [DataMut::Float(&mut x), DataMut::Float(&mut sum)];
    run.run(&[Data::InPlace], &mut outputs, Key::new(0)).unwrap();
    assert_eq!((x, sum), ([3.0, 4.0, 1.0, 2.0], [4.0, 6.0]));
}

#[test]
fn data_of_its_own_for_an_updated_input_is_refused() {
    let program = exchange();
    let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
    let (mut x, mut sum) = ([0.0; 4], [0.0; 2]);
    let mut outputs = [DataMut::Float(&mut x), DataMut::Float(&mut sum)];
    let error = run.run(&[Data::Float(&[1.0; 4])], &mut outputs, Key::new(0)).unwrap_err().to_string();
    assert!(error.contains('x') && error.contains("InPlace"), "{error}");
}

#[test]
fn in_place_without_an_update_is_refused() {
    let tape = Tape::new();
    let x = tape.input("x", [2]);
    let program = tape.finish(&[Output::new("y", &(x * 2.0))]).unwrap();
    let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
    let mut y = [0.0; 2];
    let error =
        run.run(&[Data::InPlace], &mut [DataMut::Float(&mut y)], Key::new(0)).unwrap_err().to_string();
    assert!(error.contains('x') && error.contains("its own"), "{error}");
}

#[test]
fn an_update_of_what_is_no_input_or_has_another_length_is_an_error() {
    let finish = |name: &str, length: usize, twice: bool| {
        let tape = Tape::new();
        tape.input("x", [3]);
        let y: Vec<Var<'_>> = vec![tape.zeros([length])];
        let outputs = [Output::update(name, &y), Output::update(name, &y)];
        tape.finish(&outputs[..1 + usize::from(twice)]).map_err(|error| error.to_string())
    };
    assert!(finish("x", 3, false).is_ok());
    assert!(finish("z", 3, false).unwrap_err().contains("`z`"));
    assert!(finish("x", 2, false).unwrap_err().contains("3 elements"));
    assert!(finish("x", 3, true).unwrap_err().contains("second"));
}
