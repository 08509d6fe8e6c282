//! The FGD study's dot product of demand and free CPU and GPU, the smallest winning.
//!
//! Score: ⌊100 · (1 − [(c/128000)(rc/128000) + (g/8000)(rg/8000)] / 2)⌋ with c, g the free CPU and
//! GPU in thousandths before placing, rc, rg the request.
//! Source: Weng et al., USENIX ATC 2023, artifact's `dot-product` score plugin.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::fgd_best_fit::{CPU_MILLI_MAX, GPU_MILLI_MAX, milli};
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "fgd-dot-product",
    "GPU: the FGD study's dot product on CPU and GPU",
    |_| Policy::scored(FgdDotProduct),
);

#[derive(Debug)]
struct FgdDotProduct;

impl PlacementStrategy for FgdDotProduct {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let cpu = (milli(on.cpu_free()) / CPU_MILLI_MAX)
            * (milli(class.definition.cpu) / CPU_MILLI_MAX);
        let gpu = (f64::from(on.gpu_left_total()) / GPU_MILLI_MAX)
            * (f64::from(class.definition.gpu.total_milli()) / GPU_MILLI_MAX);
        (100.0 * (1.0 - 0.5 * (cpu + gpu))) as Score
    }
}
