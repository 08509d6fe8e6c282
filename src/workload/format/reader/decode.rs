//! Opens a file that may be compressed; what it is, its first bytes say and not its name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use crate::workload::WorkloadError;

/// Bytes that a compressed file may decompress to, at most: 64 GiB. A file of a few megabytes can
/// decompress to a thousand times as much, or to no end.
pub const DECOMPRESSED_BYTES_MAX: u64 = 64 << 30;

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Memory an xz file may ask for: its dictionary. `xz -9` writes files that need 65 MiB.
const XZ_MEMORY_BYTES: u64 = 1 << 30;

/// First bytes looked at: the longest magic number is xz's.
const MAGIC_BYTES: u64 = 6;

/// What a file is, by its magic number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Plain,
    Gzip,
    Zstd,
    Xz,
    /// Something that cannot be a trace before it is unpacked, and how to unpack it.
    Refused(&'static str),
}

impl Content {
    /// Sources: RFC 1952 (gzip), RFC 8878 (zstd, skippable frames included), the .xz file format.
    fn of(head: &[u8]) -> Content {
        match head {
            [0x1f, 0x8b, ..] => Content::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Content::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Content::Xz,
            [b'P', b'K', 3, 4, ..] => Content::Refused("a zip archive: unpack it with unzip"),
            [b'B', b'Z', b'h', ..] => Content::Refused("a bzip2 file: unpack it with bunzip2"),
            [b'P', b'A', b'R', b'1', ..] => {
                Content::Refused("a Parquet file: export its table as CSV")
            }
            _ => Content::Plain,
        }
    }
}

/// Opens a file for reading from its start: plain, gzip, zstd or xz, each of one or more members.
/// Streams: memory does not grow with the file.
///
/// Errors of the reader itself say that the data are truncated or damaged, where, and the remedy;
/// it is one too if more than [`DECOMPRESSED_BYTES_MAX`] come out of a compressed file.
///
/// # Errors
/// A file that is missing, a directory, not readable, or an archive; with the path and the remedy.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, WorkloadError> {
    open_up_to(path, DECOMPRESSED_BYTES_MAX)
}

/// [`open`] with another limit of decompressed bytes.
pub(super) fn open_up_to(path: &Path, limit: u64) -> Result<Box<dyn Read + Send>, WorkloadError> {
    let refused = |problem: String| WorkloadError(format!("{}: {problem}", path.display()));
    let cannot_open = |error: io::Error| refused(why_not_opened(&error));
    let mut file = File::open(path).map_err(cannot_open)?;
    if file.metadata().map_err(cannot_open)?.is_dir() {
        return Err(refused("is a directory: name the file in it".to_owned()));
    }
    let mut head = Vec::new();
    file.by_ref().take(MAGIC_BYTES).read_to_end(&mut head).map_err(cannot_open)?;
    let content = Content::of(&head);
    let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(file));
    let (inner, test) = match content {
        Content::Plain => return Ok(Box::new(whole)),
        Content::Refused(what) => return Err(refused(format!("is {what}"))),
        Content::Gzip => (boxed(MultiGzDecoder::new(whole)), "gzip -t"),
        Content::Zstd => {
            (boxed(zstd::Decoder::with_buffer(whole).map_err(cannot_open)?), "zstd -t")
        }
        Content::Xz => (boxed(xz_decoder(whole).map_err(cannot_open)?), "xz -t"),
    };
    Ok(Box::new(Decompressed { inner, test, bytes: 0, limit }))
}

fn boxed(decoder: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(decoder)
}

fn xz_decoder<R: BufRead>(whole: R) -> io::Result<XzDecoder<R>> {
    let stream = Stream::new_stream_decoder(XZ_MEMORY_BYTES, CONCATENATED)?;
    Ok(XzDecoder::new_stream(whole, stream))
}

fn why_not_opened(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file: check the path (paths in a scenario are \
            relative to the scenario's directory)"
            .to_owned(),
        ErrorKind::PermissionDenied => {
            "is not readable: give yourself permission, as with chmod u+r".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}

/// A decoder that counts what comes out and explains what goes wrong.
struct Decompressed {
    inner: Box<dyn Read + Send>,
    /// Command that checks such a file.
    test: &'static str,
    /// Bytes that came out so far.
    bytes: u64,
    limit: u64,
}

impl Decompressed {
    fn explain(&self, error: &io::Error) -> io::Error {
        let state = match error.kind() {
            ErrorKind::UnexpectedEof => "truncated",
            _ => "damaged, or has something else behind its end",
        };
        let Decompressed { bytes, test, .. } = self;
        let text = format!(
            "the compressed file is {state}: {bytes} bytes came out of it before the error \
             ({error}); fetch it again and check it with '{test}'"
        );
        io::Error::new(error.kind(), text)
    }
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            other => other.map_err(|error| self.explain(&error))?,
        };
        self.bytes += read as u64;
        if self.bytes > self.limit {
            return Err(io::Error::new(
                ErrorKind::FileTooLarge,
                format!(
                    "the compressed file holds more than {} bytes: check that it is the right \
                     one; a larger trace can be read decompressed",
                    self.limit
                ),
            ));
        }
        Ok(read)
    }
}
