//! Records of a CSV table: a plain line is split where its commas are, and whatever is not plain
//! goes the careful way, so that both yield the same fields, lines and errors.

use std::io::{self, Read};

use csv::ByteRecord;

use super::careful::{Careful, End, RECORD_BYTES_MAX};
use super::lines::{BUFFER_BYTES, Lines};

/// What is wrong, and the line where.
type Refusal = (u64, String);

/// The records, one at a time.
#[derive(Debug)]
pub(super) struct Records {
    parser: csv::Reader<Careful>,
    /// The record in hand if it was read carefully.
    record: ByteRecord,
    /// The record in hand if it was plain.
    plain: Option<Plain>,
    /// Lines of plain records and empty lines, that the parser did not see.
    plain_lines: u64,
    /// Fields that a record must have; `None` for any number.
    width: Option<usize>,
}

/// A plain record: where it starts in the buffer, and the first of the marks that end its fields.
#[derive(Debug, Clone, Copy)]
struct Plain {
    start: usize,
    mark: usize,
}

/// What comes next.
enum Next {
    Plain(Plain),
    /// Something that may not be plain.
    Unusual,
    /// The rest of the line is not there.
    Incomplete,
}

impl Records {
    /// The records of a text without byte order mark.
    pub(super) fn new(input: Box<dyn Read + Send>) -> Records {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).buffer_capacity(BUFFER_BYTES);
        Records {
            parser: builder.from_reader(Careful::new(Lines::new(input))),
            record: ByteRecord::new(),
            plain: None,
            plain_lines: 0,
            width: None,
        }
    }

    /// Refuses from now on what has not as many fields as the record in hand.
    pub(super) fn expect_width(&mut self) {
        self.width = Some(self.fields().count());
    }

    /// Goes to the next record; false if there is none.
    pub(super) fn advance(&mut self) -> Result<bool, Refusal> {
        let Some(width) = self.width else { return self.advance_carefully() };
        self.plain = None;
        loop {
            match self.next(width) {
                Next::Plain(plain) => {
                    self.plain = Some(plain);
                    return Ok(true);
                }
                Next::Unusual => return self.advance_carefully(),
                Next::Incomplete => {
                    let more = self.lines().refill();
                    if !more.map_err(|error| self.unreadable(&error))? {
                        return self.advance_carefully();
                    }
                }
            }
        }
    }

    fn lines(&mut self) -> &mut Lines {
        &mut self.parser.get_mut().lines
    }

    /// Takes the next record if it is a plain one of `width` fields, and the empty lines before.
    fn next(&mut self, width: usize) -> Next {
        let lines = &mut self.parser.get_mut().lines;
        loop {
            let (start, buffer) = (lines.start(), lines.buffer());
            let (all, mark) = lines.marks();
            let byte = |mark: &u32| buffer[*mark as usize];
            let marks = &all[mark..];
            if let Some(first) = marks.first()
                && *first as usize == start
                && buffer[start] == b'\n'
            {
                lines.take(1, 1);
                self.plain_lines += 1;
                continue;
            }
            let Some((last, commas)) = marks.get(..width).and_then(<[u32]>::split_last) else {
                let is_whole = marks.iter().any(|mark| byte(mark) != b',');
                return if is_whole { Next::Unusual } else { Next::Incomplete };
            };
            let is_plain = byte(last) == b'\n' && commas.iter().all(|mark| byte(mark) == b',');
            let end = *last as usize;
            if !is_plain || !(lines.is_ascii() || is_text(&buffer[start..end])) {
                return Next::Unusual;
            }
            lines.take(end + 1 - start, width);
            self.plain_lines += 1;
            return Next::Plain(Plain { start, mark });
        }
    }

    /// A field of the record in hand, which has so many.
    #[inline]
    pub(super) fn field(&self, index: usize) -> &[u8] {
        let (bytes, start) = self.field_with_before(index);
        &bytes[start..]
    }

    /// A field of the record in hand, with what is before it in memory, and where it starts.
    #[expect(clippy::inline_always, reason = "the call would cost more than the work")]
    #[inline(always)]
    pub(super) fn field_with_before(&self, index: usize) -> (&[u8], usize) {
        let Some(Plain { start, mark }) = self.plain else {
            let field = self.record.range(index).unwrap_or_default();
            return (&self.record.as_slice()[..field.end], field.start);
        };
        let lines = &self.parser.get_ref().lines;
        let ends = &lines.marks().0[mark..];
        let start = if index == 0 { start } else { ends[index - 1] as usize + 1 };
        (&lines.buffer()[..ends[index] as usize], start)
    }

    /// The fields of a record that was read carefully.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.record.iter()
    }

    /// Line at which the record begins, from 1.
    pub(super) fn line(&self) -> u64 {
        let behind = self.position();
        if self.plain.is_some() {
            return behind - 1;
        }
        // The parser stands behind the record's line end, and counts those within values too.
        behind - 1 - line_ends(self.record.as_slice())
    }

    /// Line of the next byte to be taken.
    fn position(&self) -> u64 {
        self.plain_lines + self.parser.position().line()
    }

    // --- the careful way ----------------------------------------------------------------------

    fn advance_carefully(&mut self) -> Result<bool, Refusal> {
        self.plain = None;
        self.parser.get_mut().record_starts();
        let found = self.parser.read_byte_record(&mut self.record);
        let found = found.map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => self.unreadable(&error),
            other => (self.position(), format!("cannot be read on: {other:?}")),
        })?;
        match self.parser.get_ref().end() {
            _ if !found => return Ok(false),
            End::File | End::Record => return Err(self.unclosed()),
            End::Quote => return Err(self.broken_quote()),
            End::No => {}
        }
        self.check_encoding()?;
        self.check_width()?;
        Ok(true)
    }

    fn check_encoding(&self) -> Result<(), Refusal> {
        if self.record.as_slice().is_ascii() {
            return Ok(());
        }
        for (index, field) in self.record.iter().enumerate() {
            if let Err(error) = std::str::from_utf8(field) {
                let at = error.valid_up_to();
                let problem = format!(
                    "byte {} of field {} is 0x{:02x}, which is not UTF-8: convert the file, as \
                     with iconv -f LATIN1 -t UTF-8",
                    at + 1,
                    index + 1,
                    field[at]
                );
                return Err((self.line(), problem));
            }
        }
        Ok(())
    }

    fn check_width(&self) -> Result<(), Refusal> {
        let fields = self.record.len();
        let width = self.width.unwrap_or(fields);
        if fields == width {
            return Ok(());
        }
        let hint = if fields > width {
            "remove the extra ones, or put values with commas in quotes"
        } else {
            "fill in the missing ones; values may be left empty, commas not"
        };
        Err((self.line(), format!("{fields} fields where the header has {width}: {hint}")))
    }

    /// The error about a value that goes on behind its closing quote.
    fn broken_quote(&self) -> Refusal {
        let problem = "a value goes on behind its closing quote: double a quote that is part of \
                       the value, and put quotes around all of it";
        (self.position(), problem.to_owned())
    }

    /// The error about a record that ends with the input and not with a line end.
    fn unclosed(&self) -> Refusal {
        // No line end is behind the record, so the parser stands at the line it broke off in.
        let last = self.record.iter().next_back().unwrap_or_default();
        let opened = self.position() - line_ends(last);
        if self.parser.get_ref().end() == End::Record && line_ends(last) == 0 {
            let problem = format!(
                "the record is longer than {RECORD_BYTES_MAX} bytes: shorten it or correct the \
                 line ends"
            );
            return (opened, problem);
        }
        let problem = format!(
            "unclosed quote opened at line {opened}: close it, or double a quote that is part of \
             the value and put quotes around the value"
        );
        (opened, problem)
    }

    fn unreadable(&self, error: &io::Error) -> Refusal {
        (self.position(), format!("cannot be read on: {error}"))
    }
}

/// Whether these bytes are UTF-8; then the fields are too, as a comma is part of no character.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests;
