//! `tasks.csv`: one row per task, written as tasks end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::Write;

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::{Cluster, Origin, Outcome, SubmissionId};

use super::milestones::Milestones;
use super::table_file::TableFile;
use super::{Life, Lives, Observation, RecordError, TaskTimes};

/// Columns of `tasks.csv`, explained in `results/README.md`.
pub const TASK_COLUMNS: [&str; 18] = [
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
    "stop_code",
    "created_at_s",
    "pull_started_at_s",
    "pull_stopped_at_s",
    "stopping_at_s",
    "execution_stopped_at_s",
];

/// Writes a row when a task ends, and at the end of the run one for each that has not.
#[derive(Debug)]
pub struct TaskTable {
    file: TableFile,
    /// The cell being written: kept, so that a row allocates nothing.
    cell: String,
    /// Names of submissions some of whose tasks have not ended, with the number of these.
    names: BTreeMap<SubmissionId, (Box<str>, u32)>,
}

impl TaskTable {
    /// A table on `out`, with its header written.
    pub fn new(out: Box<dyn Write + Send>) -> TaskTable {
        let file = TableFile::new("tasks.csv", &TASK_COLUMNS, out);
        TaskTable { file, cell: String::new(), names: BTreeMap::new() }
    }

    /// Flushes what is written.
    ///
    /// # Errors
    /// The first error of any write since the start.
    pub fn close(self) -> Result<(), RecordError> {
        self.file.close()
    }

    fn add(&mut self, row: &TaskRow<'_>, cluster: &Cluster) {
        let TaskTable { file, cell, names } = self;
        file.write(|writer| row.write(names, cluster, &mut Row { writer, cell }));
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
    pub(super) fn unfinished(
        &mut self,
        lives: &Lives,
        milestones: Option<&Milestones>,
        cluster: &Cluster,
    ) {
        let mut left: Vec<Life> = lives.iter().collect();
        left.sort_by_key(|life| life.task.number);
        for life in &left {
            let state = if life.placed.is_some() { "running" } else { "pending" };
            let times = times_of(milestones, life);
            self.add(&TaskRow { life, end: None, state, times }, cluster);
        }
    }

    /// Rows for the tasks that ended in an event.
    pub(super) fn record(&mut self, seen: &Observation<'_>, milestones: Option<&Milestones>) {
        if let Event::TaskSubmitted(submission) = seen.event
            && let Some(label) = &submission.label
        {
            self.names.insert(submission.id, (label.clone(), submission.count));
        }
        for change in seen.changes {
            if let Change::TaskEnded { task, outcome } = change
                && let Some(life) = &seen.lives.get(*task)
            {
                let (end, times) = (Some((seen.now, *outcome)), times_of(milestones, life));
                self.add(&TaskRow { life, end, state: "", times }, seen.cluster);
                self.forget_name(life);
            }
        }
    }
}

fn times_of(milestones: Option<&Milestones>, life: &Life) -> TaskTimes {
    milestones.map_or_else(TaskTimes::default, |known| known.get(life.task))
}

/// What a row is made of.
struct TaskRow<'a> {
    life: &'a Life,
    end: Option<(SimTime, Outcome)>,
    /// The word for a task that has not ended.
    state: &'a str,
    times: TaskTimes,
}

impl TaskRow<'_> {
    /// Writes the row: its `end` if the task has ended, else its `state`.
    fn write(
        &self,
        names: &BTreeMap<SubmissionId, (Box<str>, u32)>,
        cluster: &Cluster,
        cells: &mut Row<'_>,
    ) -> csv::Result<()> {
        let TaskRow { life, end, state, times } = *self;
        let (submission, service) = match life.origin {
            Origin::Submission { submission, .. } => (Some(submission), None),
            Origin::Service { service, .. } => (None, Some(service.0)),
        };
        let name = submission.and_then(|id| names.get(&id)).map_or("", |(name, _)| name);
        let class = cluster.class(life.class);
        let instance = life.instance.map_or("", |id| &cluster.instance(id).spec().name);
        let stop_code = end.and_then(|(_, outcome)| outcome.stop_code(life.origin));
        cells.value(Some(life.task.number))?;
        cells.text(name)?;
        cells.value(submission.map(|id| id.0))?;
        cells.value(service)?;
        cells.text(cluster.group_name(class.group))?;
        cells.text(&class.definition.family)?;
        cells.value(Some(life.submitted))?;
        cells.value(life.placed)?;
        cells.value(life.started)?;
        cells.value(end.map(|(at, _)| at))?;
        cells.text(end.map_or(state, |(_, outcome)| outcome.as_str()))?;
        cells.text(instance)?;
        cells.text(stop_code.map_or("", crate::model::StopCode::as_str))?;
        cells.value(times.created_at)?;
        cells.value(times.pull_started_at)?;
        cells.value(times.pull_stopped_at)?;
        cells.value(times.stopping_at)?;
        cells.value(times.execution_stopped_at)?;
        cells.end()
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
