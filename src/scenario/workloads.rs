//! `[workload.NAME]` and `[service.NAME]` → what brings tasks.

use std::path::Path;

use toml::Table;

use crate::des::{SimDuration, SimTime};
use crate::model::TaskDefinition;
use crate::placement::PlacementSpec;
use crate::workload::ecs_json;
use crate::workload::format::{FORMATS, FormatError, Opening, TraceFormat};
use crate::workload::law_spec::COUNT_MAX;
use crate::workload::synthetic::{ResolvedKind, SyntheticSpec, weights};
use crate::workload::{ServicePlan, WorkloadError};

use super::spec::{ScenarioSpec, ServiceTable};
use super::{Document, ScenarioError, check_name};

/// A workload checked, to be opened once per run.
#[derive(Debug)]
pub(super) struct WorkloadPlan {
    pub(super) name: String,
    pub(super) kind: WorkloadKind,
    /// Keys set on the command line.
    pub(super) overridden: std::collections::BTreeSet<String>,
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
    warnings: &mut Vec<String>,
) -> Result<Vec<WorkloadPlan>, ScenarioError> {
    let mut plans = Vec::new();
    for (name, table) in &mut spec.workload {
        let key = format!("workload.{name}");
        check_name(document, &key, name)?;
        let (kind, resolved) = workload(document, &key, name, table.clone(), warnings)?;
        *table = resolved;
        let overridden = document.overridden_under(&key);
        plans.push(WorkloadPlan { name: name.clone(), kind, overridden });
    }
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
        let trace = (entry.parse)(table).map_err(|why| match why {
            FormatError::Shape(why) => document.shape_error(key, &why),
            FormatError::Value(at, problem) => document.error(&format!("{key}.{at}"), problem),
        })?;
        let resolved = trace.resolved();
        (WorkloadKind::Trace(trace), resolved)
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

fn synthetic(
    document: &Document,
    key: &str,
    name: &str,
    table: Table,
    warnings: &mut Vec<String>,
) -> Result<(WorkloadKind, Table), ScenarioError> {
    let spec: SyntheticSpec =
        serde_path_to_error::deserialize(table).map_err(|why| document.shape_error(key, &why))?;
    let found = std::cell::RefCell::new(Vec::new());
    let read = |path: &Path| definition_file(document, key, path, &found);
    let kinds = spec
        .resolve(name, &read)
        .map_err(|why| document.error(&format!("{key}.{}", why.key), why.problem))?;
    warnings.extend(found.into_inner());
    let resolved = Table::try_from(&spec).expect("a table read can be written");
    Ok((WorkloadKind::Synthetic(Box::new(spec), kinds), resolved))
}

/// Reads an ECS task definition's JSON; warnings are added to `found`.
fn definition_file(
    document: &Document,
    key: &str,
    path: &Path,
    found: &std::cell::RefCell<Vec<String>>,
) -> Result<TaskDefinition, String> {
    let path = document.path(&format!("{key}.task_definition"), path);
    let file = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|why| format!("{file}: cannot be read: {why}; check the path"))?;
    let (definition, warnings) =
        ecs_json::task_definition(&text, &file).map_err(|why| why.to_string())?;
    found.borrow_mut().extend(warnings.into_iter().map(|one| format!("{file}: {one}")));
    Ok(definition)
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
    for (name, table) in &spec.service {
        let path = |key| format!("service.{name}.task.{key}");
        keys.extend(table.task.keys_of_sharing().into_iter().map(path));
    }
    keys
}

/// Checks every service; also the placements that services have of their own.
pub(super) fn services(
    document: &Document,
    spec: &ScenarioSpec,
    warnings: &mut Vec<String>,
) -> Result<(Vec<ServicePlan>, Vec<PlacementSpec>), ScenarioError> {
    let mut plans = Vec::new();
    let mut placements = Vec::new();
    for (name, table) in &spec.service {
        let key = format!("service.{name}");
        check_name(document, &key, name)?;
        let mut plan = service(document, &key, name, table, warnings)?;
        let standalone = spec.placement.strategy.as_ref().map(|strategy| &strategy.0);
        if let Some(strategy) = table.strategy.as_ref().filter(|one| Some(&one.0) != standalone) {
            let placement = PlacementSpec::parse(&strategy.0)
                .map_err(|why| document.error(&format!("{key}.strategy"), why.to_string()))?;
            placements.push(placement);
            plan.placer = placements.len();
        }
        plans.push(plan);
    }
    Ok((plans, placements))
}

/// A probability so close to 1 that a law which gives 0 there never gives much more.
const ALMOST_CERTAIN: f64 = 1.0 - 1e-9;

/// Refuses numbers of tasks that no cluster has.
fn check_counts(document: &Document, key: &str, table: &ServiceTable) -> Result<(), ScenarioError> {
    let changes = table.changes.iter().enumerate();
    let changes = changes.map(|(index, change)| {
        (format!("{key}.changes[{index}].desired_count"), change.desired_count)
    });
    let first = (format!("{key}.desired_count"), table.desired_count);
    for (key, count) in std::iter::once(first).chain(changes) {
        if count > COUNT_MAX {
            let problem = format!("{count} tasks; at most {COUNT_MAX} in a service");
            return Err(document.error(&key, problem));
        }
    }
    Ok(())
}

fn service(
    document: &Document,
    key: &str,
    name: &str,
    table: &ServiceTable,
    warnings: &mut Vec<String>,
) -> Result<ServicePlan, ScenarioError> {
    check_counts(document, key, table)?;
    if let Some(law) = &table.task.duration
        && law.sample(ALMOST_CERTAIN) == SimDuration::ZERO
    {
        let problem = "0 s: a task that ends at once is replaced for ever; write a longer time";
        return Err(document.error(&format!("{key}.task.duration"), problem));
    }
    let found = std::cell::RefCell::new(Vec::new());
    let task_key = format!("{key}.task");
    let read = |path: &Path| definition_file(document, &task_key, path, &found);
    let definition = table
        .task
        .definition(name, &read)
        .map_err(|why| document.error(&format!("{task_key}.{}", why.key), why.problem))?;
    warnings.extend(found.into_inner());
    let lasts = table.task.duration.is_some();
    let usage = table
        .task
        .usage(&definition, lasts)
        .map_err(|why| document.error(&format!("{task_key}.{}", why.key), why.problem))?;
    let start = SimTime::ZERO + table.start.duration();
    let mut changes = Vec::new();
    let mut last = start;
    for (index, change) in table.changes.iter().enumerate() {
        let at = SimTime::ZERO + change.at.duration();
        if at < last {
            let problem = format!("{at} s is before {last} s; list changes in order of time");
            return Err(document.error(&format!("{key}.changes[{index}].at"), problem));
        }
        last = at;
        changes.push((at, change.desired_count));
    }
    Ok(ServicePlan {
        name: name.to_owned(),
        definition,
        run_time: table.task.duration.clone(),
        usage,
        placer: 0,
        start,
        desired_count: table.desired_count,
        changes,
    })
}
