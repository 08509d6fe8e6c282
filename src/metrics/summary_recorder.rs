//! Collects the figures of [`Summary`].

use hdrhistogram::Histogram;

use crate::controller::Change;
use crate::des::SimTime;
use crate::model::{Origin, Outcome, Totals};

use super::integral::{Integrals, share};
use super::load::LoadRecorder;
use super::summary::{InstanceCounts, Shares, Slowdown, TaskCounts, WaitSeconds};
use super::{Life, Lives};

/// Streaming counts and histograms: O(1) per change, memory independent of history.
#[derive(Debug)]
pub(super) struct SummaryRecorder {
    warm_up: SimTime,
    pub(super) counts: TaskCounts,
    waits: Histogram<u64>,
    wait_sum: u128,
    wait_max: u64,
    wait_count: u64,
    /// Tasks submitted after the warm-up that ended without having started.
    never_started: u64,
    slowdown_sum: f64,
    slowdown_max: f64,
    slowdown_count: u64,
    launched: u64,
    first_submission: Option<SimTime>,
    last_submission: Option<SimTime>,
    last_end: Option<SimTime>,
    pub(super) placements: u64,
    pub(super) refusals: u64,
}

impl SummaryRecorder {
    /// Means and quantiles leave out what happened before `warm_up`.
    pub(super) fn new(warm_up: SimTime) -> SummaryRecorder {
        SummaryRecorder {
            warm_up,
            counts: TaskCounts::default(),
            waits: Histogram::new(3).expect("three significant digits are supported"),
            wait_sum: 0,
            wait_max: 0,
            wait_count: 0,
            never_started: 0,
            slowdown_sum: 0.0,
            slowdown_max: 0.0,
            slowdown_count: 0,
            launched: 0,
            first_submission: None,
            last_submission: None,
            last_end: None,
            placements: 0,
            refusals: 0,
        }
    }

    /// Takes in a change, and the life of the task that starts or ends by it.
    pub(super) fn change(&mut self, now: SimTime, change: &Change, life: Option<&Life>) {
        match change {
            Change::InstanceJoined(_) => self.launched += 1,
            Change::TaskCreated { origin, .. } => {
                self.counts.submitted += 1;
                if matches!(origin, Origin::Submission { .. }) {
                    self.first_submission.get_or_insert(now);
                    self.last_submission = Some(now);
                }
            }
            Change::TaskPlaced { .. } => self.placements += 1,
            Change::PlacementRefused(_) => self.refusals += 1,
            Change::TaskStarted(_) => self.started(now, life.expect("a starting task lives")),
            Change::TaskAdvanced { .. }
            | Change::TaskStopping(_)
            | Change::InstanceDraining(_)
            | Change::Service(..) => {}
            Change::TaskEnded { outcome, .. } => {
                self.ended(now, life.expect("an ending task lived"), *outcome);
            }
        }
    }

    fn is_measured(&self, life: &Life) -> bool {
        life.submitted >= self.warm_up
    }

    fn started(&mut self, now: SimTime, life: &Life) {
        if self.is_measured(life) {
            let wait = (now - life.submitted).micros();
            self.waits.record(wait).expect("the histogram grows as needed");
            self.wait_sum += u128::from(wait);
            self.wait_max = self.wait_max.max(wait);
            self.wait_count += 1;
        }
    }

    fn ended(&mut self, now: SimTime, life: &Life, outcome: Outcome) {
        let counts = &mut self.counts;
        match outcome {
            Outcome::Completed => counts.completed += 1,
            Outcome::Failed | Outcome::OutOfMemory | Outcome::FailedToStart => {
                counts.failed += 1;
            }
            Outcome::Stopped => counts.stopped += 1,
            Outcome::Rejected => counts.rejected += 1,
            Outcome::Lost => counts.lost += 1,
        }
        if outcome != Outcome::Rejected {
            self.last_end = Some(now);
        }
        if !self.is_measured(life) {
            return;
        }
        let Some(started) = life.started else {
            self.never_started += 1;
            return;
        };
        let run = (now - started).micros();
        let ran_to_end = matches!(outcome, Outcome::Completed | Outcome::Failed);
        if ran_to_end && run > 0 {
            let slowdown = (now - life.submitted).micros() as f64 / run as f64;
            self.slowdown_sum += slowdown;
            self.slowdown_max = self.slowdown_max.max(slowdown);
            self.slowdown_count += 1;
        }
    }

    /// Waiting times, in seconds. `pending` tasks of the measured ones never started.
    pub(super) fn wait_seconds(&self, unfinished: u64) -> WaitSeconds {
        let seconds = |micros: u64| micros as f64 / 1e6;
        let some = |value: f64| (self.wait_count > 0).then_some(value);
        // The histogram rounds up to its bucket: the longest wait bounds every quantile.
        let quantile = |q| some(seconds(self.waits.value_at_quantile(q).min(self.wait_max)));
        WaitSeconds {
            mean: some(self.wait_sum as f64 / self.wait_count.max(1) as f64 / 1e6),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            max: some(seconds(self.wait_max)),
            unfinished: self.never_started + unfinished,
        }
    }

    pub(super) fn slowdown(&self) -> Slowdown {
        let some = |value: f64| (self.slowdown_count > 0).then_some(value);
        Slowdown {
            mean: some(self.slowdown_sum / self.slowdown_count.max(1) as f64),
            max: some(self.slowdown_max),
        }
    }

    pub(super) fn instances(&self, load: &LoadRecorder) -> InstanceCounts {
        let measured = &load.measured;
        InstanceCounts {
            mean: measured.mean(measured.instances),
            peak: load.peak_instances,
            launched: self.launched,
            terminated: self.launched - u64::from(load.state.totals.instances),
            empty_mean: measured.mean(measured.empty_instances),
        }
    }

    pub(super) fn makespan_s(&self) -> Option<f64> {
        let span = self.last_end?.checked_sub(self.first_submission?)?;
        Some(span.as_secs_f64())
    }

    pub(super) fn last_submission(&self) -> Option<SimTime> {
        self.last_submission
    }

    /// Tasks submitted after the warm-up among `lives` that have not started.
    pub(super) fn waiting_now(&self, lives: &Lives) -> u64 {
        let waits = |life: &Life| self.is_measured(life) && life.started.is_none();
        lives.iter().filter(waits).count() as u64
    }
}

/// Time-weighted shares reserved.
pub(super) fn utilisation(integrals: &Integrals) -> Shares {
    Shares {
        cpu: share(integrals.cpu_used, integrals.cpu),
        memory: share(integrals.memory_used, integrals.memory),
        gpu: share(integrals.gpu_used, integrals.gpu),
    }
}

/// Shares reserved at one instant.
pub(super) fn allocated(totals: &Totals) -> Shares {
    Shares {
        cpu: share(u128::from(totals.cpu_used), u128::from(totals.cpu)),
        memory: share(u128::from(totals.memory_used_mib), u128::from(totals.memory_mib)),
        gpu: share(u128::from(totals.gpu_used_milli), u128::from(totals.gpu_milli)),
    }
}
