//! The recorders of one run together, and what they yield.

use std::hint::black_box;

use crate::controller::{Change, Event};
use crate::des::{SimDuration, SimTime};
use crate::model::{Cluster, TaskId};

use super::fingerprint::FingerprintRecorder;
use super::load::LoadRecorder;
use super::milestones::Milestones;
use super::request_tally::RequestTally;
use super::summary::{Shares, Slowdown, TaskCounts, Verdict, WaitSeconds};
use super::summary_recorder::{SummaryRecorder, allocated, utilisation};
use super::{
    AllocationRecorder, AllocationRow, Fingerprint, Lives, Observation, Recorder, ServiceEvents,
    ServiceMetricTable, TaskTable, TimelinePoint,
};

/// A record that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(pub String);

/// Every recorder of a run. The parts that are always there cost O(1) per change.
#[derive(Debug)]
pub struct Recorders {
    lives: Lives,
    /// Where a life cycle is configured.
    milestones: Option<Milestones>,
    fingerprint: FingerprintRecorder,
    load: LoadRecorder,
    summary: SummaryRecorder,
    requests: RequestTally,
    warm_up: SimDuration,
    /// Rows of `tasks.csv`.
    pub tasks: Option<TaskTable>,
    /// Rows of `service-events.csv`.
    pub service_events: Option<ServiceEvents>,
    /// Rows of `service-metrics.csv`.
    pub service_metrics: Option<ServiceMetricTable>,
    /// Rows of `allocation.csv`.
    pub allocation: Option<AllocationRecorder>,
    /// Recorders of a library user's own.
    pub own: Vec<Box<dyn Recorder>>,
}

/// What the recorders of a run yield: figures without names.
#[derive(Debug)]
pub struct Records {
    /// Fingerprint of the trajectory.
    pub fingerprint: Fingerprint,
    /// Fingerprint of the workload.
    pub workload_fingerprint: Fingerprint,
    /// Whether the cluster kept up.
    pub verdict: Verdict,
    /// Tasks by what became of them.
    pub tasks: TaskCounts,
    /// Waiting time.
    pub wait_s: WaitSeconds,
    /// Response time over run time.
    pub slowdown: Slowdown,
    /// Time-weighted share reserved.
    pub utilisation: Shares,
    /// Share reserved at the end.
    pub allocated_at_end: Shares,
    /// Instances.
    pub instances: super::summary::InstanceCounts,
    /// First submission to last end.
    pub makespan_s: Option<f64>,
    /// Price of the instances.
    pub cost_usd: f64,
    /// Tasks placed.
    pub placements: u64,
    /// Decisions that found no instance.
    pub refusals: u64,
    /// Requests to services.
    pub requests: super::summary::RequestFigures,
    /// The run over time.
    pub timeline: Vec<TimelinePoint>,
    /// Rows of `allocation.csv`, where it was recorded.
    pub allocation: Option<Vec<AllocationRow>>,
    /// Recorders of a library user's own, back with what they saw.
    pub own: Vec<Box<dyn Recorder>>,
}

impl Recorders {
    /// The recorders that are always there; means leave out what happened before `warm_up`.
    pub fn new(warm_up: SimDuration) -> Recorders {
        Recorders {
            lives: Lives::default(),
            milestones: None,
            fingerprint: FingerprintRecorder::default(),
            load: LoadRecorder::new(SimTime::ZERO + warm_up),
            summary: SummaryRecorder::new(SimTime::ZERO + warm_up),
            requests: RequestTally::new(SimTime::ZERO + warm_up),
            warm_up,
            tasks: None,
            service_events: None,
            service_metrics: None,
            allocation: None,
            own: Vec::new(),
        }
    }

    /// Has further times of tasks kept for `tasks.csv`: [`super::TaskTimes`].
    pub fn keep_task_times(&mut self) {
        self.milestones = Some(Milestones::default());
    }

    /// Shows one event to every recorder.
    pub fn record(&mut self, now: SimTime, event: &Event, changes: &[Change], cluster: &Cluster) {
        self.load.advance(now);
        self.fingerprint.event(now, event);
        self.requests.event(event);
        for change in changes {
            self.fingerprint.change(now, change);
            let life = self.lives.apply(now, change);
            self.load.change(change, life.as_ref());
            self.summary.change(now, change, life.as_ref());
        }
        if let Some(milestones) = &mut self.milestones {
            milestones.event(now, event);
            for change in changes {
                milestones.change(now, change, cluster);
            }
        }
        if !changes.is_empty() {
            self.load.set_totals(cluster.totals());
        }
        let seen = Observation { now, event, changes, cluster, lives: &self.lives };
        if let Some(tasks) = &mut self.tasks {
            tasks.record(&seen, self.milestones.as_ref());
        }
        if let Some(service_events) = &mut self.service_events {
            service_events.record(&seen);
        }
        if let Some(service_metrics) = &mut self.service_metrics {
            service_metrics.record(&seen);
        }
        if let Some(allocation) = &mut self.allocation {
            allocation.record(&seen);
        }
        self.own.iter_mut().for_each(|own| own.record(&seen));
        for change in changes {
            self.lives.forget(change);
        }
    }

    /// Reads the lives of some tasks, so that they are at hand when the tasks have events.
    pub fn look_ahead(&self, tasks: &[TaskId]) {
        let lives = tasks.iter().filter_map(|&task| self.lives.get(task));
        black_box(lives.map(|life| life.submitted.micros()).fold(0, u64::wrapping_add));
    }

    /// Fingerprint of the trajectory so far.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.trajectory()
    }

    /// Closes the records at the end of the run.
    ///
    /// # Errors
    /// A record that is written as it goes could not be.
    pub fn finish(mut self, now: SimTime, cluster: &Cluster) -> Result<Records, RecordError> {
        self.load.finish(now);
        self.own.iter_mut().for_each(|own| own.finish(now, cluster));
        if let Some(mut tasks) = self.tasks.take() {
            tasks.unfinished(&self.lives, self.milestones.as_ref(), cluster);
            tasks.close()?;
        }
        if let Some(service_events) = self.service_events.take() {
            service_events.close()?;
        }
        if let Some(service_metrics) = self.service_metrics.take() {
            service_metrics.close()?;
        }
        let timeline = self.load.timeline.points();
        let last_arrival = self.summary.last_submission().unwrap_or_default().as_secs_f64();
        let counts = TaskCounts {
            pending_at_end: self.load.state.pending,
            running_at_end: self.load.state.running,
            ..self.summary.counts
        };
        let warm_up_s = self.warm_up.as_secs_f64();
        Ok(Records {
            fingerprint: self.fingerprint.trajectory(),
            workload_fingerprint: self.fingerprint.workload(),
            verdict: Verdict::judge(&timeline, warm_up_s, last_arrival, &counts),
            tasks: counts,
            wait_s: self.summary.wait_seconds(self.summary.waiting_now(&self.lives)),
            slowdown: self.summary.slowdown(),
            utilisation: utilisation(&self.load.measured),
            allocated_at_end: allocated(cluster.totals()),
            instances: self.summary.instances(&self.load),
            makespan_s: self.summary.makespan_s(),
            cost_usd: self.load.cost().as_usd(),
            placements: self.summary.placements,
            refusals: self.summary.refusals,
            requests: self.requests.figures(),
            timeline,
            allocation: self.allocation.as_ref().map(AllocationRecorder::rows),
            own: self.own,
        })
    }
}
