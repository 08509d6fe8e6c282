//! The run over time, in at most 1024 equal buckets: memory does not grow with the length.

use crate::controller::Change;
use crate::des::SimTime;
use crate::model::Cluster;

use super::integral::{Follower, Integrals, share};
use super::{Observation, Recorder, TimelinePoint};

/// Buckets at most; when they are full, neighbours merge and the width doubles.
const BUCKETS_MAX: usize = 1024;

/// Width of a bucket at first: one millisecond.
const FIRST_WIDTH: u64 = 1000;

/// Collects time-weighted means per bucket of time.
#[derive(Debug)]
pub struct TimelineRecorder {
    buckets: Vec<Integrals>,
    width: u64,
    follower: Follower,
}

impl Default for TimelineRecorder {
    fn default() -> TimelineRecorder {
        let follower = Follower::default();
        TimelineRecorder { buckets: Vec::new(), width: FIRST_WIDTH, follower }
    }
}

impl TimelineRecorder {
    /// Spreads the state over the buckets from the last event to `now`.
    fn advance(&mut self, now: SimTime) {
        let mut from = self.follower.since.micros();
        let to = now.micros();
        self.follower.advance(now);
        while (to.saturating_sub(1)) / self.width >= BUCKETS_MAX as u64 {
            self.widen();
        }
        while from < to {
            let index = from / self.width;
            let end = ((index + 1) * self.width).min(to);
            let index = index as usize;
            if self.buckets.len() <= index {
                self.buckets.resize(index + 1, Integrals::default());
            }
            self.buckets[index].add(&self.follower.state, end - from);
            from = end;
        }
    }

    fn widen(&mut self) {
        for index in 0..self.buckets.len().div_ceil(2) {
            let mut merged = self.buckets[2 * index];
            if let Some(second) = self.buckets.get(2 * index + 1) {
                merged.merge(second);
            }
            self.buckets[index] = merged;
        }
        self.buckets.truncate(self.buckets.len().div_ceil(2));
        self.width *= 2;
    }

    /// The points so far, in order of time.
    pub fn points(&self) -> Vec<TimelinePoint> {
        let seconds = |micros: u64| SimTime::from_micros(micros).as_secs_f64();
        let point = |(index, bucket): (usize, &Integrals)| {
            let start = index as u64 * self.width;
            TimelinePoint {
                start_s: seconds(start),
                end_s: seconds(start + bucket.micros),
                cpu: share(bucket.cpu_used, bucket.cpu),
                memory: share(bucket.memory_used, bucket.memory),
                gpu: share(bucket.gpu_used, bucket.gpu),
                pending: bucket.mean(bucket.pending).unwrap_or(0.0),
                running: bucket.mean(bucket.running).unwrap_or(0.0),
                instances: bucket.mean(bucket.instances).unwrap_or(0.0),
            }
        };
        self.buckets.iter().enumerate().map(point).collect()
    }
}

/// Takes the changes of one event into the counts of pending and running tasks.
pub(super) fn count(follower: &mut Follower, seen: &Observation<'_>) {
    let state = &mut follower.state;
    for change in seen.changes {
        match change {
            Change::TaskCreated { .. } => state.pending += 1,
            Change::TaskPlaced { .. } => {
                state.pending -= 1;
                state.running += 1;
            }
            Change::TaskEnded { task, .. } => {
                let placed = seen.lives.get(*task).is_some_and(|life| life.placed.is_some());
                if placed { state.running -= 1 } else { state.pending -= 1 }
            }
            Change::InstanceJoined(_)
            | Change::PlacementRefused(_)
            | Change::TaskStarted(_)
            | Change::TaskStopping(_) => {}
        }
    }
    state.totals = *seen.cluster.totals();
}

impl Recorder for TimelineRecorder {
    fn record(&mut self, seen: &Observation<'_>) {
        self.advance(seen.now);
        count(&mut self.follower, seen);
    }

    fn finish(&mut self, now: SimTime, _: &Cluster) {
        self.advance(now);
    }
}
