//! Rows of a CSV table with typed columns.

use std::io::Read;
use std::path::Path;

use crate::des::{SimDuration, parse_seconds};
use crate::model::{Cpu, DEVICES_MAX, GPU_DEVICE_MILLI, GpuRequest};
use crate::workload::WorkloadError;

use super::records::Records;
use super::{header, number, open, shown};

/// Times in a trace are at most this many seconds, about 3 171 years, so that sums of a few times
/// never overflow; more than that is a time in smaller units.
pub const SECONDS_MAX: u64 = 100_000_000_000;

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
    records: Records,
    names: Vec<&'static str>,
    /// By column: where it stands in the header.
    positions: Vec<Option<usize>>,
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
        let mut rows = Rows {
            file,
            records: Records::new(input),
            names: required.iter().chain(optional).copied().collect(),
            positions: Vec::new(),
            failed: None,
        };
        if !rows.read()? {
            return Err(WorkloadError(format!("{}: no rows: the file is empty", rows.file)));
        }
        let header: Vec<&str> = rows.records.fields().map(as_text).collect();
        let positions = header::positions(&header, required, optional);
        rows.positions = positions.map_err(|problem| rows.error(problem))?;
        rows.records.expect_width();
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
        let outcome = self.read();
        self.failed = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    fn read(&mut self) -> Result<bool, WorkloadError> {
        let found = self.records.advance();
        found.map_err(|(line, problem)| WorkloadError::at(&self.file, line, problem))
    }

    /// Name of the file, as errors give it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line at which the row begins, from 1. Linear in the row's length if the row has quotes.
    pub fn line(&self) -> u64 {
        self.records.line()
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
        as_text(self.bytes(column))
    }

    /// The text in a column as bytes of UTF-8; empty if the file does not have the column.
    #[inline]
    pub fn bytes(&self, column: Column) -> &[u8] {
        self.positions[column.0].map_or(&[], |at| self.records.field(at))
    }

    /// [`Rows::bytes`] with what is before them in memory, and where they start.
    #[expect(clippy::inline_always, reason = "the call would cost more than the work")]
    #[inline(always)]
    fn bytes_with_before(&self, column: Column) -> (&[u8], usize) {
        self.positions[column.0].map_or((&[], 0), |at| self.records.field_with_before(at))
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
        Some(self.bytes(column)).filter(|text| !text.is_empty()).map(as_text)
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
        if self.bytes(column).is_empty() { Ok(None) } else { self.u32(column).map(Some) }
    }

    #[inline]
    fn number(&self, column: Column, most: u64) -> Result<u64, WorkloadError> {
        let (bytes, start) = self.bytes_with_before(column);
        match number::short_whole(bytes, start) {
            Some(number) if number <= most => Ok(number),
            _ => self.number_carefully(column, most),
        }
    }

    #[cold]
    fn number_carefully(&self, column: Column, most: u64) -> Result<u64, WorkloadError> {
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
        let (bytes, start) = self.bytes_with_before(column);
        match number::short_seconds(bytes, start) {
            Some(time) => Ok(time),
            None => self.seconds_carefully(column),
        }
    }

    #[cold]
    fn seconds_carefully(&self, column: Column) -> Result<SimDuration, WorkloadError> {
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
        if self.bytes(column).is_empty() { Ok(None) } else { self.seconds(column).map(Some) }
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

    /// A number of whole GPUs.
    ///
    /// # Errors
    /// It is not a whole number, or above [`DEVICES_MAX`].
    pub fn device_count(&self, column: Column) -> Result<u16, WorkloadError> {
        let count = self.u32(column)?;
        if count as usize > DEVICES_MAX {
            return Err(self.wrong(column, format!("is too large: at most {DEVICES_MAX} GPUs")));
        }
        Ok(count as u16)
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
