//! Containers driven through their lives, one step after the other, and when each step was known.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::backend::docker::message::{ContainerSpec, Exit, Network, Report, Request, Step, Token};
use crate::backend::docker::program::{Phase, Program};
use crate::backend::docker::{Engine, clock};

use super::{RUN, Setting};

/// Between two looks at whether the user wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// An engine that reports nothing for so long, while it has something to do, is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Limits of a probe's container: those of a small task.
const CPU_SHARES: u32 = 128;
const QUOTA_MILLI: u32 = 500;
const MEMORY_BYTES: u64 = 64 << 20;

/// After which a probe's container ends by itself.
const DEADLINE: Duration = Duration::from_mins(10);

/// What probes need of an engine.
pub trait Probed {
    /// Begins something; what comes of it is reported.
    fn begin(&self, request: Request);
    /// The next report, waited for at most so long.
    fn next_report(&self, wait: Duration) -> Option<Report>;
}

impl Probed for Engine {
    fn begin(&self, request: Request) {
        Engine::begin(self, request);
    }

    fn next_report(&self, wait: Duration) -> Option<Report> {
        Engine::next_report(self, wait)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeProgress {
    /// Containers that are gone again.
    pub done: u64,
    /// Containers in all.
    pub total: u64,
    /// What is probed.
    pub what: &'static str,
}

/// Why an engine could not be probed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The engine refused something that every replay needs.
    #[error("{what}: {operation}: {why}; see what the engine's log says")]
    Failed {
        /// What was probed.
        what: &'static str,
        /// What was asked.
        operation: &'static str,
        /// What the engine said.
        why: String,
    },
    /// The connection is gone.
    #[error("{0}; start the engine again and repeat")]
    Lost(String),
    /// Nothing was reported for a long time.
    #[error("{0}: the engine reported nothing for 60 s; see what its log says")]
    Silent(&'static str),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// How a container that runs is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stop,
    Kill,
}

/// When the steps of a container's life were known.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) asked: Instant,
    pub(super) created: Option<Instant>,
    pub(super) started: Option<Instant>,
    pub(super) exited: Option<Instant>,
    pub(super) removed: Option<Instant>,
    pub(super) exit: Option<Exit>,
}

/// A program that sleeps.
pub(super) fn asleep(time: Duration) -> Program {
    program(time, 0, 0)
}

/// A program that takes all the CPU it gets.
pub(super) fn busy(time: Duration) -> Program {
    program(time, 1000, 0)
}

/// A program that touches so much memory and keeps it for a while.
pub(super) fn hungry(memory_kib: u64) -> Program {
    program(Duration::from_secs(5), 0, memory_kib)
}

fn program(time: Duration, cpu_milli: u32, memory_kib: u64) -> Program {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Program {
        work: false,
        phases: vec![Phase { micros: micros(time), cpu_milli, memory_kib }],
        until_stopped: false,
        memory_ramp_micros: 0,
        exit_code: 0,
        deadline_micros: micros(DEADLINE),
    }
}

/// Starts containers and follows them.
pub(super) struct Driver<'d> {
    engine: &'d dyn Probed,
    setting: &'d Setting,
    watch: &'d mut dyn FnMut(ProbeProgress) -> bool,
    progress: ProbeProgress,
    next: u64,
    histories: BTreeMap<Token, History>,
}

impl<'d> Driver<'d> {
    pub(super) fn new(
        engine: &'d dyn Probed,
        setting: &'d Setting,
        total: u64,
        watch: &'d mut dyn FnMut(ProbeProgress) -> bool,
    ) -> Driver<'d> {
        let progress = ProbeProgress { done: 0, total, what: "" };
        Driver { engine, setting, watch, progress, next: 0, histories: BTreeMap::new() }
    }

    /// A container as a replay would configure it: under a budget, and where there is none, under a
    /// quota of its own.
    pub(super) fn spec(&self, program: Program) -> ContainerSpec {
        let parent = self.setting.parent.clone();
        ContainerSpec {
            image: self.setting.image.clone(),
            program: Some(program),
            task: self.next,
            instance: 0,
            cpu_shares: CPU_SHARES,
            cpu_quota_milli: if parent.is_none() { Some(QUOTA_MILLI) } else { None },
            memory_limit: Some(MEMORY_BYTES),
            cgroup_parent: parent,
            cores: Vec::new(),
            network: Network::None,
            stop_grace: Duration::from_secs(10),
            deadline: DEADLINE,
        }
    }

    /// A closed loop: each client starts a container, waits for its exit, removes it, and begins
    /// again while there are lives left. Histories in the order in which they were asked for.
    pub(super) fn lives(
        &mut self,
        what: &'static str,
        network: Network,
        clients: u32,
        count: u32,
    ) -> Result<Vec<History>, ProbeError> {
        self.progress.what = what;
        let mut left = count;
        let mut running = 0;
        while running < clients && left > 0 {
            self.sleeper(network);
            (running, left) = (running + 1, left - 1);
        }
        while running > 0 {
            let (token, step) = self.next_step()?;
            match step {
                Step::Exited(_) => self.engine.begin(Request::Remove(token)),
                Step::Removed if left > 0 => {
                    self.sleeper(network);
                    left -= 1;
                }
                Step::Removed => running -= 1,
                Step::Created | Step::Started | Step::Failed { .. } => {}
            }
        }
        Ok(self.taken())
    }

    /// Lives of a single client that waits before each, so that each finds the engine at rest, as a
    /// task does that comes alone.
    pub(super) fn lives_apart(
        &mut self,
        what: &'static str,
        network: Network,
        count: u32,
        pause: Duration,
    ) -> Result<Vec<History>, ProbeError> {
        let mut histories = Vec::new();
        for _ in 0..count {
            self.rest(pause)?;
            histories.extend(self.lives(what, network, 1, 1)?);
        }
        Ok(histories)
    }

    pub(super) fn rest(&mut self, pause: Duration) -> Result<(), ProbeError> {
        let until = clock::now() + pause;
        loop {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Ok(());
            }
            self.report_within(left.min(LOOK))?;
        }
    }

    fn sleeper(&mut self, network: Network) {
        let spec = ContainerSpec { network, ..self.spec(asleep(RUN)) };
        self.start(spec);
    }

    /// Starts all at once and waits until all are gone.
    pub(super) fn all(
        &mut self,
        what: &'static str,
        specs: Vec<ContainerSpec>,
    ) -> Result<Vec<History>, ProbeError> {
        self.progress.what = what;
        let mut running = specs.len();
        for spec in specs {
            self.start(spec);
        }
        while running > 0 {
            match self.next_step()? {
                (token, Step::Exited(_)) => self.engine.begin(Request::Remove(token)),
                (_, Step::Removed) => running -= 1,
                (_, Step::Created | Step::Started | Step::Failed { .. }) => {}
            }
        }
        Ok(self.taken())
    }

    /// Starts one and waits until it is gone; killed if it has not exited after so long.
    pub(super) fn one_within(
        &mut self,
        what: &'static str,
        spec: ContainerSpec,
        limit: Duration,
    ) -> Result<History, ProbeError> {
        self.progress.what = what;
        let token = self.start(spec);
        let mut kill_at = Some(clock::now() + limit);
        let mut heard = clock::now();
        loop {
            let step = self.report_within(LOOK)?;
            let now = clock::now();
            match step {
                Some((_, Step::Removed)) => break,
                Some((_, Step::Exited(_))) => {
                    kill_at = None;
                    self.engine.begin(Request::Remove(token));
                }
                Some((_, Step::Created | Step::Started | Step::Failed { .. })) => {}
                None if kill_at.is_some_and(|at| now >= at) => {
                    kill_at = None;
                    self.engine.begin(Request::Kill(token));
                }
                None if now - heard > PATIENCE => return Err(ProbeError::Silent(what)),
                None => continue,
            }
            heard = now;
        }
        Ok(self.histories.remove(&token).expect("a history is kept from the start on"))
    }

    /// Latencies from orders to end to the exits, one container after the other, microseconds.
    pub(super) fn endings(&mut self, kind: Kind, count: u32) -> Result<Vec<u64>, ProbeError> {
        let what = match kind {
            Kind::Stop => "stops",
            Kind::Kill => "kills",
        };
        let mut latencies = Vec::new();
        for _ in 0..count {
            let program = Program { until_stopped: true, ..asleep(RUN) };
            let token = self.start_and_wait(self.spec(program), what)?;
            let asked = clock::now();
            let history = self.end_and_wait(token, kind)?;
            latencies.extend(super::micros(Some(asked), history.exited));
        }
        Ok(latencies)
    }

    /// Starts one and waits until it runs.
    pub(super) fn start_and_wait(
        &mut self,
        spec: ContainerSpec,
        what: &'static str,
    ) -> Result<Token, ProbeError> {
        self.progress.what = what;
        let token = self.start(spec);
        loop {
            if self.next_step()? == (token, Step::Started) {
                return Ok(token);
            }
        }
    }

    /// Ends one and waits until it is gone.
    pub(super) fn end_and_wait(&mut self, token: Token, kind: Kind) -> Result<History, ProbeError> {
        self.engine.begin(match kind {
            Kind::Stop => Request::Stop(token),
            Kind::Kill => Request::Kill(token),
        });
        loop {
            let (of, step) = self.next_step()?;
            match step {
                Step::Exited(_) => self.engine.begin(Request::Remove(of)),
                Step::Removed if of == token => break,
                Step::Created | Step::Started | Step::Removed | Step::Failed { .. } => {}
            }
        }
        Ok(self.histories.remove(&token).expect("a history is kept from the start on"))
    }

    fn start(&mut self, mut spec: ContainerSpec) -> Token {
        let token = Token(self.next);
        spec.task = self.next;
        self.next += 1;
        let (created, started, exited, removed, exit) = (None, None, None, None, None);
        let history = History { asked: clock::now(), created, started, exited, removed, exit };
        self.histories.insert(token, history);
        self.engine.begin(Request::Start(token, Box::new(spec)));
        token
    }

    /// The next step of any container; it is in its history already.
    fn next_step(&mut self) -> Result<(Token, Step), ProbeError> {
        let since = clock::now();
        loop {
            match self.report_within(LOOK)? {
                Some(step) => return Ok(step),
                None if since.elapsed() > PATIENCE => {
                    return Err(ProbeError::Silent(self.progress.what));
                }
                None => {}
            }
        }
    }

    fn report_within(&mut self, wait: Duration) -> Result<Option<(Token, Step)>, ProbeError> {
        if !(self.watch)(self.progress) {
            return Err(ProbeError::Interrupted);
        }
        match self.engine.next_report(wait) {
            Some(Report::Lost { why }) => Err(ProbeError::Lost(why)),
            Some(Report::Container { token, at, step }) => self.took(token, at, step).map(Some),
            None => Ok(None),
        }
    }

    fn took(&mut self, token: Token, at: Instant, step: Step) -> Result<(Token, Step), ProbeError> {
        if let Step::Failed { operation, why } = step {
            return Err(ProbeError::Failed { what: self.progress.what, operation, why });
        }
        let history = self.histories.get_mut(&token);
        let history = history.ok_or_else(|| {
            ProbeError::Lost(format!("a report of a container that was not asked for: {token:?}"))
        })?;
        match &step {
            Step::Created => history.created = Some(at),
            Step::Started => history.started = Some(at),
            Step::Exited(exit) => {
                history.exited = Some(at);
                history.exit = Some(exit.clone());
            }
            Step::Removed => {
                history.removed = Some(at);
                self.progress.done += 1;
            }
            Step::Failed { .. } => {}
        }
        Ok((token, step))
    }

    /// Histories that are complete, in the order in which they were asked for.
    fn taken(&mut self) -> Vec<History> {
        let complete = |history: &History| history.removed.is_some();
        let all = std::mem::take(&mut self.histories);
        let (taken, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(_, history)| complete(history));
        self.histories = kept;
        taken.into_values().collect()
    }
}
