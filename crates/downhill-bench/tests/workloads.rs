//! What must hold of every workload, fast or slow: it learns, and the number of threads changes no bit.
//!
//! W4 and W7 are left out, which need hundreds of megabytes.

use downhill::engine::Engine;
use downhill_bench::Result;
use downhill_bench::workloads::Line;

const LINES: [(&str, usize); 9] = [
    ("W1:1", 200),
    ("W1:128", 60),
    ("W1b", 300),
    ("W2:16", 100),
    ("W2b:8", 80),
    ("W3:4", 40),
    ("W5", 2000),
    ("W6", 300),
    ("W8:8", 200),
];

/// The losses of so many steps, and the parameters after them.
fn run(line: &str, steps: usize, threads: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut workload = line.parse::<Line>()?.prepare(&Engine::with_threads(threads))?.workload;
    let losses = (0..steps).map(|_| workload.step()).collect::<Result<_>>()?;
    Ok((losses, workload.parameters().to_vec()))
}

fn mean(losses: &[f32]) -> f32 {
    losses.iter().sum::<f32>() / losses.len() as f32
}

#[test]
fn every_workload_learns() {
    for (line, steps) in LINES {
        let (losses, _) = run(line, steps, 2).unwrap();
        let (first, last) = (mean(&losses[..steps / 2]), mean(&losses[steps / 2..]));
        assert!(last < first, "{line}: the mean loss went from {first} to {last}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for (line, _) in LINES {
        let [one, two] = [1, 2].map(|threads| run(line, 5, threads).unwrap());
        assert!(one == two, "{line} differs between one thread and two");
    }
}
