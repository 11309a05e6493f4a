//! Trained models for the rest of the world.

mod columns;
pub mod onnx;
pub mod rust;

use crate::file::write_whole;
use crate::{Model, Result};
use std::path::Path;

/// What a model can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A safetensors file of the parameters and the state alone, as [`state_dict`](crate::state_dict) says.
    #[cfg(feature = "exchange")]
    Safetensors,
    /// The same as an archive of NumPy's.
    #[cfg(feature = "exchange")]
    Npz,
    /// The model from data as it comes from its source to predictions, for ONNX runtimes: see [`onnx`].
    Onnx,
    /// The same as a source file in Rust that needs nothing else: see [`rust`].
    Rust,
}

impl Model {
    /// Writes the model for another program, whole or not at all. What may be worth saying about the result is
    /// returned as text.
    ///
    /// # Errors
    /// [`Error::NotExportable`](crate::Error::NotExportable) where the format cannot express the model; whatever
    /// the operating system refuses.
    pub fn export(&self, format: Format, path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        match format {
            #[cfg(feature = "exchange")]
            Format::Safetensors => {
                let tensors = self.state_dict()?;
                downhill_tensor::safetensors::write(path, &tensors, &[("format", "pt")])?;
                Ok(format!("{} tensors; the preprocessing is not in them", tensors.len()))
            }
            #[cfg(feature = "exchange")]
            Format::Npz => {
                let tensors = self.state_dict()?;
                downhill_tensor::npz::write(path, &tensors)?;
                Ok(format!("{} arrays; the preprocessing is not in them", tensors.len()))
            }
            Format::Onnx => {
                let exported = onnx::model(self)?;
                write_whole(path, &exported.bytes)?;
                Ok(exported.to_string())
            }
            Format::Rust => {
                let source = rust::model(self)?;
                write_whole(path, source.text.as_bytes())?;
                Ok(source.to_string())
            }
        }
    }

    /// The parameters and the state under PyTorch's names: see [`state_dict`](crate::state_dict).
    ///
    /// # Errors
    /// A layer with parameters that PyTorch does not have.
    pub fn state_dict(&self) -> Result<downhill_tensor::NamedTensors> {
        crate::state_dict::to_tensors(self.network(), self.parameters(), self.state())
    }
}
