//! A transformer that learns to write, one character after the other.
//!
//! It reads 390 KB of the King James Version and learns one thing only: which character comes next. Words,
//! names, and who speaks to whom are there because they help with that. The measure is the surprise at each
//! next character in nats, `-ln p`. Who knows nothing has ln 61 = 4.11; who knows how frequent each character
//! is, 3.03; and who knows that for what follows each, 2.23. A tenth of the text, the end of the second book
//! of Samuel, is never trained on.
//!
//! At the end the network writes: it draws the next character with the probabilities that it gives, appends
//! it, and reads on. The temperature sharpens (below 1) or flattens (above 1) these probabilities first.
//!
//! The text is in the public domain: see `data/README.md`.
//!
//! `cargo run --release --example 10_character_transformer`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type, Var};
use downhill::engine::{Engine, Plan};
use downhill::nn::{Init, Layer, LayerNorm, Linear, Loss, Network, Scope, TransformerBlock};
use downhill::optim::{AdamW, CosineAnnealing, ParameterGroup, Schedule, WarmUp};
use downhill::tensor::Key;
use downhill::train::{StepOptions, TrainingStep};
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Instant;

const TEXT: &str = include_str!("data/king_james_version.txt");
/// How many characters the network sees at once.
const LENGTH: usize = 128;
const BATCH: usize = 32;
const STEPS: u64 = 1000;
const SEED: u64 = 1;
const PROMISED: f64 = 1.6;

/// Characters `[n, length]` to the logits of the character that follows each, `[n, length, vocabulary]`.
struct Decoder {
    vocabulary: usize,
    width: usize,
    heads: usize,
    blocks: usize,
}

impl Layer for Decoder {
    fn forward<'t>(&self, scope: &Scope<'t>, characters: Var<'t>) -> Var<'t> {
        // What stands there and where it stands weigh the same from the start: attention has to find the
        // character before, and the one before that, first of all.
        let start = Init::normal(0.2);
        let table = scope.sparse_param("characters", [self.vocabulary, self.width], start);
        let x = table.gather(characters) + scope.param("positions", [characters.dim(-1), self.width], start);
        // The block of 08_transformer, ready made.
        let block = TransformerBlock::causal(self.heads);
        let x = (0..self.blocks).fold(x, |x, number| scope.layer(&format!("block_{number}"), &block, x));
        let x = scope.layer("norm", &LayerNorm::default(), x);
        scope.layer("logits", &Linear::new(self.vocabulary), x)
    }
}

/// The characters that occur, each with a number.
struct Alphabet(Vec<char>);

impl Alphabet {
    fn of(text: &str) -> Self {
        Alphabet(text.chars().collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn numbers(&self, text: &str) -> Vec<i64> {
        text.chars().filter_map(|c| self.0.binary_search(&c).ok()).map(|number| number as i64).collect()
    }

    fn text(&self, numbers: &[i64]) -> String {
        numbers.iter().map(|&number| self.0[number as usize]).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let alphabet = Alphabet::of(TEXT);
    let vocabulary = alphabet.0.len();
    let text = alphabet.numbers(TEXT);
    let (train, held_out) = text.split_at(text.len() / 10 * 9);
    println!(
        "{} characters to learn from, {} held out; {vocabulary} different ones, so knowing nothing is a loss \
         of {:.2}\n",
        train.len(),
        held_out.len(),
        (vocabulary as f64).ln()
    );

    let windows = Type::index([BATCH, LENGTH]);
    let network = Network::new(Decoder { vocabulary, width: 128, heads: 4, blocks: 3 }, windows)?;
    println!("{}", network.summary());

    // The rate rises over the first steps, in which Adam does not know yet how large gradients are, and then
    // falls along a cosine. A gradient that is longer than 1 is cut to 1: one odd batch shall not undo much.
    // Matrices are pulled towards zero a little; offsets and the scales of the norms are left alone.
    let undecayed =
        |names: &str| ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching(names) };
    let options = StepOptions {
        optimizer: AdamW { learning_rate: 3e-3, beta2: 0.99, weight_decay: 0.1, ..AdamW::default() }.into(),
        groups: vec![undecayed("*bias"), undecayed("*norm*")],
        clip_norm: Some(1.0),
        seed: SEED,
        ..StepOptions::default()
    };
    let schedule = Schedule::WarmUp(WarmUp::over(100, Schedule::Cosine(CosineAnnealing::over(STEPS - 100))));
    // More threads are faster; not one bit of the result depends on how many they are.
    let engine =
        Engine::with_threads(std::thread::available_parallelism().map_or(1, |threads| threads.get()));
    let mut step =
        TrainingStep::<f32>::new(&network, windows, windows, &Loss::CrossEntropy, options, &engine)?;
    let mut examiner = Examiner::new(&network, &engine)?;

    println!("{:>6} {:>15} {:>15} {:>9}", "step", "training loss", "held-out loss", "seconds");
    let key = Key::new(SEED);
    let clock = Instant::now();
    let (mut recent, mut surprise) = (0.0, examiner.surprise(step.parameters(), held_out)?);
    println!("{:>6} {:>15} {surprise:>15.4} {:>9.1}", 0, "", clock.elapsed().as_secs_f64());
    for number in 1..=STEPS {
        let (characters, next) = random_windows(train, key.named("windows").fold(number));
        step.set_learning_rate_factor(schedule.factor(number - 1))?;
        recent += f64::from(step.step(&characters, &next)?);
        if number % 100 == 0 {
            surprise = examiner.surprise(step.parameters(), held_out)?;
            let seconds = clock.elapsed().as_secs_f64();
            println!("{number:>6} {:>15.4} {surprise:>15.4} {seconds:>9.1}", recent / 100.0);
            recent = 0.0;
        }
    }
    println!("\nThe training loss is the mean over the last 100 steps, each measured before it was made.");

    let mut writer = Writer::new(&network, &engine)?;
    for temperature in [0.5, 0.8] {
        let beginning = alphabet.numbers("And David said unto ");
        let key = key.named("writing").fold((10.0 * temperature) as u64);
        let written = writer.go_on(step.parameters(), &beginning, 400, temperature, key)?;
        println!("\nWritten by the network, at temperature {temperature}:\n\n{}", alphabet.text(&written));
    }

    if surprise >= PROMISED {
        return Err(format!("a held-out loss of {surprise:.3} is not below the {PROMISED} promised").into());
    }
    Ok(())
}

/// Windows from anywhere in the text, and with each the same moved on by one character: the right answers.
fn random_windows(text: &[i64], key: Key) -> (Vec<i64>, Vec<i64>) {
    let (mut characters, mut next) = (Vec::new(), Vec::new());
    for window in 0..BATCH {
        let start = (f64::from(key.uniform(window as u64)) * (text.len() - LENGTH) as f64) as usize;
        characters.extend(&text[start..start + LENGTH]);
        next.extend(&text[start + 1..start + LENGTH + 1]);
    }
    (characters, next)
}

/// Measures the mean surprise on a text, window after window.
struct Examiner {
    plan: Plan<f32>,
    logits: Vec<f32>,
}

impl Examiner {
    fn new(network: &Network<Decoder>, engine: &Engine) -> Result<Self, Box<dyn Error>> {
        let windows = Type::index([BATCH, LENGTH]);
        let program = network.evaluation_program(windows, windows, &Loss::CrossEntropy)?;
        Ok(Examiner { logits: vec![0.0; program.outputs()[1].len()], plan: engine.compile(&program)? })
    }

    /// In nats per character. The windows do not overlap, so the first character of each is guessed after
    /// seeing one, the last after seeing all; what does not fill a batch at the end is left out.
    fn surprise(&mut self, theta: &[f32], text: &[i64]) -> Result<f64, Box<dyn Error>> {
        let mut losses = Vec::new();
        for windows in text.windows(BATCH * LENGTH + 1).step_by(BATCH * LENGTH) {
            let (characters, next) = (&windows[..BATCH * LENGTH], &windows[1..]);
            let mut loss = [0.0];
            self.plan.run(
                &[Data::Float(theta), Data::Float(&[]), Data::Index(characters), Data::Index(next)],
                &mut [DataMut::Float(&mut loss), DataMut::Float(&mut self.logits)],
                Key::new(0),
            )?;
            losses.push(f64::from(loss[0]));
        }
        Ok(losses.iter().sum::<f64>() / losses.len() as f64)
    }
}

/// Continues a text.
struct Writer {
    plan: Plan<f32>,
    logits: Vec<f32>,
}

impl Writer {
    fn new(network: &Network<Decoder>, engine: &Engine) -> Result<Self, Box<dyn Error>> {
        let program = network.inference_program(Type::index([1, LENGTH]))?;
        Ok(Writer { logits: vec![0.0; program.outputs()[0].len()], plan: engine.compile(&program)? })
    }

    /// The beginning and `count` characters more.
    fn go_on(
        &mut self,
        theta: &[f32],
        beginning: &[i64],
        count: usize,
        temperature: f64,
        key: Key,
    ) -> Result<Vec<i64>, Box<dyn Error>> {
        let mut text = beginning.to_vec();
        for number in 0..count {
            // The network sees the end of the text. As long as there is less than it can see, the rest is
            // filled with zeros: no position looks at what comes after it.
            let mut seen = text[text.len().saturating_sub(LENGTH)..].to_vec();
            let last = seen.len() - 1;
            seen.resize(LENGTH, 0);
            let inputs = [Data::Float(theta), Data::Float(&[]), Data::Index(&seen)];
            self.plan.run(&inputs, &mut [DataMut::Float(&mut self.logits)], Key::new(0))?;
            let vocabulary = self.logits.len() / LENGTH;
            let logits = &self.logits[last * vocabulary..][..vocabulary];
            text.push(draw(logits, temperature, key.uniform(number as u64)));
        }
        Ok(text)
    }
}

/// A number below the count of logits, drawn with the probabilities `softmax(logits / temperature)`: that in
/// whose share of the line from 0 to 1 the uniform number lies.
fn draw(logits: &[f32], temperature: f64, uniform: f32) -> i64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|&logit| (f64::from(logit - largest) / temperature).exp());
    let mut rest = f64::from(uniform) * weights.clone().sum::<f64>();
    let mut drawn = 0;
    for (number, weight) in weights.enumerate() {
        drawn = number;
        if rest < weight {
            break;
        }
        rest -= weight;
    }
    drawn as i64
}
