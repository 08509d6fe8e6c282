//! Format `alibaba-dlrm`: Alibaba's trace of inference services of recommendation models,
//! cluster-trace-gpu-v2025.
//!
//! A CSV file with one row per instance, in any order; its columns:
//!
//! - `instance_sn`: the name, which no two rows share.
//! - `role`: `CN` runs on nodes without GPUs, `HN` on nodes with them. `app_name`: its service.
//! - `cpu_request`, `cpu_limit` in vCPU; `memory_request`, `memory_limit` in GiB, decimals;
//!   `gpu_request`, `gpu_limit` in devices. A limit is at least what is requested.
//! - `max_instance_per_node`: instances of the app on a node at most; -1 is any number.
//! - `creation_time`, `deletion_time`: decimal seconds from the start. Empty: it existed before the
//!   start; it was alive at the end.
//! - `scheduled_time`: checked, and otherwise not used. How long the instance waited is the doing
//!   of the trace's scheduler.
//! - `rdma_request`, `rdma_limit`, `disk_request`, `disk_limit`: not modelled, may be missing.
//!
//! The instances of one app and role that ask for the same are a *group*. Read `as = "services"`,
//! a group is an ECS service whose desired count is the number of its instances that exist at each
//! time. Read `as = "tasks"`, an instance is a standalone task that runs as long as it existed; its
//! task group is its app. Nothing else is known of the time before the start: what existed then is
//! there, or submitted, at time 0.
//!
//! Rows are in order of apps and not of time, so that the file is read whole when it is opened.
//!
//! Source: Yang et al., "GPU-Disaggregated Serving for Deep Learning Recommendation Models at
//! Scale", NSDI 2025, and the description published with the trace.

mod instances;
mod services;
mod tasks;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::des::SimTime;
use crate::model::TaskDefinition;
use crate::workload::law_spec::Span;
use crate::workload::written_table::read_table;
use crate::workload::{Machines, Source, WorkloadError};

use self::instances::Instances;
use self::tasks::Tasks;
use super::{FormatEntry, FormatError, Opening, Trace, TraceFormat};

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "alibaba-dlrm",
    summary: "services of recommendation models over a month (Alibaba cluster-trace-gpu-v2025)",
    parse: |table| Ok(Box::new(parse(table)?)),
};

/// A workload's own keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DlrmTrace {
    file: PathBuf,
    /// What the instances become.
    #[serde(default)]
    r#as: ReadAs,
    /// Attribute with which instances of the cluster say which role they take; empty: any do.
    #[serde(default)]
    role_attribute: String,
    /// When all services that are there deploy their definition anew; never if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rolling_update_at: Option<Span>,
}

/// What the instances of the trace become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReadAs {
    /// Groups of them are ECS services.
    #[default]
    Services,
    /// Each is a standalone task.
    Tasks,
}

fn parse(table: toml::Table) -> Result<DlrmTrace, FormatError> {
    Ok(read_table(table)?)
}

impl DlrmTrace {
    fn read(&self, at: &Opening) -> Result<Instances, WorkloadError> {
        Instances::read(&at.path("file", &self.file), &at.workload, &self.role_attribute)
    }
}

impl TraceFormat for DlrmTrace {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn open(&self, at: &Opening) -> Result<Trace, WorkloadError> {
        let instances = self.read(at)?;
        let mut warnings: Vec<String> = instances.not_modelled().into_iter().collect();
        let (services, events): (_, Box<dyn Source>) = match self.r#as {
            ReadAs::Tasks => {
                let ignored = "rolling_update_at: has no effect, as tasks are not updated";
                warnings.extend(self.rolling_update_at.map(|_| ignored.to_owned()));
                (Vec::new(), Box::new(Tasks::new(instances)))
            }
            ReadAs::Services => {
                warnings.extend(services::notes(&instances));
                let update_at = self.rolling_update_at.map(|at| SimTime::ZERO + at.duration());
                (services::plans(&instances, at.placer, update_at), Box::new(Machines::new([])))
            }
        };
        Ok(Trace { machines: Vec::new(), services, events, warnings })
    }

    fn brings_services(&self) -> bool {
        self.r#as == ReadAs::Services
    }

    fn files(&self, at: &Opening) -> Vec<(&'static str, PathBuf)> {
        vec![("file", at.path("file", &self.file))]
    }

    fn definitions(&self, at: &Opening) -> Result<Vec<(TaskDefinition, u64)>, WorkloadError> {
        Ok(self.read(at)?.definitions_with_counts())
    }

    fn resolved(&self) -> toml::Table {
        toml::Table::try_from(self).expect("a table read can be written")
    }
}

#[cfg(test)]
mod tests;
