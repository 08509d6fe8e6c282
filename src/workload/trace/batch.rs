//! Rows of a trace, many at a time.

use crate::des::SimTime;
use crate::model::TaskDefinition;
use crate::workload::{Behaviour, WorkloadError};

/// Rows in a batch at most: so few that a batch stays in a core's own cache.
pub const BATCH_ROWS: usize = 2048;

/// One submission as a trace says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When it is submitted.
    pub at: SimTime,
    /// What its tasks do.
    pub behaviour: Behaviour,
    /// Number of its definition, in order of appearance in the trace.
    pub definition: u32,
    /// Number of tasks.
    pub count: u32,
    /// Whether the tasks are a gang.
    pub all_or_nothing: bool,
    /// Length in bytes of the group and the label, if it has them.
    pub texts: [Option<u32>; 2],
}

/// A task definition that a row is the first to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What the format can make the definition from again.
    pub key: Box<[u8]>,
    /// The definition.
    pub definition: TaskDefinition,
}

/// How a batch ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum End {
    /// The trace goes on.
    #[default]
    More,
    /// The trace ends with it.
    Trace,
    /// Behind its rows the trace cannot be read on: why.
    Error(String),
}

/// Rows in a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows.
    pub rows: Vec<Row>,
    /// Group and label of every row, one behind the other.
    pub texts: String,
    /// Definitions that the trace did not have before, in order of their numbers.
    pub definitions: Vec<Definition>,
    /// How it ends.
    pub end: End,
}

/// Something that reads the rows of a trace in order of time.
pub trait ReadRows: std::fmt::Debug + Send {
    /// Adds the next rows to a batch, [`BATCH_ROWS`] at most; false if the trace has ended.
    ///
    /// # Errors
    /// The trace cannot be read on behind the rows added.
    fn read(&mut self, batch: &mut Batch) -> Result<bool, WorkloadError>;
}

impl Batch {
    /// Empties the batch and reads the next rows into it.
    pub fn refill(&mut self, reader: &mut dyn ReadRows) {
        self.rows.clear();
        self.texts.clear();
        self.definitions.clear();
        self.end = match reader.read(self) {
            Ok(true) => End::More,
            Ok(false) => End::Trace,
            Err(why) => End::Error(why.0),
        };
    }

    /// Adds a row with its group and label.
    pub fn push(
        &mut self,
        at: SimTime,
        behaviour: Behaviour,
        definition: u32,
        count: u32,
        all_or_nothing: bool,
        texts: [Option<&str>; 2],
    ) {
        for text in texts.into_iter().flatten() {
            self.texts.push_str(text);
        }
        // A record has at most a mebibyte.
        let texts = texts.map(|text| text.map(|text| text.len() as u32));
        self.rows.push(Row { at, behaviour, definition, count, all_or_nothing, texts });
    }
}
