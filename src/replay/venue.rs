//! Where repetitions take place: engines, the image, budgets, and what removes it all whatever
//! happens.

use std::time::Duration;

use crate::backend::docker::cgroups::{Budget, Cgroup, CgroupLayout, CgroupUsage};
use crate::backend::docker::message::{Network, Token};
use crate::backend::docker::reaper::Reaper;
use crate::backend::docker::sweep::gc;
use crate::backend::docker::{
    ContainerRules, Containers, Endpoint, Engine, EngineError, EngineInfo, Hosting, InstanceSize,
    InstanceUse, Labels, Scale, clock,
};
use crate::calibration::Calibration;

use super::ReplayError;
use super::probe::{SMALL_INSTANCES, Setting};
use super::repetition::{RealRun, Stage};
use super::simulate::SimulatedEngine;

/// What a venue is made of.
#[derive(Debug, Clone)]
pub struct VenueSettings {
    /// Engines; instance k is on engine k modulo their number.
    pub endpoints: Vec<Endpoint>,
    /// Whether instances are parent cgroups with budgets.
    pub budgets: Budgets,
    /// An image of the user's instead of the workload image.
    pub image: Option<String>,
    /// The scale of the runs.
    pub scale: Scale,
    /// Wall-clock time after which a container ends by itself.
    pub wall: Duration,
}

/// Whether instances are parent cgroups with budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budgets {
    /// They are; an engine that cannot have them is refused.
    Always,
    /// Where the engine can have them.
    WherePossible,
    /// They are not bounded, and tasks get what they reserve.
    Never,
}

/// Engines ready for repetitions. Dropped without [`Venue::close`], it leaves the removal to the
/// process that watches over it.
#[derive(Debug)]
pub struct Venue {
    engines: Vec<Engine>,
    run: String,
    rules: ContainerRules,
    hosting: Hosts,
    reaper: Reaper,
    /// What probes run, whatever the tasks do.
    workload_image: String,
    imported: bool,
    next: Token,
}

/// Between SIGTERM and SIGKILL: ECS's default `stopTimeout`.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Memory of the workload program where it was not measured, KiB.
const MEMORY_FLOOR_KIB: u64 = 4096;

/// How long what is left over may stay, should nobody remove it.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// Tokens of probes are below this.
const AFTER_PROBES: Token = Token(1 << 40);

impl From<EngineError> for ReplayError {
    fn from(why: EngineError) -> ReplayError {
        ReplayError::Engine(why.to_string())
    }
}

impl Venue {
    /// Connects to every engine, sweeps away what dead runs left there, and brings the image.
    ///
    /// # Errors
    /// An engine does not answer within 5 s, is named twice, or cannot do what is asked.
    pub fn open(settings: &VenueSettings) -> Result<Venue, ReplayError> {
        let now = clock::unix_seconds();
        let run = format!("replay{now}p{}", std::process::id());
        let deadline =
            now.saturating_add(settings.wall.as_secs()).saturating_add(LEFT_OVER.as_secs());
        let connect = |endpoint: &Endpoint| {
            let labels = Labels::new(&run, deadline)?;
            Engine::connect(endpoint, labels)
        };
        let engines = settings.endpoints.iter().map(connect).collect::<Result<Vec<_>, _>>()?;
        refuse_one_for_two(&engines)?;
        let hosting = Hosts::of(&engines, &run, settings)?;
        let reaper = Reaper::start(&run, &settings.endpoints)?;
        let mut imported = false;
        let mut workload_image = String::new();
        for engine in &engines {
            gc(engine, false)?;
            imported |= !engine.has_workload_image()?;
            workload_image = engine.ensure_workload_image()?;
        }
        let rules = ContainerRules {
            programmed: settings.image.is_none(),
            image: settings.image.clone().unwrap_or_else(|| workload_image.clone()),
            scale: settings.scale,
            network: Network::None,
            stop_grace: STOP_GRACE,
            deadline: settings.wall,
            memory_floor_kib: MEMORY_FLOOR_KIB,
        };
        Ok(Venue {
            engines,
            run,
            rules,
            hosting,
            reaper,
            workload_image,
            imported,
            next: AFTER_PROBES,
        })
    }

    /// The scale of the runs.
    pub fn scale(&self) -> Scale {
        self.rules.scale
    }

    /// The first engine.
    pub fn engine(&self) -> &Engine {
        &self.engines[0]
    }

    /// Cores, thousandths, and memory, KiB, of the smallest machine.
    pub fn machine(&self) -> (u32, u64) {
        let infos = || self.engines.iter().map(Engine::info);
        let cores = infos().map(|info| info.cpus * 1000).min().unwrap_or(0);
        (cores, infos().map(|info| info.memory_bytes / 1024).min().unwrap_or(0))
    }

    /// What was measured of the engine from now on.
    pub fn know(&mut self, calibration: &Calibration) {
        self.rules.memory_floor_kib = calibration.memory_floor_kib;
    }

    /// The engine as simulations have it: latencies in simulated time, load in simulated vCPUs.
    pub fn simulated_engine(&self, calibration: Option<&Calibration>) -> SimulatedEngine {
        let Scale { time_milli, cpu_milli, .. } = self.rules.scale;
        let model = calibration.map(|one| {
            let milli = u32::try_from(time_milli).unwrap_or(u32::MAX);
            let mut model = one.engine.scaled(milli);
            model.load = model.load.in_vcpus(cpu_milli);
            model
        });
        let cores = u64::from(self.machine().0) * cpu_milli / 1000;
        SimulatedEngine {
            model,
            engines: self.engines.len() as u32,
            cores_milli: u32::try_from(cores).unwrap_or(u32::MAX),
            core_milli: u32::try_from(cpu_milli).unwrap_or(u32::MAX),
        }
    }

    /// What probes need, with budgets of their own: that of a core, and small instances.
    ///
    /// # Errors
    /// Budgets cannot be made, or the engine does not tell which networks it has.
    pub fn setting(&mut self) -> Result<Setting, ReplayError> {
        let cpus = self.engine().info().cpus;
        let memory_kib = 1024 * 1024;
        let mut budget = |instance, core_milli| {
            let size = InstanceSize { core_milli, memory_kib };
            self.hosting.set_up(instance, size).map_err(ReplayError::Engine)
        };
        let parent = budget(0, 1000)?;
        let mut instances = Vec::new();
        for (number, core_milli) in (1..).zip(SMALL_INSTANCES) {
            instances.extend(budget(number, core_milli)?.map(|parent| (core_milli, parent)));
        }
        let (image, imported) = (self.workload_image.clone(), self.imported);
        let names = self.engine().network_names()?;
        let is_there = |network: &Network| names.iter().any(|name| name == network.name());
        let networks = [Network::Bridge, Network::Host].into_iter().filter(is_there).collect();
        Ok(Setting { image, imported, networks, cpus, parent, instances })
    }

    /// Takes down what [`Venue::setting`] set up.
    ///
    /// # Errors
    /// Something is left.
    pub fn strike(&mut self) -> Result<(), ReplayError> {
        for engine in &self.engines {
            engine.remove_all(&self.run)?;
        }
        self.hosting.take_down().map_err(ReplayError::Engine)
    }

    /// For the next repetition.
    pub fn stage(&mut self) -> Stage<'_> {
        Stage {
            engines: self.engines.iter().map(|engine| engine as &dyn Containers).collect(),
            hosting: &mut self.hosting,
            rules: self.rules.clone(),
            first_token: self.next,
            local: self.engines.iter().all(|engine| engine.endpoint().is_local()),
        }
    }

    /// A repetition is over.
    pub fn went_by(&mut self, run: &RealRun) {
        self.next = run.next_token;
    }

    /// Removes everything.
    ///
    /// # Errors
    /// Something is left; then the process that watches tries again.
    pub fn close(mut self) -> Result<(), ReplayError> {
        self.strike()?;
        for layout in &self.hosting.layouts {
            let removed = layout.remove_run(&self.run);
            removed.map_err(|why| ReplayError::Engine(why.to_string()))?;
        }
        self.reaper.done().map_err(|why| ReplayError::Engine(format!("the reaper: {why}")))
    }

    /// What the engines say of themselves.
    pub fn infos(&self) -> impl Iterator<Item = &EngineInfo> {
        self.engines.iter().map(Engine::info)
    }
}

/// An engine named by two endpoints would be simulated as two.
fn refuse_one_for_two(engines: &[Engine]) -> Result<(), ReplayError> {
    for (index, one) in engines.iter().enumerate() {
        let same = |other: &&Engine| !one.info().id.is_empty() && other.info().id == one.info().id;
        if let Some(other) = engines[..index].iter().find(same) {
            return Err(ReplayError::Endpoints(format!(
                "{} and {} are one engine; name each engine once with --endpoint",
                other.endpoint(),
                one.endpoint()
            )));
        }
    }
    Ok(())
}

/// Instances of a run.
#[derive(Debug)]
struct Hosts {
    run: String,
    /// By engine; none without budgets.
    layouts: Vec<CgroupLayout>,
    cgroups: Vec<Cgroup>,
    /// Whether a budget that cannot be made is done without.
    optional: bool,
}

impl Hosts {
    fn of(engines: &[Engine], run: &str, settings: &VenueSettings) -> Result<Hosts, ReplayError> {
        let layout = |engine: &Engine| {
            CgroupLayout::of(engine.info()).map_err(|why| {
                ReplayError::Engine(format!(
                    "{why}; start towtank as root beside the engine, or say --no-budgets"
                ))
            })
        };
        let layouts = match settings.budgets {
            Budgets::Always => engines.iter().map(layout).collect::<Result<_, _>>()?,
            Budgets::WherePossible => {
                engines.iter().map(layout).collect::<Result<_, _>>().unwrap_or_default()
            }
            Budgets::Never => Vec::new(),
        };
        let optional = settings.budgets == Budgets::WherePossible;
        Ok(Hosts { run: run.to_owned(), layouts, cgroups: Vec::new(), optional })
    }
}

impl Hosting for Hosts {
    fn set_up(&mut self, instance: u32, size: InstanceSize) -> Result<Option<String>, String> {
        if self.layouts.is_empty() {
            return Ok(None);
        }
        let layout = self.layouts[instance as usize % self.layouts.len()].clone();
        let budget = Budget { cpu_milli: size.core_milli, memory_bytes: size.memory_kib * 1024 };
        let cgroup = match layout.create(&self.run, instance, budget) {
            Err(_) if self.optional => {
                self.layouts.clear();
                return Ok(None);
            }
            made => made.map_err(|why| why.to_string())?,
        };
        let parent = cgroup.parent().to_owned();
        self.cgroups.push(cgroup);
        Ok(Some(parent))
    }

    fn usage(&self) -> Vec<InstanceUse> {
        let used = self.cgroups.iter().filter_map(|cgroup| cgroup.usage().ok());
        let of =
            |one: CgroupUsage| InstanceUse { cpu_ns: one.cpu_ns, throttled_ns: one.throttled_ns };
        used.map(of).collect()
    }

    fn take_down(&mut self) -> Result<(), String> {
        for cgroup in self.cgroups.drain(..) {
            cgroup.remove().map_err(|why| why.to_string())?;
        }
        Ok(())
    }
}
