//! The chain rule taken apart, against the reverse mode and against finite differences.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::explain::{Detail, Explanation, Role, Summary, explain, reverse_mode};
use downhill_autograd::testing::{Case, CaseRng, Input, Values, operations, random_program};
use downhill_autograd::{Data, Error, Output, Program, Tape};
use downhill_tensor::{Key, Tensor};

const KEY: u64 = 11;

/// The program of `Σ sin(k) yₖ` over the elements of the result y of a case.
fn program_of(case: &Case) -> Program {
    let tape = Tape::new();
    let y = (case.record)(&tape, &case.declare(&tape));
    let mut k = 0.0f64;
    let weights = Tensor::from_fn(y.shape(), |_| {
        k += 1.0;
        k.sin()
    });
    let loss = (y * tape.constant(weights)).sum();
    tape.finish(&[Output::new("loss", &loss)]).unwrap()
}

/// Compares the sums over paths with the reverse mode, for every value; how many elements were compared. What is not
/// finite in both is passed over.
fn compare(name: &str, explanation: &Explanation, reverse: &[Vec<f64>]) -> usize {
    let mut compared = 0;
    for value in &explanation.values {
        let expected = &reverse[value.node.index()];
        let Some(gradient) = &value.gradient else {
            assert!(
                expected.iter().all(|&g| g == 0.0),
                "{name}: {} has a gradient: {expected:?}",
                value.name
            );
            continue;
        };
        assert_eq!(gradient.sum.len(), expected.len(), "{name}: {}", value.name);
        let largest = expected.iter().fold(1.0f64, |largest, g| largest.max(g.abs()));
        for (sum, expected) in gradient.sum.iter().zip(expected) {
            if sum.is_finite() && expected.is_finite() {
                let apart = (sum - expected).abs();
                assert!(apart <= 1e-12 * largest, "{name}: {}: {sum} and {expected}", value.name);
                compared += 1;
            }
        }
    }
    compared
}

/// Checks that the terms of each element add up to its gradient; how many they are.
fn add_up(name: &str, explanation: &Explanation) -> usize {
    let mut count = 0;
    for (number, value) in explanation.values.iter().enumerate() {
        let Some(gradient) = value.gradient.as_ref().filter(|_| value.role != Role::Loss) else { continue };
        if gradient.paths.iter().any(|path| path.local.is_none()) {
            continue;
        }
        for (element, sum) in gradient.sum.iter().enumerate() {
            let terms = explanation.terms(number, element);
            let total: f64 = terms.iter().map(|term| term.product).sum();
            let size: f64 = terms.iter().map(|term| term.product.abs()).sum();
            if size.is_finite() {
                let apart = (total - sum).abs();
                assert!(
                    apart <= 1e-14 * size.max(1.0),
                    "{name}: {}: {terms:?}, {sum}",
                    value.element(element)
                );
            }
            count += terms.len();
        }
    }
    count
}

/// Compares the gradients with finite differences; how many elements could not be. Windows that lie on copies of one
/// number are tied, and there the two sides of the difference are not the same line.
fn compare_with_differences(name: &str, explanation: &Explanation) -> usize {
    let mut tied = 0;
    for value in &explanation.values {
        let Some(gradient) = &value.gradient else { continue };
        let Some(found) = &gradient.finite_difference else { continue };
        for (element, (sum, found)) in gradient.sum.iter().zip(found).enumerate() {
            if (sum - found).abs() <= 1e-5 * sum.abs().max(1.0) {
                continue;
            }
            let same = value.numbers.iter().filter(|&&number| number == value.numbers[element]);
            assert!(same.count() > 1, "{name}: {}: {sum} and {found}", value.element(element));
            tied += 1;
        }
    }
    tied
}

fn run(program: &Program, inputs: &[Input<f64>], elements: usize) -> (Explanation, Vec<Vec<f64>>) {
    let data: Vec<_> = inputs.iter().map(Input::data).collect();
    let detail = Detail { elements, ..Detail::default() };
    let explanation =
        explain(program, "loss", &data, Key::new(KEY), &detail).unwrap_or_else(|e| panic!("{e}\n{program}"));
    let reverse = reverse_mode(program, "loss", &data, Key::new(KEY)).unwrap();
    (explanation, reverse)
}

#[test]
fn every_operation_is_explained_as_the_reverse_mode_and_finite_differences_have_it() {
    let (mut cases, mut elements, mut tied) = (0, 0, 0);
    for row in operations().into_iter().filter(|row| !row.flat) {
        for seed in 0..3 {
            let plain = row.case(seed, Values::Ordinary);
            for (way, case) in [("mid-graph", plain.mid_graph()), ("plain", plain)] {
                let name = format!("{} {seed} {way}", row.name);
                let program = program_of(&case);
                let (explanation, reverse) = run(&program, &case.inputs(), 64);
                elements += compare(&name, &explanation, &reverse);
                if case.smooth {
                    tied += compare_with_differences(&name, &explanation);
                }
                let concise = explanation.concise();
                compare(&format!("{name}, concise"), &concise, &reverse);
                add_up(&format!("{name}, concise"), &concise);
                cases += 1;
            }
        }
    }
    assert!(cases > 600, "only {cases} cases");
    assert!(tied < elements / 1000, "{tied} of {elements} elements are tied");
    println!("{cases} cases, {elements} elements, {tied} of them tied");
}

#[test]
fn ties_zeros_and_extremes_are_explained_as_the_reverse_mode_has_them() {
    let (mut cases, mut elements) = (0, 0);
    for row in operations().into_iter().filter(|row| !row.flat) {
        for values in [Values::Tied, Values::Extreme] {
            let case = row.case(1, values);
            let (explanation, reverse) = run(&program_of(&case), &case.inputs(), 64);
            elements += compare(&format!("{} {values:?}", row.name), &explanation, &reverse);
            cases += 1;
        }
    }
    println!("{cases} cases, {elements} elements");
}

#[test]
fn random_programs_are_explained_as_the_reverse_mode_and_finite_differences_have_them() {
    let (mut elements, mut terms) = (0, 0);
    for seed in 0..40 {
        let mut rng = CaseRng::new(seed);
        let size = rng.within(5..=25);
        let (program, inputs) = random_program(&mut rng, size).unwrap();
        let data: Vec<_> = inputs.iter().map(Input::data).collect();
        let explanation = explain(&program, "value", &data, Key::new(KEY), &Detail::default()).unwrap();
        let reverse = reverse_mode(&program, "value", &data, Key::new(KEY)).unwrap();
        elements += compare(&format!("program {seed}"), &explanation, &reverse);
        let (apart, value, element) = explanation.largest_disagreement();
        assert!(apart < 1e-5, "program {seed}: {} {element}: {apart:e}", explanation.values[value].name);
        terms += add_up(&format!("program {seed}"), &explanation);
        let concise = explanation.concise();
        compare(&format!("program {seed}, concise"), &concise, &reverse);
        terms += add_up(&format!("program {seed}, concise"), &concise);
    }
    println!("{elements} elements, {terms} terms");
}

#[test]
fn of_large_values_there_is_the_product_alone() {
    for seed in 0..10 {
        let mut rng = CaseRng::new(seed);
        let (program, inputs) = random_program(&mut rng, 15).unwrap();
        let data: Vec<_> = inputs.iter().map(Input::data).collect();
        let detail = Detail { elements: 3, ..Detail::default() };
        let explanation = explain(&program, "value", &data, Key::new(KEY), &detail).unwrap();
        let reverse = reverse_mode(&program, "value", &data, Key::new(KEY)).unwrap();
        compare(&format!("program {seed}"), &explanation, &reverse);
        for value in &explanation.values {
            let Some(gradient) = &value.gradient else { continue };
            assert_eq!(gradient.finite_difference.is_some(), value.numbers.len() <= 3);
            for path in &gradient.paths {
                let consumer = &explanation.values[path.consumer];
                assert_eq!(path.local.is_some(), value.numbers.len() <= 3 && consumer.numbers.len() <= 3);
            }
        }
    }
    let summary = Summary::of(&[3.0, -4.0, 0.0]);
    assert_eq!(summary, Summary { elements: 3, norm: 5.0, largest_at: 1, largest: -4.0 });
}

/// Two inputs, two hidden units with ReLU, one output, squared error, as layers record them.
fn small_network() -> (Program, Vec<Vec<f64>>) {
    let tape = Tape::new();
    let theta = tape.vector("parameters");
    let x = tape.input("input", [1, 2]);
    let h = tape
        .at_path("0", || x.matmul(tape.part(theta, "0.weight", [2, 2])) + tape.part(theta, "0.bias", [2]));
    let h = tape.at_path("1", || h.relu());
    let y = tape
        .at_path("2", || h.matmul(tape.part(theta, "2.weight", [2, 1])) + tape.part(theta, "2.bias", [1]));
    let target = tape.input("target", [1]);
    let loss = tape.at_path("(loss)", || (y - target.reshape([1, 1])).square().mean().reshape(()));
    let program = tape.finish(&[Output::new("loss", &loss)]).unwrap();
    // z = [0.5 - 2, 1 - 0] + [0.5, 0] = [-1, 1], so the first unit is silent; y = 3 · 1 + 1 = 4, loss = (4 - 2)² = 4.
    let theta = vec![0.5, 1.0, -2.0, 0.0, 0.5, 0.0, 5.0, 3.0, 1.0];
    (program, vec![theta, vec![1.0, 1.0], vec![2.0]])
}

fn explained_network() -> Explanation {
    let (program, inputs) = small_network();
    let data: Vec<_> = inputs.iter().map(|x| Data::Float(x)).collect();
    explain(&program, "loss", &data, Key::new(KEY), &Detail::default()).unwrap().concise()
}

#[test]
fn values_are_named_as_on_a_board() {
    let explanation = explained_network();
    let named: Vec<_> =
        explanation.values.iter().map(|value| (value.name.as_str(), value.formula.as_str())).collect();
    assert_eq!(
        named,
        [
            ("input", ""),
            ("0.weight", ""),
            ("0.bias", ""),
            ("0.z", "input · 0.weight + 0.bias"),
            ("1.a", "relu(0.z)"),
            ("2.weight", ""),
            ("2.bias", ""),
            ("2.z", "1.a · 2.weight + 2.bias"),
            ("target", ""),
            ("loss.sub", "2.z - target"),
            ("loss", "loss.sub²"),
        ]
    );
    let roles: Vec<_> = [0, 1, 3, 10].map(|number: usize| explanation.values[number].role).into();
    assert_eq!(roles, [Role::Input, Role::Parameter, Role::Computed, Role::Loss]);
    assert_eq!(explanation.loss, 10);
    assert_eq!(explanation.values[1].element(3), "0.weight[1,1]");
    assert_eq!(
        (explanation.values[3].element(1), explanation.values[7].element(0)),
        ("0.z[1]".into(), "2.z".into())
    );
    let values = &explanation.values;
    let worked = |number: usize, element| values[number].worked(values, element, &|x| x.to_string());
    assert_eq!(worked(3, 0).as_deref(), Some("1 × 0.5 + 1 × (-2) + 0.5"));
    assert_eq!(worked(4, 0).as_deref(), Some("relu(-1)"));
    assert_eq!(worked(9, 0).as_deref(), Some("4 - 2"));
    assert_eq!(worked(10, 0).as_deref(), Some("2²"));
}

#[test]
fn a_silent_unit_shows_the_zero_that_ends_its_paths() {
    let explanation = explained_network();
    let number = |name: &str| explanation.values.iter().position(|value| value.name == name).unwrap();
    let terms = |name: &str, element| {
        let terms = explanation.terms(number(name), element);
        let term = |term: &downhill_autograd::explain::Term| {
            let consumer = explanation.values[term.consumer].element(term.element);
            (consumer, term.arriving, term.local, term.product)
        };
        terms.iter().map(term).collect::<Vec<_>>()
    };
    // dL/dy = 2 (4 - 2) = 4; to the hidden units 4 times 5 and 4 times 3; the first is at rest.
    assert_eq!(terms("2.z", 0), [("loss.sub".into(), 4.0, 1.0, 4.0)]);
    assert_eq!(terms("1.a", 0), [("2.z".into(), 4.0, 5.0, 20.0)]);
    assert_eq!(terms("0.z", 0), [("1.a[0]".into(), 20.0, 0.0, 0.0)]);
    assert_eq!(terms("0.z", 1), [("1.a[1]".into(), 12.0, 1.0, 12.0)]);
    // The silent unit's activation is 0, and so is the derivative by the weight behind it: the path is there.
    assert_eq!(terms("2.weight", 0), [("2.z".into(), 4.0, 0.0, 0.0)]);
    // The input acts through both units.
    assert_eq!(terms("input", 0), [("0.z[0]".into(), 0.0, 0.5, 0.0), ("0.z[1]".into(), 12.0, 1.0, 12.0)]);
    assert_eq!(explanation.value("0.weight").unwrap().gradient.as_ref().unwrap().sum, [0.0, 12.0, 0.0, 12.0]);
}

#[test]
fn one_value_in_both_places_of_an_operation_is_two_paths() {
    let tape = Tape::new();
    let x = tape.input("x", ());
    let loss = x * x + x;
    let program = tape.finish(&[Output::new("loss", &loss)]).unwrap();
    let explanation =
        explain(&program, "loss", &[Data::Float(&[3.0])], Key::new(0), &Detail::default()).unwrap();
    let products: Vec<_> = explanation.terms(0, 0).iter().map(|term| term.product).collect();
    assert_eq!(products, [3.0, 3.0, 1.0]);
    assert_eq!(explanation.values[0].gradient.as_ref().unwrap().sum, [7.0]);
}

#[test]
fn what_cannot_be_explained_says_why() {
    let tape = Tape::new();
    let x = tape.input("x", [2]);
    let y = x.sin();
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    let message = |output: &str, data: &[f64]| {
        explain(&program, output, &[Data::Float(data)], Key::new(0), &Detail::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("y", &[0.0, 0.0]),
        "output `y` of the program: expected one real number, to be differentiated, got float[2]"
    );
    assert!(message("loss", &[0.0, 0.0]).ends_with("got a program that delivers `y`"));
    assert!(matches!(
        explain(&program, "y", &[Data::Float(&[1.0])], Key::new(0), &Detail::default()),
        Err(Error::Binding { direction: "input", .. })
    ));
}
