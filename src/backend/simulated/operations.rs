//! Engines in simulation: starting, stopping and cleaning up take their turns there.

use crate::calibration::{EngineModel, LoadCurve};
use crate::controller::Event;
use crate::des::{Purpose, Seed, SimDuration, SimTime};
use crate::model::{Cpu, InstanceId, Outcome};

use super::super::BackendError;
use super::super::fluid::Fluid;
use super::super::nature::draw_key;
use super::{Due, LATEST, SimulatedBackend, Stage, Wake, phase};

/// Purpose of the seed of one replication; its entity is the replication's number.
const REPLICATION_SEED: Purpose = Purpose(u32::from_be_bytes(*b"ENRP"));
/// Purposes of service times, under the replication's seed.
const START_OPERATION: Purpose = Purpose(u32::from_be_bytes(*b"ENST"));
const STOP_OPERATION: Purpose = Purpose(u32::from_be_bytes(*b"ENSP"));
const CLEAN_UP_OPERATION: Purpose = Purpose(u32::from_be_bytes(*b"ENCL"));

/// What one operation gets of an engine at most, in thousandths.
const ONE_SERVER: u32 = 1000;

/// The engines that serve the instances: instance k is served by engine k modulo their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSetup {
    /// How each of them works.
    pub model: EngineModel,
    /// How many there are, at least 1.
    pub engines: u32,
    /// Cores of the machine that an engine's instances are on, in thousandths: containers keep no
    /// more of them busy, and an instance is refused no more of them. `None` is no limit.
    pub cores_milli: Option<u32>,
    /// One core of that machine in vCPUs, thousandths: the tasks of an instance run on as many
    /// whole cores as it is worth.
    pub core_milli: u32,
    /// Which of several replications of a run this is: they differ in service times only.
    pub replication: u32,
}

/// All engines.
#[derive(Debug)]
pub(super) struct Engines {
    setup: EngineSetup,
    seed: Seed,
    all: Vec<Engine>,
}

/// One engine.
#[derive(Debug)]
struct Engine {
    /// Its operations, by task slot: a task has one at a time.
    operations: Fluid,
    wake: Option<Wake>,
    /// CPU in use on its instances.
    busy: u64,
}

impl Engines {
    pub(super) fn setup(&self) -> &EngineSetup {
        &self.setup
    }

    fn of(&self, instance: InstanceId) -> usize {
        instance.index() % self.all.len()
    }
}

impl SimulatedBackend {
    /// Lets engines carry out what the hosts are told to do, which takes time. Before the first
    /// event. Panics without an engine.
    #[must_use]
    pub fn with_engines(mut self, setup: EngineSetup) -> SimulatedBackend {
        assert!(setup.engines > 0, "instances need at least one engine");
        let width = u64::from(setup.model.width_milli);
        let engine = || Engine { operations: Fluid::new(width), wake: None, busy: 0 };
        let all = std::iter::repeat_with(engine).take(setup.engines as usize).collect();
        let seed = Seed(self.seed.bits(REPLICATION_SEED, u64::from(setup.replication), 0));
        self.engines = Some(Box::new(Engines { setup, seed, all }));
        self
    }

    /// The CPU in use on an instance changes.
    pub(super) fn keeps_busy(&mut self, instance: InstanceId, before: u64, after: u64) {
        if let Some(engines) = &mut self.engines {
            let index = engines.of(instance);
            let engine = &mut engines.all[index];
            engine.busy = engine.busy + after - before;
        }
    }

    /// A task with room on its host is to be started.
    pub(super) fn order_start(&mut self, slot: u32) {
        self.operate(slot, START_OPERATION);
    }

    /// A task that has exited is to be cleaned up after.
    pub(super) fn order_clean_up(&mut self, slot: u32) {
        self.operate(slot, CLEAN_UP_OPERATION);
    }

    /// A task that holds room is to stop.
    pub(super) fn order_stop(&mut self, slot: u32) {
        let live = self.live_mut(slot);
        let pending = live.next;
        match live.stage {
            Stage::Starting => match live.next.take() {
                // The engine has not heard of it, so there is nothing to clean up.
                Some(key) => {
                    live.stage = Stage::Exited;
                    self.queue.cancel(key);
                    let due = Due::Stopped(slot, Outcome::Stopped);
                    self.schedule(SimDuration::ZERO, phase::ENDS, due);
                }
                None => live.stage = Stage::StartingInVain,
            },
            Stage::Running => {
                live.stage = Stage::Stopping;
                self.operate(slot, STOP_OPERATION);
            }
            Stage::Queued
            | Stage::Pulling
            | Stage::StartingInVain
            | Stage::Terminating
            | Stage::Stopping
            | Stage::Exited => {
                panic!("a task is told to stop once, while it lives (next event: {pending:?})")
            }
        }
    }

    /// The process that is being stopped has exited by itself.
    pub(super) fn withdraw(&mut self, slot: u32) {
        let now = self.queue.now();
        let instance = self.live_mut(slot).placement.instance;
        let engines = self.engines.as_mut().expect("only engines stop tasks");
        let index = engines.of(instance);
        engines.all[index].operations.leave(now, slot);
        self.wake_engine(index);
    }

    /// An operation begins.
    fn operate(&mut self, slot: u32, purpose: Purpose) {
        let now = self.queue.now();
        let live = self.live[slot as usize].as_ref().expect("operations are on live tasks");
        let instance = live.placement.instance;
        // What a start meets on its own instance comes afterwards, and is no load of the engine's.
        let (of_host, own) = match purpose {
            START_OPERATION => self.start_on_host(instance, live.definition),
            _ => (0, 0),
        };
        let engines = self.engines.as_mut().expect("only engines operate");
        let index = engines.of(instance);
        let model = &engines.setup.model;
        let law = match purpose {
            START_OPERATION => &model.start,
            STOP_OPERATION => &model.stop,
            _ => &model.cleanup,
        };
        let (entity, attempt) = draw_key(live.origin);
        let unloaded = law.sample(engines.seed.uniform(purpose, entity, attempt));
        let engine = &mut engines.all[index];
        let cores = engines.setup.cores_milli.map(|milli| u64::from(milli) * CPU_PER_MILLI);
        let busy = engine.busy.saturating_sub(own);
        let busy = cores.map_or(busy, |cores| busy.min(cores));
        // Busy cores slow all of a start, as was measured; its own instance's part comes off then.
        let work = loaded(unloaded, &model.load, busy).saturating_sub(of_host.into());
        let work = work * u128::from(ONE_SERVER);
        engine.operations.join(now, slot, 1, ONE_SERVER, Some(work));
        self.wake_engine(index);
    }

    /// An engine has carried out an operation; the event, if one follows at once.
    pub(super) fn operation_done(&mut self, index: usize) -> Result<Option<Event>, BackendError> {
        let now = self.queue.now();
        let engines = self.engines.as_mut().expect("only engines operate");
        let engine = &mut engines.all[index];
        engine.wake = None;
        let next = engine.operations.next_completion();
        let (_, slot) = next.expect("an engine is woken when an operation is done");
        engine.operations.leave(now, slot);
        let event = match self.live_mut(slot).stage {
            Stage::Starting | Stage::StartingInVain => self.starts(slot)?,
            Stage::Stopping => Some(self.exit(slot, Outcome::Stopped)),
            Stage::Exited => {
                let outcome = self.live_mut(slot).behaviour.ends;
                let event = Event::TaskStopped(self.task(slot), outcome);
                self.gone(slot);
                Some(event)
            }
            stage @ (Stage::Queued | Stage::Pulling | Stage::Running | Stage::Terminating) => {
                unreachable!("no operation is on a task that is {stage:?}")
            }
        };
        self.wake_engine(index);
        Ok(event)
    }

    /// Sees to the event of an engine's next completion.
    fn wake_engine(&mut self, index: usize) {
        let now = self.queue.now();
        let engines = self.engines.as_mut().expect("only engines are woken");
        let engine = &mut engines.all[index];
        let next = engine.operations.next_completion().filter(|(at, _)| *at <= LATEST);
        let next = next.map(|(at, slot): (SimTime, u32)| {
            let live = self.live[slot as usize].as_ref().expect("operations are on live tasks");
            let starts = matches!(live.stage, Stage::Starting | Stage::StartingInVain);
            (at.max(now), if starts { phase::STARTS } else { phase::ENDS })
        });
        if next == engine.wake.map(|wake| (wake.at, wake.phase)) {
            return;
        }
        if let Some(wake) = engine.wake.take() {
            self.queue.cancel(wake.key);
        }
        let due = |(at, phase)| {
            let due = Due::Engine(u32::try_from(index).expect("engines are counted in 32 bits"));
            Wake { at, phase, key: self.queue.schedule(at, phase, due) }
        };
        engine.wake = next.map(due);
    }
}

/// CPU of a thousandth of a core.
const CPU_PER_MILLI: u64 = Cpu::MILLI.0 as u64;

/// A service time in µs while so much CPU is in use.
fn loaded(unloaded: SimDuration, load: &LoadCurve, busy: u64) -> u128 {
    const WHOLE: u64 = 1_000_000;
    let busy_micro = u128::from(busy) * u128::from(WHOLE) / u128::from(Cpu::VCPU.0);
    let growth = load.growth_micro(u64::try_from(busy_micro).unwrap_or(u64::MAX));
    let factor = u128::from(WHOLE) + u128::from(growth);
    (u128::from(unloaded.micros()) * factor).div_ceil(u128::from(WHOLE))
}
