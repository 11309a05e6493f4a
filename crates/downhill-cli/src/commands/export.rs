//! `downhill export`: a trained model for other programs.

use crate::exit::{Error, Result};
use crate::{output, run_path};
use clap::{Args, ValueEnum};
use downhill::train::export::Format;
use serde::Serialize;
use std::path::PathBuf;

/// Write a trained model for other programs.
///
/// `onnx` and `rust` take data as it comes from its source and predict, as `downhill predict` does: a table's
/// columns in the order of the training data, a category as its position in the sorted list of categories.
/// `safetensors` and `npz` hold the parameters alone, under the names and in the layouts of PyTorch's state_dict.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill export runs/iris --to onnx --out iris.onnx
  downhill export runs/iris --to rust --out src/iris.rs
  downhill export runs/iris --to safetensors --out iris.safetensors")]
pub struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: FormatName,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    /// Parameters for PyTorch and its relatives
    Safetensors,
    /// The whole model for ONNX runtimes
    Onnx,
    /// The whole model as a source file that needs no library
    Rust,
    /// Parameters for NumPy
    Npz,
}

#[derive(Serialize)]
struct Exported {
    run: String,
    format: FormatName,
    file: String,
    about: String,
}

/// Exports the model of a run.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { run, to, out, force, json } = arguments;
    let model = run_path::open(run)?.model()?;
    if out.is_dir() {
        return Err(Error::OutExists { path: out.clone(), what: "a directory", advice: "name a file in it" });
    }
    if out.exists() && !force {
        let advice = "choose another --out, or replace it with --force";
        return Err(Error::OutExists { path: out.clone(), what: "a file", advice });
    }
    let format = match to {
        FormatName::Safetensors => Format::Safetensors,
        FormatName::Onnx => Format::Onnx,
        FormatName::Rust => Format::Rust,
        FormatName::Npz => Format::Npz,
    };
    let about = model.export(format, out)?;
    let file = out.display().to_string();
    if *json {
        return output::json(&Exported { run: run.display().to_string(), format: *to, file, about });
    }
    output::text(&format!("Wrote {file}: {about}\n"))
}
