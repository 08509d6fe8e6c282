//! The backend whose hosts are real: commands become containers, and events are what they do.
//!
//! Its clock is the wall clock times the scale. What comes from outside and timers are due at
//! their simulated times; how late they were handled is measured. Containers are started when their
//! host's ledger admits them, as the ECS agent does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::backend::host::{HostLedger, Occupant};
use crate::backend::nature::Nature;
use crate::backend::simulated::phase;
use crate::backend::{Backend, BackendError};
use crate::controller::{Command, Event};
use crate::des::{EventQueue, Seed, SimTime};
use crate::model::{DefinitionId, InstanceId, InstanceSpec, Origin, Outcome, Placement, TaskId};
use crate::workload::{Behaviour, External};

use super::clock;
use super::container_plan::{ContainerRules, InstanceRoom};
use super::containers::{Containers, Hosting, InstanceSize};
use super::cores::Cores;
use super::message::{Report, Request, Step, Token};
use super::observation::{ContainerObservation, Lags};

/// Told of simulated time several times a second; `false` interrupts the run.
pub type Watch<'e> = dyn FnMut(SimTime) -> bool + 'e;

/// Longest time between two calls of the watch.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// Longest wait for one engine where there are several.
const TURN: Duration = Duration::from_millis(2);

/// A host made out of a part of a machine.
#[derive(Debug)]
struct Host {
    engine: usize,
    cgroup_parent: Option<String>,
    /// Where its tasks run, if it has a budget.
    cores: Vec<u32>,
    ledger: HostLedger,
}

/// Where a task on a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The host has no room for it yet.
    Queued,
    /// The engine was asked to start it.
    Starting,
    /// It runs.
    Running,
    /// It has exited and is being removed.
    Exited(Outcome),
}

/// A task on its host.
#[derive(Debug)]
struct Live {
    task: TaskId,
    definition: DefinitionId,
    placement: Placement,
    behaviour: Behaviour,
    stage: Stage,
    /// Whether it was told to stop.
    stopping: bool,
    /// Its latest event: the next one is later.
    last: SimTime,
    observation: ContainerObservation,
}

/// What [`DockerBackend::wait`] came back with.
#[derive(Debug)]
pub enum Waited {
    /// Something happened.
    Event(SimTime, Event),
    /// The time waited for has come.
    TimeUp,
    /// Nothing is left to happen.
    Drained,
}

/// Real containers on one or more engines; instance k is on engine k modulo their number.
pub struct DockerBackend<'e> {
    engines: Vec<&'e dyn Containers>,
    hosting: &'e mut dyn Hosting,
    rules: ContainerRules,
    until: Option<SimTime>,
    /// When simulated time was 0; unknown before the first event is asked for.
    began: Option<Instant>,
    /// The same in Unix time, nanoseconds.
    began_unix_ns: u64,
    queue: EventQueue<Event>,
    nature: Nature,
    hosts: Vec<Host>,
    /// By machine.
    cores: Vec<Cores>,
    /// The machine of each engine: 0 is this one.
    machines: Vec<usize>,
    /// By token.
    live: BTreeMap<Token, Live>,
    /// By serial number of the task, as its slot may be taken over while its container lives.
    tokens: BTreeMap<u64, Token>,
    next_token: Token,
    done: Vec<ContainerObservation>,
    lags: Lags,
    watch: &'e mut Watch<'e>,
    interrupted: bool,
    /// Whether an engine no longer answers.
    lost: bool,
}

impl std::fmt::Debug for DockerBackend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerBackend").field("live", &self.live.len()).finish_non_exhaustive()
    }
}

impl<'e> DockerBackend<'e> {
    /// A backend on these engines. Tokens are counted from `first`: reports about smaller ones are
    /// of an earlier run and are ignored. A run ends at `until`, if that is given.
    ///
    /// # Panics
    /// Without an engine.
    pub fn new(
        engines: Vec<&'e dyn Containers>,
        hosting: &'e mut dyn Hosting,
        rules: ContainerRules,
        seed: Seed,
        until: Option<SimTime>,
        first: Token,
        watch: &'e mut Watch<'e>,
    ) -> DockerBackend<'e> {
        assert!(!engines.is_empty(), "containers need an engine");
        // Engines on this machine share its cores.
        let here = |engine: &&dyn Containers| engine.is_here();
        let machines: Vec<usize> = engines
            .iter()
            .enumerate()
            .map(|(index, one)| if here(one) { 0 } else { index + 1 })
            .collect();
        let mut cores: Vec<Cores> = vec![Cores::new(0); engines.len() + 1];
        for (engine, &machine) in engines.iter().zip(&machines) {
            cores[machine] = Cores::new(engine.cores());
        }
        DockerBackend {
            cores,
            machines,
            engines,
            hosting,
            rules,
            until,
            began: None,
            began_unix_ns: 0,
            queue: EventQueue::new(),
            nature: Nature::new(seed),
            hosts: Vec::new(),
            live: BTreeMap::new(),
            tokens: BTreeMap::new(),
            next_token: first,
            done: Vec::new(),
            lags: Lags::default(),
            watch,
            interrupted: false,
            lost: false,
        }
    }

    /// Whether nothing is left to happen.
    pub fn is_drained(&self) -> bool {
        self.queue.is_empty() && self.live.is_empty()
    }

    /// Whether the watch interrupted the run.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// The next token that would be given out.
    pub fn next_token(&self) -> Token {
        self.next_token
    }

    /// The containers that have come and gone, in order of their end, and how late events were.
    pub fn observations(&self) -> (&[ContainerObservation], &Lags) {
        (&self.done, &self.lags)
    }

    fn now(&mut self) -> SimTime {
        let began = *self.began.get_or_insert_with(|| {
            self.began_unix_ns = clock::unix_nanos();
            clock::now()
        });
        self.rules.scale.simulated(clock::now().saturating_duration_since(began))
    }

    /// An instant of an engine's own clock, Unix time in nanoseconds, as simulated time. Right for
    /// engines on this machine, whose clock is the same.
    fn at_engine(&self, unix_ns: u64) -> SimTime {
        let since = Duration::from_nanos(unix_ns.saturating_sub(self.began_unix_ns));
        self.rules.scale.simulated(since)
    }

    fn at(&self, instant: Instant) -> SimTime {
        let began = self.began.unwrap_or(instant);
        self.rules.scale.simulated(instant.saturating_duration_since(began))
    }

    fn machine_up(&mut self, spec: &InstanceSpec) -> Result<(), BackendError> {
        let instance = self.hosts.len();
        let size = InstanceSize {
            core_milli: self.rules.scale.core_milli(spec.cpu),
            memory_kib: self.rules.scale.memory_kib(spec.memory_mib),
        };
        let cgroup_parent = self.hosting.set_up(instance as u32, size).map_err(BackendError)?;
        let engine = instance % self.engines.len();
        let bounded = cgroup_parent.is_some();
        let machine = self.machines[engine];
        let cores = if bounded { self.cores[machine].assign(size.core_milli) } else { Vec::new() };
        self.hosts.push(Host { engine, cgroup_parent, cores, ledger: HostLedger::new(spec) });
        Ok(())
    }

    // --- commands ---------------------------------------------------------------------

    fn start(
        &mut self,
        task: TaskId,
        origin: Origin,
        definition: DefinitionId,
        placement: Placement,
    ) {
        let behaviour = self.nature.behaviour(origin, definition);
        let now = self.now();
        let token = self.next_token;
        self.next_token = Token(token.0 + 1);
        let occupant = Occupant {
            task,
            definition: std::sync::Arc::clone(self.nature.definition(definition)),
            devices: placement.devices,
        };
        self.hosts[placement.instance.index()].ledger.enqueue(occupant);
        let observation = ContainerObservation::new(task, origin, placement.instance, now);
        let stage = Stage::Queued;
        let (stopping, last) = (false, now);
        let live =
            Live { task, definition, placement, behaviour, stage, stopping, last, observation };
        self.live.insert(token, live);
        self.tokens.insert(task.number, token);
        self.admit(placement.instance);
    }

    /// Starts tasks that wait on a host for as long as the head fits.
    fn admit(&mut self, instance: InstanceId) {
        while let Some(task) = self.hosts[instance.index()].ledger.admit() {
            let token = self.tokens[&task.number];
            let now = self.now();
            let host = &self.hosts[instance.index()];
            let live = self.live.get_mut(&token).expect("an admitted task is live");
            live.stage = Stage::Starting;
            live.observation.requested = Some(now);
            let container = self.rules.container(
                task.number,
                instance.0,
                InstanceRoom { cgroup_parent: host.cgroup_parent.as_deref(), cores: &host.cores },
                self.nature.definition(live.definition),
                live.behaviour,
                self.nature.usage(live.behaviour.usage).map(std::convert::AsRef::as_ref),
            );
            self.engines[host.engine].begin(Request::Start(token, Box::new(container)));
        }
    }

    fn stop(&mut self, task: TaskId) {
        let now = self.now();
        // In an open loop it may have ended by itself before the simulation had it stopped.
        let Some(&token) = self.tokens.get(&task.number) else { return };
        let live = self.live.get_mut(&token).expect("a task with a token is live");
        live.stopping = true;
        match live.stage {
            // It is stopped as soon as it runs: an engine cannot stop what it has not started.
            Stage::Starting | Stage::Exited(_) => {}
            Stage::Running => {
                let engine = self.hosts[live.placement.instance.index()].engine;
                self.engines[engine].begin(Request::Stop(token));
            }
            Stage::Queued => {
                let instance = live.placement.instance;
                let cancelled = self.hosts[instance.index()].ledger.cancel(task);
                assert!(cancelled, "a task without room waits on its host");
                self.live.remove(&token);
                self.tokens.remove(&task.number);
                self.schedule(now, phase::ENDS, Event::TaskStopped(task, Outcome::Stopped));
                self.admit(instance);
            }
        }
    }

    /// An event cannot be earlier than what was handled.
    fn schedule(&mut self, at: SimTime, phase: u8, event: Event) {
        self.queue.schedule(at.max(self.queue.now()), phase, event);
    }

    // --- reports ----------------------------------------------------------------------

    fn report(&mut self, report: Report) -> Result<(), BackendError> {
        let (token, at, step) = match report {
            Report::Container { token, at, step } => (token, self.at(at), step),
            Report::Lost { why } => {
                self.lost = true;
                return Err(BackendError(format!(
                    "the engine was lost in mid-run: {why}; start it again and repeat the replay"
                )));
            }
        };
        let Some(live) = self.live.get_mut(&token) else { return Ok(()) };
        let after = SimTime::from_micros(live.last.micros() + 1);
        let at = at.max(after);
        match step {
            Step::Created => live.observation.created = Some(at),
            Step::Started => self.started(token, at),
            Step::Exited(exit) => {
                let times = [exit.engine_started_ns, exit.engine_finished_ns];
                live.observation.exit = Some(exit);
                let [started, finished] = times.map(|ns| self.at_engine(ns));
                let live = self.live.get_mut(&token).expect("looked up before");
                live.observation.ran = Some((started, finished));
                self.exited(token, at);
            }
            Step::Removed => self.removed(token, at),
            Step::Failed { operation, why } => {
                let task = live.task.number;
                // Nothing more is told of it, so nobody is to wait for it.
                self.live.remove(&token);
                self.tokens.remove(&task);
                return Err(BackendError(format!(
                    "task {task}: the engine could not {operation} its container: {why}"
                )));
            }
        }
        Ok(())
    }

    fn started(&mut self, token: Token, at: SimTime) {
        let live = self.live.get_mut(&token).expect("looked up before");
        live.stage = Stage::Running;
        live.last = at;
        live.observation.started = Some(at);
        if live.stopping {
            let engine = self.hosts[live.placement.instance.index()].engine;
            self.engines[engine].begin(Request::Stop(token));
        } else {
            let task = live.task;
            self.schedule(at, phase::STARTS, Event::TaskStarted(task));
        }
    }

    fn exited(&mut self, token: Token, at: SimTime) {
        let live = self.live.get_mut(&token).expect("looked up before");
        let outcome = live.observation.outcome(live.stopping);
        live.stage = Stage::Exited(outcome);
        live.last = at;
        live.observation.exited = Some(at);
        let (task, stopping) = (live.task, live.stopping);
        let engine = self.hosts[live.placement.instance.index()].engine;
        self.engines[engine].begin(Request::Remove(token));
        if !stopping {
            self.schedule(at, phase::ENDS, Event::TaskExited(task, outcome));
        }
    }

    fn removed(&mut self, token: Token, at: SimTime) {
        let live = self.live.remove(&token).expect("looked up before");
        self.tokens.remove(&live.task.number);
        let Stage::Exited(outcome) = live.stage else {
            unreachable!("an engine removes what has exited")
        };
        self.done.push(ContainerObservation { removed: Some(at), ..live.observation });
        let instance = live.placement.instance;
        let definition = self.nature.definition(live.definition);
        self.hosts[instance.index()].ledger.free(definition, live.placement.devices);
        self.schedule(at, phase::ENDS, Event::TaskStopped(live.task, outcome));
        self.admit(instance);
    }

    // --- waiting ----------------------------------------------------------------------

    /// Waits for the next event, at most until a simulated time.
    ///
    /// # Errors
    /// The engine was lost or could not do what it was asked to.
    pub fn wait(&mut self, limit: Option<SimTime>) -> Result<Waited, BackendError> {
        loop {
            self.take_reports(Duration::ZERO)?;
            let now = self.now();
            let due = self.queue.peek_time();
            if let Some(at) = due.filter(|at| *at <= now) {
                if limit.is_some_and(|limit| at > limit) {
                    return Ok(Waited::TimeUp);
                }
                let (at, event) = self.queue.pop().expect("it was peeked at");
                self.lags.add(self.rules.scale.real_micros(now - at));
                return Ok(Waited::Event(at, event));
            }
            if limit.is_some_and(|limit| now > limit) {
                return Ok(Waited::TimeUp);
            }
            if due.is_none() && self.live.is_empty() && limit.is_none() {
                return Ok(Waited::Drained);
            }
            let late = self.rules.scale.real_since_start(now) > self.rules.deadline;
            if late {
                let wall = self.rules.deadline.as_secs();
                return Err(BackendError(format!(
                    "the run was not over after {wall} s of wall-clock time; raise --max-wall, or \
                     end it earlier with `until`"
                )));
            }
            if !(self.watch)(now) {
                self.interrupted = true;
                return Err(BackendError("interrupted".to_owned()));
            }
            let next = due.into_iter().chain(limit).min();
            let wait = next.map_or(WATCH_EVERY, |at| {
                let micros = self.rules.scale.real_micros(at - now) + 1;
                Duration::from_micros(micros).min(WATCH_EVERY)
            });
            self.take_reports(wait)?;
        }
    }

    /// Takes what the engines report, waiting for the first for at most so long.
    fn take_reports(&mut self, wait: Duration) -> Result<(), BackendError> {
        let alone = self.engines.len() == 1;
        let deadline = clock::now() + wait;
        loop {
            let mut found = false;
            for index in 0..self.engines.len() {
                let left = deadline.saturating_duration_since(clock::now());
                let turn = if alone { left } else { left.min(TURN) };
                let mut report = self.engines[index].next_report(turn);
                while let Some(one) = report {
                    found = true;
                    self.report(one)?;
                    report = self.engines[index].next_report(Duration::ZERO);
                }
            }
            if found || clock::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Ends what still runs, and waits until it is gone, at most so long; not for an engine that
    /// was lost.
    ///
    /// # Errors
    /// Containers that are not gone by then, or an engine that was lost.
    pub fn tear_down(&mut self, at_most: Duration) -> Result<(), BackendError> {
        for (&token, live) in &mut self.live {
            live.stopping = true;
            let engine = self.hosts[live.placement.instance.index()].engine;
            match live.stage {
                Stage::Running => self.engines[engine].begin(Request::Kill(token)),
                Stage::Queued | Stage::Starting | Stage::Exited(_) => {}
            }
        }
        self.live.retain(|_, live| live.stage != Stage::Queued);
        let deadline = clock::now() + at_most;
        while !self.live.is_empty() && !self.lost {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                let left = self.live.len();
                return Err(BackendError(format!(
                    "{left} containers were not gone after {} s; `towtank replay gc` removes them",
                    at_most.as_secs()
                )));
            }
            self.take_reports(left)?;
        }
        Ok(())
    }
}

impl Backend for DockerBackend<'_> {
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError> {
        if let External::MachineUp(spec) = &external {
            self.machine_up(spec)?;
        }
        let Some((phase, event)) = self.nature.take_in(external) else { return Ok(()) };
        self.schedule(at, phase, event);
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<(), BackendError> {
        match command {
            Command::StartTask { task, origin, definition, placement } => {
                self.start(task, origin, definition, placement);
            }
            Command::StopTask(task) => self.stop(task),
            Command::Forget(origin) => self.nature.forget(origin),
            Command::Begin { task, .. } => {
                let task = task.number;
                return Err(BackendError(format!(
                    "task {task}: real containers have no network interfaces to attach and no \
                     load balancer; leave [life_cycle] out of a replay"
                )));
            }
            Command::WakeAt(at, timer) => self.schedule(at, phase::TIMERS, Event::Woken(timer)),
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError> {
        if self.is_drained() {
            return Ok(None);
        }
        match self.wait(self.until)? {
            Waited::Event(at, event) => Ok(Some((at, event))),
            Waited::TimeUp | Waited::Drained => Ok(None),
        }
    }

    /// What is known to be due. A container may do something earlier: a run with an end is cut by
    /// this backend itself.
    fn peek_time(&mut self) -> Option<SimTime> {
        let live = (!self.live.is_empty()).then(|| self.queue.now());
        self.queue.peek_time().into_iter().chain(live).min()
    }
}
