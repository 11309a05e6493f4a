//! Where a run is saved: a directory of its own that is not there yet.

use crate::exit::{Error, Result};
use downhill::train::RunDirectory;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The directory that holds the runs whose place was not chosen.
const RUNS: &str = "runs";

/// The directory of a run that is going on. Unless it is [kept](Claim::keep), what was created for it is
/// removed again: a run that fails leaves nothing behind.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// The directories that were not there before, outermost first; the last of them is the run's.
    created: Vec<PathBuf>,
}

/// Claims a directory for a run of this name: the one asked for, or the first of `runs/NAME`, `runs/NAME-2`,
/// ... that does not exist.
///
/// # Errors
/// A directory asked for that is there already with something in it, unless `force`; a file of that name; a
/// directory that cannot be created.
pub fn claim(asked: Option<&Path>, force: bool, name: &str) -> Result<Claim> {
    let Some(path) = asked else {
        let mut number = 1;
        loop {
            let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
            match Claim::create(&Path::new(RUNS).join(name)) {
                Err(Error::Path { source, .. }) if source.kind() == ErrorKind::AlreadyExists => number += 1,
                result => return result,
            }
        }
    };
    if path.is_dir() {
        let occupied = std::fs::read_dir(path).map_err(Error::path(path))?.next().is_some();
        if occupied && !force {
            let what = "a directory that is not empty";
            let advice = "choose another --out, or replace the run in it with --force";
            return Err(Error::OutExists { path: path.to_owned(), what, advice });
        }
        return Ok(Claim { path: path.to_owned(), created: Vec::new() });
    }
    if path.exists() {
        return Err(Error::OutExists { path: path.to_owned(), what: "a file", advice: "name a directory" });
    }
    Claim::create(path)
}

impl Claim {
    fn create(path: &Path) -> Result<Self> {
        let mut claim = Claim { path: path.to_owned(), created: Vec::new() };
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let above: Vec<_> = path.ancestors().skip(1).take_while(missing).collect();
        for directory in above.into_iter().rev().chain([path]) {
            std::fs::create_dir(directory).map_err(Error::path(directory))?;
            claim.created.push(directory.to_owned());
        }
        Ok(claim)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it, now that a run is in it.
    pub fn keep(mut self) {
        self.created.clear();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(run) = self.created.pop_if(|last| *last == self.path) {
            let _ = std::fs::remove_dir_all(run);
        }
        // Those above are removed where they are empty: another run may have moved in.
        for above in self.created.iter().rev() {
            let _ = std::fs::remove_dir(above);
        }
    }
}

/// Opens the directory of a run that was saved.
///
/// # Errors
/// A path that is not there or no directory, or a directory without a run.
pub fn open(path: &Path) -> Result<RunDirectory> {
    if !path.is_dir() {
        let found = if path.exists() { "this is a file" } else { "there is none" };
        return Err(Error::NoRun { path: path.to_owned(), found });
    }
    Ok(RunDirectory::open(path)?)
}

/// The name of a run on this source, fit for a directory: letters, digits, `-` and `_` of it.
pub fn name(source: &str) -> String {
    let fit = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = source.chars().map(fit).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "run".into() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_are_fit_for_directories() {
        assert_eq!(name("breast-cancer"), "breast-cancer");
        assert_eq!(name("my table (2)"), "my-table--2");
        assert_eq!(name("../.."), "run");
    }

    #[test]
    fn a_failed_run_leaves_nothing_behind_and_a_good_one_everything() {
        let base = tempfile::tempdir().unwrap();
        let run = base.path().join("runs/digits");
        let claimed = claim(Some(&run), false, "").unwrap();
        std::fs::write(run.join("config.toml"), "").unwrap();
        drop(claimed);
        assert!(!base.path().join("runs").exists() && base.path().exists());

        let claimed = claim(Some(&run), false, "").unwrap();
        std::fs::write(run.join("config.toml"), "").unwrap();
        claimed.keep();
        let error = claim(Some(&run), false, "").unwrap_err().to_string();
        assert!(
            error.contains("a directory that is not empty already") && error.contains("--force"),
            "{error}"
        );
        // What was there before is not ours to remove.
        drop(claim(Some(&run), true, "").unwrap());
        assert!(run.join("config.toml").exists());
    }
}
