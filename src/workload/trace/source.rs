//! Rows as events.

use std::sync::Arc;

use crate::des::SimTime;
use crate::model::{DefinitionId, Submission, TaskDefinition};
use crate::workload::{External, Ids, Source, WorkloadError};

use super::ahead::Ahead;
use super::batch::{Batch, End, ReadRows, Row};

/// The rows of a trace as submissions.
#[derive(Debug)]
pub struct Submissions {
    input: Input,
    batch: Batch,
    /// The next row of the batch, and where its texts start.
    row: usize,
    text: usize,
    /// By number in the trace: the definition, and its id in the run once it was used.
    definitions: Vec<(TaskDefinition, Option<DefinitionId>)>,
    /// The last group, which the next row often has too.
    group: Option<Arc<str>>,
    read_ahead: bool,
}

/// Where batches come from.
#[derive(Debug)]
enum Input {
    Here(Box<dyn ReadRows>),
    Ahead(Ahead),
    /// Being moved from here to a thread.
    Moving,
}

impl Submissions {
    /// The events of these rows; with `read_ahead`, a thread reads all that is more than one batch.
    pub fn new(reader: Box<dyn ReadRows>, read_ahead: bool) -> Submissions {
        Submissions {
            input: Input::Here(reader),
            batch: Batch::default(),
            row: 0,
            text: 0,
            definitions: Vec::new(),
            group: None,
            read_ahead,
        }
    }

    fn next_batch(&mut self) -> Result<(), WorkloadError> {
        match &mut self.input {
            Input::Here(reader) => self.batch.refill(&mut **reader),
            Input::Ahead(ahead) => ahead.next(&mut self.batch),
            Input::Moving => unreachable!("a source that failed is not asked again"),
        }
        (self.row, self.text) = (0, 0);
        let new = self.batch.definitions.drain(..);
        self.definitions.extend(new.map(|new| (new.definition, None)));
        if self.read_ahead && self.batch.end == End::More {
            self.read_ahead = false;
            if let Input::Here(reader) = std::mem::replace(&mut self.input, Input::Moving) {
                self.input = Input::Ahead(Ahead::start(reader)?);
            }
        }
        Ok(())
    }

    fn event(&mut self, row: Row, ids: &mut Ids) -> (SimTime, External) {
        let (definition, id) = &mut self.definitions[row.definition as usize];
        let definition = *id.get_or_insert_with(|| ids.definition(definition));
        let [group, label] = row.texts.map(|length| {
            let start = self.text;
            self.text += length? as usize;
            Some(&self.batch.texts[start..self.text])
        });
        if let Some(group) = group
            && self.group.as_deref() != Some(group)
        {
            self.group = Some(group.into());
        }
        let submission = Submission {
            id: ids.submission(),
            definition,
            group: group.and(self.group.clone()),
            count: row.count,
            all_or_nothing: row.all_or_nothing,
            start_on: None,
            label: label.map(Into::into),
        };
        (row.at, External::Submit(submission, row.behaviour))
    }
}

impl Source for Submissions {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        loop {
            if let Some(row) = self.batch.rows.get(self.row) {
                self.row += 1;
                return Ok(Some(self.event(*row, ids)));
            }
            match &self.batch.end {
                End::More => self.next_batch()?,
                End::Trace => return Ok(None),
                End::Error(why) => return Err(WorkloadError(why.clone())),
            }
        }
    }
}
