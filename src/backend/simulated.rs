//! The simulated backend: an event queue whose clock jumps.

use std::hint::black_box;
use std::sync::Arc;

use slab::Slab;

use crate::controller::{Command, Event, Timer};
use crate::des::{EventKey, EventQueue, Purpose, Seed, SimDuration, SimTime};
use crate::model::{
    CapacityId, DefinitionId, InstanceId, InstanceSpec, Origin, Outcome, Placement, TaskDefinition,
    TaskId,
};
use crate::workload::law_spec::DurationLaw;
use crate::workload::{Behaviour, External, ServiceBehaviour};

use super::behaviours::Behaviours;
use super::host::{HostLedger, Occupant};
use super::{Backend, BackendError};

/// Order of what happens at one instant, within a round (law: an event scheduled for now with a
/// phase not after the current one opens the next round).
pub mod phase {
    /// Tasks end: their room is there for everything that follows.
    pub const ENDS: u8 = 0;
    /// Tasks start.
    pub const STARTS: u8 = 1;
    /// Definitions and instances are registered.
    pub const REGISTRATIONS: u8 = 2;
    /// Tasks are submitted, services created and updated.
    pub const SUBMISSIONS: u8 = 3;
    /// Timers of the control plane, the placement pass among them.
    pub const TIMERS: u8 = 4;
}

const RUN_TIME_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"RUNT"));
const START_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"STRT"));
const STOP_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"STOP"));

/// How long the hosts of a capacity group take; `None` is no time at all.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    /// From admission on the host to RUNNING.
    pub start: Option<DurationLaw>,
    /// From the exit (or the order to stop) until the containers are gone.
    pub stop: Option<DurationLaw>,
}

/// The latest time of an event: far from where arithmetic on times could overflow.
const LATEST: SimTime = SimTime::from_micros(1 << 62);

/// What is due, as the queue holds it: small, because a queue of many touches much memory.
#[derive(Debug)]
enum Due {
    /// Something from outside, by its place in [`SimulatedBackend::externals`].
    External(u32),
    /// [`Event::TaskStarted`], by task slot: a task leaves its slot after its last event only.
    Started(u32),
    /// [`Event::TaskExited`].
    Exited(u32, Outcome),
    /// [`Event::TaskStopped`].
    Stopped(u32, Outcome),
    /// [`Event::Woken`].
    Woken(Timer),
}

/// A task on its host.
#[derive(Debug, Clone)]
struct Live {
    /// Serial number of the task.
    number: u64,
    origin: Origin,
    definition: DefinitionId,
    placement: Placement,
    behaviour: Behaviour,
    /// Whether it holds room on its host.
    admitted: bool,
    /// Its next event.
    next: Option<EventKey>,
}

/// A host: what it registered with, and its ledger where it can lag behind the control plane's.
#[derive(Debug)]
struct Host {
    capacity: CapacityId,
    speed_milli: u32,
    ledger: Option<Box<HostLedger>>,
}

/// Simulates hosts and the passing of time.
#[derive(Debug)]
pub struct SimulatedBackend {
    queue: EventQueue<Due>,
    /// What came from outside and is not due yet.
    externals: Slab<Event>,
    seed: Seed,
    /// By capacity group.
    latencies: Vec<Latency>,
    hosts: Vec<Host>,
    definitions: Vec<Arc<TaskDefinition>>,
    submissions: Behaviours,
    services: Vec<ServiceBehaviour>,
    /// By task slot.
    live: Vec<Option<Live>>,
}

impl SimulatedBackend {
    /// A backend with the latencies of each capacity group, by id.
    pub fn new(seed: Seed, latencies: Vec<Latency>) -> SimulatedBackend {
        SimulatedBackend {
            queue: EventQueue::new(),
            externals: Slab::new(),
            seed,
            latencies,
            hosts: Vec::new(),
            definitions: Vec::new(),
            submissions: Behaviours::default(),
            services: Vec::new(),
            live: Vec::new(),
        }
    }

    fn latency(&self, instance: InstanceId) -> Option<&Latency> {
        self.latencies.get(self.hosts[instance.index()].capacity.index())
    }

    /// A latency of the host, drawn for one task.
    fn draw(&self, law: Option<&DurationLaw>, purpose: Purpose, origin: Origin) -> SimDuration {
        law.map_or(SimDuration::ZERO, |law| {
            let (entity, attempt) = draw_key(origin);
            law.sample(self.seed.uniform(purpose, entity, attempt))
        })
    }

    fn machine_up(&mut self, spec: &InstanceSpec) {
        let latency = self.latencies.get(spec.capacity.index());
        // Without a stop latency both ledgers agree at all times, and one is enough.
        let lags = latency.is_some_and(|latency| latency.stop.is_some());
        self.hosts.push(Host {
            capacity: spec.capacity,
            speed_milli: spec.speed_milli,
            ledger: lags.then(|| Box::new(HostLedger::new(spec))),
        });
    }

    /// The behaviour of a task that is about to start: from its origin alone, never from where or
    /// when it was placed.
    fn behaviour(&mut self, origin: Origin) -> Behaviour {
        match origin {
            Origin::Submission { submission, .. } => {
                self.submissions.take(submission).expect("each task starts once")
            }
            Origin::Service { service, .. } => {
                let law = self.services[service.index()].run_time.as_ref();
                let run_time = law.map(|law| self.draw(Some(law), RUN_TIME_DRAW, origin));
                Behaviour { run_time, ends: Outcome::Completed }
            }
        }
    }

    fn start(
        &mut self,
        task: TaskId,
        origin: Origin,
        definition: DefinitionId,
        placement: Placement,
    ) {
        let behaviour = self.behaviour(origin);
        let slot = task.slot as usize;
        if self.live.len() <= slot {
            self.live.resize_with(slot + 1, || None);
        }
        assert!(self.live[slot].is_none(), "a task slot is taken over only when it is free");
        let ledger = &mut self.hosts[placement.instance.index()].ledger;
        let admitted = ledger.is_none();
        if let Some(ledger) = ledger {
            let definition = Arc::clone(&self.definitions[definition.index()]);
            ledger.enqueue(Occupant { task, definition, devices: placement.devices });
        }
        let number = task.number;
        let next = None;
        let live = Live { number, origin, definition, placement, behaviour, admitted, next };
        self.live[slot] = Some(live);
        if admitted {
            self.begin(task.slot);
        } else {
            self.admit(placement.instance);
        }
    }

    /// The task in a slot.
    fn task(&self, slot: u32) -> TaskId {
        let live = self.live[slot as usize].as_ref().expect("a task with an event due is live");
        TaskId { number: live.number, slot }
    }

    /// Admits tasks that wait on a host for as long as the head fits.
    fn admit(&mut self, instance: InstanceId) {
        loop {
            let ledger = self.hosts[instance.index()].ledger.as_mut();
            let Some(task) = ledger.and_then(|ledger| ledger.admit()) else { return };
            self.begin(task.slot);
        }
    }

    /// A task has room on its host: it starts.
    fn begin(&mut self, slot: u32) {
        let live = self.live[slot as usize].as_ref().expect("an admitted task is live");
        let law = self.latency(live.placement.instance).and_then(|latency| latency.start.as_ref());
        let delay = self.draw(law, START_DRAW, live.origin);
        let key = self.schedule(delay, phase::STARTS, Due::Started(slot));
        let live = self.live[slot as usize].as_mut().expect("an admitted task is live");
        live.admitted = true;
        live.next = Some(key);
    }

    fn schedule(&mut self, delay: SimDuration, phase: u8, due: Due) -> EventKey {
        self.queue.schedule(self.queue.now() + delay, phase, due)
    }

    /// The containers of a task run: its end is due after its run time.
    fn started(&mut self, slot: u32) -> Result<(), BackendError> {
        let live = self.live[slot as usize].as_mut().expect("a starting task is live");
        live.next = None;
        let Some(run_time) = live.behaviour.run_time else { return Ok(()) };
        let host = &self.hosts[live.placement.instance.index()];
        let speed = u128::from(host.speed_milli);
        let micros = (u128::from(run_time.micros()) * 1000).div_ceil(speed);
        let run_time = SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        let now = self.queue.now();
        let Some(at) = now.checked_add(run_time).filter(|at| *at <= LATEST) else {
            return Err(BackendError(format!(
                "task {} would end {run_time} s after {now} s, beyond the clock of 146 135 years; \
                 end the run earlier with `until`",
                live.number
            )));
        };
        let outcome = live.behaviour.ends;
        let due = match host.ledger {
            Some(_) => Due::Exited(slot, outcome),
            None => Due::Stopped(slot, outcome),
        };
        live.next = Some(self.queue.schedule(at, phase::ENDS, due));
        Ok(())
    }

    /// The containers of a task are to go: they are gone after the stop latency.
    fn clean_up(&mut self, slot: u32, outcome: Outcome) {
        let live = self.live[slot as usize].as_ref().expect("a stopping task is live");
        let law = self.latency(live.placement.instance).and_then(|latency| latency.stop.as_ref());
        let delay = self.draw(law, STOP_DRAW, live.origin);
        let key = self.schedule(delay, phase::ENDS, Due::Stopped(slot, outcome));
        self.live[slot as usize].as_mut().expect("a stopping task is live").next = Some(key);
    }

    /// The containers of a task are gone: its room on the host is free.
    fn gone(&mut self, slot: u32) {
        let live = self.live[slot as usize].take().expect("a stopped task was live");
        let instance = live.placement.instance;
        if let Some(ledger) = self.hosts[instance.index()].ledger.as_mut() {
            if live.admitted {
                let definition = &self.definitions[live.definition.index()];
                ledger.free(definition, live.placement.devices);
            }
            self.admit(instance);
        }
    }

    fn stop(&mut self, task: TaskId) {
        let live = self.live[task.slot as usize].as_mut().expect("a task to stop is live");
        if let Some(key) = live.next.take() {
            let exited = matches!(self.queue.cancel(key), Some(Due::Stopped(..)))
                && self.hosts[live.placement.instance.index()].ledger.is_some();
            assert!(!exited, "a task that had exited was told to stop");
        }
        let instance = live.placement.instance;
        let queued = !live.admitted;
        if queued && let Some(ledger) = self.hosts[instance.index()].ledger.as_mut() {
            assert!(ledger.cancel(task), "a task without room waits on its host");
            let due = Due::Stopped(task.slot, Outcome::Stopped);
            self.schedule(SimDuration::ZERO, phase::ENDS, due);
        } else {
            self.clean_up(task.slot, Outcome::Stopped);
        }
    }

    fn forget(&mut self, origin: Origin) {
        if let Origin::Submission { submission, .. } = origin {
            self.submissions.take(submission);
        }
    }
}

/// The key of the draws made for a task: (entity, attempt).
fn draw_key(origin: Origin) -> (u64, u32) {
    match origin {
        Origin::Submission { submission, ordinal } => (submission.0, ordinal),
        // The top bit keeps services apart from submissions.
        Origin::Service { service, ordinal } => (u64::from(service.0) | 1 << 63, ordinal),
    }
}

impl Backend for SimulatedBackend {
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError> {
        let (phase, event) = match external {
            External::RegisterDefinition(definition) => {
                self.definitions.push(Arc::clone(&definition));
                (phase::REGISTRATIONS, Event::DefinitionRegistered(definition))
            }
            External::MachineUp(spec) => {
                self.machine_up(&spec);
                (phase::REGISTRATIONS, Event::InstanceRegistered(spec))
            }
            External::Submit(submission, behaviour) => {
                self.submissions.insert(submission.id, behaviour, submission.count);
                (phase::SUBMISSIONS, Event::TaskSubmitted(submission))
            }
            External::CreateService(spec, behaviour) => {
                self.services.push(*behaviour);
                (phase::SUBMISSIONS, Event::ServiceCreated(spec))
            }
            External::UpdateService(service, desired) => {
                (phase::SUBMISSIONS, Event::ServiceUpdated(service, desired))
            }
        };
        let place = self.externals.insert(event);
        let place = u32::try_from(place).expect("fewer than 2^32 events at one instant");
        self.queue.schedule(at, phase, Due::External(place));
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<(), BackendError> {
        match command {
            Command::StartTask { task, origin, definition, placement } => {
                self.start(task, origin, definition, placement);
            }
            Command::StopTask(task) => self.stop(task),
            Command::Forget(origin) => self.forget(origin),
            Command::WakeAt(at, timer) => {
                self.queue.schedule(at, phase::TIMERS, Due::Woken(timer));
            }
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError> {
        let Some((now, due)) = self.queue.pop() else { return Ok(None) };
        let event = match due {
            Due::External(place) => self.externals.remove(place as usize),
            Due::Started(slot) => {
                self.started(slot)?;
                Event::TaskStarted(self.task(slot))
            }
            Due::Exited(slot, outcome) => {
                self.clean_up(slot, outcome);
                Event::TaskExited(self.task(slot), outcome)
            }
            Due::Stopped(slot, outcome) => {
                let event = Event::TaskStopped(self.task(slot), outcome);
                self.gone(slot);
                event
            }
            Due::Woken(timer) => Event::Woken(timer),
        };
        Ok(Some((now, event)))
    }

    fn due_soon(&mut self, tasks: &mut Vec<TaskId>) {
        for due in self.queue.due_soon() {
            if let Due::Started(slot) | Due::Exited(slot, _) | Due::Stopped(slot, _) = *due {
                // All of it is read: it is larger than a cache line.
                let live = black_box(self.live[slot as usize].clone());
                let live = live.expect("a task with an event due is live");
                tasks.push(TaskId { number: live.number, slot });
            }
        }
    }

    fn peek_time(&mut self) -> Option<SimTime> {
        self.queue.peek_time()
    }
}
