//! `allocation.csv`: GPU allocated and fragmentation against the demand that has arrived.
//!
//! Source: Weng et al., USENIX ATC 2023, figures 7 and 9, and the artifact's analysis scripts.

use crate::controller::{Change, Event, Timer};
use crate::model::{InstanceId, Totals};
use crate::placement::Fragmentation;

use super::{Observation, Recorder};

/// One row of `allocation.csv`: means over the arrivals that rounded to this share of demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllocationRow {
    /// GPU demand arrived so far, percent of the GPU registered, rounded half to even.
    pub arrived_pct: u64,
    /// GPU allocated, percent of the GPU registered.
    pub gpu_allocated_pct: f64,
    /// Fragmented GPU, percent of the GPU registered; `None` without a workload profile.
    pub frag_amount_pct: Option<f64>,
    /// Fragmented GPU, percent of the free GPU.
    pub frag_ratio_pct: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    arrivals: u64,
    /// Hundredths of a percent.
    allocated: u64,
    frag_amount: f64,
    frag_ratio: f64,
}

/// Fixed point of the sum of fragmentation: sums of integers do not depend on their order.
const NANO: f64 = 1e9;

/// Samples the cluster after each arrival has been tried.
#[derive(Debug)]
pub struct AllocationRecorder {
    fragmentation: Option<Fragmentation>,
    /// F by instance, in billionths of a thousandth of a device, and their exact sum.
    of_instance: Vec<u128>,
    sum: u128,
    arrived_milli: u64,
    /// Demand arrived after each submission not sampled yet.
    fresh: Vec<u64>,
    cells: Vec<Cell>,
}

impl AllocationRecorder {
    /// Samples allocation, and fragmentation where a measure is given.
    pub fn new(fragmentation: Option<Fragmentation>) -> AllocationRecorder {
        AllocationRecorder {
            fragmentation,
            of_instance: Vec::new(),
            sum: 0,
            arrived_milli: 0,
            fresh: Vec::new(),
            cells: Vec::new(),
        }
    }

    fn update(&mut self, instance: InstanceId, seen: &Observation<'_>) {
        let Some(fragmentation) = &self.fragmentation else { return };
        let value = (fragmentation.of(seen.cluster.instance(instance)) * NANO) as u128;
        if self.of_instance.len() <= instance.index() {
            self.of_instance.resize(instance.index() + 1, 0);
        }
        let slot = &mut self.of_instance[instance.index()];
        self.sum = self.sum - *slot + value;
        *slot = value;
    }

    fn sample(&mut self, totals: &Totals) {
        let total = totals.gpu_milli;
        let fresh = std::mem::take(&mut self.fresh);
        if total == 0 {
            return;
        }
        let fragmented = self.sum as f64 / NANO;
        let idle = total - totals.gpu_used_milli;
        for arrived in fresh {
            let percent = round_half_even(arrived * 100, total) as usize;
            if self.cells.len() <= percent {
                self.cells.resize(percent + 1, Cell::default());
            }
            let cell = &mut self.cells[percent];
            cell.arrivals += 1;
            cell.allocated += round_half_even(totals.gpu_used_milli * 10_000, total);
            cell.frag_amount += 100.0 * fragmented / total as f64;
            cell.frag_ratio += if idle > 0 { 100.0 * fragmented / idle as f64 } else { 0.0 };
        }
    }

    /// The rows, from the first arrival's percentage to the last's; percentages that no arrival
    /// rounded to are left out.
    pub fn rows(&self) -> Vec<AllocationRow> {
        let seen = self.cells.iter().enumerate().filter(|(_, cell)| cell.arrivals > 0);
        let row = |(percent, cell): (usize, &Cell)| {
            let count = cell.arrivals as f64;
            let frag = |sum: f64| self.fragmentation.as_ref().map(|_| sum / count);
            AllocationRow {
                arrived_pct: percent as u64,
                gpu_allocated_pct: cell.allocated as f64 / 100.0 / count,
                frag_amount_pct: frag(cell.frag_amount),
                frag_ratio_pct: frag(cell.frag_ratio),
            }
        };
        seen.map(row).collect()
    }
}

/// `part / whole` rounded to the nearest integer, half to even.
fn round_half_even(part: u64, whole: u64) -> u64 {
    let (quotient, rest) = (part / whole, part % whole);
    match (2 * rest).cmp(&whole) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient % 2,
    }
}

impl Recorder for AllocationRecorder {
    fn record(&mut self, seen: &Observation<'_>) {
        for change in seen.changes {
            match *change {
                Change::InstanceJoined(instance) => self.update(instance, seen),
                Change::TaskCreated { class, .. } => {
                    let gpu = seen.cluster.class(class).definition.gpu;
                    self.arrived_milli += u64::from(gpu.total_milli());
                    self.fresh.push(self.arrived_milli);
                }
                Change::TaskPlaced { placement, .. } => self.update(placement.instance, seen),
                Change::TaskStopping(task) => {
                    if let Some(instance) = seen.lives.get(task).and_then(|life| life.instance) {
                        self.update(instance, seen);
                    }
                }
                Change::InstanceDraining(_)
                | Change::Service(..)
                | Change::PlacementRefused(_)
                | Change::TaskAdvanced { .. }
                | Change::TaskStarted(_)
                | Change::TaskEnded { .. } => {}
            }
        }
        if matches!(seen.event, Event::Woken(Timer::PlacementPass)) {
            self.sample(seen.cluster.totals());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round_half_even;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!(round_half_even(5, 10), 0);
        assert_eq!(round_half_even(15, 10), 2);
        assert_eq!(round_half_even(25, 10), 2);
        assert_eq!(round_half_even(26, 10), 3);
        assert_eq!(round_half_even(24, 10), 2);
    }
}
