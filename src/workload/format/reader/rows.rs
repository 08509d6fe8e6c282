//! Rows of a CSV table with typed columns.

use std::io::Read;
use std::path::Path;

use csv::ByteRecord;

use crate::des::{SimDuration, parse_seconds};
use crate::model::{Cpu, DEVICES_MAX, GPU_DEVICE_MILLI, GpuRequest};
use crate::workload::WorkloadError;

use super::lines::{End, Lines, RECORD_BYTES_MAX};
use super::{header, open, shown};

/// Times in a trace are at most this many seconds, about 3 171 years, so that sums of a few times
/// never overflow; more than that is a time in smaller units.
pub const SECONDS_MAX: u64 = 100_000_000_000;

/// Bytes handed to the CSV parser at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A column by its place in the list of names that [`Rows::open`] was given; from
/// [`Rows::column`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column(usize);

/// The rows of a CSV file (RFC 4180, plain or compressed) with a header, one at a time: memory does
/// not grow with the file. A byte order mark and any line ends are accepted, empty lines skipped.
///
/// [`Rows::advance`] goes to the next row, whose values the other methods then give.
#[derive(Debug)]
pub struct Rows {
    file: String,
    reader: csv::Reader<Lines>,
    record: ByteRecord,
    names: Vec<&'static str>,
    /// By column: where it stands in the header.
    positions: Vec<Option<usize>>,
    /// Fields of the header.
    width: usize,
    /// The error that ended reading, to repeat.
    failed: Option<String>,
}

impl Rows {
    /// Opens a file and reads its header, which must have all `required` columns, may have
    /// `optional` ones, and no others.
    ///
    /// # Errors
    /// Those of [`super::open`], an empty file, or another header.
    pub fn open(
        path: &Path,
        required: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Rows, WorkloadError> {
        Rows::new(path.display().to_string(), open(path)?, required, optional)
    }

    /// Rows of the CSV text in `input`; `file` is its name in errors.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn new(
        file: String,
        input: Box<dyn Read + Send>,
        required: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Rows, WorkloadError> {
        let input = without_mark(&file, input)?;
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).buffer_capacity(BUFFER_BYTES);
        let mut rows = Rows {
            file,
            reader: builder.from_reader(Lines::new(input)),
            record: ByteRecord::new(),
            names: required.iter().chain(optional).copied().collect(),
            positions: Vec::new(),
            width: 0,
            failed: None,
        };
        if !rows.read()? {
            return Err(WorkloadError(format!("{}: no rows: the file is empty", rows.file)));
        }
        let header: Vec<&str> = rows.record.iter().map(as_text).collect();
        let positions = header::positions(&header, required, optional);
        rows.positions = positions.map_err(|problem| rows.error(problem))?;
        rows.width = rows.record.len();
        Ok(rows)
    }

    /// The handle of a column. O(columns).
    ///
    /// # Panics
    /// The name is not among those that the rows were opened with.
    pub fn column(&self, name: &str) -> Column {
        let known = self.names.iter().position(|known| *known == name);
        Column(known.expect("a column is asked for under a name the rows were opened with"))
    }

    /// Whether the file has this column.
    pub fn has(&self, column: Column) -> bool {
        self.positions[column.0].is_some()
    }

    /// Goes to the next row; false if there is none.
    ///
    /// # Errors
    /// The file is truncated or damaged, a quote is not closed, a record too long or not UTF-8, or
    /// its fields are more or fewer than the header's. The error stays: there is no reading on.
    pub fn advance(&mut self) -> Result<bool, WorkloadError> {
        if let Some(failed) = &self.failed {
            return Err(WorkloadError(failed.clone()));
        }
        let outcome = self.read_row();
        self.failed = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    fn read_row(&mut self) -> Result<bool, WorkloadError> {
        if !self.read()? {
            return Ok(false);
        }
        let (fields, width) = (self.record.len(), self.width);
        if fields != width {
            let hint = if fields > width {
                "remove the extra ones, or put values with commas in quotes"
            } else {
                "fill in the missing ones; values may be left empty, commas not"
            };
            let problem = format!("{fields} fields where the header has {width}: {hint}");
            return Err(self.error(problem));
        }
        Ok(true)
    }

    fn read(&mut self) -> Result<bool, WorkloadError> {
        let start = self.reader.position().byte();
        self.reader.get_mut().record_starts(start);
        let found = self.reader.read_byte_record(&mut self.record);
        let found = found.map_err(|error| self.unreadable(error))?;
        if !found {
            return Ok(false);
        }
        match self.reader.get_ref().end() {
            End::File | End::Record => return Err(self.unclosed()),
            // The records before the one it stands in end with a line end, this one does not.
            End::Quote if self.reader.position().byte() == self.reader.get_ref().bytes() => {
                return Err(self.broken_quote());
            }
            End::No | End::Closed | End::Quote => {}
        }
        self.check_encoding()?;
        Ok(true)
    }

    fn check_encoding(&self) -> Result<(), WorkloadError> {
        if self.record.as_slice().is_ascii() {
            return Ok(());
        }
        for (index, field) in self.record.iter().enumerate() {
            if let Err(error) = std::str::from_utf8(field) {
                let at = error.valid_up_to();
                return Err(self.error(format!(
                    "byte {} of field {} is 0x{:02x}, which is not UTF-8: convert the file, as \
                     with iconv -f LATIN1 -t UTF-8",
                    at + 1,
                    index + 1,
                    field[at]
                )));
            }
        }
        Ok(())
    }

    /// The error about a value that goes on behind its closing quote.
    fn broken_quote(&self) -> WorkloadError {
        let line = self.reader.position().line();
        let problem = "a value goes on behind its closing quote: double a quote that is part of \
                       the value, and put quotes around all of it";
        WorkloadError::at(&self.file, line, problem)
    }

    /// The error about a record that ends with the input and not with a line end.
    fn unclosed(&self) -> WorkloadError {
        // No line end is behind the record, so the parser stands at the line it broke off in.
        let last = self.record.iter().next_back().unwrap_or_default();
        let opened = self.reader.position().line() - line_ends(last);
        if self.reader.get_ref().end() == End::Record && line_ends(last) == 0 {
            let problem = format!(
                "the record is longer than {RECORD_BYTES_MAX} bytes: shorten it or correct the \
                 line ends"
            );
            return WorkloadError::at(&self.file, opened, problem);
        }
        let problem = format!(
            "unclosed quote opened at line {opened}: close it, or double a quote that is part of \
             the value and put quotes around the value"
        );
        WorkloadError::at(&self.file, opened, problem)
    }

    fn unreadable(&self, error: csv::Error) -> WorkloadError {
        let problem = match error.into_kind() {
            csv::ErrorKind::Io(error) => format!("cannot be read on: {error}"),
            other => format!("cannot be read on: {other:?}"),
        };
        WorkloadError::at(&self.file, self.reader.position().line(), problem)
    }

    /// Name of the file, as errors give it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line at which the row begins, from 1. Linear in the row's length.
    pub fn line(&self) -> u64 {
        // The parser stands behind the row's line end, and counts those within values too.
        self.reader.position().line() - 1 - line_ends(self.record.as_slice())
    }

    /// An error about the row.
    pub fn error(&self, problem: impl std::fmt::Display) -> WorkloadError {
        WorkloadError::at(&self.file, self.line(), problem)
    }

    /// An error about the value in a column: what is wrong with it, and the remedy.
    pub fn wrong(&self, column: Column, problem: impl std::fmt::Display) -> WorkloadError {
        let (name, text) = (self.names[column.0], self.text(column));
        let spaces = if text.trim() == text { "" } else { " (there are spaces around it)" };
        self.error(format!("column '{name}': {}{spaces} {problem}", shown(text)))
    }

    /// The text in a column; empty if the file does not have the column.
    pub fn text(&self, column: Column) -> &str {
        let position = self.positions[column.0];
        as_text(position.and_then(|at| self.record.get(at)).unwrap_or_default())
    }

    /// The text in a column that must not be empty.
    ///
    /// # Errors
    /// It is empty.
    pub fn filled(&self, column: Column) -> Result<&str, WorkloadError> {
        match self.text(column) {
            "" => Err(self.wrong(column, "is no value: fill it in")),
            text => Ok(text),
        }
    }

    /// The text in a column; `None` if it is empty or the file does not have the column.
    pub fn optional(&self, column: Column) -> Option<&str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is not digits only, or above [`u64::MAX`].
    pub fn u64(&self, column: Column) -> Result<u64, WorkloadError> {
        self.number(column, u64::MAX)
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is not digits only, or above [`u32::MAX`].
    pub fn u32(&self, column: Column) -> Result<u32, WorkloadError> {
        self.number(column, u64::from(u32::MAX)).map(|number| number as u32)
    }

    /// A whole number, or `None` where [`Rows::optional`] is.
    ///
    /// # Errors
    /// As [`Rows::u32`].
    pub fn optional_u32(&self, column: Column) -> Result<Option<u32>, WorkloadError> {
        self.optional(column).map(|_| self.u32(column)).transpose()
    }

    fn number(&self, column: Column, most: u64) -> Result<u64, WorkloadError> {
        let text = self.text(column);
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = "is not a whole number: write digits only, such as 42";
            return Err(self.wrong(column, problem));
        }
        let number = text.parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| self.wrong(column, format!("is too large: at most {most}")))
    }

    /// A time in decimal seconds, exact to the microsecond; see [`parse_seconds`].
    ///
    /// # Errors
    /// It is not a plain decimal, negative, or above [`SECONDS_MAX`].
    pub fn seconds(&self, column: Column) -> Result<SimDuration, WorkloadError> {
        let text = self.text(column);
        let Some(time) = parse_seconds(text) else {
            let problem = "is not a time in seconds: write a decimal such as 12 or 0.25, without \
                sign or exponent";
            return Err(self.wrong(column, problem));
        };
        if time > SimDuration::from_secs(SECONDS_MAX) {
            let problem = format!(
                "is too large: at most {SECONDS_MAX} s; convert milliseconds or microseconds"
            );
            return Err(self.wrong(column, problem));
        }
        Ok(time)
    }

    /// A time, or `None` where [`Rows::optional`] is.
    ///
    /// # Errors
    /// As [`Rows::seconds`].
    pub fn optional_seconds(&self, column: Column) -> Result<Option<SimDuration>, WorkloadError> {
        self.optional(column).map(|_| self.seconds(column)).transpose()
    }

    /// An amount of CPU, written as a number of `unit`s.
    ///
    /// # Errors
    /// It is not a whole number, or above the range of [`Cpu`].
    pub fn cpu(&self, column: Column, unit: Cpu) -> Result<Cpu, WorkloadError> {
        let most = u32::MAX / unit.0;
        let count = self.number(column, u64::from(most))?;
        Ok(Cpu(count as u32 * unit.0))
    }

    /// A GPU request: `milli` thousandths of each of `devices`. Empty values are no device and
    /// whole devices.
    ///
    /// # Errors
    /// Not whole numbers, more than [`DEVICES_MAX`] devices, more than a whole device, or a share
    /// of none or of several.
    pub fn gpu(&self, devices: Column, milli: Column) -> Result<GpuRequest, WorkloadError> {
        let count = self.optional_u32(devices)?.unwrap_or(0);
        let whole = if count == 0 { 0 } else { u32::from(GPU_DEVICE_MILLI) };
        let share = self.optional_u32(milli)?.unwrap_or(whole);
        if count as usize > DEVICES_MAX {
            return Err(self.wrong(devices, format!("is too large: at most {DEVICES_MAX} GPUs")));
        }
        match count {
            0 if share > 0 => {
                Err(self.wrong(milli, "is a share of no GPU: ask for 1 GPU, or set it to 0"))
            }
            1 if share == 0 || share > u32::from(GPU_DEVICE_MILLI) => {
                Err(self.wrong(milli, "is not a share of a GPU: write 1 to 1000 thousandths"))
            }
            2.. if share != u32::from(GPU_DEVICE_MILLI) => {
                Err(self.wrong(milli, "is not 1000: only a single GPU can be shared"))
            }
            _ => Ok(GpuRequest { devices: count as u16, milli: share as u16 }),
        }
    }
}

/// A field as text.
fn as_text(field: &[u8]) -> &str {
    std::str::from_utf8(field).expect("the encoding of a record is checked when it is read")
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Takes the UTF-8 byte order mark off the start of a file.
///
/// # Errors
/// The file is UTF-16 by its mark, or cannot be read.
fn without_mark(
    file: &str,
    mut input: Box<dyn Read + Send>,
) -> Result<Box<dyn Read + Send>, WorkloadError> {
    let mut head = Vec::new();
    let start = input.by_ref().take(3).read_to_end(&mut head);
    start.map_err(|error| WorkloadError::at(file, 1, format!("cannot be read: {error}")))?;
    match head.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            let remedy = "the file is UTF-16: save it as UTF-8, as with iconv -f UTF-16 -t UTF-8";
            Err(WorkloadError::at(file, 1, remedy))
        }
        [0xef, 0xbb, 0xbf] => Ok(input),
        _ => Ok(Box::new(std::io::Cursor::new(head).chain(input))),
    }
}
