//! Counting steps in windows of time.

use crate::workloads::Workload;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, Instant};

/// What was measured of one workload.
#[derive(Debug, Serialize)]
pub struct Measurement {
    workload: String,
    batch: usize,
    threads: usize,
    parameters: usize,
    /// Steps per second in the slowest, the middle and the fastest window.
    steps_per_second: [f64; 3],
    /// The mean over the first `AVERAGED` steps.
    first_loss: f32,
    /// The mean over the last `AVERAGED` steps.
    last_loss: f32,
}

/// The steps over which a loss is averaged, since that of one small batch says little.
const AVERAGED: usize = 32;

/// Runs a workload for a second, then in three windows of `seconds`.
pub fn measure(workload: &mut Workload, seconds: f64) -> Result<Measurement, Box<dyn std::error::Error>> {
    let mut first_loss = 0.0;
    for _ in 0..AVERAGED {
        first_loss += workload.step()? / AVERAGED as f32;
    }
    let mut window = |seconds: f64| -> Result<(f64, f32), Box<dyn std::error::Error>> {
        let (start, mut steps) = (Instant::now(), 0usize);
        let length = Duration::from_secs_f64(seconds);
        let mut losses = [0.0; AVERAGED];
        loop {
            losses[steps % AVERAGED] = workload.step()?;
            steps += 1;
            if start.elapsed() >= length {
                let loss = losses.iter().sum::<f32>() / steps.min(AVERAGED) as f32;
                return Ok((steps as f64 / start.elapsed().as_secs_f64(), loss));
            }
        }
    };
    window(seconds / 2.0)?;
    let mut rates = [0.0; 3];
    let mut last_loss = first_loss;
    for rate in &mut rates {
        (*rate, last_loss) = window(seconds)?;
    }
    rates.sort_by(f64::total_cmp);
    Ok(Measurement {
        workload: workload.name.clone(),
        batch: workload.batch,
        threads: workload.threads,
        parameters: workload.parameter_count(),
        steps_per_second: rates,
        first_loss,
        last_loss,
    })
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, median, max] = self.steps_per_second;
        write!(
            f,
            "{:<4} batch {:>4}, {} threads: {median:>9.1} steps/s ({min:.1} to {max:.1}), loss {:.4} -> {:.4}",
            self.workload, self.batch, self.threads, self.first_loss, self.last_loss
        )
    }
}
