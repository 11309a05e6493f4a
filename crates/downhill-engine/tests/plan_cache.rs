//! Plans are found by what their programs compute, and only by that.
#![allow(clippy::unwrap_used)]

use downhill_autograd::operation::{Args, Out};
use downhill_autograd::testing::{CaseRng, random_values};
use downhill_autograd::{Data, DataMut, Operation, Output, Program, Run, Tape, Type, Var};
use downhill_engine::{Engine, Plan, PlanCache};
use downhill_tensor::{Float, Key};
use std::collections::HashMap;

fn program(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>) -> Program {
    let tape = Tape::new();
    let y = function(tape.input("x", [3]));
    tape.finish(&[Output::new("y", &y)]).unwrap()
}

fn cache(capacity: usize) -> PlanCache<f32> {
    PlanCache::new(&Engine::default(), capacity)
}

#[test]
fn a_program_is_compiled_once() {
    let mut plans = cache(4);
    for _ in 0..3 {
        for (factor, expected) in [(2.0, [2.0, 4.0, 6.0]), (3.0, [3.0, 6.0, 9.0])] {
            let plan = plans.plan(&program(|x| factor * x)).unwrap();
            let mut y = [0.0; 3];
            plan.run(&[Data::Float(&[1.0, 2.0, 3.0])], &mut [DataMut::Float(&mut y)], Key::new(0)).unwrap();
            assert_eq!(y, expected);
        }
    }
    assert_eq!((plans.compiled(), plans.len()), (2, 2));
    assert!(plans.bytes() > 0);
}

#[test]
fn the_plan_that_was_not_used_for_longest_is_dropped() {
    let mut plans = cache(2);
    let [a, b, c] = [1.5, 2.5, 3.5].map(|factor| program(|x| factor * x));
    // Which program, and how many were compiled by then.
    for (turn, (program, compiled)) in
        [(&a, 1), (&b, 2), (&a, 2), (&c, 3), (&a, 3), (&b, 4), (&a, 4), (&c, 5)].into_iter().enumerate()
    {
        assert!(plans.plan(program).unwrap().program().same(program));
        assert_eq!(plans.compiled(), compiled, "turn {turn}");
        assert!(plans.len() <= 2);
    }
    let mut smallest = cache(0);
    smallest.plan(&a).unwrap();
    smallest.plan(&a).unwrap();
    assert_eq!((smallest.compiled(), smallest.len()), (1, 1));
}

#[test]
fn random_programs_are_found_when_they_are_recorded_again() {
    let mut plans = cache(100);
    let mut tape = Tape::new();
    for turn in 0..2 {
        for seed in 0..40 {
            tape.clear();
            let (values, _) = random_values(&tape, &mut CaseRng::new(seed), 1 + seed as usize % 15);
            let outputs = values.outputs();
            let plan = plans.finish(&tape, &outputs).unwrap();
            assert!(plan.program().same(&tape.finish(&outputs).unwrap()));
            assert_eq!(plans.compiled(), if turn == 0 { seed + 1 } else { 40 });
        }
    }
}

/// One step of gradient descent on the mean square error of a network, on sequences of this length.
fn step(tape: &Tape, length: usize) -> (Var<'_>, [Var<'_>; 3]) {
    let port = tape.vector("parameters");
    let parameters = [tape.part(port, "w", [4, 8]), tape.part(port, "b", [8]), tape.part(port, "v", [8, 1])];
    let [w, b, v] = parameters;
    let (x, y) = (tape.input("x", [length, 4]), tape.input("y", [length, 1]));
    let hidden = tape.at_path("hidden", || (x.matmul(w) + b).tanh() * (tape.uniform([8]) + 0.5));
    let loss = (hidden.matmul(v) - y).square().mean();
    let gradient = tape.grad(loss, &parameters);
    let mut new = parameters;
    new.iter_mut().zip(&gradient).for_each(|(p, g)| *p = *p - 0.1 * *g);
    (loss, new)
}

/// Trains on sequences of changing lengths; `with_plan` finds a plan for a length and runs it.
fn train(mut with_plan: impl FnMut(usize, &mut dyn FnMut(&mut Plan<f32>))) -> Vec<f32> {
    let key = Key::new(3);
    let mut parameters = vec![0.0f32; 48];
    key.fill_uniform(0, &mut parameters);
    let mut losses = Vec::new();
    for turn in 0..40u64 {
        let length = [8, 3, 8, 8, 24, 1, 3, 64][turn as usize % 8];
        let (mut x, mut loss) = (vec![0.0f32; length * 5], [0.0f32]);
        key.fold(turn).fill_uniform(0, &mut x);
        let (x, y) = x.split_at(length * 4);
        with_plan(length, &mut |plan| {
            let inputs = [Data::InPlace, Data::Float(x), Data::Float(y)];
            let mut outputs = [DataMut::Float(&mut loss), DataMut::Float(&mut parameters)];
            plan.run(&inputs, &mut outputs, key.fold(turn)).unwrap();
        });
        losses.push(loss[0]);
    }
    losses.extend(parameters);
    losses
}

#[test]
fn training_on_changing_shapes_gives_the_bits_of_plans_held_directly() {
    for threads in [1, 2] {
        let engine = Engine::with_threads(threads);
        let mut held: HashMap<usize, Plan<f32>> = HashMap::new();
        let expected = train(|length, run| {
            run(held.entry(length).or_insert_with(|| {
                let tape = Tape::new();
                let (loss, new) = step(&tape, length);
                let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
                engine.compile(&tape.finish(&outputs).unwrap()).unwrap()
            }));
        });
        let (mut plans, mut tape) = (PlanCache::new(&engine, 8), Tape::new());
        let actual = train(|length, run| {
            tape.clear();
            let (loss, new) = step(&tape, length);
            let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
            run(plans.finish(&tape, &outputs).unwrap());
        });
        assert_eq!(plans.compiled(), 5, "one for each length");
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&actual), bits(&expected), "{threads} threads");
    }
}

/// x times a factor that an engine does not see.
#[derive(Clone, Debug)]
struct Scale {
    factor: f64,
    comparable: bool,
}

impl PartialEq for Scale {
    fn eq(&self, other: &Self) -> bool {
        self.comparable && other.comparable && self.factor == other.factor
    }
}

impl Operation for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.float(0)) {
            *y = x * T::from_f64(self.factor);
        }
        Ok(())
    }
}

#[test]
fn opaque_operations_are_found_if_they_can_be_compared() {
    let mut plans = cache(2);
    let known = program(|x| x.exp());
    plans.plan(&known).unwrap();
    // The factor, whether it can be compared, and how many plans were compiled by then.
    for (factor, comparable, compiled) in
        [(2.0, true, 2), (2.0, true, 2), (2.0, false, 3), (2.0, false, 4), (5.0, false, 5), (2.0, true, 5)]
    {
        let plan = plans.plan(&program(|x| x.tape().record(Scale { factor, comparable }, &[x]))).unwrap();
        let mut y = [0.0; 3];
        plan.run(&[Data::Float(&[1.0; 3])], &mut [DataMut::Float(&mut y)], Key::new(0)).unwrap();
        assert_eq!(y, [factor as f32; 3]);
        assert_eq!(plans.compiled(), compiled, "{factor}, {comparable}");
    }
    plans.plan(&known).unwrap();
    assert_eq!(plans.compiled(), 5, "what cannot be found again has not driven out what can");
}

#[test]
fn an_error_of_recording_is_returned_and_the_cache_stays_as_it_was() {
    let (mut plans, mut tape) = (cache(2), Tape::new());
    for (length, fits) in [(3, true), (2, false), (3, true)] {
        tape.clear();
        let y = tape.input("x", [3]) + tape.input("y", [length]);
        assert_eq!(plans.finish(&tape, &[Output::new("y", &y)]).is_ok(), fits);
    }
    assert_eq!((plans.compiled(), plans.len()), (1, 1));
}
