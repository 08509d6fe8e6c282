//! The careful way to read a record: quotes, line ends in values, and every kind of broken input.

use std::io::{self, Read};

use super::lines::Lines;

/// Bytes that one record may have, at most: 1 MiB. Longer ones come from an unclosed quote, which
/// would make the rest of the file one field.
pub const RECORD_BYTES_MAX: u64 = 1 << 20;

/// Why the record in hand has ended for the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has not, or with a line end.
    No,
    /// The file has ended.
    File,
    /// It is too long.
    Record,
    /// The value in hand goes on behind its closing quote.
    Quote,
}

/// Where in a value the parser stands.
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

/// Hands the lines to a CSV parser one at a time, so that behind a record nothing was taken: the
/// next one can be read another way.
#[derive(Debug)]
pub(super) struct Careful {
    pub(super) lines: Lines,
    /// Bytes that may be handed out before the record in hand must have ended.
    left: u64,
    end: End,
    value: Value,
}

impl Careful {
    pub(super) fn new(lines: Lines) -> Careful {
        Careful { lines, left: RECORD_BYTES_MAX, end: End::No, value: Value::Start }
    }

    /// Tells that a record starts.
    pub(super) fn record_starts(&mut self) {
        self.left = RECORD_BYTES_MAX;
        self.value = Value::Start;
    }

    /// Why the record has ended.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// How many of the bytes come before a value that goes on behind its closing quote, which the
    /// parser would take without a word.
    fn before_bad_quote(&mut self, count: usize) -> usize {
        for (at, byte) in self.lines.bytes()[..count].iter().enumerate() {
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
        count
    }
}

impl Read for Careful {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.end = End::Record;
        }
        if buffer.is_empty() || self.end != End::No {
            return Ok(0);
        }
        if self.lines.bytes().is_empty() && !self.lines.refill()? {
            self.end = End::File;
            return Ok(0);
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.before_bad_quote(self.lines.line_length().min(room));
        buffer[..count].copy_from_slice(&self.lines.bytes()[..count]);
        self.lines.take_bytes(count);
        self.left -= count as u64;
        Ok(count)
    }
}
