//! The stream of bytes that the CSV parser reads: line ends made equal, records bounded.

use std::fmt;
use std::io::{self, ErrorKind, Read};

/// Bytes that one record may have, at most: 1 MiB. Longer ones come from an unclosed quote, which
/// would make the rest of the file one field.
pub const RECORD_BYTES_MAX: u64 = 1 << 20;

/// Why the stream has ended for the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has not.
    No,
    /// All bytes were read and a line end was added.
    Closed,
    /// The file has ended.
    File,
    /// The record in hand is too long.
    Record,
    /// The value in hand goes on behind its closing quote.
    Quote,
}

/// Where in a value the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// Before its first byte.
    Start,
    /// In one without quotes.
    Bare,
    /// Between its quotes.
    Quoted,
    /// Behind a quote that closes it, or is the first of a doubled one.
    Closed,
}

/// Turns CRLF and lone CR into LF, so that lines are counted right in every file, and puts one LF
/// behind the last byte, so that a record that ends with the stream and not with a line end can
/// only be one whose quote was never closed.
pub(super) struct Lines {
    inner: Box<dyn Read + Send>,
    /// Whether the last byte was a CR, whose LF is then dropped.
    after_return: bool,
    /// Bytes handed out.
    bytes: u64,
    /// Bytes that may be handed out before the record in hand must have ended.
    allowed: u64,
    end: End,
    value: Value,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lines");
        shown.field("bytes", &self.bytes).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Lines {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Lines {
        Lines {
            inner,
            after_return: false,
            bytes: 0,
            allowed: RECORD_BYTES_MAX,
            end: End::No,
            value: Value::Start,
        }
    }

    /// How many of the bytes come before a value that goes on behind its closing quote, which the
    /// parser would take without a word.
    fn before_bad_quote(&mut self, bytes: &[u8]) -> usize {
        if !matches!(self.value, Value::Quoted | Value::Closed) && !bytes.contains(&b'"') {
            let ended = matches!(bytes.last(), None | Some(b',' | b'\n'));
            self.value = if ended { Value::Start } else { Value::Bare };
            return bytes.len();
        }
        for (at, byte) in bytes.iter().enumerate() {
            self.value = match (self.value, byte) {
                (Value::Quoted, b'"') => Value::Closed,
                (Value::Quoted, _) | (Value::Closed | Value::Start, b'"') => Value::Quoted,
                (_, b',' | b'\n') => Value::Start,
                (Value::Closed, _) => {
                    self.end = End::Quote;
                    return at;
                }
                (Value::Start | Value::Bare, _) => Value::Bare,
            };
        }
        bytes.len()
    }

    /// Tells that a record starts at byte `start` of what was handed out.
    pub(super) fn record_starts(&mut self, start: u64) {
        self.allowed = start + RECORD_BYTES_MAX;
    }

    /// Bytes handed out.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Why the stream has ended.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Makes line ends equal, in place; returns how many bytes are left.
    fn normalise(&mut self, bytes: &mut [u8]) -> usize {
        if !self.after_return && !bytes.contains(&b'\r') {
            return bytes.len();
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let dropped = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if !dropped {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }

    fn close(&mut self, buffer: &mut [u8]) -> usize {
        if self.end != End::No {
            self.end = End::File;
            return 0;
        }
        self.end = End::Closed;
        buffer[0] = b'\n';
        self.bytes += 1;
        1
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowed.saturating_sub(self.bytes);
        if left == 0 {
            self.end = End::Record;
        }
        if buffer.is_empty() || left == 0 || self.end == End::Quote {
            return Ok(0);
        }
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        loop {
            let read = match self.inner.read(&mut buffer[..room]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if read == 0 {
                return Ok(self.close(buffer));
            }
            let kept = self.normalise(&mut buffer[..read]);
            let kept = self.before_bad_quote(&buffer[..kept]);
            self.bytes += kept as u64;
            if kept > 0 || self.end == End::Quote {
                return Ok(kept);
            }
        }
    }
}
