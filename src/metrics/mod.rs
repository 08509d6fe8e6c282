//! What is recorded of a run. Recorders see every event beside the cluster and never feed back.

mod allocation;
mod fingerprint;
mod integral;
mod lives;
mod load;
mod milestones;
mod recorders;
mod request_tally;
mod service_events;
mod service_metrics;
pub mod summary;
mod summary_recorder;
mod table_file;
mod task_table;
mod timeline;
pub mod timeline_point;
mod verdict;

pub use allocation::{AllocationRecorder, AllocationRow};
pub use fingerprint::Fingerprint;
pub use lives::{Life, Lives};
pub use milestones::TaskTimes;
pub use recorders::{RecordError, Recorders, Records};
pub use service_events::{SERVICE_EVENT_COLUMNS, ServiceEvents};
pub(crate) use service_events::{service_message, service_message_cause};
pub use service_metrics::{SERVICE_METRIC_COLUMNS, ServiceMetricTable};
pub use summary::Summary;
pub use task_table::{TASK_COLUMNS, TaskTable, csv_text};
pub use timeline_point::TimelinePoint;

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::Cluster;

/// One event as recorders see it: what happened, what followed, and the cluster afterwards.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The time.
    pub now: SimTime,
    /// What happened.
    pub event: &'a Event,
    /// What followed in the control plane, in order.
    pub changes: &'a [Change],
    /// The cluster after it.
    pub cluster: &'a Cluster,
    /// The lives of all tasks, those that ended in this event included.
    pub lives: &'a Lives,
}

/// Records a run as it goes, in O(1) per change.
pub trait Recorder: std::fmt::Debug + Send {
    /// One event was handled.
    fn record(&mut self, seen: &Observation<'_>);

    /// The run has ended at `now`.
    fn finish(&mut self, now: SimTime, cluster: &Cluster) {
        let _ = (now, cluster);
    }
}
