//! Trace formats. A new one is one file here and one line in the table below; from then on it
//! stands in `towtank list formats` and in the message for a misspelt name.

pub mod reader;

macro_rules! formats {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// Every trace format.
        pub static FORMATS: &[FormatEntry] = &[$($module::ENTRY),*];
    };
}

formats! {
    alibaba_dlrm,
    csv,
    openb,
}

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::des::Seed;
use crate::model::{CapacityId, InstanceSpec, TaskDefinition};

use super::trace::TraceCache;
use super::{ServicePlan, Source, WorkloadError};

/// A line of the table of formats.
#[derive(Debug, Clone)]
pub struct FormatEntry {
    /// The name in `format = "…"`.
    pub name: &'static str,
    /// One line for `towtank list formats`.
    pub summary: &'static str,
    /// Reads the workload's own keys; an error names the key and the remedy.
    pub parse: fn(toml::Table) -> Result<Box<dyn TraceFormat>, FormatError>,
}

/// Wrong keys in a workload's table.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The table does not have the shape of the format; carries the key path within the table.
    #[error(transparent)]
    Shape(#[from] serde_path_to_error::Error<toml::de::Error>),
    /// A value is out of range: (key, what is wrong and the remedy).
    #[error("{0}: {1}")]
    Value(String, String),
}

/// A trace as configured in a scenario: files and how to read them.
pub trait TraceFormat: std::fmt::Debug + Send + Sync {
    /// Name of the format.
    fn name(&self) -> &'static str;

    /// Opens the files. The random choices a format makes are keyed by `at.seed`.
    ///
    /// # Errors
    /// A file that is missing, empty or not what the format says.
    fn open(&self, at: &Opening) -> Result<Trace, WorkloadError>;

    /// The same, read in a certain way, which changes nothing but the time it takes. A format that
    /// is read whole when it is opened has but one way.
    ///
    /// # Errors
    /// As [`TraceFormat::open`].
    fn open_with(&self, at: &Opening, _how: &Reading) -> Result<Trace, WorkloadError> {
        self.open(at)
    }

    /// Whether services come from it. They then have a placement, which is no key of the format's.
    fn brings_services(&self) -> bool {
        false
    }

    /// The files read, by the key that names each, for hashes in the manifest.
    fn files(&self, at: &Opening) -> Vec<(&'static str, PathBuf)>;

    /// Every task definition in the trace with the number of its tasks: what a workload profile is
    /// made of. Reads the trace through.
    ///
    /// # Errors
    /// As [`TraceFormat::open`].
    fn definitions(&self, at: &Opening) -> Result<Vec<(TaskDefinition, u64)>, WorkloadError>;

    /// The configuration with every default, paths as written, for the manifest.
    fn resolved(&self) -> toml::Table;
}

/// What a trace is opened with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Name of the workload, for families and messages.
    pub workload: String,
    /// Seed of the run.
    pub seed: Seed,
    /// Capacity group that machines of the trace belong to.
    pub capacity: CapacityId,
    /// Which of the controller's placers places services of the trace.
    pub placer: usize,
    /// Directory of the scenario file: paths written there are relative to it.
    pub directory: PathBuf,
    /// Keys of the workload that were set on the command line: their paths are relative to the
    /// current directory.
    pub from_command_line: BTreeSet<String>,
}

impl Opening {
    /// Where the file named by `key` is; `{seed}` in it stands for the seed of the run.
    pub fn path(&self, key: &str, path: &Path) -> PathBuf {
        let seeded = path.to_string_lossy().replace("{seed}", &self.seed.0.to_string());
        if self.from_command_line.contains(key) {
            PathBuf::from(seeded)
        } else {
            self.directory.join(seeded)
        }
    }
}

/// How traces are read. Results never depend on it.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Whether rows are read ahead in a thread of their own.
    pub ahead: bool,
    /// Where rows are kept for later runs.
    pub cache: Option<Arc<TraceCache>>,
}

/// A trace opened: machines and services it brings (none for most formats), and its events.
#[derive(Debug)]
pub struct Trace {
    /// Machines, registered at time 0 in this order.
    pub machines: Vec<InstanceSpec>,
    /// Services, in any order.
    pub services: Vec<ServicePlan>,
    /// Submissions in order of time.
    pub events: Box<dyn Source>,
    /// What the user should know of what was read, and is no error.
    pub warnings: Vec<String>,
}
