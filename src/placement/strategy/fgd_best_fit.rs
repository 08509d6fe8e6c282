//! The FGD study's best fit: least CPU and GPU left, by the largest node of its cluster.
//!
//! Score: ⌊100 · (1 − [0.5 · (c − rc)/128000 + 0.5 · (g − rg)/8000])⌋ with c, g the free CPU and
//! GPU in thousandths, rc, rg the request. (The study's min-max normalisation over the candidates
//! is strictly increasing and changes no choice.)
//! Source: Weng et al., USENIX ATC 2023, artifact's `best-fit` score plugin.

use crate::model::{Cpu, InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "fgd-best-fit",
    "GPU: the FGD study's best fit on CPU and GPU",
    |_| Policy::scored(FgdBestFit),
);

/// CPU of the study's largest node, thousandths of a vCPU.
pub(super) const CPU_MILLI_MAX: f64 = 128_000.0;
/// GPU of the study's largest node, thousandths of a device.
pub(super) const GPU_MILLI_MAX: f64 = 8_000.0;

/// CPU in thousandths of a vCPU.
pub(super) fn milli(cpu: Cpu) -> f64 {
    f64::from(cpu.0) / f64::from(Cpu::MILLI.0)
}

#[derive(Debug)]
struct FgdBestFit;

impl PlacementStrategy for FgdBestFit {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let cpu = (milli(on.cpu_free()) - milli(class.definition.cpu)) / CPU_MILLI_MAX;
        let wanted = f64::from(class.definition.gpu.total_milli());
        let gpu = (f64::from(on.gpu_left_total()) - wanted) / GPU_MILLI_MAX;
        (100.0 * (1.0 - (0.5 * cpu + 0.5 * gpu))) as Score
    }
}
