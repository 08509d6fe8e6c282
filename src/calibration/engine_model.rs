//! A Docker Engine as a queue with servers.

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;

use super::LoadCurve;

/// Points of a table made from samples: every hundredth.
const POINTS: usize = 101;

/// An empirical law of durations: its quantiles from 0 % to 100 % in equal steps, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct QuantileTable(Vec<u64>);

impl QuantileTable {
    /// A table of ascending quantiles, at least one.
    pub fn new(micros: Vec<u64>) -> Option<QuantileTable> {
        (!micros.is_empty() && micros.is_sorted()).then_some(QuantileTable(micros))
    }

    /// The 101 quantiles of samples in any order, linear between neighbours (type 7 of Hyndman and
    /// Fan, "Sample quantiles in statistical packages", 1996); `None` of no samples.
    pub fn of_samples(samples: &[u64]) -> Option<QuantileTable> {
        QuantileTable::all(samples).map(|all| all.at_points())
    }

    /// The samples themselves in ascending order, or their 101 quantiles where there are more.
    pub fn sorted(samples: &[u64]) -> Option<QuantileTable> {
        let all = QuantileTable::all(samples)?;
        if all.0.len() <= POINTS { Some(all) } else { Some(all.at_points()) }
    }

    fn all(samples: &[u64]) -> Option<QuantileTable> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        QuantileTable::new(sorted)
    }

    /// The same law at 101 points.
    fn at_points(&self) -> QuantileTable {
        let point = |index: usize| self.sample(index as f64 / (POINTS - 1) as f64).micros();
        QuantileTable((0..POINTS).map(point).collect())
    }

    /// The duration that a variate does not exceed with probability `u` in (0, 1): linear between
    /// the quantiles.
    pub fn sample(&self, u: f64) -> SimDuration {
        let last = self.0.len() - 1;
        let place = u.clamp(0.0, 1.0) * last as f64;
        let below = (place as usize).min(last);
        let (low, high) = (self.0[below], self.0[(below + 1).min(last)]);
        let micros = low as f64 + (place - below as f64) * (high - low) as f64;
        SimDuration::from_micros(libm::round(micros) as u64)
    }

    /// The mean of the law, seconds.
    pub fn mean_s(&self) -> f64 {
        let pairs = self.0.windows(2).map(|pair| (pair[0] + pair[1]) as f64 / 2.0);
        let steps = (self.0.len() - 1).max(1) as f64;
        let micros = if self.0.len() == 1 { self.0[0] as f64 } else { pairs.sum::<f64>() / steps };
        micros / 1e6
    }

    /// The quantiles, microseconds.
    pub fn micros(&self) -> &[u64] {
        &self.0
    }

    /// Every quantile `milli` thousandths of what it was, rounded to the nearest microsecond.
    fn scaled(&self, milli: u32) -> QuantileTable {
        let scale = |&micros: &u64| {
            let scaled = (u128::from(micros) * u128::from(milli) + 500) / 1000;
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        QuantileTable(self.0.iter().map(scale).collect())
    }
}

impl TryFrom<Vec<u64>> for QuantileTable {
    type Error = &'static str;

    fn try_from(micros: Vec<u64>) -> Result<QuantileTable, &'static str> {
        let problem = "quantiles must be at least one number of microseconds, and ascend";
        QuantileTable::new(micros).ok_or(problem)
    }
}

impl From<QuantileTable> for Vec<u64> {
    fn from(table: QuantileTable) -> Vec<u64> {
        table.0
    }
}

/// A Docker Engine that carries out operations in parallel up to its width, and beyond that shares
/// itself among them evenly: a processor-sharing queue. Each operation has a service time, which is
/// how long it takes when nothing else goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineModel {
    /// Operations that go on without slowing each other down, in thousandths; at least 1000.
    pub width_milli: u32,
    /// By how much service times grow while containers keep cores busy.
    pub load: LoadCurve,
    /// CPU time that a start takes of the instance itself, as one of its tasks, µs on a core of its
    /// own; the service time of the start includes it. While an instance has quota, a start runs
    /// before neighbours that never sleep; for what falls into the other times it competes with the
    /// weight of the task that starts: 1 - q of it where the instance has a share q of a core.
    #[serde(default)]
    pub start_cpu_micros: u32,
    /// The part of it that an instance with a share q of a core gives 1/q times as slowly even if
    /// nothing else goes on there, µs, at most `start_cpu_micros`; the rest is spread thinly enough
    /// over the start. The service time of the start is that on a whole core.
    #[serde(default)]
    pub start_throttled_micros: u32,
    /// In how many bursts it asks for that CPU, thousandths: each waits until the instance has
    /// quota again, where its neighbours have used that up ([`burst_wait_micros`]).
    #[serde(default)]
    pub start_bursts_milli: u32,
    /// How much a heavier neighbour slows that down: one of r times the weight counts as r^e of the
    /// same weight, e in thousandths, at most 1000. Below that starts, which run in short bursts,
    /// get more than their share.
    #[serde(default = "in_proportion")]
    pub start_weight_exponent_milli: u32,
    /// From the order to start until the containers run.
    pub start: QuantileTable,
    /// From the order to stop until the process has exited.
    pub stop: QuantileTable,
    /// From the exit until the containers are gone.
    pub cleanup: QuantileTable,
}

/// Period of a CPU quota, microseconds.
///
/// Source: Linux, `cpu.cfs_period_us`, default 100 ms.
const QUOTA_PERIOD_MICROS: f64 = 100_000.0;

/// How long a burst of CPU waits on average where the quota, a `share` of the cores it holds for,
/// is used up at the beginning of each period: it comes at any time of the period, and waits for
/// the next one if there is none left.
pub fn burst_wait_micros(share: f64) -> f64 {
    let throttled = (1.0 - share).clamp(0.0, 1.0);
    QUOTA_PERIOD_MICROS * throttled * throttled / 2.0
}

fn in_proportion() -> u32 {
    1000
}

impl EngineModel {
    /// Containers that it starts and removes in a second, when it has as many as it can do at once.
    pub fn lives_per_second(&self) -> f64 {
        let life = self.start.mean_s() + self.cleanup.mean_s();
        f64::from(self.width_milli) / 1000.0 / life.max(1e-6)
    }

    /// The same engine on a day when all it does takes `milli` thousandths of the time.
    #[must_use]
    pub fn at_pace(&self, milli: u32) -> EngineModel {
        // What a start waits for on its instance is the kernel's to decide.
        EngineModel {
            start_cpu_micros: self.start_cpu_micros,
            start_throttled_micros: self.start_throttled_micros,
            start_bursts_milli: self.start_bursts_milli,
            ..self.scaled(milli)
        }
    }

    /// The same engine in a time that passes `milli` thousandths as fast: every latency is
    /// multiplied, what it can do in parallel stays.
    #[must_use]
    pub fn scaled(&self, milli: u32) -> EngineModel {
        EngineModel {
            width_milli: self.width_milli,
            load: self.load.clone(),
            start_cpu_micros: scaled(self.start_cpu_micros, milli),
            start_throttled_micros: scaled(self.start_throttled_micros, milli),
            start_bursts_milli: scaled(self.start_bursts_milli, milli),
            start_weight_exponent_milli: self.start_weight_exponent_milli,
            start: self.start.scaled(milli),
            stop: self.stop.scaled(milli),
            cleanup: self.cleanup.scaled(milli),
        }
    }
}

fn scaled(micros: u32, milli: u32) -> u32 {
    let micros = u64::from(micros) * u64::from(milli) / 1000;
    u32::try_from(micros).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_samples_ascend_and_meet_them_at_both_ends() {
        let table = QuantileTable::of_samples(&[30, 10, 20]).unwrap();
        assert_eq!(table.micros().len(), POINTS);
        assert!(table.micros().is_sorted());
        let at = |index: usize| table.micros()[index];
        assert_eq!((at(0), at(25), at(50), at(100)), (10, 15, 20, 30));
        assert_eq!(QuantileTable::of_samples(&[]), None);
        assert_eq!(QuantileTable::of_samples(&[7]).unwrap().micros(), [7; POINTS]);
        assert_eq!(QuantileTable::sorted(&[2, 1]).unwrap().micros(), [1, 2]);
        let many: Vec<u64> = (0..1000).rev().collect();
        assert_eq!(QuantileTable::sorted(&many).unwrap().micros().len(), POINTS);
    }

    #[test]
    fn scaling_multiplies_latencies_and_nothing_else() {
        let table = |micros: &[u64]| QuantileTable::new(micros.to_vec()).unwrap();
        let model = EngineModel {
            width_milli: 2500,
            load: LoadCurve::new(vec![[1000, 300]]).unwrap(),
            start_cpu_micros: 500,
            start_throttled_micros: 100,
            start_bursts_milli: 2000,
            start_weight_exponent_milli: 700,
            start: table(&[1, 1000]),
            stop: table(&[3]),
            cleanup: table(&[u64::MAX]),
        };
        let scaled = model.scaled(2500);
        assert_eq!((scaled.width_milli, &scaled.load), (2500, &model.load));
        assert_eq!((scaled.start_cpu_micros, scaled.start_throttled_micros), (1250, 250));
        assert_eq!(scaled.start.micros(), [3, 2500]);
        assert_eq!(scaled.stop.micros(), [8]);
        assert_eq!(scaled.cleanup.micros(), [u64::MAX]);
        assert_eq!(model.scaled(1000), model);
        let at_pace = model.at_pace(2500);
        assert_eq!(at_pace.start, scaled.start);
        let on_host = |model: &EngineModel| (model.start_cpu_micros, model.start_bursts_milli);
        assert_eq!(on_host(&at_pace), on_host(&model));
    }
}
