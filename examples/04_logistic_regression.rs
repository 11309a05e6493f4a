//! Yes or no: a model whose answer is a probability, measured on examples that it has not seen.
//!
//! 569 tumours are described by 30 measures of their cell nuclei. Benign or malignant? The model is a
//! weighted sum of the measures, a single linear layer. The sum is called the logit; σ(z) = 1 / (1 + e⁻ᶻ)
//! turns it into a probability between 0 and 1. The loss, binary cross-entropy, is the surprise at the right
//! answer: -log of the probability that was given to it.
//!
//! How good the model is can only be told by examples that it did not learn from. Five-fold cross-validation
//! trains five times, each time with another fifth held out, so that every tumour is judged once by a model
//! that never saw it.
//!
//! `cargo run --release --example 04_logistic_regression`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::data::{InMemory, Preprocessing, embedded};
use downhill::engine::Engine;
use downhill::nn::{Loss, Network, models};
use downhill::optim::{Optimizer, Sgd};
use downhill::tensor::Key;
use std::error::Error;

const STEPS: u64 = 300;

/// What comes of one fold.
struct Fold {
    /// The 30 weights and the bias.
    theta: Vec<f64>,
    /// The last training loss.
    loss: f64,
    /// For each held-out example, whether it was judged rightly.
    right: Vec<bool>,
}

/// Learns from one part and judges the other.
fn train_and_judge(train: &InMemory, held_out: &InMemory) -> Result<Fold, Box<dyn Error>> {
    // The columns have different units: areas around 600, smoothnesses around 0.1. Standardized, each has
    // mean 0 and standard deviation 1, and one learning rate fits all. Mean and deviation come from the
    // training part alone; the held-out part must not have a say in anything.
    let preprocessing = Preprocessing::fit(train, Default::default())?;
    let (train, held_out) = (preprocessing.apply(train)?, preprocessing.apply(held_out)?);
    let (x, labels) = (train.inputs_tensor::<f64>()?.to_vec(), train.labels().ok_or("no classes")?);

    // The network is a value. Recording it on the shape of its input finds the parameters: 30 weights and a
    // bias, one flat vector θ of 31 numbers.
    let input = Type::float([train.len(), 30]);
    let network = Network::new(models::linear(1), input)?;
    let mut theta: Vec<f64> = network.initialize(Key::new(1));

    // One step as a program: θ and the examples in, the loss and its gradient out. The engine compiles it.
    let program = network.training_program(input, Type::index([train.len()]), &Loss::BinaryCrossEntropy)?;
    let mut step = Engine::default().compile::<f64>(&program)?;

    let mut optimizer = Optimizer::new(Sgd { learning_rate: 0.1, momentum: 0.9, ..Sgd::default() }, 31)?;
    let (mut loss, mut gradient, mut logits) = ([0.0], vec![0.0; 31], vec![0.0; train.len()]);
    for number in 0..STEPS {
        // This network carries no state from step to step, so that input and that output are empty.
        step.run(
            &[Data::Float(&theta), Data::Float(&[]), Data::Float(&x), Data::Index(&labels)],
            &mut [
                DataMut::Float(&mut loss),
                DataMut::Float(&mut gradient),
                DataMut::Float(&mut []),
                DataMut::Float(&mut logits),
            ],
            Key::new(1).fold(number),
        )?;
        optimizer.step(&mut theta, &gradient)?;
    }

    // Use: another program of the same network, without loss and gradient, for as many examples as there are.
    let program = network.inference_program(Type::float([held_out.len(), 30]))?;
    let mut judge = Engine::default().compile::<f64>(&program)?;
    let (x, labels) = (held_out.inputs_tensor::<f64>()?.to_vec(), held_out.labels().ok_or("no classes")?);
    let mut logits = vec![0.0; held_out.len()];
    judge.run(
        &[Data::Float(&theta), Data::Float(&[]), Data::Float(&x)],
        &mut [DataMut::Float(&mut logits)],
        Key::new(1),
    )?;
    // A positive logit is a probability above one half for class 1.
    let right = logits.iter().zip(&labels).map(|(&z, &label)| (z > 0.0) == (label == 1)).collect();
    Ok(Fold { theta, loss: loss[0], right })
}

fn main() -> Result<(), Box<dyn Error>> {
    let tumours = embedded::load("breast_cancer")?;
    let (classes, counts) = (tumours.class_names(), tumours.class_counts());
    println!("{} tumours: {} {}, {} {}\n", tumours.len(), counts[0], classes[0], counts[1], classes[1]);
    let baseline = counts.iter().copied().max().unwrap_or(0) as f64 / tumours.len() as f64;

    println!("{:>4} {:>8} {:>9} {:>14} {:>10}", "fold", "learned", "held out", "training loss", "accuracy");
    let mut judged = Vec::new();
    let mut weights = vec![0.0; 30];
    for (fold, (train, held_out)) in tumours.k_fold(5, 42)?.iter().enumerate() {
        let Fold { theta, loss, right } = train_and_judge(train, held_out)?;
        let accuracy = share(&right);
        println!(
            "{:>4} {:>8} {:>9} {loss:>14.4} {:>9.2}%",
            fold + 1,
            train.len(),
            held_out.len(),
            100.0 * accuracy
        );
        judged.extend(right);
        weights.iter_mut().zip(&theta).for_each(|(sum, weight)| *sum += weight / 5.0);
    }
    let accuracy = share(&judged);
    println!(
        "\nOf all {} tumours, {} were judged rightly: {:.2}%. Always saying \"{}\" would reach {:.2}%.",
        judged.len(),
        judged.iter().filter(|&&right| right).count(),
        100.0 * accuracy,
        if counts[0] > counts[1] { &classes[0] } else { &classes[1] },
        100.0 * baseline,
    );

    // A linear model can be read. On standardized columns, a weight is what one standard deviation more of
    // that measure does to the logit: above zero it speaks for class 1, below for class 0.
    println!("\nThe measures that weigh most (mean of the five models, toward \"{}\"):\n", classes[1]);
    let names = tumours.schema().inputs.names();
    let mut order: Vec<usize> = (0..30).collect();
    order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()));
    for &column in &order[..5] {
        println!("{:>28} {:>8.3}", names[column], weights[column]);
    }

    if accuracy < 0.96 {
        return Err(format!("{:.2}% is less than the 96% promised", 100.0 * accuracy).into());
    }
    Ok(())
}

/// The share of those that are true.
fn share(flags: &[bool]) -> f64 {
    flags.iter().filter(|&&flag| flag).count() as f64 / flags.len() as f64
}
