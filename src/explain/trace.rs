//! What is noted of one task while a run goes on: every attempt to place it, or another in its
//! stead, what it waited for, and when what happened to it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::metrics::{Observation, Recorder};
use crate::model::{
    ClassId, Cluster, InstanceId, Origin, Outcome, Placement, Submission, TaskId, TaskStatus,
};
use crate::placement::{Answer, Ask, DecisionLog, How};

use super::lacks::{Lacks, Requirement};
use super::states::States;
use super::told::Told;

/// Rows of attempts kept apart; beyond, an attempt joins an earlier row with the same causes.
const ROWS_MAX: usize = 64;

/// A place that was found, and how.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) how: How,
    pub(super) placement: Placement,
}

/// One attempt to place the task with its gang, if it is in one.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// How often it had been tried before.
    pub(super) number: u32,
    /// The task that was tried in its stead.
    pub(super) instead: Option<u64>,
    /// Tasks of the gang that found a place.
    pub(super) placed: u32,
    /// The place that the task itself found; given back if another of its gang found none.
    pub(super) found: Option<Found>,
    /// The task of the gang that found no place, and why.
    pub(super) refused: Option<(u64, Lacks)>,
}

impl Attempt {
    /// Whether it can share a row with a later one.
    fn same_causes(&self, other: &Attempt) -> bool {
        match (&self.refused, &other.refused) {
            (Some((_, one)), Some((_, other_one))) => {
                self.instead.is_some() == other.instead.is_some() && one.same_causes(other_one)
            }
            _ => false,
        }
    }
}

/// Attempts with equal causes.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) count: u64,
    /// Number and time of the first.
    pub(super) first: (u32, SimTime),
    /// Time of the last.
    pub(super) last_at: SimTime,
    /// The last.
    pub(super) attempt: Attempt,
}

/// Who was refused before the task: in a queue whose head blocks, the head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// The one refused last.
    pub(super) task: TaskId,
    /// Refusals while the task waited.
    pub(super) count: u64,
    /// When that began: the first of them, or the last one before the task came.
    pub(super) first_at: SimTime,
    pub(super) last_at: SimTime,
}

/// What held the host when it got the task.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostThen {
    /// Tasks whose room was free to the control plane while their containers were still there.
    pub(super) stopping: u32,
    /// Tasks placed before it and not started.
    pub(super) pending: u32,
    /// Whether it had room beside them all.
    pub(super) room: bool,
}

/// When what happened to the task.
#[derive(Debug, Clone)]
pub(super) struct Lived {
    pub(super) class: ClassId,
    pub(super) origin: Origin,
    pub(super) name: Option<Box<str>>,
    /// The instance that it is to be started on, whatever a strategy would say.
    pub(super) start_on: Option<InstanceId>,
    pub(super) submitted: SimTime,
    pub(super) placed: Option<(SimTime, InstanceId)>,
    pub(super) host: Option<HostThen>,
    pub(super) started: Option<SimTime>,
    pub(super) ended: Option<(SimTime, Outcome)>,
    pub(super) states: States,
}

impl Lived {
    /// The task comes to a state by the change at `index`; at PENDING its host gets it.
    fn enter(&mut self, status: TaskStatus, task: TaskId, seen: &Observation<'_>, index: usize) {
        self.states.enter(status, seen.now);
        if let (TaskStatus::Pending, Some((_, instance))) = (status, self.placed) {
            self.host = Some(host_then(seen, index, (task, self.class), instance));
        }
    }

    fn waits(&self) -> bool {
        self.placed.is_none() && self.ended.is_none()
    }
}

/// The notes on one task.
#[derive(Debug)]
pub(super) struct Trace {
    task: u64,
    /// ENI slots of instance types with trunking.
    trunks: BTreeMap<String, u32>,
    /// The tasks that are placed together with it, itself included.
    pub(super) gang: Range<u64>,
    pub(super) lived: Option<Lived>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) rows: Vec<Row>,
    pub(super) ahead: Option<Ahead>,
    /// What its service told while it lived.
    pub(super) told: Told,
    /// Which placer each service has, by id.
    pub(super) placers: Vec<usize>,
    /// Attempts and refusals of the event under way, which have no time yet.
    open: Vec<Attempt>,
    open_ahead: Vec<TaskId>,
    /// Tasks placed together, by class; `None` where they differ, so that none stands for another.
    sizes: BTreeMap<ClassId, Option<u32>>,
}

impl Trace {
    /// Whether the task has come and has not ended.
    fn lives(&self) -> bool {
        self.lived.as_ref().is_some_and(|lived| lived.ended.is_none())
    }

    /// Notes what the task's service tells.
    fn hear(&mut self, seen: &Observation<'_>) {
        let Some(Lived { origin: Origin::Service { service, .. }, class, .. }) = &self.lived else {
            return;
        };
        let group = seen.cluster.group_name(seen.cluster.class(*class).group);
        let name = group.strip_prefix("service:").unwrap_or(group);
        self.told.note(*service, name, seen);
    }

    pub(super) fn of(task: u64, trunks: BTreeMap<String, u32>) -> Arc<Mutex<Trace>> {
        Arc::new(Mutex::new(Trace {
            task,
            trunks,
            gang: task..task.saturating_add(1),
            lived: None,
            requirements: Vec::new(),
            rows: Vec::new(),
            ahead: None,
            told: Told::in_brief(),
            placers: Vec::new(),
            open: Vec::new(),
            open_ahead: Vec::new(),
            sizes: BTreeMap::new(),
        }))
    }

    /// The number of the task.
    pub(super) fn task(&self) -> u64 {
        self.task
    }

    /// What instances lack for the task on a cluster as it stands.
    pub(super) fn lacks(
        &self,
        class: ClassId,
        only: Option<&[InstanceId]>,
        cluster: &Cluster,
    ) -> Lacks {
        Lacks::of(cluster.class(class), &self.requirements, cluster, only, &self.trunks)
    }

    fn own(&mut self, ask: &Ask<'_>, cluster: &Cluster, answer: &Answer, how: &dyn Fn() -> How) {
        let number = ask.attempt;
        let goes_on = |last: &Attempt| {
            last.instead.is_none() && last.refused.is_none() && last.number == number
        };
        if !self.open.last().is_some_and(goes_on) {
            let (instead, placed, found, refused) = (None, 0, None, None);
            self.open.push(Attempt { number, instead, placed, found, refused });
        }
        if self.lived.is_none() {
            // `StartTask` decides in the same event in which the task is made.
            self.requirements = Requirement::of(cluster.class(ask.class));
        }
        let refused = answer.is_err().then(|| self.lacks(ask.class, ask.restrict, cluster));
        let attempt = self.open.last_mut().expect("an attempt is under way");
        match (answer, refused) {
            (Ok(placement), _) => {
                attempt.placed += 1;
                if ask.task.number == self.task {
                    attempt.found = Some(Found { how: how(), placement: *placement });
                }
            }
            (Err(_), lacks) => attempt.refused = lacks.map(|lacks| (ask.task.number, lacks)),
        }
    }

    fn other(&mut self, ask: &Ask<'_>, cluster: &Cluster) {
        self.open_ahead.push(ask.task);
        let same = self.lived.as_ref().is_some_and(|lived| lived.class == ask.class);
        if same && self.sizes.get(&ask.class).copied().flatten().is_some() {
            let refused = Some((ask.task.number, self.lacks(ask.class, None, cluster)));
            let instead = Some(ask.task.number);
            let attempt = Attempt { number: 0, instead, placed: 0, found: None, refused };
            self.open.push(attempt);
        }
    }

    /// Notes that the task's image is there, if that is what happened.
    fn image_came(&mut self, seen: &Observation<'_>) {
        if let Event::ImagePulled { task, since } = seen.event
            && let Some(lived) = self.lived.as_mut().filter(|_| task.number == self.task)
        {
            lived.states.image_came(*since, seen.now);
        }
    }

    /// Gives what was noted in an event its time. What was decided after the task had its answer
    /// is of no account to it.
    fn settle(&mut self, now: SimTime) {
        if self.lived.is_none() {
            // A place for a task was looked for in vain, and none was made: its number is free.
            self.open.clear();
        }
        let waits = self.lived.as_ref().is_some_and(Lived::waits);
        if !waits {
            let own = self.open.iter().rposition(|one| one.instead.is_none());
            self.open.truncate(own.map_or(0, |index| index + 1));
        }
        if self.lived.is_some() && !waits {
            self.open_ahead.clear();
        }
        for attempt in std::mem::take(&mut self.open) {
            self.add(attempt, now);
        }
        for task in std::mem::take(&mut self.open_ahead) {
            let before = self.ahead.filter(|before| waits && before.count > 0);
            let (count, first_at) = before.map_or((0, now), |one| (one.count, one.first_at));
            let count = count + u64::from(waits);
            self.ahead = Some(Ahead { task, count, first_at, last_at: now });
        }
    }

    fn add(&mut self, attempt: Attempt, now: SimTime) {
        let full = self.rows.len() >= ROWS_MAX;
        let among = if full { self.rows.len() } else { 1 };
        let known = self.rows.iter_mut().rev().take(among);
        let mut same = known.filter(|row| row.attempt.same_causes(&attempt));
        if let Some(row) = same.next() {
            row.count += 1;
            row.last_at = now;
            row.attempt = attempt;
        } else {
            self.rows.push(Row { count: 1, first: (attempt.number, now), last_at: now, attempt });
        }
    }

    fn created(&mut self, seen: &Observation<'_>, task: u64, class: ClassId, origin: Origin) {
        let submission = match seen.event {
            Event::TaskSubmitted(submission) => Some(submission),
            _ => None,
        };
        let gang = submission.filter(|one| one.all_or_nothing).map_or(1, |one| one.count);
        let size = self.sizes.entry(class).or_insert(Some(gang));
        *size = size.filter(|&known| known == gang);
        if task != self.task {
            return;
        }
        if let (Origin::Submission { ordinal, .. }, true) = (origin, gang > 1) {
            let first = task - u64::from(ordinal);
            self.gang = first..first + u64::from(gang);
        }
        let waits = |one: &Ahead| {
            let task = seen.cluster.task(one.task);
            task.is_some_and(crate::model::Task::is_unplaced)
        };
        self.ahead = self.ahead.filter(waits);
        self.requirements = Requirement::of(seen.cluster.class(class));
        self.lived = Some(Lived {
            class,
            origin,
            name: submission.and_then(|one| one.label.clone()),
            start_on: submission.and_then(|one| start_on(one, origin)),
            submitted: seen.now,
            placed: None,
            host: None,
            started: None,
            ended: None,
            states: States::default(),
        });
    }

    fn changed(&mut self, seen: &Observation<'_>, index: usize) {
        let now = seen.now;
        let task = match seen.changes[index] {
            Change::TaskCreated { task, class, origin } => {
                return self.created(seen, task.number, class, origin);
            }
            Change::TaskPlaced { task, .. }
            | Change::TaskAdvanced { task, .. }
            | Change::TaskStarted(task)
            | Change::TaskStopping(task)
            | Change::TaskEnded { task, .. } => task,
            Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_) => return,
        };
        let Some(lived) = self.lived.as_mut().filter(|_| task.number == self.task) else { return };
        match seen.changes[index] {
            Change::TaskPlaced { placement, .. } => {
                lived.placed = Some((now, placement.instance));
                let status = seen.cluster.task(task).map(|task| task.status);
                lived.enter(status.unwrap_or(TaskStatus::Pending), task, seen, index);
            }
            Change::TaskAdvanced { status, .. } => lived.enter(status, task, seen, index),
            Change::TaskStarted(_) => {
                lived.started = Some(now);
                lived.states.enter(TaskStatus::Running, now);
            }
            Change::TaskStopping(_) => lived.states.enter(TaskStatus::Stopping, now),
            Change::TaskEnded { outcome, .. } => lived.ended = Some((now, outcome)),
            Change::TaskCreated { .. }
            | Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_) => {}
        }
    }
}

fn start_on(submission: &Submission, origin: Origin) -> Option<InstanceId> {
    let Origin::Submission { ordinal, .. } = origin else { return None };
    submission.start_on.as_ref()?.get(ordinal as usize).copied()
}

/// Who was on the host when the change at `index` gave it a task. O(tasks).
fn host_then(
    seen: &Observation<'_>,
    index: usize,
    (own, class): (TaskId, ClassId),
    instance: InstanceId,
) -> HostThen {
    // The task itself, or one placed since in the same event.
    let is_not_before = |number: u64| {
        let is_it = |change: &Change| match change {
            Change::TaskPlaced { task, .. } => task.number == number,
            _ => false,
        };
        number == own.number || seen.changes[index..].iter().any(is_it)
    };
    let here = seen.cluster.tasks().map(|(_, task)| task);
    let here = here.filter(|task| task.placement.is_some_and(|place| place.instance == instance));
    let wanted = &seen.cluster.class(class).definition;
    let mut then = HostThen { stopping: 0, pending: 0, room: true };
    let (mut cpu, mut memory_mib) = (0, 0);
    for task in here {
        let definition = &seen.cluster.class(task.class).definition;
        // What is in another state is not there yet, or not any more.
        let is_there = (TaskStatus::Pending..TaskStatus::Deprovisioning).contains(&task.status);
        if is_there && !is_not_before(task.number) {
            cpu += u64::from(definition.cpu.0);
            memory_mib += u64::from(definition.memory_mib);
        }
        if task.status == TaskStatus::Stopping {
            let in_the_way =
                wanted.host_ports.iter().any(|port| definition.host_ports.contains(port))
                    || wanted.gpu.devices > 0 && definition.gpu.devices > 0;
            then.room &= !in_the_way;
        }
        match task.status {
            TaskStatus::Stopping => then.stopping += 1,
            TaskStatus::Pending if !is_not_before(task.number) => then.pending += 1,
            TaskStatus::Provisioning
            | TaskStatus::Pending
            | TaskStatus::Activating
            | TaskStatus::Running
            | TaskStatus::Deactivating
            | TaskStatus::Deprovisioning => {}
        }
    }
    let spec = seen.cluster.instance(instance).spec();
    let with_it = (cpu + u64::from(wanted.cpu.0), memory_mib + u64::from(wanted.memory_mib));
    then.room &= with_it.0 <= u64::from(spec.cpu.0) && with_it.1 <= u64::from(spec.memory_mib);
    then
}

impl DecisionLog for Trace {
    fn decided(
        &mut self,
        ask: &Ask<'_>,
        cluster: &Cluster,
        answer: &Answer,
        how: &dyn Fn() -> How,
    ) {
        if self.gang.contains(&ask.task.number) {
            self.own(ask, cluster, answer, how);
        } else if answer.is_err()
            && ask.restrict.is_none()
            && self.lived.as_ref().is_none_or(Lived::waits)
        {
            self.other(ask, cluster);
        }
    }
}

/// Shows a run to the trace that the run's placers tell of their decisions.
#[derive(Debug)]
pub(super) struct Watcher(pub(super) Arc<Mutex<Trace>>);

/// The trace; a panic of whoever held it ends the run anyway.
pub(super) fn locked(trace: &Mutex<Trace>) -> MutexGuard<'_, Trace> {
    trace.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder for Watcher {
    fn record(&mut self, seen: &Observation<'_>) {
        let mut trace = locked(&self.0);
        if let Event::ServiceCreated(spec) = seen.event {
            trace.placers.push(spec.placer);
        }
        let lived_on = trace.lives();
        (0..seen.changes.len()).for_each(|index| trace.changed(seen, index));
        trace.image_came(seen);
        if lived_on || trace.lives() {
            trace.hear(seen);
        }
        trace.settle(seen.now);
    }
}
