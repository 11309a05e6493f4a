//! A recurrent network that has to remember: the adding problem.
//!
//! A sequence has 200 steps of two numbers. The first is random, between 0 and 1; the second is a mark, 1 at
//! one step of the first half and at one of the second, and else 0. After the last step the network has to
//! say the sum of the two marked numbers. So it has to keep a number over some hundred steps, through all that
//! it had better ignore, and the gradient has to find its way back just as far.
//!
//! Who has understood nothing says 1, the mean, and has a mean squared error of 1/6 = 0.1667: the variance
//! of the sum of two uniform numbers. All networks come to that first, and many stay.
//!
//! The task is from Hochreiter and Schmidhuber, "Long short-term memory", 1997 (section 5.4); in this form,
//! and with this baseline, from Arjovsky, Shah and Bengio, "Unitary evolution recurrent neural networks",
//! 2015 (arXiv:1511.06464).
//!
//! `cargo run --release --example 11_adding_problem`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::engine::Engine;
use downhill::nn::{Linear, Loss, Lstm, Network, Sequential};
use downhill::optim::{Adam, CosineAnnealing, Schedule};
use downhill::tensor::Key;
use downhill::train::{StepOptions, TrainingStep};
use std::error::Error;
use std::time::Instant;

const LENGTH: usize = 200;
const HIDDEN: usize = 64;
const BATCH: usize = 64;
const STEPS: u64 = 2000;
const TEST: usize = 1000;
const SEED: u64 = 1;
const BASELINE: f64 = 1.0 / 6.0;
const PROMISED: f64 = 0.005;

fn main() -> Result<(), Box<dyn Error>> {
    let layers = Sequential::new().with_named("memory", Lstm::new(HIDDEN)).with_named("sum", Linear::new(1));
    let types = |n: usize| (Type::float([n, LENGTH, 2]), Type::float([n, 1]));
    let (sequences, sums) = types(BATCH);
    let network = Network::new(layers, sequences)?;
    println!("{}", network.summary());

    let options = StepOptions {
        optimizer: Adam { learning_rate: 5e-3, ..Adam::default() }.into(),
        // Through two hundred steps back a gradient may come out huge. It is a direction, not a distance.
        clip_norm: Some(1.0),
        seed: SEED,
        ..StepOptions::default()
    };
    let schedule = Schedule::Cosine(CosineAnnealing::over(STEPS));
    let engine =
        Engine::with_threads(std::thread::available_parallelism().map_or(1, |threads| threads.get()));
    let mut step =
        TrainingStep::<f32>::new(&network, sequences, sums, &Loss::MeanSquaredError, options, &engine)?;
    let key = Key::new(SEED);
    let biases = network.layout().get("memory.bias_ih").ok_or("the memory has no biases")?;
    remember_from_the_start(&mut step.parameters_mut()[biases.range()], key.named("memory"));

    // No sequence comes twice: each is made when it is needed, from its key and its number alone. So the loss
    // on a batch that has not been trained on yet is as honest as that on a test set.
    println!(
        "{:>6} {:>20} {:>28} {:>9}",
        "step", "mean squared error", "of that of always saying 1", "seconds"
    );
    let clock = Instant::now();
    let (mut recent, mut batch) = (0.0, Batch::default());
    for number in 1..=STEPS {
        batch.fill(key.named("training").fold(number), BATCH);
        step.set_learning_rate_factor(schedule.factor(number - 1))?;
        recent += f64::from(step.step(&batch.sequences, &batch.sums)?);
        if number % 100 == 0 {
            let (error, seconds) = (recent / 100.0, clock.elapsed().as_secs_f64());
            println!("{number:>6} {error:>20.5} {:>27.2}% {seconds:>9.1}", 100.0 * error / BASELINE);
            recent = 0.0;
        }
    }
    println!("\nEach error is the mean over 100 steps, measured on each batch before it was learned from.");

    batch.fill(key.named("test"), TEST);
    let (sequences, sums) = types(TEST);
    let program = network.evaluation_program(sequences, sums, &Loss::MeanSquaredError)?;
    let (mut error, mut answers) = ([0.0], vec![0.0; TEST]);
    engine.compile::<f32>(&program)?.run(
        &[
            Data::Float(step.parameters()),
            Data::Float(step.state()),
            Data::Float(&batch.sequences),
            Data::Float(&batch.sums),
        ],
        &mut [DataMut::Float(&mut error), DataMut::Float(&mut answers)],
        Key::new(0),
    )?;
    let ones = batch.sums.iter().map(|&sum| f64::from(sum - 1.0).powi(2)).sum::<f64>() / TEST as f64;
    println!(
        "\nOn {TEST} new sequences: {:.5}; always saying 1 has {ones:.5} there. Some of them:\n",
        error[0]
    );
    println!("    {:>7} {:>7}", "sum", "answer");
    for (sum, answer) in batch.sums.iter().zip(&answers).take(5) {
        println!("    {sum:>7.3} {answer:>7.3}");
    }

    if f64::from(error[0]) >= PROMISED {
        return Err(format!("an error of {:.5} is not below the {PROMISED} promised", error[0]).into());
    }
    Ok(())
}

/// Sets the biases of a memory's gates, in the order input, forget, cell, output, so that it forgets slowly.
///
/// At each step a cell keeps the part σ(b) of what it has, b being the bias of its forget gate. With b near 0
/// that is a half: of a number seen a hundred steps ago 2^-100 is left, and as much of the gradient. With
/// b = ln t a cell forgets in about t steps; here t is random between 1 and the length, another for each cell,
/// and what is let in is as much less as more is kept.
///
/// From Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018 (arXiv:1804.11188), section 3.
fn remember_from_the_start(biases: &mut [f32], key: Key) {
    for cell in 0..HIDDEN {
        let time = 1.0 + key.uniform(cell as u64) * (LENGTH - 2) as f32;
        biases[HIDDEN + cell] = time.ln();
        biases[cell] = -time.ln();
    }
}

/// Sequences `[n, LENGTH, 2]` and the sums `[n, 1]` that belong to them.
#[derive(Default)]
struct Batch {
    sequences: Vec<f32>,
    sums: Vec<f32>,
}

impl Batch {
    /// A key is the name of a stream of random numbers, of which any can be asked for. So the same key gives
    /// the same sequences, whatever was drawn before.
    fn fill(&mut self, key: Key, count: usize) {
        self.sequences.resize(count * LENGTH * 2, 0.0);
        self.sums.resize(count, 0.0);
        let sequences = self.sequences.chunks_exact_mut(LENGTH * 2);
        for (number, (sequence, sum)) in sequences.zip(&mut self.sums).enumerate() {
            let key = key.fold(number as u64);
            let (numbers, places) = (key.named("numbers"), key.named("places"));
            for (step, pair) in sequence.chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&[numbers.uniform(step as u64), 0.0]);
            }
            let half = LENGTH / 2;
            *sum = 0.0;
            for which in 0..2 {
                let marked = which * half + (places.uniform(which as u64) * half as f32) as usize;
                sequence[2 * marked + 1] = 1.0;
                *sum += sequence[2 * marked];
            }
        }
    }
}
