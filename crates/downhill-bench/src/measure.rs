//! Counting steps in windows of time.

use crate::Result;
use crate::cost::Cost;
use crate::machine::memory;
use crate::workloads::{Line, Workload};
use downhill::engine::{Engine, Profile, Rates};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant};

/// What was measured of one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// Who ran it: this project and its version.
    pub peer: String,
    /// The workload.
    pub workload: String,
    /// Which of several ways to write it; empty if there is one.
    pub variant: String,
    /// Examples of a step.
    pub batch: usize,
    /// Threads of the engine.
    pub threads: usize,
    /// The number of parameters.
    pub parameters: usize,
    /// Steps per second in the slowest, the middle and the fastest window.
    pub steps_per_second: [f64; 3],
    /// The mean over the first steps.
    pub first_loss: f32,
    /// The mean over the last steps.
    pub last_loss: f32,
    /// The most memory that the process ever had, in bytes, its data set included.
    pub peak_memory: Option<u64>,
    /// What it had before the workload was prepared.
    pub memory_before: Option<u64>,
    /// What a step costs at least.
    pub cost: Cost,
    /// The machine's rates, if they were measured in the same run.
    pub rates: Option<Rates>,
    /// The least time of a step on a machine of these rates, in seconds.
    pub floor: Option<f64>,
    /// That as a share of the time of the middle window's steps.
    pub share_of_floor: Option<f64>,
}

/// The steps over which a loss is averaged, since that of one small batch says little.
const AVERAGED: usize = 32;

/// Windows of one length, and what the loss was before and after.
pub struct Windows {
    /// Steps per second in the slowest, the middle and the fastest window.
    pub steps_per_second: [f64; 3],
    /// The mean over the first steps.
    pub first_loss: f32,
    /// The mean over the last steps.
    pub last_loss: f32,
}

/// Runs a workload for half of `seconds`, then in three windows of `seconds`.
///
/// # Errors
/// What a step reports.
pub fn windows(workload: &mut dyn Workload, seconds: f64) -> Result<Windows> {
    let mut run = |seconds: f64, most: usize| -> Result<(f64, f32)> {
        let (start, length) = (Instant::now(), Duration::from_secs_f64(seconds));
        let (mut steps, mut losses) = (0usize, [0.0; AVERAGED]);
        loop {
            losses[steps % AVERAGED] = workload.step()?;
            steps += 1;
            let elapsed = start.elapsed();
            if elapsed >= length || steps == most {
                let loss = losses.iter().sum::<f32>() / steps.min(AVERAGED) as f32;
                return Ok((steps as f64 / elapsed.as_secs_f64(), loss));
            }
        }
    };
    let (_, first_loss) = run(seconds / 2.0, AVERAGED)?;
    run(seconds / 2.0, usize::MAX)?;
    let (mut steps_per_second, mut last_loss) = ([0.0; 3], first_loss);
    for rate in &mut steps_per_second {
        (*rate, last_loss) = run(seconds, usize::MAX)?;
    }
    steps_per_second.sort_by(f64::total_cmp);
    Ok(Windows { steps_per_second, first_loss, last_loss })
}

/// Prepares a line of the table and measures it. Its peak memory is that of the whole process, so it wants a
/// process of its own.
///
/// # Errors
/// What the libraries report.
pub fn measure(line: Line, engine: &Engine, seconds: f64) -> Result<Measurement> {
    let memory_before = memory("VmRSS");
    let mut prepared = line.prepare(engine)?;
    let Windows { steps_per_second, first_loss, last_loss } = windows(&mut *prepared.workload, seconds)?;
    Ok(Measurement {
        peer: format!("downhill {}", env!("CARGO_PKG_VERSION")),
        workload: line.id.into(),
        variant: String::new(),
        batch: line.batch,
        threads: engine.threads(),
        parameters: prepared.workload.parameters().len(),
        steps_per_second,
        first_loss,
        last_loss,
        peak_memory: memory("VmHWM"),
        memory_before,
        cost: prepared.cost,
        rates: None,
        floor: None,
        share_of_floor: None,
    })
}

/// Prepares a line of the table, warms it up for half of `seconds`, and profiles its plan for `seconds`.
///
/// # Errors
/// What the libraries report.
pub fn profile(line: Line, engine: &Engine, seconds: f64) -> Result<Profile> {
    let mut workload = line.prepare(engine)?.workload;
    let run = |workload: &mut dyn Workload, seconds: f64| -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs_f64(seconds) {
            workload.step()?;
        }
        Ok(())
    };
    run(&mut *workload, seconds / 2.0)?;
    workload.plan_mut().start_profiling();
    run(&mut *workload, seconds)?;
    workload.plan_mut().profile().ok_or_else(|| "nothing was profiled".into())
}

impl Measurement {
    /// With the floor on a machine of these rates, and how near to it this came.
    #[must_use]
    pub fn on(mut self, rates: Rates) -> Self {
        let floor = self.cost.floor(&rates);
        self.rates = Some(rates);
        self.floor = Some(floor);
        self.share_of_floor = Some(floor * self.steps_per_second[1]);
        self
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, median, max] = self.steps_per_second;
        write!(f, "{:<4} {:>7}  {median:>11.1} ({min:>11.1} to {max:>11.1})", self.workload, self.batch)?;
        match (self.floor, self.share_of_floor) {
            (Some(floor), Some(share)) => write!(f, "  {:>11.0}  {:>6.1} %", 1.0 / floor, 100.0 * share)?,
            _ => write!(f, "  {:>11}  {:>8}", "", "")?,
        }
        match self.peak_memory {
            Some(bytes) => write!(f, "  {:>7.0} MiB", bytes as f64 / f64::from(1 << 20))?,
            None => write!(f, "  {:>11}", "")?,
        }
        write!(f, "  {:.4} -> {:.4}", self.first_loss, self.last_loss)
    }
}

/// What stands over the lines of measurements.
pub const HEADING: &str =
    "           batch    steps/s (     slowest to     fastest)     at floor   of floor         peak  loss";
