//! Reads instance types from CSV text and says exactly what is wrong with it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use csv::StringRecord;

use super::ec2::{InstanceType, MAX_MEMORY_MIB, MAX_VCPUS};
use super::error::{CatalogueError, did_you_mean};
use super::money::parse_usd_nano;
use crate::model::Architecture;

/// Longest part of a refused value that a message repeats, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// The columns of a catalogue file, in the order of [`COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    InstanceType,
    Architecture,
    Vcpus,
    MemoryMib,
    Enis,
    Gpus,
    GpuModel,
    NetworkMbps,
    AwsvpcTasks,
    AwsvpcTasksTrunking,
    UsdPerHour,
}

/// Names of the columns: the first [`REQUIRED`] must be there, the others may be missing.
const COLUMNS: [&str; 11] = [
    "instance_type",
    "architecture",
    "vcpus",
    "memory_mib",
    "enis",
    "gpus",
    "gpu_model",
    "network_mbps",
    "awsvpc_tasks",
    "awsvpc_tasks_trunking",
    "usd_per_hour",
];

/// How many of [`COLUMNS`], counted from the first, every file must have.
const REQUIRED: usize = 5;

impl Column {
    fn name(self) -> &'static str {
        COLUMNS[self as usize]
    }
}

/// Reads every row of `text`, in the order of the file. See `Catalogue::from_csv` for the format.
pub(super) fn read(text: &str, file: &str) -> Result<Vec<InstanceType>, CatalogueError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Records::new(text, file);
    let Some((header_line, header)) = records.next()? else {
        return Err(empty(file));
    };
    let layout = Layout::read(&header, file, header_line)?;
    let mut types = Vec::new();
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    while let Some((line, record)) = records.next()? {
        let row = Row { file, line, record: &record, layout: &layout };
        let read = row.instance_type()?;
        if let Some(&first_line) = lines.get(&read.name) {
            return Err(CatalogueError::DuplicateType {
                file: file.to_owned(),
                line,
                first_line,
                name: read.name,
            });
        }
        lines.insert(read.name.clone(), line);
        types.push(read);
    }
    if types.is_empty() { Err(empty(file)) } else { Ok(types) }
}

fn empty(file: &str) -> CatalogueError {
    CatalogueError::Empty { file: file.to_owned(), columns: COLUMNS.join(",") }
}

/// The records of a text with the line each starts on.
///
/// The `csv` crate dates a record from the end of the one before it, so comments and blank lines
/// between the two would make its line numbers too small.
struct Records<'a> {
    reader: csv::Reader<&'a [u8]>,
    text: &'a str,
    file: &'a str,
    /// Bytes of `text` whose line ends are counted in `line`.
    counted: usize,
    line: u64,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, file: &'a str) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        Records { reader, text, file, counted: 0, line: 1 }
    }

    /// The next record that is not a blank line, and its line; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, StringRecord)>, CatalogueError> {
        loop {
            let from = self.reader.position().byte();
            let mut record = StringRecord::new();
            match self.reader.read_record(&mut record) {
                Ok(false) => return Ok(None),
                Ok(true) => {}
                Err(error) => {
                    return Err(CatalogueError::Unreadable {
                        file: self.file.to_owned(),
                        line: self.reader.position().line(),
                        detail: error.to_string(),
                    });
                }
            }
            let line = self.line_of_record_after(from);
            let blank = record.len() == 1 && record[0].trim().is_empty();
            if !blank {
                return Ok(Some((line, record)));
            }
        }
    }

    /// The line of the first record at or after byte `from`.
    fn line_of_record_after(&mut self, from: u64) -> u64 {
        let from = usize::try_from(from).expect("a place in a text in memory fits in usize");
        let mut rest = &self.text[from..];
        loop {
            rest = rest.trim_start_matches(['\r', '\n']);
            if !rest.starts_with('#') {
                break;
            }
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        }
        let start = self.text.len() - rest.len();
        self.line += self.text[self.counted..start].matches('\n').count() as u64;
        self.counted = start;
        self.line
    }
}

/// Which field of a row belongs to which column.
struct Layout {
    /// Field of each column, `None` where the file lacks the column.
    fields: [Option<usize>; COLUMNS.len()],
    /// Fields in the header.
    width: usize,
}

impl Layout {
    fn read(header: &StringRecord, file: &str, line: u64) -> Result<Layout, CatalogueError> {
        let mut fields = [None; COLUMNS.len()];
        for (field, name) in header.iter().enumerate() {
            let name = name.trim();
            let Some(column) = COLUMNS.iter().position(|known| *known == name) else {
                return Err(CatalogueError::UnknownColumn {
                    file: file.to_owned(),
                    line,
                    column: shorten(name),
                    remedy: unknown_column_remedy(name),
                });
            };
            if fields[column].replace(field).is_some() {
                let column = COLUMNS[column];
                return Err(CatalogueError::DuplicateColumn {
                    file: file.to_owned(),
                    line,
                    column,
                });
            }
        }
        if let Some(missing) = fields[..REQUIRED].iter().position(Option::is_none) {
            return Err(CatalogueError::MissingColumn {
                file: file.to_owned(),
                line,
                column: COLUMNS[missing],
                required: COLUMNS[..REQUIRED].join(", "),
            });
        }
        Ok(Layout { fields, width: header.len() })
    }
}

/// What to do about a column name that is not ours.
fn unknown_column_remedy(name: &str) -> String {
    if name.contains([';', '\t']) {
        return "separate the columns with commas".to_owned();
    }
    let question = did_you_mean(&shorten(name), COLUMNS.iter().copied());
    format!("{question}the columns are {}", COLUMNS.join(", "))
}

/// One row with all that a message about it needs.
struct Row<'a> {
    file: &'a str,
    line: u64,
    record: &'a StringRecord,
    layout: &'a Layout,
}

impl<'a> Row<'a> {
    fn instance_type(&self) -> Result<InstanceType, CatalogueError> {
        if self.record.len() != self.layout.width {
            return Err(CatalogueError::FieldCount {
                file: self.file.to_owned(),
                line: self.line,
                found: self.record.len(),
                expected: self.layout.width,
            });
        }
        let name = self.name()?;
        let enis = self.required_integer(Column::Enis, 1..=u32::from(u16::MAX))?;
        let awsvpc_tasks = self.integer(Column::AwsvpcTasks, 0..=u32::from(u16::MAX))?;
        let (gpus, gpu_model) = self.gpus()?;
        Ok(InstanceType {
            name,
            architecture: self.architecture()?,
            vcpus: self.required_integer(Column::Vcpus, 1..=MAX_VCPUS)?,
            memory_mib: self.required_integer(Column::MemoryMib, 1..=MAX_MEMORY_MIB)?,
            gpus,
            gpu_model,
            network_mbps: self.integer(Column::NetworkMbps, 0..=u32::MAX)?,
            enis,
            // The primary interface belongs to the instance itself.
            awsvpc_tasks: awsvpc_tasks.unwrap_or(enis - 1),
            awsvpc_tasks_trunking: self
                .integer(Column::AwsvpcTasksTrunking, 0..=u32::from(u16::MAX))?,
            usd_per_hour_nano: self.price()?,
        })
    }

    /// The value of a column; `None` where the column is missing or the value blank.
    fn text(&self, column: Column) -> Option<&'a str> {
        let field = self.layout.fields[column as usize]?;
        let text = self.record[field].trim();
        (!text.is_empty()).then_some(text)
    }

    fn refuse(&self, column: Column, remedy: impl Into<String>) -> CatalogueError {
        CatalogueError::BadValue {
            file: self.file.to_owned(),
            line: self.line,
            column: column.name(),
            value: shorten(self.text(column).unwrap_or_default()),
            remedy: remedy.into(),
        }
    }

    fn name(&self) -> Result<String, CatalogueError> {
        let remedy = "give a name without white space, such as m5.large";
        match self.text(Column::InstanceType) {
            Some(name) if !name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Ok(name.to_owned())
            }
            _ => Err(self.refuse(Column::InstanceType, remedy)),
        }
    }

    fn architecture(&self) -> Result<Architecture, CatalogueError> {
        let text = self.text(Column::Architecture).unwrap_or_default();
        Architecture::parse(text)
            .ok_or_else(|| self.refuse(Column::Architecture, "give X86_64 or ARM64"))
    }

    /// A whole number; `None` where the column is missing or the value blank.
    fn integer(
        &self,
        column: Column,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, CatalogueError> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        // `parse` alone would take a plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.refuse(column, whole_number_remedy(&range))),
        }
    }

    fn required_integer(
        &self,
        column: Column,
        range: RangeInclusive<u32>,
    ) -> Result<u32, CatalogueError> {
        self.integer(column, range.clone())?
            .ok_or_else(|| self.refuse(column, whole_number_remedy(&range)))
    }

    fn gpus(&self) -> Result<(u16, Option<String>), CatalogueError> {
        let gpus = self.integer(Column::Gpus, 0..=u32::from(u16::MAX))?.unwrap_or(0);
        let gpus = u16::try_from(gpus).expect("the range ends at the largest u16");
        let model = self.text(Column::GpuModel).map(str::to_owned);
        if gpus == 0 && model.is_some() {
            let remedy = "give the number of GPUs in column `gpus`, or leave the model blank";
            return Err(self.refuse(Column::GpuModel, remedy));
        }
        Ok((gpus, model))
    }

    fn price(&self) -> Result<Option<u64>, CatalogueError> {
        let Some(text) = self.text(Column::UsdPerHour) else {
            return Ok(None);
        };
        let remedy = "give US dollars per hour as a plain decimal such as 0.096, with at most 9 \
                      digits after the point and below 18 billion, or leave it blank if unknown";
        match parse_usd_nano(text) {
            Some(nano) => Ok(Some(nano)),
            None => Err(self.refuse(Column::UsdPerHour, remedy)),
        }
    }
}

fn whole_number_remedy(range: &RangeInclusive<u32>) -> String {
    format!(
        "give a whole number from {} to {}, without sign, unit or separators",
        range.start(),
        range.end()
    )
}

/// A value as a message repeats it: an unclosed quotation mark can make it the rest of the file.
fn shorten(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}
