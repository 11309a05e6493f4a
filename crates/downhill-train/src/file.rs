//! The file of a model.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DOWNHILL` |
//! | 4 | the version of the format, little-endian |
//! | 8 | the length of the payload, little-endian |
//! | length | the payload in bincode: `About`, then the parameters and the state |
//! | 4 | the CRC-32 of everything before, little-endian |

use crate::model_spec::outputs;
use crate::step::input_type;
use crate::{Error, Model, Result};
use downhill_data::{Preprocessing, TargetKind, TargetSchema};
use downhill_engine::Engine;
use downhill_nn::{Loss, Network, from_description, to_description};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8; 8] = b"DOWNHILL";
const VERSION: u32 = 1;
const HEADER: usize = MAGIC.len() + 4 + 8;
const CHECKSUM: usize = 4;

/// What the payload begins with. The vectors of the parameters and the state follow.
#[derive(Serialize, Deserialize)]
struct About<'a> {
    /// The network as text.
    description: Cow<'a, str>,
    preprocessing: Cow<'a, Preprocessing>,
    loss: Loss,
    title: Cow<'a, str>,
    /// See `baseline::constant`.
    constant: Cow<'a, [f64]>,
}

/// The most bytes of all but the vectors. A text is allocated by the length that it claims before it is read,
/// and this is the most that it can claim.
const ABOUT_LIMIT: usize = 1 << 26;

/// The bytes of a model's file.
fn encode(model: &Model, path: &Path) -> Result<Vec<u8>> {
    let about = About {
        description: to_description(model.layers()).into(),
        preprocessing: Cow::Borrowed(model.preprocessing()),
        loss: *model.loss(),
        title: model.title().into(),
        constant: model.constant().into(),
    };
    let configuration = bincode::config::standard().with_fixed_int_encoding();
    let encoded = bincode::serde::encode_to_vec(&about, configuration).and_then(|mut payload| {
        let vectors = (model.parameters(), model.state());
        bincode::serde::encode_into_std_write(vectors, &mut payload, configuration)?;
        Ok(payload)
    });
    let payload = encoded.map_err(|error| Error::Malformed {
        path: path.into(),
        part: "payload",
        reason: error.to_string(),
    })?;
    let mut all = Vec::with_capacity(HEADER + payload.len() + CHECKSUM);
    all.extend_from_slice(MAGIC);
    all.extend_from_slice(&VERSION.to_le_bytes());
    all.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    all.extend_from_slice(&payload);
    let checksum = crc32fast::hash(&all);
    all.extend_from_slice(&checksum.to_le_bytes());
    Ok(all)
}

/// Writes a model's file, whole or not at all.
pub(crate) fn write(model: &Model, path: &Path) -> Result<()> {
    let bytes = encode(model, path)?;
    write_whole(path, &bytes)
}

/// Writes a file, whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    downhill_tensor::write_atomically(path, |file| file.write_all(bytes)).map_err(|error| match error {
        downhill_tensor::Error::Io { path, source } => Error::Io { path, source },
        other => Error::Io { path: path.into(), source: std::io::Error::other(other) },
    })
}

/// Reads a model's file.
///
/// # Errors
/// See [`Model::load`].
pub(crate) fn read(path: &Path) -> Result<Model> {
    let file = File::open(path).map_err(Error::io(path))?;
    let actual = file.metadata().map_err(Error::io(path))?.len();
    let mut all = Vec::new();
    // The header decides whether it is worth reading the rest.
    (&file).take(HEADER as u64).read_to_end(&mut all).map_err(Error::io(path))?;
    let payload_length = check_header(&all, path)?;
    let expected = payload_length.saturating_add((HEADER + CHECKSUM) as u64);
    if expected != actual {
        return Err(Error::WrongLength { path: path.into(), expected, actual });
    }
    file.take(expected).read_to_end(&mut all).map_err(Error::io(path))?;
    decode(&all, path)
}

/// The length of the payload, by a header.
fn check_header(header: &[u8], path: &Path) -> Result<u64> {
    let magic = &header[..header.len().min(MAGIC.len())];
    if *magic != MAGIC[..magic.len()] || header.is_empty() {
        let reason = match header {
            [] => "it is empty".into(),
            _ => format!("it begins with \"{}\" instead of \"DOWNHILL\"", magic.escape_ascii()),
        };
        return Err(Error::NotAModel { path: path.into(), reason });
    }
    let Some((version, length)) = header[magic.len()..].split_first_chunk::<4>() else {
        return Err(too_short(header, path));
    };
    let version = u32::from_le_bytes(*version);
    if version > VERSION {
        return Err(Error::NewerVersion { path: path.into(), version, known: VERSION });
    }
    if version == 0 {
        return Err(Error::NotAModel { path: path.into(), reason: "its version is 0".into() });
    }
    let length = length.first_chunk::<8>().ok_or_else(|| too_short(header, path))?;
    Ok(u64::from_le_bytes(*length))
}

fn too_short(header: &[u8], path: &Path) -> Error {
    let expected = (HEADER + CHECKSUM) as u64;
    Error::WrongLength { path: path.into(), expected, actual: header.len() as u64 }
}

/// The parts of a payload: what comes first, the parameters and the state.
fn decode_payload(payload: &[u8]) -> Result<(About<'static>, Vec<f32>, Vec<f32>), String> {
    let configuration = bincode::config::standard().with_fixed_int_encoding();
    let failed = |error: bincode::error::DecodeError| error.to_string();
    let (about, read) = bincode::serde::decode_from_slice(payload, configuration.with_limit::<ABOUT_LIMIT>())
        .map_err(failed)?;
    let vectors = payload.get(read..).unwrap_or_default();
    let ((parameters, state), read) =
        bincode::serde::decode_from_slice(vectors, configuration).map_err(failed)?;
    match vectors.len() - read {
        0 => Ok((about, parameters, state)),
        rest => Err(format!("{rest} bytes are left over")),
    }
}

/// The model of a file whose header is right.
fn decode(all: &[u8], path: &Path) -> Result<Model> {
    let malformed = |part| move |reason: String| Error::Malformed { path: path.into(), part, reason };
    let Some((body, checksum)) = all.split_last_chunk::<CHECKSUM>() else { return Err(too_short(all, path)) };
    let (expected, actual) = (u32::from_le_bytes(*checksum), crc32fast::hash(body));
    if expected != actual {
        return Err(Error::Checksum { path: path.into(), expected, actual });
    }
    let payload = body.get(HEADER..).unwrap_or_default();
    let (about, parameters, state) = decode_payload(payload).map_err(malformed("payload"))?;
    let About { description, preprocessing, loss, title, constant } = about;
    let preprocessing = preprocessing.into_owned();

    let layers = from_description(&description).map_err(|error| malformed("network")(error.to_string()))?;
    let network = input_type(1, preprocessing.output_schema().shape())
        .and_then(|input| Ok(Network::new(layers.clone(), input)?))
        .map_err(|error| malformed("network")(error.to_string()))?;
    let target = match &preprocessing.schema().target {
        TargetSchema::None => TargetKind::None,
        TargetSchema::Classes { classes, .. } => TargetKind::Classes { count: classes.len() },
        TargetSchema::Values { width, .. } => TargetKind::Values { width: *width },
    };
    let width = outputs(&loss, target).map_err(|error| malformed("loss")(error.to_string()))?;
    let answers = match target {
        TargetKind::Classes { count } => count,
        _ => width,
    };
    for (part, expected, actual) in [
        ("parameters", network.parameter_count(), parameters.len()),
        ("state", network.state_layout().len(), state.len()),
        ("outputs", width, network.output().shape.size()),
        ("baseline", answers, constant.len()),
    ] {
        if expected != actual {
            return Err(malformed(part)(format!("expected {expected} numbers, but found {actual}")));
        }
    }
    Ok(Model::new(
        layers,
        network,
        parameters,
        state,
        preprocessing,
        loss,
        title.into_owned(),
        constant.into_owned(),
        Engine::default(),
    ))
}
