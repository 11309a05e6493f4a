//! A tape that is cleared and recorded again gives what a new one gives; programs are the same when, and only when,
//! nothing but the place of recording differs.
#![allow(clippy::unwrap_used)]

use downhill_autograd::operation::{Args, Out};
use downhill_autograd::testing::{CaseRng, random_values};
use downhill_autograd::{Finished, NoDerivative, Operation, Output, Program, Result, Tape, Type, Var};
use downhill_tensor::{Float, Tensor};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A program that is recorded on any tape.
type Recording = fn(&Tape) -> Result<Program>;

fn finish(tape: &Tape, y: Var<'_>) -> Result<Program> {
    tape.finish(&[Output::new("y", &y)])
}

fn with_x(tape: &Tape, function: for<'t> fn(Var<'t>) -> Var<'t>) -> Result<Program> {
    finish(tape, function(tape.input("x", [2, 3])))
}

fn slope<'t>(y: Var<'t>, x: Var<'t>) -> Var<'t> {
    y.tape().grad(y, &[x])[0]
}

fn of_rows<'t>(x: Var<'t>, function: for<'a> fn(Var<'a>) -> Var<'a>) -> Var<'t> {
    let row = x.tape().placeholder([3]);
    x.tape().vmap(&[function(row)], &[(row, x)])[0]
}

/// An operation without a rule for batches.
#[derive(Clone, Debug, PartialEq)]
struct Unruled;

impl Operation for Unruled {
    fn name(&self) -> &'static str {
        "unruled"
    }
    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Ok(inputs[0])
    }
    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        out.float().copy_from_slice(args.float(0));
        Ok(())
    }
}

fn tensor(values: [f64; 2]) -> Tensor<f64> {
    Tensor::from_vec(values.to_vec(), [2]).unwrap()
}

/// Programs of which each differs from all others in something.
const DIFFERENT: &[Recording] = &[
    |t| with_x(t, |x| x),
    |t| with_x(t, |x| x.exp()),
    |t| with_x(t, |x| x.sin()),
    |t| with_x(t, |x| x.exp().sin()),
    |t| with_x(t, |x| x.sum_over(&[0])),
    |t| with_x(t, |x| x.sum_over(&[1])),
    |t| with_x(t, |x| x.sum_over(&[0, 1])),
    |t| with_x(t, |x| x.max_over(&[1])),
    |t| with_x(t, |x| x.reshape([3, 2])),
    |t| with_x(t, |x| x.permute(&[1, 0])),
    |t| with_x(t, |x| x.select_at(1, 0)),
    |t| with_x(t, |x| x.select_at(1, 1)),
    |t| with_x(t, |x| x.exp() - x.sin()),
    |t| with_x(t, |x| -x.exp() + x.sin()),
    |t| {
        with_x(t, |x| {
            let (a, b) = (x.exp(), x.sin());
            b - a
        })
    },
    |t| with_x(t, |x| x.stop_gradient()),
    |t| with_x(t, |x| 2.0 * x),
    |t| with_x(t, |x| x * 2.0),
    |t| with_x(t, |x| x * 3.0),
    |t| with_x(t, |x| x * 0.0),
    |t| with_x(t, |x| x * -0.0),
    |t| with_x(t, |x| x + x.tape().uniform([3])),
    |t| with_x(t, |x| x + x.tape().uniform([2, 3])),
    |t| with_x(t, |x| slope(x.square().sum(), x)),
    |t| with_x(t, |x| slope(x.exp().sum(), x)),
    |t| with_x(t, |x| slope(slope(x.exp().sum(), x).square().sum(), x)),
    |t| with_x(t, |x| x.tape().hvp(x.exp().sum(), &[x], &[x])[0]),
    |t| with_x(t, |x| x.tape().jvp(&[x.exp()], &[(x, x)])[0]),
    |t| with_x(t, |x| of_rows(x, |row| row.exp().sum())),
    |t| with_x(t, |x| of_rows(x, |row| row.tanh().sum())),
    // Without a rule: once for each row.
    |t| with_x(t, |x| of_rows(x, |row| row.tape().record(Unruled, &[row]))),
    |t| with_x(t, |x| x.tape().jacfwd(x.exp(), x)),
    |t| with_x(t, |x| x.tape().jacrev(x.exp(), x)),
    |t| with_x(t, |x| x.tape().hvps(x.exp().sum(), &[x], &[x.unsqueeze(0)])[0]),
    |t| with_x(t, |x| x.cumsum(0)),
    |t| with_x(t, |x| x.cumsum(1)),
    |t| with_x(t, |x| x.sort(1, false).0),
    |t| with_x(t, |x| x.sort(1, true).0),
    |t| finish(t, t.constant(tensor([1.0, 2.0]))),
    |t| finish(t, t.constant(tensor([1.0, 3.0]))),
    |t| finish(t, t.scalar(1.0).broadcast_to([2])),
    |t| finish(t, t.input("x", [3, 2])),
    |t| finish(t, t.input("z", [2, 3])),
    |t| finish(t, t.index_input("x", [2, 3])),
    |t| {
        let (x, _) = (t.input("x", [2, 3]), t.input("y", [2, 3]));
        finish(t, x)
    },
    |t| {
        let (_, y) = (t.input("x", [2, 3]), t.input("y", [2, 3]));
        finish(t, y)
    },
    |t| {
        let port = t.vector("x");
        finish(t, t.part(port, "x", [2, 3]))
    },
    |t| {
        let port = t.vector("x");
        finish(t, t.part(port, "a", [2, 3]))
    },
    |t| {
        let port = t.vector("x");
        let (a, _) = (t.part(port, "a", [2, 3]), t.part(port, "b", [2]));
        finish(t, a)
    },
    |t| {
        let port = t.vector("x");
        let (_, b) = (t.part(port, "a", [2, 3]), t.part(port, "b", [2]));
        finish(t, b)
    },
    |t| {
        let port = t.vector("x");
        let (a, _) = (t.part(port, "a", [2, 3]), t.input("y", [2]));
        finish(t, a)
    },
    |t| {
        let port = t.vector("x");
        let y = t.input("y", [2]);
        let a = t.part(port, "a", [2, 3]);
        finish(t, a * y.sum())
    },
    |t| {
        t.vector("x");
        finish(t, t.input("y", [2]))
    },
    |t| {
        let x = t.input("x", [2, 3]);
        t.finish(&[])?;
        t.finish(&[Output::flat("y", &[x])])
    },
    |t| {
        let x = t.input("x", [2, 3]);
        t.finish(&[Output::new("other", &x)])
    },
    |t| {
        let x = t.input("x", [2, 3]);
        t.finish(&[Output::flat("y", &[x, x])])
    },
    |t| {
        let x = t.input("x", [2, 3]);
        t.finish(&[Output::update("x", &[x * 2.0])])
    },
    |t| {
        let x = t.input("x", [2, 3]);
        t.finish(&[Output::flat("x", &[x * 2.0])])
    },
    |t| {
        let x = t.input("x", [2, 3]);
        x.exp().watch("seen");
        finish(t, x)
    },
];

#[test]
fn a_cleared_tape_gives_what_a_new_one_gives() {
    for (i, first) in DIFFERENT.iter().enumerate() {
        for (j, second) in DIFFERENT.iter().enumerate() {
            let mut tape = Tape::new();
            let before = first(&tape).unwrap();
            for turn in 0..2 {
                tape.clear();
                let again = second(&tape).unwrap();
                let new = second(&Tape::new()).unwrap();
                assert!(again.same(&new), "{i} then {j}, turn {turn}: {again}\n{new}");
                assert_eq!(again.to_string(), new.to_string());
                assert_eq!(again.same(&before), i == j, "{i} and {j}: {again}\n{before}");
            }
        }
    }
}

#[test]
fn what_is_known_is_found_whatever_was_recorded_beside_it() {
    let known: Vec<Program> = DIFFERENT.iter().map(|record| record(&Tape::new()).unwrap()).collect();
    let tape = Tape::new();
    let x = tape.input("x", [2, 3]);
    let useless = x.cos();
    let y = x.exp().sin();
    assert!(matches!(tape.finish_among(&[Output::new("y", &y)], &known).unwrap(), Finished::Known(3)));
    assert!(matches!(tape.finish_among(&[Output::new("y", &useless)], &known).unwrap(), Finished::New(_)));
    assert!(matches!(tape.finish_among(&[Output::new("y", &y)], []).unwrap(), Finished::New(_)));
}

#[test]
fn random_programs_are_found_again_and_others_are_not() {
    let mut tape = Tape::new();
    let mut known = Vec::new();
    for seed in 0..60 {
        let size = 1 + seed as usize % 12;
        for turn in 0..2 {
            tape.clear();
            let (values, _) = random_values(&tape, &mut CaseRng::new(seed), size);
            match tape.finish_among(&values.outputs(), &known).unwrap() {
                Finished::New(program) if turn == 0 => known.push(program),
                Finished::Known(number) if turn == 1 => assert_eq!(number, seed as usize),
                _ => panic!("program {seed}, turn {turn}"),
            }
        }
        let new = Tape::new();
        let (values, _) = random_values(&new, &mut CaseRng::new(seed), size);
        let program = new.finish(&values.outputs()).unwrap();
        assert_eq!(program.to_string(), known[seed as usize].to_string());
    }
}

#[test]
fn errors_belong_to_one_recording() {
    let mut tape = Tape::new();
    let add = |tape: &Tape, length: usize| {
        let (x, y) = (tape.input("x", [2]), tape.input("y", [length]));
        finish(tape, x + y)
    };
    for (length, fits) in [(2, true), (3, false), (2, true), (3, false), (3, false), (1, true), (2, true)] {
        tape.clear();
        assert_eq!(add(&tape, length).is_ok(), fits, "{length}");
    }
}

/// The identity, with a derivative of this factor, and a count of how often that was derived.
#[derive(Clone, Debug)]
struct Counted {
    factor: f64,
    comparable: bool,
}

static DERIVED: AtomicUsize = AtomicUsize::new(0);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.comparable && other.comparable && self.factor == other.factor
    }
}

impl Operation for Counted {
    fn name(&self) -> &'static str {
        "counted"
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
        cotangent: Var<'t>,
    ) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        DERIVED.fetch_add(1, Ordering::Relaxed);
        Ok(vec![Some(self.factor * cotangent)])
    }
}

#[test]
fn opaque_operations_are_the_same_only_if_they_say_so() {
    let record = |tape: &Tape, length: usize, factor: f64, comparable: bool| {
        let x = tape.input("x", [length]);
        let y = tape.record(Counted { factor, comparable }, &[x]);
        finish(tape, y * slope(y.sum(), x)).unwrap()
    };
    let mut tape = Tape::new();
    let first = record(&tape, 2, 1.0, true);
    // Length, factor, whether it can be compared; how often derivatives were derived by then: once for each that is
    // seen for the first time, and always for what cannot be compared.
    for (length, factor, comparable, derived) in [
        (2, 1.0, true, 1),
        (2, 2.0, true, 2),
        (3, 1.0, true, 3),
        (2, 1.0, true, 3),
        (3, 1.0, true, 3),
        (2, 2.0, true, 3),
        (2, 1.0, false, 4),
        (2, 1.0, false, 5),
        (2, 1.0, true, 5),
    ] {
        tape.clear();
        let program = record(&tape, length, factor, comparable);
        let what = format!("length {length}, factor {factor}, comparable: {comparable}");
        assert_eq!(DERIVED.load(Ordering::Relaxed), derived, "{what}");
        assert_eq!(program.same(&first), (length, factor, comparable) == (2, 1.0, true), "{what}");
        assert_eq!(program.same(&program), comparable, "{what}");
    }
}

#[test]
fn many_recordings_in_turn_are_each_their_own() {
    let mut tape = Tape::new();
    let mut rng = CaseRng::new(5);
    for turn in 0..400 {
        let record = rng.pick(DIFFERENT);
        tape.clear();
        let (again, new) = (record(&tape).unwrap(), record(&Tape::new()).unwrap());
        assert!(again.same(&new), "turn {turn}: {again}\n{new}");
    }
}
