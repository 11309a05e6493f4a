//! What a network has learned, as a picture.
//!
//! Two classes of points wind around each other in two spirals. A network with two hidden layers learns to
//! tell them apart. Afterwards it is asked about every place of the plane, not only about the points: the
//! picture of its answers is its decision surface. A second picture shows the loss over the steps.
//!
//! `cargo run --release --example 09_decision_surface -- FOLDER` writes both as SVG files into the folder;
//! without one, into `target/decision-surface`.
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::data::{InMemory, PartSize, generators};
use downhill::engine::Engine;
use downhill::nn::metrics::accuracy;
use downhill::nn::{Activation, Loss, Network, models};
use downhill::optim::{Adam, Optimizer};
use downhill::tensor::{Key, write_atomically};
use downhill::train::page::{Axis, Chart, ContourChart, Grid, Levels, LineChart, Ramp, Series};
use std::error::Error;
use std::path::PathBuf;

const SEED: u64 = 3;
const STEPS: u64 = 400;
/// The picture reaches from -1.2 to 1.2, in this many points each way.
const REACH: f64 = 1.2;
const SIDE: usize = 121;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "target/decision-surface".into(), PathBuf::from);

    let spirals = generators::spirals(400, 2, 0.05, SEED)?;
    let (train, held_out) = spirals.split(PartSize::Fraction(0.25), SEED)?;
    let (n, m) = (train.len(), held_out.len());
    println!("Two spirals: {n} points to learn from, {m} held out\n");

    // Programs for three purposes, of one network with one θ: to learn, to measure, to answer.
    let points_of = |n: usize| Type::float([n, 2]);
    let network = Network::new(models::mlp(&[32, 32], 2, Activation::Tanh), points_of(n))?;
    let loss = Loss::CrossEntropy;
    let engine = Engine::default();
    let mut step =
        engine.compile::<f32>(&network.training_program(points_of(n), Type::index([n]), &loss)?)?;
    let mut test =
        engine.compile::<f32>(&network.evaluation_program(points_of(m), Type::index([m]), &loss)?)?;
    let mut answer = engine.compile::<f32>(&network.inference_program(points_of(SIDE * SIDE))?)?;

    let mut theta: Vec<f32> = network.initialize(Key::new(SEED));
    let mut optimizer = Optimizer::new(Adam { learning_rate: 0.01, ..Adam::default() }, theta.len())?;
    let (train_x, train_labels) = values(&train)?;
    let (test_x, test_labels) = values(&held_out)?;
    let (mut loss, mut gradient, mut logits) = ([0.0], vec![0.0; theta.len()], vec![0.0; 2 * n]);
    let (mut test_loss, mut test_logits) = ([0.0], vec![0.0; 2 * m]);
    let (mut losses, mut test_losses) = (Vec::new(), Vec::new());
    let mut share = 0.0;

    println!("{:>6} {:>10} {:>14} {:>18}", "step", "loss", "held-out loss", "held-out accuracy");
    for number in 0..=STEPS {
        step.run(
            &[Data::Float(&theta), Data::Float(&[]), Data::Float(&train_x), Data::Index(&train_labels)],
            &mut [
                DataMut::Float(&mut loss),
                DataMut::Float(&mut gradient),
                DataMut::Float(&mut []),
                DataMut::Float(&mut logits),
            ],
            Key::new(SEED).fold(number),
        )?;
        if number % 10 == 0 {
            test.run(
                &[Data::Float(&theta), Data::Float(&[]), Data::Float(&test_x), Data::Index(&test_labels)],
                &mut [DataMut::Float(&mut test_loss), DataMut::Float(&mut test_logits)],
                Key::new(SEED),
            )?;
            losses.push([number as f64, f64::from(loss[0])]);
            test_losses.push([number as f64, f64::from(test_loss[0])]);
            share = accuracy(&test_logits, &test_labels)?;
            if number % 50 == 0 {
                println!("{number:>6} {:>10.4} {:>14.4} {:>17.1}%", loss[0], test_loss[0], 100.0 * share);
            }
        }
        // The walk ends with the values of this table: no step after the last row.
        if number < STEPS {
            optimizer.step(&mut theta, &gradient)?;
        }
    }

    // The surface: every place of a fine grid is a point to be answered. With two classes, the difference of
    // the logits says it all; the probability of class 1 is its sigmoid.
    let place = |i: usize| REACH * (2.0 * i as f64 / (SIDE - 1) as f64 - 1.0);
    let grid: Vec<f32> = (0..SIDE)
        .flat_map(|row| (0..SIDE).flat_map(move |column| [place(column) as f32, place(row) as f32]))
        .collect();
    let mut logits = vec![0.0; 2 * SIDE * SIDE];
    answer.run(
        &[Data::Float(&theta), Data::Float(&[]), Data::Float(&grid)],
        &mut [DataMut::Float(&mut logits)],
        Key::new(SEED),
    )?;
    let probability = |pair: &[f32]| 1.0 / (1.0 + f64::from(pair[0] - pair[1]).exp());
    let values = logits.chunks_exact(2).map(probability).collect();

    let reach = [-REACH, REACH];
    let grid = Grid { x: reach, y: reach, columns: SIDE, values };
    let title = format!("Two spirals, told apart by {} numbers", theta.len());
    let mut surface =
        ContourChart::new(title, Axis::linear("x"), Axis::linear("y"), "probability of class 1", grid)
            .levels(Levels::At(vec![0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]))
            .ramp(Ramp::Diverging);
    for class in [0, 1] {
        surface = surface
            .group(points(&format!("class {class}"), &train_x, &train_labels, class))
            .group(points(&format!("class {class}, held out"), &test_x, &test_labels, class).hollow());
    }
    let curve =
        LineChart::new("The loss on its way down", Axis::linear("step"), Axis::logarithmic("cross-entropy"))
            .series(Series::new("training", losses))
            .series(Series::new("held out", test_losses))
            .level("knowing nothing: ln 2", std::f64::consts::LN_2);

    std::fs::create_dir_all(&folder)?;
    println!();
    for (name, picture) in [("decision-surface.svg", surface.svg()), ("loss-curve.svg", curve.svg())] {
        let path = folder.join(name);
        write_atomically(&path, |file| file.write_all(picture.as_bytes()))?;
        println!("wrote {} ({} kB)", path.display(), picture.len().div_ceil(1000));
    }

    if share < 0.95 {
        return Err(format!("{:.1}% is less than the 95% promised", 100.0 * share).into());
    }
    Ok(())
}

/// Coordinates and classes of all points.
fn values(data: &InMemory) -> Result<(Vec<f32>, Vec<i64>), Box<dyn Error>> {
    Ok((data.inputs_tensor::<f32>()?.to_vec(), data.labels().ok_or("the points have no classes")?))
}

/// The points of a class as a group of marks, which have the look of the class.
fn points(name: &str, x: &[f32], labels: &[i64], class: usize) -> Series {
    let places = x.chunks_exact(2).map(|at| [f64::from(at[0]), f64::from(at[1])]).zip(labels);
    Series::new(name, places.filter(|(_, label)| **label == class as i64).map(|(place, _)| place)).look(class)
}
