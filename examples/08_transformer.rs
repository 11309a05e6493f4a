//! A small transformer that learns to add.
//!
//! The text `47+85=` has to be continued by the sum. The network reads the text so far, one token a
//! character, and gives a logit for each token that could come next: the same kind of network, trained in the
//! same way, as the large ones that continue sentences. Nobody tells it what a digit or a carry is. Of the
//! 10,000 additions of two numbers below 100 a tenth is held out. Those it has to answer by having
//! understood.
//!
//! The sum is written units first, `47+85=231` for 132, as one adds on paper: then each digit depends on two
//! digits of the question and the carry from the digit just written.
//!
//! `cargo run --release --example 08_transformer`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type, Var};
use downhill::engine::{Engine, Plan};
use downhill::nn::losses::cross_entropy;
use downhill::nn::metrics::predicted_classes;
use downhill::nn::{Init, Layer, LayerNorm, Linear, MultiHeadAttention, Network, Scope, loss_fn};
use downhill::optim::{AdamW, CosineAnnealing, Optimizer, Schedule, WarmUp, clip_global_norm};
use downhill::tensor::{Key, Tensor};
use std::error::Error;
use std::time::Instant;

const ALPHABET: &[u8] = b"0123456789+=";
const QUESTION: usize = "47+85=".len();
const ANSWER: usize = "231".len();
/// The last digit of the answer is never read, only predicted.
const LENGTH: usize = QUESTION + ANSWER - 1;
const BATCH: usize = 64;
const STEPS: u64 = 1000;
const SEED: u64 = 1;

/// A block of a decoder: first every position looks at itself and those before it and fetches what it needs
/// (attention), then it thinks about what it has (a network of two layers). Both add to what is there, so
/// that the gradient finds a straight way through, and both see it normalized.
///
/// `TransformerBlock` is the same, ready made; here it is written out as a layer of one's own.
struct Block {
    heads: usize,
}

impl Layer for Block {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let width = x.dim(-1);
        let seen = scope.layer("norm_1", &LayerNorm::default(), x);
        let x = x + scope.layer("attention", &MultiHeadAttention::causal(self.heads), seen);
        let seen = scope.layer("norm_2", &LayerNorm::default(), x);
        let hidden = scope.layer("expand", &Linear::new(4 * width), seen).gelu();
        x + scope.layer("contract", &Linear::new(width), hidden)
    }
}

/// Tokens `[n, length]` to the logits of the token that follows each, `[n, length, alphabet]`.
struct Decoder {
    width: usize,
    heads: usize,
    blocks: usize,
}

impl Layer for Decoder {
    fn forward<'t>(&self, scope: &Scope<'t>, tokens: Var<'t>) -> Var<'t> {
        let length = tokens.dim(-1);
        // A token is a name, not a number. Each has a learned vector: a row of a table. And since attention
        // sees a set and not a sequence, each position has one too. (`Embedding` and `PositionEmbedding` are
        // the same with starts of their own. Small ones leave room for what the blocks add.)
        let start = Init::normal(0.2);
        let table = scope.sparse_param("tokens", [ALPHABET.len(), self.width], start);
        let x = table.gather(tokens) + scope.param("positions", [length, self.width], start);
        let x = (0..self.blocks)
            .fold(x, |x, block| scope.layer(&format!("block_{block}"), &Block { heads: self.heads }, x));
        let x = scope.layer("norm", &LayerNorm::default(), x);
        scope.layer("logits", &Linear::new(ALPHABET.len()), x)
    }
}

/// `47+85=231` as tokens.
fn addition(a: i64, b: i64) -> Vec<i64> {
    let sum = a + b;
    let text = format!("{a:02}+{b:02}={}{}{}", sum % 10, sum / 10 % 10, sum / 100);
    text.bytes()
        .filter_map(|byte| ALPHABET.iter().position(|&c| c == byte))
        .map(|token| token as i64)
        .collect()
}

fn text(tokens: &[i64]) -> String {
    tokens.iter().map(|&token| char::from(ALPHABET[token as usize])).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    // All pairs of numbers in a random order; a tenth is held out. A pair goes the same way in both its
    // orders, since who has seen 85+47 knows 47+85.
    let key = Key::new(SEED);
    let pairs: Vec<(i64, i64)> = (0..100).flat_map(|a| (a..100).map(move |b| (a, b))).collect();
    let (mut held_out, mut train) = (Vec::new(), Vec::new());
    for (place, pair) in Tensor::permutation(key.named("split"), pairs.len()).iter().enumerate() {
        let (a, b) = pairs[pair as usize];
        let part = if place < pairs.len() / 10 { &mut held_out } else { &mut train };
        part.push(addition(a, b));
        if a != b {
            part.push(addition(b, a));
        }
    }
    println!("{} additions to learn from, {} held out\n", train.len(), held_out.len());

    let tokens_of = |n: usize| Type::index([n, LENGTH]);
    let decoder = Decoder { width: 48, heads: 4, blocks: 2 };
    let network = Network::new(decoder, tokens_of(BATCH))?;
    println!("{}", network.summary());

    // Every position predicts what follows, but only what follows the `=` can be known. So the loss is that of
    // the last three positions.
    let loss = loss_fn(|logits, answers| cross_entropy(logits.slice(1, QUESTION - 1..), answers));
    let program = network.training_program(tokens_of(BATCH), Type::index([BATCH, ANSWER]), &loss)?;
    let mut step = Engine::default().compile::<f32>(&program)?;
    let mut theta: Vec<f32> = network.initialize(key.named("parameters"));

    // Transformers like small steps at the beginning, and settle when the steps get small again at the end.
    let rule = AdamW { learning_rate: 4e-3, beta2: 0.98, weight_decay: 0.1, ..AdamW::default() };
    let schedule = Schedule::WarmUp(WarmUp::over(100, Schedule::Cosine(CosineAnnealing::over(STEPS - 100))));
    let mut optimizer = Optimizer::new(rule, theta.len())?;
    let (mut loss, mut gradient) = ([0.0], vec![0.0; theta.len()]);
    let mut logits = vec![0.0; BATCH * LENGTH * ALPHABET.len()];

    println!("{:>6} {:>9} {:>22}", "step", "loss", "held-out sums right");
    let start = Instant::now();
    let mut solver = Solver::new(&network, held_out.len())?;
    let mut right = 0.0;
    let mut epoch: Vec<i64> = Vec::new();
    for number in 0..STEPS {
        // The next batch, in an order that is new each time all have been seen.
        if epoch.len() < BATCH {
            epoch = Tensor::permutation(key.named("shuffle").fold(number), train.len()).to_vec();
        }
        let (mut tokens, mut answers) = (Vec::new(), Vec::new());
        for example in epoch.drain(..BATCH) {
            let example = &train[example as usize];
            tokens.extend(&example[..LENGTH]);
            answers.extend(&example[QUESTION..]);
        }
        step.run(
            &[Data::Float(&theta), Data::Float(&[]), Data::Index(&tokens), Data::Index(&answers)],
            &mut [
                DataMut::Float(&mut loss),
                DataMut::Float(&mut gradient),
                DataMut::Float(&mut []),
                DataMut::Float(&mut logits),
            ],
            key.named("step").fold(number),
        )?;
        clip_global_norm(&mut gradient, 1.0)?;
        optimizer.step_scaled(&mut theta, &gradient, schedule.factor(number))?;

        if (number + 1) % 100 == 0 {
            // Right is an answer of which all three digits are.
            let answers = solver.answers(&theta, &held_out)?;
            let is_right = |(answer, example): &(&Vec<i64>, &Vec<i64>)| answer[..] == example[QUESTION..];
            right = answers.iter().zip(&held_out).filter(is_right).count() as f64 / held_out.len() as f64;
            println!("{:>6} {:>9.4} {:>21.1}%", number + 1, loss[0], 100.0 * right);
        }
    }
    println!(
        "\nTrained in {:.1} s. A few of the held-out sums, written by the network:\n",
        start.elapsed().as_secs_f64()
    );
    for (answer, example) in solver.answers(&theta, &held_out)?.iter().zip(&held_out).take(5) {
        let sum: String = text(answer).chars().rev().collect();
        println!("    {}{sum}", text(&example[..QUESTION]));
    }

    if right < 0.99 {
        return Err(
            format!("{:.1}% of the held-out sums are less than the 99% promised", 100.0 * right).into()
        );
    }
    Ok(())
}

/// Answers questions, one character after the other, each chosen by reading what is there so far.
struct Solver {
    plan: Plan<f32>,
    logits: Vec<f32>,
}

impl Solver {
    /// For so many questions at once.
    fn new(network: &Network<Decoder>, questions: usize) -> Result<Self, Box<dyn Error>> {
        let program = network.inference_program(Type::index([questions, LENGTH]))?;
        let logits = vec![0.0; questions * LENGTH * ALPHABET.len()];
        Ok(Solver { plan: Engine::default().compile(&program)?, logits })
    }

    /// What the network answers to the questions of these examples.
    fn answers(&mut self, theta: &[f32], examples: &[Vec<i64>]) -> Result<Vec<Vec<i64>>, Box<dyn Error>> {
        let mut answers = vec![Vec::new(); examples.len()];
        for written in 0..ANSWER {
            // What is not written yet is filled with zeros: no position looks at what comes after it.
            let mut tokens = Vec::new();
            for (example, answer) in examples.iter().zip(&answers) {
                let mut text = [&example[..QUESTION], answer].concat();
                text.resize(LENGTH, 0);
                tokens.extend(text);
            }
            let inputs = [Data::Float(theta), Data::Float(&[]), Data::Index(&tokens)];
            self.plan.run(&inputs, &mut [DataMut::Float(&mut self.logits)], Key::new(0))?;

            // The logits of each example at the last character that it has.
            let position = QUESTION - 1 + written;
            let examples = self.logits.chunks_exact(LENGTH * ALPHABET.len());
            for (answer, logits) in answers.iter_mut().zip(examples) {
                let logits = &logits[position * ALPHABET.len()..][..ALPHABET.len()];
                answer.push(predicted_classes(logits, ALPHABET.len())?[0] as i64);
            }
        }
        Ok(answers)
    }
}
