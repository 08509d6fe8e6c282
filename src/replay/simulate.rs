//! The simulated side: one workload several times, with other draws of the engine's latencies.

use crate::calibration::EngineModel;
use crate::model::Cpu;
use crate::run::{Finished, Progress, RunError};
use crate::scenario::{Recording, Scenario};

use super::ReplayError;
use super::measure::CpuUse;
use super::observed::ObservedRun;
use super::witness::{Notes, Witness};

/// One simulated run.
#[derive(Debug)]
pub struct SimulatedRun {
    /// What it left.
    pub finished: Finished,
    /// What passed between control plane and hosts.
    pub notes: Notes,
    /// What the verdict compares.
    pub observed: ObservedRun,
}

/// The engine that simulated hosts are served by.
#[derive(Debug, Clone)]
pub struct SimulatedEngine {
    /// Its latencies, in simulated time; `None` where nothing was measured.
    pub model: Option<EngineModel>,
    /// Number of such engines.
    pub engines: u32,
    /// Cores of the machine in simulated vCPUs, thousandths.
    pub cores_milli: u32,
    /// One core in simulated vCPUs, thousandths.
    pub core_milli: u32,
}

impl SimulatedEngine {
    /// The same with latencies so many thousandths of what they were.
    #[must_use]
    pub fn at_pace(&self, milli: u32) -> SimulatedEngine {
        let model = self.model.as_ref().map(|model| model.at_pace(milli));
        SimulatedEngine { model, ..self.clone() }
    }
}

/// Simulates a scenario once.
///
/// # Errors
/// As a run.
pub fn simulate(
    scenario: &Scenario,
    seed: u64,
    engine: &SimulatedEngine,
    replication: u32,
    recording: Recording,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<SimulatedRun, ReplayError> {
    let (ready, backend) = scenario.prepare(seed)?.split();
    let mut backend = match &engine.model {
        None => backend,
        Some(model) => backend.with_engines(crate::backend::EngineSetup {
            model: model.clone(),
            engines: engine.engines,
            cores_milli: Some(engine.cores_milli),
            core_milli: engine.core_milli,
            replication,
        }),
    };
    let mut witness = Witness::of(&mut backend);
    let finished = ready.run_on(&mut witness, recording, watch);
    let notes = witness.notes();
    let finished = finished.map_err(|why| match why {
        RunError::Interrupted => ReplayError::Interrupted,
        why => why.into(),
    })?;
    let observed = ObservedRun::of(&notes, cpu_use(&finished));
    Ok(SimulatedRun { finished, notes, observed })
}

/// What the instances used in a simulated run, where hosts share their CPU.
fn cpu_use(finished: &Finished) -> Option<CpuUse> {
    let vcpu = f64::from(Cpu::VCPU.0);
    let seconds = |amount: u128| amount as f64 / vcpu / 1e6;
    let hosts = &finished.host_usage;
    (!hosts.is_empty()).then(|| CpuUse {
        vcpus: finished.controller.cluster().totals().cpu as f64 / vcpu,
        used_s: hosts.iter().map(|host| seconds(host.cpu_used)).sum(),
        throttled_s: hosts.iter().map(|host| seconds(host.cpu_denied)).sum(),
    })
}
