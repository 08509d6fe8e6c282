//! The instances of the trace, checked row by row, and the groups of those that are alike.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use crate::des::{SimDuration, SimTime};
use crate::model::{
    Cpu, GpuRequest, Limits, PlacementConstraint, RequiredAttribute, TaskDefinition,
};
use crate::workload::WorkloadError;
use crate::workload::format::reader::{Column, Names, Rows};

/// One instance.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) name: Box<str>,
    /// An index into [`Instances::groups`].
    pub(super) group: usize,
    /// When it was created; the start for one that existed before.
    pub(super) from: SimTime,
    /// When it was deleted, not before `from`; `None` if it was alive at the end.
    pub(super) until: Option<SimTime>,
}

/// Instances of one app and role that ask for the same.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) app: Arc<str>,
    pub(super) role: Role,
    /// The family is unique among groups.
    pub(super) definition: TaskDefinition,
    pub(super) instances: u64,
}

/// Which kind of nodes an instance runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// CPU node.
    Cn,
    /// Heterogeneous node, with GPUs.
    Hn,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Cn => "CN",
            Role::Hn => "HN",
        }
    }
}

/// What an instance asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    vcpus: u32,
    vcpus_limit: u32,
    memory_mib: u32,
    memory_limit_mib: u32,
    gpus: u16,
    /// Of the app on a node at most.
    most: Option<NonZeroU32>,
}

/// The instances in order of the file.
#[derive(Debug)]
pub(super) struct Instances {
    pub(super) list: Vec<Instance>,
    /// In order of their first instances.
    pub(super) groups: Vec<Group>,
    /// Columns of the file that have no effect.
    unused: Vec<&'static str>,
}

const REQUIRED: [&str; 13] = [
    "instance_sn",
    "role",
    "app_name",
    "cpu_request",
    "cpu_limit",
    "gpu_request",
    "gpu_limit",
    "memory_request",
    "memory_limit",
    "max_instance_per_node",
    "creation_time",
    "scheduled_time",
    "deletion_time",
];

const NOT_MODELLED: [&str; 4] = ["rdma_request", "rdma_limit", "disk_request", "disk_limit"];

impl Instances {
    /// Reads the file; families of definitions begin with `workload`. Where `role_attribute` is not
    /// empty, tasks need it with the value of their role.
    pub(super) fn read(
        path: &Path,
        workload: &str,
        role_attribute: &str,
    ) -> Result<Instances, WorkloadError> {
        let mut rows = Rows::open(path, &REQUIRED, &NOT_MODELLED)?;
        let [name, role, app, ..] = REQUIRED.map(|name| rows.column(name));
        let unused = NOT_MODELLED.into_iter().filter(|name| rows.has(rows.column(name)));
        let mut instances =
            Instances { unused: unused.collect(), list: Vec::new(), groups: Vec::new() };
        let mut names = Names::default();
        let mut known: BTreeMap<(Box<str>, Role, Shape), usize> = BTreeMap::new();
        while rows.advance()? {
            names.add(&rows, name)?;
            let key = (rows.filled(app)?.into(), role_of(&rows, role)?, shape(&rows)?);
            let group = *known.entry(key).or_insert_with_key(|(app, role, shape)| {
                let definition = define(workload, role_attribute, app, *role, *shape);
                let app = Arc::from(&**app);
                instances.groups.push(Group { app, role: *role, definition, instances: 0 });
                instances.groups.len() - 1
            });
            instances.groups[group].instances += 1;
            let (from, until) = lifetime(&rows)?;
            instances.list.push(Instance { name: rows.text(name).into(), group, from, until });
        }
        if names.is_empty() {
            let file = rows.file();
            return Err(WorkloadError(format!("{file}: no instances behind the header")));
        }
        Ok(instances)
    }

    /// The definitions with the number of instances of each.
    pub(super) fn definitions_with_counts(self) -> Vec<(TaskDefinition, u64)> {
        self.groups.into_iter().map(|group| (group.definition, group.instances)).collect()
    }

    /// What to say of columns that limit the trace's instances, and nothing here.
    pub(super) fn not_modelled(&self) -> Option<String> {
        (!self.unused.is_empty()).then(|| {
            let (unused, all) = (self.unused.join(", "), self.list.len());
            format!("{unused} are not modelled: {all} instances are placed without regard to them")
        })
    }
}

fn role_of(rows: &Rows, role: Column) -> Result<Role, WorkloadError> {
    match rows.text(role) {
        "CN" => Ok(Role::Cn),
        "HN" => Ok(Role::Hn),
        _ => Err(rows.wrong(role, "is no role: write CN or HN")),
    }
}

/// What the instance of the current row asks for.
fn shape(rows: &Rows) -> Result<Shape, WorkloadError> {
    let column = |name| rows.column(name);
    let (vcpus, vcpus_limit) = (column("cpu_request"), column("cpu_limit"));
    let (memory, memory_limit) = (column("memory_request"), column("memory_limit"));
    let (gpus, gpus_limit) = (column("gpu_request"), column("gpu_limit"));
    let cpu = |column| rows.cpu(column, Cpu::VCPU).map(|cpu| cpu.0 / Cpu::VCPU.0);
    let shape = Shape {
        vcpus: cpu(vcpus)?,
        vcpus_limit: cpu(vcpus_limit)?,
        memory_mib: mib(rows, memory)?,
        memory_limit_mib: mib(rows, memory_limit)?,
        gpus: rows.device_count(gpus)?,
        most: most(rows, column("max_instance_per_node"))?,
    };
    if shape.vcpus_limit < shape.vcpus {
        return Err(rows.wrong(vcpus_limit, "is below cpu_request: write at least that"));
    }
    if shape.memory_limit_mib < shape.memory_mib {
        return Err(rows.wrong(memory_limit, "is below memory_request: write at least that"));
    }
    if rows.device_count(gpus_limit)? != shape.gpus {
        let problem = "is not gpu_request: GPUs are used as they are requested, so write the same";
        return Err(rows.wrong(gpus_limit, problem));
    }
    Ok(shape)
}

fn mib(rows: &Rows, column: Column) -> Result<u32, WorkloadError> {
    gib_in_mib(rows.text(column)).ok_or_else(|| {
        let problem = "is not an amount of memory: write GiB as a decimal such as 40 or 937.5, \
            without sign or exponent, that is a whole number of MiB";
        rows.wrong(column, problem)
    })
}

/// Decimal GiB in MiB, exactly. A MiB has ten decimals in GiB, 1/1024.
fn gib_in_mib(text: &str) -> Option<u32> {
    const PER_GIB: u64 = 1024;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 10 {
        return None;
    }
    let unit = 10_u64.pow(fraction.len() as u32);
    let of_fraction = fraction.parse::<u64>().ok()? * PER_GIB;
    let of_whole = whole.parse::<u64>().ok()?.checked_mul(PER_GIB)?;
    let mib = of_whole.checked_add(of_fraction / unit)?;
    u32::try_from(mib).ok().filter(|_| of_fraction.is_multiple_of(unit))
}

fn most(rows: &Rows, column: Column) -> Result<Option<NonZeroU32>, WorkloadError> {
    if rows.text(column) == "-1" {
        return Ok(None);
    }
    let most = rows.u32(column).ok().and_then(NonZeroU32::new);
    most.map(Some).ok_or_else(|| {
        rows.wrong(column, "is no limit: write 1 or more, or -1 where there is none")
    })
}

fn define(
    workload: &str,
    role_attribute: &str,
    app: &str,
    role: Role,
    shape: Shape,
) -> TaskDefinition {
    let Shape { vcpus, vcpus_limit, memory_mib, memory_limit_mib, gpus, most } = shape;
    let role = role.as_str();
    let mut family = format!("{workload}-{app}-{role}-{vcpus}vcpu-{memory_mib}mib-{gpus}gpu");
    if (vcpus_limit, memory_limit_mib) != (vcpus, memory_mib) {
        family = format!("{family}-to-{vcpus_limit}vcpu-{memory_limit_mib}mib");
    }
    if let Some(most) = most {
        family = format!("{family}-most{most}");
    }
    let of_vcpus = |vcpus: u32| Cpu(vcpus * Cpu::VCPU.0);
    let needs_role = (!role_attribute.is_empty()).then(|| RequiredAttribute {
        name: role_attribute.to_owned(),
        any_of: vec![role.to_owned()],
    });
    TaskDefinition {
        gpu: GpuRequest::whole(gpus),
        required_attributes: needs_role.into_iter().collect(),
        constraints: most.map(PlacementConstraint::AtMost).into_iter().collect(),
        limits: Limits { cpu: Some(of_vcpus(vcpus_limit)), memory_mib: Some(memory_limit_mib) },
        ..TaskDefinition::new(family, of_vcpus(vcpus), memory_mib)
    }
}

/// From when until when the instance of the current row existed.
fn lifetime(rows: &Rows) -> Result<(SimTime, Option<SimTime>), WorkloadError> {
    let [created, scheduled, deleted] =
        ["creation_time", "scheduled_time", "deletion_time"].map(|name| rows.column(name));
    let creation = rows.optional_seconds(created)?;
    let scheduling = rows.optional_seconds(scheduled)?;
    let deletion = rows.optional_seconds(deleted)?;
    if creation.is_none() && scheduling.is_some() {
        let problem = "is there although creation_time is empty: remove it, or fill that in";
        return Err(rows.wrong(scheduled, problem));
    }
    let from = creation.unwrap_or(SimDuration::ZERO);
    if scheduling.is_some_and(|at| at < from) {
        let problem = format!("is before creation_time {from}: correct or remove the row");
        return Err(rows.wrong(scheduled, problem));
    }
    let there = scheduling.unwrap_or(from);
    if deletion.is_some_and(|at| at < there) {
        let problem = format!(
            "is before {there}, when the instance was created or scheduled: correct or remove \
             the row"
        );
        return Err(rows.wrong(deleted, problem));
    }
    Ok((SimTime::ZERO + from, deletion.map(|at| SimTime::ZERO + at)))
}
