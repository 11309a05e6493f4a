//! What holds for every layer: derivatives, one result for each sample, files, and errors instead of panics.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Told, assert_close, check_layer, infer_kind, parameters, random, state, whole};
use downhill_autograd::{Data, Interpreter, Kind, Output, Tape, Type, Var};
use downhill_nn::losses::{self, BinaryCrossEntropy, CrossEntropy, Ctc, NegativeLogLikelihood};
use downhill_nn::*;
use downhill_tensor::{Key, Shape};
use proptest::prelude::*;

/// A layer of each kind with an input of two samples.
fn examples() -> Vec<(AnyLayer, Type)> {
    let (rows, signals, images) = (Type::float([2, 4]), Type::float([2, 4, 5]), Type::float([2, 4, 4, 3]));
    let (sequences, tokens) = (Type::float([2, 3, 4]), Type::index([2, 3]));
    let linear = || Linear::new(3);
    let stacked = |cell| Recurrent { layers: 2, bidirectional: true, ..Recurrent::new(cell, 2) };
    vec![
        (Activation::SwiGlu.into(), rows),
        (AdaptiveAvgPool1d { size: 3 }.into(), signals),
        (AdaptiveAvgPool2d { size: [3, 2] }.into(), images),
        (AdaptiveMaxPool1d { size: 3 }.into(), signals),
        (AdaptiveMaxPool2d { size: [3, 2] }.into(), images),
        (AvgPool1d { padding: 1, ..AvgPool1d::new(2) }.into(), signals),
        (AvgPool2d::new(2).into(), images),
        (BatchNorm::default().into(), images),
        (Bilinear::new(3).into(), rows),
        (Conv1d { stride: 2, padding: 1, groups: 2, ..Conv1d::new(2, 3) }.into(), signals),
        (Conv2d { padding: [1, 0], groups: 2, ..Conv2d::new(2, 2) }.into(), images),
        (
            Conv3d { padding: [1, 0, 0], dilation: [2, 1, 1], ..Conv3d::new(2, 2) }.into(),
            Type::float([2, 1, 3, 2, 3]),
        ),
        (ConvTranspose1d { stride: 2, output_padding: 1, ..ConvTranspose1d::new(2, 2) }.into(), signals),
        (ConvTranspose2d { groups: 2, padding: [1, 0], ..ConvTranspose2d::new(2, 2) }.into(), images),
        (DecoderBlock { expansion: 1, ..DecoderBlock::new(2) }.into(), sequences),
        (Dropout::new(0.4).into(), rows),
        (Embedding::new(3, 2).into(), tokens),
        (EmbeddingBag { pooling: Pooling::Mean, ..EmbeddingBag::new(3, 2) }.into(), tokens),
        (Flatten {}.into(), images),
        (GlobalAveragePool2d {}.into(), images),
        (GroupNorm::new(2).into(), images),
        (Gru::new(2).into(), sequences),
        (InstanceNorm { affine: true, ..InstanceNorm::default() }.into(), images),
        (LayerNorm::default().into(), rows),
        (linear().into(), rows),
        (Lora::new(3, 2).into(), rows),
        (Lstm::all_steps(2).into(), sequences),
        (MaxPool1d::new(2).into(), signals),
        (MaxPool2d::new(2).into(), images),
        (MultiHeadAttention { rotary: true, ..MultiHeadAttention::causal(2) }.into(), sequences),
        (Named { name: "head".into(), layer: Box::new(linear().into()) }.into(), rows),
        (PRelu { per_channel: true }.into(), signals),
        (PixelShuffle { factor: 2 }.into(), images),
        (PositionEmbedding::new(4).into(), sequences),
        (stacked(Cell::Gru).into(), sequences),
        (Recurrent { all_steps: true, ..stacked(Cell::Lstm) }.into(), sequences),
        (Residual::new(Linear::new(4)).into(), rows),
        (RmsNorm::default().into(), rows),
        (Rnn { all_steps: true, ..Rnn::new(2) }.into(), sequences),
        (RotaryPositions::default().into(), sequences),
        (Sequential::new().with(linear()).with(Activation::Tanh).into(), rows),
        (SinusoidalPositions::default().into(), sequences),
        (SpectralNorm::new(linear()).into(), rows),
        (TransformerBlock { expansion: 1, ..TransformerBlock::new(2) }.into(), sequences),
        (Upsample::linear(2).into(), images),
        (WeightNorm::new(Conv1d::new(2, 2)).into(), signals),
    ]
}

#[test]
fn there_is_an_example_of_every_layer() {
    let examples = examples();
    for name in AnyLayer::NAMES {
        assert!(examples.iter().any(|(layer, _)| layer.name() == *name), "no example of {name}");
    }
}

#[test]
fn derivatives_agree_with_finite_differences_to_second_order() {
    for (layer, input) in examples() {
        // Both keep the gradient from something on which their result depends; what it is instead, PyTorch says.
        if !["Lora", "SpectralNorm"].contains(&layer.name()) {
            check_layer(layer, input);
        }
    }
    for activation in Activation::ALL {
        check_layer(activation, Type::float([2, 4]));
    }
    for pooling in [Pooling::Sum, Pooling::Max] {
        check_layer(EmbeddingBag { pooling, ..EmbeddingBag::new(3, 2) }, Type::index([2, 3]));
    }
    check_layer(Upsample::nearest(2), Type::float([1, 2, 3]));
    check_layer(GroupNorm { affine: false, ..GroupNorm::new(1) }, Type::float([2, 4]));
    check_layer(PRelu::default(), Type::float([2, 4]));
}

#[test]
fn in_inference_every_sample_has_its_own_result_in_whatever_order_they_come() {
    for (layer, input) in examples() {
        // What decoders are told here is the other sample.
        if layer.name() == "DecoderBlock" {
            continue;
        }
        let network = Network::new(&layer, input).unwrap();
        let (theta, state) = (parameters(&network), state(&network));
        let (floats, numbers) = (random(input.shape, "samples").to_vec(), whole(input.shape).to_vec());
        let run = |floats: &[f64], numbers: &[i64], n: usize| {
            let shape = input.shape.with(0, n).unwrap();
            infer_kind(&network, Type { kind: input.kind, shape }, &theta, &state, floats, numbers)
        };
        let half = input.shape.size() / 2;
        let together = run(&floats, &numbers, 2);
        let first = run(&floats[..half], &numbers[..half], 1);
        let second = run(&floats[half..], &numbers[half..], 1);
        assert_close(&together, &[&first[..], &second].concat());
        let swapped = |both: &[f64]| [&both[half..], &both[..half]].concat();
        let swapped_numbers = [&numbers[half..], &numbers[..half]].concat();
        let exchanged = run(&swapped(&floats), &swapped_numbers, 2);
        assert_close(&exchanged, &[&second[..], &first].concat());
    }
}

#[test]
fn a_layer_that_was_written_and_read_is_the_same() {
    for (layer, input) in examples() {
        let read = from_description(&to_description(&layer)).unwrap();
        assert_eq!(read, layer);
        let [written, read] = [layer, read].map(|layer| Network::new(Told(layer), input).unwrap());
        assert_eq!(written.layout(), read.layout());
        let (theta, state) = (written.initialize::<f64>(Key::new(1)), written.initial_state::<f64>());
        assert_eq!(theta, read.initialize::<f64>(Key::new(1)));
        let (floats, numbers) = (random(input.shape, "x").to_vec(), whole(input.shape).to_vec());
        let [a, b] = [written, read].map(|n| infer_kind(&n, input, &theta, &state, &floats, &numbers));
        assert_eq!(a, b);
    }
}

#[test]
fn numbers_beyond_all_measure_in_a_description_are_errors_and_not_panics() {
    /// The places of all numbers.
    fn places(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Number(_) => found.push(path.into()),
            serde_json::Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{path}/{i}"), found));
            }
            serde_json::Value::Object(fields) => {
                fields.iter().for_each(|(name, item)| places(item, &format!("{path}/{name}"), found));
            }
            _ => {}
        }
    }
    for (layer, input) in examples() {
        let written = serde_json::to_value(&layer).unwrap();
        let mut found = Vec::new();
        places(&written, "", &mut found);
        for (place, number) in
            found.iter().flat_map(|place| [0, 1, 3, u64::MAX / 2, u64::MAX].map(|number| (place, number)))
        {
            let mut changed = written.clone();
            *changed.pointer_mut(place).unwrap() = number.into();
            let Ok(layer) = serde_json::from_value::<AnyLayer>(changed) else { continue };
            if let Ok(network) = Network::new(Told(layer), input) {
                let _ = network.training_program(input, network.output(), &Loss::MeanSquaredError);
            }
        }
    }
}

/// Shapes of few dimensions, 0 among them.
fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec(0usize..5, 0..6).prop_map(|dims| Shape::new(&dims).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_wrong_shape_is_an_error_and_not_a_panic(
        which in 0..examples().len(),
        shape in shapes(),
        lengths in prop::option::of(shapes()),
        index in any::<bool>(),
    ) {
        let (layer, _) = examples().swap_remove(which);
        let input = if index { Type::index(shape) } else { Type::float(shape) };
        let layer = layer_fn(move |scope, x| {
            let inner = Told(layer.clone());
            match lengths {
                Some(shape) => inner.forward(&scope.padded(scope.input("lengths", Type::index(shape))), x),
                None => inner.forward(scope, x),
            }
        });
        let Ok(network) = Network::new(layer, input) else { return Ok(()) };
        let target = network.output();
        let _ = network.training_program(input, target, &Loss::MeanSquaredError);
        // Where it is taken, it runs.
        if let (Ok(program), None) = (network.inference_program(input), lengths) {
            let (theta, state) = (parameters(&network), state(&network));
            let (floats, numbers) = (random(shape, "x").to_vec(), whole(shape).to_vec());
            let x = if input.kind == Kind::Index { Data::Index(&numbers) } else { Data::Float(&floats) };
            let _ = Interpreter.outputs(&program, &[Data::Float(&theta), Data::Float(&state), x], Key::new(0));
        }
    }

    #[test]
    fn a_loss_of_wrong_shapes_is_an_error_and_not_a_panic(
        shapes in [shapes(), shapes(), shapes(), shapes()],
        index in any::<[bool; 4]>(),
    ) {
        type Values<'t> = [Var<'t>; 4];
        fn record(index: [bool; 4], shapes: [Shape; 4], loss: impl for<'t> Fn(Values<'t>) -> Var<'t>) {
            let tape = Tape::new();
            let names = [(0, "a"), (1, "b"), (2, "c"), (3, "d")];
            let values = names.map(|(i, name)| match index[i] {
                true => tape.index_input(name, shapes[i]),
                false => tape.input(name, shapes[i]),
            });
            let loss = loss(values).sum();
            if values[0].is_float() {
                tape.grad(loss, &values[..1]);
            }
            let _ = tape.finish(&[Output::new("loss", &loss)]);
        }
        for loss in Loss::ALL {
            record(index, shapes, |[y, t, ..]| loss.loss(y, t));
            record(index, shapes, |[y, t, ..]| loss.reduced(y, t, Reduction::BatchMean));
        }
        record(index, shapes, |[y, t, v, _]| losses::gaussian_nll(y, t, v, 1e-6, true));
        record(index, shapes, |[a, b, t, _]| losses::margin_ranking(a, b, t, 0.1));
        record(index, shapes, |[a, b, t, _]| losses::cosine_embedding(a, b, t, 0.1));
        record(index, shapes, |[a, p, n, _]| losses::triplet_margin(a, p, n, Default::default()));
        record(index, shapes, |[y, labels, steps, counts]| {
            Ctc::default().reduced(y, labels, steps, counts, Reduction::Mean)
        });
        let weight = Some(vec![1.0, 2.0]);
        let smoothed =
            CrossEntropy { weight: weight.clone(), ignore_index: Some(1), label_smoothing: 0.1 };
        record(index, shapes, |[y, t, ..]| smoothed.loss(y, t));
        let nll = NegativeLogLikelihood { weight: weight.clone(), ignore_index: Some(1) };
        record(index, shapes, |[y, t, ..]| nll.loss(y, t));
        let balanced = BinaryCrossEntropy { weight: weight.clone(), pos_weight: weight };
        record(index, shapes, |[y, t, ..]| balanced.loss(y, t));
    }
}
