//! The loop: workload, controller, backend and recorders, one event at a time.

use crate::backend::{Backend, BackendError, HostUsage};
use crate::controller::{Controller, Reaction};
use crate::des::SimTime;
use crate::metrics::{RecordError, Recorders, Records};
use crate::model::TaskId;
use crate::workload::{External, Workload, WorkloadError};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The workload cannot be read on: bad input.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// Commands cannot be carried out.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An invariant broke: a bug in towtank.
    #[error("an invariant broke at {at} s: {what}; please report this with the scenario and seed")]
    Invariant {
        /// Simulated time.
        at: SimTime,
        /// Which, in words.
        what: String,
    },
    /// The run was interrupted from outside.
    #[error("interrupted")]
    Interrupted,
}

/// When a run ends, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Until {
    /// At this time; what happens at that very time is included.
    pub time: Option<SimTime>,
    /// When nothing is left to happen. Without it, a run lasts until its time even if nothing
    /// happens any more: instances cost on. A run without a time always ends so.
    pub drained: bool,
}

/// What a run tells while it goes on.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Events handled so far.
    pub events: u64,
    /// Events from outside taken in so far.
    pub externals: u64,
    /// Simulated time.
    pub now: SimTime,
}

/// One run, ready to go.
pub struct Run<'a> {
    /// Events from outside.
    pub workload: Workload,
    /// The control plane.
    pub controller: Controller,
    /// Where commands take effect.
    pub backend: &'a mut dyn Backend,
    /// What is recorded.
    pub recorders: Recorders,
    /// When it ends.
    pub until: Until,
    /// Compare the ledger with its tasks after every so many events; 0 only at the end.
    pub audit_every: u64,
    /// Called every 4096 events; `false` interrupts the run.
    pub watch: &'a mut dyn FnMut(Progress) -> bool,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("until", &self.until).finish_non_exhaustive()
    }
}

/// What a run leaves: its records, and the control plane as it stood at the end.
#[derive(Debug)]
pub struct Finished {
    /// The records.
    pub records: Records,
    /// The control plane at the end.
    pub controller: Controller,
    /// Simulated time at the end.
    pub now: SimTime,
    /// Events handled.
    pub events: u64,
    /// What containers really used, of the instances for which that is known.
    pub host_usage: Vec<HostUsage>,
}

impl Run<'_> {
    /// Runs to the end.
    ///
    /// # Errors
    /// The workload cannot be read on, a record cannot be written, or an invariant broke.
    pub fn run(mut self) -> Result<Finished, RunError> {
        let mut feed = Feed::default();
        let mut reaction = Reaction::default();
        let mut due_soon = Vec::new();
        let mut events = 0;
        let mut now = SimTime::ZERO;
        loop {
            feed.top_up(&mut self.workload, self.backend)?;
            let Some((at, event)) = self.backend.next_event_until(self.until.time)? else { break };
            self.look_ahead(&mut due_soon);
            now = at;
            feed.handled(&event);
            reaction.clear();
            self.controller.handle(now, &event, &mut reaction);
            let cluster = self.controller.cluster();
            self.recorders.record(now, &event, &reaction.changes, cluster);
            for command in reaction.commands.drain(..) {
                self.backend.execute(command)?;
            }
            events += 1;
            if self.audit_every > 0 && events % self.audit_every == 0 {
                audit(&self.controller, now)?;
            }
            let progress = Progress { events, externals: feed.taken, now };
            if events % 4096 == 0 && !(self.watch)(progress) {
                return Err(RunError::Interrupted);
            }
        }
        let cut_short = self.backend.peek_time().is_some();
        if let Some(time) = self.until.time.filter(|_| cut_short || !self.until.drained) {
            now = now.max(time);
        }
        audit(&self.controller, now)?;
        let records = self.recorders.finish(now, self.controller.cluster())?;
        check_counts(&records, now)?;
        let host_usage = self.backend.host_usage(now);
        Ok(Finished { records, controller: self.controller, now, events, host_usage })
    }

    /// Fetches what is kept of tasks that are due soon into the processor's caches. Without it a
    /// run of many live tasks waits for memory several times per event; nothing else depends on it.
    fn look_ahead(&mut self, due_soon: &mut Vec<TaskId>) {
        self.backend.due_soon(due_soon);
        if !due_soon.is_empty() {
            self.controller.look_ahead(due_soon);
            self.recorders.look_ahead(due_soon);
            due_soon.clear();
        }
    }
}

fn audit(controller: &Controller, at: SimTime) -> Result<(), RunError> {
    controller.audit().map_err(|what| RunError::Invariant { at, what })
}

/// Task conservation: every task created is counted under exactly one heading.
fn check_counts(records: &Records, at: SimTime) -> Result<(), RunError> {
    let t = &records.tasks;
    let ended = t.completed + t.failed + t.stopped + t.rejected + t.lost;
    if t.submitted == ended + t.running_at_end + t.pending_at_end {
        return Ok(());
    }
    Err(RunError::Invariant { at, what: format!("tasks do not add up: {t:?}") })
}

/// Feeds the workload to the backend: at any time it holds the next instant's events, never the
/// whole trace. All of an instant at once, so that what happens together is handled in one round.
#[derive(Debug, Default)]
struct Feed {
    head: Option<(SimTime, External)>,
    started: bool,
    outstanding: u64,
    taken: u64,
}

impl Feed {
    fn top_up(
        &mut self,
        workload: &mut Workload,
        backend: &mut dyn Backend,
    ) -> Result<(), RunError> {
        if self.outstanding > 0 {
            return Ok(());
        }
        if !self.started {
            self.started = true;
            self.head = workload.next_event()?;
        }
        let Some((instant, _)) = self.head else { return Ok(()) };
        while let Some((at, _)) = self.head
            && at == instant
        {
            let next = workload.next_event()?;
            if let Some((later, _)) = next
                && later < instant
            {
                let message = format!("an event at {later} s follows one at {instant} s");
                return Err(WorkloadError(message).into());
            }
            let (_, external) = std::mem::replace(&mut self.head, next).expect("a head is there");
            let brings_event = external.brings_event();
            backend.submit(at, external)?;
            self.outstanding += u64::from(brings_event);
            self.taken += 1;
        }
        Ok(())
    }

    fn handled(&mut self, event: &crate::controller::Event) {
        use crate::controller::Event;
        let from_outside = matches!(
            event,
            Event::DefinitionRegistered(_)
                | Event::InstanceRegistered(_)
                | Event::TaskSubmitted(_)
                | Event::ServiceCreated(_)
                | Event::ServiceUpdated(..)
                | Event::InstanceDraining(_)
        );
        self.outstanding -= u64::from(from_outside);
    }
}
