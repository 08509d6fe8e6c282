//! The simulated backend: an event queue whose clock jumps.

mod life_cycle;
mod operations;
mod pulls;
mod requests;
mod sharing;
#[cfg(test)]
mod tests;

pub use life_cycle::{LifeCycle, STOP_TIMEOUT};
pub use operations::EngineSetup;
pub use pulls::{HostPulls, PullBehaviour, Pulls};
pub use requests::MetricTiming;
pub use sharing::Sharing;

use std::hint::black_box;
use std::sync::Arc;

use slab::Slab;

use crate::controller::{Command, Event, Timer};
use crate::des::{EventKey, EventQueue, Purpose, Seed, SimDuration, SimTime};
use crate::model::{
    CapacityId, DefinitionId, InstanceId, InstanceSpec, Origin, Outcome, Placement, ServiceId,
    TaskId,
};
use crate::workload::law_spec::DurationLaw;
use crate::workload::{Behaviour, External};

use super::host::{HostLedger, Occupant};
use super::nature::{Nature, draw_key};
use super::{Backend, BackendError, HostUsage};
use life_cycle::Lives;
use operations::Engines;
use pulls::Images;
use requests::Requests;
use sharing::Shared;

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
#[derive(Debug, Clone, Copy)]
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
    /// Something on a host that is shared: a task's end, or nothing that anyone is told.
    Host(u32),
    /// An engine has carried out an operation.
    Engine(u32),
    /// A start latency is over and the engine is asked to start a task; no event.
    StartOrdered(u32),
    /// A stop latency is over and the engine is asked to clean up after a task; no event.
    CleanUpOrdered(u32),
    /// A start has waited for quota of its instance and takes CPU of it now; no event.
    QuotaAwaited(u32),
    /// [`Event::TransitionMade`], by task slot.
    TransitionMade(u32),
    /// [`Event::TaskStopped`] of a task that never came to its host, by task slot.
    Withdrawn(u32),
    /// A task that was sent SIGTERM exits, or is killed, by task slot.
    Terminated(u32),
    /// [`Event::TaskHealthChanged`], by task slot.
    HealthChanged(u32),
    /// A transfer of an image is done; no event.
    Transferred,
    /// A pull is done; no event.
    Pulled(u32),
    /// [`Event::ImagePulled`], by task slot.
    ImageThere(u32),
    /// The rate of the requests to a service changes, or a period of its metrics ends; no event.
    Requests(ServiceId),
    /// [`Event::MetricsPublished`].
    Metrics(ServiceId),
}

/// When a host or an engine has something to do, and the event for that.
#[derive(Debug, Clone, Copy)]
struct Wake {
    at: SimTime,
    phase: u8,
    key: EventKey,
}

/// Where a task is in its life on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has been ordered and waits for room.
    Queued,
    /// It holds room, and waits for its image.
    Pulling,
    /// It holds room, and starts.
    Starting,
    /// The same, with the order to stop as soon as it runs; only with engines.
    StartingInVain,
    /// It runs.
    Running,
    /// It runs on after SIGTERM.
    Terminating,
    /// It runs and an engine stops it.
    Stopping,
    /// It has exited and is being cleaned up.
    Exited,
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
    stage: Stage,
    /// Its next event.
    next: Option<EventKey>,
}

/// A host: what it registered with, and its ledger where it can lag behind the control plane's.
#[derive(Debug)]
struct Host {
    capacity: CapacityId,
    speed_milli: u32,
    ledger: Option<Box<HostLedger>>,
    /// Where tasks share CPU and memory, whatever they reserved.
    shared: Option<Box<Shared>>,
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
    /// By capacity group; those beyond are [`Sharing::Reserved`].
    sharing: Vec<Sharing>,
    hosts: Vec<Host>,
    engines: Option<Box<Engines>>,
    lives: Lives,
    /// Where pulls take time.
    images: Option<Box<Images>>,
    requests: Requests,
    nature: Nature,
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
            sharing: Vec::new(),
            hosts: Vec::new(),
            engines: None,
            lives: Lives::default(),
            images: None,
            requests: Requests::default(),
            nature: Nature::new(seed),
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
        let lags = latency.is_some_and(|latency| latency.stop.is_some())
            || self.engines.is_some()
            || self.exits_take_time();
        self.hosts.push(Host {
            capacity: spec.capacity,
            speed_milli: spec.speed_milli,
            ledger: lags.then(|| Box::new(HostLedger::new(spec))),
            shared: self.share_of(spec).map(Box::new),
        });
    }

    fn start(
        &mut self,
        task: TaskId,
        origin: Origin,
        definition: DefinitionId,
        placement: Placement,
    ) {
        let behaviour = self.nature.behaviour(origin, definition);
        let slot = task.slot as usize;
        if self.live.len() <= slot {
            self.live.resize_with(slot + 1, || None);
        }
        assert!(self.live[slot].is_none(), "a task slot is taken over only when it is free");
        let ledger = &mut self.hosts[placement.instance.index()].ledger;
        let admitted = ledger.is_none();
        if let Some(ledger) = ledger {
            let definition = Arc::clone(self.nature.definition(definition));
            ledger.enqueue(Occupant { task, definition, devices: placement.devices });
        }
        let number = task.number;
        let (stage, next) = (Stage::Queued, None);
        let live = Live { number, origin, definition, placement, behaviour, stage, next };
        self.live[slot] = Some(live);
        if admitted {
            self.admitted(task.slot);
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
            self.admitted(task.slot);
        }
    }

    /// A task has room on its host.
    fn admitted(&mut self, slot: u32) {
        if self.images.is_none() || !self.waits_for_image(slot) {
            self.begin(slot);
        }
    }

    /// A task has room on its host, and its image: it starts.
    fn begin(&mut self, slot: u32) {
        let live = self.live[slot as usize].as_ref().expect("an admitted task is live");
        let law = self.latency(live.placement.instance).and_then(|latency| latency.start.as_ref());
        let speed_milli = self.hosts[live.placement.instance.index()].speed_milli;
        let (with_engine, has_law) = (self.engines.is_some(), law.is_some());
        let mut delay = self.draw(law, START_DRAW, live.origin);
        let course = self.course(slot, delay);
        let has_latency = has_law || course.is_some();
        let live = self.live_mut(slot);
        live.stage = Stage::Starting;
        let run_time = live.behaviour.run_time;
        live.behaviour.run_time = run_time.map(|run_time| run_time.at_speed(speed_milli));
        if let Some(course) = course {
            delay = delay.saturating_add(course.start);
            live.takes(&course);
        }
        if with_engine && !has_latency {
            self.order_start(slot);
            return;
        }
        let due = if with_engine { Due::StartOrdered(slot) } else { Due::Started(slot) };
        self.live_mut(slot).next = Some(self.schedule(delay, phase::STARTS, due));
    }

    fn live_mut(&mut self, slot: u32) -> &mut Live {
        self.live[slot as usize].as_mut().expect("a task that something happens to is live")
    }

    fn schedule(&mut self, delay: SimDuration, phase: u8, due: Due) -> EventKey {
        self.queue.schedule(self.queue.now() + delay, phase, due)
    }

    /// The containers of a task run: its end is due after its run time, or when its work is done.
    fn started(&mut self, slot: u32) -> Result<(), BackendError> {
        let live = self.live[slot as usize].as_mut().expect("a starting task is live");
        live.next = None;
        live.stage = Stage::Running;
        let (instance, outcome) = (live.placement.instance, live.behaviour.ends);
        let host = &self.hosts[instance.index()];
        let (is_shared, has_ledger) = (host.shared.is_some(), host.ledger.is_some());
        let run_time = live.behaviour.run_time;
        let now = self.queue.now();
        let mut end = None;
        if let Some(run_time) = run_time {
            end = now.checked_add(run_time).filter(|at| *at <= LATEST);
            if end.is_none() {
                return Err(BackendError(format!(
                    "task {} would end {run_time} s after {now} s, beyond the clock of 146 135 \
                     years; end the run earlier with `until`",
                    live.number
                )));
            }
        }
        if (is_shared || self.engines.is_some()) && self.takes_cpu(slot, run_time) {
            return Ok(());
        }
        let Some(at) = end else { return Ok(()) };
        let stays = is_shared || has_ledger;
        let due = if stays { Due::Exited(slot, outcome) } else { Due::Stopped(slot, outcome) };
        self.live_mut(slot).next = Some(self.queue.schedule(at, phase::ENDS, due));
        Ok(())
    }

    /// The process of a task has exited.
    fn exit(&mut self, slot: u32, outcome: Outcome) -> Event {
        self.no_more_of(slot);
        self.gives_cpu_back(slot);
        let instance = self.live_mut(slot).placement.instance;
        if self.hosts[instance.index()].ledger.is_some() {
            self.clean_up(slot, outcome);
            return Event::TaskExited(self.task(slot), outcome);
        }
        let event = Event::TaskStopped(self.task(slot), outcome);
        self.gone(slot);
        event
    }

    /// The containers of a task are to go: they are gone after the stop latency.
    fn clean_up(&mut self, slot: u32, outcome: Outcome) {
        let live = self.live[slot as usize].as_ref().expect("a stopping task is live");
        let law = self.latency(live.placement.instance).and_then(|latency| latency.stop.as_ref());
        let (with_engine, has_latency) = (self.engines.is_some(), law.is_some());
        let delay = self.draw(law, STOP_DRAW, live.origin);
        let live = self.live_mut(slot);
        live.stage = Stage::Exited;
        live.behaviour.ends = outcome;
        if with_engine && !has_latency {
            self.order_clean_up(slot);
            return;
        }
        let stopped = Due::Stopped(slot, outcome);
        let due = if with_engine { Due::CleanUpOrdered(slot) } else { stopped };
        self.live_mut(slot).next = Some(self.schedule(delay, phase::ENDS, due));
    }

    /// The containers of a task are gone: its room on the host is free.
    fn gone(&mut self, slot: u32) {
        self.no_more_of(slot);
        let live = self.live[slot as usize].take().expect("a stopped task was live");
        let instance = live.placement.instance;
        if let Some(ledger) = self.hosts[instance.index()].ledger.as_mut() {
            if live.stage != Stage::Queued {
                let definition = self.nature.definition(live.definition);
                ledger.free(definition, live.placement.devices);
            }
            self.admit(instance);
        }
    }

    fn stop(&mut self, task: TaskId) {
        if self.withdraw_from_network(task) {
            return;
        }
        self.give_up_transition(task.slot);
        self.serves_no_more(task.slot);
        let live = self.live[task.slot as usize].as_mut().expect("a task to stop is live");
        let instance = live.placement.instance;
        if live.stage == Stage::Queued {
            let ledger = self.hosts[instance.index()].ledger.as_mut();
            let ledger = ledger.expect("only hosts with a ledger let tasks wait");
            assert!(ledger.cancel(task), "a task without room waits on its host");
            let due = Due::Stopped(task.slot, Outcome::Stopped);
            self.schedule(SimDuration::ZERO, phase::ENDS, due);
            return;
        }
        if live.stage == Stage::Pulling {
            self.stop_waiting_for_image(task.slot);
            return;
        }
        if self.terminate(task.slot) {
            return;
        }
        if self.engines.is_some() {
            self.order_stop(task.slot);
            return;
        }
        let live = self.live_mut(task.slot);
        if let Some(key) = live.next.take() {
            let exited = matches!(self.queue.cancel(key), Some(Due::Stopped(..)))
                && self.hosts[instance.index()].ledger.is_some();
            assert!(!exited, "a task that had exited was told to stop");
        }
        self.no_more_of(task.slot);
        self.gives_cpu_back(task.slot);
        self.clean_up(task.slot, Outcome::Stopped);
    }

    /// What is due happens; the event for it, if anyone is told.
    fn happen(&mut self, due: Due) -> Result<Option<Event>, BackendError> {
        let event = match due {
            Due::External(place) => self.externals.remove(place as usize),
            Due::Started(slot) => self.runs(slot)?,
            Due::Exited(slot, outcome) => self.exit(slot, outcome),
            Due::Stopped(slot, outcome) => {
                let event = Event::TaskStopped(self.task(slot), outcome);
                self.gone(slot);
                event
            }
            Due::Woken(timer) => Event::Woken(timer),
            Due::Host(instance) => return self.host_due(InstanceId(instance)),
            Due::Engine(engine) => return self.operation_done(engine as usize),
            Due::StartOrdered(slot) => {
                self.live_mut(slot).next = None;
                self.order_start(slot);
                return Ok(None);
            }
            Due::QuotaAwaited(slot) => {
                self.starts_on_host(slot);
                return Ok(None);
            }
            Due::CleanUpOrdered(slot) => {
                self.live_mut(slot).next = None;
                self.order_clean_up(slot);
                return Ok(None);
            }
            Due::TransitionMade(slot) => self.transition_made(slot),
            Due::Withdrawn(slot) => self.withdrawn(slot),
            Due::HealthChanged(slot) => self.health_changed(slot),
            Due::Terminated(slot) => return Ok(self.terminated(slot)),
            Due::Transferred => {
                self.download_done();
                return Ok(None);
            }
            Due::Pulled(pull) => {
                self.pulled(pull);
                return Ok(None);
            }
            Due::ImageThere(slot) => self.image_there(slot),
            Due::Requests(service) => {
                self.requests_due(service);
                return Ok(None);
            }
            Due::Metrics(service) => self.metrics_due(service),
        };
        Ok(Some(event))
    }
}

impl Backend for SimulatedBackend {
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError> {
        if let External::MachineUp(spec) = &external {
            self.machine_up(spec);
        }
        if let (External::RegisterConduct(id, conduct), Some(images)) =
            (&external, &mut self.images)
        {
            images.register(*id, conduct);
        }
        if let External::ExpectRequests(service, load) = &external {
            self.expect_requests(at, *service, load);
        }
        let Some((phase, event)) = self.nature.take_in(external) else { return Ok(()) };
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
            Command::Begin { task, origin, transition } => {
                self.begin_transition(task, origin, transition);
            }
            Command::Forget(origin) => self.nature.forget(origin),
            Command::WakeAt(at, timer) => {
                self.queue.schedule(at, phase::TIMERS, Due::Woken(timer));
            }
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError> {
        self.next_event_until(None)
    }

    fn next_event_until(
        &mut self,
        until: Option<SimTime>,
    ) -> Result<Option<(SimTime, Event)>, BackendError> {
        loop {
            if let Some(until) = until
                && self.queue.peek_time().is_some_and(|at| at > until)
            {
                return Ok(None);
            }
            let Some((now, due)) = self.queue.pop() else { return Ok(None) };
            if let Some(event) = self.happen(due)? {
                return Ok(Some((now, event)));
            }
        }
    }

    fn host_usage(&self, now: SimTime) -> Vec<HostUsage> {
        self.usage_until(now)
    }

    fn due_soon(&mut self, tasks: &mut Vec<TaskId>) {
        for due in self.queue.due_soon() {
            let task = match *due {
                Due::Started(slot)
                | Due::Exited(slot, _)
                | Due::Stopped(slot, _)
                | Due::Terminated(slot)
                | Due::HealthChanged(slot)
                | Due::ImageThere(slot) => {
                    // All of it is read: it is larger than a cache line.
                    let live = black_box(self.live[slot as usize].clone());
                    let live = live.expect("a task with an event due is live");
                    TaskId { number: live.number, slot }
                }
                Due::TransitionMade(slot) | Due::Withdrawn(slot) => {
                    black_box(self.live.get(slot as usize).cloned().flatten());
                    self.lives.in_transition(slot).expect("a transition that is due goes on")
                }
                _ => continue,
            };
            tasks.push(task);
        }
    }

    fn peek_time(&mut self) -> Option<SimTime> {
        self.queue.peek_time()
    }
}
