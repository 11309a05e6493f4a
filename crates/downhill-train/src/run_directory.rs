//! The folder of a run: how it was configured, how it went, and the model.

use crate::config::{from_toml, to_toml};
use crate::file::write_whole;
use crate::{EpochRecord, Error, Model, Outcome, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const MODEL: &str = "model.bin";

/// The folder of a run, with `config.toml` (as it was resolved), `metrics.jsonl` (an [`EpochRecord`] a line)
/// and `model.bin` (see [`Model::save`]). Two runs that should be equal leave equal files.
///
/// Each file is written whole or not at all, the model last: a folder without one is no run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Whether the folder is ours to remove if nothing comes of it.
    provisional: bool,
}

impl RunDirectory {
    /// A folder for a run to come; it is made, so that a path that cannot be written is found out before the
    /// run, and removed again if nothing is saved.
    ///
    /// # Errors
    /// [`Error::RunExists`] where there is a run already, unless it is to be overwritten;
    /// [`Error::NotEmpty`] where there is something else, in any case; what the operating system refuses.
    pub fn create(path: impl Into<PathBuf>, overwrite: bool) -> Result<Self> {
        let path = path.into();
        if !path.exists() {
            fs::create_dir_all(&path).map_err(Error::io(&path))?;
            return Ok(RunDirectory { path, provisional: true });
        }
        let is_run = path.join(MODEL).is_file() || path.join(METRICS).is_file();
        if is_run && !overwrite {
            return Err(Error::RunExists { path });
        }
        let empty = fs::read_dir(&path).map_err(Error::io(&path))?.next().is_none();
        if !empty && !is_run {
            return Err(Error::NotEmpty { path });
        }
        Ok(RunDirectory { path, provisional: false })
    }

    /// The folder of a run that was saved.
    ///
    /// # Errors
    /// [`Error::NotARun`] for a folder without a model; a path that does not exist.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        fs::read_dir(&path).map_err(Error::io(&path))?;
        if !path.join(MODEL).is_file() {
            return Err(Error::NotARun { path, missing: MODEL });
        }
        Ok(RunDirectory { path, provisional: false })
    }

    /// Saves a run. `config` is a [`TrainConfig`](crate::TrainConfig), or any structure that holds one.
    ///
    /// # Errors
    /// A configuration that TOML cannot hold; whatever the operating system refuses.
    pub fn save(&mut self, config: &impl Serialize, outcome: &Outcome) -> Result<()> {
        let config_path = self.path.join(CONFIG);
        let config = to_toml(config, Some(&config_path))?;
        let metrics_path = self.path.join(METRICS);
        let metrics = lines(&outcome.history, &metrics_path)?;
        // What comes first belongs to a run of its own, which an old model must not be taken for a part of.
        match fs::remove_file(self.model_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&self.model_path())(error));
            }
            _ => {}
        }
        self.provisional = false;
        write_whole(&config_path, config.as_bytes())?;
        write_whole(&metrics_path, metrics.as_bytes())?;
        outcome.model.save(self.model_path())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the model.
    pub fn model_path(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// The model.
    ///
    /// # Errors
    /// See [`Model::load`].
    pub fn model(&self) -> Result<Model> {
        Model::load(self.model_path())
    }

    /// The configuration, as the type that was saved.
    ///
    /// # Errors
    /// A file that is missing, or is not such a configuration.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C> {
        let path = self.path.join(CONFIG);
        from_toml(&fs::read_to_string(&path).map_err(Error::io(&path))?, Some(&path))
    }

    /// The epochs.
    ///
    /// # Errors
    /// A file that is missing, or a line that is no record.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>> {
        let path = self.path.join(METRICS);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let record = |(index, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| malformed_metrics(&path, index + 1, &error))
        };
        text.lines().enumerate().map(record).collect()
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.provisional {
            // Fails if something is in it by now, which is then not ours to remove.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Records as JSON, one a line.
fn lines(records: &[EpochRecord], path: &Path) -> Result<String> {
    let mut text = String::new();
    for (index, record) in records.iter().enumerate() {
        let line =
            serde_json::to_string(record).map_err(|error| malformed_metrics(path, index + 1, &error))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn malformed_metrics(path: &Path, line: usize, error: &serde_json::Error) -> Error {
    Error::Malformed { path: path.into(), part: "metrics", reason: format!("line {line}: {error}") }
}
