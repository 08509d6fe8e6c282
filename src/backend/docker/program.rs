//! What the workload image does: the program that stands in for a task's containers.

use serde::{Deserialize, Serialize};

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Wall-clock length, microseconds; of work, the length if it gets all the CPU it wants.
    pub micros: u64,
    /// CPU wanted, thousandths of a core.
    pub cpu_milli: u32,
    /// Memory in use, KiB, beside the program's own.
    pub memory_kib: u64,
}

/// Numbers only: nothing of a trace or scenario reaches a container in any other form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Whether phases last until their work is done (`micros` × `cpu_milli` of CPU time), rather
    /// than for their time.
    pub work: bool,
    /// One after the other; none is a program that exits at once.
    pub phases: Vec<Phase>,
    /// Runs on after the last phase until it is stopped.
    pub until_stopped: bool,
    /// Time over which the memory of the first phase is taken, evenly, microseconds.
    pub memory_ramp_micros: u64,
    /// Exit code at its end.
    pub exit_code: u8,
    /// Ends itself after so long, with exit code 124, microseconds.
    pub deadline_micros: u64,
}

/// The line of JSON that the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Said {
    /// Wall-clock time it ran, seconds.
    pub wall_s: f64,
    /// CPU time it used, seconds.
    pub cpu_s: f64,
    /// Most memory resident, KiB.
    pub max_rss_kib: u64,
    /// Whether it was told to stop.
    pub stopped: bool,
}
