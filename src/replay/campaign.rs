//! A replay from simulation to the last repetition: several strategies, each several times.

use crate::backend::docker::Watch;
use crate::scenario::spec::ReplayMode;
use crate::scenario::{Recording, Scenario};

use super::ReplayError;
use super::admission::{Demand, Room, refusals};
use super::observed::ObservedArm;
use super::repetition::{Loop, RealRun, repeat};
use super::simulate::{SimulatedEngine, SimulatedRun, simulate};
use super::venue::Venue;

/// A strategy to replay.
#[derive(Debug)]
pub struct ReplayArm {
    /// Its placement.
    pub name: String,
    /// The scenario with that placement.
    pub scenario: Scenario,
    /// Simulated runs; the first is what an open loop carries out.
    pub simulated: Vec<SimulatedRun>,
    /// Real runs.
    pub real: Vec<RealRun>,
}

/// What is replayed and how often.
#[derive(Debug)]
pub struct Campaign {
    /// The strategies.
    pub arms: Vec<ReplayArm>,
    /// Seed of the workload.
    pub seed: u64,
    /// Repetitions of each arm on real containers.
    pub repetitions: u32,
    /// Open or closed loop.
    pub mode: ReplayMode,
}

/// Where a campaign is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CampaignProgress {
    /// Repetitions done, of all arms.
    pub done: u32,
    /// Repetitions in all.
    pub of: u32,
    /// Simulated time in the current one, seconds.
    pub now_s: f64,
    /// What the simulation says one takes, in simulated seconds.
    pub expected_s: f64,
}

/// A harness that handles events this share of the median run time late, or later, measures itself.
const LAG_SHARE_MAX: f64 = 0.05;

impl Campaign {
    /// Simulates every arm `replications` times.
    ///
    /// # Errors
    /// As a run.
    pub fn simulate(
        &mut self,
        engine: &SimulatedEngine,
        replications: u32,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), ReplayError> {
        for arm in &mut self.arms {
            for replication in 0..replications.max(1) {
                let recording = Recording::default();
                let scenario = &arm.scenario;
                let watch = &mut |_| go_on();
                let run = simulate(scenario, self.seed, engine, replication, recording, watch)?;
                arm.simulated.push(run);
            }
        }
        Ok(())
    }

    /// What the simulated runs ask of a machine.
    pub fn demand(&self, venue: &Venue) -> Demand {
        let scale = venue.scale();
        let mut demand = Demand { shortest_run_s: f64::INFINITY, ..Demand::default() };
        for arm in &self.arms {
            for run in &arm.simulated {
                let time_scale = scale.time_milli as f64 / 1000.0;
                demand.add(&run.notes, &run.observed, time_scale);
                let end_s = run.finished.now.as_secs_f64() / time_scale;
                demand.wall_s = demand.wall_s.max(end_s);
                let cluster = run.finished.controller.cluster();
                let (mut cores, mut memory) = (0, 0);
                for instance in cluster.instances() {
                    cores += u64::from(scale.core_milli(instance.cpu_total()));
                    memory += scale.memory_kib(instance.memory_total_mib());
                }
                demand.budgets_milli = demand.budgets_milli.max(cores);
                demand.memory_kib = demand.memory_kib.max(memory);
            }
        }
        demand
    }

    /// Refuses a demand that the machine cannot carry.
    ///
    /// # Errors
    /// Every reason, with its remedy.
    pub fn admit(demand: &Demand, room: &Room) -> Result<(), ReplayError> {
        match refusals(demand, room) {
            reasons if reasons.is_empty() => Ok(()),
            reasons => Err(ReplayError::Refused(reasons)),
        }
    }

    /// Runs every arm on real containers, the arms taking turns against drift.
    ///
    /// # Errors
    /// The engine fails, or the replay was interrupted; everything is taken down.
    pub fn replay(
        &mut self,
        venue: &mut Venue,
        watch: &mut dyn FnMut(CampaignProgress) -> bool,
    ) -> Result<(), ReplayError> {
        let of = self.repetitions * self.arms.len() as u32;
        let mut done = 0;
        for repetition in 0..self.repetitions {
            for turn in 0..self.arms.len() {
                let index = (turn + repetition as usize) % self.arms.len();
                let arm = &mut self.arms[index];
                let first = &arm.simulated[0];
                let expected_s = first.finished.now.as_secs_f64();
                let mut tell = |now: crate::des::SimTime| {
                    watch(CampaignProgress { done, of, now_s: now.as_secs_f64(), expected_s })
                };
                let how = match self.mode {
                    ReplayMode::Open => Loop::Open(&first.notes.decisions),
                    ReplayMode::Closed => Loop::Closed(Recording::default()),
                };
                let tell: &mut Watch<'_> = &mut tell;
                let stage = venue.stage();
                let run = repeat(&arm.scenario, self.seed, stage, how, tell)?;
                venue.went_by(&run);
                arm.real.push(run);
                done += 1;
            }
        }
        Ok(())
    }

    /// What the verdict compares.
    pub fn observed(&self) -> Vec<ObservedArm> {
        let of = |arm: &ReplayArm| ObservedArm {
            name: arm.name.clone(),
            simulated: arm.simulated.iter().map(|run| run.observed.clone()).collect(),
            real: arm.real.iter().map(|run| run.observed.clone()).collect(),
        };
        self.arms.iter().map(of).collect()
    }

    /// What makes repetitions invalid rather than inaccurate; `time_scale` simulated seconds pass
    /// in a wall-clock second.
    pub fn invalid(&self, time_scale: f64) -> Vec<String> {
        let mut reasons = Vec::new();
        for arm in &self.arms {
            for (repetition, run) in arm.real.iter().enumerate() {
                if let Some(why) = lagged(run, time_scale) {
                    reasons.push(format!("{}, repetition {}: {why}", arm.name, repetition + 1));
                }
            }
        }
        reasons
    }
}

/// Whether the harness was so late that it measured itself.
fn lagged(run: &RealRun, time_scale: f64) -> Option<String> {
    let mut spans: Vec<f64> = run.observed.tasks.values().filter_map(run_s).collect();
    spans.sort_by(f64::total_cmp);
    let median = *spans.get(spans.len() / 2)? / time_scale;
    let lag = run.lags.quantile(0.99) as f64 / 1e6;
    (lag > LAG_SHARE_MAX * median).then(|| {
        format!("events were handled up to {lag:.3} s late (p99), tasks run {median:.3} s")
    })
}

fn run_s(task: &super::observed::ObservedTask) -> Option<f64> {
    Some(task.ended_s? - task.started_s?)
}
