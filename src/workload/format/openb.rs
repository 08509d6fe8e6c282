//! Format `openb`: Alibaba's trace of a GPU cluster, cluster-trace-gpu-v2023, and the arrival
//! orders of the study made with it.
//!
//! - `nodes`: CSV with the columns `sn,cpu_milli,memory_mib,gpu,model`. Every node is a machine;
//!   the model of its GPUs is the attribute `gpu-model`.
//! - `pods`: CSV with the columns `name,cpu_milli,memory_mib,num_gpu,gpu_milli` and, in most lists,
//!   `gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time` (seconds). `gpu_milli` is
//!   of each GPU. `gpu_spec` is the models a pod with GPUs may use, as `A|B`; empty is any.
//! - `order`, optional: CSV with the columns `kind,rank,name`. Nodes are registered in order of the
//!   rank of the rows of kind `node`; pods arrive in order of those of kind `pod`, where a name
//!   that is repeated is a copy. Without it, both are shuffled by the seed.
//! - `arrivals`: `one-by-one` (default) is the study's way: pod `i` of the order, from 0, arrives
//!   at `i + 1` seconds and never leaves. `timed` is the trace's own: a pod arrives when it was
//!   created, pods created at the same time in order of the file, and runs as long as it did, from
//!   being scheduled (or, if it never was, from being created) until it was deleted. An order then
//!   ranks the machines only.
//! - `inflate_to`, for one-by-one arrivals without an order: copies of pods, drawn uniformly, are
//!   appended until the GPUs asked for are this multiple of those there are, such as `1.3`.
//!
//! Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
//! Fragmentation Gradient Descent", USENIX ATC 2023, and the simulator published with it.

mod arrivals;
mod config;
mod nodes;
mod order;
mod pods;

use std::path::PathBuf;

use crate::model::TaskDefinition;
use crate::workload::WorkloadError;

use self::arrivals::Arrivals;
use self::config::{ArrivalsMode, Config};
use self::nodes::Nodes;
use self::order::Order;
use self::pods::Pods;
use super::{FormatEntry, Opening, Trace, TraceFormat};

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "openb",
    summary: "machines and pods of a GPU cluster (Alibaba cluster-trace-gpu-v2023)",
    parse: |table| {
        Ok(Box::new(Openb {
            config: Config::parse(table)?,
        }))
    },
};

/// An openb trace as configured.
#[derive(Debug)]
struct Openb {
    config: Config,
}

impl TraceFormat for Openb {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn open(&self, at: &Opening) -> Result<Trace, WorkloadError> {
        let config = &self.config;
        let nodes = Nodes::read(&at.path("nodes", &config.nodes), at.capacity)?;
        let timed = config.arrivals == ArrivalsMode::Timed;
        let pods = Pods::read(&at.path("pods", &config.pods), &at.workload, timed)?;
        let order = match &config.order {
            Some(path) => Some(Order::read(
                &at.path("order", path),
                &nodes.names,
                &pods.names,
            )?),
            None => None,
        };
        let gpu_milli = nodes.gpu_milli();
        let warnings = order.iter().filter_map(|order| order.left_out(&pods.names)).collect();
        let events = match (&order, config.arrivals) {
            (_, ArrivalsMode::Timed) => Arrivals::timed(pods),
            (Some(order), ArrivalsMode::OneByOne) => Arrivals::one_by_one(pods, order.pods.clone()),
            (None, ArrivalsMode::OneByOne) => {
                let mut arriving = arrivals::shuffled_pods(&pods, at.seed);
                if let Some(multiple) = config.inflate_to {
                    arrivals::inflate(&mut arriving, &pods, at.seed, multiple.of(gpu_milli))?;
                }
                Arrivals::one_by_one(pods, arriving)
            }
        };
        let machines = match order {
            Some(order) => nodes.ordered(&order.nodes),
            None => nodes.shuffled(at.seed),
        };
        Ok(Trace {
            warnings,
            machines,
            services: Vec::new(),
            events: Box::new(events),
        })
    }

    fn files(&self, at: &Opening) -> Vec<(&'static str, PathBuf)> {
        let paths = self.config.paths();
        paths
            .into_iter()
            .map(|(key, path)| (key, at.path(key, path)))
            .collect()
    }

    fn definitions(&self, at: &Opening) -> Result<Vec<(TaskDefinition, u64)>, WorkloadError> {
        let path = at.path("pods", &self.config.pods);
        Ok(Pods::read(&path, &at.workload, false)?.definitions_with_counts())
    }

    fn resolved(&self) -> toml::Table {
        self.config.resolved()
    }
}

#[cfg(test)]
mod tests;
