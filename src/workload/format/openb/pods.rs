//! Pod lists: the tasks of an openb trace.

use std::collections::BTreeMap;
use std::path::Path;

use crate::des::{SimDuration, SimTime};
use crate::model::{Cpu, GpuRequest, Outcome, RequiredAttribute, TaskDefinition};
use crate::workload::format::reader::{Column, Names, Rows};
use crate::workload::{Behaviour, UsageId, WorkloadError};

use super::nodes::GPU_MODEL;

/// One pod.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) name: Box<str>,
    /// Its definition, an index into [`Pods::definitions`].
    pub(super) definition: usize,
    /// When it came and what it did; only where the list was read for its times.
    pub(super) timed: Option<(SimTime, Behaviour)>,
}

/// The pods in order of the file.
#[derive(Debug)]
pub(super) struct Pods {
    pub(super) list: Vec<Pod>,
    pub(super) names: Names,
    /// Distinct definitions in order of their first pod.
    pub(super) definitions: Vec<TaskDefinition>,
}

/// What pods of one definition have in common; the models as written, since the study takes
/// differently written lists for different kinds of pods.
type Shape = (Cpu, u32, GpuRequest, Vec<String>);

/// The columns of a list.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: Column,
    cpu: Column,
    memory: Column,
    devices: Column,
    milli: Column,
    spec: Column,
    phase: Column,
    created: Column,
    deleted: Column,
    scheduled: Column,
}

impl Columns {
    const REQUIRED: [&str; 5] = ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"];
    const OPTIONAL: [&str; 6] = [
        "gpu_spec",
        "qos",
        "pod_phase",
        "creation_time",
        "deletion_time",
        "scheduled_time",
    ];

    fn of(rows: &Rows) -> Columns {
        let [name, cpu, memory, devices, milli] = Self::REQUIRED.map(|name| rows.column(name));
        let [spec, _, phase, created, deleted, scheduled] =
            Self::OPTIONAL.map(|name| rows.column(name));
        Columns {
            name,
            cpu,
            memory,
            devices,
            milli,
            spec,
            phase,
            created,
            deleted,
            scheduled,
        }
    }

    fn check_times(self, rows: &Rows) -> Result<(), WorkloadError> {
        let needed = [self.phase, self.created, self.deleted, self.scheduled];
        if needed.into_iter().all(|column| rows.has(column)) {
            return Ok(());
        }
        Err(WorkloadError::at(
            rows.file(),
            1,
            "arrivals = \"timed\" needs the columns pod_phase, creation_time, deletion_time and \
             scheduled_time, which this list of pods does not have: use another list or \
             arrivals = \"one-by-one\"",
        ))
    }
}

impl Pods {
    /// Reads a list, with its times where `timed`; families of definitions begin with `workload`.
    pub(super) fn read(path: &Path, workload: &str, timed: bool) -> Result<Pods, WorkloadError> {
        let mut rows = Rows::open(path, &Columns::REQUIRED, &Columns::OPTIONAL)?;
        let columns = Columns::of(&rows);
        if timed {
            columns.check_times(&rows)?;
        }
        let mut pods = Pods {
            list: Vec::new(),
            names: Names::default(),
            definitions: Vec::new(),
        };
        let mut known: BTreeMap<Shape, usize> = BTreeMap::new();
        while rows.advance()? {
            pods.names.add(&rows, columns.name)?;
            let shape = shape(&rows, columns)?;
            let next = pods.definitions.len();
            let definition = *known.entry(shape.clone()).or_insert(next);
            if definition == next {
                pods.definitions.push(define(workload, shape));
            }
            let timed = if timed {
                Some(times(&rows, columns)?)
            } else {
                None
            };
            pods.list.push(Pod {
                name: rows.text(columns.name).into(),
                definition,
                timed,
            });
        }
        if pods.list.is_empty() {
            return Err(WorkloadError(format!(
                "{}: no tasks behind the header",
                rows.file()
            )));
        }
        Ok(pods)
    }

    /// What a pod asks for.
    pub(super) fn definition(&self, pod: usize) -> &TaskDefinition {
        &self.definitions[self.list[pod].definition]
    }

    /// The definitions with the number of pods of each.
    pub(super) fn definitions_with_counts(self) -> Vec<(TaskDefinition, u64)> {
        let mut counted: Vec<(TaskDefinition, u64)> = self
            .definitions
            .into_iter()
            .map(|definition| (definition, 0))
            .collect();
        for pod in &self.list {
            counted[pod.definition].1 += 1;
        }
        counted
    }
}

fn shape(rows: &Rows, columns: Columns) -> Result<Shape, WorkloadError> {
    let gpu = rows.gpu(columns.devices, columns.milli)?;
    let mut models = Vec::new();
    // Pods without a GPU may use any node.
    if let Some(spec) = rows.optional(columns.spec).filter(|_| gpu.devices > 0) {
        models.extend(spec.split('|').map(str::to_owned));
    }
    if models.iter().any(String::is_empty) {
        return Err(rows.wrong(
            columns.spec,
            "has an empty model: write models as in T4|P100",
        ));
    }
    Ok((
        rows.cpu(columns.cpu, Cpu::MILLI)?,
        rows.u32(columns.memory)?,
        gpu,
        models,
    ))
}

fn define(workload: &str, (cpu, memory_mib, gpu, models): Shape) -> TaskDefinition {
    let milli = cpu.0 / Cpu::MILLI.0;
    let mut family = format!(
        "{workload}-{milli}m-{memory_mib}mib-{}x{}",
        gpu.devices, gpu.milli
    );
    let mut required_attributes = Vec::new();
    if !models.is_empty() {
        family = format!("{family}-{}", models.join("_"));
        required_attributes.push(RequiredAttribute {
            name: GPU_MODEL.to_owned(),
            any_of: models,
        });
    }
    TaskDefinition {
        gpu,
        required_attributes,
        ..TaskDefinition::new(family, cpu, memory_mib)
    }
}

/// When the pod of the current row came, how long it ran and how it ended.
fn times(rows: &Rows, columns: Columns) -> Result<(SimTime, Behaviour), WorkloadError> {
    let created = rows.seconds(columns.created)?;
    let scheduled = rows.optional_seconds(columns.scheduled)?;
    // The time it waited in the trace is the trace's scheduler's and no part of what it does.
    let started = scheduled.unwrap_or(created);
    if started < created {
        let problem = format!("is before creation_time {created}: correct or remove the row");
        return Err(rows.wrong(columns.scheduled, problem));
    }
    let run_time = match rows.optional_seconds(columns.deleted)? {
        None => None,
        Some(deleted) => Some(run_time(rows, columns, started, deleted)?),
    };
    let ends = match rows.text(columns.phase) {
        "Failed" => Outcome::Failed,
        "Running" | "Succeeded" | "Pending" | "Unknown" => Outcome::Completed,
        _ => {
            let problem = "is no phase: write Pending, Running, Succeeded, Failed or Unknown";
            return Err(rows.wrong(columns.phase, problem));
        }
    };
    Ok((SimTime::ZERO + created, Behaviour { run_time, ends, usage: UsageId::RESERVED }))
}

fn run_time(
    rows: &Rows,
    columns: Columns,
    started: SimDuration,
    deleted: SimDuration,
) -> Result<SimDuration, WorkloadError> {
    deleted.checked_sub(started).ok_or_else(|| {
        let problem = format!("is before the start at {started}: correct or remove the row");
        rows.wrong(columns.deleted, problem)
    })
}
