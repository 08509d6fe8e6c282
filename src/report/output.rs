//! A result directory, written beside its place and put there whole: nothing half-written looks
//! complete, and nothing is replaced but an earlier result of the same kind.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::kind::ResultKind;
use super::run_directory::OWN_FILES;

/// How often putting a result in its place is tried while others put theirs there.
const TRIES: usize = 100;

/// A result that cannot be written, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The directory has files that are not towtank's.
    #[error("{0}: holds '{1}', which towtank did not write; name another directory with --out")]
    Foreign(String, String),
    /// The directory holds a result of another kind, which may have taken hours.
    #[error(
        "{place}: holds {found}, which {wanted} does not replace; name another directory \
             with --out"
    )]
    OtherKind {
        /// The directory.
        place: String,
        /// What is there.
        found: ResultKind,
        /// What was to be put there.
        wanted: ResultKind,
    },
    /// The directory holds directories with results besides its own, or none of its own.
    #[error("{0}: holds other results, in '{1}'; name a directory in it, or another, with --out")]
    OtherResults(String, String),
    /// The place cannot be replaced by another directory.
    #[error("{0}: is {1}, which cannot be replaced; name a directory in it with --out")]
    Fixed(String, &'static str),
    /// The place is a link that cannot be followed.
    #[error("{0}: is a link that leads nowhere ({1}); name another directory with --out")]
    Link(String, String),
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
    kind: ResultKind,
    /// There until the result is in its place.
    temporary: Option<tempfile::TempDir>,
    /// Directories made for it, innermost first: they go with a result that fails.
    made: Vec<PathBuf>,
}

impl Output {
    /// Begins to write what will be `place`.
    ///
    /// # Errors
    /// `place` holds something else than an earlier result of this kind, it cannot be replaced, or
    /// nothing can be written beside it.
    pub fn begin(place: &Path, kind: ResultKind) -> Result<Output, OutputError> {
        let place = followed(place)?;
        check_place(&place, kind)?;
        check_replaceable(&place)?;
        let parent = parent(&place);
        let made = missing(parent);
        fs::create_dir_all(parent).map_err(|why| match why.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                OutputError::NoDirectory(parent.display().to_string())
            }
            _ => OutputError::write(parent, why),
        })?;
        let temporary = None;
        let mut output = Output { place, kind, temporary, made };
        output.temporary = Some(beside(&output.place, "partial")?);
        Ok(output)
    }

    /// Where files are written meanwhile.
    pub fn path(&self) -> &Path {
        self.temporary.as_ref().expect("a result is written before it is put in place").path()
    }

    /// Puts the directory in its place; an earlier result of its kind is replaced.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn finish(mut self) -> Result<(), OutputError> {
        let refuse = |why: std::io::Error| OutputError::write(&self.place, why);
        make_readable(self.path()).map_err(refuse)?;
        // Kept until the end: they are removed when they are dropped.
        let mut replaced = Vec::new();
        for _ in 0..TRIES {
            check_place(&self.place, self.kind)?;
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

/// The place without what stands for nothing (`/` at the end), and where it is a link, what it
/// leads to: a result is not to take the link's place.
fn followed(place: &Path) -> Result<PathBuf, OutputError> {
    let place: PathBuf = place.components().collect();
    if !place.is_symlink() {
        return Ok(place);
    }
    let refuse =
        |why: std::io::Error| OutputError::Link(place.display().to_string(), why.to_string());
    place.canonicalize().map_err(refuse)
}

/// Refuses what no directory can be put in place of, before anything is run.
fn check_replaceable(place: &Path) -> Result<(), OutputError> {
    let fixed = |what| Err(OutputError::Fixed(place.display().to_string(), what));
    if place.file_name().is_none() {
        return fixed("where the command runs, or around it");
    }
    if is_mount_point(place) { fixed("a mount point") } else { Ok(()) }
}

/// Whether another file system begins there: a directory is renamed within one only.
fn is_mount_point(place: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
        if let (Ok(inside), Ok(outside)) = (device(place), device(parent(place))) {
            return inside != outside;
        }
    }
    let _ = place;
    false
}

/// Refuses a place that holds anything but a result of this kind.
fn check_place(place: &Path, kind: ResultKind) -> Result<(), OutputError> {
    let name = place.display().to_string();
    match fs::metadata(place) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(OutputError::NoDirectory(name)),
        Err(why) if why.kind() == ErrorKind::NotADirectory => {
            return Err(OutputError::NoDirectory(name));
        }
        Err(_) => return Ok(()),
    }
    match refusal(place, kind) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(why),
        // Another run has just replaced it.
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
        Err(why) => Err(OutputError::write(place, why)),
    }
}

/// Why a directory is not to be replaced by a result of this kind, if it is not.
fn refusal(place: &Path, kind: ResultKind) -> std::io::Result<Option<OutputError>> {
    let name = place.display().to_string();
    if let Some(entry) = foreign(place)? {
        return Ok(Some(OutputError::Foreign(name, entry)));
    }
    let found = ResultKind::of(place);
    if let Some(found) = found.filter(|found| *found != kind) {
        return Ok(Some(OutputError::OtherKind { place: name, found, wanted: kind }));
    }
    let other = other_results(place, found)?;
    Ok(other.map(|entry| OutputError::OtherResults(name, entry)))
}

/// The first entry that towtank did not write: a directory with entries is towtank's if it has a
/// result of some kind, or nothing but such directories, and no file besides towtank's own.
fn foreign(directory: &Path) -> std::io::Result<Option<String>> {
    let marked = ResultKind::of(directory).is_some();
    for (name, path) in entries(directory)? {
        let own = if path.is_dir() && !path.is_symlink() {
            foreign(&path)?.is_none() && fs::read_dir(&path)?.next().is_some()
        } else {
            marked && OWN_FILES.contains(&name.as_str())
        };
        if !own {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The first directory in it that is no part of the result it has: any, where it has none.
fn other_results(directory: &Path, kind: Option<ResultKind>) -> std::io::Result<Option<String>> {
    let has_arms = kind.is_some_and(ResultKind::has_arms);
    // The runs of an arm lie one directory deeper.
    let other = |path: &Path| path.is_dir() && (!has_arms || ResultKind::of(path).is_some());
    let found = entries(directory)?.into_iter().find(|(_, path)| other(path));
    Ok(found.map(|(name, _)| name))
}

/// Names and paths of what is in a directory, by name.
fn entries(directory: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let named =
        |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    let mut entries =
        fs::read_dir(directory)?.map(|entry| entry.map(named)).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_file_systems_begin() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_mount_point(folder.path()));
        assert!(!is_mount_point(&folder.path().join("none")));
        #[cfg(target_os = "linux")]
        assert!(is_mount_point(Path::new("/proc")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_replaced_is_told() {
        let why = check_replaceable(Path::new("/proc")).unwrap_err().to_string();
        assert!(why.contains("/proc: is a mount point") && why.contains("--out"), "{why}");
        for place in [".", "..", "/"] {
            assert!(check_replaceable(Path::new(place)).is_err(), "{place}");
        }
    }

    /// Other runs put below a result by hand are not parts of it.
    #[test]
    fn results_below_results_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (run, comparison) = ("{\"fingerprint\": \"\"}", "{\"ranking_metric\": \"\"}");
        file("one/manifest.json", run);
        file("all/comparison.json", comparison);
        file("all/arm/seed-1/manifest.json", run);
        let check = |name: &str, kind| {
            let checked = check_place(&folder.path().join(name), kind);
            checked.map_err(|why| why.to_string()).err().unwrap_or_default()
        };
        assert_eq!(check("one", ResultKind::Run), "");
        assert_eq!(check("all", ResultKind::Comparison), "");
        assert!(check("all", ResultKind::Run).contains("holds a comparison"));
        assert!(check("all/arm", ResultKind::Run).contains("holds other results, in 'seed-1'"));
        assert!(check("", ResultKind::Run).contains("holds other results, in 'all'"));
        file("one/below/manifest.json", run);
        file("all/mine/manifest.json", run);
        assert!(check("one", ResultKind::Run).contains("holds other results, in 'below'"));
        assert!(check("all", ResultKind::Comparison).contains("holds other results, in 'mine'"));
    }
}
