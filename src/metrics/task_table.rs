//! `tasks.csv`: one row per task, written as tasks end.

use std::collections::BTreeMap;
use std::io::Write;

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::{Cluster, Origin, SubmissionId};

use super::{Life, Lives, Observation, RecordError, Recorder};

/// Columns of `tasks.csv`, explained in `results/README.md`.
const COLUMNS: [&str; 12] = [
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
        let error = writer.write_record(COLUMNS).err();
        TaskTable { writer, names: BTreeMap::new(), error }
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
        let name = submission.map_or("", |id| self.name(id));
        let class = cluster.class(life.class);
        let time = |at: Option<SimTime>| at.map_or(String::new(), |at| at.to_string());
        let instance = life.instance.map_or("", |id| &cluster.instance(id).spec().name);
        let row = [
            life.task.number.to_string(),
            csv_text(name),
            submission.map_or(String::new(), |id| id.0.to_string()),
            service.map_or(String::new(), |id| id.to_string()),
            csv_text(cluster.group_name(class.group)),
            csv_text(&class.definition.family),
            life.submitted.to_string(),
            time(life.placed),
            time(life.started),
            time(ended),
            outcome.to_owned(),
            csv_text(instance),
        ];
        if let Err(error) = self.writer.write_record(&row) {
            self.error.get_or_insert(error);
        }
    }

    fn name(&self, id: SubmissionId) -> &str {
        self.names.get(&id).map_or("", |(name, _)| name)
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
        let mut left: Vec<&Life> = lives.iter().collect();
        left.sort_by_key(|life| life.task.number);
        for life in left {
            let outcome = if life.placed.is_some() { "running" } else { "pending" };
            self.write(life, None, outcome, cluster);
        }
    }
}

/// `text` as a cell that no spreadsheet takes for a formula (CWE-1236): a leading `'` is added.
pub fn csv_text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
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
                && let Some(&life) = seen.lives.get(*task)
            {
                self.write(&life, Some(seen.now), outcome.as_str(), seen.cluster);
                self.forget_name(&life);
            }
        }
    }
}
