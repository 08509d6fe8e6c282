//! The vocabulary between the thread that talks to a Docker Engine and everything else.

use std::time::{Duration, Instant};

use super::program::Program;

/// A container as its creator numbers it: unique per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Networking of a container; never the user's own networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Network {
    /// A network namespace with nothing in it.
    #[default]
    None,
    /// The engine's default bridge.
    Bridge,
    /// The host's: only `towtank calibrate` asks for it, to measure what a namespace costs.
    Host,
}

impl Network {
    /// The engine's own name for it.
    pub fn name(self) -> &'static str {
        match self {
            Network::None => "none",
            Network::Bridge => "bridge",
            Network::Host => "host",
        }
    }
}

/// A container to be made. Whatever comes from a scenario or trace is a number in here.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    /// Image to run: the workload image, or one of the allow-list.
    pub image: String,
    /// What the workload image does; `None` runs an image of the user's as it is.
    pub program: Option<Program>,
    /// Value of the label `towtank.task`.
    pub task: u64,
    /// Value of the label `towtank.instance`.
    pub instance: u32,
    /// CPU weight in ECS units, at least 2 (`CpuShares`).
    pub cpu_shares: u32,
    /// CPU at any time, thousandths of a core (a CFS quota); `None` is no quota.
    pub cpu_quota_milli: Option<u32>,
    /// Hard limit of memory, bytes; swap is off.
    pub memory_limit: Option<u64>,
    /// Parent cgroup, as the engine's driver wants it.
    pub cgroup_parent: Option<String>,
    /// Cores it may run on, by number, ascending; empty is all.
    pub cores: Vec<u32>,
    /// Networking.
    pub network: Network,
    /// Between SIGTERM and SIGKILL when it is stopped.
    pub stop_grace: Duration,
    /// After which the workload image ends by itself, whatever happens.
    pub deadline: Duration,
}

/// What an engine is asked to do. The effect comes as a [`Report`].
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Create and start a container.
    Start(Token, Box<ContainerSpec>),
    /// SIGTERM, and SIGKILL after the grace of its spec.
    Stop(Token),
    /// SIGKILL.
    Kill(Token),
    /// Remove a container that has exited.
    Remove(Token),
}

/// A step of a container's life.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The engine has created it.
    Created,
    /// The engine says that it runs.
    Started,
    /// It has exited.
    Exited(Exit),
    /// It is gone from the engine.
    Removed,
    /// An operation failed for good; the container, if it came to be, is being removed.
    Failed {
        /// Which, for messages: `create`, `start`, `stop`, `kill`, `remove`.
        operation: &'static str,
        /// What the engine said.
        why: String,
    },
}

/// How a container exited.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exit {
    /// Exit code; 137 after SIGKILL.
    pub code: i64,
    /// Whether the kernel killed it for its use of memory.
    pub oom: bool,
    /// The engine's own timestamps, Unix time in nanoseconds: start and end of its process. Engines
    /// before 26.0 note the start only once it has succeeded, which for a process that ends at once
    /// may be after its end (moby/moby issue 45445).
    pub engine_started_ns: u64,
    /// End of its process.
    pub engine_finished_ns: u64,
    /// The parent cgroup that the engine says it ran in.
    pub cgroup_parent: String,
    /// What the workload image said of itself, if it came to that.
    pub said: Option<super::program::Said>,
}

/// What an engine reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// A container took a step.
    Container {
        /// Which.
        token: Token,
        /// When that was known here.
        at: Instant,
        /// What happened.
        step: Step,
    },
    /// The engine no longer answers; nothing more will be reported.
    Lost {
        /// Endpoint and reason.
        why: String,
    },
}
