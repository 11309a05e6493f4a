//! What the peers in Rust share: the command line, the data, the windows of time, and the line that is
//! printed. It knows nothing of any library. Included by each of them with `#[path]`.

use std::time::{Duration, Instant};

/// Examples in memory.
pub const EXAMPLES: usize = 8192;
/// The steps over which a loss is averaged, since that of one small batch says little.
const AVERAGED: usize = 32;
const LINES: [(&str, usize); 13] = [
    ("W1", 1),
    ("W1", 32),
    ("W1", 128),
    ("W1", 1024),
    ("W1b", 10),
    ("W2", 64),
    ("W2b", 32),
    ("W3", 16),
    ("W4", 1_000_000),
    ("W5", 4),
    ("W6", 1),
    ("W7", 256),
    ("W8", 32),
];

/// A training step that gives the loss.
pub type Step = Box<dyn FnMut() -> f32>;

/// A way to write a workload: its name (empty if there is one way), its number of parameters, and what
/// prepares its step.
pub struct Variant {
    pub name: &'static str,
    pub parameters: usize,
    pub prepare: Box<dyn FnOnce() -> Step>,
}

/// The one way to write a workload.
pub fn only(parameters: usize, step: impl FnMut() -> f32 + 'static) -> Vec<Variant> {
    vec![variant("", parameters, move || Box::new(step) as Step)]
}

/// One of several ways.
pub fn variant(name: &'static str, parameters: usize, prepare: impl FnOnce() -> Step + 'static) -> Variant {
    Variant { name, parameters, prepare: Box::new(prepare) }
}

/// Measures what the command line asks for. `prepare(workload, batch)` gives nothing for what the library
/// cannot express.
pub fn run(peer: &str, prepare: impl Fn(&str, usize) -> Vec<Variant>) {
    let (mut threads, mut seconds, mut words) = (0, 2.0, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value after the option");
        match argument.as_str() {
            "--threads" => threads = value().parse().expect("a number of threads"),
            "--seconds" => seconds = value().parse().expect("a number of seconds"),
            "--version" => return println!("{{\"peer\": \"{peer}\"}}"),
            _ => words.push(argument),
        }
    }
    if threads == 0 {
        threads = std::thread::available_parallelism().map_or(1, usize::from);
    }
    // SAFETY: no other thread has been started yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
    let wanted = |id: &str, batch: usize| {
        words.is_empty() || words.iter().any(|word| *word == id || *word == format!("{id}:{batch}"))
    };
    for (id, batch) in LINES.into_iter().filter(|&(id, batch)| wanted(id, batch)) {
        let before = memory("VmRSS");
        for Variant { name, parameters, prepare } in prepare(id, batch) {
            let (rates, first, last) = measure(prepare(), seconds);
            println!(
                "{{\"peer\": \"{peer}\", \"workload\": \"{id}\", \"variant\": \"{name}\", \"batch\": {batch}, \
                 \"threads\": {threads}, \"parameters\": {parameters}, \"steps_per_second\": {rates:?}, \
                 \"first_loss\": {first}, \"last_loss\": {last}, \"peak_memory\": {}, \"memory_before\": {before}}}",
                memory("VmHWM")
            );
        }
    }
}

/// A field of /proc/self/status in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("a number") * 1024
}

/// A window of half the length to warm up, then three; sorted rates, the first and the last mean loss.
fn measure(mut step: Step, seconds: f64) -> ([f64; 3], f32, f32) {
    let mut window = |seconds: f64, most: usize| {
        let (start, length) = (Instant::now(), Duration::from_secs_f64(seconds));
        let (mut steps, mut losses) = (0usize, [0.0f32; AVERAGED]);
        loop {
            losses[steps % AVERAGED] = step();
            steps += 1;
            let elapsed = start.elapsed();
            if elapsed >= length || steps == most {
                let loss = losses.iter().sum::<f32>() / steps.min(AVERAGED) as f32;
                return (steps as f64 / elapsed.as_secs_f64(), loss);
            }
        }
    };
    let (_, first) = window(seconds / 2.0, AVERAGED);
    window(seconds / 2.0, usize::MAX);
    let results = [window(seconds, usize::MAX), window(seconds, usize::MAX), window(seconds, usize::MAX)];
    let mut rates = results.map(|(rate, _)| rate);
    rates.sort_by(f64::total_cmp);
    (rates, first, results[2].1)
}

/// A small generator of random numbers (xorshift64*), the same for all.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1u64 << 24) as f32
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (f64::from(self.uniform()) * bound as f64) as usize
    }

    /// `len` numbers uniform between `-bound` and `bound`.
    pub fn around_zero(&mut self, len: usize, bound: f32) -> Vec<f32> {
        (0..len).map(|_| (2.0 * self.uniform() - 1.0) * bound).collect()
    }

    /// `len` numbers, normal with this standard deviation.
    pub fn normal(&mut self, len: usize, deviation: f32) -> Vec<f32> {
        let mut one = || {
            let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
            radius * (std::f32::consts::TAU * self.uniform()).cos() * deviation
        };
        (0..len).map(|_| one()).collect()
    }
}

/// Where the next batch begins: in order, over and over.
pub fn batch_starts(count: usize, batch: usize) -> impl FnMut() -> usize {
    let mut next = 0;
    move || {
        let first = next;
        next = if first + batch == count { 0 } else { (first + batch).min(count - batch) };
        first
    }
}

/// Noise around a prototype for each of ten classes: inputs and labels.
pub fn classes(len: usize) -> (Vec<f32>, Vec<usize>) {
    let mut random = Random::new(2);
    let prototypes: Vec<f32> = (0..10 * len).map(|_| random.uniform()).collect();
    let labels: Vec<usize> = (0..EXAMPLES).map(|_| random.below(10)).collect();
    let mut inputs = Vec::with_capacity(EXAMPLES * len);
    for &label in &labels {
        let prototype = &prototypes[label * len..][..len];
        inputs.extend(prototype.iter().map(|mean| 0.8 * random.uniform() + 0.2 * mean - 0.5));
    }
    (inputs, labels)
}

/// Sequences in which the next token follows from the one before, four times out of five, and the same
/// sequences one position on.
pub fn tokens(vocabulary: usize, length: usize) -> (Vec<usize>, Vec<usize>) {
    let mut random = Random::new(2);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..EXAMPLES {
        let mut token = random.below(vocabulary);
        for _ in 0..length {
            inputs.push(token);
            let follows = random.uniform() < 0.8;
            token = if follows { (5 * token + 17) % vocabulary } else { random.below(vocabulary) };
            targets.push(token);
        }
    }
    (inputs, targets)
}

/// Points of a cube, divided by a plane with soft sides.
pub fn halves(count: usize, features: usize) -> (Vec<f32>, Vec<f32>) {
    let mut random = Random::new(2);
    let inputs = random.around_zero(count * features, 1.0);
    let slope = |feature: usize| 4.0 * feature as f32 / (features as f32 - 1.0) - 2.0;
    let targets = inputs.chunks_exact(features).map(|x| {
        let logit: f32 = x.iter().enumerate().map(|(feature, x)| x * slope(feature)).sum();
        if random.uniform() < 1.0 / (1.0 + (-logit).exp()) { 1.0 } else { 0.0 }
    });
    let targets = targets.collect();
    (inputs, targets)
}

/// Rows of a table of `count`, seven out of ten of which are 1.
pub fn rows(count: usize) -> (Vec<usize>, Vec<f32>) {
    let mut random = Random::new(2);
    let rows: Vec<usize> = (0..EXAMPLES).map(|_| random.below(count)).collect();
    let targets = rows.iter().map(|row| if row * 7919 % 10 < 7 { 1.0 } else { 0.0 }).collect();
    (rows, targets)
}

pub const XOR: ([f32; 8], [f32; 4]) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]);
