//! The problems on which optimizers walk, with their gradients by formula; the scripts in `oracles` have them too.

use downhill_tensor::ParameterLayout;
use serde::Deserialize;

/// To this the numbers of an oracle must agree, against the larger of them and 1.
pub const TOLERANCE: f64 = 1e-12;

pub fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0)
}

/// The numbers that the scripts take as well.
pub fn wave(count: usize, frequency: f64, size: f64) -> Vec<f64> {
    (1..=count).map(|index| size * (frequency * index as f64).sin()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Two parameters in a curved valley.
    Rosenbrock,
    /// Two inputs, four tanh units, two outputs, and the mean squared error on six examples.
    Network,
}

const EXAMPLES: usize = 6;
const INPUTS: usize = 2;
const HIDDEN: usize = 4;
const OUTPUTS: usize = 2;

impl Problem {
    pub fn layout(self) -> ParameterLayout {
        let mut layout = ParameterLayout::default();
        match self {
            Problem::Rosenbrock => {
                layout.push("point", [2], false).unwrap();
            }
            Problem::Network => {
                layout.push("0.weight", [HIDDEN, INPUTS], false).unwrap();
                layout.push("0.bias", [HIDDEN], false).unwrap();
                layout.push("1.weight", [OUTPUTS, HIDDEN], false).unwrap();
                layout.push("1.bias", [OUTPUTS], false).unwrap();
            }
        }
        layout
    }

    pub fn start(self) -> Vec<f64> {
        match self {
            Problem::Rosenbrock => vec![-1.2, 1.0],
            Problem::Network => wave(22, 1.3, 0.8),
        }
    }

    pub fn gradient(self, parameters: &[f64], gradient: &mut [f64]) {
        match self {
            Problem::Rosenbrock => {
                let (a, b) = (parameters[0], parameters[1]);
                gradient[0] = -2.0 * (1.0 - a) - 400.0 * a * (b - a * a);
                gradient[1] = 200.0 * (b - a * a);
            }
            Problem::Network => {
                network_gradient(parameters, gradient);
            }
        }
    }

    pub fn network_loss(parameters: &[f64]) -> f64 {
        network_gradient(parameters, &mut vec![0.0; parameters.len()])
    }
}

/// Backpropagation, written out; returns the loss.
fn network_gradient(parameters: &[f64], gradient: &mut [f64]) -> f64 {
    let (first, rest) = parameters.split_at(HIDDEN * INPUTS);
    let (first_bias, rest) = rest.split_at(HIDDEN);
    let (second, second_bias) = rest.split_at(OUTPUTS * HIDDEN);
    gradient.fill(0.0);
    let mut loss = 0.0;
    let (to_first, rest) = gradient.split_at_mut(HIDDEN * INPUTS);
    let (to_first_bias, rest) = rest.split_at_mut(HIDDEN);
    let (to_second, to_second_bias) = rest.split_at_mut(OUTPUTS * HIDDEN);
    let inputs = wave(EXAMPLES * INPUTS, 0.7, 1.5);
    let targets = wave(EXAMPLES * OUTPUTS, 2.1, 1.0);
    for (x, target) in inputs.chunks(INPUTS).zip(targets.chunks(OUTPUTS)) {
        let hidden: Vec<f64> = (0..HIDDEN)
            .map(|j| (first[j * INPUTS] * x[0] + first[j * INPUTS + 1] * x[1] + first_bias[j]).tanh())
            .collect();
        let mut to_hidden = [0.0; HIDDEN];
        for k in 0..OUTPUTS {
            let row = &second[k * HIDDEN..][..HIDDEN];
            let output: f64 = row.iter().zip(&hidden).map(|(w, h)| w * h).sum::<f64>() + second_bias[k];
            loss += (output - target[k]).powi(2) / (EXAMPLES * OUTPUTS) as f64;
            let to_output = 2.0 * (output - target[k]) / (EXAMPLES * OUTPUTS) as f64;
            to_second_bias[k] += to_output;
            for j in 0..HIDDEN {
                to_second[k * HIDDEN + j] += to_output * hidden[j];
                to_hidden[j] += to_output * row[j];
            }
        }
        for j in 0..HIDDEN {
            let to_sum = to_hidden[j] * (1.0 - hidden[j] * hidden[j]);
            to_first_bias[j] += to_sum;
            for i in 0..INPUTS {
                to_first[j * INPUTS + i] += to_sum * x[i];
            }
        }
    }
    loss
}
