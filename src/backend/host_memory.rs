//! Memory in use on a host: levels and even growth, and when there is too much of it.
//!
//! The sum and its slope are kept, so that the instant at which it passes the host's memory is a
//! division. Who is killed then is looked for among all tasks of the host, which is rare.

use std::collections::BTreeMap;

use crate::des::{SimDuration, SimTime};

/// Binary digits after the point of an amount of memory. Slopes are rounded up, by less than 2^-64
/// MiB/µs: an instant that falls on a whole microsecond is then found there and not one later.
const FRACTION: u32 = 64;

/// What one task uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemoryUse {
    /// So many MiB.
    Level(u32),
    /// From nothing at `start` to `mib` after `span`, evenly.
    Ramp { start: SimTime, span: SimDuration, mib: u32 },
}

impl MemoryUse {
    fn slope(self) -> u128 {
        match self {
            MemoryUse::Level(_) => 0,
            MemoryUse::Ramp { span, mib, .. } => {
                (u128::from(mib) << FRACTION).div_ceil(u128::from(span.micros()))
            }
        }
    }

    /// The use at an instant, in units of the last place.
    fn at(self, now: SimTime) -> u128 {
        match self {
            MemoryUse::Level(mib) => u128::from(mib) << FRACTION,
            MemoryUse::Ramp { start, .. } => {
                self.slope() * u128::from(now.saturating_sub(start).micros())
            }
        }
    }

    /// When it passes a limit, rounded up to a microsecond; `None` if it never does.
    pub(super) fn passes(self, now: SimTime, limit_mib: u32) -> Option<SimTime> {
        match self {
            MemoryUse::Level(mib) => (mib > limit_mib).then_some(now),
            MemoryUse::Ramp { start, span, mib } if mib > limit_mib => {
                let product = u128::from(limit_mib) * u128::from(span.micros());
                let micros = product.div_ceil(u128::from(mib));
                let micros = u64::try_from(micros).expect("it is less than the span");
                Some(start.saturating_add(SimDuration::from_micros(micros)))
            }
            MemoryUse::Ramp { .. } => None,
        }
    }
}

/// One task's use, and what the youngest is told by.
#[derive(Debug, Clone, Copy)]
struct Tenant {
    memory: MemoryUse,
    /// When it started, and its number among those of that instant.
    age: (SimTime, u64),
}

/// The memory of a host and what its tasks use of it.
#[derive(Debug)]
pub(super) struct HostMemory {
    capacity_mib: u32,
    tenants: BTreeMap<u32, Tenant>,
    /// Sum of all uses at a time, and by how much it grows each microsecond.
    sum: u128,
    at: SimTime,
    slope: u128,
    peak: u128,
}

impl HostMemory {
    pub(super) fn new(capacity_mib: u32) -> HostMemory {
        let (sum, slope, peak) = (0, 0, 0);
        let (tenants, at) = (BTreeMap::new(), SimTime::ZERO);
        HostMemory { capacity_mib, tenants, sum, at, slope, peak }
    }

    fn capacity(&self) -> u128 {
        u128::from(self.capacity_mib) << FRACTION
    }

    fn sum_at(&self, now: SimTime) -> u128 {
        self.sum + self.slope * u128::from((now - self.at).micros())
    }

    fn advance(&mut self, now: SimTime) {
        self.sum = self.sum_at(now);
        self.at = now;
        self.peak = self.peak.max(self.sum);
    }

    /// A task starts, the `number`-th of the run.
    pub(super) fn join(&mut self, now: SimTime, slot: u32, number: u64, memory: MemoryUse) {
        self.advance(now);
        self.add(now, slot, Tenant { memory, age: (now, number) });
    }

    fn add(&mut self, now: SimTime, slot: u32, tenant: Tenant) {
        self.tenants.insert(slot, tenant);
        self.slope += tenant.memory.slope();
        self.sum += tenant.memory.at(now);
        self.peak = self.peak.max(self.sum);
    }

    /// A task uses something else from now on. Panics if it is not there.
    pub(super) fn set(&mut self, now: SimTime, slot: u32, memory: MemoryUse) {
        let tenant = self.remove(now, slot).expect("only a task that runs uses memory");
        self.add(now, slot, Tenant { memory, ..tenant });
    }

    /// A task has exited.
    pub(super) fn leave(&mut self, now: SimTime, slot: u32) {
        self.remove(now, slot);
    }

    fn remove(&mut self, now: SimTime, slot: u32) -> Option<Tenant> {
        self.advance(now);
        let tenant = self.tenants.remove(&slot)?;
        self.slope -= tenant.memory.slope();
        self.sum -= tenant.memory.at(now);
        Some(tenant)
    }

    /// When the sum passes the host's memory if nothing changes; at once if it has. O(1).
    pub(super) fn runs_out(&self) -> Option<SimTime> {
        let Some(free) = self.capacity().checked_sub(self.sum) else { return Some(self.at) };
        if self.slope == 0 {
            return None;
        }
        let micros = u64::try_from(free.div_ceil(self.slope)).ok()?;
        self.at.checked_add(SimDuration::from_micros(micros))
    }

    /// Whom the kernel kills: the task that uses most, of equals the youngest. O(tasks).
    pub(super) fn victim(&self, now: SimTime) -> Option<u32> {
        let key = |(_, tenant): &(&u32, &Tenant)| (tenant.memory.at(now), tenant.age);
        self.tenants.iter().max_by_key(key).map(|(slot, _)| *slot)
    }

    /// The most that was in use at once until `now`, whole MiB: no more than there is.
    pub(super) fn peak_mib(&self, now: SimTime) -> u32 {
        let peak = self.peak.max(self.sum_at(now)) >> FRACTION;
        u32::try_from(peak).unwrap_or(u32::MAX).min(self.capacity_mib)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> SimTime {
        SimTime::from_micros(micros)
    }

    fn ramp(start: u64, seconds: u64, mib: u32) -> MemoryUse {
        MemoryUse::Ramp { start: at(start), span: SimDuration::from_secs(seconds), mib }
    }

    #[test]
    fn a_limit_is_passed_at_the_microsecond_after_it_is_reached() {
        assert_eq!(ramp(5, 10, 100).passes(at(5), 50), Some(at(5_000_005)));
        assert_eq!(ramp(0, 1, 3).passes(at(0), 1), Some(at(333_334)));
        assert_eq!(ramp(0, 1, 3).passes(at(0), 3), None, "it comes to the limit and stays");
        assert_eq!(MemoryUse::Level(3).passes(at(9), 3), None);
        assert_eq!(MemoryUse::Level(4).passes(at(9), 3), Some(at(9)));
    }

    #[test]
    fn a_sum_of_ramps_runs_out_where_arithmetic_says_so() {
        let mut memory = HostMemory::new(100);
        memory.join(at(0), 0, 0, ramp(0, 10, 100));
        assert_eq!(memory.runs_out(), Some(at(10_000_000)));
        memory.join(at(2_000_000), 1, 1, ramp(2_000_000, 30, 100));
        // 20 MiB then, and 10 + 10/3 more each second.
        assert_eq!(memory.runs_out(), Some(at(8_000_000)));
        assert_eq!(memory.victim(at(8_000_000)), Some(0));
        memory.leave(at(8_000_000), 0);
        memory.set(at(8_000_000), 1, MemoryUse::Level(20));
        assert_eq!(memory.runs_out(), None);
        assert_eq!(memory.peak_mib(at(9_000_000)), 100);
    }

    #[test]
    fn of_equals_the_youngest_is_killed() {
        let mut memory = HostMemory::new(100);
        for (slot, number) in [(3, 0), (1, 2), (2, 1)] {
            memory.join(at(0), slot, number, MemoryUse::Level(40));
        }
        memory.join(at(1), 0, 3, MemoryUse::Level(30));
        assert_eq!(memory.runs_out(), Some(at(1)));
        assert_eq!(memory.victim(at(1)), Some(1), "the number 2 of three that use 40 MiB");
    }
}
