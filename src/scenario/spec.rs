//! A scenario file as it is written: names and types of the keys, and every default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::backend::{PullBehaviour, Sharing};
use crate::workload::law_spec::{DurationLaw, Span};

pub use super::controller::ControllerTable;
use super::life_cycle::LifeCycleTable;
pub use super::service::{
    CircuitBreakerTable, DeploymentKind, DeploymentTable, SchedulingSpec, ServiceChange,
    ServiceTable,
};

/// A whole scenario file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// Name, for results; the file's name if missing.
    #[serde(default)]
    pub name: String,
    /// What question it answers.
    #[serde(default)]
    pub description: String,
    /// Seed of the first run.
    #[serde(default = "one")]
    pub seed: u64,
    /// When a run ends: a time (`"24h"`), `"drained"` (nothing is left to happen), or both.
    #[serde(default)]
    pub until: UntilSpec,
    /// Time left out of means and quantiles.
    #[serde(default = "no_time")]
    pub warm_up: Span,
    /// A file of instance types instead of the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_types: Option<PathBuf>,
    /// Where the defaults of `[controller]` and `[life_cycle]` come from.
    #[serde(default)]
    pub preset: Preset,
    /// How tasks are placed.
    #[serde(default)]
    pub placement: PlacementTable,
    /// How tasks wait.
    #[serde(default)]
    pub queue: QueueTable,
    /// How the control plane goes about it.
    #[serde(default)]
    pub controller: ControllerTable,
    /// The Docker Engines that containers are started by; left out where starts and stops take the
    /// time that `[capacity]` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineTable>,
    /// What takes time in a task's life besides its run; left out where nothing does.
    #[serde(default, skip_serializing_if = "LifeCycleTable::is_default")]
    pub life_cycle: LifeCycleTable,
    /// What `towtank compare` compares.
    #[serde(default)]
    pub compare: CompareTable,
    /// How `towtank replay` makes it fit a small machine; left out where it is as large as life.
    #[serde(default, skip_serializing_if = "ReplayTable::is_default")]
    pub replay: ReplayTable,
    /// What is recorded besides the summary.
    #[serde(default)]
    pub record: RecordTable,
    /// Container instances, in alphabetical order of the names.
    #[serde(default)]
    pub capacity: BTreeMap<String, CapacityTable>,
    /// Where tasks come from, in alphabetical order of the names.
    #[serde(default)]
    pub workload: BTreeMap<String, toml::Table>,
    /// Services.
    #[serde(default)]
    pub service: BTreeMap<String, ServiceTable>,
}

/// `preset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Everything is done as fast as can be, and nothing takes time unless it is said to.
    #[default]
    Instant,
    /// ECS's own times and quotas, what users observe, and our choice where nothing is known.
    Ecs,
}

fn one() -> u64 {
    1
}

pub(super) fn no_time() -> Span {
    Span::from_secs(0)
}

/// `until`.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct UntilSpec(pub Vec<String>);

impl Default for UntilSpec {
    fn default() -> UntilSpec {
        UntilSpec(vec!["drained".to_owned()])
    }
}

impl<'de> Deserialize<'de> for UntilSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UntilSpec, D::Error> {
        texts(deserializer, "a time such as \"24h\", \"drained\", or both in a list").map(UntilSpec)
    }
}

/// A placement: one text, or ECS strategies in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StrategySpec(pub String);

impl<'de> Deserialize<'de> for StrategySpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StrategySpec, D::Error> {
        let expected = "a placement such as \"binpack:memory\", or a list of ECS strategies";
        Ok(StrategySpec(texts(deserializer, expected)?.join("+")))
    }
}

/// A text, or a list of texts.
fn texts<'de, D: Deserializer<'de>>(from: D, expected: &str) -> Result<Vec<String>, D::Error> {
    let wrong = |value: &toml::Value| D::Error::custom(format!("{value} is not {expected}"));
    let value = toml::Value::deserialize(from)?;
    match &value {
        toml::Value::String(text) => Ok(vec![text.clone()]),
        toml::Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item)))
            .collect(),
        _ => Err(wrong(&value)),
    }
}

/// `[placement]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementTable {
    /// Strategy of standalone tasks, and of services that have none of their own; ECS's defaults
    /// if missing, `ecs-run-task` and `ecs-service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategySpec>,
    /// How ties are broken.
    #[serde(default)]
    pub tie_break: TieBreakSpec,
    /// Which implementation decides; both decide the same.
    #[serde(default)]
    pub placer: PlacerSpec,
    /// What strategies are told of the workload beforehand.
    #[serde(default)]
    pub profile: ProfileTable,
}

/// `tie_break`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TieBreakSpec {
    /// A keyed draw among the candidates.
    #[default]
    Random,
    /// The lowest instance id.
    LowestId,
}

/// `placer`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlacerSpec {
    /// The full scan.
    Naive,
    /// The indexed placer.
    #[default]
    Indexed,
}

/// `[placement.profile]`: the typical tasks that FGD is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileTable {
    /// The workload they are taken from; all workloads if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Share of all tasks that the kinds must reach, the most frequent first.
    #[serde(default = "coverage")]
    pub coverage: f64,
}

fn coverage() -> f64 {
    0.95
}

impl Default for ProfileTable {
    fn default() -> ProfileTable {
        ProfileTable { workload: None, coverage: coverage() }
    }
}

/// `[queue]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueTable {
    /// Name of the queue policy.
    #[serde(default = "ecs")]
    pub policy: String,
}

fn ecs() -> String {
    "ecs".to_owned()
}

impl Default for QueueTable {
    fn default() -> QueueTable {
        QueueTable { policy: ecs() }
    }
}

/// `[engine]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineTable {
    /// What `towtank calibrate` wrote.
    pub calibration: PathBuf,
    /// Engines, which the instances are assigned to in turn.
    #[serde(default = "one_engine")]
    pub engines: u32,
}

fn one_engine() -> u32 {
    1
}

/// `[compare]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareTable {
    /// Placements to compare; the same as an axis `placement`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<StrategySpec>,
    /// Number of seeds, from `seed` on.
    #[serde(default = "ten")]
    pub seeds: u32,
    /// Metric that arms are ranked by.
    #[serde(default = "wait_mean")]
    pub metric: String,
    /// Further axes: `placement`, `queue`, or the path of a key, with the values to try.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: BTreeMap<String, Vec<toml::Value>>,
}

fn ten() -> u32 {
    10
}

fn wait_mean() -> String {
    "wait_s.mean".to_owned()
}

impl Default for CompareTable {
    fn default() -> CompareTable {
        let (strategies, axes) = (Vec::new(), BTreeMap::new());
        CompareTable { strategies, seeds: ten(), metric: wait_mean(), axes }
    }
}

/// `[replay]`: of no account to simulations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayTable {
    /// Simulated seconds in a wall-clock second.
    #[serde(default = "nominal")]
    pub time_scale: f64,
    /// Simulated vCPUs in a core.
    #[serde(default = "nominal")]
    pub cpu_scale: f64,
    /// Simulated MiB in a MiB.
    #[serde(default = "nominal")]
    pub memory_scale: f64,
    /// Repetitions on real containers.
    #[serde(default = "five")]
    pub repetitions: u32,
    /// Placements to replay; `[placement]`'s alone if missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<StrategySpec>,
    /// Metric that strategies are ranked by.
    #[serde(default = "response_mean")]
    pub metric: String,
    /// Whether the strategies react to what really happens.
    #[serde(default)]
    pub mode: ReplayMode,
    /// An image of the user's instead of the workload image; the command line must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// `mode` of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayMode {
    /// The simulation's decisions are carried out: checks the model of execution alone.
    #[default]
    Open,
    /// The strategy decides anew on what really happens: checks the whole.
    Closed,
}

fn five() -> u32 {
    5
}

fn response_mean() -> String {
    "response_s.mean".to_owned()
}

impl Default for ReplayTable {
    fn default() -> ReplayTable {
        ReplayTable {
            time_scale: nominal(),
            cpu_scale: nominal(),
            memory_scale: nominal(),
            repetitions: five(),
            strategies: Vec::new(),
            metric: response_mean(),
            mode: ReplayMode::default(),
            image: None,
        }
    }
}

impl ReplayTable {
    fn is_default(&self) -> bool {
        *self == ReplayTable::default()
    }
}

/// `[record]`.
#[expect(clippy::struct_excessive_bools, reason = "each file is written or not")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTable {
    /// `tasks.csv`: a row per task.
    #[serde(default = "yes")]
    pub tasks: bool,
    /// `service-events.csv`, where there are services: what they told their operators.
    #[serde(default = "yes")]
    pub service_events: bool,
    /// `service-metrics.csv`, where services get requests: what CloudWatch has of them.
    #[serde(default = "yes")]
    pub service_metrics: bool,
    /// `allocation.csv`: GPU allocated and fragmentation against demand.
    #[serde(default)]
    pub allocation: bool,
}

fn yes() -> bool {
    true
}

impl Default for RecordTable {
    fn default() -> RecordTable {
        RecordTable { tasks: true, service_events: true, service_metrics: true, allocation: false }
    }
}

/// `[capacity.NAME]`: either an `instance_type`, or `cpu` and `memory` written out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityTable {
    /// Number of instances.
    pub count: u32,
    /// An EC2 instance type of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// vCPUs, where no type is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Memory registered, MiB, where no type is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// GPU devices, where no type is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u16>,
    /// Model of the GPUs: the attribute `gpu-model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_model: Option<String>,
    /// Architecture, where no type is named; `X86_64` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Tasks in `awsvpc` mode that fit; the type's own, or 14, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awsvpc_tasks: Option<u32>,
    /// Whether ENI trunking is on, which raises the type's limit.
    #[serde(default)]
    pub awsvpc_trunking: bool,
    /// Price in US dollars per hour, as text; the type's own, or nothing, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_hour: Option<String>,
    /// Share of a type's nominal memory that it does not register, 0 to 1; 0.05 if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_overhead_fraction: Option<f64>,
    /// Availability zones, used in turn.
    #[serde(default = "zone")]
    pub availability_zones: Vec<String>,
    /// Further attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Speed of the CPU: run times are divided by it.
    #[serde(default = "nominal")]
    pub speed: f64,
    /// From placement (or room on the host) to RUNNING; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_delay: Option<DurationLaw>,
    /// From the exit of a task until its containers are gone; no time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_delay: Option<DurationLaw>,
    /// Link through which images are pulled, Mbit/s; that of the type under the preset `ecs`, and
    /// else no limit, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_mbps: Option<u32>,
    /// When images are pulled; `default` if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull: Option<PullBehaviour>,
    /// What tasks get of CPU and memory.
    #[serde(default)]
    pub sharing: Sharing,
    /// When instances are set to DRAINING, in order of time: those that registered first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drain: Vec<DrainSpec>,
    /// Version of the ECS agent, for `agentVersion` in constraints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Unix time of registration in seconds, for `registeredAt` in constraints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<i64>,
}

/// One of a capacity group's `drain`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainSpec {
    /// When.
    pub at: Span,
    /// How many more instances of the group, in order of registration.
    pub instances: u32,
}

fn zone() -> Vec<String> {
    vec!["us-east-1a".to_owned()]
}

fn nominal() -> f64 {
    1.0
}
