//! A trained model as a graph: the preprocessing before the network, and what makes predictions of its outputs.

use super::graph::{Attribute, Dimension, ElementType, Graph};
use super::{Onnx, Recorded, describe};
use crate::export::columns::{Feature, features};
use crate::predictions::Meaning;
use crate::{Error, Model, Result};
use downhill_data::{ColumnKind, InputSchema, TargetSchema};
use downhill_nn::Loss;
use serde_json::json;

pub(super) fn model(model: &Model, recorded: &Recorded<'_>) -> Result<Onnx> {
    let mut graph = Graph::default();
    let schema = model.schema();
    let ty = match &schema.inputs {
        InputSchema::Array { maximum: Some(_), .. } => ElementType::Uint8,
        _ => ElementType::Float,
    };
    let mut dims = recorded.dims(&model.network().input().shape);
    if let InputSchema::Columns(columns) = &schema.inputs {
        dims = vec![dims[0], Dimension::Fixed(columns.len())];
    }
    graph.input("input", ty, &dims, "the data as it comes from its source");
    remark_columns(&mut graph, &schema.inputs);
    let ready = match &schema.inputs {
        InputSchema::Columns(_) => columns(&mut graph, &features(model.preprocessing())),
        InputSchema::Array { maximum: Some(maximum), .. } => {
            let pixels = cast(&mut graph, "input", ElementType::Float);
            let maximum = graph.floats(&[], [f32::from(*maximum)]);
            graph.node("Div", &[&pixels, &maximum], &[])
        }
        InputSchema::Array { maximum: None, .. } => "input".into(),
    };
    let output = recorded.add_to(&mut graph, &ready)?;
    let (name, result, width) = match &schema.target {
        TargetSchema::Classes { classes, .. } => {
            graph.remark("classes", &json!(classes).to_string());
            ("probabilities", probabilities(&mut graph, model.loss(), &output, classes.len()), classes.len())
        }
        TargetSchema::Values { name, width } => {
            graph.remark("target", &json!(name).to_string());
            ("values", values(&mut graph, model, &output), *width)
        }
        TargetSchema::None => {
            return Err(Error::NotExportable {
                format: "ONNX",
                what: "a model without a target".into(),
                reason: "it predicts nothing".into(),
            });
        }
    };
    graph.rename(&result, name);
    let result_dims = [dims[0], Dimension::Fixed(width)];
    graph.output(name, ElementType::Float, &result_dims, "");
    let signature =
        format!("input {}, {name} {}", describe(ty, &dims), describe(ElementType::Float, &result_dims));
    let about = format!("A network that was trained on {}; {signature}", model.title());
    Ok(Onnx { bytes: graph.into_model("model", &about), batch: recorded.batch(), signature })
}

fn cast(graph: &mut Graph, value: &str, to: ElementType) -> String {
    graph.node("Cast", &[value], &[Attribute::Int("to", to as i64)])
}

/// Notes the names of columns and of their categories.
fn remark_columns(graph: &mut Graph, inputs: &InputSchema) {
    if inputs.columns().is_empty() {
        return;
    }
    let columns = inputs.columns().iter().map(|column| match &column.kind {
        ColumnKind::Numeric => json!({ "name": column.name }),
        ColumnKind::Categorical { categories } => json!({ "name": column.name, "categories": categories }),
    });
    graph.remark(
        "columns",
        &columns.collect::<Vec<_>>().into_iter().collect::<serde_json::Value>().to_string(),
    );
}

/// The numbers that the network sees: `(x - mean) / scale` of numeric columns; 1 where a column has a category,
/// and 0 elsewhere.
fn columns(graph: &mut Graph, features: &[Feature]) -> String {
    let width = features.len();
    let sources = features.iter().map(|feature| feature.column as i64);
    let sources = graph.integers(&[width], sources);
    let chosen = graph.node("Gather", &["input", &sources], &[Attribute::Int("axis", 1)]);
    // What is left of a large mean after the subtraction needs more digits.
    let exact = cast(graph, &chosen, ElementType::Double);
    let mean = graph.doubles(&[width], features.iter().map(|feature| feature.standardization().mean));
    let scale = graph.doubles(&[width], features.iter().map(|feature| feature.standardization().scale));
    let centered = graph.node("Sub", &[&exact, &mean], &[]);
    let standard = graph.node("Div", &[&centered, &scale], &[]);
    let standard = cast(graph, &standard, ElementType::Float);
    if features.iter().all(|feature| feature.category().is_none()) {
        return standard;
    }
    let categorical = graph.truths(&[width], features.iter().map(|feature| feature.category().is_some()));
    // The code of no category, for columns of numbers.
    let codes = features.iter().map(|feature| feature.category().map_or(-1.0, |code| code as f32));
    let codes = graph.floats(&[width], codes);
    let here = graph.node("Equal", &[&chosen, &codes], &[]);
    let here = cast(graph, &here, ElementType::Float);
    graph.node("Where", &[&categorical, &here, &standard], &[])
}

/// The probabilities of the classes by the outputs, which the loss has given their meaning.
fn probabilities(graph: &mut Graph, loss: &Loss, output: &str, classes: usize) -> String {
    let last = Attribute::Int("axis", -1);
    match Meaning::of(loss) {
        Meaning::Logit => {
            let opposite = graph.node("Neg", &[output], &[]);
            let no = graph.node("Sigmoid", &[&opposite], &[]);
            let yes = graph.node("Sigmoid", &[output], &[]);
            graph.node("Concat", &[&no, &yes], &[last])
        }
        Meaning::Margin => {
            let [half, one, zero] = [0.5, 1.0, 0.0].map(|number| graph.floats(&[], [number]));
            let halved = graph.node("Mul", &[output, &half], &[]);
            let shifted = graph.node("Add", &[&halved, &half], &[]);
            let yes = graph.node("Clip", &[&shifted, &zero, &one], &[]);
            let no = graph.node("Sub", &[&one, &yes], &[]);
            graph.node("Concat", &[&no, &yes], &[last])
        }
        Meaning::Logits => graph.node("Softmax", &[output], &[last]),
        // Shares of the sum of those above 0; equal ones where there are none.
        Meaning::Estimates => {
            let positive = graph.node("Relu", &[output], &[]);
            let axis = graph.integers(&[1], [-1]);
            let sum = graph.node("ReduceSum", &[&positive, &axis], &[Attribute::Int("keepdims", 1)]);
            let shares = graph.node("Div", &[&positive, &sum], &[]);
            let zero = graph.floats(&[], [0.0]);
            let any = graph.node("Greater", &[&sum, &zero], &[]);
            let equal = graph.floats(&[classes], vec![1.0 / classes as f32; classes]);
            graph.node("Where", &[&any, &shares, &equal], &[])
        }
    }
}

/// The outputs in the units of the target.
fn values(graph: &mut Graph, model: &Model, output: &str) -> String {
    let targets = model.preprocessing().targets();
    let exact = cast(graph, output, ElementType::Double);
    let scale = graph.doubles(&[targets.len()], targets.iter().map(|target| target.scale));
    let mean = graph.doubles(&[targets.len()], targets.iter().map(|target| target.mean));
    let scaled = graph.node("Mul", &[&exact, &scale], &[]);
    let shifted = graph.node("Add", &[&scaled, &mean], &[]);
    cast(graph, &shifted, ElementType::Float)
}
