//! Measures whole training steps on fixed workloads.
//!
//! `cargo run --release -p downhill-bench -- W1:32 W3 --threads 2 --json`
//!
//! A step is all of it: take the next batch from a data set of 8,192 examples in memory, forward, loss,
//! backward, update, and read the loss. After one second of warming up come three windows of two seconds
//! each. The first and the last loss are printed because a step that does not learn is not a step.

use clap::{Args, Parser, Subcommand};
use downhill::engine::{Engine, Rates};
use downhill_bench::measure::{HEADING, Measurement, measure, profile};
use downhill_bench::workloads::Line;
use downhill_bench::{Result, scaling};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Measures training steps per second on fixed workloads, and the machine.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// The workloads: W1 (with each of its batch sizes), W1:32 (with one), ...; all if none is named.
    workloads: Vec<String>,
    #[command(flatten)]
    options: Options,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Leave out the machine's rates and the floor, and measure in this process.
    #[arg(long)]
    plain: bool,
    /// Print the schedule of each workload's step, and how long its loops take.
    #[arg(long, conflicts_with_all = ["json", "plain"])]
    profile: bool,
}

#[derive(Args, Clone, Copy)]
struct Options {
    /// Threads of the engine.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Seconds of each of the three windows.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

#[derive(Subcommand)]
enum Task {
    /// Measure the machine: its rate of f32 products and of memory.
    Rates {
        #[command(flatten)]
        options: Options,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Measure how time grows with the work, and draw it.
    Scaling {
        #[command(flatten)]
        options: Options,
        /// The folder for the pictures.
        #[arg(long, default_value = "docs/images")]
        out: PathBuf,
    },
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

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.task {
        None => workloads(arguments),
        Some(Task::Rates { options, json }) => {
            let rates = Rates::measure(&Engine::with_threads(options.threads))?;
            show(&if *json { serde_json::to_string(&rates)? } else { rates.to_string() });
            Ok(())
        }
        Some(Task::Scaling { options, out }) => {
            let engine = Engine::with_threads(options.threads);
            scaling::run(&engine, options.seconds, out, &mut |line| show(line))
        }
    }
}

fn workloads(arguments: &Arguments) -> Result<()> {
    let Options { threads, seconds } = arguments.options;
    let lines = match arguments.workloads.as_slice() {
        [] => Line::all(),
        words => words.iter().map(|word| Line::parse_all(word)).collect::<Result<Vec<_>>>()?.concat(),
    };
    let engine = Engine::with_threads(threads);
    if arguments.plain {
        for line in lines {
            show(&serde_json::to_string(&measure(line, &engine, seconds)?)?);
        }
        return Ok(());
    }
    let rates = Rates::measure(&engine)?;
    if arguments.profile {
        for line in lines {
            let profile = profile(line, &engine, seconds)?;
            show(&format!("{line}: {}\n{}{}", line.what(), profile.schedule, profile.against(&rates)));
        }
        return Ok(());
    }
    if !arguments.json {
        show(&format!("{rates}\n{HEADING}"));
    }
    let mut failed = Vec::new();
    for line in lines {
        match in_own_process(line, arguments.options) {
            Ok(measurement) => {
                let measurement = measurement.on(rates);
                let text = if arguments.json {
                    serde_json::to_string(&measurement)?
                } else {
                    measurement.to_string()
                };
                show(&text);
            }
            // One that fails keeps nobody from seeing the others.
            Err(error) => {
                report(&format!("{line}: {error}"));
                failed.push(line.to_string());
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", ")).into()) }
}

/// Measures a line in a process of its own, so that its peak of memory is its own too.
fn in_own_process(line: Line, options: Options) -> Result<Measurement> {
    let output = Command::new(std::env::current_exe()?)
        .args([&line.to_string(), "--plain"])
        .args(["--threads", &options.threads.to_string(), "--seconds", &options.seconds.to_string()])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.trim().trim_start_matches("error: ").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Prints to standard output; who has closed it does not want to know.
fn show(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[allow(clippy::print_stderr, reason = "a program's complaints go to standard error")]
fn report(line: &str) {
    eprintln!("{line}");
}
