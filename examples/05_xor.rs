//! Why one layer is not enough, and how the gradient gets through two.
//!
//! XOR is 1 where exactly one of two inputs is 1. No straight line parts those two corners of the square from
//! the other two, so a linear model, whose decision is a straight line, cannot learn it however long it walks
//! downhill. One hidden layer with a curved function in it can: its units bend the plane first.
//!
//! The second half of this example follows one example through the trained network, forward and backward,
//! and redoes by hand what the tape did. This is backpropagation, with its numbers.
//!
//! `cargo run --release --example 05_xor`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, Interpreter, Output, Tape, Type};
use downhill::nn::{Activation, Loss, Network, Sequential, models};
use downhill::optim::{GradientDescent, Optimizer};
use downhill::tensor::Key;
use std::error::Error;

const CORNERS: [f64; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const XOR: [i64; 4] = [0, 1, 1, 0];
const HIDDEN: usize = 8;

/// Trains a network on the four corners by gradient descent. Returns θ, and how many corners are right.
fn train(title: &str, layers: Sequential) -> Result<(Vec<f64>, usize), Box<dyn Error>> {
    let input = Type::float([4, 2]);
    let network = Network::new(layers, input)?;
    let program = network.training_program(input, Type::index([4]), &Loss::BinaryCrossEntropy)?;
    let mut theta: Vec<f64> = network.initialize(Key::new(1));
    let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.5 }, theta.len())?;

    println!("{title}, {} parameters", theta.len());
    println!("{:>6} {:>8}   probability of 1 at (0,0) (0,1) (1,0) (1,1)", "step", "loss");
    let mut right = 0;
    for step in 0..=1000 {
        let data = [Data::Float(&theta), Data::Float(&[]), Data::Float(&CORNERS), Data::Index(&XOR)];
        let results = Interpreter.outputs(&program, &data, Key::new(0))?;
        let [loss, gradient, _, logits] = &results[..] else { return Err("four outputs expected".into()) };
        if [0, 10, 100, 1000].contains(&step) {
            let probabilities: Vec<String> = logits.iter().map(|z| format!("{:>5.3}", sigmoid(z))).collect();
            println!("{step:>6} {:>8.4}   {}", loss.item()?, probabilities.join(" "));
        }
        // Exactly one half is no answer. The linear model ends there: at 0.500 everywhere.
        let is_right = |(z, label): (f64, i64)| (sigmoid(z) - 0.5).abs() > 0.01 && (z > 0.0) == (label == 1);
        right = logits.iter().zip(XOR).filter(|&corner| is_right(corner)).count();
        optimizer.step(&mut theta, &gradient.to_vec())?;
    }
    println!("       {right} of 4 corners right\n");
    Ok((theta, right))
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (_, linear) = train("One linear layer", models::linear(1))?;
    println!(
        "It has found the lowest loss that it can reach, ln 2 = 0.6931: that of saying one half to all. No"
    );
    println!("line gets more than 3 of the 4 right, and being sure of those costs more at the fourth.\n");
    let (theta, network) =
        train("A hidden layer of 8 units with tanh", models::mlp(&[HIDDEN], 1, Activation::Tanh))?;

    // θ is one flat vector: weights and biases of the first layer, then of the second, in the order in which
    // the forward pass uses them. Weight [i, j] leads from input i to unit j.
    let (w1, rest) = theta.split_at(2 * HIDDEN);
    let (b1, rest) = rest.split_at(HIDDEN);
    let (w2, b2) = rest.split_at(HIDDEN);

    // The same network written out on a tape, for one example, (1, 0) with the answer 1. So each value in the
    // middle has a name, and the gradient can be asked for at each.
    let (x, answer) = ([1.0, 0.0], 1.0);
    let tape = Tape::new();
    let [input, w1_, b1_, w2_, b2_] = [
        tape.input("x", [1, 2]),
        tape.input("w1", [2, HIDDEN]),
        tape.input("b1", [HIDDEN]),
        tape.input("w2", [HIDDEN, 1]),
        tape.input("b2", [1]),
    ];
    let sum = input.matmul(w1_) + b1_;
    let hidden = sum.tanh();
    let logit = hidden.matmul(w2_) + b2_;
    let loss = (logit.softplus() - logit * answer).sum();
    let slopes = tape.grad(loss, &[logit, hidden, sum, w1_, w2_]);
    let values = [sum, hidden, logit, loss];
    let outputs: Vec<Output> = values.iter().chain(&slopes).map(|var| Output::new("value", var)).collect();
    let program = tape.finish(&outputs)?;
    let data = [&x[..], w1, b1, w2, b2].map(Data::Float);
    let by_tape = Interpreter.outputs(&program, &data, Key::new(0))?;
    let by_tape: Vec<Vec<f64>> = by_tape.iter().map(|tensor| tensor.to_vec()).collect();

    // By hand, forward: each layer needs what the one before it has found.
    let sum: Vec<f64> = (0..HIDDEN).map(|j| x[0] * w1[j] + x[1] * w1[HIDDEN + j] + b1[j]).collect();
    let hidden: Vec<f64> = sum.iter().map(|s| s.tanh()).collect();
    let logit = hidden.iter().zip(w2).map(|(h, w)| h * w).sum::<f64>() + b2[0];
    let loss = -sigmoid(logit).ln();

    // By hand, backward: each layer needs the slope that the one behind it has found. The chain rule says to
    // multiply by one's own slope and hand it on.
    let d_logit = sigmoid(logit) - answer; //                                  the loss
    let d_w2: Vec<f64> = hidden.iter().map(|h| d_logit * h).collect(); //      logit = Σ hidden w2 + b2
    let d_hidden: Vec<f64> = w2.iter().map(|w| d_logit * w).collect();
    let d_sum: Vec<f64> = (0..HIDDEN).map(|j| d_hidden[j] * (1.0 - hidden[j].powi(2))).collect(); // tanh
    let d_w1: Vec<f64> = x.iter().flat_map(|x| d_sum.iter().map(move |d| x * d)).collect(); // sum = x w1 + b1

    println!(
        "The example (1, 0), forward: logit {logit:.4}, probability {:.4}, loss {loss:.6}",
        sigmoid(logit)
    );
    println!(
        "and backward: the slope of the loss by the logit is probability - 1 = {d_logit:.6}. By unit:\n"
    );
    println!("           forward              backward: the slope of the loss by each, x 1000");
    println!(
        "{:>4} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9} {:>9}",
        "unit", "sum", "tanh", "w2", "tanh", "sum", "w1 [0,j]", "w1 [1,j]"
    );
    for j in 0..HIDDEN {
        println!(
            "{j:>4} {:>9.4} {:>9.4}   {:>9.4} {:>9.4} {:>9.4} {:>9.4} {:>9.4}",
            sum[j],
            hidden[j],
            1e3 * d_w2[j],
            1e3 * d_hidden[j],
            1e3 * d_sum[j],
            1e3 * d_w1[j],
            // Without the sign of a zero.
            1e3 * d_w1[HIDDEN + j] + 0.0,
        );
    }
    println!(
        "\nWhere tanh is near 1 or -1 it is flat, and little of the slope gets through. The weights from the"
    );
    println!(
        "second input get none at all from this example: that input is 0 and had no part in the answer."
    );

    let by_hand = [sum, hidden, vec![logit], vec![loss], vec![d_logit], d_hidden, d_sum, d_w1, d_w2];
    let apart = by_hand
        .iter()
        .flatten()
        .zip(by_tape.iter().flatten())
        .fold(0.0_f64, |apart, (hand, tape)| apart.max((hand - tape).abs()));
    println!("All these numbers agree with those of the tape: the largest difference is {apart:.1e}.");

    if linear > 3 || network < 4 || apart > 1e-12 {
        return Err("XOR was not learned as promised".into());
    }
    Ok(())
}
