//! Parameters and state of a network under the names and in the layouts of PyTorch's `state_dict`.
//!
//! Each built-in layer is taken for the one of PyTorch's that computes the same:
//!
//! | layer | in PyTorch | its tensors |
//! |---|---|---|
//! | `Linear` | `Linear` | `weight` (the transpose of ours), `bias` |
//! | `Conv1d`, `Conv2d`, `Conv3d`, `ConvTranspose1d`, `ConvTranspose2d` | the same | `weight`, `bias` |
//! | `Embedding`, `EmbeddingBag` | the same | `weight` |
//! | `PositionEmbedding` | `Embedding` | `weight` |
//! | `LayerNorm`, `GroupNorm` | the same | `weight`, `bias` |
//! | `InstanceNorm` | `InstanceNorm1d`, `InstanceNorm2d`, without running statistics | `weight`, `bias` |
//! | `RmsNorm`, `PRelu` | `RMSNorm`, `PReLU` | `weight` |
//! | `BatchNorm` | `BatchNorm1d`, `BatchNorm2d` | `weight`, `bias`, `running_mean`, `running_var`, and `num_batches_tracked`, which is written as 0 and not looked at |
//! | `Lstm`, `Gru`, `Rnn` | `LSTM`, `GRU`, `RNN` of one layer, `batch_first` | `weight_ih_l0`, `weight_hh_l0` (transposes), `bias_ih_l0`, `bias_hh_l0` |
//! | `Recurrent` | the same of several layers | `weight_ih_l0` to `bias_hh_l0_reverse`, `weight_ih_l1` and so on |
//! | `MultiHeadAttention`, not `rotary` | `MultiheadAttention`, `batch_first` | `in_proj_weight`, `out_proj.weight` (transposes), `in_proj_bias`, `out_proj.bias` |
//! | `TransformerBlock` | `TransformerEncoderLayer`, `norm_first`, with `activation="gelu"` | `norm1`, `self_attn`, `norm2`, `linear1`, `linear2` |
//!
//! `Sequential` numbers its layers as PyTorch's does, so that `0.weight` is the weight of the first; `Named` layers
//! and the `inner` layer of a `Residual` have their names. Layers without parameters have no tensors, in either.
//!
//! Source: the documentation of `torch.nn`, version 2.

use crate::{Error, Result};
use downhill_nn::{AnyLayer, Layer, Network};
use downhill_tensor::{
    AnyTensor, DType, Float, NamedTensors, ParameterEntry, ParameterLayout, Shape, Tensor,
};
use std::path::Path;

/// The numbers of a network: what a [`Network`] describes and does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T> {
    /// All parameters, in the order of the network's layout.
    pub parameters: Vec<T>,
    /// The state beside them, such as running statistics.
    pub state: Vec<T>,
}

/// How a tensor of theirs lies, seen from ours.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Same,
    Transposed,
    /// A whole number of theirs for which there is nothing here.
    Counter,
}

/// Where the numbers of a tensor are.
#[derive(Clone, Copy)]
enum Place<'a> {
    Parameters(&'a ParameterEntry),
    State(&'a ParameterEntry),
    Nowhere,
}

/// One tensor of a state dict.
struct Row<'a> {
    theirs: String,
    place: Place<'a>,
    form: Form,
}

impl Row<'_> {
    /// The shape of their tensor.
    fn shape(&self) -> Shape {
        match (self.place, self.form) {
            (Place::Nowhere, _) => Shape::SCALAR,
            (Place::Parameters(entry) | Place::State(entry), Form::Transposed) => {
                let reversed: Vec<usize> = entry.shape.iter().rev().copied().collect();
                Shape::new(&reversed).unwrap_or(entry.shape)
            }
            (Place::Parameters(entry) | Place::State(entry), _) => entry.shape,
        }
    }
}

/// Their name, ours, and how theirs lies, for a layer with tensors of its own.
type Table = &'static [(&'static str, &'static str, Form)];

fn table(layer: &AnyLayer) -> Table {
    use Form::{Counter, Same, Transposed};
    match layer {
        AnyLayer::Linear(_) => &[("weight", "weight", Transposed), ("bias", "bias", Same)],
        AnyLayer::Conv1d(_)
        | AnyLayer::Conv2d(_)
        | AnyLayer::Conv3d(_)
        | AnyLayer::ConvTranspose1d(_)
        | AnyLayer::ConvTranspose2d(_)
        | AnyLayer::GroupNorm(_)
        | AnyLayer::InstanceNorm(_)
        | AnyLayer::LayerNorm(_) => &[("weight", "weight", Same), ("bias", "bias", Same)],
        AnyLayer::Embedding(_)
        | AnyLayer::EmbeddingBag(_)
        | AnyLayer::PositionEmbedding(_)
        | AnyLayer::PRelu(_)
        | AnyLayer::RmsNorm(_) => &[("weight", "weight", Same)],
        AnyLayer::BatchNorm(_) => &[
            ("weight", "weight", Same),
            ("bias", "bias", Same),
            ("running_mean", "running_mean", Same),
            ("running_var", "running_variance", Same),
            ("num_batches_tracked", "running_mean", Counter),
        ],
        AnyLayer::Gru(_) | AnyLayer::Lstm(_) | AnyLayer::Rnn(_) => &[
            ("weight_ih_l0", "weight_ih", Transposed),
            ("weight_hh_l0", "weight_hh", Transposed),
            ("bias_ih_l0", "bias_ih", Same),
            ("bias_hh_l0", "bias_hh", Same),
        ],
        // PyTorch turns nothing by its position.
        AnyLayer::MultiHeadAttention(attention) if !attention.rotary => &[
            ("in_proj_weight", "projection.weight", Transposed),
            ("in_proj_bias", "projection.bias", Same),
            ("out_proj.weight", "output.weight", Transposed),
            ("out_proj.bias", "output.bias", Same),
        ],
        AnyLayer::TransformerBlock(_) => &[
            ("norm1.weight", "attention_norm.weight", Same),
            ("norm1.bias", "attention_norm.bias", Same),
            ("self_attn.in_proj_weight", "attention.projection.weight", Transposed),
            ("self_attn.in_proj_bias", "attention.projection.bias", Same),
            ("self_attn.out_proj.weight", "attention.output.weight", Transposed),
            ("self_attn.out_proj.bias", "attention.output.bias", Same),
            ("norm2.weight", "mlp_norm.weight", Same),
            ("norm2.bias", "mlp_norm.bias", Same),
            ("linear1.weight", "mlp_in.weight", Transposed),
            ("linear1.bias", "mlp_in.bias", Same),
            ("linear2.weight", "mlp_out.weight", Transposed),
            ("linear2.bias", "mlp_out.bias", Same),
        ],
        _ => &[],
    }
}

/// A name below a path.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

/// Collects the rows of a network.
struct Walk<'a> {
    parameters: &'a ParameterLayout,
    state: &'a ParameterLayout,
    rows: Vec<Row<'a>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, layer: &AnyLayer, path: &str) {
        match layer {
            AnyLayer::Sequential(sequential) => {
                for (position, layer) in sequential.layers.iter().enumerate() {
                    match layer {
                        AnyLayer::Named(_) => self.visit(layer, path),
                        layer => self.visit(layer, &below(path, &position.to_string())),
                    }
                }
            }
            AnyLayer::Named(named) => self.visit(&named.layer, &below(path, &named.name)),
            AnyLayer::Residual(residual) => self.visit(&residual.inner, &below(path, "inner")),
            AnyLayer::Recurrent(recurrent) => {
                let names = |number: usize| [format!("l{number}"), format!("l{number}_reverse")];
                for layer in (0..recurrent.layers).flat_map(names) {
                    for (name, form) in [
                        ("weight_ih", Form::Transposed),
                        ("weight_hh", Form::Transposed),
                        ("bias_ih", Form::Same),
                        ("bias_hh", Form::Same),
                    ] {
                        let theirs = below(path, &format!("{name}_{layer}"));
                        self.add(theirs, &below(path, &format!("{layer}.{name}")), form);
                    }
                }
            }
            layer => {
                for &(theirs, ours, form) in table(layer) {
                    self.add(below(path, theirs), &below(path, ours), form);
                }
            }
        }
    }

    /// A row for a tensor that the network has, unless a layer that shares it had it already.
    fn add(&mut self, theirs: String, ours: &str, form: Form) {
        let place = match (self.parameters.get(ours), self.state.get(ours)) {
            (Some(entry), _) => Place::Parameters(entry),
            (None, Some(entry)) => Place::State(entry),
            (None, None) => return,
        };
        let place = if form == Form::Counter { Place::Nowhere } else { place };
        if self.rows.iter().all(|row| row.theirs != theirs) {
            self.rows.push(Row { theirs, place, form });
        }
    }
}

/// The rows of a network.
///
/// # Errors
/// [`Error::NotExportable`] for a layer with parameters that PyTorch does not have.
fn rows<'a, L: Layer + Clone + Into<AnyLayer>>(network: &'a Network<L>) -> Result<Vec<Row<'a>>> {
    let (parameters, state) = (network.layout(), network.state_layout());
    let mut walk = Walk { parameters, state, rows: Vec::new() };
    walk.visit(&network.layer().clone().into(), "");
    let covered = |entry: &ParameterEntry| {
        walk.rows.iter().any(|row| match row.place {
            Place::Parameters(other) | Place::State(other) => std::ptr::eq(entry, other),
            Place::Nowhere => false,
        })
    };
    match parameters.entries().iter().chain(state.entries()).find(|entry| !covered(entry)) {
        None => Ok(walk.rows),
        Some(entry) => Err(Error::NotExportable {
            format: "a state dict",
            what: format!("the parameter '{}'", entry.name),
            reason: "its layer has no counterpart in PyTorch that is known here".into(),
        }),
    }
}

fn check_length(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    let reason = format!("the network has {expected} numbers, but {actual} were given");
    Err(Error::Mismatch { what: format!("the {what}"), reason })
}

/// The parameters and the state of a network as PyTorch names and lays them out.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_nn::{Network, models};
/// use downhill_train::state_dict;
/// let network = Network::new(models::linear(2), Type::float([1, 3]))?;
/// let tensors = state_dict::to_tensors(&network, &[1.0f32, 2., 3., 4., 5., 6., 0.1, 0.2], &[])?;
/// let weight = tensors.get("0.weight").and_then(|tensor| tensor.as_tensor::<f32>());
/// assert_eq!(weight, Some(&downhill_tensor::Tensor::from([[1.0, 3., 5.], [2., 4., 6.]])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NotExportable`] for a layer with parameters that PyTorch does not have; vectors of other lengths than
/// the network's.
pub fn to_tensors<T: Float, L: Layer + Clone + Into<AnyLayer>>(
    network: &Network<L>,
    parameters: &[T],
    state: &[T],
) -> Result<NamedTensors>
where
    AnyTensor: From<Tensor<T>>,
{
    check_length("parameters", network.layout().len(), parameters.len())?;
    check_length("state", network.state_layout().len(), state.len())?;
    let mut tensors = NamedTensors::default();
    for row in rows(network)? {
        let (entry, values) = match row.place {
            Place::Parameters(entry) => (entry, parameters),
            Place::State(entry) => (entry, state),
            Place::Nowhere => {
                tensors.insert(row.theirs, Tensor::scalar(0i64))?;
                continue;
            }
        };
        let tensor = Tensor::from_slice(&values[entry.range()], entry.shape)?;
        let tensor = if row.form == Form::Transposed { tensor.permute(&[1, 0])? } else { tensor };
        tensors.insert(row.theirs, tensor)?;
    }
    Ok(tensors)
}

/// The parameters and the state of a network from tensors of these names and layouts. `file` is where they come
/// from, for the errors.
///
/// Numbers are taken over if `T` holds them exactly: single precision in either, double precision in `f64` alone.
///
/// # Errors
/// A tensor that is missing, that the network has no use for, or that has another shape or element type than the
/// network's; [`Error::NotExportable`] for a layer with parameters that PyTorch does not have.
pub fn from_tensors<T: Float, L: Layer + Clone + Into<AnyLayer>>(
    network: &Network<L>,
    tensors: &NamedTensors,
    file: impl AsRef<Path>,
) -> Result<Weights<T>> {
    let file = file.as_ref();
    let rows = rows(network)?;
    let expected = |row: &Row<'_>| match row.form {
        Form::Counter => format!("{} {}", DType::I64, row.shape()),
        _ => format!("{} {}", T::DTYPE, row.shape()),
    };
    let lacks = |row: &&Row<'_>| row.form != Form::Counter && tensors.get(&row.theirs).is_none();
    if let Some(row) = rows.iter().find(lacks) {
        return Err(Error::MissingTensor {
            file: file.into(),
            name: row.theirs.clone(),
            expected: expected(row),
            there: list(tensors.names()),
        });
    }
    if let Some(name) = tensors.names().find(|name| rows.iter().all(|row| row.theirs != *name)) {
        return Err(Error::UnexpectedTensor {
            file: file.into(),
            name: name.into(),
            expected: list(rows.iter().map(|row| row.theirs.as_str())),
        });
    }
    let mut weights = Weights {
        parameters: vec![T::ZERO; network.layout().len()],
        state: vec![T::ZERO; network.state_layout().len()],
    };
    for row in &rows {
        let Some(tensor) = tensors.get(&row.theirs) else { continue };
        let (entry, values) = match row.place {
            Place::Parameters(entry) => (entry, &mut weights.parameters),
            Place::State(entry) => (entry, &mut weights.state),
            Place::Nowhere => continue,
        };
        let wrong = || Error::WrongTensor {
            file: file.into(),
            name: row.theirs.clone(),
            expected: expected(row),
            actual: format!("{} {}", tensor.dtype(), tensor.shape()),
        };
        if tensor.shape() != row.shape() {
            return Err(wrong());
        }
        let numbers = tensor.exact_floats::<T>().ok_or_else(wrong)?;
        let numbers = if row.form == Form::Transposed { numbers.permute(&[1, 0])? } else { numbers };
        values[entry.range()].copy_from_slice(&numbers.to_vec());
    }
    Ok(weights)
}

/// A few of these names.
fn list<'a>(mut names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 8;
    if names.len() == 0 {
        return "none".into();
    }
    let rest = names.len().saturating_sub(MOST);
    let shown: Vec<_> = names.by_ref().take(MOST).collect();
    if rest > 0 { format!("{} and {rest} more", shown.join(", ")) } else { shown.join(", ") }
}
