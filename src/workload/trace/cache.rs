//! A directory that keeps the rows of traces for later runs.
//!
//! A file is named by the hash of the trace's bytes and of the options it was read with, so that
//! another trace, or another way to read it, is another file. It begins with what it is of, has
//! check sums throughout, and appears whole or not at all. What is damaged, cut off or of another
//! version is made again. Only traces that can be read to their end are kept.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::NamedTempFile;
use xxhash_rust::xxh3::xxh3_128;

use crate::model::TaskDefinition;
use crate::workload::WorkloadError;

use super::batch::{Batch, Definition, End, ReadRows};
use super::encoding::{Block, BlockError, hash, write_block};

/// What every file begins with; the last four bytes are the version of the encoding.
const MAGIC: [u8; 16] = *b"towtank rows\x01\0\0\0";

/// Bytes before the first block: the magic, the version of towtank, the trace and the options.
const HEADER_BYTES: usize = 64;

/// Bytes read from a file at once.
const BUFFER_BYTES: usize = 128 << 10;

/// Makes definitions again from their keys.
type Define = Box<dyn Fn(&[&[u8]]) -> Result<Vec<TaskDefinition>, WorkloadError> + Send>;

/// Opens a trace from its start.
type ReadAgain<'a> = &'a dyn Fn() -> Result<Box<dyn ReadRows>, WorkloadError>;

/// A trace that may be in a cache.
pub struct CachedTrace<'a> {
    /// The file it is read from.
    pub input: PathBuf,
    /// All else that its rows depend on.
    pub options: String,
    /// Makes its definitions again from their keys.
    pub define: Define,
    /// Reads it.
    pub read: ReadAgain<'a>,
}

impl std::fmt::Debug for CachedTrace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedTrace").field("input", &self.input).finish_non_exhaustive()
    }
}

/// Rows of traces, kept in a directory.
#[derive(Debug)]
pub struct TraceCache {
    directory: PathBuf,
    /// Runs of one process make no file twice.
    making: Mutex<()>,
}

impl TraceCache {
    /// A cache in a directory, which is made when the first trace is kept.
    pub fn new(directory: PathBuf) -> TraceCache {
        TraceCache { directory, making: Mutex::new(()) }
    }

    /// The rows of a trace, from the file that is made now if there is none. `None` if the trace
    /// must be read itself: it has an error, or the directory cannot be used. What the user should
    /// know is added to `notes`.
    pub fn rows(&self, trace: CachedTrace<'_>, notes: &mut Vec<String>) -> Option<CachedRows> {
        // The lock guards no data that a panic could leave half-made.
        let _alone = self.making.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.find_or_make(trace, notes).unwrap_or_else(|why| {
            notes.push(format!(
                "{}: the trace cache cannot be used: {why}; the trace is read without it",
                self.directory.display()
            ));
            None
        })
    }

    fn find_or_make(
        &self,
        trace: CachedTrace<'_>,
        notes: &mut Vec<String>,
    ) -> io::Result<Option<CachedRows>> {
        // What cannot be read twice cannot be hashed first.
        if !std::fs::metadata(&trace.input)?.is_file() {
            return Ok(None);
        }
        let options = xxh3_128(trace.options.as_bytes());
        let input = hash_file(&trace.input)?;
        let path = self.directory.join(format!("{input:032x}-{options:032x}.rows"));
        let header = header(input, options);
        if std::fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            let why = format!("{} is no regular file: remove it", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        match open_whole(&path, &header) {
            Ok(()) => return CachedRows::open(path, trace.define).map(Some),
            Err(BlockError::Io(why)) if why.kind() == io::ErrorKind::NotFound => {}
            Err(BlockError::Io(why)) => return Err(why),
            Err(why) => {
                notes.push(format!("trace cache {}: {why}; it was made again", path.display()));
            }
        }
        let Some(file) = self.write(&header, trace.read)? else { return Ok(None) };
        // Of a trace that changed while it was read, the rows belong to neither hash.
        if hash_file(&trace.input)? != input {
            return Ok(None);
        }
        file.persist(&path)?;
        CachedRows::open(path, trace.define).map(Some)
    }

    /// Writes a file that has no name yet; none if the trace has an error.
    fn write(&self, header: &[u8], read: ReadAgain<'_>) -> io::Result<Option<NamedTempFile>> {
        // An error of the trace comes again when it is read without cache, at its place.
        let Ok(mut rows) = read() else { return Ok(None) };
        std::fs::create_dir_all(&self.directory)?;
        let file = NamedTempFile::new_in(&self.directory)?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        out.write_all(header)?;
        let mut batch = Batch::default();
        while batch.end == End::More {
            batch.refill(&mut *rows);
            if matches!(batch.end, End::Error(_)) {
                return Ok(None);
            }
            write_block(&mut out, &batch)?;
        }
        out.into_inner().map(Some).map_err(io::IntoInnerError::into_error)
    }
}

/// What a file must begin with.
fn header(input: u128, options: u128) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..16].copy_from_slice(&MAGIC);
    header[16..32].copy_from_slice(&xxh3_128(env!("CARGO_PKG_VERSION").as_bytes()).to_le_bytes());
    header[32..48].copy_from_slice(&input.to_le_bytes());
    header[48..].copy_from_slice(&options.to_le_bytes());
    header
}

/// Reads a file through: whether it is what it should be, from the first byte to the last.
fn open_whole(path: &Path, header: &[u8; HEADER_BYTES]) -> Result<(), BlockError> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut begins = [0; HEADER_BYTES];
    file.read_exact(&mut begins).map_err(|_| BlockError::Damaged("truncated"))?;
    if begins != *header {
        return Err(BlockError::Damaged("of another version of towtank, or damaged"));
    }
    let mut block = Block::default();
    let mut is_last = false;
    while block.read(&mut file)? {
        if is_last {
            return Err(BlockError::Damaged("damaged: something is behind its end"));
        }
        is_last = block.is_last();
    }
    if is_last { Ok(()) } else { Err(BlockError::Damaged("truncated")) }
}

/// 128-bit hash of a file's bytes, XXH3.
///
/// # Errors
/// It cannot be read.
pub fn hash_file(path: &Path) -> io::Result<u128> {
    hash(File::open(path)?)
}

/// Rows from a file of a cache.
pub struct CachedRows {
    path: PathBuf,
    file: BufReader<File>,
    block: Block,
    /// Definitions so far.
    known: usize,
    define: Define,
}

impl std::fmt::Debug for CachedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedRows").field("path", &self.path).finish_non_exhaustive()
    }
}

impl CachedRows {
    fn open(path: PathBuf, define: Define) -> io::Result<CachedRows> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(&path)?);
        file.read_exact(&mut [0; HEADER_BYTES])?;
        Ok(CachedRows { path, file, block: Block::default(), known: 0, define })
    }

    fn read_block(&mut self, batch: &mut Batch) -> Result<bool, BlockError> {
        if !self.block.read(&mut self.file)? {
            return Err(BlockError::Damaged("truncated"));
        }
        let keys = self.block.keys()?;
        if !keys.is_empty() {
            let definitions = (self.define)(&keys).unwrap_or_default();
            if definitions.len() != keys.len() {
                return Err(BlockError::Damaged("damaged: a definition is none"));
            }
            let pairs = keys.iter().zip(definitions);
            let pair =
                |(key, definition): (&&[u8], _)| Definition { key: (*key).into(), definition };
            batch.definitions.extend(pairs.map(pair));
            self.known += keys.len();
        }
        self.block.decode(batch, self.known)?;
        Ok(!self.block.is_last())
    }
}

impl ReadRows for CachedRows {
    fn read(&mut self, batch: &mut Batch) -> Result<bool, WorkloadError> {
        self.read_block(batch).map_err(|why| {
            let path = self.path.display();
            let text = format!("trace cache {path}: {why}, since this run began: remove the file");
            WorkloadError(text)
        })
    }
}
