//! How the time of a step grows with its work: there shall be no cliff.

use crate::Result;
use crate::measure::windows;
use crate::workloads::{Prepared, Sizes, decoder, perceptron};
use downhill::autograd::{Output, Program, Tape};
use downhill::engine::Engine;
use downhill::engine::Rates;
use downhill::train::page::{Axis, Chart, LineChart, Series};
use std::path::Path;
use std::time::Instant;

/// One size of what grows.
struct Point {
    size: usize,
    /// Seconds of a step.
    step: f64,
    /// Seconds of the floor of it.
    floor: f64,
}

/// Measures what grows in these ways, draws it into `folder`, and tells each number to `say`:
/// W1 by its hidden width, W3 by its context and by its blocks, and the time to compile by operations.
///
/// # Errors
/// What the libraries report, and a folder that cannot be written.
pub fn run(engine: &Engine, seconds: f64, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let rates = Rates::measure(engine)?;
    say(&rates.to_string());

    let mut grow = |name: &str,
                    title: &str,
                    axis: &str,
                    sizes: &[usize],
                    prepare: &dyn Fn(usize) -> Result<Prepared>| {
        say(&format!("\n{title}"));
        let mut points = Vec::new();
        for &size in sizes {
            let mut prepared = prepare(size)?;
            let measured = windows(&mut *prepared.workload, seconds)?;
            let point =
                Point { size, step: 1.0 / measured.steps_per_second[1], floor: prepared.cost.floor(&rates) };
            let share = 100.0 * point.floor / point.step;
            say(&format!(
                "{size:>6}  {:>12.6} s a step, floor {:.6} s, {share:.1} %",
                point.step, point.floor
            ));
            points.push(point);
        }
        let curve = |name: &str, value: fn(&Point) -> f64| {
            Series::new(name, points.iter().map(|point| [point.size as f64, value(point)]))
        };
        let plot = chart(title, axis).series(curve("a step", |p| p.step)).series(curve("floor", |p| p.floor));
        write(folder, name, &plot)
    };

    let widths: Vec<usize> = (4..=12).map(|power| 1 << power).collect();
    grow("scaling-width", "MLP 784-width-10, batch 128", "hidden width", &widths, &|width| {
        perceptron(width, 128)?.prepare(engine)
    })?;
    let contexts: Vec<usize> = (5..=10).map(|power| 1 << power).collect();
    grow("scaling-context", "Decoder of 2 blocks, batch 16", "context", &contexts, &|context| {
        decoder(Sizes { context, ..Sizes::default() }, 16)?.prepare(engine)
    })?;
    grow("scaling-layers", "Decoder, context 64, batch 16", "blocks", &[1, 2, 4, 8, 16], &|blocks| {
        decoder(Sizes { blocks, ..Sizes::default() }, 16)?.prepare(engine)
    })?;

    say("\nCompiling a plan");
    let mut compiled = Vec::new();
    for layers in [1, 3, 10, 30, 100, 300, 830] {
        let program = deep(layers)?;
        let operations = program.len();
        let time = fastest(|| engine.compile::<f32>(&program).map(drop))?;
        say(&format!("{operations:>6} operations  {time:>12.6} s"));
        compiled.push([operations as f64, time]);
    }
    // What a time in proportion to the operations would be, from the smallest program up.
    let &[least, shortest] = compiled.first().ok_or("there are programs")?;
    let proportional: Vec<_> =
        compiled.iter().map(|&[operations, _]| [operations, shortest * operations / least]).collect();
    let plot = chart("Compiling a plan", "operations")
        .series(Series::new("compiling", compiled))
        .series(Series::new("in proportion", proportional));
    write(folder, "scaling-compile", &plot)
}

/// Seconds by a size: what grows in proportion is a straight line.
fn chart(title: &str, size: &str) -> LineChart {
    LineChart::new(title, Axis::logarithmic(size), Axis::logarithmic("time").unit("s"))
}

fn write(folder: &Path, name: &str, plot: &LineChart) -> Result<()> {
    Ok(std::fs::write(folder.join(format!("{name}.svg")), plot.svg())?)
}

/// The training step of so many residual layers `x + tanh(x W + b)`: about a dozen operations each, with
/// their derivatives.
fn deep(layers: usize) -> Result<Program> {
    const WIDTH: usize = 16;
    let tape = Tape::new();
    let mut x = tape.input("x", [4, WIDTH]);
    let mut parameters = Vec::new();
    for layer in 0..layers {
        let weight = tape.input(&format!("weight {layer}"), [WIDTH, WIDTH]);
        let bias = tape.input(&format!("bias {layer}"), [WIDTH]);
        x = x + (x.matmul(weight) + bias).tanh();
        parameters.extend([weight, bias]);
    }
    let loss = x.square().mean();
    let gradient = tape.grad(loss, &parameters);
    Ok(tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)])?)
}

/// The shortest of five times, in seconds.
fn fastest<E: Into<crate::Error>>(mut run: impl FnMut() -> std::result::Result<(), E>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        run().map_err(Into::into)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
