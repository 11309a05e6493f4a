//! What must hold of every workload, fast or slow: it learns, and the number of threads changes no bit.

mod common;

use downhill_bench::Result;
use downhill_bench::workloads::Line;

/// The losses of so many steps, and the parameters after them.
fn run(line: &Line, steps: usize, threads: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut workload = common::workload(line, threads)?;
    let losses = (0..steps).map(|_| workload.step()).collect::<Result<_>>()?;
    Ok((losses, workload.parameters().to_vec()))
}

/// How many steps show that it learns.
fn enough(line: &Line) -> usize {
    match line.id {
        "W1" if line.batch == 1 => 200,
        "W5" => 2000,
        "W1b" | "W6" => 300,
        "W8" => 200,
        "W2" | "W7" => 100,
        "W2b" => 80,
        _ => 40,
    }
}

fn mean(losses: &[f32]) -> f32 {
    losses.iter().sum::<f32>() / losses.len() as f32
}

#[test]
fn every_workload_learns() {
    for line in common::lines() {
        let steps = enough(&line);
        let (losses, _) = run(&line, steps, 2).unwrap();
        let (first, last) = (mean(&losses[..steps / 2]), mean(&losses[steps / 2..]));
        assert!(last < first, "{line}: the mean loss went from {first} to {last}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for line in common::lines() {
        let alone = run(&line, 5, 1).unwrap();
        for threads in [2, 3, 8] {
            assert!(alone == run(&line, 5, threads).unwrap(), "{line} differs on {threads} threads");
        }
    }
}
