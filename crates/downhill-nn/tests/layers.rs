//! Each layer: its derivatives, its formula by hand, its shape rule, and what it refuses.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, check_layer, error_of, infer, parameters, random, state};
use downhill_autograd::Type;
use downhill_nn::*;
use proptest::prelude::*;

#[test]
fn derivatives_of_every_layer_agree_with_finite_differences() {
    let images = Type::float([2, 4, 5, 4]);
    let rows = Type::float([3, 4]);
    let sequences = Type::float([2, 3, 4]);
    check_layer(Linear::new(3), rows);
    check_layer(Linear { bias: false, ..Linear::new(2) }, sequences);
    check_layer(Conv2d { stride: [2, 1], padding: [1, 0], groups: 2, ..Conv2d::new(6, 2) }, images);
    check_layer(Conv2d { dilation: [2, 1], bias: false, ..Conv2d::new(1, 2) }, images);
    check_layer(MaxPool2d::new(2), images);
    check_layer(AvgPool2d { padding: [1, 0], ..AvgPool2d::new(2) }, images);
    check_layer(GlobalAveragePool2d {}, images);
    check_layer(Flatten {}, images);
    check_layer(Dropout::new(0.4), rows);
    check_layer(BatchNorm::default(), rows);
    check_layer(BatchNorm::default(), images);
    check_layer(BatchNorm { affine: false, ..BatchNorm::default() }, sequences);
    check_layer(LayerNorm::default(), rows);
    check_layer(LayerNorm { axes: 2, ..LayerNorm::default() }, sequences);
    check_layer(Embedding::new(3, 2), Type::index([2, 2]));
    check_layer(PositionEmbedding::new(5), sequences);
    check_layer(Residual::new(Linear::new(4)), rows);
    check_layer(Lstm::new(2), sequences);
    check_layer(Lstm::all_steps(2), sequences);
    check_layer(MultiHeadAttention::new(2), sequences);
    check_layer(MultiHeadAttention::causal(1), sequences);
    check_layer(TransformerBlock { dropout: 0.2, ..TransformerBlock::causal(2) }, sequences);
    for activation in Activation::ALL {
        check_layer(activation, rows);
    }
    check_layer(Sequential::new().with(Linear::new(3)).with(BatchNorm::default()).with(Linear::new(1)), rows);
}

#[test]
fn linear_is_a_product_and_a_sum() {
    let network = Network::new(Linear::new(2), Type::float([2, 3])).unwrap();
    assert_eq!(network.layout().get("weight").unwrap().shape[..], [3, 2]);
    let theta = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.5];
    let x = downhill_tensor::Tensor::from([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]);
    assert_close(&infer(&network, &theta, &[], &x), &[-3.5, -4.5, 5.5, 7.5]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn convolution_is_the_sum_over_its_window(
        (groups, in_group, out_group) in (1usize..3, 1usize..3, 1usize..3),
        (kernel, stride, padding, dilation) in
            ([1usize..4, 1..4], [1usize..3, 1..3], [0usize..3, 0..3], [1usize..3, 1..3]),
        (n, height, width) in (1usize..3, 1usize..8, 1usize..8),
    ) {
        let reach = [0, 1].map(|a| dilation[a] * (kernel[a] - 1) + 1);
        let padded = [height + 2 * padding[0], width + 2 * padding[1]];
        let layer = Conv2d {
            out_channels: groups * out_group, kernel, stride, padding, dilation, groups, bias: true,
        };
        let channels = groups * in_group;
        let input = Type::float([n, channels, height, width]);
        if padded[0] < reach[0] || padded[1] < reach[1] {
            prop_assert!(error_of(layer, input).contains("the window reaches over"));
            return Ok(());
        }
        let network = Network::new(layer.clone(), input).unwrap();
        let size = [0, 1].map(|a| (padded[a] - reach[a]) / stride[a] + 1);
        prop_assert_eq!(network.output(), Type::float([n, layer.out_channels, size[0], size[1]]));
        let theta = parameters(&network);
        let x = random(input.shape, "images");
        let (weight, bias) = theta.split_at(layer.out_channels * in_group * kernel[0] * kernel[1]);
        let mut expected = Vec::new();
        for image in 0..n {
            for (o, start) in bias.iter().enumerate() {
                for (i, j) in (0..size[0]).flat_map(|i| (0..size[1]).map(move |j| (i, j))) {
                    let mut sum = *start;
                    for c in 0..in_group {
                        for (p, q) in (0..kernel[0]).flat_map(|p| (0..kernel[1]).map(move |q| (p, q))) {
                            let row = (i * stride[0] + p * dilation[0]) as isize - padding[0] as isize;
                            let col = (j * stride[1] + q * dilation[1]) as isize - padding[1] as isize;
                            if (0..height as isize).contains(&row) && (0..width as isize).contains(&col) {
                                let channel = o / out_group * in_group + c;
                                let at = [image, channel, row as usize, col as usize];
                                let w = ((o * in_group + c) * kernel[0] + p) * kernel[1] + q;
                                sum += weight[w] * x.get(&at).unwrap();
                            }
                        }
                    }
                    expected.push(sum);
                }
            }
        }
        assert_close(&infer(&network, &theta, &[], &x), &expected);
    }

    #[test]
    fn in_inference_every_sample_has_its_own_result(n in 1usize..5, which in 0usize..9) {
        let (layer, sample): (AnyLayer, Vec<usize>) = match which {
            0 => (models::mlp(&[5, 4], 3, Activation::Gelu).into(), vec![4]),
            1 => (models::cnn(3).into(), vec![1, 8, 9]),
            2 => (BatchNorm::default().into(), vec![3]),
            3 => (BatchNorm::default().into(), vec![3, 2, 2]),
            4 => (Dropout::new(0.5).into(), vec![6]),
            5 => (TransformerBlock { dropout: 0.1, ..TransformerBlock::causal(2) }.into(), vec![3, 4]),
            6 => (LayerNorm { axes: 2, ..LayerNorm::default() }.into(), vec![3, 4]),
            7 => (Lstm::all_steps(3).into(), vec![3, 4]),
            _ => (Activation::Softmax.into(), vec![5]),
        };
        let shape = |n: usize| downhill_tensor::Shape::new(&[&[n][..], &sample].concat()).unwrap();
        let network = Network::new(layer, Type::float(shape(n))).unwrap();
        let (theta, state) = (parameters(&network), state(&network));
        let x = random(shape(n), "samples");
        let together = infer(&network, &theta, &state, &x);
        let each = x.to_vec().chunks(shape(1).size()).flat_map(|one| {
            let one = downhill_tensor::Tensor::from_slice(one, shape(1)).unwrap();
            infer(&network, &theta, &state, &one)
        }).collect::<Vec<_>>();
        assert_close(&together, &each);
    }
}

#[test]
fn pools_take_the_largest_and_the_mean_of_each_window() {
    let x = downhill_tensor::Tensor::from_vec((0..8).map(f64::from).collect(), [1, 1, 2, 4]).unwrap();
    let of = |layer: AnyLayer| {
        let network = Network::new(layer, Type::float([1, 1, 2, 4])).unwrap();
        infer(&network, &[], &[], &x)
    };
    assert_eq!(of(MaxPool2d::new(2).into()), [5.0, 7.0]);
    assert_eq!(of(AvgPool2d::new(2).into()), [2.5, 4.5]);
    assert_eq!(of(MaxPool2d { stride: [1, 1], ..MaxPool2d::new(2) }.into()), [5.0, 6.0, 7.0]);
    assert_eq!(of(GlobalAveragePool2d {}.into()), [3.5]);
    assert_eq!(of(Flatten {}.into()).len(), 8);
}

#[test]
fn layer_norm_is_the_formula() {
    let network = Network::new(LayerNorm::default(), Type::float([2, 3])).unwrap();
    let (theta, x) = (parameters(&network), random([2, 3], "rows"));
    let mut expected = Vec::new();
    for row in x.to_vec().chunks(3) {
        let mean = row.iter().sum::<f64>() / 3.0;
        let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3.0;
        let normal = row.iter().map(|v| (v - mean) / (variance + 1e-5).sqrt());
        expected.extend(normal.enumerate().map(|(i, v)| v * theta[i] + theta[3 + i]));
    }
    assert_close(&infer(&network, &theta, &[], &x), &expected);
}

#[test]
fn attention_is_the_formula_and_causal_positions_do_not_see_what_follows() {
    let (length, width, heads) = (4, 6, 2);
    let depth = width / heads;
    for causal in [false, true] {
        let network = Network::new(
            MultiHeadAttention { causal, ..MultiHeadAttention::new(heads) },
            Type::float([1, length, width]),
        )
        .unwrap();
        let (theta, x) = (parameters(&network), random([1, length, width], "sequence").to_vec());
        let part = |name: &str| &theta[network.layout().get(name).unwrap().range()];
        let affine = |x: &[f64], layer: &str, out: usize| -> Vec<f64> {
            let weight = part(&format!("{layer}.weight"));
            let at =
                |r: usize, c: usize| (0..width).map(|k| x[r * width + k] * weight[k * out + c]).sum::<f64>();
            let bias = part(&format!("{layer}.bias"));
            (0..length).flat_map(|r| (0..out).map(move |c| (r, c))).map(|(r, c)| at(r, c) + bias[c]).collect()
        };
        let projected = affine(&x, "projection", 3 * width);
        let of = |kind: usize, position: usize, head: usize, d: usize| {
            projected[position * 3 * width + kind * width + head * depth + d]
        };
        let mut joined = vec![0.0; length * width];
        for (head, i) in (0..heads).flat_map(|head| (0..length).map(move |i| (head, i))) {
            let seen = if causal { i + 1 } else { length };
            let score = |j| (0..depth).map(|d| of(0, i, head, d) * of(1, j, head, d)).sum::<f64>();
            let weights: Vec<f64> = (0..seen).map(|j| (score(j) / (depth as f64).sqrt()).exp()).collect();
            let total: f64 = weights.iter().sum();
            for d in 0..depth {
                let sum: f64 = weights.iter().enumerate().map(|(j, w)| w * of(2, j, head, d)).sum();
                joined[i * width + head * depth + d] = sum / total;
            }
        }
        let x = downhill_tensor::Tensor::from_vec(x, [1, length, width]).unwrap();
        assert_close(&infer(&network, &theta, &[], &x), &affine(&joined, "output", width));
    }
}

#[test]
fn activations_are_found_by_their_names() {
    for activation in Activation::ALL {
        assert_eq!(Activation::from_name(activation.name()).unwrap(), activation);
    }
    assert_eq!(
        Activation::from_name("rleu").unwrap_err().to_string(),
        "no activation is called \"rleu\"; there are relu, leaky_relu, relu6, elu, selu, celu, \
         gelu, gelu_tanh, silu, mish, sigmoid, log_sigmoid, tanh, softplus, softsign, hardtanh, hardsigmoid, \
         hardswish, softmax, log_softmax, glu, swiglu"
    );
}

#[test]
fn what_a_layer_cannot_take_is_said_with_its_path() {
    let rows = Type::float([3, 4]);
    let deep = Sequential::new().with(Linear::new(4)).with_named("body", Residual::new(Linear::new(5)));
    let error = error_of(deep, rows);
    let expected = "`residual` cannot take float[3, 5]: the inner layer must keep the shape of its input, \
                    float[3, 4]\n  in layer `body`, at ";
    assert!(error.starts_with(expected), "{error}");
    let (signals, image) = (Type::float([1, 4, 5]), Type::float([1, 4, 2, 2]));
    let sequence = Type::float([1, 2, 4]);
    for (layer, input, expected) in [
        (AnyLayer::from(Dropout::new(1.0)), rows, "at least 0 and below 1, not 1"),
        (Dropout::new(f64::NAN).into(), rows, "not NaN"),
        (Conv2d::new(3, 3).into(), rows, "the input must be images [n, channels, height, width]"),
        (
            Conv2d { groups: 2, ..Conv2d::new(3, 1) }.into(),
            Type::float([1, 4, 2, 2]),
            "multiples of the number",
        ),
        (MaxPool2d::new(3).into(), Type::float([1, 1, 2, 2]), "the window of 3 is larger"),
        (GlobalAveragePool2d {}.into(), rows, "images [n, channels, height, width]"),
        (Lstm::new(2).into(), rows, "sequences [n, length, features]"),
        (Lstm::new(0).into(), Type::float([1, 2, 4]), "at least one step and one cell"),
        (Lstm::new(2).into(), Type::float([1, 0, 4]), "at least one step and one cell"),
        (Embedding::new(3, 2).into(), rows, "whole numbers (index)"),
        (Linear::new(2).into(), Type::float(()), "a last axis of features"),
        (BatchNorm::default().into(), Type::float([3]), "[n, channels]"),
        (LayerNorm { axes: 3, ..LayerNorm::default() }.into(), rows, "the last 3 axes"),
        (MultiHeadAttention::new(3).into(), Type::float([1, 2, 4]), "a multiple of the number of heads (3)"),
        (PositionEmbedding::new(1).into(), Type::float([1, 2, 4]), "at most `max_length` (1)"),
        (Sequential::new().with_named("a.b", Flatten {}).into(), rows, "must not be empty or contain a dot"),
        (Conv1d::new(3, 3).into(), rows, "signals [n, channels, length]"),
        (Conv1d { groups: 3, ..Conv1d::new(3, 1) }.into(), signals, "multiples of the number of groups, 3"),
        (Conv3d::new(1, 2).into(), Type::float([1, 1, 1, 4, 4]), "deeper than the padded input (1)"),
        (
            ConvTranspose1d { output_padding: 2, stride: 2, ..ConvTranspose1d::new(1, 2) }.into(),
            signals,
            "`output_padding` (2) must be smaller than stride (2)",
        ),
        (ConvTranspose2d { padding: [3, 0], ..ConvTranspose2d::new(1, 2) }.into(), image, "cuts off 6"),
        (MaxPool1d::new(9).into(), signals, "the window of 9 is larger"),
        (AdaptiveMaxPool2d { size: [0, 1] }.into(), image, "the sizes ([0, 1]) must be from 1"),
        (AdaptiveAvgPool1d { size: 2 }.into(), rows, "signals [n, channels, length]"),
        (GroupNorm::new(3).into(), rows, "the channels (4) must be a multiple of the number of groups (3)"),
        (InstanceNorm::default().into(), Type::float([2, 3, 1]), "more than one element for each channel"),
        (RmsNorm { epsilon: -1.0, ..RmsNorm::default() }.into(), rows, "must not be negative; it is -1"),
        (PRelu { per_channel: true }.into(), Type::float([3]), "[n, channels, ..]"),
        (Upsample::nearest(0).into(), image, "the scale (0) at least 1"),
        (PixelShuffle { factor: 2 }.into(), Type::float([1, 2, 2, 2]), "a multiple of 4"),
        (Lora::new(3, 0).into(), rows, "the rank (0) must be at least 1"),
        (Gru::new(0).into(), sequence, "`hidden` is 0"),
        (Recurrent { layers: 0, ..Recurrent::new(Cell::Gru, 2) }.into(), sequence, "1 to 1000 layers, not 0"),
        (EmbeddingBag::new(3, 2).into(), rows, "bags of whole numbers (index) [n, length]"),
        (RotaryPositions::default().into(), Type::float([1, 2, 3]), "the width (3) must be even"),
        (SinusoidalPositions { base: 0.0 }.into(), sequence, "must be positive, not 0"),
        (DecoderBlock::new(2).into(), sequence, "give the scope one with `scope.with_memory(..)`"),
        (WeightNorm::new(Lstm::new(2)).into(), sequence, "not for Lstm"),
        (SpectralNorm { epsilon: 0.0, ..SpectralNorm::new(Linear::new(1)) }.into(), rows, "must be positive"),
        (Activation::Glu.into(), Type::float([3]), "an even length"),
        (Activation::Celu { alpha: 0.0 }.into(), rows, "not 0; it is 0"),
        (Activation::Softplus { beta: -1.0 }.into(), rows, "must be positive"),
        (Activation::Hardtanh { low: 1.0, high: 1.0 }.into(), rows, "low must be below high"),
    ] {
        let error = error_of(layer, input);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn options_beyond_all_measure_are_errors_and_not_panics() {
    let huge = usize::MAX;
    let image = Type::float([1, 1, 4, 4]);
    assert!(
        error_of(Linear::new(huge), Type::float([2, 3])).contains("more elements than a vector can have")
    );
    assert!(error_of(Conv2d::new(huge, 3), image).contains("more elements"));
    assert!(error_of(Conv2d { kernel: [huge, huge], ..Conv2d::new(1, 1) }, image).contains("more elements"));
    assert!(error_of(Embedding::new(huge, huge), Type::index([1])).contains("more elements"));
    assert!(error_of(Lstm::new(huge), Type::float([1, 2, 4])).contains("more elements"));
    let block = TransformerBlock { expansion: huge, ..TransformerBlock::new(1) };
    assert!(error_of(block, Type::float([1, 2, 4])).contains("more elements"));
}

#[test]
fn activations_are_their_formulas() {
    let x = downhill_tensor::Tensor::from([[-1.0, 0.0, 1.0]]);
    let e = std::f64::consts::E;
    // The normal distribution's share below 1.
    let phi = 0.841_344_746_068_542_9;
    let total = 1.0 / e + 1.0 + e;
    for (activation, expected) in [
        (Activation::Relu, [0.0, 0.0, 1.0]),
        (Activation::LeakyRelu { negative_slope: 0.2 }, [-0.2, 0.0, 1.0]),
        (Activation::Sigmoid, [1.0 / (1.0 + e), 0.5, e / (1.0 + e)]),
        (Activation::Tanh, [-0.761_594_155_955_764_9, 0.0, 0.761_594_155_955_764_9]),
        (Activation::Gelu, [phi - 1.0, 0.0, phi]),
        (Activation::Silu, [-1.0 / (1.0 + e), 0.0, e / (1.0 + e)]),
        (Activation::Softmax, [1.0 / e / total, 1.0 / total, e / total]),
    ] {
        let network = Network::new(activation, Type::float([1, 3])).unwrap();
        assert_close(&infer(&network, &[], &[], &x), &expected);
    }
    assert_close(&[Activation::LeakyRelu { negative_slope: 2.0 }.gain()], &[0.4f64.sqrt()]);
}

#[test]
fn an_embedding_is_the_rows_of_its_table_and_a_position_its_own() {
    use downhill_autograd::{Data, Interpreter};
    let tokens = Type::index([1, 3]);
    let layers = Sequential::new().with(Embedding::new(4, 2)).with(PositionEmbedding::new(5));
    let network = Network::new(layers, tokens).unwrap();
    let theta = parameters(&network);
    let program = network.inference_program(tokens).unwrap();
    let data = [Data::Float(&theta[..]), Data::Float(&[]), Data::Index(&[3, 0, 3])];
    let output = Interpreter.outputs(&program, &data, downhill_tensor::Key::new(0)).unwrap()[0].to_vec();
    let expected: Vec<f64> = [3, 0, 3]
        .iter()
        .enumerate()
        .flat_map(|(position, token)| [0, 1].map(|d| (2 * token + d, 8 + 2 * position + d)))
        .map(|(row, position)| theta[row] + theta[position])
        .collect();
    assert_close(&output, &expected);
}

#[test]
fn a_transformer_block_is_two_residual_layers() {
    let input = Type::float([2, 3, 4]);
    let block = Network::new(TransformerBlock::causal(2), input).unwrap();
    let attention = Sequential::new().with(LayerNorm::default()).with(MultiHeadAttention::causal(2));
    let mlp = Sequential::new()
        .with(LayerNorm::default())
        .with(Linear::new(16))
        .with(Activation::Gelu)
        .with(Linear::new(4));
    let composed = Sequential::new().with(Residual::new(attention)).with(Residual::new(mlp));
    let composed = Network::new(composed, input).unwrap();
    let shapes = |layout: &downhill_tensor::ParameterLayout| {
        layout.entries().iter().map(|entry| entry.shape).collect::<Vec<_>>()
    };
    assert_eq!(shapes(block.layout()), shapes(composed.layout()));
    let (theta, x) = (parameters(&block), random(input.shape, "sequences"));
    assert_close(&infer(&block, &theta, &[], &x), &infer(&composed, &theta, &[], &x));
}

#[test]
fn a_bilinear_map_is_the_sum_over_both_of_its_inputs() {
    let input = Type::float([2, 5]);
    let layer = layer_fn(|scope, x| Bilinear::new(2).combine(scope, x.slice(-1, ..2), x.slice(-1, 2..)));
    let network = Network::new(layer, input).unwrap();
    assert_eq!(network.layout().get("weight").unwrap().shape[..], [2, 2, 3]);
    let (theta, x) = (parameters(&network), random(input.shape, "x"));
    let mut expected = Vec::new();
    for row in x.to_vec().chunks(5) {
        for o in 0..2 {
            let term = |i: usize, j: usize| row[i] * theta[(o * 2 + i) * 3 + j] * row[2 + j];
            let sum: f64 = (0..2).flat_map(|i| (0..3).map(move |j| (i, j))).map(|(i, j)| term(i, j)).sum();
            expected.push(sum + theta[12 + o]);
        }
    }
    assert_close(&infer(&network, &theta, &[], &x), &expected);
    let uneven = layer_fn(|scope, x| Bilinear::new(2).combine(scope, x, x.slice(0, ..1)));
    let error = Network::new(uneven, input).unwrap_err().to_string();
    assert!(error.contains("the same shape but for its last axis; it is float[1, 5]"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_transposed_convolution_is_the_adjoint_of_the_convolution(
        (groups, in_group, out_group) in (1usize..3, 1usize..3, 1usize..3),
        (kernel, stride, padding, dilation) in
            ([1usize..4, 1..4], [1usize..4, 1..4], [0usize..3, 0..3], [1usize..3, 1..3]),
        size in [1usize..8, 1..8],
    ) {
        let (channels, outputs) = (groups * in_group, groups * out_group);
        let conv = Conv2d { out_channels: outputs, kernel, stride, padding, dilation, groups, bias: false };
        let input = Type::float([2, channels, size[0], size[1]]);
        let Ok(forward) = Network::new(conv, input) else { return Ok(()) };
        let small = forward.output();
        // What the sizes of the result do not tell of those of the input.
        let reached = [0, 1].map(|a| {
            (small.shape[2 + a] - 1) * stride[a] + dilation[a] * (kernel[a] - 1) + 1
        });
        let output_padding = [0, 1].map(|a| size[a] + 2 * padding[a] - reached[a]);
        let transposed = ConvTranspose2d {
            out_channels: channels, kernel, stride, padding, output_padding, dilation, groups, bias: false,
        };
        let backward = Network::new(transposed, small).unwrap();
        prop_assert_eq!(backward.output(), input);
        let theta = parameters(&forward);
        let (x, y) = (random(input.shape, "x"), random(small.shape, "y"));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert_close(
            &[dot(&infer(&forward, &theta, &[], &x), &y.to_vec())],
            &[dot(&x.to_vec(), &infer(&backward, &theta, &[], &y))],
        );
    }
}

#[test]
fn a_spectral_norm_becomes_one_as_training_goes_on() {
    use downhill_autograd::{Data, Interpreter};
    let input = Type::float([1, 3]);
    let network = Network::new(SpectralNorm::new(Linear { bias: false, ..Linear::new(4) }), input).unwrap();
    let program = network.training_program(input, Type::float([1, 4]), &Loss::MeanSquaredError).unwrap();
    let (theta, mut state) = (parameters(&network), network.initial_state::<f64>());
    for _ in 0..200 {
        let data = [&theta[..], &state, &[1.0; 3], &[0.0; 4]].map(Data::Float);
        state = Interpreter.outputs(&program, &data, downhill_tensor::Key::new(0)).unwrap()[2].to_vec();
    }
    // In the direction of the first singular vector the length stays as it is, and in no other does it grow.
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let of = |x: &[f64]| {
        let x = downhill_tensor::Tensor::from_slice(x, [1, 3]).unwrap();
        length(&infer(&network, &theta, &state, &x)) / length(&x.to_vec())
    };
    assert_close(&[of(&state[4..])], &[1.0]);
    for direction in random([20, 3], "directions").to_vec().chunks(3) {
        assert!(of(direction) <= 1.0 + 1e-9);
    }
}

#[test]
fn low_rank_adaptation_starts_as_the_linear_layer_and_leaves_it_alone() {
    let input = Type::float([2, 3]);
    let lora = Network::new(Lora { alpha: 8.0, ..Lora::new(2, 1) }, input).unwrap();
    let linear = Network::new(Linear::new(2), input).unwrap();
    let (x, key) = (random(input.shape, "x"), downhill_tensor::Key::new(4));
    let (theta, plain) = (lora.initialize::<f64>(key), linear.initialize::<f64>(key));
    assert_close(&infer(&lora, &theta, &[], &x), &infer(&linear, &plain, &[], &x));
    let program = lora.training_program(input, Type::float([2, 2]), &Loss::MeanSquaredError).unwrap();
    let x = x.to_vec();
    let data = [&theta[..], &[], &x, &[0.0; 4]].map(downhill_autograd::Data::Float);
    let results = downhill_autograd::Interpreter.outputs(&program, &data, key).unwrap();
    let gradient = results[1].to_vec();
    let of = |name: &str| &gradient[lora.layout().get(name).unwrap().range()];
    assert!(of("weight").iter().chain(of("bias")).all(|&g| g == 0.0));
    assert!(of("lora_b").iter().all(|&g| g != 0.0));
}
