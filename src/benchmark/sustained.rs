//! Open loop: tasks arrive by the clock whether or not the scheduler keeps up, and latency counts
//! from the arrival. So a slow decision delays those behind it, and is not left out of the figures
//! because nothing was sent meanwhile (coordinated omission).

use crate::des::{Purpose, Seed};

use super::cell::{Cell, Contender, Effort, Field};
use super::churn::Churn;
use super::row::{Latency, Level};
use super::samples::Samples;
use super::{BenchError, Clock, Instruments, placer_name};

/// Purpose of the draws of gaps between arrivals: "BGAP".
const GAP_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"BGAP"));

/// Gaps drawn beforehand; they are gone through again and again.
const GAPS: u64 = 1 << 16;

/// Rates tried, in percent of what the scheduler makes when tasks wait at all times.
const PERCENTS: [u64; 13] = [10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100, 110];

/// The scheduler has fallen behind if it ends later than the arrivals by this part of their time.
const BEHIND_PART: u64 = 20;

/// Rates in a row at which the scheduler has fallen behind before higher ones are left out: at one
/// alone the machine may have done something else.
const BEHIND_TIMES: u32 = 2;

/// Measures one cell at rising rates until the scheduler has fallen behind, placer after placer.
/// `goes_on` is told with `true` that a rate is done with.
///
/// # Errors
/// The strategy cannot be built, or the user wants no more.
pub fn ramp(
    cell: &Cell,
    effort: &Effort,
    with: &Instruments,
    goes_on: &mut dyn FnMut(bool) -> bool,
) -> Result<Vec<Level>, BenchError> {
    let gaps = gaps(Seed(effort.seed));
    let mut levels = Vec::new();
    let mut field = Field::prepare(cell, effort, with, goes_on)?;
    for Contender { kind, churn, .. } in &mut field.contenders {
        let clock = with.clock.as_ref();
        let most_per_s = closed_loop(churn, effort.nanos / 4, clock);
        let mut behind = 0;
        for percent in PERCENTS {
            if behind < BEHIND_TIMES {
                let rate_per_s = most_per_s * percent as f64 / 100.0;
                let run = open_loop(churn, &gaps, rate_per_s, effort.nanos, clock);
                let level = run.level(cell, placer_name(*kind), rate_per_s);
                behind = if level.saturated { behind + 1 } else { 0 };
                levels.push(level);
            }
            if !goes_on(true) {
                return Err(BenchError::Interrupted);
            }
        }
    }
    Ok(levels)
}

/// Rates that [`ramp`] tries at most for each placer.
pub const RATES: u64 = PERCENTS.len() as u64;

/// Gaps between arrivals, with a mean of 1.
fn gaps(seed: Seed) -> Vec<f64> {
    (0..GAPS).map(|entity| -libm::log(seed.uniform(GAP_DRAW, entity, 0))).collect()
}

/// Steps per second one after the other, the clock read once for each as in the open loop.
fn closed_loop(churn: &mut Churn, nanos: u64, clock: &dyn Clock) -> f64 {
    let start = clock.nanos();
    let mut steps = 0_u64;
    let mut now = start;
    while steps == 0 || now - start < nanos {
        churn.step();
        steps += 1;
        now = clock.nanos();
    }
    1e9 * steps as f64 / (now - start).max(1) as f64
}

/// What one rate led to.
struct OpenLoop {
    latencies: Samples,
    busy_ns: u64,
    /// From the start to the last arrival, and to the end of the last decision.
    arrivals_ns: u64,
    total_ns: u64,
}

/// Serves all that arrives within `nanos` at that rate, in order of arrival; gives up when it takes
/// twice as long.
fn open_loop(
    churn: &mut Churn,
    gaps: &[f64],
    rate_per_s: f64,
    nanos: u64,
    clock: &dyn Clock,
) -> OpenLoop {
    let mean_gap_ns = 1e9 / rate_per_s;
    let start = clock.nanos();
    let mut run = OpenLoop { latencies: Samples::new(0), busy_ns: 0, arrivals_ns: 0, total_ns: 0 };
    let mut due_ns = 0.0;
    let mut now = 0;
    for gap in gaps.iter().cycle() {
        due_ns += gap * mean_gap_ns;
        let due = due_ns as u64;
        if run.latencies.count() > 0 && (due > nanos || now > 2 * nanos) {
            break;
        }
        while now < due {
            now = clock.nanos() - start;
        }
        churn.step();
        let end = clock.nanos() - start;
        run.latencies.record(end - due);
        run.busy_ns += end - now;
        run.arrivals_ns = due;
        run.total_ns = end;
        now = end;
    }
    run
}

impl OpenLoop {
    fn level(&self, cell: &Cell, placer: &'static str, rate_per_s: f64) -> Level {
        let total_ns = self.total_ns.max(1) as f64;
        let behind_ns = self.total_ns.saturating_sub(self.arrivals_ns);
        let [p50, p99] = [0.5, 0.99].map(|share| self.latencies.quantile(share));
        Level {
            strategy: cell.placement.to_string(),
            instances: u64::from(cell.instances),
            utilisation: cell.utilisation,
            placer,
            rate_per_s,
            achieved_per_s: 1e9 * self.latencies.count() as f64 / total_ns,
            scheduler_utilisation: self.busy_ns as f64 / total_ns,
            latency_ns: Latency { p50, p99, max: self.latencies.max() },
            saturated: self.latencies.count() > 1 && behind_ns > self.arrivals_ns / BEHIND_PART,
        }
    }
}
