//! Results as files to look at: a page, a picture, a table.

use crate::exit::{Error, Result};
use crate::output;
use clap::Args;
use downhill::tensor::write_atomically;
use downhill::train;
use std::path::{Path, PathBuf};

/// Where to write what can be looked at. Files that are there already are replaced.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Files to look at")]
pub struct PictureArguments {
    /// Write a page with the pictures and all that there is to say
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the numbers as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl PictureArguments {
    /// Whether the page is asked for.
    pub fn html(&self) -> bool {
        self.html.is_some()
    }

    /// Whether the picture is asked for.
    pub fn svg(&self) -> bool {
        self.svg.is_some()
    }

    /// Whether a page or a picture is asked for.
    pub fn any(&self) -> bool {
        self.html() || self.svg()
    }

    /// Refuses places where nothing can be written, before anything is computed.
    pub fn check(&self) -> Result<()> {
        [&self.html, &self.svg, &self.csv].into_iter().try_for_each(|path| check(path.as_deref()))
    }

    /// Whether the picture alone was asked for.
    pub fn wants_svg(&self) -> bool {
        self.svg.is_some()
    }

    /// Writes the files that were asked for, and says so.
    pub fn write(
        &self,
        html: impl FnOnce() -> String,
        svg: impl FnOnce() -> String,
        csv: impl FnOnce() -> String,
    ) -> Result<()> {
        write(self.html.as_deref(), html)?;
        write(self.svg.as_deref(), svg)?;
        write(self.csv.as_deref(), csv)
    }
}

/// Refuses a place where nothing can be written, before anything is computed.
pub fn check(path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    if path.is_dir() {
        let (what, advice) = ("a directory", "name a file in it");
        return Err(Error::OutExists { path: path.to_owned(), what, advice });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::read_dir(folder).map_err(Error::path(folder))?;
    Ok(())
}

/// Writes a file if it was asked for, and says so.
pub fn write(path: Option<&Path>, contents: impl FnOnce() -> String) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let contents = contents();
    write_atomically(path, |file| file.write_all(contents.as_bytes())).map_err(train::Error::from)?;
    output::note(&format!("wrote {}", path.display()));
    Ok(())
}
