//! The load over time: what was reserved, pending and running, integrated once for all who ask.

use crate::controller::Change;
use crate::des::SimTime;
use crate::model::{Cost, Totals};

use super::Life;
use super::integral::Integrals;
use super::timeline::Timeline;

/// The state that holds between two events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub(super) totals: Totals,
    pub(super) pending: u64,
    pub(super) running: u64,
}

/// Follows the state from event to event. Time goes by in stretches that lie in one bucket of the
/// timeline and on one side of the warm-up, so that an event costs one addition to one integral.
#[derive(Debug)]
pub(super) struct LoadRecorder {
    pub(super) state: State,
    /// Most instances registered at once.
    pub(super) peak_instances: u64,
    since: SimTime,
    /// The stretch that goes on, and where it ends.
    stretch: Integrals,
    end: SimTime,
    warm_up: SimTime,
    /// Before the warm-up's end, and from there on.
    before: Integrals,
    pub(super) measured: Integrals,
    pub(super) timeline: Timeline,
}

impl LoadRecorder {
    /// Integrals before `warm_up` are kept apart.
    pub(super) fn new(warm_up: SimTime) -> LoadRecorder {
        LoadRecorder {
            state: State::default(),
            peak_instances: 0,
            since: SimTime::ZERO,
            stretch: Integrals::default(),
            end: SimTime::ZERO,
            warm_up,
            before: Integrals::default(),
            measured: Integrals::default(),
            timeline: Timeline::default(),
        }
    }

    /// Price of the instances so far.
    pub(super) fn cost(&self) -> Cost {
        Cost(self.before.cost.0 + self.measured.cost.0)
    }

    /// The state has held until `now`.
    pub(super) fn advance(&mut self, now: SimTime) {
        while self.since < now {
            if self.since == self.end {
                self.close();
                self.timeline.reach(now);
                self.end = self.timeline.bucket_end(self.since);
                if self.since < self.warm_up {
                    self.end = self.end.min(self.warm_up);
                }
            }
            let until = now.min(self.end);
            self.stretch.add(&self.state, (until - self.since).micros());
            self.since = until;
        }
    }

    /// Books the stretch that has ended.
    fn close(&mut self) {
        let stretch = std::mem::take(&mut self.stretch);
        let start = SimTime::from_micros(self.since.micros() - stretch.micros);
        if start < self.since {
            self.timeline.add(start, &stretch);
            let side = if start < self.warm_up { &mut self.before } else { &mut self.measured };
            side.merge(&stretch);
        }
    }

    /// Takes in a change, and the life of the task that starts or ends by it.
    pub(super) fn change(&mut self, change: &Change, life: Option<&Life>) {
        let state = &mut self.state;
        match change {
            Change::TaskCreated { .. } => state.pending += 1,
            Change::TaskPlaced { .. } => {
                state.pending -= 1;
                state.running += 1;
            }
            Change::TaskEnded { .. } => {
                let placed = life.is_some_and(|life| life.placed.is_some());
                if placed { state.running -= 1 } else { state.pending -= 1 }
            }
            Change::InstanceJoined(_)
            | Change::InstanceDraining(_)
            | Change::Service(..)
            | Change::PlacementRefused(_)
            | Change::TaskAdvanced { .. }
            | Change::TaskStarted(_)
            | Change::TaskStopping(_) => {}
        }
    }

    /// The cluster's sums after an event.
    pub(super) fn set_totals(&mut self, totals: &Totals) {
        self.state.totals = *totals;
        self.peak_instances = self.peak_instances.max(u64::from(totals.instances));
    }

    /// The run has ended at `now`.
    pub(super) fn finish(&mut self, now: SimTime) {
        self.advance(now);
        self.close();
        self.end = self.since;
    }
}
