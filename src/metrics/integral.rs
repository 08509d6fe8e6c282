//! Exact time integrals of what is reserved and registered.

use crate::model::Cost;

use super::load::State;

/// Integrals over time of the cluster's sums, in unit × microseconds, exact.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Integrals {
    pub(super) micros: u64,
    pub(super) instances: u128,
    pub(super) empty_instances: u128,
    pub(super) cpu: u128,
    pub(super) cpu_used: u128,
    pub(super) memory: u128,
    pub(super) memory_used: u128,
    pub(super) gpu: u128,
    pub(super) gpu_used: u128,
    pub(super) pending: u128,
    pub(super) running: u128,
    pub(super) cost: Cost,
}

impl Integrals {
    /// Adds `micros` microseconds of `state`.
    pub(super) fn add(&mut self, state: &State, micros: u64) {
        let times = |amount: u64| u128::from(amount) * u128::from(micros);
        let totals = &state.totals;
        self.micros += micros;
        self.instances += times(u64::from(totals.instances));
        self.empty_instances += times(u64::from(totals.empty_instances));
        self.cpu += times(totals.cpu);
        self.cpu_used += times(totals.cpu_used);
        self.memory += times(totals.memory_mib);
        self.memory_used += times(totals.memory_used_mib);
        self.gpu += times(totals.gpu_milli);
        self.gpu_used += times(totals.gpu_used_milli);
        self.pending += times(state.pending);
        self.running += times(state.running);
        self.cost.add(totals.price, micros);
    }

    /// Adds another stretch of time.
    pub(super) fn merge(&mut self, other: &Integrals) {
        self.micros += other.micros;
        self.instances += other.instances;
        self.empty_instances += other.empty_instances;
        self.cpu += other.cpu;
        self.cpu_used += other.cpu_used;
        self.memory += other.memory;
        self.memory_used += other.memory_used;
        self.gpu += other.gpu;
        self.gpu_used += other.gpu_used;
        self.pending += other.pending;
        self.running += other.running;
        self.cost.0 += other.cost.0;
    }

    /// Time-weighted mean of an integral; `None` over no time.
    pub(super) fn mean(&self, integral: u128) -> Option<f64> {
        (self.micros > 0).then(|| integral as f64 / self.micros as f64)
    }
}

/// `part / whole`; `None` where there is no whole.
pub(super) fn share(part: u128, whole: u128) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
