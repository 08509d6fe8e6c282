//! How a scenario is made to fit a small machine: three factors, recorded in every result.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::des::{SimDuration, SimTime};
use crate::model::Cpu;

/// Simulated amounts per real one, in thousandths: 1000 is as large as life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Simulated seconds in a wall-clock second: arrivals and run times.
    pub time_milli: u64,
    /// Simulated vCPUs in a core.
    pub cpu_milli: u64,
    /// Simulated MiB in a MiB.
    pub memory_milli: u64,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { time_milli: 1000, cpu_milli: 1000, memory_milli: 1000 }
    }
}

impl Scale {
    /// A simulated time as wall-clock time, microseconds, rounded to the nearest.
    pub fn real_micros(self, span: SimDuration) -> u64 {
        divided(span.micros(), self.time_milli)
    }

    /// A simulated time since the start as wall-clock time.
    pub fn real_since_start(self, at: SimTime) -> Duration {
        Duration::from_micros(divided(at.micros(), self.time_milli))
    }

    /// Wall-clock time since the start as simulated time, rounded up to a microsecond.
    pub fn simulated(self, since_start: Duration) -> SimTime {
        let nanos = since_start.as_nanos() * u128::from(self.time_milli);
        SimTime::from_micros(u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    /// CPU in thousandths of a core.
    pub fn core_milli(self, cpu: Cpu) -> u32 {
        let milli = u64::from(cpu.0) * 1_000_000 / (u64::from(Cpu::VCPU.0) * self.cpu_milli);
        u32::try_from(milli).unwrap_or(u32::MAX)
    }

    /// Memory in KiB.
    pub fn memory_kib(self, mib: u32) -> u64 {
        u64::from(mib) * 1024 * 1000 / self.memory_milli
    }
}

fn divided(amount: u64, milli: u64) -> u64 {
    let micros = (u128::from(amount) * 1000 + u128::from(milli) / 2) / u128::from(milli);
    u64::try_from(micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_went() {
        let scale = Scale { time_milli: 10_000, cpu_milli: 4000, memory_milli: 2000 };
        let at = SimTime::from_micros(123_450_000);
        assert_eq!(scale.real_since_start(at), Duration::from_millis(12_345));
        assert_eq!(scale.simulated(Duration::from_millis(12_345)), at);
        assert_eq!(scale.core_milli(Cpu::VCPU), 250);
        assert_eq!(scale.memory_kib(100), 50 * 1024);
    }

    #[test]
    fn what_happened_is_never_before_it_happened() {
        let time = Scale { time_milli: 1001, ..Scale::default() };
        assert_eq!(time.simulated(Duration::from_nanos(1)).micros(), 1);
        assert_eq!(Scale::default().simulated(Duration::from_micros(1)).micros(), 1);
        assert_eq!(Scale::default().simulated(Duration::from_nanos(1_001)).micros(), 2);
    }
}
