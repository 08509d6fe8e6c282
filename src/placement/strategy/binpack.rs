//! ECS `binpack(cpu|memory)`: the instance with the least of one resource left.
//!
//! Source: ECS API, `PlacementStrategy`: "placed on the instance that has the least amount of
//! remaining memory [or CPU] that can still run the task". Amounts are those before placing.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "binpack",
    parameter: Some("cpu|memory"),
    example: "memory",
    chains: true,
    needs_profile: false,
    summary: "ECS: the instance with the least CPU or memory left",
    build,
};

#[derive(Debug, Clone, Copy)]
enum Binpack {
    Cpu,
    Memory,
}

fn build(build: &Build<'_>) -> Result<Policy, String> {
    match build.parameter {
        Some("cpu") => Policy::scored(Binpack::Cpu),
        Some("memory") => Policy::scored(Binpack::Memory),
        Some(other) => Err(format!("no resource '{other}'; write binpack:cpu or binpack:memory")),
        None => Err("say by what: binpack:cpu or binpack:memory".to_owned()),
    }
}

fn cpu_free(on: InstanceView<'_>) -> Score {
    -i64::from(on.cpu_free().0)
}

fn memory_free(on: InstanceView<'_>) -> Score {
    -i64::from(on.memory_free_mib())
}

impl PlacementStrategy for Binpack {
    fn reads(&self) -> Reads {
        match self {
            Binpack::Cpu => Reads::Key(cpu_free),
            Binpack::Memory => Reads::Key(memory_free),
        }
    }

    fn score(&self, _class: &TaskClass, on: InstanceView<'_>) -> Score {
        match self {
            Binpack::Cpu => cpu_free(on),
            Binpack::Memory => memory_free(on),
        }
    }
}
