//! A result directory, written beside its place and put there whole: nothing half-written looks
//! complete, and nothing that towtank did not write is replaced.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::run_directory::OWN_FILES;

/// How often putting a result in its place is tried while others put theirs there.
const TRIES: usize = 100;

/// A result that cannot be written, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The directory has files that are not towtank's.
    #[error("{0}: holds '{1}', which towtank did not write; name another directory with --out")]
    Foreign(String, String),
    /// The place is, or lies below, something that is not a directory.
    #[error("{0}: is not a directory; name another place with --out")]
    NoDirectory(String),
    /// It cannot be written.
    #[error("{0}: cannot be written: {1}")]
    Write(String, String),
}

impl OutputError {
    pub(super) fn write(path: &Path, why: impl std::fmt::Display) -> OutputError {
        OutputError::Write(path.display().to_string(), why.to_string())
    }
}

/// A directory being written. Dropped without [`Output::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Output {
    place: PathBuf,
    /// There until the result is in its place.
    temporary: Option<tempfile::TempDir>,
    /// Directories made for it, innermost first: they go with a result that fails.
    made: Vec<PathBuf>,
}

impl Output {
    /// Begins to write what will be `place`.
    ///
    /// # Errors
    /// `place` holds something towtank did not write, or nothing can be written beside it.
    pub fn begin(place: &Path) -> Result<Output, OutputError> {
        check_place(place)?;
        let parent = parent(place);
        let made = missing(parent);
        fs::create_dir_all(parent).map_err(|why| match why.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                OutputError::NoDirectory(parent.display().to_string())
            }
            _ => OutputError::write(parent, why),
        })?;
        let mut output = Output { place: place.to_owned(), temporary: None, made };
        output.temporary = Some(beside(place, "partial")?);
        Ok(output)
    }

    /// Where files are written meanwhile.
    pub fn path(&self) -> &Path {
        self.temporary.as_ref().expect("a result is written before it is put in place").path()
    }

    /// Puts the directory in its place; an earlier result of towtank's there is replaced.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn finish(mut self) -> Result<(), OutputError> {
        let refuse = |why: std::io::Error| OutputError::write(&self.place, why);
        make_readable(self.path()).map_err(refuse)?;
        // Kept until the end: they are removed when they are dropped.
        let mut replaced = Vec::new();
        for _ in 0..TRIES {
            check_place(&self.place)?;
            match fs::rename(self.path(), &self.place) {
                Ok(()) => {
                    self.made.clear();
                    return Ok(());
                }
                Err(why) if !self.place.is_dir() => return Err(refuse(why)),
                Err(_) => {
                    let old = beside(&self.place, "old")?;
                    match fs::rename(&self.place, old.path().join("result")) {
                        Err(why) if why.kind() != ErrorKind::NotFound => return Err(refuse(why)),
                        _ => replaced.push(old),
                    }
                }
            }
        }
        Err(OutputError::write(&self.place, "other runs write there all the time"))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.temporary.take());
        for directory in &self.made {
            // Someone else's files in it keep it.
            let _ = fs::remove_dir(directory);
        }
    }
}

fn parent(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The directories of a path that are not there yet, innermost first.
fn missing(path: &Path) -> Vec<PathBuf> {
    let ancestors = path.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists());
    ancestors.map(Path::to_owned).collect()
}

/// A temporary directory in the same place, so that it can be renamed.
fn beside(place: &Path, what: &str) -> Result<tempfile::TempDir, OutputError> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let directory = parent(place);
    tempfile::Builder::new()
        .prefix(&format!(".{name}.{what}-"))
        .tempdir_in(directory)
        .map_err(|why| OutputError::write(directory, why))
}

/// Temporary directories are for their owner alone; results are for everyone.
fn make_readable(directory: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    let _ = directory;
    Ok(())
}

/// Refuses a place that holds anything but towtank's own results.
fn check_place(place: &Path) -> Result<(), OutputError> {
    let name = place.display().to_string();
    match fs::metadata(place) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(OutputError::NoDirectory(name)),
        Err(why) if why.kind() == ErrorKind::NotADirectory => {
            return Err(OutputError::NoDirectory(name));
        }
        Err(_) => return Ok(()),
    }
    match foreign(place) {
        Ok(None) => Ok(()),
        Ok(Some(entry)) => Err(OutputError::Foreign(name, entry)),
        // Another run has just replaced it.
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
        Err(why) => Err(OutputError::write(place, why)),
    }
}

/// The first entry that towtank did not write: a directory with entries is towtank's if it has a
/// manifest, a comparison, a benchmark or a replay of towtank's, or nothing but runs, and no file
/// besides its own.
fn foreign(directory: &Path) -> std::io::Result<Option<String>> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let marked = has_key(&directory.join("manifest.json"), "fingerprint")
        || has_key(&directory.join("comparison.json"), "ranking_metric")
        || has_key(&directory.join("bench.json"), "clock_overhead_ns")
        || has_key(&directory.join("replay.json"), "kendall_tau");
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let own = if entry.file_type()?.is_dir() {
            foreign(&entry.path())?.is_none() && fs::read_dir(entry.path())?.next().is_some()
        } else {
            marked && OWN_FILES.contains(&name.as_str())
        };
        if !own {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn has_key(file: &Path, key: &str) -> bool {
    let value = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.is_some_and(|value: serde_json::Value| value.get(key).is_some())
}
