//! Trained models as source files in Rust that need nothing but the standard library.
//!
//! A file has one public function, `predict`, from data as it comes from its source to predictions, and below it
//! the loops that it calls and the numbers of the network. Perceptrons and convolutional networks can be written
//! so: linear layers, convolutions, poolings, normalizations, activations, and residual connections of them.

#[cfg(test)]
mod functions_tests;
mod layers;
mod source;

use crate::export::columns::features;
use crate::predictions::Meaning;
use crate::{Error, Model, Result};
use downhill_data::{ColumnKind, InputSchema, TargetSchema};
use layers::Walk;
use source::Writer;
use std::fmt;

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its text.
    pub text: String,
    /// The declaration of its function.
    pub signature: String,
    /// How many bytes of the stack the function's arrays take.
    pub stack: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, with {} bytes of arrays on the stack", self.signature, self.stack)
    }
}

/// A trained model as a source file with `pub fn predict(input: &[f32; N]) -> [f32; M]`.
///
/// - For a table, N is the number of its columns, in the order of the training data; a category is its position in
///   the sorted list of its column's categories. For images, N is the number of pixels, row by row and channel by
///   channel, with the numbers that the source has.
/// - The result is the probability of each class, or the target in its own unit, as [`Model::predict`] gives them.
///
/// The constants `COLUMNS` and `CLASSES` have the names. Columns are standardized in double precision; all else is
/// single, summed in plain order, so that the last digits may differ from the model's.
///
/// # Errors
/// [`Error::NotExportable`], which names the layer, for a layer that is none of those above.
pub fn model(model: &Model) -> Result<Source> {
    let schema = model.schema();
    let inputs = schema.inputs.shape().size();
    let (outputs, result) = match &schema.target {
        TargetSchema::Classes { classes, .. } => (classes.len(), "The probability of each class"),
        TargetSchema::Values { width, .. } => (*width, "The target, in its own unit"),
        TargetSchema::None => {
            let (what, reason) = ("a model without a target".into(), "it predicts nothing".into());
            return Err(Error::NotExportable { format: "Rust", what, reason });
        }
    };
    let mut writer = Writer::default();
    let first = prepare(&mut writer, model)?;
    let output = Walk::new(&mut writer, model.network(), model.parameters(), model.state(), first).run()?;
    finish(&mut writer, model, &output, outputs);

    let signature = format!("pub fn predict(input: &[f32; {inputs}]) -> [f32; {outputs}]");
    let stack = writer.stack;
    let mut text = format!(
        "//! A network that was trained on {}, written by downhill {}.\n//!\n//! {} parameters; `predict` takes \
         {stack} bytes of arrays on the stack.\n",
        model.title().escape_debug(),
        env!("CARGO_PKG_VERSION"),
        model.parameter_count(),
    );
    text += &names(model);
    text += &format!("\n/// {result}, for one example.\n///\n{}{signature} {{\n", input_docs(&schema.inputs));
    text += &writer.body;
    text += "}\n";
    text += &writer.rest();
    Ok(Source { text, signature, stack })
}

/// The names of columns and classes.
fn names(model: &Model) -> String {
    let list = |about: &str, name: &str, names: &[String]| {
        if names.is_empty() {
            return String::new();
        }
        let items: String = names.iter().map(|name| format!("    {name:?},\n")).collect();
        format!("\n/// {about}\npub const {name}: [&str; {}] = [\n{items}];\n", names.len())
    };
    let columns = match &model.schema().inputs {
        InputSchema::Columns(_) => model.schema().inputs.names(),
        InputSchema::Array { .. } => Vec::new(),
    };
    list("The columns, in the order of the input.", "COLUMNS", &columns)
        + &list("The classes, in the order of the result.", "CLASSES", model.schema().target.classes())
}

/// What is said of the input.
fn input_docs(inputs: &InputSchema) -> String {
    match inputs {
        InputSchema::Columns(columns) => {
            let mut text = String::from("/// The input has a number for each of `COLUMNS`.\n");
            for column in columns {
                if let ColumnKind::Categorical { categories } = &column.kind {
                    let codes =
                        categories.iter().enumerate().map(|(code, text)| format!("{code} for {text:?}"));
                    let codes = codes.collect::<Vec<_>>().join(", ");
                    text += &format!("/// In {:?} that is {codes}.\n", column.name);
                }
            }
            text
        }
        InputSchema::Array { shape, maximum, .. } => {
            let numbers = maximum.map_or(String::new(), |maximum| format!(", numbers from 0 to {maximum}"));
            format!("/// The input is an array {shape} in row-major order{numbers}.\n")
        }
    }
}

/// Statements that make of the input what the network sees; the variable that holds it.
fn prepare(writer: &mut Writer, model: &Model) -> Result<String> {
    match &model.schema().inputs {
        InputSchema::Columns(columns) => {
            let features = features(model.preprocessing());
            let first = writer.array(features.len());
            for (position, feature) in features.iter().enumerate() {
                let (column, name) = (feature.column, &columns[feature.column].name);
                let value = match feature.category() {
                    Some(code) => format!("f32::from(u8::from(input[{column}] == {code}.0))"),
                    None => {
                        let standard = feature.standardization();
                        format!(
                            "((f64::from(input[{column}]) - {:?}) / {:?}) as f32",
                            standard.mean, standard.scale
                        )
                    }
                };
                writer.line(&format!("{first}[{position}] = {value}; // {}", name.escape_debug()));
            }
            Ok(first)
        }
        InputSchema::Array { shape, maximum, .. } => {
            let first = writer.array(shape.size());
            match maximum {
                Some(maximum) => {
                    writer.line(&format!(
                        "{first}.iter_mut().zip(input).for_each(|(x, input)| *x = input / {maximum}.0);"
                    ));
                }
                None => writer.line(&format!("{first}.copy_from_slice(input);")),
            }
            Ok(first)
        }
    }
}

/// Statements that make predictions of the output, and return them.
fn finish(writer: &mut Writer, model: &Model, output: &str, outputs: usize) {
    if matches!(model.schema().target, TargetSchema::Values { .. }) {
        let values = model.preprocessing().targets().iter().enumerate().map(|(position, target)| {
            format!("(f64::from({output}[{position}]) * {:?} + {:?}) as f32", target.scale, target.mean)
        });
        let values = values.collect::<Vec<_>>().join(", ");
        writer.line(&format!("[{values}]"));
        return;
    }
    match Meaning::of(model.loss()) {
        Meaning::Logit => {
            writer.need("logistic");
            writer.line(&format!("[logistic(-{output}[0]), logistic({output}[0])]"));
        }
        Meaning::Margin => {
            writer.line(&format!("let yes = (0.5 + 0.5 * {output}[0]).clamp(0.0, 1.0);"));
            writer.line("[1.0 - yes, yes]");
        }
        Meaning::Logits => {
            writer.call("softmax", &format!("&mut {output}, {outputs}"));
            writer.line(output);
        }
        Meaning::Estimates => {
            writer.call("shares", &format!("&mut {output}"));
            writer.line(output);
        }
    }
}
