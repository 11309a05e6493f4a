//! Every layer and its vector-Jacobian products against what PyTorch computed, parameters taken from the file.
use crate::cases::{File, Operand, assert_agree};
use crate::{Number, carry_out};
use downhill_autograd::{Data, Kind, Output, Tape, Type};
use downhill_nn::{AnyLayer, Layer, Mode, Scope};
use downhill_tensor::{Float, ParameterLayout};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    note: String,
    layer: AnyLayer,
    training: bool,
    input: Operand,
    lengths: Option<Operand>,
    memory: Option<Operand>,
    memory_lengths: Option<Operand>,
    #[serde(default)]
    state: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    next_state: BTreeMap<String, Vec<f64>>,
    parameters: BTreeMap<String, Operand>,
    cotangent: Vec<f64>,
    output: Vec<f64>,
    gradients: BTreeMap<String, Vec<f64>>,
}

fn cases() -> Vec<Case> {
    let file: File<Case> = serde_json::from_str(include_str!("../oracles/layers.json")).unwrap();
    file.cases
}

/// The numbers of named parts, one after the other as the layout has them.
fn laid_out<'a>(layout: &ParameterLayout, of: impl Fn(&str) -> &'a [f64]) -> Vec<f64> {
    layout.entries().iter().flat_map(|entry| of(&entry.name).to_vec()).collect()
}

impl Case {
    fn check<T: Number>(&self, tolerance: f64) {
        let what = format!("{:?} {} in {}", self.layer, self.note, std::any::type_name::<T>());
        let tape = Tape::new();
        let scope = Scope::new(&tape, if self.training { Mode::Training } else { Mode::Inference });
        let mut data = Vec::new();
        let mut input = |name: &str, operand: &Operand| {
            data.push(operand.clone());
            scope.input(name, Type { kind: operand.kind(), shape: operand.shape() })
        };
        let x = input("input", &self.input);
        let lengths = self.lengths.as_ref().map(|lengths| input("lengths", lengths));
        let memory = self.memory.as_ref().map(|memory| input("memory", memory));
        let memory_lengths = self.memory_lengths.as_ref().map(|lengths| input("memory_lengths", lengths));
        let output = match (memory, lengths) {
            (Some(memory), _) => self.layer.forward(&scope.with_memory(memory, memory_lengths), x),
            (_, Some(lengths)) => self.layer.forward(&scope.padded(lengths), x),
            _ => self.layer.forward(&scope, x),
        };
        let cotangent = tape.input("cotangent", output.shape());

        let mut wrt = scope.parameters();
        wrt.extend((self.input.kind() == Kind::Float).then_some(x));
        wrt.extend(memory);
        let gradients = tape.vjp(&[(output, cotangent)], &wrt);
        let program = tape.finish(&[
            Output::new("output", &output),
            Output::flat("state", &scope.next_state()),
            Output::flat("gradients", &gradients),
        ]);
        let program = program.unwrap_or_else(|error| panic!("{what}: {error}"));

        // The same parameters, of the same shapes.
        let (layout, state_layout) = (scope.layout(), scope.state_layout());
        let ours: BTreeMap<_, _> =
            layout.entries().iter().map(|entry| (entry.name.clone(), entry.shape.to_vec())).collect();
        let theirs: BTreeMap<_, _> =
            self.parameters.iter().map(|(name, operand)| (name.clone(), operand.shape.clone())).collect();
        assert_eq!(ours, theirs, "{what}");

        let cast = |values: &[f64]| values.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>();
        let theta = cast(&laid_out(&layout, |name| self.parameters[name].float.as_ref().unwrap()));
        let state = cast(&laid_out(&state_layout, |name| &self.state[name]));
        let floats: Vec<Vec<T>> = data.iter().map(|o| cast(o.float.as_deref().unwrap_or(&[]))).collect();
        let cotangent = cast(&self.cotangent);
        let mut inputs = vec![Data::Float(&theta[..]), Data::Float(&state)];
        inputs.extend(data.iter().zip(&floats).map(|(operand, floats)| match &operand.index {
            Some(numbers) => Data::Index(numbers),
            None => Data::Float(&floats[..]),
        }));
        inputs.push(Data::Float(&cotangent));
        let results = carry_out(&program, &inputs).unwrap();
        let [output, state, gradients] =
            [0, 1, 2].map(|i| results[i].to_vec().into_iter().map(Float::to_f64).collect::<Vec<_>>());

        assert_agree(&what, &output, &self.output, tolerance);
        if !self.next_state.is_empty() {
            let expected = laid_out(&state_layout, |name| &self.next_state[name]);
            assert_agree(&format!("state of {what}"), &state, &expected, tolerance);
        }
        let mut expected = laid_out(&layout, |name| &self.gradients[name]);
        expected.extend(["input", "memory"].iter().filter_map(|name| self.gradients.get(*name)).flatten());
        assert_agree(&format!("gradients of {what}"), &gradients, &expected, tolerance);
    }
}

#[test]
fn outputs_and_vector_jacobian_products_are_those_of_pytorch() {
    for case in cases() {
        case.check::<f64>(1e-10);
    }
}

#[test]
fn in_single_precision_they_are_the_same_up_to_rounding() {
    for case in cases() {
        case.check::<f32>(1e-5);
    }
}

#[test]
fn every_layer_has_a_case() {
    let cases = cases();
    for name in AnyLayer::NAMES {
        assert!(cases.iter().any(|case| case.layer.name() == *name), "no case for {name}");
    }
    // The sequence layers with lengths as well.
    for name in ["Lstm", "Gru", "Rnn", "Recurrent", "MultiHeadAttention", "EmbeddingBag"] {
        let found = cases.iter().any(|case| case.layer.name() == name && case.lengths.is_some());
        assert!(found, "no case with lengths for {name}");
    }
    // And what has a state, in training and in inference.
    for name in ["BatchNorm", "SpectralNorm"] {
        for training in [true, false] {
            let of = |case: &&Case| case.layer.name() == name && case.training == training;
            assert!(cases.iter().find(of).is_some_and(|case| !case.next_state.is_empty()), "{name}");
        }
    }
}
