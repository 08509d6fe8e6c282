//! Scenario files: from text to validated objects, with every default in one place.

mod capacity;
mod controller;
mod decision_time;
mod document;
mod error;
mod files;
pub mod life_cycle;
mod manifest;
mod no_effect;
mod own_placers;
mod prepare;
mod quotas;
mod replay;
mod requests;
mod service;
pub mod spec;
#[cfg(test)]
mod tests;
mod workloads;

pub use decision_time::DecisionTime;
pub use document::{Document, Override, value_of};
pub use error::ScenarioError;
pub use files::Input;
pub use manifest::Manifest;
pub use prepare::{Prepared, Ready, Recording};
pub use replay::{REPLAY_METRICS, ReplayMetric};

use std::path::{Path, PathBuf};

use crate::backend::{MetricTiming, Sharing};
use crate::calibration::Calibration;
use crate::catalogue::Catalogue;
use crate::controller::ServiceRules;
use crate::des::{Seed, SimTime};
use crate::model::{CapacityId, TaskDefinition};
use crate::placement::{PlacementSpec, PlacerKind, TieBreak, WorkloadProfile};
use crate::queueing::{QueueEntry, queue_policy};
use crate::run::Until;
use crate::workload::ServicePlan;
use crate::workload::format::Reading;
use crate::workload::law_spec::Span;

use capacity::CapacityGroup;
use document::cannot_read;
use files::{INSTANCE_TYPES, NamedFile};
use spec::{PlacerSpec, ScenarioSpec, StrategySpec, TieBreakSpec};
use workloads::{WorkloadPlan, definitions};

/// A scenario checked and ready to run with any seed.
#[derive(Debug)]
pub struct Scenario {
    /// The file's keys with every default.
    pub spec: ScenarioSpec,
    /// When runs end.
    pub until: Until,
    /// How tasks are placed.
    pub placement: PlacementSpec,
    /// How tasks wait.
    pub queue: &'static QueueEntry,
    /// Typical tasks, where a strategy or a record needs them.
    pub profile: Option<WorkloadProfile>,
    /// What was measured of the engines that start containers, where `[engine]` names it.
    pub calibration: Option<Calibration>,
    /// Things the user should know that are no errors.
    pub warnings: Vec<String>,
    /// How its traces are read; no result depends on it.
    pub reading: Reading,
    capacity: Vec<CapacityGroup>,
    workloads: Vec<WorkloadPlan>,
    services: Vec<ServicePlan>,
    service_rules: ServiceRules,
    metric_timing: MetricTiming,
    /// Placements of services that have their own, shared by those of one strategy: placers 1, 2, …
    own_placements: Vec<PlacementSpec>,
    directory: PathBuf,
    catalogue: Catalogue,
    /// The files it names, traces apart.
    files: Vec<NamedFile>,
}

impl Scenario {
    /// Reads a file and puts `changes` in.
    ///
    /// # Errors
    /// What is wrong, where, and the remedy.
    pub fn load(path: &Path, changes: &[Override]) -> Result<Scenario, ScenarioError> {
        Scenario::of(Document::read(path)?, changes)
    }

    /// Gives a document its meaning, with `changes` put in.
    ///
    /// # Errors
    /// What is wrong, where, and the remedy.
    pub fn of(mut document: Document, changes: &[Override]) -> Result<Scenario, ScenarioError> {
        for change in changes {
            document.set(change)?;
        }
        let mut spec: ScenarioSpec = document.deserialise()?;
        if spec.name.is_empty() {
            spec.name = default_name(document.file());
        }
        check_name(&document, "name", &spec.name)?;
        let until = until(&document, &spec)?;
        life_cycle::resolve(&mut spec);
        let for_services = default_strategies(&document, &mut spec);
        let strategy = spec.placement.strategy.as_ref().map_or(RUN_TASK, |strategy| &strategy.0);
        let placement = PlacementSpec::parse(strategy)
            .map_err(|why| document.error("placement.strategy", why.to_string()))?;
        let queue =
            queue_policy(&spec.queue.policy).map_err(|why| document.error("queue.policy", why))?;
        let catalogue = catalogue(&document, &spec)?;
        let capacity = capacity(&document, &mut spec, &catalogue)?;
        let calibration = calibration(&document, &spec)?;
        let service_rules = spec.controller.resolve(&document, spec.preset)?;
        let metric_timing = spec.controller.resolve_metrics(&document, spec.preset)?;
        let mut warnings = Vec::new();
        let mut workloads = workloads::workloads(&document, &mut spec, &capacity, &mut warnings)?;
        let (services, mut own_placers) = workloads::services(&document, &mut spec, &mut warnings)?;
        for plan in workloads.iter_mut().filter(|plan| plan.brings_services()) {
            workloads::place(&document, &mut spec, plan, &for_services, &mut own_placers)?;
        }
        check_end(&document, &spec, until, &workloads, &services)?;
        replay::check(&document, &spec)?;
        if capacity.iter().all(|group| group.sharing == Sharing::Reserved) {
            let keys = workloads::keys_of_sharing(&spec, &workloads);
            warnings.extend(keys.into_iter().map(|key| {
                format!(
                    "{key}: has no effect, as tasks get what they reserve; set sharing = \"cfs\" \
                     for a [capacity.NAME]"
                )
            }));
        }
        if workloads.is_empty() && services.is_empty() {
            let problem = "no tasks; add a [workload.NAME] or a [service.NAME]";
            return Err(document.error("", problem));
        }
        let mut scenario = Scenario {
            directory: document.directory(),
            files: files::named_files(&document, &spec, &workloads),
            catalogue,
            profile: None,
            spec,
            until,
            placement,
            queue,
            calibration,
            warnings,
            reading: Reading::default(),
            capacity,
            workloads,
            services,
            service_rules,
            metric_timing,
            own_placements: own_placers.into_placements(),
        };
        scenario.check_capacity(&document)?;
        scenario.check_life_cycle(&document)?;
        scenario.warn_of_no_effect(&document);
        let beyond = scenario.beyond_quotas();
        scenario.warnings.extend(beyond);
        scenario.profile = scenario.workload_profile(&document)?;
        Ok(scenario)
    }

    /// Whether there are services, those of traces included.
    pub fn has_services(&self) -> bool {
        !self.services.is_empty() || self.workloads.iter().any(WorkloadPlan::brings_services)
    }

    /// The instance types that capacity is named from.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Name of the arm that runs this scenario by itself: its placement.
    pub fn arm(&self) -> String {
        self.placement.to_string()
    }

    /// Version of towtank, as results carry it.
    pub fn engine_version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn check_capacity(&self, document: &Document) -> Result<(), ScenarioError> {
        let brings_machines = self.workloads.iter().any(WorkloadPlan::may_bring_machines);
        if self.capacity.is_empty() && !brings_machines {
            let problem =
                "no capacity; add a [capacity.NAME] with an `instance_type` and a `count`";
            return Err(document.error("capacity", problem));
        }
        Ok(())
    }

    fn workload_profile(
        &self,
        document: &Document,
    ) -> Result<Option<WorkloadProfile>, ScenarioError> {
        let placements = std::iter::once(&self.placement).chain(&self.own_placements);
        let needed = placements.into_iter().any(PlacementSpec::needs_profile);
        let table = &self.spec.placement.profile;
        if !(table.coverage > 0.0 && table.coverage <= 1.0) {
            let problem = format!("{} is no share; write one above 0, up to 1", table.coverage);
            return Err(document.error("placement.profile.coverage", problem));
        }
        let known = |name: &String| self.workloads.iter().any(|plan| plan.name == *name);
        if let Some(name) = table.workload.as_ref().filter(|name| !known(name)) {
            let problem = format!("there is no [workload.{name}]");
            return Err(document.error("placement.profile.workload", problem));
        }
        if !needed && !self.spec.record.allocation {
            return Ok(None);
        }
        let named =
            |plan: &&WorkloadPlan| table.workload.as_ref().is_none_or(|name| *name == plan.name);
        let mut counted: Vec<(TaskDefinition, u64)> = Vec::new();
        for plan in self.workloads.iter().filter(named) {
            let all = definitions(plan, &self.opening(plan, Seed(self.spec.seed)));
            let key = format!("workload.{}", plan.name);
            counted.extend(all.map_err(|why| document.error(&key, why.to_string()))?);
        }
        let coverage_ppm = (table.coverage * 1e6).round() as u32;
        let all = counted.iter().map(|(definition, count)| (definition, *count));
        let profile = WorkloadProfile::of(all, coverage_ppm);
        if profile.kinds.is_empty() && needed {
            let problem = "no workload has tasks to take typical tasks from";
            return Err(document.error("placement.profile", problem));
        }
        Ok(Some(profile).filter(|profile| !profile.kinds.is_empty()))
    }

    fn tie_break(&self) -> TieBreak {
        match self.spec.placement.tie_break {
            TieBreakSpec::Random => TieBreak::Random,
            TieBreakSpec::LowestId => TieBreak::LowestId,
        }
    }

    fn placer_kind(&self) -> PlacerKind {
        match self.spec.placement.placer {
            PlacerSpec::Naive => PlacerKind::Naive,
            PlacerSpec::Indexed => PlacerKind::Indexed,
        }
    }
}

/// The key that names a calibration.
const CALIBRATION: &str = "engine.calibration";

/// Engines at most: one for each instance of the largest cluster that ECS has.
///
/// Source: ECS developer guide, "Amazon ECS quotas", container instances per cluster.
const ENGINES_MAX: u32 = 5000;

/// ECS's default for standalone tasks.
const RUN_TASK: &str = "ecs-run-task";

/// Writes into the spec which strategy each service and the standalone tasks get; the one of
/// services without their own. `--strategy` overrides the placement of every service too.
fn default_strategies(document: &Document, spec: &mut ScenarioSpec) -> StrategySpec {
    let for_all = is_for_all(document);
    let services = spec.placement.strategy.clone();
    let services = services.unwrap_or_else(|| StrategySpec("ecs-service".to_owned()));
    for table in spec.service.values_mut() {
        if for_all || table.strategy.is_none() {
            table.strategy = Some(services.clone());
        }
    }
    spec.placement.strategy.get_or_insert_with(|| StrategySpec(RUN_TASK.to_owned()));
    services
}

/// Whether the placement was set from outside, and so overrides every other.
fn is_for_all(document: &Document) -> bool {
    document.overridden_under("placement").contains("strategy")
}

fn default_name(file: &str) -> String {
    let stem = Path::new(file).file_stem();
    stem.map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Refuses a run that would never end.
fn check_end(
    document: &Document,
    spec: &ScenarioSpec,
    until: Until,
    workloads: &[WorkloadPlan],
    services: &[ServicePlan],
) -> Result<(), ScenarioError> {
    let retries = spec.controller.retry_first.is_some_and(|first| first > Span::from_secs(0));
    let endless = services.iter().find(|plan| retries || plan.replaces_for_ever());
    let endless = endless.map(|plan| format!("service.{}", plan.spec.name));
    let brings = |plan: &&WorkloadPlan| retries && plan.brings_services();
    let of_trace = workloads.iter().find(brings).map(|plan| format!("workload.{}", plan.name));
    if let (None, Some(key)) = (until.time, endless.or(of_trace)) {
        let problem = format!(
            "{key} replaces each task that ends and goes on trying to place it, so the run is \
             never drained; write a time, such as \"24h\""
        );
        return Err(document.error("until", problem));
    }
    let asked = spec.service.iter().find(|(_, table)| table.requests.is_some());
    if let (None, Some((name, _))) = (until.time, asked) {
        let problem = format!(
            "service.{name} gets requests for ever, so the run is never drained; write a time, \
             such as \"24h\""
        );
        return Err(document.error("until", problem));
    }
    Ok(())
}

/// Names become directories: letters, digits, `.`, `_`, `-`, at most 64 of them.
fn check_name(document: &Document, key: &str, name: &str) -> Result<(), ScenarioError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.') {
        return Ok(());
    }
    let problem = format!(
        "{name:?} cannot name results; use up to 64 of letters, digits, '.', '_', '-', and no \
         leading dot"
    );
    Err(document.error(key, problem))
}

fn until(document: &Document, spec: &ScenarioSpec) -> Result<Until, ScenarioError> {
    let mut until = Until { time: None, drained: false };
    for text in &spec.until.0 {
        if text == "drained" {
            until.drained = true;
            continue;
        }
        let value = toml::Value::String(text.clone());
        let span: Span = value.try_into().map_err(|why| {
            let why: toml::de::Error = why;
            let problem = format!("{}; or write \"drained\"", why.message());
            document.error("until", problem)
        })?;
        if until.time.is_some() {
            return Err(document.error("until", "two times; keep the earlier one"));
        }
        until.time = Some(SimTime::ZERO + span.duration());
    }
    if until.time == Some(SimTime::ZERO) {
        return Err(document.error("until", "0 s: nothing would happen; write a longer time"));
    }
    if let Some(time) = until.time
        && time.micros() <= spec.warm_up.duration().micros()
    {
        let problem = format!("{} is not shorter than `until`, {time} s", spec.warm_up);
        return Err(document.error("warm_up", problem));
    }
    Ok(until)
}

/// The calibration that `[engine]` names.
fn calibration(
    document: &Document,
    spec: &ScenarioSpec,
) -> Result<Option<Calibration>, ScenarioError> {
    let Some(table) = &spec.engine else { return Ok(None) };
    if table.engines == 0 {
        let problem = "0: nothing could be started; write 1 or more";
        return Err(document.error("engine.engines", problem));
    }
    if table.engines > ENGINES_MAX {
        let problem = format!("{} engines; write 1 to {ENGINES_MAX}", table.engines);
        return Err(document.error("engine.engines", problem));
    }
    let path = document.path(CALIBRATION, &table.calibration);
    let read = Calibration::read(&path);
    read.map(Some).map_err(|why| document.error(CALIBRATION, why.to_string()))
}

fn catalogue(document: &Document, spec: &ScenarioSpec) -> Result<Catalogue, ScenarioError> {
    let Some(path) = &spec.instance_types else { return Ok(Catalogue::built_in()) };
    let path = document.path(INSTANCE_TYPES, path);
    let refuse = |why: String| document.error(INSTANCE_TYPES, why);
    let text = std::fs::read_to_string(&path)
        .map_err(|why| refuse(format!("{}: {}", path.display(), cannot_read(&why))))?;
    let file = path.display().to_string();
    Catalogue::from_csv(&text, &file).map_err(|why| refuse(why.to_string()))
}

/// The groups; the tables in `spec` get what the type of instance says of pulls.
fn capacity(
    document: &Document,
    spec: &mut ScenarioSpec,
    catalogue: &Catalogue,
) -> Result<Vec<CapacityGroup>, ScenarioError> {
    let preset = spec.preset;
    let tables = spec.capacity.iter_mut().enumerate();
    let groups: Result<Vec<CapacityGroup>, ScenarioError> = tables
        .map(|(index, (name, table))| {
            check_name(document, &format!("capacity.{name}"), name)?;
            let id = CapacityId(index as u32);
            let group = CapacityGroup::resolve(name, table, id, preset, catalogue, document)?;
            table.pull_mbps = group.pulls.link_kbps.map(|kbps| kbps / 1000);
            Ok(group)
        })
        .collect();
    let groups = groups?;
    capacity::check_price(document, &groups)?;
    Ok(groups)
}
