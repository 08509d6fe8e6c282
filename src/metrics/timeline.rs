//! The run over time, in at most 1024 equal buckets: memory does not grow with the length.

use crate::des::SimTime;

use super::TimelinePoint;
use super::integral::{Integrals, share};

/// Buckets at most; when they are full, neighbours merge and the width doubles.
const BUCKETS_MAX: usize = 1024;

/// Width of a bucket at first: one millisecond.
const FIRST_WIDTH: u64 = 1000;

/// Time-weighted means per bucket of time.
#[derive(Debug)]
pub(super) struct Timeline {
    buckets: Vec<Integrals>,
    width: u64,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { buckets: Vec::new(), width: FIRST_WIDTH }
    }
}

impl Timeline {
    /// Makes the buckets wide enough for what happens until `now`.
    pub(super) fn reach(&mut self, now: SimTime) {
        while now.micros().saturating_sub(1) / self.width >= BUCKETS_MAX as u64 {
            self.widen();
        }
    }

    /// End of the bucket that a stretch from `start` on falls into.
    pub(super) fn bucket_end(&self, start: SimTime) -> SimTime {
        SimTime::from_micros((start.micros() / self.width + 1) * self.width)
    }

    /// Adds a stretch of time that began at `start` and ended before its bucket did.
    pub(super) fn add(&mut self, start: SimTime, stretch: &Integrals) {
        let index = (start.micros() / self.width) as usize;
        if self.buckets.len() <= index {
            self.buckets.resize(index + 1, Integrals::default());
        }
        self.buckets[index].merge(stretch);
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
    pub(super) fn points(&self) -> Vec<TimelinePoint> {
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
