//! The part of ECS's task-definition JSON that decides where a task can be placed.
//!
//! Source: ECS API, `TaskDefinition`, `ContainerDefinition` and what they contain.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::quantity::{CpuUnits, MemoryMib};

/// Fields of a definition that say what it is called or what it runs, not where it can be placed.
const DESCRIPTIVE: &[&str] = &[
    "compatibilities",
    "deregisteredAt",
    "enableFaultInjection",
    "executionRoleArn",
    "registeredAt",
    "registeredBy",
    "revision",
    "status",
    "tags",
    "taskDefinitionArn",
    "taskRoleArn",
];

/// Fields of a container that say what it runs, not where or when it can.
const DESCRIPTIVE_OF_CONTAINER: &[&str] = &[
    "command",
    "credentialSpecs",
    "disableNetworking",
    "dnsSearchDomains",
    "dnsServers",
    "dockerLabels",
    "dockerSecurityOptions",
    "entryPoint",
    "environment",
    "environmentFiles",
    "extraHosts",
    "firelensConfiguration",
    "hostname",
    "image",
    "interactive",
    "logConfiguration",
    "mountPoints",
    "privileged",
    "pseudoTerminal",
    "readonlyRootFilesystem",
    "repositoryCredentials",
    "secrets",
    "systemControls",
    "user",
    "versionConsistency",
    "volumesFrom",
    "workingDirectory",
];

/// A task definition as registered or as described.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    pub(super) family: Option<String>,
    pub(super) cpu: Option<CpuUnits>,
    pub(super) memory: Option<MemoryMib>,
    pub(super) network_mode: Option<String>,
    pub(super) container_definitions: Option<Vec<Container>>,
    pub(super) placement_constraints: Option<Vec<Constraint>>,
    pub(super) runtime_platform: Option<RuntimePlatform>,
    pub(super) requires_attributes: Option<Vec<Attribute>>,
    pub(super) requires_compatibilities: Option<Vec<String>>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// One container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: Option<String>,
    pub(super) depends_on: Option<Vec<Dependency>>,
    pub(super) start_timeout: Option<u64>,
    pub(super) stop_timeout: Option<u32>,
    pub(super) restart_policy: Option<RestartPolicy>,
    pub(super) cpu: Option<CpuUnits>,
    pub(super) memory: Option<MemoryMib>,
    pub(super) memory_reservation: Option<MemoryMib>,
    pub(super) essential: Option<bool>,
    pub(super) port_mappings: Option<Vec<PortMapping>>,
    pub(super) resource_requirements: Option<Vec<ResourceRequirement>>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// What must have become of another container before one starts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    pub(super) container_name: String,
    pub(super) condition: String,
}

/// Whether a container is restarted when it exits.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RestartPolicy {
    pub(super) enabled: bool,
    pub(super) ignored_exit_codes: Option<Vec<i64>>,
    pub(super) restart_attempt_period: Option<u64>,
}

/// One port mapping of a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortMapping {
    pub(super) container_port: Option<i64>,
    pub(super) host_port: Option<i64>,
    pub(super) protocol: Option<String>,
    pub(super) container_port_range: Option<String>,
}

/// A GPU or another device that a container needs.
#[derive(Debug, Deserialize)]
pub(super) struct ResourceRequirement {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: String,
}

/// A placement constraint.
#[derive(Debug, Deserialize)]
pub(super) struct Constraint {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) expression: Option<String>,
}

/// Processor and operating system.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimePlatform {
    pub(super) cpu_architecture: Option<String>,
    pub(super) operating_system_family: Option<String>,
}

/// An attribute that ECS found the definition to need.
#[derive(Debug, Deserialize)]
pub(super) struct Attribute {
    pub(super) name: String,
}

impl Definition {
    /// Names of the fields that are neither read nor merely descriptive.
    pub(super) fn not_modelled(&self) -> impl Iterator<Item = &str> {
        names(&self.other, DESCRIPTIVE)
    }
}

impl Container {
    /// Names of the fields that are neither read nor merely descriptive.
    pub(super) fn not_modelled(&self) -> impl Iterator<Item = &str> {
        names(&self.other, DESCRIPTIVE_OF_CONTAINER)
    }
}

/// Keys with a value (not null, empty or zero) that are not in the list.
fn names<'a>(
    other: &'a BTreeMap<String, Value>,
    descriptive: &'static [&'static str],
) -> impl Iterator<Item = &'a str> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    other
        .iter()
        .filter(move |(_, value)| says_something(value))
        .map(|(name, _)| name.as_str())
        .filter(move |name| !descriptive.contains(name))
}
