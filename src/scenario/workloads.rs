//! `[workload.NAME]` and `[service.NAME]` → what brings tasks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Table;

use crate::des::{SimDuration, SimTime};
use crate::model::{
    Cpu, DefinitionId, InstanceId, PlacementConstraint, SchedulingStrategy, ServiceId, ServiceSpec,
    TaskDefinition,
};
use crate::placement::PlacementSpec;
use crate::workload::ecs_json::{self, Defined};
use crate::workload::format::{FORMATS, FormatEntry, FormatError, Opening, TraceFormat};
use crate::workload::law_spec::{ALMOST_CERTAIN, COUNT_MAX};
use crate::workload::synthetic::{KindSpec, ResolvedKind, SpecError, SyntheticSpec, weights};
use crate::workload::written_table::read_table;
use crate::workload::{RequestLoad, ServiceChange, ServicePlan, ServiceTasks, WorkloadError};

use super::capacity::CapacityGroup;
use super::document::cannot_read;
use super::own_placers::OwnPlacers;
use super::spec::{ScenarioSpec, ServiceTable, StrategySpec};
use super::{Document, ScenarioError, check_name, is_for_all};

/// The key of services' placement.
const STRATEGY: &str = "strategy";

/// A workload checked, to be opened once per run.
#[derive(Debug)]
pub(super) struct WorkloadPlan {
    pub(super) name: String,
    pub(super) kind: WorkloadKind,
    /// Keys set on the command line.
    pub(super) overridden: std::collections::BTreeSet<String>,
    /// Which of the controller's placers places the services it brings.
    pub(super) placer: usize,
}

/// Where the tasks of a workload come from.
#[derive(Debug)]
pub(super) enum WorkloadKind {
    /// Drawn from laws.
    Synthetic(Box<SyntheticSpec>, Vec<ResolvedKind>),
    /// Read from a trace.
    Trace(Box<dyn TraceFormat>),
}

impl WorkloadPlan {
    /// Whether the cluster may get machines from it.
    pub(super) fn may_bring_machines(&self) -> bool {
        matches!(self.kind, WorkloadKind::Trace(_))
    }

    /// Whether services come from it.
    pub(super) fn brings_services(&self) -> bool {
        matches!(&self.kind, WorkloadKind::Trace(format) if format.brings_services())
    }
}

/// Every definition of a workload with the number of its tasks.
pub(super) fn definitions(
    plan: &WorkloadPlan,
    at: &Opening,
) -> Result<Vec<(TaskDefinition, u64)>, WorkloadError> {
    match &plan.kind {
        WorkloadKind::Synthetic(_, kinds) => Ok(weights(kinds)),
        WorkloadKind::Trace(format) => format.definitions(at),
    }
}

/// Checks every workload; the tables in `spec` get their defaults.
pub(super) fn workloads(
    document: &Document,
    spec: &mut ScenarioSpec,
    capacity: &[CapacityGroup],
    warnings: &mut Vec<String>,
) -> Result<Vec<WorkloadPlan>, ScenarioError> {
    let mut plans = Vec::new();
    for (name, table) in &mut spec.workload {
        let key = format!("workload.{name}");
        check_name(document, &key, name)?;
        let (kind, resolved) = workload(document, &key, name, table.clone(), warnings)?;
        *table = resolved;
        let overridden = document.overridden_under(&key);
        plans.push(WorkloadPlan { name: name.clone(), kind, overridden, placer: 0 });
    }
    start_on(document, &mut plans, capacity)?;
    Ok(plans)
}

fn workload(
    document: &Document,
    key: &str,
    name: &str,
    mut table: Table,
    warnings: &mut Vec<String>,
) -> Result<(WorkloadKind, Table), ScenarioError> {
    let format = match table.remove("format") {
        None => "synthetic".to_owned(),
        Some(toml::Value::String(text)) => text,
        Some(other) => {
            let problem = format!("{other} is no format; write a name such as \"csv\"");
            return Err(document.error(&format!("{key}.format"), problem));
        }
    };
    let (kind, mut resolved) = if format == "synthetic" {
        synthetic(document, key, name, table, warnings)?
    } else if let Some(entry) = FORMATS.iter().find(|entry| entry.name == format) {
        trace(document, key, entry, table)?
    } else {
        let known: Vec<&str> = FORMATS.iter().map(|entry| entry.name).collect();
        let near = known.iter().chain(&["synthetic"]);
        let near = near.min_by_key(|one| strsim::damerau_levenshtein(one, &format));
        let near = near.filter(|one| strsim::damerau_levenshtein(one, &format) <= 2);
        let hint = near.map_or(String::new(), |one| format!("; did you mean '{one}'?"));
        let known = known.join(", ");
        let problem = format!("unknown format '{format}'{hint} (known: synthetic, {known})");
        return Err(document.error(&format!("{key}.format"), problem));
    };
    resolved.insert("format".to_owned(), format.into());
    Ok((kind, resolved))
}

/// A trace and its table with every default. Services of a trace may have a `strategy`.
fn trace(
    document: &Document,
    key: &str,
    entry: &FormatEntry,
    mut table: Table,
) -> Result<(WorkloadKind, Table), ScenarioError> {
    let strategy = table.remove(STRATEGY);
    let trace = (entry.parse)(table).map_err(|why| match why {
        FormatError::Shape(why) => document.shape_error(key, &why),
        FormatError::Value(at, problem) => document.error(&format!("{key}.{at}"), problem),
    })?;
    let mut resolved = trace.resolved();
    if let Some(strategy) = strategy {
        if !trace.brings_services() {
            let problem = "is for services, and no services come from this workload: standalone \
                tasks are placed by placement.strategy; remove it";
            return Err(document.error(&format!("{key}.{STRATEGY}"), problem));
        }
        resolved.insert(STRATEGY.to_owned(), strategy);
    }
    Ok((WorkloadKind::Trace(trace), resolved))
}

/// Gives the services that a workload brings their placement: the workload's own, or else
/// `default`, which is also what overrides it. The table gets it as a default.
pub(super) fn place(
    document: &Document,
    spec: &mut ScenarioSpec,
    plan: &mut WorkloadPlan,
    default: &StrategySpec,
    placers: &mut OwnPlacers,
) -> Result<(), ScenarioError> {
    let key = format!("workload.{}.{STRATEGY}", plan.name);
    let table = spec.workload.get_mut(&plan.name).expect("a plan is made from its table");
    let own = table.get(STRATEGY).cloned().filter(|_| !is_for_all(document));
    let strategy = match own {
        None => default.clone(),
        Some(own) => own
            .try_into::<StrategySpec>()
            .map_err(|why| document.error(&key, why.message().trim_end().to_owned()))?,
    };
    table.insert(STRATEGY.to_owned(), strategy.0.clone().into());
    plan.placer = placers.placer(document, &key, spec, &strategy)?;
    Ok(())
}

fn synthetic(
    document: &Document,
    key: &str,
    name: &str,
    table: Table,
    warnings: &mut Vec<String>,
) -> Result<(WorkloadKind, Table), ScenarioError> {
    let spec: SyntheticSpec = read_table(table).map_err(|why| document.shape_error(key, &why))?;
    let read = |path: &Path| definition_file(document, key, path);
    let kinds = spec
        .resolve(name, &read)
        .map_err(|why| document.error(&format!("{key}.{}", why.key), why.problem))?;
    warnings.extend(kinds.iter().flat_map(|kind| kind.warnings.iter().cloned()));
    let resolved = Table::try_from(&spec).expect("a table read can be written");
    Ok((WorkloadKind::Synthetic(Box::new(spec), kinds), resolved))
}

/// Finds the instances that kinds are to be started on (`start_on`). Groups of capacity register in
/// order, all at the start, so that an instance's number follows from its place.
fn start_on(
    document: &Document,
    plans: &mut [WorkloadPlan],
    capacity: &[CapacityGroup],
) -> Result<(), ScenarioError> {
    let is_named = |plan: &WorkloadPlan| match &plan.kind {
        WorkloadKind::Synthetic(spec, _) => spec.tasks.iter().any(|kind| kind.start_on.is_some()),
        WorkloadKind::Trace(_) => false,
    };
    if !plans.iter().any(is_named) {
        return Ok(());
    }
    let instances = capacity.iter().flat_map(CapacityGroup::instances);
    let known: BTreeMap<String, InstanceId> =
        (0..).map(InstanceId).zip(instances).map(|(id, spec)| (spec.name, id)).collect();
    for plan in plans {
        let WorkloadKind::Synthetic(spec, kinds) = &mut plan.kind else { continue };
        for (index, (written, kind)) in spec.tasks.iter().zip(kinds).enumerate() {
            let Some(names) = &written.start_on else { continue };
            let id = |name: &String| {
                known.get(name).copied().ok_or_else(|| {
                    let key = format!("workload.{}.tasks[{index}].start_on", plan.name);
                    let near = known.keys().next().map_or("web-0", String::as_str);
                    let problem = format!(
                        "there is no instance '{name}'; instances are named by their \
                         [capacity.NAME] and counted from 0, such as '{near}'"
                    );
                    document.error(&key, problem)
                })
            };
            let ids: Result<Vec<InstanceId>, ScenarioError> = names.iter().map(id).collect();
            kind.start_on = Some(ids?.into());
        }
    }
    Ok(())
}

/// Reads an ECS task definition's JSON.
fn definition_file(document: &Document, key: &str, path: &Path) -> Result<Defined, String> {
    let path = document.path(&format!("{key}.task_definition"), path);
    let file = path.display().to_string();
    let text =
        std::fs::read_to_string(&path).map_err(|why| format!("{file}: {}", cannot_read(&why)))?;
    let mut defined = ecs_json::task_definition(&text, &file).map_err(|why| why.to_string())?;
    defined.warnings.iter_mut().for_each(|one| *one = format!("{file}: {one}"));
    Ok(defined)
}

/// Keys that have no effect where no capacity is shared, with their paths.
pub(super) fn keys_of_sharing(spec: &ScenarioSpec, plans: &[WorkloadPlan]) -> Vec<String> {
    let mut keys = Vec::new();
    for plan in plans {
        let WorkloadKind::Synthetic(synthetic, _) = &plan.kind else { continue };
        for (index, kind) in synthetic.tasks.iter().enumerate() {
            let path = |key| format!("workload.{}.tasks[{index}].{key}", plan.name);
            keys.extend(kind.keys_of_sharing().into_iter().map(path));
        }
    }
    for (path, kind) in spec.kinds_of_services() {
        keys.extend(kind.keys_of_sharing().into_iter().map(|key| format!("{path}.{key}")));
    }
    keys
}

/// Checks every service; also the placers that services have of their own.
pub(super) fn services(
    document: &Document,
    spec: &mut ScenarioSpec,
    warnings: &mut Vec<String>,
) -> Result<(Vec<ServicePlan>, OwnPlacers), ScenarioError> {
    let mut plans = Vec::new();
    let mut placers = OwnPlacers::default();
    let mut tables = std::mem::take(&mut spec.service);
    for (name, table) in &mut tables {
        let key = format!("service.{name}");
        check_name(document, &key, name)?;
        let mut plan = service(document, &key, name, table, warnings)?;
        if let Some(strategy) = &table.strategy {
            let key = format!("{key}.{STRATEGY}");
            plan.spec.placer = placers.placer(document, &key, spec, strategy)?;
            if let Some(why) = keeps_zones_uneven(&plan, strategy) {
                plan.spec.zone_rebalancing = false;
                warnings.push(format!("service.{name}.zone_rebalancing: has no effect {why}"));
            }
        }
        plans.push(plan);
    }
    spec.service = tables;
    Ok((plans, placers))
}

/// Whether AZ rebalancing takes services with this strategy: whom it stops lies in the fullest zone
/// then, and what it starts stays.
///
/// Source: ECS developer guide, "Balancing an Amazon ECS service across Availability Zones".
fn keeps_zones_uneven(plan: &ServicePlan, strategy: &StrategySpec) -> Option<String> {
    if !plan.spec.zone_rebalancing {
        return None;
    }
    let spreads = |placement: PlacementSpec| placement.spreads_zones_first();
    if !PlacementSpec::parse(&strategy.0).is_ok_and(spreads) {
        return Some(format!(
            "with strategy '{}'; ECS evens out zones where the first strategy is \
             spread:attribute:ecs.availability-zone, or where there is none",
            strategy.0
        ));
    }
    let reads_zone = |one: &PlacementConstraint| match one {
        PlacementConstraint::MemberOf(expression) => {
            expression.source().contains("ecs.availability-zone")
        }
        PlacementConstraint::AtMost(_) => false,
    };
    let mut constraints = plan.all_tasks().flat_map(|tasks| &tasks.definition.constraints);
    constraints.any(reads_zone).then(|| {
        "as a constraint names the availability zone; ECS evens out no zones then".to_owned()
    })
}

/// Times that a change may be repeated.
const CHANGES_MAX: u32 = 100_000;

/// Refuses numbers of tasks that no cluster has.
fn check_counts(document: &Document, key: &str, table: &ServiceTable) -> Result<(), ScenarioError> {
    let is_daemon = table.scheduling() == SchedulingStrategy::Daemon;
    if !is_daemon && table.desired_count.is_none() {
        return Err(document.error(key, "no `desired_count`; write how many tasks to keep running"));
    }
    let changes = table.changes.iter().enumerate();
    let changes = changes.map(|(index, change)| {
        (format!("{key}.changes[{index}].desired_count"), change.desired_count)
    });
    let first = (format!("{key}.desired_count"), table.desired_count);
    for (key, count) in std::iter::once(first).chain(changes) {
        let Some(count) = count else { continue };
        if is_daemon {
            let problem = "a daemon has one task on each instance; remove it";
            return Err(document.error(&key, problem));
        }
        if count > COUNT_MAX {
            let problem = format!("{count} tasks; at most {COUNT_MAX} in a service");
            return Err(document.error(&key, problem));
        }
    }
    Ok(())
}

/// What the tasks of a service are: those it is created with, or those of a later deployment.
fn service_tasks(
    document: &Document,
    key: &str,
    name: &str,
    kind: &KindSpec,
    warnings: &mut Vec<String>,
) -> Result<ServiceTasks, ScenarioError> {
    if let Some(law) = &kind.duration
        && law.sample(ALMOST_CERTAIN) == SimDuration::ZERO
    {
        let problem = "0 s: a task that ends at once is replaced for ever; write a longer time";
        return Err(document.error(&format!("{key}.duration"), problem));
    }
    if kind.start_on.is_some() {
        let problem = "tasks of a service are placed by its scheduler; remove it, or use a \
                       [workload.NAME]";
        return Err(document.error(&format!("{key}.start_on"), problem));
    }
    let read = |path: &Path| definition_file(document, key, path);
    let refuse = |why: SpecError| document.error(&format!("{key}.{}", why.key), why.problem);
    let defined = kind.definition(name, &read).map_err(refuse)?;
    let definition = defined.definition;
    warnings.extend(defined.warnings);
    let usage = kind.usage(&definition, kind.duration.is_some()).map_err(refuse)?;
    let (conduct, of_containers) = kind.conduct(&defined.containers).map_err(refuse)?;
    warnings.extend(of_containers.into_iter().map(|one| format!("{key}: {one}")));
    let has_health_check = conduct.health_check.is_some();
    let definition = TaskDefinition { has_health_check, ..definition };
    Ok(ServiceTasks { definition, run_time: kind.duration.clone(), usage, conduct })
}

/// The later changes of a service, in order of time, those that are repeated each time.
fn service_changes(
    document: &Document,
    key: &str,
    name: &str,
    table: &ServiceTable,
    warnings: &mut Vec<String>,
) -> Result<Vec<ServiceChange>, ScenarioError> {
    let mut planned: Vec<(SimTime, usize)> = Vec::new();
    let mut rolled_out: Vec<Option<ServiceTasks>> = Vec::new();
    let mut last = SimTime::ZERO + table.start.duration();
    for (index, change) in table.changes.iter().enumerate() {
        let at = SimTime::ZERO + change.at.duration();
        let key = format!("{key}.changes[{index}]");
        if at < last {
            let before = if index == 0 { "its `start`" } else { "the change before" };
            let problem = format!(
                "{at} s is before {last} s, {before}; list changes in order of time, from the \
                 `start` on"
            );
            return Err(document.error(&format!("{key}.at"), problem));
        }
        last = at;
        if change.desired_count.is_none() && change.task.is_none() {
            let problem = "changes nothing; write a `desired_count`, a `task`, or both";
            return Err(document.error(&key, problem));
        }
        let (every, times) = repetition(change).map_err(|why| document.error(&key, why))?;
        let time = |turn: u32| at.saturating_add(every.saturating_mul(turn.into()));
        planned.extend((0..times).map(|turn| (time(turn), index)));
        let key = format!("{key}.task");
        let tasks = change.task.as_ref();
        let tasks = tasks.map(|kind| service_tasks(document, &key, name, kind, warnings));
        rolled_out.push(tasks.transpose()?);
    }
    planned.sort_by_key(|(at, index)| (*at, *index));
    let mut revision = 0;
    let change = |(at, written): (SimTime, usize)| {
        let mut tasks = rolled_out[written].clone();
        if let Some(tasks) = &mut tasks {
            revision += 1;
            tasks.definition.revision = revision;
        }
        ServiceChange { at, desired_count: table.changes[written].desired_count, tasks, written }
    };
    Ok(planned.into_iter().map(change).collect())
}

/// Between two times of a change, and how many there are.
fn repetition(
    change: &crate::scenario::service::ServiceChange,
) -> Result<(SimDuration, u32), String> {
    match (change.every, change.times) {
        (None, None) => Ok((SimDuration::ZERO, 1)),
        (Some(every), Some(times @ 1..=CHANGES_MAX)) if every.duration() > SimDuration::ZERO => {
            Ok((every.duration(), times))
        }
        (Some(every), Some(times)) => Err(format!(
            "every {every}, {times} times: write a time above 0 s, and a number of times from 1 \
             to {CHANGES_MAX}"
        )),
        _ => Err("`every` and `times` go together; write both, or none".to_owned()),
    }
}

/// The requests of a service: its tasks serve them with the CPU that they reserve.
fn requests(
    document: &Document,
    key: &str,
    table: &mut ServiceTable,
    tasks: &ServiceTasks,
    changes: &[ServiceChange],
) -> Result<Option<RequestLoad>, ScenarioError> {
    let Some(table) = &mut table.requests else { return Ok(None) };
    let key = format!("{key}.requests");
    let later = changes.iter().filter_map(|change| change.tasks.as_ref());
    if std::iter::once(tasks).chain(later).any(|one| one.definition.cpu == Cpu(0)) {
        let problem = "its tasks reserve no CPU to serve them with; write a `cpu` for each `task`";
        return Err(document.error(&key, problem));
    }
    table.resolve(document, &key).map(Some)
}

fn service(
    document: &Document,
    key: &str,
    name: &str,
    table: &mut ServiceTable,
    warnings: &mut Vec<String>,
) -> Result<ServicePlan, ScenarioError> {
    check_counts(document, key, table)?;
    let task_key = format!("{key}.task");
    let tasks = service_tasks(document, &task_key, name, &table.task, warnings)?;
    let changes = service_changes(document, key, name, table, warnings)?;
    let scheduling = table.scheduling();
    let deployment = table.deployment.resolve(document, key, scheduling)?;
    if table.zone_rebalancing
        && (scheduling == SchedulingStrategy::Daemon || deployment.maximum_percent == 100)
    {
        let problem = "needs a `replica` service with a `maximum_percent` above 100";
        return Err(document.error(&format!("{key}.zone_rebalancing"), problem));
    }
    let requests = requests(document, key, table, &tasks, &changes)?;
    // Number, definition and placer are given later.
    let (id, definition, placer) = (ServiceId(0), DefinitionId(0), 0);
    let desired_count = table.desired_count.unwrap_or(0);
    Ok(ServicePlan {
        spec: ServiceSpec {
            scheduling,
            deployment,
            grace_period_micros: table.health_check_grace_period.duration().micros(),
            protection_micros: table.protection.duration().micros(),
            zone_rebalancing: table.zone_rebalancing,
            load_balanced: table.load_balancer,
            ..ServiceSpec::new(id, name, definition, desired_count, placer)
        },
        tasks,
        start: SimTime::ZERO + table.start.duration(),
        requests: requests.map(Arc::new),
        changes,
    })
}
