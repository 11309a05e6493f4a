//! Layer by layer: how far a step moves them, and how much of the gradient gets to them.

use super::during::median;
use super::not_finite::brief;
use super::{Severity, Verdict};

/// The median of `‖Δθ‖ / ‖θ‖` of a layer from which its steps count as large.
const LARGE_UPDATE: f64 = 0.3;

/// The ratio of the first layer's gradient to the last one's from which it counts as vanished, or exploded.
const RATIO: f64 = 1e3;

/// The ratio from which nothing can be learned there.
const HOPELESS_RATIO: f64 = 1e6;

/// The weights of a layer, and what was seen of them.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// The name of the parameter.
    pub name: String,
    /// Whether steps see only rows of it.
    pub sparse: bool,
    /// The median of `‖Δθ‖ / ‖θ‖`; NaN if it was not seen.
    pub update: f64,
    /// The largest.
    pub largest_update: f64,
    /// The median of `‖g‖ / √n`.
    pub gradient: f64,
    /// The largest.
    pub largest_gradient: f64,
}

/// Whether the layers move by a usual part of their size.
pub(crate) fn update_sizes(layers: &[Layer]) -> Option<Verdict> {
    let largest = layers.iter().filter(|layer| !layer.update.is_nan());
    let largest = largest.max_by(|a, b| a.update.total_cmp(&b.update))?;
    let all = median(layers.iter().map(|layer| layer.update));
    let high = largest.update > LARGE_UPDATE;
    Some(Verdict {
        severity: if high { Severity::Warning } else { Severity::Healthy },
        place: high.then(|| largest.name.clone()),
        finding: if high {
            format!("A step changes the weights by {} of their size.", brief(largest.update))
        } else {
            format!("A step changes the weights of a layer by {} of their size.", brief(all))
        },
        number: largest.update,
        threshold: LARGE_UPDATE,
        formula: "median over steps of ‖Δθ‖ / ‖θ‖, the largest of the layers".into(),
        source: "about 1e-3 is usual (A. Karpathy, CS231n, notes on babysitting the learning process); steps of a third \
                 leave little of what was learned before"
            .into(),
        advice: if high { "Lower the learning rate, or that of this layer.".into() } else { String::new() },
        ..Verdict::named("update-size")
    })
}

/// Whether the gradient gets to all layers, and to the first ones as to the last.
pub(crate) fn gradients(layers: &[Layer]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> =
        layers.iter().filter(|layer| layer.largest_gradient == 0.0).map(no_gradient).collect();
    let dense: Vec<&Layer> = layers
        .iter()
        .filter(|layer| !layer.sparse && layer.gradient.is_finite() && layer.gradient > 0.0)
        .collect();
    let [first, .., last] = &dense[..] else { return verdicts };
    let number = first.gradient / last.gradient;
    let (away, name, advice) = if number < 1.0 {
        (
            1.0 / number,
            "vanishing-gradient",
            "Take ReLU instead of sigmoid or tanh, normalize between layers, add residual connections, or start from \
             weights that keep the size of the signal (He, Xavier).",
        )
    } else {
        (
            number,
            "exploding-gradient-by-layer",
            "Start from smaller weights, normalize between layers, or clip the gradient's norm.",
        )
    };
    let severity = match away {
        away if away > HOPELESS_RATIO => Severity::Failure,
        away if away > RATIO => Severity::Warning,
        _ => Severity::Healthy,
    };
    let healthy = severity == Severity::Healthy;
    verdicts.push(Verdict {
        severity,
        place: (!healthy).then(|| first.name.clone()),
        finding: format!(
            "An element of the gradient is about {} in `{}` and {} in `{}`.",
            brief(first.gradient),
            first.name,
            brief(last.gradient),
            last.name
        ),
        number,
        threshold: if number < 1.0 { 1.0 / RATIO } else { RATIO },
        formula: "(‖g‖ / √n of the first weights) / (the same of the last)".into(),
        source: "X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010; \
                 the threshold is a convention"
            .into(),
        advice: if healthy { String::new() } else { advice.into() },
        ..Verdict::named(if healthy { "gradient-by-layer" } else { name })
    });
    verdicts
}

/// A layer at which nothing arrives.
fn no_gradient(layer: &Layer) -> Verdict {
    Verdict {
        severity: Severity::Failure,
        place: Some(layer.name.clone()),
        finding: "Its gradient was exactly 0 whenever it was looked at, so it never moved.".into(),
        number: 0.0,
        threshold: 0.0,
        formula: "largest ‖g‖ / √n over the steps that were looked at".into(),
        source: "gradient descent stays where the gradient is 0".into(),
        advice: "Look behind it for units that are dead, for weights that all start at 0, and for values through which \
                 no derivative goes."
            .into(),
        ..Verdict::named("no-gradient")
    }
}
