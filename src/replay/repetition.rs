//! The real side: one repetition on real containers.

use std::time::Duration;

use crate::backend::docker::message::Token;
use crate::backend::docker::{
    ContainerObservation, ContainerRules, Containers, DockerBackend, Hosting, InstanceUse, Lags,
    Scale, Watch,
};
use crate::des::Seed;
use crate::model::Cpu;
use crate::run::Finished;
use crate::scenario::{Ready, Recording, Scenario};

use super::ReplayError;
use super::measure::CpuUse;
use super::observed::ObservedRun;
use super::open_loop::carry_out;
use super::witness::{Decision, Notes, Witness};

/// What one repetition has to work with.
pub struct Stage<'a> {
    /// Engines; instance k is on engine k modulo their number.
    pub engines: Vec<&'a dyn Containers>,
    /// Makes instances of the machine.
    pub hosting: &'a mut dyn Hosting,
    /// How tasks become containers.
    pub rules: ContainerRules,
    /// Tokens up to here are of earlier repetitions.
    pub first_token: Token,
    /// Whether the engines' clock is this machine's.
    pub local: bool,
}

impl std::fmt::Debug for Stage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// How the control plane acts.
#[derive(Debug)]
pub enum Loop<'a> {
    /// As the simulation did.
    Open(&'a [Decision]),
    /// On what really happens; records go where the recording says.
    Closed(Recording),
}

/// One repetition on real containers.
#[derive(Debug)]
pub struct RealRun {
    /// What a closed loop leaves.
    pub finished: Option<Finished>,
    /// What passed between control plane and hosts.
    pub notes: Notes,
    /// What the verdict compares.
    pub observed: ObservedRun,
    /// Every container that came and went.
    pub containers: Vec<ContainerObservation>,
    /// How late events were handled.
    pub lags: Lags,
    /// What the instances used; empty without budgets.
    pub hosts: Vec<InstanceUse>,
    /// The first token that a later repetition may use.
    pub next_token: Token,
}

/// Longest wait for containers to be gone after a run.
const TEAR_DOWN: Duration = Duration::from_mins(1);

/// Runs the scenario once on real containers, and takes everything down again whatever happens.
/// `watch` is told of simulated time, and interrupts with `false`.
///
/// # Errors
/// The engine fails, the workload cannot be read, or the replay was interrupted.
pub fn repeat(
    scenario: &Scenario,
    seed: u64,
    stage: Stage<'_>,
    how: Loop<'_>,
    watch: &mut Watch<'_>,
) -> Result<RealRun, ReplayError> {
    let (ready, _) = scenario.prepare(seed)?.split();
    let until = scenario.until.time;
    let Stage { engines, hosting, rules, first_token, local } = stage;
    let scale = rules.scale;
    let seen = {
        let seed = Seed(seed);
        let mut backend =
            DockerBackend::new(engines, &mut *hosting, rules, seed, until, first_token, watch);
        let ran = match how {
            Loop::Open(decisions) => {
                carry_out(ready.workload, decisions, &mut backend, until).map(|notes| (notes, None))
            }
            Loop::Closed(recording) => closed(ready, &mut backend, recording),
        };
        let interrupted = backend.interrupted();
        let torn_down = backend.tear_down(TEAR_DOWN);
        let (containers, lags) = backend.observations();
        let seen = (containers.to_vec(), lags.clone(), backend.next_token());
        (ran, interrupted, torn_down, seen)
    };
    let (ran, interrupted, torn_down, (containers, lags, next_token)) = seen;
    let hosts = hosting.usage();
    let taken_down = hosting.take_down();
    if interrupted {
        return Err(ReplayError::Interrupted);
    }
    let (mut notes, finished) = ran?;
    torn_down?;
    taken_down.map_err(ReplayError::Engine)?;
    if local {
        by_the_engines_clock(&mut notes, &containers);
    }
    let observed = ObservedRun::of(&notes, cpu_use(&hosts, &notes, scale));
    Ok(RealRun { finished, notes, observed, containers, lags, hosts, next_token })
}

fn closed(
    ready: Ready<'_>,
    backend: &mut DockerBackend<'_>,
    recording: Recording,
) -> Result<(Notes, Option<Finished>), ReplayError> {
    let mut witness = Witness::of(backend);
    let finished = ready.run_on(&mut witness, recording, &mut |_| true)?;
    Ok((witness.notes(), Some(finished)))
}

/// The times of start and exit as the engine knows them: the control plane hears of both a little
/// later, which is no part of how long a task ran.
fn by_the_engines_clock(notes: &mut Notes, containers: &[ContainerObservation]) {
    for one in containers {
        let Some((started, ended)) = one.ran else { continue };
        if let Some(task) = notes.tasks.get_mut(&one.origin)
            && task.started_s.is_some()
            && task.ended_s.is_some()
        {
            let started = started.max(one.requested.unwrap_or(one.placed));
            task.started_s = Some(started.as_secs_f64());
            task.ended_s = Some(ended.max(started).as_secs_f64());
        }
    }
}

/// What the instances used, in simulated vCPUs and seconds.
fn cpu_use(hosts: &[InstanceUse], notes: &Notes, scale: Scale) -> Option<CpuUse> {
    let factor = scale.cpu_milli as f64 / 1000.0 * scale.time_milli as f64 / 1000.0;
    let seconds = |nanos: u64| nanos as f64 / 1e9 * factor;
    (!hosts.is_empty()).then(|| CpuUse {
        vcpus: notes.cpu as f64 / f64::from(Cpu::VCPU.0),
        used_s: hosts.iter().map(|host| seconds(host.cpu_ns)).sum(),
        throttled_s: hosts.iter().map(|host| seconds(host.throttled_ns)).sum(),
    })
}
