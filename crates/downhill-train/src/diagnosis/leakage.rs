//! Whether the output for an example depends on what else is in its batch.

use super::not_finite::brief;
use super::sample::Sample;
use super::{Diagnosis, Severity, Verdict};
use crate::step::input_type;
use crate::{Error, Model, Result};
use downhill_autograd::{Data, Interpreter, Output, Program, Tape, Type};
use downhill_nn::Mode;
use downhill_tensor::{Key, Tensor};

/// How many examples the batch has that is looked at.
const EXAMPLES: usize = 8;

/// The derivatives across examples, as a part of those of an example's own, that are more than rounding.
const ROUNDING: f64 = 1e-9;

/// Differentiates the output for one example by the inputs of the others, in both modes.
pub(crate) fn examine(model: &Model, sample: &Sample, found: &mut Diagnosis) -> Result<()> {
    let examples = sample.batch.len.min(EXAMPLES);
    if examples < 2 {
        return Ok(());
    }
    let across = |mode| across(model, sample, examples, mode);
    let (Some(training), Some(inference)) = (across(Mode::Training)?, across(Mode::Inference)?) else {
        return Ok(());
    };
    found.note("derivative across examples / own, in training", None, training);
    found.note("derivative across examples / own, in use", None, inference);
    let by_batch = model.summary().rows.iter().any(|row| row.kind == "BatchNorm");
    let number = training.max(inference);
    let leaks = number > ROUNDING;
    let (severity, name) = match (leaks, by_batch && inference <= ROUNDING) {
        (false, _) => (Severity::Healthy, "examples-apart"),
        (true, true) => (Severity::Notice, "batch-statistics"),
        (true, false) => (Severity::Failure, "examples-mixed"),
    };
    let advice = match name {
        "batch-statistics" => {
            "It is meant to be so; take batches of at least 16, or layer normalization for smaller ones."
        }
        "examples-mixed" => {
            "Look for a reshape, a mean or a softmax along the first axis: it is that of the examples, and belongs to no \
             layer."
        }
        _ => "",
    };
    found.say(Verdict {
        severity,
        finding: match name {
            "examples-apart" => "The output for an example does not depend on the others of its batch.".into(),
            "batch-statistics" => format!(
                "In training the output for an example depends on the others of its batch ({} times as much as on itself), \
                 by the statistics of batch normalization; in use it does not.",
                brief(training)
            ),
            _ => format!(
                "The output for an example depends on the others of its batch: {} times as much as on itself in training, \
                 {} times in use.",
                brief(training),
                brief(inference)
            ),
        },
        number,
        threshold: ROUNDING,
        formula: "‖∂y₀/∂x₁..‖ / ‖∂y₀/∂x₀‖, along a random direction of y₀".into(),
        source: "exact derivatives, in double precision".into(),
        advice: advice.into(),
        ..Verdict::named(name)
    });
    Ok(())
}

/// How much the first example's output depends on the other examples, as a part of what it depends on its own; nothing
/// for inputs without derivatives, such as tokens.
fn across(model: &Model, sample: &Sample, examples: usize, mode: Mode) -> Result<Option<f64>> {
    let own = sample.batch.input_shape.size();
    let Some(program) = program(model, sample, examples, mode)? else { return Ok(None) };
    let double = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let (theta, state) = (double(model.parameters()), double(model.state()));
    let inputs = double(&sample.batch.inputs[..examples * own]);
    let given = [Data::Float(&theta[..]), Data::Float(&state), Data::Float(&inputs)];
    let outputs = Interpreter
        .outputs(&program, &given, Key::new(1))
        .map_err(Error::execution("differentiating across examples"))?;
    let derivatives: Vec<f64> = outputs.first().map_or(Vec::new(), |slope| slope.iter().collect());
    let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (mine, others) = derivatives.split_at(own.min(derivatives.len()));
    let (mine, others) = (norm(mine), norm(others));
    // Where nothing comes through at all, nothing leaks.
    Ok(Some(if others == 0.0 { 0.0 } else { others / mine }))
}

/// The derivative of the first example's output, along some direction, by all inputs.
fn program(model: &Model, sample: &Sample, examples: usize, mode: Mode) -> Result<Option<Program>> {
    let network = model.network();
    let tape = Tape::new();
    let theta = tape.input("parameters", [model.parameter_count()]);
    let state = tape.input("state", [model.state().len()]);
    let Type { shape, .. } = input_type(examples, sample.batch.input_shape)?;
    let x = tape.input("input", shape);
    let y = network.apply(mode, theta, state, x);
    let width = network.output().shape.size();
    let mut direction = vec![0.0; examples * width];
    // No two alike, so that nothing cancels.
    direction[..width].iter_mut().enumerate().for_each(|(i, u)| *u = 1.0 + (i as f64 * 0.618_034).fract());
    let finished = Tensor::from_vec(direction, y.shape()).map_err(Error::from).map(|direction| {
        let slope = tape.vjp(&[(y, tape.constant(direction))], &[x]);
        tape.finish(&[Output::new("slope", &slope[0])])
    })?;
    Ok(finished.ok())
}
