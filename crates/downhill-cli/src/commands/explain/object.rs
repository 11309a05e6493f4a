//! The explanation as one JSON object.

use super::subject::Subject;
use crate::options::hyphens;
use downhill::autograd::explain::{Explained, Explanation, Summary};
use downhill::train::explain::{ExampleTarget, StepByStep, Update};
use serde_json::{Value, json};

/// The object.
pub fn of(subject: &Subject, steps: &StepByStep, layer: Option<&str>) -> Value {
    let values = steps.explanation.values.iter().enumerate();
    let shown = values.filter(|(_, value)| layer.is_none_or(|layer| value.belongs_to(layer)));
    let (apart, worst, element) = steps.explanation.largest_disagreement();
    json!({
        "run": subject.run,
        "example": subject.example,
        "model": subject.model,
        "parameters": subject.parameters.len(),
        "loss_function": hyphens(subject.loss.name()),
        "input": subject.input,
        "target": match &subject.target {
            ExampleTarget::Class(class) => json!({ "class": class }),
            ExampleTarget::Values(values) => json!(values),
        },
        "layers": steps.layers,
        "loss": steps.loss,
        "values": shown.map(|(number, own)| value(&steps.explanation, number, own)).collect::<Vec<_>>(),
        "finite_differences_apart": { "relative": apart, "at": steps.explanation.values[worst].element(element) },
        "reverse_mode_apart": steps.reverse_mode_apart,
        "descent": update(&steps.descent, layer),
        "optimizer": steps.optimizer.as_ref().map(|own| update(own, layer)),
    })
}

fn value(explanation: &Explanation, number: usize, value: &Explained) -> Value {
    let large = value.numbers.len() > explanation.elements;
    let numbers = |numbers: &[f64]| if large { json!(Summary::of(numbers)) } else { json!(numbers) };
    let term = |element: usize| {
        let terms = explanation.terms(number, element);
        let term = terms.iter().map(|term| {
            json!({
                "through": explanation.values[term.consumer].element(term.element),
                "arriving": term.arriving,
                "local": term.local,
                "product": term.product,
            })
        });
        term.collect::<Vec<_>>()
    };
    let gradient = value.gradient.as_ref().map(|gradient| {
        json!({
            "sum": numbers(&gradient.sum),
            "finite_difference": gradient.finite_difference,
            "paths": if large { Value::Null } else { (0..gradient.sum.len()).map(term).collect::<Vec<_>>().into() },
        })
    });
    json!({
        "name": value.name,
        "layer": value.path,
        "role": value.role,
        "operation": value.operation,
        "formula": value.formula,
        "shape": value.shape,
        "numbers": numbers(&value.numbers),
        "gradient": gradient,
    })
}

fn update(update: &Update, layer: Option<&str>) -> Value {
    let moves = update.moves.iter().filter(|step| layer.is_none_or(|layer| step.belongs_to(layer)));
    json!({
        "rule": hyphens(&update.rule),
        "learning_rate": update.learning_rate,
        "parameters": moves.collect::<Vec<_>>(),
        "loss_after": update.loss_after,
    })
}
