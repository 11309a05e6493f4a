//! Every line of the register, with as many examples as a test can afford.
#![allow(dead_code, reason = "no test needs all of it")]

use downhill::engine::Engine;
use downhill_bench::Result;
use downhill_bench::training::Task;
use downhill_bench::workloads::{Line, Workload, embedding};

/// Rows of the table of W7, which has a million.
const ROWS: usize = 5000;

/// All lines, the large ones with smaller batches.
pub fn lines() -> impl Iterator<Item = Line> {
    Line::all().into_iter().map(|line| {
        let batch = match line.id {
            "W2" => 8,
            "W2b" => 2,
            "W3" => 4,
            "W4" => 20_000,
            "W8" => 8,
            _ => line.batch,
        };
        Line { batch, ..line }
    })
}

/// The network of a line and all that its training needs, if it has one.
pub fn task(line: &Line) -> Result<Option<Task>> {
    match line.id {
        "W7" => embedding(ROWS, line.batch).map(Some),
        _ => line.task(),
    }
}

/// A line, ready to run.
pub fn workload(line: &Line, threads: usize) -> Result<Box<dyn Workload>> {
    let engine = Engine::with_threads(threads);
    let prepared = match task(line)? {
        Some(task) => task.prepare(&engine),
        None => line.prepare(&engine),
    };
    Ok(prepared?.workload)
}
