//! What the tests of layers share.
#![allow(dead_code, clippy::unwrap_used)]

use downhill_autograd::{Data, Interpreter, Kind, Tolerance, Type, Var, check_gradients};
use downhill_nn::{AnyLayer, Layer, Mode, Network, Scope};
use downhill_tensor::{Key, Tensor};

/// Random numbers around 0, with no two alike.
pub fn random(shape: impl Into<downhill_tensor::Shape>, name: &str) -> Tensor<f64> {
    Tensor::normal(Key::new(3).named(name), shape, 0.0, 1.0).unwrap()
}

/// The parameters of a network, moved away from values such as 0 and 1 at which mistakes hide.
pub fn parameters<L: Layer>(network: &Network<L>) -> Vec<f64> {
    let moved = random([network.parameter_count()], "moved").to_vec();
    network.initialize::<f64>(Key::new(5)).iter().zip(moved).map(|(p, m)| p + 0.3 * m).collect()
}

/// A state with positive numbers, so that they can be variances.
pub fn state<L: Layer>(network: &Network<L>) -> Vec<f64> {
    let moved = random([network.state_layout().len()], "state").to_vec();
    network.initial_state::<f64>().iter().zip(moved).map(|(s, m)| s + 0.3 * m.abs()).collect()
}

/// What a layer makes of an input in inference, with given parameters and state.
pub fn infer<L: Layer>(network: &Network<L>, theta: &[f64], state: &[f64], x: &Tensor<f64>) -> Vec<f64> {
    infer_kind(network, Type::float(x.shape()), theta, state, &x.to_vec(), &[])
}

/// The same for an input of either kind, of which the numbers of the other are not used.
pub fn infer_kind<L: Layer>(
    network: &Network<L>,
    input: Type,
    theta: &[f64],
    state: &[f64],
    floats: &[f64],
    whole: &[i64],
) -> Vec<f64> {
    let program = network.inference_program(input).unwrap();
    let x = match input.kind {
        Kind::Float => Data::Float(floats),
        Kind::Index => Data::Index(whole),
    };
    let data = [Data::Float(theta), Data::Float(state), x];
    Interpreter.outputs(&program, &data, Key::new(0)).unwrap()[0].to_vec()
}

/// Whole numbers from 0 to 2.
pub fn whole(shape: downhill_tensor::Shape) -> Tensor<i64> {
    Tensor::from_fn(shape, |at| (5 * at.iter().sum::<usize>() + at.first().unwrap_or(&0)) as i64 % 3)
}

/// A layer that is told the input backwards as a memory, for those that need one.
#[derive(Clone, Debug)]
pub struct Told(pub AnyLayer);

impl Layer for Told {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match &self.0 {
            AnyLayer::DecoderBlock(block) => block.forward(&scope.with_memory(x.flip(0), None), x),
            layer => layer.forward(scope, x),
        }
    }
}

/// Checks the derivatives of a layer in both modes by its parameters and, for float inputs, by its input.
pub fn check_layer(layer: impl Into<AnyLayer>, input: Type) {
    let layer = Told(layer.into());
    let network = Network::new(&layer, input).unwrap();
    let (theta, state) = (parameters(&network), state(&network));
    let float = input.kind == Kind::Float;
    let mut inputs = Vec::new();
    if float {
        inputs.push(random(input.shape, "input"));
    }
    if !theta.is_empty() {
        inputs.push(Tensor::from(theta));
    }
    for mode in [Mode::Training, Mode::Inference] {
        check_gradients(
            |v| {
                let tape = v[0].tape();
                let x = if float { v[0] } else { tape.index_constant(whole(input.shape)) };
                let theta = v.get(usize::from(float)).copied().unwrap_or_else(|| tape.zeros([0]));
                network.apply(mode, theta, tape.constant(Tensor::from(state.clone())), x)
            },
            &inputs,
            Tolerance::default(),
        )
        .unwrap_or_else(|error| panic!("{layer:?} in {mode:?}: {error}"));
    }
}

/// The text of the error that a layer makes of an input.
pub fn error_of(layer: impl Into<AnyLayer>, input: Type) -> String {
    Network::new(layer.into(), input).unwrap_err().to_string()
}

/// Asserts that two lists of numbers agree to 1e-10.
#[track_caller]
pub fn assert_close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-10 * (1.0 + e.abs()), "element {i}: {a}, expected {e}");
    }
}
