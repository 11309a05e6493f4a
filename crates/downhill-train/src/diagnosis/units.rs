//! Units that say nothing: dead ReLUs, saturated sigmoids and tangents.

use super::examine::percent;
use super::sample::Sample;
use super::{Diagnosis, Severity, Verdict};
use crate::{Error, Model, Result};
use downhill_autograd::{Data, Interpreter, NodeId, Program};
use downhill_tensor::{Key, Shape};

/// The share of a layer's units that may be dead, and the one from which nothing gets through.
const DEAD: f64 = 0.5;
const ALL_DEAD: f64 = 0.95;

/// The share of values that may be saturated.
const SATURATED: f64 = 0.5;
const ALL_SATURATED: f64 = 0.95;

/// A value counts as saturated where the derivative is below this part of its largest.
const FLAT: f64 = 0.01;

/// What is looked for behind an activation.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Relu,
    Sigmoid,
    Tanh,
}

impl Kind {
    /// By the name of the operation.
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "relu" => Some(Kind::Relu),
            "sigmoid" => Some(Kind::Sigmoid),
            "tanh" => Some(Kind::Tanh),
            _ => None,
        }
    }

    /// Whether the derivative is as good as 0 there.
    fn is_flat(self, y: f64) -> bool {
        match self {
            Kind::Relu => y <= 0.0,
            Kind::Sigmoid => 4.0 * y * (1.0 - y) < FLAT,
            Kind::Tanh => 1.0 - y * y < FLAT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Relu => "ReLU",
            Kind::Sigmoid => "sigmoid",
            Kind::Tanh => "tanh",
        }
    }
}

/// Looks at what each activation makes of the sample.
pub(crate) fn examine(model: &Model, sample: &Sample, found: &mut Diagnosis) -> Result<()> {
    let program = model.network().inference_program(sample.input()?)?;
    let inputs =
        [Data::Float(model.parameters()), Data::Float(model.state()), Data::Float(&sample.batch.inputs)];
    let mut shares = Vec::new();
    Interpreter
        .values(&program, &inputs, Key::new(0), |node, data| {
            if let (Some(kind), Data::Float(values)) = (of_interest(model, &program, node), data) {
                shares.push((program.place(node).path, kind, share(kind, program.ty(node).shape, values)));
            }
        })
        .map_err(Error::execution("looking at the units"))?;
    for (path, kind, share) in shares {
        let what = if kind == Kind::Relu { "dead ReLU units, share" } else { "saturated values, share" };
        found.note(what, Some(&path), share);
        found.say(verdict(kind, path, share));
    }
    Ok(())
}

/// Whether a value is that of an activation of its own, and not a gate or a part of another function.
fn of_interest(model: &Model, program: &Program, node: NodeId) -> Option<Kind> {
    let kind = Kind::of(program.operation_name(node))?;
    let path = program.place(node).path;
    let row = model.summary().rows.iter().rev().find(|row| row.path == path)?;
    ["relu", "sigmoid", "tanh", "Rnn"].contains(&row.kind.as_str()).then_some(kind)
}

/// The share of dead units, or of saturated values. A unit is a feature or a channel.
fn share(kind: Kind, shape: Shape, values: &[f32]) -> f64 {
    let flat = |y: &f32| kind.is_flat(f64::from(*y));
    if kind != Kind::Relu {
        return values.iter().filter(|y| flat(y)).count() as f64 / values.len().max(1) as f64;
    }
    // Images have their channels behind the batch, sequences their features at the end.
    let axis = if shape.rank() >= 4 { 1 } else { shape.rank().saturating_sub(1) };
    let units = shape.dims().get(axis).copied().unwrap_or(1);
    let inner: usize = shape.dims().iter().skip(axis + 1).product();
    let mut dead = vec![true; units];
    for (number, y) in values.iter().enumerate() {
        dead[number / inner.max(1) % units.max(1)] &= flat(y);
    }
    dead.iter().filter(|&&dead| dead).count() as f64 / units.max(1) as f64
}

fn verdict(kind: Kind, path: String, share: f64) -> Verdict {
    let (most, all, name, healthy) = match kind {
        Kind::Relu => (DEAD, ALL_DEAD, "dead-units", "live-units"),
        _ => (SATURATED, ALL_SATURATED, "saturated-units", "unsaturated-units"),
    };
    let severity = match share {
        share if share >= all => Severity::Failure,
        share if share > most => Severity::Warning,
        _ => Severity::Healthy,
    };
    let bad = severity != Severity::Healthy;
    let finding = match kind {
        Kind::Relu => format!("Of its units {} are 0 for every example of the sample.", percent(share)),
        _ => format!(
            "Of its values {} lie where the derivative of the {} is below a hundredth of its largest.",
            percent(share),
            kind.name()
        ),
    };
    let advice = match kind {
        _ if !bad => "",
        Kind::Relu => {
            "Lower the learning rate, start anew, or take a function with a slope below 0 (leaky ReLU, GELU): no gradient \
             gets back through a dead unit."
        }
        _ => {
            "Start from smaller weights, standardize the inputs, lower the learning rate, or normalize before the \
             activation."
        }
    };
    Verdict {
        severity,
        place: Some(path),
        finding,
        number: share,
        threshold: most,
        formula: match kind {
            Kind::Relu => "units that are 0 for all examples / units",
            Kind::Sigmoid => "values with 4 y (1 - y) < 0.01 / values",
            Kind::Tanh => "values with 1 - y² < 0.01 / values",
        }
        .into(),
        source: match kind {
            Kind::Relu => "L. Lu et al., Dying ReLU and initialization, 2019 (arXiv:1903.06733)",
            _ => "X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010",
        }
        .to_owned()
            + "; the threshold is a convention",
        advice: advice.into(),
        ..Verdict::named(if bad { name } else { healthy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_is_where_the_derivative_is_below_a_hundredth_of_its_largest() {
        assert!(Kind::Sigmoid.is_flat(0.002) && !Kind::Sigmoid.is_flat(0.003));
        assert!(Kind::Sigmoid.is_flat(0.998) && !Kind::Sigmoid.is_flat(0.997));
        assert!(Kind::Tanh.is_flat(-0.996) && !Kind::Tanh.is_flat(-0.994));
        assert!(Kind::Relu.is_flat(0.0) && !Kind::Relu.is_flat(1e-3));
    }
}
