//! Format `csv`: towtank's own trace format, one row per submission.
//!
//! A CSV file (RFC 4180: commas, UTF-8, quotes where needed), plain or compressed, whose header
//! names its columns, in any order:
//!
//! | column         | value                                                                     |
//! |----------------|---------------------------------------------------------------------------|
//! | `submit_s`     | when it is submitted, decimal seconds from the start; never descending     |
//! | `run_s`        | how long its tasks run, decimal seconds; empty: until they are stopped     |
//! | `end_s`        | instead of `run_s`: when they end if they start at once, same clock        |
//! | `cpu`          | CPU of a task in ECS CPU units, 1024 per vCPU                              |
//! | `memory_mib`   | memory of a task                                                          |
//! | `name`         | label in reports; no two rows may share one                               |
//! | `family`       | family of the task definition; empty: one per CPU, memory and GPU          |
//! | `group`        | task group; empty: `family:<family>`                                       |
//! | `count`        | number of tasks, at least 1; empty: 1                                      |
//! | `gang`         | `true`: the tasks are placed all or none; `false` or empty: each for itself |
//! | `gpus`         | GPUs of a task; empty: 0                                                  |
//! | `gpu_milli`    | thousandths of a single GPU; empty: 1000, the whole of each                |
//! | `ports`        | static host ports, as `80/tcp\|53/udp`; the protocol may be left out: tcp  |
//! | `network_mode` | `bridge`, `host`, `awsvpc` or `none`; empty: `bridge`                      |
//! | `architecture` | `X86_64` or `ARM64`; empty: any                                            |
//! | `constraint`   | `distinctInstance` or an expression of the cluster query language for     |
//! |                | `memberOf`; several are separated by `;` outside quotes                    |
//! | `exit`         | exit code: 0 or empty is success, any other failure                       |
//!
//! `submit_s`, `cpu`, `memory_mib` and one of `run_s` and `end_s` must be there; any other column
//! is refused, as are rows out of order.
//!
//! Rows are read as the run needs them. Memory grows with the number of distinct task definitions
//! and, where there is a column `name`, by 32 to 64 bytes per row to refuse a repeated one, for a
//! moment half as much again: `unique_names = false` saves both memory and check.

mod places;
mod row;
mod seen;
mod shapes;

use std::path::PathBuf;

use serde::Deserialize;

use crate::des::SimTime;
use crate::model::{DefinitionId, TaskDefinition};
use crate::workload::trace::{BATCH_ROWS, Batch, CachedTrace, Definition, ReadRows, Submissions};
use crate::workload::written_table::read_table;
use crate::workload::{Ids, WorkloadError};

use self::row::Columns;
use self::seen::SeenNames;
use self::shapes::Shapes;
use super::reader::Rows;
use super::{FormatEntry, FormatError, Opening, Reading, Trace, TraceFormat};

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "csv",
    summary: "towtank's own: a CSV file with one row per submission of tasks",
    parse: |table| Ok(Box::new(parse(table)?)),
};

/// A workload's own keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CsvTrace {
    file: PathBuf,
    /// Rows to read at most.
    limit: Option<u64>,
    /// Whether a repeated name is refused.
    #[serde(default = "yes")]
    unique_names: bool,
}

fn yes() -> bool {
    true
}

fn parse(table: toml::Table) -> Result<CsvTrace, FormatError> {
    let trace: CsvTrace = read_table(table)?;
    if trace.limit == Some(0) {
        let remedy = "0 rows are no trace: write at least 1, or remove it to read all";
        return Err(FormatError::Value("limit".to_owned(), remedy.to_owned()));
    }
    Ok(trace)
}

impl CsvTrace {
    /// Opens the file and reads its first row.
    fn reader(&self, at: &Opening) -> Result<Reader, WorkloadError> {
        let rows = Rows::open(&at.path("file", &self.file), &row::REQUIRED, &row::OPTIONAL)?;
        let mut reader = Reader {
            columns: Columns::of(&rows)?,
            rows,
            workload: at.workload.clone(),
            is_ahead: false,
            left: self.limit.unwrap_or(u64::MAX),
            previous: (SimTime::ZERO, 0),
            names: self.unique_names.then(SeenNames::default),
            shapes: Shapes::default(),
            key: Vec::new(),
        };
        if !reader.advance()? {
            let file = reader.rows.file();
            return Err(WorkloadError(format!("{file}: no tasks behind the header")));
        }
        reader.is_ahead = true;
        Ok(reader)
    }
}

impl TraceFormat for CsvTrace {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn open(&self, at: &Opening) -> Result<Trace, WorkloadError> {
        self.open_with(at, &Reading::default())
    }

    fn open_with(&self, at: &Opening, how: &Reading) -> Result<Trace, WorkloadError> {
        let reader = self.reader(at)?;
        let mut warnings = Vec::new();
        let cached = how.cache.as_ref().and_then(|cache| {
            let define = reader.definer();
            let trace = CachedTrace {
                input: at.path("file", &self.file),
                options: format!("{}\n{}\n{}", ENTRY.name, self.resolved(), at.workload),
                define: Box::new(move |keys| define.definitions(keys)),
                read: &|| Ok(Box::new(self.reader(at)?)),
            };
            cache.rows(trace, &mut warnings)
        });
        let events = match cached {
            Some(rows) => Submissions::new(Box::new(rows), false),
            None => Submissions::new(Box::new(reader), how.ahead),
        };
        let (machines, services) = (Vec::new(), Vec::new());
        Ok(Trace { warnings, machines, services, events: Box::new(events) })
    }

    fn files(&self, at: &Opening) -> Vec<(&'static str, PathBuf)> {
        vec![("file", at.path("file", &self.file))]
    }

    fn definitions(&self, at: &Opening) -> Result<Vec<(TaskDefinition, u64)>, WorkloadError> {
        let mut reader = self.reader(at)?;
        let mut ids = Ids::default();
        let mut by_shape: Vec<DefinitionId> = Vec::new();
        let mut counts: Vec<u64> = Vec::new();
        while reader.advance()? {
            let tasks = reader.columns.count(&reader.rows)?;
            let (shape, new) = reader.shape()?;
            by_shape.extend(new.map(|new| ids.definition(&new.definition)));
            counts.resize(ids.definitions().len(), 0);
            counts[by_shape[shape as usize].index()] += u64::from(tasks);
        }
        let definitions = ids.definitions().iter().map(|known| TaskDefinition::clone(known));
        Ok(definitions.zip(counts).collect())
    }

    fn resolved(&self) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert(
            "file".to_owned(),
            self.file.to_string_lossy().into_owned().into(),
        );
        if let Some(limit) = self.limit {
            let limit = i64::try_from(limit).expect("a limit is read from TOML, whose integers");
            table.insert("limit".to_owned(), limit.into());
        }
        table.insert("unique_names".to_owned(), self.unique_names.into());
        table
    }
}

/// The rows in order of time, checked against each other.
#[derive(Debug)]
struct Reader {
    rows: Rows,
    columns: Columns,
    workload: String,
    /// Whether the current row was read but not handed out.
    is_ahead: bool,
    /// Rows that may still be read.
    left: u64,
    /// Time of submission and line of the previous row.
    previous: (SimTime, u64),
    /// The names so far; `None` if names may repeat.
    names: Option<SeenNames>,
    /// What rows said of their definitions so far.
    shapes: Shapes,
    /// Buffer for the key of a row.
    key: Vec<u8>,
}

impl Reader {
    /// Goes to the next row; false if there is none.
    fn advance(&mut self) -> Result<bool, WorkloadError> {
        if std::mem::take(&mut self.is_ahead) {
            return Ok(true);
        }
        if self.left == 0 || !self.rows.advance()? {
            return Ok(false);
        }
        self.left -= 1;
        self.check_order()?;
        self.check_name()?;
        Ok(true)
    }

    /// The number of the current row's definition, in order of their first rows; and the definition
    /// itself in its first row.
    fn shape(&mut self) -> Result<(u32, Option<Definition>), WorkloadError> {
        self.columns.shape(&self.rows, &mut self.key);
        if let Some(number) = self.shapes.number(&self.key) {
            return Ok((number, None));
        }
        let definition = self.columns.definition(&self.rows, &self.workload)?;
        let number = self.shapes.add(&self.key);
        Ok((number, Some(Definition { key: self.key.as_slice().into(), definition })))
    }

    fn definer(&self) -> row::Definer {
        let has = |name: &&'static str| self.rows.has(self.rows.column(name));
        row::Definer {
            columns: row::SHAPE.into_iter().filter(has).collect(),
            workload: self.workload.clone(),
        }
    }

    fn check_order(&mut self) -> Result<(), WorkloadError> {
        let at = self.columns.submitted(&self.rows)?;
        let (before, line) = self.previous;
        if at < before {
            return Err(self.columns.out_of_order(&self.rows, before, line));
        }
        self.previous = (at, self.rows.line());
        Ok(())
    }

    fn check_name(&mut self) -> Result<(), WorkloadError> {
        let (Some(names), Some(name)) = (&mut self.names, self.columns.name(&self.rows)) else {
            return Ok(());
        };
        match names.add(name, self.previous.1) {
            Some(before) => Err(self.columns.repeated_name(&self.rows, before)),
            None => Ok(()),
        }
    }
}

impl ReadRows for Reader {
    fn read(&mut self, batch: &mut Batch) -> Result<bool, WorkloadError> {
        for _ in 0..BATCH_ROWS {
            if !self.advance()? {
                return Ok(false);
            }
            let (number, new) = self.shape()?;
            batch.definitions.extend(new);
            self.columns.add_to(batch, &self.rows, self.previous.0, number)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod cache_tests;
