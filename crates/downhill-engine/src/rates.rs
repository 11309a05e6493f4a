//! What the machine can do: the rate of f32 products and of memory, measured.

use crate::Engine;
use downhill_autograd::{Data, DataMut, Output, Result, Run, Tape};
use downhill_tensor::Key;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// The two rates below which nothing can be expected to take its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Floating-point operations per second in a product of matrices 1024 x 1024, a multiplication and an
    /// addition being two.
    pub operations_per_second: f64,
    /// Bytes per second of arrays that fit no cache, read, or read and written, whichever is faster.
    pub bytes_per_second: f64,
    /// The number of threads.
    pub threads: usize,
}

/// How long each rate is measured.
const TIME: Duration = Duration::from_millis(400);
/// The side of the matrices.
const SIDE: usize = 1024;
/// The length of the arrays: 128 MiB each, four times a large cache.
const LENGTH: usize = 32 << 20;

impl Rates {
    /// Measures for about a second, on as many threads as the engine has. The best of many runs counts: what
    /// else happens on the machine only makes things slower.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn measure(engine: &Engine) -> Result<Rates> {
        let threads = engine.threads();
        Ok(Rates {
            operations_per_second: 2.0 * (SIDE as f64).powi(3) / fastest_product(engine)?,
            bytes_per_second: bytes_per_second(threads),
            threads,
        })
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operations, bytes) = (self.operations_per_second / 1e9, self.bytes_per_second / 1e9);
        write!(f, "{operations:.1} GFLOP/s in products, {bytes:.1} GB/s of memory, {} threads", self.threads)
    }
}

/// The shortest of the times that `run` takes, in seconds.
fn shortest(mut run: impl FnMut()) -> f64 {
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < TIME {
        let begin = Instant::now();
        run();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    best
}

fn fastest_product(engine: &Engine) -> Result<f64> {
    let tape = Tape::new();
    let (a, b) = (tape.input("a", [SIDE, SIDE]), tape.input("b", [SIDE, SIDE]));
    let product = a.matmul(b);
    let mut plan = engine.compile::<f32>(&tape.finish(&[Output::new("product", &product)])?)?;
    let (mut a, mut b, mut product) =
        (vec![0.0; SIDE * SIDE], vec![0.0; SIDE * SIDE], vec![0.0; SIDE * SIDE]);
    Key::new(1).fill_uniform(0, &mut a);
    Key::new(2).fill_uniform(0, &mut b);
    let mut result = Ok(());
    let time = shortest(|| {
        let mut outputs = [DataMut::Float(&mut product)];
        result = plan.run(&[Data::Float(&a), Data::Float(&b)], &mut outputs, Key::new(0));
    });
    result.map(|()| time)
}

/// `a = b + s c`, counted as three arrays, and a sum, counted as one; outside the engine, which is what the
/// rate shall be held against.
fn bytes_per_second(threads: usize) -> f64 {
    let [mut a, b, c] = [vec![0.0f32; LENGTH], vec![1.0f32; LENGTH], vec![2.0f32; LENGTH]];
    let part = LENGTH.div_ceil(threads);
    let triad = shortest(|| {
        thread::scope(|scope| {
            for ((a, b), c) in a.chunks_mut(part).zip(b.chunks(part)).zip(c.chunks(part)) {
                scope.spawn(move || a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = b + 0.5 * c));
            }
        });
    });
    let read = shortest(|| {
        thread::scope(|scope| {
            for part in b.chunks(part) {
                scope.spawn(move || black_box(sum(part)));
            }
        });
    });
    black_box(a);
    let bytes = (LENGTH * size_of::<f32>()) as f64;
    (3.0 * bytes / triad).max(bytes / read)
}

/// A sum in lanes, which the compiler can keep in vectors.
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 32];
    for block in values.chunks_exact(32) {
        lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum()
}
