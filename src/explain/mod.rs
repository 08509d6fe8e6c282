//! Why a task was placed where it was, or not at all: the run is made once more, with a log around
//! its placers, and must come out the same.
//!
//! Nothing is recorded beforehand: a run follows from its manifest, or where it does not, as on
//! real containers, from that and the journal of what happened on its hosts. The decisions are
//! those of the scenario's own placer; how they came about is worked out by the full scan, for the
//! task asked about alone, so that an explanation takes about as long as the run did.

mod account;
mod counterfactual;
pub mod explanation;
mod lacks;
mod repeat;
pub mod service;
mod states;
#[cfg(test)]
mod tests;
mod told;
mod trace;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::BackendError;
use crate::catalogue::{Catalogue, InstanceType};
use crate::des::Seed;
use crate::placement::{PlacementError, SharedLog};
use crate::run::{Progress, RunError};
use crate::workload::WorkloadError;

use explanation::Explanation;
use trace::{Trace, Watcher, locked};

pub use repeat::Repeat;

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such task.
    #[error("there is no task {task}: {known}")]
    UnknownTask {
        /// The number asked for.
        task: u64,
        /// Which there are, in words.
        known: String,
    },
    /// There is no such service.
    #[error("there is no service {service}: {known}")]
    UnknownService {
        /// The name asked for.
        service: String,
        /// Which there are, in words.
        known: String,
    },
    /// The run did not come out the same.
    #[error(
        "the run has the fingerprint {now} and not {then}, as in its manifest: something that it \
         was made from has changed; run the scenario again, or the replay"
    )]
    Differs {
        /// In the manifest.
        then: String,
        /// Now.
        now: String,
    },
    /// The journal of what happened on its hosts is another run's.
    #[error("{0}; run the replay again")]
    Journal(BackendError),
    /// A strategy cannot be built.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// The workload cannot be opened.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Which tasks a run of so many has.
fn known(tasks: u64) -> String {
    match tasks.checked_sub(1) {
        None => "the run has none".to_owned(),
        Some(0) => "the run has one, 0".to_owned(),
        Some(last) => format!("the run has 0 to {last}, the column `task` of tasks.csv"),
    }
}

/// Makes a run once more and explains one of its tasks.
///
/// # Errors
/// There is no such task, or the run fails or does not come out the same.
pub fn explain(
    repeat: &Repeat<'_>,
    task: u64,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<Explanation, ExplainError> {
    let Repeat { manifest, scenario, .. } = repeat;
    let trace = Trace::of(task, trunks(scenario.catalogue()));
    let log: SharedLog = trace.clone();
    let placers = scenario.traced_placers(Seed(manifest.seed), &log)?;
    drop(log);
    let finished = repeat.run(placers, Box::new(Watcher(Arc::clone(&trace))), watch)?;
    let noted = locked(&trace);
    let lived = noted.lived.as_ref().ok_or_else(|| {
        let known = known(finished.controller.cluster().tasks_created());
        ExplainError::UnknownTask { task, known }
    })?;
    Ok(account::explanation(manifest, scenario, &finished, &noted, lived))
}

/// ENI slots of instance types with trunking.
fn trunks(catalogue: &Catalogue) -> BTreeMap<String, u32> {
    let of = |one: &InstanceType| Some((one.name.clone(), one.awsvpc_tasks_trunking?));
    catalogue.iter().filter_map(of).collect()
}
