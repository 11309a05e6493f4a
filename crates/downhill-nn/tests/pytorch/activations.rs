//! Every activation and its derivative against what PyTorch computed, where its pieces meet and far out as well.
use crate::cases::{File, Operand, assert_agree, value_and_gradients};
use downhill_nn::Activation;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    activation: Activation,
    input: Operand,
    cotangent: Vec<f64>,
    value: Vec<f64>,
    gradient: Vec<f64>,
}

fn cases() -> Vec<Case> {
    let file: File<Case> = serde_json::from_str(include_str!("../oracles/activations.json")).unwrap();
    file.cases
}

#[test]
fn values_and_derivatives_are_those_of_pytorch() {
    for Case { activation, input, cotangent, value, gradient } in cases() {
        let operands = [input];
        let double = value_and_gradients::<f64>(&operands, &[0], &cotangent, |x| activation.apply(x[0]));
        let single = value_and_gradients::<f32>(&operands, &[0], &cotangent, |x| activation.apply(x[0]));
        for ((ours, slopes), tolerance) in [(double, 1e-12), (single, 1e-5)] {
            assert_agree(&format!("{activation:?}"), &ours, &value, tolerance);
            assert_agree(&format!("derivative of {activation:?}"), &slopes[0], &gradient, tolerance);
        }
    }
}

#[test]
fn every_activation_has_a_case() {
    let cases = cases();
    for activation in Activation::ALL {
        let found = cases.iter().any(|case| case.activation.name() == activation.name());
        assert!(found, "no case for {activation:?}");
    }
}

#[test]
fn in_single_precision_all_are_finite_with_finite_derivatives_at_ten_thousand() {
    let far = Operand { shape: vec![2, 2], float: Some(vec![1e4, -1e4, -1e4, 1e4]), index: None };
    for activation in Activation::ALL {
        let count = if activation.is_elementwise() || activation.name().contains("softmax") { 4 } else { 2 };
        let (value, slopes) =
            value_and_gradients::<f32>(std::slice::from_ref(&far), &[0], &vec![1.0; count], |x| {
                activation.apply(x[0])
            });
        assert!(
            value.iter().chain(&slopes[0]).all(|x| x.is_finite()),
            "{activation:?}: {value:?} {slopes:?}"
        );
    }
}
