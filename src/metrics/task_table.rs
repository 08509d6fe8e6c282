//! `tasks.csv`: one row per task, written as tasks end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::Write;

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::{Cluster, Origin, SubmissionId};

use super::{Life, Lives, Observation, RecordError, Recorder};

/// Columns of `tasks.csv`, explained in `results/README.md`.
pub const TASK_COLUMNS: [&str; 12] = [
    "task",
    "name",
    "submission",
    "service",
    "group",
    "definition",
    "submitted_s",
    "placed_s",
    "started_s",
    "ended_s",
    "outcome",
    "instance",
];

/// Writes a row when a task ends, and at the end of the run one for each that has not.
pub struct TaskTable {
    writer: csv::Writer<Box<dyn Write + Send>>,
    /// The cell being written: kept, so that a row allocates nothing.
    cell: String,
    /// Names of submissions some of whose tasks have not ended, with the number of these.
    names: BTreeMap<SubmissionId, (Box<str>, u32)>,
    error: Option<csv::Error>,
}

impl std::fmt::Debug for TaskTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskTable").field("error", &self.error).finish_non_exhaustive()
    }
}

impl TaskTable {
    /// A table on `out`, with its header written.
    pub fn new(out: Box<dyn Write + Send>) -> TaskTable {
        let mut writer = csv::Writer::from_writer(out);
        let error = writer.write_record(TASK_COLUMNS).err();
        TaskTable { writer, cell: String::new(), names: BTreeMap::new(), error }
    }

    /// Flushes what is written.
    ///
    /// # Errors
    /// The first error of any write since the start.
    pub fn close(mut self) -> Result<(), RecordError> {
        if let Some(error) = self.error.take() {
            return Err(RecordError(format!("tasks.csv: {error}")));
        }
        self.writer.flush().map_err(|error| RecordError(format!("tasks.csv: {error}")))
    }

    fn write(&mut self, life: &Life, ended: Option<SimTime>, outcome: &str, cluster: &Cluster) {
        let (submission, service) = match life.origin {
            Origin::Submission { submission, .. } => (Some(submission), None),
            Origin::Service { service, .. } => (None, Some(service.0)),
        };
        let name = submission.and_then(|id| self.names.get(&id)).map_or("", |(name, _)| name);
        let class = cluster.class(life.class);
        let instance = life.instance.map_or("", |id| &cluster.instance(id).spec().name);
        let mut row = Row { writer: &mut self.writer, cell: &mut self.cell };
        let written = row
            .value(Some(life.task.number))
            .and_then(|()| row.text(name))
            .and_then(|()| row.value(submission.map(|id| id.0)))
            .and_then(|()| row.value(service))
            .and_then(|()| row.text(cluster.group_name(class.group)))
            .and_then(|()| row.text(&class.definition.family))
            .and_then(|()| row.value(Some(life.submitted)))
            .and_then(|()| row.value(life.placed))
            .and_then(|()| row.value(life.started))
            .and_then(|()| row.value(ended))
            .and_then(|()| row.text(outcome))
            .and_then(|()| row.text(instance))
            .and_then(|()| row.end());
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    fn forget_name(&mut self, life: &Life) {
        if let Origin::Submission { submission, .. } = life.origin
            && let Some((_, left)) = self.names.get_mut(&submission)
        {
            *left -= 1;
            if *left == 0 {
                self.names.remove(&submission);
            }
        }
    }

    /// Rows for the tasks that have not ended.
    pub(super) fn unfinished(&mut self, lives: &Lives, cluster: &Cluster) {
        let mut left: Vec<Life> = lives.iter().collect();
        left.sort_by_key(|life| life.task.number);
        for life in left {
            let outcome = if life.placed.is_some() { "running" } else { "pending" };
            self.write(&life, None, outcome, cluster);
        }
    }
}

/// Writes one row, cell by cell.
struct Row<'a> {
    writer: &'a mut csv::Writer<Box<dyn Write + Send>>,
    cell: &'a mut String,
}

impl Row<'_> {
    /// A value, or an empty cell.
    fn value(&mut self, value: Option<impl Display>) -> csv::Result<()> {
        self.cell.clear();
        if let Some(value) = value {
            write!(self.cell, "{value}").expect("a string takes any text");
        }
        self.writer.write_field(self.cell.as_bytes())
    }

    fn text(&mut self, text: &str) -> csv::Result<()> {
        self.writer.write_field(csv_text(text).as_bytes())
    }

    fn end(&mut self) -> csv::Result<()> {
        self.writer.write_record(None::<&[u8]>)
    }
}

/// `text` as a cell that no spreadsheet takes for a formula (CWE-1236): a leading `'` is added.
pub fn csv_text(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

impl Recorder for TaskTable {
    fn record(&mut self, seen: &Observation<'_>) {
        if let Event::TaskSubmitted(submission) = seen.event
            && let Some(label) = &submission.label
        {
            self.names.insert(submission.id, (label.clone(), submission.count));
        }
        for change in seen.changes {
            if let Change::TaskEnded { task, outcome } = change
                && let Some(life) = seen.lives.get(*task)
            {
                self.write(&life, Some(seen.now), outcome.as_str(), seen.cluster);
                self.forget_name(&life);
            }
        }
    }
}
