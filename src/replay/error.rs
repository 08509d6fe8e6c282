//! Why a replay failed.

use crate::backend::BackendError;
use crate::run::RunError;
use crate::workload::WorkloadError;

#[cfg(feature = "docker")]
use super::probe::ProbeError;

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The workload cannot be read: bad input.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The engine does not answer, was lost, or could not do what it was asked to.
    #[error("{0}")]
    Engine(String),
    /// The engines cannot be used together: bad input.
    #[error("{0}")]
    Endpoints(String),
    /// The machine cannot carry the scenario: all the reasons, with remedies.
    #[error("this machine cannot carry the scenario:\n{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was interrupted from outside; what it made is gone.
    #[error("interrupted")]
    Interrupted,
}

#[cfg(feature = "docker")]
impl From<ProbeError> for ReplayError {
    fn from(error: ProbeError) -> ReplayError {
        match error {
            ProbeError::Interrupted => ReplayError::Interrupted,
            why => ReplayError::Engine(why.to_string()),
        }
    }
}

impl From<BackendError> for ReplayError {
    fn from(error: BackendError) -> ReplayError {
        ReplayError::Engine(error.0)
    }
}
