//! Networks as text: what is written beside the parameters, so that a saved model loads without the code that
//! built it.

use crate::{AnyLayer, Error, Result};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "downhill-model";
const VERSION: u64 = 1;

#[derive(Serialize)]
struct Written<'a> {
    format: &'a str,
    version: u64,
    layer: &'a AnyLayer,
}

/// What must be known of a description before the rest of it can be understood.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    layer: AnyLayer,
}

/// A network as JSON, with a version.
///
/// ```
/// use downhill_nn::{Activation, from_description, models, to_description};
/// let network = models::mlp(&[16], 3, Activation::Relu).into();
/// let text = to_description(&network);
/// assert_eq!(from_description(&text)?, network);
/// let wrong = text.replace("\"out_features\": 16", "\"out_features\": \"many\"");
/// let error = from_description(&wrong).unwrap_err().to_string();
/// assert!(error.contains("`layer.Sequential.layers[0].Linear.out_features` (line 9"), "{error}");
/// # Ok::<(), downhill_nn::Error>(())
/// ```
pub fn to_description(layer: &AnyLayer) -> String {
    serde_json::to_string_pretty(&Written { format: FORMAT, version: VERSION, layer })
        .expect("layers consist of numbers, texts and lists, all of which JSON can hold")
}

/// The network that a text of [`to_description`] describes.
///
/// # Errors
/// [`Error::Description`] with the field, line and column of the first thing that is wrong;
/// [`Error::DescriptionVersion`] for a text of another format or a later version.
pub fn from_description(text: &str) -> Result<AnyLayer> {
    let header: Header = serde_json::from_str(text).map_err(|error| located(text, &error))?;
    if header.format != FORMAT {
        return Err(Error::DescriptionVersion {
            field: "format",
            expected: format!("{FORMAT:?}"),
            actual: format!("{:?}", header.format),
        });
    }
    if header.version != VERSION {
        return Err(Error::DescriptionVersion {
            field: "version",
            expected: VERSION.to_string(),
            actual: header.version.to_string(),
        });
    }
    let read: Read = serde_json::from_str(text).map_err(|error| located(text, &error))?;
    Ok(read.layer)
}

/// An error of the parser with the path of the field at its position.
fn located(text: &str, error: &serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = (start + column).min(text.len());
    let message = error.to_string();
    // The position is given by fields of its own.
    let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
    let path = path_at(&text.as_bytes()[..end]);
    Error::Description { path, line, column, reason: reason.into() }
}

/// Where one is in a JSON text when `text` has been read: `layers[2].Linear.out_features`. At the end of an
/// object or list it is that object or list, since what it lacks is found out there.
fn path_at(text: &[u8]) -> String {
    enum Step {
        Key(String),
        Index(usize),
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut position = 0;
    let mut last_text = String::new();
    while position < text.len() {
        match text[position] {
            b'"' => {
                let start = position + 1;
                position = start;
                while position < text.len() && text[position] != b'"' {
                    position += if text[position] == b'\\' { 2 } else { 1 };
                }
                last_text = String::from_utf8_lossy(&text[start..position.min(text.len())]).into_owned();
                // A field that does not exist is reported at its name, before the colon.
                let rest = text.get(position + 1..).unwrap_or_default();
                let before = text[..start - 1].iter().rev().find(|byte| !byte.is_ascii_whitespace());
                let is_name = matches!(before, Some(b'{' | b',')) && rest.iter().all(u8::is_ascii_whitespace);
                if let (true, Some(Step::Key(key))) = (is_name, steps.last_mut()) {
                    key.clone_from(&last_text);
                }
            }
            b':' => {
                if let Some(Step::Key(key)) = steps.last_mut() {
                    key.clone_from(&last_text);
                }
            }
            b'{' => steps.push(Step::Key(String::new())),
            b'[' => steps.push(Step::Index(0)),
            b',' => {
                if let Some(Step::Index(index)) = steps.last_mut() {
                    *index += 1;
                }
            }
            b'}' | b']' => {
                steps.pop();
            }
            _ => {}
        }
        position += 1;
    }
    let mut path = String::new();
    for step in &steps {
        match step {
            Step::Key(key) if key.is_empty() => {}
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.push_str(&format!(".{key}")),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    if path.is_empty() { "the whole".into() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;

    fn error_of(text: &str) -> String {
        from_description(text).unwrap_err().to_string()
    }

    fn described(layer: &str) -> String {
        format!("{{\n  \"format\": \"downhill-model\",\n  \"version\": 1,\n  \"layer\": {layer}\n}}")
    }

    #[test]
    fn every_built_in_layer_survives_being_written_and_read() {
        let everything = Sequential::new()
            .with(Conv2d { groups: 2, dilation: [1, 2], ..Conv2d::new(4, 3) })
            .with(BatchNorm { momentum: 0.3, ..BatchNorm::default() })
            .with(Activation::LeakyRelu { negative_slope: 1.0 / 3.0 })
            .with(MaxPool2d::new(2))
            .with(AvgPool2d::new(2))
            .with(Flatten {})
            .with(Dropout::new(0.1 + 0.2))
            .with_named("head", Residual::new(Sequential::new().with(LayerNorm::default())))
            .with(Embedding::new(10, 4))
            .with(PositionEmbedding::new(7))
            .with(MultiHeadAttention::causal(2))
            .with(TransformerBlock::new(2))
            .with(GlobalAveragePool2d {})
            .with(Lstm::all_steps(3))
            .with(Linear { bias: false, ..Linear::new(3) });
        let everything = AnyLayer::from(everything);
        assert_eq!(from_description(&to_description(&everything)).unwrap(), everything);
    }

    #[test]
    fn a_missing_field_is_named_with_its_layer_and_line() {
        let text = described(r#"{"Sequential": {"layers": [{"Flatten": {}}, {"Linear": {"bias": true}}]}}"#);
        assert_eq!(
            error_of(&text),
            "the model description is wrong at `layer.Sequential.layers[1].Linear` (line 4, column 80): missing \
             field `out_features`"
        );
    }

    #[test]
    fn an_unknown_field_is_named_with_those_that_there_are() {
        let text = described(r#"{"Linear": {"out_features": 3, "biass": true}}"#);
        assert_eq!(
            error_of(&text),
            "the model description is wrong at `layer.Linear.biass` (line 4, column 49): unknown field `biass`, \
             expected `out_features` or `bias`"
        );
    }

    #[test]
    fn a_wrong_type_and_an_unknown_layer_are_reported_where_they_stand() {
        let text =
            described(r#"{"Sequential": {"layers": [{"Linear": {"out_features": -3, "bias": true}}]}}"#);
        let error = error_of(&text);
        assert!(error.contains("at `layer.Sequential.layers[0].Linear.out_features` (line 4"), "{error}");
        assert!(error.contains("invalid value: integer `-3`, expected usize"), "{error}");
        let error = error_of(&described(r#"{"Sequential": {"layers": [{"Liner": {}}]}}"#));
        assert!(error.contains("at `layer.Sequential.layers[0].Liner`"), "{error}");
        assert!(error.contains("unknown variant `Liner`, expected one of `Activation`"), "{error}");
    }

    #[test]
    fn another_format_or_version_is_said_before_anything_else() {
        assert_eq!(
            error_of(r#"{"format": "downhill-model", "version": 7, "hyperlayer": {}}"#),
            "the model description has version 7, but this program reads 1"
        );
        assert!(error_of(r#"{"format": "onnx", "version": 1}"#).contains("format \"onnx\""));
        assert!(error_of("{\"version\": 1}").contains("missing field `format`"));
        assert!(error_of("").contains("EOF while parsing a value"));
        assert!(error_of("{\"format\": \"downhill-mo").contains("EOF while parsing a string"));
    }

    proptest::proptest! {
        #[test]
        fn damaged_descriptions_are_errors_with_a_place(cut in 0usize..400, byte in 0u8..128) {
            let text = to_description(&models::cnn(3).into());
            let cut = cut.min(text.len() - 1);
            proptest::prop_assert!(from_description(&text[..cut]).is_err());
            let mut bytes = text.into_bytes();
            bytes[cut] = byte;
            let damaged = String::from_utf8(bytes).unwrap();
            if let Err(Error::Description { line, path, .. }) = from_description(&damaged) {
                proptest::prop_assert!(line >= 1 && line <= damaged.lines().count() && !path.is_empty());
            }
        }
    }

    #[test]
    fn endless_nesting_is_an_error() {
        let nested = format!("{}{{}}{}", "{\"Residual\":{\"inner\":".repeat(10_000), "}}".repeat(10_000));
        let error = error_of(&described(&nested));
        assert!(error.contains("recursion limit exceeded"), "{}", &error[error.len() - 80..]);
    }
}
