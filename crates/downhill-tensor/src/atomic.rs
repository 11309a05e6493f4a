//! Files that are written whole or not at all.
#![forbid(unsafe_code)]

use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a file through a temporary one in the same folder, which is flushed to the disk and then renamed.
/// Whoever reads the path sees the old content or the new, never a part; if anything fails, the old content
/// stays and the temporary file is removed.
///
/// ```
/// use downhill_tensor::write_atomically;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("notes.txt");
/// write_atomically(&path, |file| file.write_all(b"step 1\n"))?;
/// # assert_eq!(std::fs::read(&path)?, b"step 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Whatever the operating system refuses.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let failed = |source| Error::Io { path: path.into(), source };
    let (temporary, file) = create_beside(path).map_err(failed)?;
    let written = write_and_flush(file, write).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The first failure is the one to report, whether or not the rest can be tidied up.
        let _ = fs::remove_file(&temporary);
        failed(source)
    })
}

fn write_and_flush(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A new file beside this one, under a name that no other process or call has taken.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name =
        path.file_name().ok_or(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    for attempt in 0..1000 {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (temporary, file)),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many temporary files beside it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let result = write_atomically(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(result.unwrap_err().to_string().ends_with("a.bin: the disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomically(folder.path().join("no/a.bin"), |_| Ok(())).is_err());
        assert!(write_atomically("/", |_| Ok(())).is_err());
        assert!(write_atomically(folder.path(), |_| Ok(())).is_err());
    }
}
