//! Why a command failed, and with which exit code.

use std::fmt;

use crate::benchmark::BenchError;
use crate::experiment::comparison::ComparisonError;
use crate::experiment::grid::GridError;
use crate::explain::ExplainError;
use crate::report::output::OutputError;
use crate::run::RunError;
use crate::scenario::ScenarioError;
use crate::workload::WorkloadError;

/// A command that failed.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Failed = 1,
    BadInput = 2,
    Invariant = 3,
    Interrupted = 130,
}

impl Failure {
    /// The run failed for a reason that is not its input.
    pub(super) fn failed(message: impl Into<String>) -> Failure {
        Failure { kind: Kind::Failed, message: message.into() }
    }

    /// The user gave something that cannot be used.
    pub(super) fn bad_input(message: impl Into<String>) -> Failure {
        Failure { kind: Kind::BadInput, message: message.into() }
    }

    /// An assertion of towtank's failed.
    pub(super) fn invariant() -> Failure {
        let message = "an invariant broke; please report this with the scenario and the seed";
        Failure { kind: Kind::Invariant, message: message.to_owned() }
    }

    /// The user stopped it.
    pub(super) fn interrupted() -> Failure {
        let message = "interrupted; nothing was written".to_owned();
        Failure { kind: Kind::Interrupted, message }
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        self.kind as u8
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ScenarioError> for Failure {
    fn from(why: ScenarioError) -> Failure {
        Failure::bad_input(why.to_string())
    }
}

impl From<WorkloadError> for Failure {
    fn from(why: WorkloadError) -> Failure {
        Failure::bad_input(why.to_string())
    }
}

impl From<ComparisonError> for Failure {
    fn from(why: ComparisonError) -> Failure {
        Failure::bad_input(why.to_string())
    }
}

impl From<OutputError> for Failure {
    fn from(why: OutputError) -> Failure {
        match why {
            OutputError::Foreign(..)
            | OutputError::OtherKind { .. }
            | OutputError::OtherResults(..)
            | OutputError::Fixed(..)
            | OutputError::Link(..)
            | OutputError::NoDirectory(_) => Failure::bad_input(why.to_string()),
            OutputError::Write(..) => Failure::failed(why.to_string()),
        }
    }
}

impl From<GridError> for Failure {
    fn from(why: GridError) -> Failure {
        let message = why.to_string();
        let kind = match why {
            GridError::Workload(_) => Kind::BadInput,
            GridError::Run { source: RunError::Invariant { .. }, .. } => Kind::Invariant,
            GridError::Run { source: RunError::Interrupted, .. } => Kind::Interrupted,
            GridError::Run { .. } | GridError::Write(_) => Kind::Failed,
        };
        match kind {
            Kind::Interrupted => Failure::interrupted(),
            kind => Failure { kind, message },
        }
    }
}

impl From<BenchError> for Failure {
    fn from(why: BenchError) -> Failure {
        let message = why.to_string();
        let kind = match why {
            BenchError::Interrupted => return Failure::interrupted(),
            BenchError::Placement(_)
            | BenchError::Workload(_)
            | BenchError::Run(RunError::Workload(_)) => Kind::BadInput,
            BenchError::Run(RunError::Invariant { .. }) | BenchError::Disagreement(_) => {
                Kind::Invariant
            }
            BenchError::Run(_) => Kind::Failed,
        };
        Failure { kind, message }
    }
}

impl From<ExplainError> for Failure {
    fn from(why: ExplainError) -> Failure {
        let message = why.to_string();
        let kind = match why {
            ExplainError::Run(RunError::Interrupted) => return Failure::interrupted(),
            ExplainError::UnknownTask { .. }
            | ExplainError::UnknownService { .. }
            | ExplainError::Journal(_)
            | ExplainError::Placement(_)
            | ExplainError::Workload(_)
            | ExplainError::Run(RunError::Workload(_)) => Kind::BadInput,
            ExplainError::Run(RunError::Invariant { .. }) => Kind::Invariant,
            ExplainError::Differs { .. } | ExplainError::Run(_) => Kind::Failed,
        };
        Failure { kind, message }
    }
}

#[cfg(feature = "docker")]
impl From<crate::backend::docker::EngineError> for Failure {
    fn from(why: crate::backend::docker::EngineError) -> Failure {
        use crate::backend::docker::EngineError;
        match why {
            EngineError::Endpoint { .. } => Failure::bad_input(why.to_string()),
            why => Failure::failed(why.to_string()),
        }
    }
}

impl From<crate::replay::ReplayError> for Failure {
    fn from(why: crate::replay::ReplayError) -> Failure {
        use crate::replay::ReplayError;
        match why {
            ReplayError::Interrupted | ReplayError::Run(RunError::Interrupted) => {
                Failure::interrupted()
            }
            ReplayError::Workload(_)
            | ReplayError::Endpoints(_)
            | ReplayError::Run(RunError::Workload(_)) => Failure::bad_input(why.to_string()),
            ReplayError::Run(RunError::Invariant { .. }) => {
                Failure { kind: Kind::Invariant, message: why.to_string() }
            }
            ReplayError::Engine(_) | ReplayError::Refused(_) | ReplayError::Run(_) => {
                Failure::failed(why.to_string())
            }
        }
    }
}
