//! Measures whole training steps on fixed workloads.
//!
//! `cargo run --release -p downhill-bench -- W1 --batch 32 --threads 2 --json`
//!
//! A step is all of it: take the next batch from a data set of 8,192 examples in memory, forward, loss,
//! backward, update, and read the loss. After one second of warming up come three windows of two seconds
//! each. The first and the last loss are printed because a step that does not learn is not a step.

use clap::Parser;
use std::process::ExitCode;

mod measure;
mod workloads;

/// Measures training steps per second on fixed workloads.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The workloads: W1 (MLP 784-128-10), W1b (784-16-16-10, sigmoid), W2 (small CNN); all if none is named.
    workloads: Vec<String>,
    /// Batch sizes of W1.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 128, 1024])]
    batch: Vec<usize>,
    /// Threads of the engine.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Seconds of each of the three windows.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let wanted = |id: &str| arguments.workloads.is_empty() || arguments.workloads.iter().any(|w| w == id);
    if let Some(unknown) = arguments.workloads.iter().find(|w| !workloads::NAMES.contains(&w.as_str())) {
        return Err(
            format!("there is no workload `{unknown}`; there are: {}", workloads::NAMES.join(", ")).into()
        );
    }
    for id in workloads::NAMES.into_iter().filter(|id| wanted(id)) {
        let batches = if id == "W1" { arguments.batch.as_slice() } else { &[0] };
        for &batch in batches {
            let mut workload = workloads::prepare(id, batch, arguments.threads)?;
            let result = measure::measure(&mut workload, arguments.seconds)?;
            let line = if arguments.json { serde_json::to_string(&result)? } else { result.to_string() };
            show(&line);
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "a program's results go to standard output")]
fn show(line: &str) {
    println!("{line}");
}

#[allow(clippy::print_stderr, reason = "a program's complaints go to standard error")]
fn report(line: &str) {
    eprintln!("{line}");
}
