//! `[capacity.NAME]` → container instances.

use crate::backend::{HostPulls, Latency, Sharing};
use crate::catalogue::{Catalogue, InstanceType, NANO_PER_USD, parse_usd_nano};
use crate::des::SimTime;
use crate::model::{
    Architecture, AttributeSet, CapacityId, Cpu, DEVICES_MAX, InstanceId, InstanceSpec, Price,
};

use super::life_cycle::host_pulls;
use super::spec::{CapacityTable, Preset};
use super::{Document, Scenario, ScenarioError};

/// Instances of one group at most.
const COUNT_MAX: u32 = 1_000_000;

/// Price of all instances together at most, US dollars per hour. The sum of billionths, 10^18, fits
/// into the 64 bits of a [`Price`], and what it costs for 100 years, 3·10^33, into a `Cost`.
const USD_PER_HOUR_MAX: u64 = 1_000_000_000;

/// Share of a type's nominal memory that it does not register, where the table does not say.
const MEMORY_OVERHEAD: f64 = 0.05;

/// `awsvpc` tasks where neither the table nor a type says: the limit of most large instances.
const AWSVPC_TASKS: u32 = 14;

/// A group of equal instances.
#[derive(Debug, Clone)]
pub(super) struct CapacityGroup {
    /// One spec per availability zone; instance k takes the k-th in turn.
    templates: Vec<InstanceSpec>,
    name: String,
    count: u32,
    pub(super) latency: Latency,
    pub(super) sharing: Sharing,
    /// When how many are set to DRAINING.
    drains: Vec<(SimTime, u32)>,
    pub(super) pulls: HostPulls,
}

impl CapacityGroup {
    /// The instances, in order.
    pub(super) fn instances(&self) -> impl Iterator<Item = InstanceSpec> {
        (0..self.count).map(|index| {
            let mut spec = self.templates[index as usize % self.templates.len()].clone();
            spec.name = format!("{}-{index}", self.name);
            spec
        })
    }

    /// Checks the table and makes the group.
    pub(super) fn resolve(
        name: &str,
        table: &CapacityTable,
        id: CapacityId,
        preset: Preset,
        catalogue: &Catalogue,
        document: &Document,
    ) -> Result<CapacityGroup, ScenarioError> {
        let keys = Keys { name, document };
        keys.check(table.count <= COUNT_MAX, "count", || {
            format!("{} instances; at most {COUNT_MAX} in a group", table.count)
        })?;
        let zones = &table.availability_zones;
        keys.check(!zones.is_empty(), "availability_zones", || {
            "none; name at least one, such as [\"us-east-1a\"]".to_owned()
        })?;
        keys.check(!zones.iter().any(String::is_empty), "availability_zones", || {
            "an empty name; write one, such as \"us-east-1a\"".to_owned()
        })?;
        keys.check(
            table.speed.is_finite() && (0.001..=1000.0).contains(&table.speed),
            "speed",
            || format!("{} is no speed; write a factor from 0.001 to 1000", table.speed),
        )?;
        let mut spec = match &table.instance_type {
            Some(wanted) => of_type(wanted, table, id, catalogue, &keys)?,
            None => written_out(table, id, &keys)?,
        };
        if let Some(text) = &table.usd_per_hour {
            let problem = || format!("'{text}' is no price; write US dollars, such as \"0.096\"");
            let nano = parse_usd_nano(text);
            spec.price = Price(nano.ok_or_else(|| keys.refuse("usd_per_hour", problem()))?);
        }
        spec.speed_milli = (table.speed * 1000.0).round() as u32;
        spec.agent_version.clone_from(&table.agent_version);
        spec.registered_at = table.registered_at;
        keys.set_attributes(table, &mut spec)?;
        let in_zone = |zone: &String| {
            let mut spec = spec.clone();
            spec.attributes.set("ecs.availability-zone", zone);
            spec
        };
        let known = table.instance_type.as_ref().and_then(|wanted| catalogue.get(wanted).ok());
        let of_type = known.and_then(|known| known.network_mbps);
        let pulls = host_pulls(table, preset, of_type);
        let pulls = pulls.map_err(|problem| keys.refuse("pull_mbps", problem))?;
        Ok(CapacityGroup {
            templates: zones.iter().map(in_zone).collect(),
            name: name.to_owned(),
            count: table.count,
            latency: Latency { start: table.start_delay.clone(), stop: table.stop_delay.clone() },
            sharing: table.sharing,
            drains: drains_of(table, &keys)?,
            pulls,
        })
    }
}

/// Refuses instances that together cost more than a [`Price`] holds.
pub(super) fn check_price(
    document: &Document,
    groups: &[CapacityGroup],
) -> Result<(), ScenarioError> {
    let mut nano_in_all: u128 = 0;
    for group in groups {
        // A group has one price: zones do not differ in it.
        let Price(nano) = group.templates[0].price;
        nano_in_all += u128::from(nano) * u128::from(group.count);
        if nano_in_all > u128::from(USD_PER_HOUR_MAX * NANO_PER_USD) {
            let problem = format!(
                "all instances up to this group cost more than {USD_PER_HOUR_MAX} US dollars an \
                 hour together; check the price, and the `count`"
            );
            let keys = Keys { name: &group.name, document };
            return Err(keys.refuse("usd_per_hour", problem));
        }
    }
    Ok(())
}

/// When how many instances of a group are set to DRAINING, in order of time.
fn drains_of(table: &CapacityTable, keys: &Keys<'_>) -> Result<Vec<(SimTime, u32)>, ScenarioError> {
    let mut drains: Vec<(SimTime, u32)> = Vec::new();
    let mut left = table.count;
    for (index, drain) in table.drain.iter().enumerate() {
        let at = SimTime::ZERO + drain.at.duration();
        let last = drains.last().map_or(SimTime::ZERO, |(at, _)| *at);
        keys.check(at >= last, &format!("drain[{index}].at"), || {
            format!("{at} s is before {last} s; list them in order of time")
        })?;
        keys.check(drain.instances > 0, &format!("drain[{index}].instances"), || {
            "0: nothing is drained; write 1 or more, or remove it".to_owned()
        })?;
        keys.check(drain.instances <= left, &format!("drain[{index}].instances"), || {
            format!("{}, but only {left} are not DRAINING by then", drain.instances)
        })?;
        left -= drain.instances;
        drains.push((at, drain.instances));
    }
    Ok(drains)
}

/// The instances that are set to DRAINING and when. Groups register in order, all at the start, so
/// that an instance's number follows from its place.
pub(super) fn drains(groups: &[CapacityGroup]) -> Vec<(SimTime, InstanceId)> {
    let mut all = Vec::new();
    let mut first = 0;
    for group in groups {
        let mut next = first;
        for &(at, instances) in &group.drains {
            all.extend((next..next + instances).map(|id| (at, InstanceId(id))));
            next += instances;
        }
        first += group.count;
    }
    all.sort_unstable();
    all
}

impl Scenario {
    /// Container instances as the groups of capacity would have them if they were of the type of
    /// that name: one per group and zone, or one of no group where the scenario has none. Empty
    /// where no group can have it.
    pub fn instances_of_type(&self, name: &str) -> Vec<InstanceSpec> {
        let Ok(known) = self.catalogue.get(name) else { return Vec::new() };
        let document = Document::of_table("", toml::Table::new());
        let of = |group: &str, table: &CapacityTable| {
            let mut table = table.clone();
            table.instance_type = Some(name.to_owned());
            table.awsvpc_trunking &= known.awsvpc_tasks_trunking.is_some();
            table.usd_per_hour = known.usd_per_hour_nano.is_none().then(|| "0".to_owned());
            (table.vcpus, table.memory_mib, table.gpus) = (None, None, None);
            (table.gpu_model, table.architecture, table.awsvpc_tasks) = (None, None, None);
            // The type sets these.
            table.attributes.remove("ecs.instance-type");
            table.attributes.remove("gpu-model");
            let id = CapacityId::default();
            CapacityGroup::resolve(group, &table, id, self.spec.preset, &self.catalogue, &document)
        };
        let groups = self.spec.capacity.iter();
        let mut found: Vec<InstanceSpec> =
            groups.filter_map(|(group, table)| of(group, table).ok()).flat_map(templates).collect();
        if self.spec.capacity.is_empty() {
            let table = toml::from_str("count = 1").expect("a count is all that is required");
            found.extend(of(name, &table).ok().into_iter().flat_map(templates));
        }
        found
    }
}

fn templates(group: CapacityGroup) -> Vec<InstanceSpec> {
    group.templates
}

/// Makes errors about the keys of one group.
struct Keys<'a> {
    name: &'a str,
    document: &'a Document,
}

impl Keys<'_> {
    fn refuse(&self, key: &str, problem: impl Into<String>) -> ScenarioError {
        self.document.error(&format!("capacity.{}.{key}", self.name), problem)
    }

    fn check(&self, holds: bool, key: &str, or: impl Fn() -> String) -> Result<(), ScenarioError> {
        if holds { Ok(()) } else { Err(self.refuse(key, or())) }
    }

    /// Sets the attributes that the user wrote. Those that other keys set are not theirs to change.
    fn set_attributes(
        &self,
        table: &CapacityTable,
        spec: &mut InstanceSpec,
    ) -> Result<(), ScenarioError> {
        self.check(!table.attributes.contains_key(""), "attributes", || {
            "an empty name; write one, such as { stack = \"prod\" }".to_owned()
        })?;
        for (name, value) in &table.attributes {
            let by = match name.as_str() {
                "ecs.availability-zone" => Some("availability_zones"),
                "ecs.cpu-architecture" => Some("architecture"),
                "ecs.instance-type" if table.instance_type.is_some() => Some("instance_type"),
                "gpu-model" if spec.attributes.get(name).is_some() => Some("gpu_model"),
                _ => None,
            };
            if let Some(by) = by {
                let problem = format!("`{by}` sets it; remove it, and write `{by}` instead");
                return Err(self.refuse(&format!("attributes.{name}"), problem));
            }
            spec.attributes.set(name, value);
        }
        Ok(())
    }
}

fn of_type(
    wanted: &str,
    table: &CapacityTable,
    id: CapacityId,
    catalogue: &Catalogue,
    keys: &Keys<'_>,
) -> Result<InstanceSpec, ScenarioError> {
    let known =
        catalogue.get(wanted).map_err(|why| keys.refuse("instance_type", why.to_string()))?;
    let written = [
        ("vcpus", table.vcpus.is_some()),
        ("memory_mib", table.memory_mib.is_some()),
        ("gpus", table.gpus.is_some()),
        ("architecture", table.architecture.is_some()),
    ];
    if let Some((key, _)) = written.iter().find(|(_, written)| *written) {
        return Err(keys.refuse(key, "set although `instance_type` says it; remove one of them"));
    }
    let overhead = table.memory_overhead_fraction.unwrap_or(MEMORY_OVERHEAD);
    keys.check((0.0..=1.0).contains(&overhead), "memory_overhead_fraction", || {
        format!("{overhead} is no share; write one from 0 to 1")
    })?;
    let trunking = known.awsvpc_tasks_trunking.filter(|_| table.awsvpc_trunking);
    keys.check(!table.awsvpc_trunking || trunking.is_some(), "awsvpc_trunking", || {
        format!("{wanted} does not support ENI trunking; set it to false")
    })?;
    let cpu = Cpu::from_vcpus(u64::from(known.vcpus)).expect("the catalogue bounds vCPUs");
    let eni_slots = table.awsvpc_tasks.or(trunking).unwrap_or(known.awsvpc_tasks);
    let memory_mib = known.registered_memory_mib((overhead * 1000.0).round() as u32);
    keys.check(memory_mib > 0, "memory_overhead_fraction", || {
        format!("{overhead} leaves no memory for tasks; write a smaller share, such as 0.05")
    })?;
    let gpus = gpu_count(known.gpus, keys, "instance_type")?;
    let mut attributes = automatic(known.architecture);
    attributes.set("ecs.instance-type", wanted);
    set_gpu_model(&mut attributes, table, known);
    let price = Price(known.usd_per_hour_nano.unwrap_or(0));
    keys.check(
        known.usd_per_hour_nano.is_some() || table.usd_per_hour.is_some(),
        "usd_per_hour",
        || format!("{wanted} has no price in the catalogue; write one, \"0\" if it costs nothing"),
    )?;
    Ok(spec(id, cpu, memory_mib, gpus, eni_slots, attributes, price))
}

fn set_gpu_model(attributes: &mut AttributeSet, table: &CapacityTable, known: &InstanceType) {
    if let Some(model) = table.gpu_model.as_ref().or(known.gpu_model.as_ref()) {
        attributes.set("gpu-model", model);
    }
}

fn written_out(
    table: &CapacityTable,
    id: CapacityId,
    keys: &Keys<'_>,
) -> Result<InstanceSpec, ScenarioError> {
    let remedy = "missing; name an `instance_type`, or write `vcpus` and `memory_mib`";
    let vcpus = table.vcpus.ok_or_else(|| keys.refuse("vcpus", remedy))?;
    let memory_mib = table.memory_mib.ok_or_else(|| keys.refuse("memory_mib", remedy))?;
    keys.check(table.memory_overhead_fraction.is_none(), "memory_overhead_fraction", || {
        "only an `instance_type` has nominal memory; write what is registered as `memory_mib`"
            .to_owned()
    })?;
    keys.check(vcpus > 0, "vcpus", || "0; write at least 1".to_owned())?;
    keys.check(memory_mib > 0, "memory_mib", || "0; write at least 1".to_owned())?;
    let cpu = Cpu::from_vcpus(u64::from(vcpus));
    let cpu = cpu.ok_or_else(|| keys.refuse("vcpus", format!("{vcpus}; at most 33554")))?;
    keys.check(!table.awsvpc_trunking, "awsvpc_trunking", || {
        "only instance types have trunks; write `awsvpc_tasks` instead".to_owned()
    })?;
    let architecture = match &table.architecture {
        None => Architecture::default(),
        Some(text) => Architecture::parse(text).ok_or_else(|| {
            let problem = format!("'{text}' is unknown; write X86_64 or ARM64");
            keys.refuse("architecture", problem)
        })?,
    };
    let gpus = gpu_count(table.gpus.unwrap_or(0), keys, "gpus")?;
    let mut attributes = automatic(architecture);
    if let Some(model) = &table.gpu_model {
        attributes.set("gpu-model", model);
    }
    let eni_slots = table.awsvpc_tasks.unwrap_or(AWSVPC_TASKS);
    Ok(spec(id, cpu, memory_mib, gpus, eni_slots, attributes, Price(0)))
}

fn gpu_count(gpus: u16, keys: &Keys<'_>, key: &str) -> Result<u16, ScenarioError> {
    keys.check(usize::from(gpus) <= DEVICES_MAX, key, || {
        format!("{gpus} GPUs; at most {DEVICES_MAX} on one instance")
    })?;
    Ok(gpus)
}

/// The attributes ECS sets by itself. Source: ECS developer guide, "Attributes".
fn automatic(architecture: Architecture) -> AttributeSet {
    let mut attributes = AttributeSet::default();
    attributes.set("ecs.cpu-architecture", architecture.attribute_value());
    attributes.set("ecs.os-type", "linux");
    attributes.set("ecs.os-family", "LINUX");
    attributes
}

fn spec(
    capacity: CapacityId,
    cpu: Cpu,
    memory_mib: u32,
    gpus: u16,
    eni_slots: u32,
    attributes: AttributeSet,
    price: Price,
) -> InstanceSpec {
    InstanceSpec {
        name: String::new(),
        capacity,
        cpu,
        memory_mib,
        gpus,
        eni_slots,
        attributes,
        price,
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}
