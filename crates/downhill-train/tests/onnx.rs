//! Networks as ONNX files. Every file that is written here was run by onnxruntime once, with the results that stand
//! in `oracles/onnx.json`: see `oracles/onnx_runtime.py`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod exported;
#[path = "exported/protobuf.rs"]
mod protobuf;

use downhill_autograd::{Data, Interpreter, Kind, Tape, Type, Var};
use downhill_nn::{
    Activation, AvgPool2d, BatchNorm, Conv2d, GlobalAveragePool2d, Layer, LayerNorm, Linear, Lstm, MaxPool2d,
    MultiHeadAttention, Network, Residual, Sequential, TransformerBlock, layer_fn, models,
};
use downhill_tensor::{Key, Tensor};
use downhill_train::ErrorKind;
use downhill_train::export::onnx::{self, Onnx};
use exported::{any, examples, input, predictions, raw_inputs, weights, whole_models};
use protobuf::Message;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// How many examples each file is run on.
const EXAMPLES: usize = 5;

/// What the script needs to know of a file.
#[derive(Serialize, Deserialize)]
struct Case {
    #[serde(rename = "type")]
    ty: String,
    shape: Vec<usize>,
    input: Vec<f32>,
    name: String,
    free: bool,
    output: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Cases {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Verified {
    files: BTreeMap<String, Verification>,
}

#[derive(Deserialize)]
struct Verification {
    crc32: u32,
    largest_difference: f64,
}

fn oracles(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name)
}

/// Several values of any shapes, side by side in one row for each example.
fn side_by_side<'t>(tape: &'t Tape, values: &[Var<'t>]) -> Var<'t> {
    let rows: Vec<_> = values.iter().map(|value| value.flatten_from(1)).collect();
    tape.concat(&rows, 1)
}

/// A network, with its file and what it computes.
fn network_case(network: &Network<impl Layer>) -> (Onnx, Case) {
    let weights = weights::<f32, _>(network);
    let file = onnx::network(network, &weights.parameters, &weights.state).unwrap();
    let count = file.batch.unwrap_or(EXAMPLES);
    let (ty, input) = (input(network, count), examples(network, count));
    let program = network.inference_program(ty).unwrap();
    let (floats, whole) = (input.iter().map(|&x| x as f32), input.iter().map(|&x| x as i64));
    let (floats, whole): (Vec<f32>, Vec<i64>) = (floats.collect(), whole.collect());
    let index = ty.kind == Kind::Index;
    let x = if index { Data::Index(&whole) } else { Data::Float(&floats) };
    let data = [Data::Float(&weights.parameters), Data::Float(&weights.state), x];
    let output = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
    let case = Case {
        ty: if index { "int64" } else { "float32" }.into(),
        shape: ty.shape.dims().to_vec(),
        input: floats,
        name: "output".into(),
        free: file.batch.is_none(),
        output: output[0].iter().map(f64::from).collect(),
    };
    (file, case)
}

/// All elementwise functions.
fn scalar_functions() -> Network<impl Layer> {
    let layer = layer_fn(|scope, x| {
        let (tape, above) = (scope.tape(), x.abs() + 0.1);
        // Far from the halves and whole numbers at which rounding differs by the last digit.
        let apart = (x * 4.0).floor() * 0.5;
        let (a, b) = (x.slice(1, ..5), x.slice(1, 5..10));
        let one = tape.scalar(1.0);
        let unary = [
            x.neg(),
            x.abs(),
            x.sign(),
            x.square(),
            above.sqrt(),
            above.recip(),
            x.exp(),
            x.expm1(),
            above.log(),
            above.log1p(),
            x.sin(),
            x.cos(),
            x.tanh(),
            x.sigmoid(),
            x.relu(),
            x.softplus(),
            x.erf(),
            x.gelu(),
            x.floor(),
            x.ceil(),
            apart.round(),
            x.silu(),
            x.leaky_relu(0.2),
            above.rsqrt(),
            x.sin().tan(),
            (x * 0.4).asin(),
            (x * 0.4).acos(),
            x.atan(),
            x.sinh(),
            x.cosh(),
            x.asinh(),
            (above + 1.0).acosh(),
            (x * 0.4).atanh(),
            x.erfc(),
        ];
        let binary = [
            a + b,
            a - b,
            a * b,
            a / (b.abs() + 0.5),
            above.pow(x),
            a.maximum(b),
            a.minimum(b),
            apart.eq(one),
            apart.ne(one),
            a.lt(b),
            a.le(b),
            a.gt(b),
            a.ge(b),
            apart.gt(one).select(x, apart),
            x * 3.0,
        ];
        side_by_side(tape, &[&unary[..], &binary].concat())
    });
    Network::new(layer, Type::float([1, 10])).unwrap()
}

/// Movements, reductions, products and choices of whole arrays.
fn arrays() -> Network<impl Layer> {
    let layer = layer_fn(|scope, x| {
        let tape = scope.tape();
        let table = tape.constant(Tensor::from_fn([6, 3], |at| (at[0] * 3 + at[1]) as f64 / 7.0));
        let rows = x.sum_over(&[1]).argmax();
        let weight = scope.param("weight", [4, 5], downhill_nn::Init::Ones);
        let results = [
            x.permute(&[0, 2, 1]),
            x.sum_over(&[1]),
            x.max_over(&[1, 2]).unsqueeze(1),
            x.min_over(&[-1]),
            x.mean_over(&[1]),
            x.sum_keep(&[2]),
            x.slice(2, 1..3),
            x.slice(1, 0..1).broadcast_to(x.shape()),
            x.reshape([x.dim(0), 4, 3]),
            x.matmul(weight),
            x.matmul(x.transpose()),
            tape.concat(&[x, x * 2.0], 2),
            table.gather(rows),
            rows.one_hot(4),
            x.permute(&[1, 0, 2]).reshape([3 * x.dim(0), 4]).reshape([3, x.dim(0), 4]).permute(&[1, 0, 2]),
            tape.zeros([x.dim(0), 2]) + x.sum_over(&[2]).slice(1, ..2),
            x.slice(1, 0..1).stop_gradient(),
            (x.square() + 0.5).log().softmax(),
            x.log_softmax(),
            x.normalize(1e-3),
        ];
        side_by_side(tape, &results)
    });
    Network::new(layer, Type::float([1, 3, 4])).unwrap()
}

/// Slices backwards and in steps, and margins of zeros: what derivatives make.
fn margins() -> Network<impl Layer> {
    let layer = layer_fn(|scope, x| {
        let every_other = downhill_tensor::Slice { start: None, end: None, step: 2 };
        let backwards = downhill_tensor::Slice { start: None, end: None, step: -1 };
        let tape = scope.tape();
        // The cotangent of a slice is a pad.
        let padded = tape.vjp(&[(x.slice(1, 2..5), x.slice(1, ..3).sin())], &[x])[0];
        side_by_side(tape, &[x.slice(1, every_other), x.slice(1, backwards), padded])
    });
    Network::new(layer, Type::float([1, 7])).unwrap()
}

/// The networks of layers.
fn layers() -> Vec<(&'static str, Network<downhill_nn::AnyLayer>)> {
    let images = Sequential::new()
        .with(Conv2d { padding: [1, 2], stride: [1, 2], ..Conv2d::new(4, 3) })
        .with(BatchNorm::default())
        .with(Activation::LeakyRelu { negative_slope: 0.1 })
        .with(MaxPool2d { padding: [1, 1], stride: [1, 2], ..MaxPool2d::new(3) })
        .with(Residual::new(Conv2d { padding: [1, 1], groups: 2, ..Conv2d::new(4, 3) }))
        .with(Conv2d { dilation: [2, 1], bias: false, ..Conv2d::new(6, 2) })
        .with(AvgPool2d { padding: [1, 0], ..AvgPool2d::new(2) })
        .with(GlobalAveragePool2d {})
        .with(Linear::new(3))
        .with(Activation::Softmax);
    let sequence = Sequential::new()
        .with(MultiHeadAttention::new(2))
        .with(Lstm::all_steps(8))
        .with(LayerNorm::default())
        .with(TransformerBlock::causal(4))
        .with(Lstm::new(5))
        .with(Linear::new(2));
    let decoder =
        models::decoder(models::Decoder { vocabulary: 7, context: 6, width: 8, heads: 2, blocks: 1 });
    vec![
        ("images", any(images, Type::float([1, 2, 9, 8]))),
        ("sequence", any(sequence, Type::float([1, 4, 8]))),
        ("decoder", any(decoder, Type::index([1, 5]))),
    ]
}

/// All files, with what they compute.
fn all() -> BTreeMap<&'static str, (Onnx, Case)> {
    let mut all = BTreeMap::from([
        ("scalar_functions", network_case(&scalar_functions())),
        ("arrays", network_case(&arrays())),
        ("margins", network_case(&margins())),
    ]);
    all.extend(layers().into_iter().map(|(name, network)| (name, network_case(&network))));
    for (name, model, data) in whole_models() {
        let file = onnx::model(&model).unwrap();
        let (input, output) = (raw_inputs(&data), predictions(&model, &data));
        let bytes = matches!(data.schema().inputs, downhill_data::InputSchema::Array { .. });
        let mut shape = vec![data.len()];
        shape.extend(data.input_shape().iter());
        let classes = !data.schema().target.classes().is_empty();
        let case = Case {
            ty: if bytes { "uint8" } else { "float32" }.into(),
            shape,
            input,
            name: if classes { "probabilities" } else { "values" }.into(),
            free: file.batch.is_none(),
            output,
        };
        all.insert(name, (file, case));
    }
    all
}

#[test]
#[ignore = "writes the files that the script then runs"]
fn write_files() {
    let mut cases = BTreeMap::new();
    for (name, (file, case)) in all() {
        fs::write(oracles(&format!("onnx/{name}.onnx")), file.bytes).unwrap();
        cases.insert(name.to_owned(), case);
    }
    let text = serde_json::to_string(&Cases { cases }).unwrap();
    fs::write(oracles("onnx.json"), text.replace("},", "},\n") + "\n").unwrap();
}

#[test]
fn every_file_is_one_that_onnxruntime_has_verified() {
    let verified: Verified =
        serde_json::from_str(&fs::read_to_string(oracles("onnx_verified.json")).unwrap()).unwrap();
    let known: Cases = serde_json::from_str(&fs::read_to_string(oracles("onnx.json")).unwrap()).unwrap();
    let all = all();
    assert!(all.keys().eq(verified.files.keys()), "each file has been verified");
    for (name, (file, case)) in &all {
        let (verified, known) = (&verified.files[*name], &known.cases[*name]);
        assert_eq!(
            crc32fast::hash(&file.bytes),
            verified.crc32,
            "{name} is another file than the verified one"
        );
        assert!(fs::read(oracles(&format!("onnx/{name}.onnx"))).unwrap() == file.bytes, "{name}");
        assert!(verified.largest_difference <= 1e-5, "{name}");
        // What onnxruntime was compared with is what we compute.
        assert_eq!(case.input, known.input, "{name}");
        assert_eq!(case.output.len(), known.output.len(), "{name}");
        for (ours, theirs) in case.output.iter().zip(&known.output) {
            assert!((ours - theirs).abs() <= 1e-5 * theirs.abs().max(1.0), "{name}: {ours} is not {theirs}");
        }
    }
}

#[test]
fn files_have_the_structure_that_onnx_asks_for() {
    for (name, (file, case)) in all() {
        let model = Message::parse(&file.bytes);
        assert_eq!((model.ints(1), model.text(2)), (vec![8], "downhill"), "{name}");
        assert_eq!(model.message(8).ints(2), [17], "{name}: the operator set");
        let graph = model.message(7);
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for input in graph.messages(11) {
            assert!(known.insert(input.text(1)), "{name}");
        }
        for tensor in graph.messages(5) {
            let size: i64 = tensor.ints(1).iter().product();
            let width = match tensor.ints(2)[0] {
                1 => 4,
                7 | 11 => 8,
                9 => 1,
                other => panic!("{name}: element type {other}"),
            };
            assert_eq!(tensor.bytes(9).len() as i64, size * width, "{name}: {}", tensor.text(8));
            assert!(known.insert(tensor.text(8)), "{name}: two constants are called {}", tensor.text(8));
        }
        // Each node reads what is there already, and makes something new.
        for node in graph.messages(1) {
            assert!(node.texts(1).iter().all(|input| known.contains(input)), "{name}: {}", node.text(3));
            assert!(node.texts(2).iter().all(|output| known.insert(output)), "{name}: {}", node.text(3));
        }
        let outputs = graph.messages(12);
        assert_eq!(outputs.iter().map(|output| output.text(1)).collect::<Vec<_>>(), [case.name.as_str()]);
        assert!(known.contains(outputs[0].text(1)), "{name}");
        let first = outputs[0].message(2).message(1).message(2).message(1);
        assert_eq!(first.text(2), if case.free { "batch" } else { "" }, "{name}");
    }
}

#[test]
fn parameters_are_constants_under_their_own_names() {
    let network = any(models::mlp(&[3], 2, Activation::Relu), Type::float([1, 4]));
    let weights = weights::<f32, _>(&network);
    let file = onnx::network(&network, &weights.parameters, &weights.state).unwrap();
    let graph = Message::parse(&file.bytes).message(7);
    let weight = graph.messages(5).into_iter().find(|tensor| tensor.text(8) == "0.weight").unwrap();
    assert_eq!(weight.ints(1), [4, 3]);
    let bytes: Vec<u8> = weights.parameters[..12].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(weight.bytes(9), bytes);
    let operators: Vec<_> = graph.messages(1).iter().map(|node| node.text(4)).collect();
    assert_eq!(operators, ["MatMul", "Add", "Relu", "MatMul", "Add", "Identity"]);
    let node = &graph.messages(1)[2];
    assert!(node.text(3).starts_with("1/Relu"), "{}: a node bears the path of its layer", node.text(3));
}

#[test]
fn names_of_columns_and_classes_are_in_the_metadata() {
    let (_, model, _) = whole_models().into_iter().find(|(name, ..)| *name == "kinds").unwrap();
    let file = onnx::model(&model).unwrap();
    let metadata = Message::parse(&file.bytes).messages(14);
    let entry = |key: &str| metadata.iter().find(|entry| entry.text(1) == key).unwrap().text(2);
    assert_eq!(entry("classes"), r#"["cheap","dear"]"#);
    assert!(entry("columns").contains(r#"{"categories":["blue","green","red"],"name":"colour"}"#));
    assert_eq!(
        file.to_string(),
        "operator set 17, input float32 [batch, 5], probabilities float32 [batch, 2]"
    );
}

#[test]
fn a_network_that_depends_on_the_batch_is_written_for_one_example() {
    let layer = layer_fn(|_, x| x - x.mean_keep(&[0]));
    let network = Network::new(layer, Type::float([4, 3])).unwrap();
    let file = onnx::network(&network, &[], &[]).unwrap();
    assert_eq!(
        (file.batch, file.signature.as_str()),
        (Some(1), "input float32 [1, 3], output float32 [1, 3]")
    );
    assert!(
        file.to_string().ends_with("the batch is fixed at 1, since this network depends on it"),
        "{file}"
    );
}

#[test]
fn operations_without_a_counterpart_are_named_with_their_layer() {
    let slope = layer_fn(|scope, x| scope.layer("odd", &layer_fn(|_, x| x.gelu_slope()), x));
    let noise = layer_fn(|scope, x| scope.within("noise", |scope| x + scope.uniform([3])));
    let spread = layer_fn(|scope, x| {
        let classes = scope.tape().index_constant(Tensor::from([0i64, 1, 0]));
        x.permute(&[1, 0]).scatter_add(classes, 2).permute(&[1, 0])
    });
    fn refused(layer: impl Layer, parts: &[&str]) {
        let network = Network::new(layer, Type::float([1, 3])).unwrap();
        let error = onnx::network(&network, &[], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        for part in parts {
            assert!(error.to_string().contains(part), "'{part}' is missing in: {error}");
        }
    }
    refused(slope, &["the operation `gelu_slope` of layer 'odd' cannot be written as ONNX: "]);
    refused(noise, &["`uniform` of layer 'noise'"]);
    refused(spread, &["`scatter_add` at the top"]);
}

#[test]
fn vectors_of_other_lengths_are_errors() {
    let network = any(models::linear(2), Type::float([1, 4]));
    let error = onnx::network(&network, &[0.0; 3], &[]).unwrap_err();
    assert!(error.to_string().contains("the network has 10 numbers, but 3 were given"), "{error}");
}
