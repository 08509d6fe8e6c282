//! A replay from simulation to the last repetition: several strategies, each several times.

use crate::backend::docker::Watch;
use crate::scenario::spec::ReplayMode;
use crate::scenario::{Recording, Scenario};

use super::ReplayError;
use super::admission::{Demand, Room, refusals};
use super::observed::ObservedArm;
use super::pace::Pacing;
use super::repetition::{Loop, RealRun, repeat};
use super::simulate::{SimulatedEngine, SimulatedRun, simulate};
use super::venue::Venue;
use super::witness::Decision;

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
    /// Wall-clock time that the current one has taken, measuring the engine's pace included,
    /// seconds.
    pub now_s: f64,
    /// What it is expected to take.
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

    /// Runs every arm on real containers, the arms taking turns against drift. With `pacing`, each
    /// run is simulated anew at the pace that the engine had before and after it.
    ///
    /// # Errors
    /// The engine fails, or the replay was interrupted; everything is taken down.
    pub fn replay(
        &mut self,
        venue: &mut Venue,
        mut pacing: Option<&mut Pacing>,
        watch: &mut dyn FnMut(CampaignProgress) -> bool,
    ) -> Result<(), ReplayError> {
        let of = self.repetitions * self.arms.len() as u32;
        let time_scale = venue.scale().time_milli as f64 / 1000.0;
        let probing_s = pacing.as_ref().map_or(0.0, |pacing| pacing.seconds());
        let first = |arm: &ReplayArm| arm.simulated[0].notes.decisions.clone();
        let decisions: Vec<Vec<Decision>> = self.arms.iter().map(first).collect();
        if let Some(pacing) = &mut pacing {
            let expected_s = probing_s;
            pacing.measure(venue, &mut |share| {
                let now_s = share * probing_s;
                watch(CampaignProgress { done: 0, of, now_s, expected_s })
            })?;
        }
        for turn in 0..of {
            let repetition = turn / self.arms.len() as u32;
            let index = (turn + repetition) as usize % self.arms.len();
            let run_s = self.arms[index].simulated[0].finished.now.as_secs_f64() / time_scale;
            let expected_s = run_s + probing_s;
            let mut tell = |now_s| watch(CampaignProgress { done: turn, of, now_s, expected_s });
            let arm = &self.arms[index];
            let how = match self.mode {
                ReplayMode::Open => Loop::Open(&decisions[index]),
                ReplayMode::Closed => Loop::Closed(Recording::default()),
            };
            let on_air: &mut Watch<'_> = &mut |now| tell(now.as_secs_f64() / time_scale);
            let run = repeat(&arm.scenario, self.seed, venue.stage(), how, on_air)?;
            venue.went_by(&run);
            self.arms[index].real.push(run);
            if let Some(pacing) = &mut pacing {
                pacing.measure(venue, &mut |share| tell(run_s + share * probing_s))?;
                self.simulate_anew(index, repetition, &pacing.engine())?;
            }
        }
        Ok(())
    }

    /// Replaces the simulated runs that stand beside a repetition: one, or where there are more of
    /// them than repetitions, every so-many-th.
    fn simulate_anew(
        &mut self,
        arm: usize,
        repetition: u32,
        engine: &SimulatedEngine,
    ) -> Result<(), ReplayError> {
        let ReplayArm { scenario, simulated, .. } = &mut self.arms[arm];
        let beside = (repetition as usize..simulated.len()).step_by(self.repetitions as usize);
        for replication in beside {
            let (recording, watch) = (Recording::default(), &mut |_| true);
            simulated[replication] =
                simulate(scenario, self.seed, engine, replication as u32, recording, watch)?;
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
