//! The folder of a run: how it was configured, how it went, and the model.

use crate::config::{from_toml, to_toml};
use crate::file::write_whole;
use crate::{Ending, EpochRecord, Error, Model, Outcome, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const REPORT: &str = "report.html";
const OUTCOME: &str = "outcome.json";
const MODEL: &str = "model.bin";

/// How the folder begins in which a run is written before it takes its place.
const STAGING: &str = ".saving-";

/// The folder of a run, with `config.toml` (as it was resolved), `metrics.jsonl` (an [`EpochRecord`] a line),
/// `outcome.json` (an [`Ending`]), `model.bin` (see [`Model::save`]) and, if there is one, `report.html`. Two runs
/// that should be equal leave equal files.
///
/// Each file is written whole or not at all; a folder without a model is no run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Whether the folder is ours to remove if nothing comes of it.
    provisional: bool,
    /// The page that is saved with the run.
    report: Option<String>,
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
            return Ok(RunDirectory { path, provisional: true, report: None });
        }
        let is_run = path.join(MODEL).is_file() || path.join(METRICS).is_file();
        if is_run && !overwrite {
            return Err(Error::RunExists { path });
        }
        // What a process that was killed while it saved has left does not count.
        let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(STAGING);
        let mut entries = fs::read_dir(&path).map_err(Error::io(&path))?;
        let empty = entries.all(|entry| entry.is_ok_and(|entry| is_ours(&entry.file_name())));
        if !empty && !is_run {
            return Err(Error::NotEmpty { path });
        }
        Ok(RunDirectory { path, provisional: false, report: None })
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
        Ok(RunDirectory { path, provisional: false, report: None })
    }

    /// Has this page, of [`Report::page`](crate::Report::page), saved as `report.html` together with the run.
    pub fn set_report(&mut self, html: impl Into<String>) {
        self.report = Some(html.into());
    }

    /// Saves a run. `config` is a [`TrainConfig`](crate::TrainConfig), or any structure that holds one.
    ///
    /// All files are written before the first takes its place, so where one cannot be written, a run that was
    /// there stays as it was.
    ///
    /// # Errors
    /// A configuration that TOML cannot hold; whatever the operating system refuses.
    pub fn save(&mut self, config: &impl Serialize, outcome: &Outcome) -> Result<()> {
        let config = to_toml(config, Some(&self.path.join(CONFIG)))?;
        let metrics = lines(&outcome.history, &self.path.join(METRICS))?;
        let ending = serde_json::to_string_pretty(&outcome.ending())
            .map_err(|error| malformed_ending(&self.path.join(OUTCOME), &error))?;
        let staging = self.path.join(format!("{STAGING}{}", std::process::id()));
        fs::create_dir_all(&staging).map_err(Error::io(&staging))?;
        let saved = write_whole(&staging.join(CONFIG), config.as_bytes())
            .and_then(|()| write_whole(&staging.join(METRICS), metrics.as_bytes()))
            .and_then(|()| match &self.report {
                Some(report) => write_whole(&staging.join(REPORT), report.as_bytes()),
                None => Ok(()),
            })
            .and_then(|()| write_whole(&staging.join(OUTCOME), (ending + "\n").as_bytes()))
            .and_then(|()| outcome.model.save(staging.join(MODEL)))
            .and_then(|()| self.put_in_place(&staging));
        // The failure to report is the one above, whether or not this can be tidied up.
        let _ = fs::remove_dir_all(&staging);
        self.provisional &= saved.is_err();
        saved
    }

    /// Moves the files of a run to their places. While that is going on there is no model, so that nobody takes
    /// an old model for that of a new configuration.
    fn put_in_place(&self, staging: &Path) -> Result<()> {
        let (model, old) = (self.model_path(), staging.join("old"));
        match fs::rename(&model, &old) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&model)(error));
            }
            _ => {}
        }
        if self.report.is_none() {
            // The page of the run that was there is not that of this one.
            let _ = fs::remove_file(self.report_path());
        }
        let report = self.report.as_ref().map(|_| REPORT);
        for name in [CONFIG, METRICS, OUTCOME].into_iter().chain(report).chain([MODEL]) {
            let place = self.path.join(name);
            fs::rename(staging.join(name), &place).map_err(|error| {
                // Back to the run that was there, if there was one.
                let _ = fs::rename(&old, &model);
                Error::io(&place)(error)
            })?;
        }
        Ok(())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the model.
    pub fn model_path(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// The file of the page to look at, which is there if one was saved.
    pub fn report_path(&self) -> PathBuf {
        self.path.join(REPORT)
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

    /// How the run ended; `None` for a run of a version that did not write it down.
    ///
    /// # Errors
    /// A file that cannot be read, or is no such text.
    pub fn ending(&self) -> Result<Option<Ending>> {
        let path = self.path.join(OUTCOME);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path)(error)),
            Ok(text) => {
                serde_json::from_str(&text).map(Some).map_err(|error| malformed_ending(&path, &error))
            }
        }
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

fn malformed_ending(path: &Path, error: &serde_json::Error) -> Error {
    Error::Malformed { path: path.into(), part: "ending", reason: error.to_string() }
}

fn malformed_metrics(path: &Path, line: usize, error: &serde_json::Error) -> Error {
    Error::Malformed { path: path.into(), part: "metrics", reason: format!("line {line}: {error}") }
}
