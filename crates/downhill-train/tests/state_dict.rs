//! Weights that PyTorch wrote give its outputs here, and PyTorch computes from ours what we do: see
//! `oracles/state_dict.py`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use downhill_autograd::{Data, Interpreter, Kind, Precision, Type};
use downhill_nn::{
    Activation, AnyLayer, AvgPool2d, BatchNorm, Cell, Conv1d, Conv2d, Conv3d, ConvTranspose1d,
    ConvTranspose2d, Embedding, Flatten, GroupNorm, InstanceNorm, LayerNorm, Linear, Lstm,
    MultiHeadAttention, Network, PRelu, Recurrent, Residual, RmsNorm, Rnn, Sequential, TransformerBlock,
    models,
};
use downhill_tensor::{AnyTensor, Key, NamedTensors, Tensor, npz, safetensors};
use downhill_train::import::read_weights;
use downhill_train::state_dict::{Weights, from_tensors, to_tensors};
use downhill_train::{Error, ErrorKind, Model, TrainConfig, Trainer, export::Format};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

#[derive(Deserialize)]
struct File {
    cases: HashMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    input: Vec<f64>,
    f32: Vec<f64>,
    f64: Vec<f64>,
    ours: Vec<f64>,
}

fn oracle(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/state_dict").join(name)
}

/// The networks of the script.
fn networks() -> Vec<(&'static str, Network<AnyLayer>)> {
    let mlp = Sequential::new()
        .with(Linear::new(6))
        .with(Activation::Tanh)
        .with(Linear { bias: false, ..Linear::new(5) })
        .with(Activation::Gelu)
        .with(Linear::new(3));
    let first = Conv2d { stride: [2, 2], padding: [1, 1], ..Conv2d::new(4, 3) };
    let second = Conv2d { kernel: [3, 2], groups: 2, dilation: [1, 2], bias: false, ..Conv2d::new(6, 3) };
    let cnn = Sequential::new()
        .with(first)
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(second)
        .with(AvgPool2d { stride: [1, 1], ..AvgPool2d::new(2) })
        .with(Flatten {})
        .with(Linear::new(3))
        .with(BatchNorm { affine: false, ..BatchNorm::default() });
    let lstm = Sequential::new().with(Lstm::new(4)).with(Linear::new(2));
    let signals = Sequential::new()
        .with(Conv1d { padding: 1, groups: 2, ..Conv1d::new(4, 3) })
        .with(GroupNorm::new(2))
        .with(PRelu { per_channel: true })
        .with(ConvTranspose1d { stride: 2, ..ConvTranspose1d::new(3, 3) })
        .with(InstanceNorm { epsilon: 1e-5, affine: true })
        .with(Flatten {})
        .with(Linear::new(2));
    let upwards = ConvTranspose2d::new(4, 2);
    let upwards =
        ConvTranspose2d { kernel: [2, 3], stride: [2; 2], output_padding: [1; 2], groups: 2, ..upwards };
    let planes = Sequential::new()
        .with(upwards)
        .with(PRelu { per_channel: false })
        .with(Flatten {})
        .with(Linear::new(2));
    let volumes = Sequential::new()
        .with(Conv3d { kernel: [2, 1, 2], ..Conv3d::new(2, 2) })
        .with(Flatten {})
        .with(Linear::new(2));
    let both_ways =
        Recurrent { layers: 2, bidirectional: true, all_steps: true, ..Recurrent::new(Cell::Gru, 4) };
    let recurrent = Sequential::new()
        .with(both_ways)
        .with(RmsNorm { epsilon: 1e-5, affine: true })
        .with(Rnn { hidden: 5, relu: true, all_steps: true })
        .with(Linear::new(2));
    let attention = Sequential::new()
        .with(Embedding::new(7, 8))
        .with(MultiHeadAttention::new(2))
        .with(LayerNorm::default())
        .with(Linear::new(3));
    let block = TransformerBlock { expansion: 3, ..TransformerBlock::causal(4) };
    let transformer = Sequential::new().with(Embedding::new(7, 8)).with(block).with(Linear::new(3));
    [
        ("mlp", mlp, Type::float([3, 4])),
        ("cnn", cnn, Type::float([2, 2, 9, 11])),
        ("lstm", lstm, Type::float([2, 5, 3])),
        ("signals", signals, Type::float([2, 2, 7])),
        ("planes", planes, Type::float([2, 2, 3, 2])),
        ("volumes", volumes, Type::float([2, 1, 3, 2, 4])),
        ("recurrent", recurrent, Type::float([2, 5, 3])),
        ("attention", attention, Type::index([2, 4])),
        ("transformer", transformer, Type::index([2, 5])),
    ]
    .map(|(name, layers, input)| (name, Network::new(layers.into(), input).unwrap()))
    .into()
}

fn cases() -> HashMap<String, Case> {
    serde_json::from_str::<File>(include_str!("oracles/state_dict.json")).unwrap().cases
}

/// What the interpreter makes of an input.
fn outputs<T: Precision>(network: &Network<AnyLayer>, weights: &Weights<T>, input: &[f64]) -> Vec<f64> {
    let program = network.inference_program(network.input()).unwrap();
    let floats: Vec<T> = input.iter().map(|&x| T::from_f64(x)).collect();
    let whole: Vec<i64> = input.iter().map(|&x| x as i64).collect();
    let x = if network.input().kind == Kind::Float { Data::Float(&floats) } else { Data::Index(&whole) };
    let data = [Data::Float(&weights.parameters), Data::Float(&weights.state), x];
    let outputs = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
    outputs[0].iter().map(|y| y.to_f64()).collect()
}

#[track_caller]
fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= tolerance, "{what}: {ours} is not {theirs}");
    }
}

#[test]
fn weights_of_pytorch_give_its_outputs_in_both_precisions() {
    for (name, network) in networks() {
        let case = &cases()[name];
        let weights = read_weights::<f64, _>(&network, oracle(&format!("{name}.f64.safetensors"))).unwrap();
        assert_close(&outputs(&network, &weights, &case.input), &case.f64, 1e-12, name);
        let path = oracle(&format!("{name}.f32.safetensors"));
        let single = read_weights::<f32, _>(&network, &path).unwrap();
        assert_close(&outputs(&network, &single, &case.input), &case.f32, 1e-6, name);
        // Single precision fits into double precision.
        let widened = read_weights::<f64, _>(&network, path).unwrap();
        assert_close(&outputs(&network, &widened, &case.input), &case.f64, 1e-12, name);
    }
}

/// Numbers of our own for a network, those of the state above 0.
fn weights_of(network: &Network<AnyLayer>) -> Weights<f64> {
    let mut weights = Weights {
        parameters: vec![0.0; network.parameter_count()],
        state: vec![0.0; network.state_layout().len()],
    };
    for entry in network.layout().entries() {
        Key::new(3).named(&entry.name).fill_uniform(0, &mut weights.parameters[entry.range()]);
    }
    Key::new(4).fill_uniform(0, &mut weights.state);
    weights.parameters.iter_mut().for_each(|x| *x -= 0.5);
    weights.state.iter_mut().for_each(|x| *x += 0.5);
    weights
}

fn tensors_of(network: &Network<AnyLayer>) -> NamedTensors {
    let Weights { parameters, state } = weights_of(network);
    to_tensors(network, &parameters, &state).unwrap()
}

#[test]
fn pytorch_computes_from_our_files_what_we_do() {
    for (name, network) in networks() {
        let frozen = fs::read(oracle(&format!("{name}.ours.safetensors"))).unwrap();
        let ours = safetensors::to_bytes(&tensors_of(&network), &[("format", "pt")]).unwrap();
        assert!(ours == frozen, "{name}: the file is another than the one that PyTorch has read");
        let case = &cases()[name];
        assert_close(&outputs(&network, &weights_of(&network), &case.input), &case.ours, 1e-12, name);
    }
}

#[test]
#[ignore = "writes the files that the script then reads"]
fn write_ours() {
    for (name, network) in networks() {
        let path = oracle(&format!("{name}.ours.safetensors"));
        safetensors::write(path, &tensors_of(&network), &[("format", "pt")]).unwrap();
    }
}

#[test]
fn what_is_written_comes_back_in_either_container() {
    let folder = tempfile::tempdir().unwrap();
    for (name, network) in networks() {
        let (path, tensors) = (folder.path().join("weights"), tensors_of(&network));
        safetensors::write(&path, &tensors, &[]).unwrap();
        assert_eq!(read_weights(&network, &path).unwrap(), weights_of(&network), "{name}");
        npz::write(&path, &tensors).unwrap();
        assert_eq!(read_weights(&network, &path).unwrap(), weights_of(&network), "{name}");
    }
}

/// The tensors with one of them changed, or left out.
fn with(tensors: &NamedTensors, name: &str, tensor: Option<AnyTensor>) -> NamedTensors {
    let mut changed = NamedTensors::default();
    for (other, value) in tensors.iter().filter(|(other, _)| *other != name) {
        changed.insert(other, value.clone()).unwrap();
    }
    if let Some(tensor) = tensor {
        changed.insert(name, tensor).unwrap();
    }
    changed
}

#[test]
fn tensors_that_do_not_fit_say_what_was_expected_what_came_and_where() {
    let (_, network) = networks().remove(0);
    let tensors = tensors_of(&network);
    let refused = |tensors: &NamedTensors| {
        let error = from_tensors::<f64, _>(&network, tensors, "a/b.safetensors").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        error.to_string()
    };
    assert_eq!(
        refused(&with(&tensors, "2.weight", None)),
        "a/b.safetensors: there is no tensor '2.weight', which should be f64 [5, 6]; the file has 0.weight, \
         0.bias, 4.weight, 4.bias"
    );
    assert_eq!(
        refused(&with(&tensors, "2.bias", Some(Tensor::from([1.0f64]).into()))),
        "a/b.safetensors: the network has no use for the tensor '2.bias'; it takes 0.weight, 0.bias, 2.weight, \
         4.weight, 4.bias"
    );
    assert_eq!(
        refused(&with(&tensors, "0.weight", Some(Tensor::<f64>::zeros([4, 6]).into()))),
        "a/b.safetensors: the tensor '0.weight' should be f64 [6, 4], but is f64 [4, 6]"
    );
    assert_eq!(
        refused(&with(&tensors, "0.bias", Some(Tensor::<i64>::zeros([6]).into()))),
        "a/b.safetensors: the tensor '0.bias' should be f64 [6], but is i64 [6]"
    );
    let error = from_tensors::<f32, _>(&network, &tensors, "a/b.safetensors").unwrap_err();
    assert!(error.to_string().ends_with("'0.weight' should be f32 [6, 4], but is f64 [6, 4]"), "{error}");
    let error = read_weights::<f32, _>(&network, oracle("none.safetensors")).unwrap_err();
    assert!(error.to_string().contains("none.safetensors: "), "{error}");
}

#[test]
fn files_that_are_something_else_or_damaged_are_errors() {
    let (_, network) = networks().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    for bytes in [&b""[..], b"PK", b"P", b"PK\x03\x04 and so on", b"\x80\x02 a pickle", &[255; 64]] {
        fs::write(&path, bytes).unwrap();
        let error = read_weights::<f32, _>(&network, &path).unwrap_err();
        assert!(matches!(error, Error::TensorFile(_)), "{error:?}");
        assert!(error.to_string().contains("weights: not a valid "), "{error}");
    }
}

#[test]
fn shared_and_nested_layers_keep_their_names() {
    let shared = Sequential::new()
        .with_named("twice", Linear::new(4))
        .with_named("twice", Linear::new(4))
        .with(Residual::new(Sequential::new().with(Activation::Tanh).with(Linear::new(4))));
    let network = Network::new(shared.into(), Type::float([1, 4])).unwrap();
    let tensors = tensors_of(&network);
    let names: Vec<_> = tensors.names().collect();
    assert_eq!(names, ["twice.weight", "twice.bias", "2.inner.1.weight", "2.inner.1.bias"]);
    assert_eq!(from_tensors::<f64, _>(&network, &tensors, "").unwrap(), weights_of(&network));
}

#[test]
fn layers_that_pytorch_does_not_have_are_refused_by_the_name_of_their_parameter() {
    let rotary = MultiHeadAttention { rotary: true, ..MultiHeadAttention::new(2) };
    let layers = Sequential::new().with_named("turned", rotary);
    let network: Network<AnyLayer> = Network::new(layers.into(), Type::float([1, 4, 8])).unwrap();
    let Weights { parameters, state } = weights_of(&network);
    let error = to_tensors(&network, &parameters, &state).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().starts_with("the parameter 'turned.projection.weight' cannot be"), "{error}");
}

#[test]
fn lengths_that_are_not_the_networks_are_errors() {
    let (_, network) = networks().remove(0);
    let error = to_tensors(&network, &[0.0f32; 3], &[]).unwrap_err();
    assert!(error.to_string().contains("the parameters") && error.to_string().contains("3 were given"));
    assert!(to_tensors(&network, &vec![0.0f32; network.parameter_count()], &[1.0]).is_err());
}

#[test]
fn a_model_takes_its_weights_back() {
    let (train, held_out) = downhill_data::embedded::load("iris")
        .unwrap()
        .split(downhill_data::PartSize::Fraction(0.2), 1)
        .unwrap();
    let fit = |seed| {
        let config = TrainConfig { epochs: 2, seed, ..TrainConfig::default() };
        let network = models::mlp(&[8], 3, Activation::Tanh);
        Trainer::new(network, config).unwrap().fit(&train, None).unwrap().model
    };
    let (trained, mut other): (Model, Model) = (fit(1), fit(2));
    assert_ne!(trained.predict(&held_out).unwrap(), other.predict(&held_out).unwrap());
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Safetensors, Format::Npz] {
        let path = folder.path().join("weights");
        let said = trained.export(format, &path).unwrap();
        assert!(said.starts_with("4 "), "{said}");
        other.read_weights(&path).unwrap();
        assert_eq!(trained.predict(&held_out).unwrap(), other.predict(&held_out).unwrap());
        other = fit(2);
    }
    let before = other.parameters().to_vec();
    assert!(other.read_weights(oracle("mlp.f32.safetensors")).is_err());
    assert_eq!(other.parameters(), before);
}
