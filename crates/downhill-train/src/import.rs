//! Networks that were trained elsewhere: their weights, from the files in which they are exchanged.

use crate::state_dict::{Weights, from_tensors};
use crate::{Model, Result};
use downhill_nn::{AnyLayer, Layer, Network};
use downhill_tensor::{Float, npz, safetensors};
use std::path::Path;

/// How an archive of arrays begins, as every ZIP file does.
const ZIP: &[u8] = b"PK";

/// The weights of a network from a safetensors file or an `.npz` archive, whose tensors have the names and layouts
/// of PyTorch's `state_dict`: see [`state_dict`](crate::state_dict). Which of both a file is, it says itself.
///
/// # Errors
/// A file that cannot be read or is neither of both; those of [`from_tensors`].
pub fn read_weights<T: Float, L: Layer + Clone + Into<AnyLayer>>(
    network: &Network<L>,
    path: impl AsRef<Path>,
) -> Result<Weights<T>> {
    let path = path.as_ref();
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(crate::Error::io(path))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, ZIP.len() as u64), &mut start)
        .map_err(crate::Error::io(path))?;
    let tensors = if start == ZIP { npz::read(path)? } else { safetensors::read(path)? };
    from_tensors(network, &tensors, path)
}

impl Model {
    /// Takes over weights from a file of [`Model::export`], or of another program that has trained the same
    /// network further. The preprocessing stays.
    ///
    /// # Errors
    /// As [`read_weights`]. The model stays as it was then.
    pub fn read_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let weights = read_weights(self.network(), path)?;
        self.set_weights(weights);
        Ok(())
    }
}
