//! Sequences: steps that do not count, orders that do not matter, and directions.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, infer, parameters, random};
use downhill_autograd::{Data, Interpreter, Output, Tape, Type};
use downhill_nn::*;
use downhill_tensor::{Key, Tensor};
use proptest::prelude::*;

const STEPS: usize = 4;
const WIDTH: usize = 4;

/// Layers that go through the steps of a sequence, and whether their result has them too.
fn sequence_layers() -> Vec<(AnyLayer, bool)> {
    let stacked = Recurrent { layers: 2, bidirectional: true, ..Recurrent::new(Cell::Gru, 3) };
    vec![
        (Lstm::new(3).into(), false),
        (Lstm::all_steps(3).into(), true),
        (Gru::new(3).into(), false),
        (Gru { all_steps: true, ..Gru::new(3) }.into(), true),
        (Rnn::new(3).into(), false),
        (Rnn { all_steps: true, relu: true, ..Rnn::new(3) }.into(), true),
        (stacked.clone().into(), false),
        (Recurrent { all_steps: true, cell: Cell::Lstm, ..stacked }.into(), true),
        (MultiHeadAttention::new(2).into(), true),
        (MultiHeadAttention::causal(2).into(), true),
        (MultiHeadAttention { rotary: true, ..MultiHeadAttention::new(2) }.into(), true),
        (Sequential::new().with(TransformerBlock::new(2)).with(TransformerBlock::causal(1)).into(), true),
        (Sequential::new().with(Linear::new(3)).with(Lstm::new(3)).with(Linear::new(2)).into(), false),
    ]
}

/// Output and the gradients, by input and parameters, of its product with a cotangent; `lengths`, if any, are told.
fn run(
    layer: &AnyLayer,
    x: &[f64],
    [n, steps]: [usize; 2],
    lengths: Option<&[i64]>,
    theta: &[f64],
    cotangent: impl Fn(&[f64], usize) -> Vec<f64>,
) -> [Vec<f64>; 3] {
    let tape = Tape::new();
    let scope = Scope::new(&tape, Mode::Inference);
    let input = tape.input("x", [n, steps, WIDTH]);
    let output = match lengths {
        Some(lengths) => {
            layer.forward(&scope.padded(tape.index_constant(Tensor::from(lengths.to_vec()))), input)
        }
        None => layer.forward(&scope, input),
    };
    let direction = tape.input("cotangent", output.shape());
    let gradients = tape.vjp(&[(output, direction)], &[&[input][..], &scope.parameters()].concat());
    let program = tape
        .finish(&[
            Output::new("output", &output),
            Output::new("input", &gradients[0]),
            Output::flat("parameters", &gradients[1..]),
        ])
        .unwrap();
    let fixed = random(output.shape(), "cotangent").to_vec();
    let direction = cotangent(&fixed, output.shape().size() / n);
    let data = [theta, &[], x, &direction].map(Data::Float);
    let results = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
    [0, 1, 2].map(|i| results[i].to_vec())
}

#[test]
fn steps_that_do_not_count_change_nothing_even_if_they_are_not_numbers() {
    let lengths = [2, 4, 1];
    let clean = random([3, STEPS, WIDTH], "x").to_vec();
    let counts = |i: usize| (i / WIDTH % STEPS) < lengths[i / (WIDTH * STEPS)] as usize;
    for (layer, all_steps) in sequence_layers() {
        // A linear layer before them takes all steps.
        let first = matches!(&layer, AnyLayer::Sequential(s) if s.layers[0].name() == "Linear");
        let padding = if first { 1e3 } else { f64::NAN };
        let spoiled: Vec<f64> =
            clean.iter().enumerate().map(|(i, &x)| if counts(i) { x } else { padding }).collect();
        let network = Network::new(&layer, Type::float([3, STEPS, WIDTH])).unwrap();
        let theta = parameters(&network);
        // Where a result stands at a step that does not count, none asks for it.
        let asked =
            |row: usize, i: usize, width: usize| !all_steps || i / (width / STEPS) < lengths[row] as usize;
        let masked = |fixed: &[f64], width: usize| -> Vec<f64> {
            let keep = |(i, &c): (usize, &f64)| if asked(i / width, i % width, width) { c } else { 0.0 };
            fixed.iter().enumerate().map(keep).collect()
        };
        let [output, by_input, by_theta] = run(&layer, &spoiled, [3, STEPS], Some(&lengths), &theta, masked);
        assert!(by_theta.iter().chain(&by_input).all(|g| g.is_finite()), "{layer:?}");
        assert!((0..by_input.len()).all(|i| counts(i) || by_input[i] == 0.0), "{layer:?}");

        // Each sequence by itself, cut off.
        let mut sum = vec![0.0; theta.len()];
        for (row, &length) in lengths.iter().enumerate() {
            let (length, sample) = (length as usize, STEPS * WIDTH);
            let alone = &clean[row * sample..row * sample + length * WIDTH];
            let width = output.len() / 3;
            let own = |whole: &[f64]| -> Vec<f64> {
                let end = if all_steps { width / STEPS * length } else { width };
                whole[row * width..row * width + end].to_vec()
            };
            let asked = |_: &[f64], _: usize| own(&random([output.len()], "cotangent").to_vec());
            let [y, by_x, by_p] = run(&layer, alone, [1, length], None, &theta, asked);
            assert_close(&own(&output), &y);
            assert_close(&by_input[row * sample..row * sample + length * WIDTH], &by_x);
            sum.iter_mut().zip(by_p).for_each(|(sum, g)| *sum += g);
        }
        assert_close(&by_theta, &sum);
    }
}

#[test]
fn recurrent_results_are_zero_at_steps_that_do_not_count() {
    let x = random([2, STEPS, WIDTH], "x").to_vec();
    let layer = AnyLayer::from(Gru { all_steps: true, ..Gru::new(3) });
    let network = Network::new(&layer, Type::float([2, STEPS, WIDTH])).unwrap();
    let run = |lengths| run(&layer, &x, [2, STEPS], Some(lengths), &parameters(&network), |c, _| c.to_vec());
    let [output, ..] = run(&[1, 0]);
    assert!(output[..3].iter().all(|&y| y != 0.0) && output[3..].iter().all(|&y| y == 0.0), "{output:?}");
}

#[test]
fn a_bag_holds_nothing_but_the_rows_that_count() {
    // Negative numbers, beside which a zero would be the largest.
    let table = [-1.0, -2.0, -3.0, -1.5, 4.0, 5.0];
    let (bags, lengths) = (vec![0, 1, 2, 1, 2, 2, 2, 2, 2], [2i64, 1, 0]);
    for (pooling, expected) in [
        (Pooling::Sum, [-4.0, -3.5, -3.0, -1.5, 0.0, 0.0]),
        (Pooling::Mean, [-2.0, -1.75, -3.0, -1.5, 0.0, 0.0]),
        (Pooling::Max, [-1.0, -1.5, -3.0, -1.5, 0.0, 0.0]),
    ] {
        let tape = Tape::new();
        let lengths = tape.index_constant(Tensor::from(lengths.to_vec()));
        let scope = Scope::new(&tape, Mode::Inference).padded(lengths);
        let bags = tape.index_constant(Tensor::from_vec(bags.clone(), [3, 3]).unwrap());
        let output = EmbeddingBag { pooling, ..EmbeddingBag::new(3, 2) }.forward(&scope, bags);
        let program = tape.finish(&[Output::new("output", &output)]).unwrap();
        let data = [&table[..], &[]].map(Data::Float);
        let results = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
        assert_eq!(results[0].to_vec(), expected, "{pooling:?}");
    }
}

#[test]
fn lengths_that_say_that_all_steps_count_change_nothing() {
    let x = random([2, STEPS, WIDTH], "x").to_vec();
    for (layer, _) in sequence_layers() {
        let network = Network::new(&layer, Type::float([2, STEPS, WIDTH])).unwrap();
        let theta = parameters(&network);
        let keep = |c: &[f64], _: usize| c.to_vec();
        let told = run(&layer, &x, [2, STEPS], Some(&[STEPS as i64; 2]), &theta, keep);
        let plain = run(&layer, &x, [2, STEPS], None, &theta, keep);
        told.iter().zip(&plain).for_each(|(told, plain)| assert_close(told, plain));
    }
}

#[test]
fn a_length_beyond_the_steps_is_an_error_when_the_program_runs() {
    let layer = layer_fn(|scope, x| {
        let lengths = scope.input("lengths", Type::index([2]));
        Lstm::new(3).forward(&scope.padded(lengths), x)
    });
    let network = Network::new(layer, Type::float([2, 3, 1])).unwrap();
    let program = network.inference_program(network.input()).unwrap();
    let theta = parameters(&network);
    let data = [Data::Float(&theta[..]), Data::Float(&[]), Data::Float(&[0.0; 6]), Data::Index(&[1, 4])];
    let error = Interpreter.outputs(&program, &data, Key::new(0)).unwrap_err().to_string();
    assert!(error.contains("4") && error.contains("out of range"), "{error}");
    let float = layer_fn(|scope, x| Lstm::new(3).forward(&scope.padded(x), x));
    let error = Network::new(float, Type::float([2, 3, 1])).unwrap_err().to_string();
    assert!(error.contains("whole numbers (index) [n]"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn attention_without_positions_does_not_know_their_order(
        order in Just((0..STEPS).collect::<Vec<_>>()).prop_shuffle(),
        heads in prop::sample::select(vec![1, 2, 4]),
        block in any::<bool>(),
    ) {
        let layer: AnyLayer =
            if block { TransformerBlock::new(heads).into() } else { MultiHeadAttention::new(heads).into() };
        let input = Type::float([1, STEPS, WIDTH]);
        let network = Network::new(layer, input).unwrap();
        let theta = parameters(&network);
        let x = random(input.shape, "x");
        let moved = |values: &[f64]| -> Vec<f64> {
            order.iter().flat_map(|&from| values[from * WIDTH..(from + 1) * WIDTH].to_vec()).collect()
        };
        let plain = infer(&network, &theta, &[], &x);
        let shuffled = Tensor::from_vec(moved(&x.to_vec()), input.shape).unwrap();
        assert_close(&infer(&network, &theta, &[], &shuffled), &moved(&plain));
    }

    #[test]
    fn products_of_rotated_vectors_depend_on_their_distance_alone(shift in 0usize..5, width in 1usize..4) {
        let rotary = RotaryPositions::default();
        let width = 2 * width;
        let (a, b) = (random([width], "a").to_vec(), random([width], "b").to_vec());
        let product = |at: [usize; 2]| {
            let input = Type::float([1, 8, width]);
            let network = Network::new(rotary.clone(), input).unwrap();
            let laid = |vector: &[f64], position: usize| {
                let mut rows = vec![0.0; 8 * width];
                rows[position * width..(position + 1) * width].copy_from_slice(vector);
                let turned = infer(&network, &[], &[], &Tensor::from_vec(rows, input.shape).unwrap());
                turned[position * width..(position + 1) * width].to_vec()
            };
            laid(&a, at[0]).iter().zip(laid(&b, at[1])).map(|(a, b)| a * b).sum::<f64>()
        };
        assert_close(&[product([0, 2])], &[product([shift, shift + 2])]);
    }
}

#[test]
fn the_backward_direction_is_the_forward_one_of_the_sequence_backwards() {
    let input = Type::float([2, 3, WIDTH]);
    let both = Recurrent { bidirectional: true, ..Recurrent::new(Cell::Rnn, 2) };
    let network = Network::new(both, input).unwrap();
    let names: Vec<_> = network.layout().entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names[..2], ["l0.weight_ih", "l0.weight_hh"]);
    assert_eq!(names[4], "l0_reverse.weight_ih");
    // The same parameters in both directions.
    let half = parameters(&network)[..network.parameter_count() / 2].to_vec();
    let theta = [&half[..], &half].concat();
    let x = random(input.shape, "x");
    let backwards = x.flip(1).unwrap();
    let [y, z] = [x, backwards].map(|x| infer(&network, &theta, &[], &x));
    for row in 0..2 {
        let row = |y: &[f64], direction: usize| y[4 * row + 2 * direction..][..2].to_vec();
        assert_close(&row(&y, 1), &row(&z, 0));
        assert_close(&row(&y, 0), &row(&z, 1));
    }
}

#[test]
fn cross_attention_of_a_sequence_with_itself_is_self_attention() {
    let input = Type::float([2, 3, WIDTH]);
    let attention = MultiHeadAttention::new(2);
    let cross = attention.clone();
    let crossed = Network::new(layer_fn(move |scope, x| cross.attend(scope, x, x, None)), input).unwrap();
    let plain = Network::new(attention, input).unwrap();
    assert_eq!(crossed.layout(), plain.layout());
    let (theta, x) = (parameters(&plain), random(input.shape, "x"));
    assert_close(&infer(&crossed, &theta, &[], &x), &infer(&plain, &theta, &[], &x));
}

#[test]
fn dropout_acts_between_recurrent_layers_and_only_in_training() {
    let input = Type::float([2, 3, WIDTH]);
    let run = |layers, mode| {
        let layer = Recurrent { layers, dropout: 0.5, ..Recurrent::new(Cell::Gru, 8) };
        let network = Network::new(layer, input).unwrap();
        let tape = Tape::new();
        let (theta, x) = (parameters(&network), random(input.shape, "x"));
        let output =
            network.apply(mode, tape.constant(Tensor::from(theta)), tape.zeros([0]), tape.constant(x));
        let program = tape.finish(&[Output::new("output", &output)]).unwrap();
        Interpreter.outputs::<f64>(&program, &[], Key::new(0)).unwrap()[0].to_vec()
    };
    assert_eq!(run(1, Mode::Training), run(1, Mode::Inference));
    assert_ne!(run(2, Mode::Training), run(2, Mode::Inference));
}

/// Layers whose long sequences are scans.
fn recurrent_layers() -> [AnyLayer; 4] {
    let both = Recurrent { bidirectional: true, all_steps: true, ..Recurrent::new(Cell::Lstm, 2) };
    [Lstm::new(3).into(), Gru { hidden: 3, all_steps: true }.into(), Rnn::new(3).into(), both.into()]
}

#[test]
fn long_sequences_are_what_short_ones_are_step_by_step() {
    // One step more than is recorded one by one, which does not count.
    let (short, long, n) = (256, 257, 2);
    let lengths = [200, 256];
    let x = random([n, long, WIDTH], "x").to_vec();
    let cut = |x: &[f64], width: usize| -> Vec<f64> {
        x.chunks_exact(x.len() / n).flat_map(|row| row[..short * width].to_vec()).collect()
    };
    for layer in recurrent_layers() {
        let network = Network::new(&layer, Type::float([n, short, WIDTH])).unwrap();
        let theta = parameters(&network);
        // The same for each step, so that both lengths are asked for the same.
        let asked = |_: &[f64], width: usize| {
            (0..n * width).map(|i| ((i % 5) as f64 - 1.7) / 3.0).collect::<Vec<_>>()
        };
        let all_steps = matches!(&layer, AnyLayer::Gru(_) | AnyLayer::Recurrent(_));
        let by_scan = |_: &[f64], width: usize| -> Vec<f64> {
            if !all_steps {
                return asked(&[], width);
            }
            let each = width / long;
            let fixed = asked(&[], each * short);
            fixed.chunks_exact(each * short).flat_map(|row| [row, &vec![0.7; each]].concat()).collect()
        };
        let [y, by_x, by_p] = run(&layer, &x, [n, long], Some(&lengths), &theta, by_scan);
        let [expected, expected_x, expected_p] =
            run(&layer, &cut(&x, WIDTH), [n, short], Some(&lengths), &theta, asked);
        let width = expected.len() / n / short;
        assert_close(&if all_steps { cut(&y, width) } else { y }, &expected);
        assert_close(&cut(&by_x, WIDTH), &expected_x);
        assert_close(&by_p, &expected_p);
    }
}

#[test]
fn a_program_for_a_long_sequence_is_short() {
    let program = |steps| {
        let network = Network::new(Lstm::new(3), Type::float([1, steps, WIDTH])).unwrap();
        let target = Type::float([1, 3]);
        network.training_program(network.input(), target, &Loss::MeanSquaredError).unwrap().len()
    };
    assert_eq!(program(300), program(3000));
}
