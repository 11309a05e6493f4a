//! Models with weights that are formulas, so that what is exported of them is the same on any machine.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(dead_code, reason = "each test uses its part")]

use downhill_autograd::{Kind, Precision, Type};
use downhill_data::{BatchSize, CsvOptions, InMemory, csv, embedded};
use downhill_nn::{
    Activation, AnyLayer, AvgPool2d, BatchNorm, Conv2d, Dropout, Flatten, Layer, LayerNorm, Linear, Loss,
    MaxPool2d, Network, Residual, Sequential, models,
};
use downhill_tensor::{Key, safetensors};
use downhill_train::state_dict::{Weights, to_tensors};
use downhill_train::{Model, TrainConfig, Trainer};

/// Numbers for a network: parameters around 0, state above.
pub fn weights<T: Precision, L: Layer>(network: &Network<L>) -> Weights<T> {
    let mut weights = Weights {
        parameters: vec![T::ZERO; network.parameter_count()],
        state: vec![T::ZERO; network.state_layout().len()],
    };
    for entry in network.layout().entries() {
        let numbers = &mut weights.parameters[entry.range()];
        Key::new(3).named(&entry.name).fill_uniform(0, numbers);
        // So that outputs depend on inputs, by divisors of which all machines have the bits.
        let scale = match entry.shape.dims() {
            [_] => 1.0,
            [inputs, _] => 6.0 / f64::from(1u32 << (inputs.ilog2() / 2)),
            window => 6.0 / f64::from(1u32 << (window[1..].iter().product::<usize>().ilog2() / 2)),
        };
        let scale = T::from_f64(scale);
        numbers.iter_mut().for_each(|x| *x = (*x - T::from_f64(0.5)) * scale);
    }
    Key::new(4).fill_uniform(0, &mut weights.state);
    weights.state.iter_mut().for_each(|x| *x += T::from_f64(0.5));
    weights
}

/// The type of an input of this many examples.
pub fn input(network: &Network<impl Layer>, examples: usize) -> Type {
    let Type { kind, shape } = network.input();
    Type { kind, shape: shape.with(0, examples).unwrap() }
}

/// Examples for a network: numbers in -2 to 2, or whole numbers below 7.
pub fn examples(network: &Network<impl Layer>, examples: usize) -> Vec<f64> {
    let ty = input(network, examples);
    let mut numbers = vec![0.0f64; ty.shape.size()];
    Key::new(5).fill_uniform(0, &mut numbers);
    let whole = ty.kind == Kind::Index;
    numbers.iter_mut().for_each(|x| *x = if whole { (*x * 7.0).floor() } else { 4.0 * *x - 2.0 });
    numbers
}

/// A model of this network for this data.
fn model(layers: Sequential, data: &InMemory, loss: Loss) -> Model {
    let config = TrainConfig { epochs: 1, loss, batch_size: BatchSize::Full, ..TrainConfig::default() };
    let mut model = Trainer::new(layers, config).unwrap().fit(data, None).unwrap().model;
    let Weights { parameters, state } = weights::<f32, _>(model.network());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let tensors = to_tensors(model.network(), &parameters, &state).unwrap();
    safetensors::write(&path, &tensors, &[]).unwrap();
    model.read_weights(&path).unwrap();
    assert_eq!((model.parameters(), model.state()), (&parameters[..], &state[..]));
    model
}

/// A table of numbers and categories, in which a mean is large beside its deviation.
fn table(target: &str) -> InMemory {
    let mut text = String::from("year,colour,width,shape,price,kind\n");
    for row in 0..40u32 {
        let (colour, shape) =
            (["red", "green", "blue"][row as usize % 3], ["round", "long"][row as usize / 20]);
        let kind = ["cheap", "dear"][usize::from(row % 5 > 2)];
        text += &format!("{},{colour},{}.25,{shape},{},{kind}\n", 1990 + row, row * row % 17, 300 + 7 * row);
    }
    csv::read_bytes(text.as_bytes(), "table".as_ref(), &CsvOptions::new(target)).unwrap()
}

/// Trained models of all kinds of data, losses and layers that every format of a whole model can express, with
/// the data to predict for.
pub fn whole_models() -> Vec<(&'static str, Model, InMemory)> {
    let perceptron = |outputs, activation| models::mlp(&[9, 7], outputs, activation);
    let normal = Sequential::new()
        .with(Linear::new(6))
        .with(BatchNorm::default())
        .with(Activation::Silu)
        .with(Residual::new(Sequential::new().with(Activation::Tanh).with_named("wide", Linear::new(6))))
        .with(LayerNorm::default())
        .with(Dropout::new(0.5))
        .with(Linear { bias: false, ..Linear::new(1) });
    let convolutional = Sequential::new()
        .with(Conv2d { padding: [1, 1], ..Conv2d::new(4, 3) })
        .with(BatchNorm { affine: false, ..BatchNorm::default() })
        .with(Activation::LeakyRelu { negative_slope: 0.1 })
        .with(MaxPool2d { padding: [1, 1], ..MaxPool2d::new(2) })
        .with(Conv2d { groups: 2, dilation: [1, 2], bias: false, ..Conv2d::new(6, 2) })
        .with(AvgPool2d { stride: [1, 1], padding: [1, 1], ..AvgPool2d::new(2) })
        .with(Activation::Gelu)
        .with(Flatten {})
        .with(Linear::new(10));
    let squared = perceptron(3, Activation::Sigmoid).with(Activation::Sigmoid);
    let (iris, digits) = (embedded::load("iris").unwrap(), embedded::load("digits").unwrap());
    let digits = digits.subset(&(0..60).collect::<Vec<_>>()).unwrap();
    let (prices, kinds) = (table("price"), table("kind"));
    [
        ("iris", perceptron(3, Activation::Relu), iris.clone(), Loss::CrossEntropy),
        ("squared", squared, iris, Loss::MeanSquaredError),
        ("prices", normal, prices, Loss::MeanSquaredError),
        ("kinds", perceptron(1, Activation::Tanh), kinds.clone(), Loss::BinaryCrossEntropy),
        ("hinge", perceptron(1, Activation::Relu), kinds, Loss::Hinge),
        ("digits", convolutional, digits, Loss::CrossEntropy),
    ]
    .map(|(name, layers, data, loss)| {
        let few = data.subset(&[0, 17, 19, 23, 38]).unwrap();
        (name, model(layers, &data, loss), few)
    })
    .into()
}

/// The inputs as they come from the source: codes of categories, and bytes.
pub fn raw_inputs(data: &InMemory) -> Vec<f32> {
    let bytes = match data.schema().inputs {
        downhill_data::InputSchema::Array { maximum: Some(maximum), .. } => f64::from(maximum),
        _ => 1.0,
    };
    let rows = (0..data.len()).flat_map(|row| data.input(row).unwrap());
    // Bytes were divided by their maximum, and are whole.
    rows.map(|x| if bytes == 1.0 { x as f32 } else { (x * bytes).round() as f32 }).collect()
}

/// What a model says of examples, row by row.
pub fn predictions(model: &Model, data: &InMemory) -> Vec<f64> {
    let predictions = model.predict(data).unwrap();
    (0..data.len()).flat_map(|row| predictions.row(row).to_vec()).collect()
}

/// A network as the register has it.
pub fn any(layers: Sequential, input: Type) -> Network<AnyLayer> {
    Network::new(layers.into(), input).unwrap()
}
