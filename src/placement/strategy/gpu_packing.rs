//! GPU packing: used devices first, then used instances, then empty ones.
//!
//! Tasks without GPU score 0. On an instance with all F devices free: max(33 − F, F). Else, taking
//! the tightest devices: max(50 − k, 33) if k > 0 of them were wholly free, otherwise
//! max(100 − s/10, 50), s the sum of what was left on them in tenths of a device.
//! Source: Weng et al., USENIX ATC 2023, artifact's `gpu-packing` score plugin.

use crate::model::{GPU_DEVICE_MILLI, InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score, tightest_devices};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "gpu-packing",
    "GPU: used devices first, then used instances, then empty ones",
    |_| Policy::scored(GpuPacking),
);

#[derive(Debug)]
struct GpuPacking;

impl PlacementStrategy for GpuPacking {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        if class.definition.gpu.devices == 0 {
            return 0;
        }
        let left = on.gpu_left();
        let free = left.iter().filter(|&&left| left == GPU_DEVICE_MILLI).count();
        if free == left.len() {
            let free = free as Score;
            return (33 - free).max(free);
        }
        let chosen = tightest_devices(class, on);
        let opened = chosen.iter().filter(|&device| left[device] == GPU_DEVICE_MILLI).count();
        if opened > 0 {
            return (50 - opened as Score).max(33);
        }
        let left: Score = chosen.iter().map(|device| Score::from(left[device]) * 100 / 1000).sum();
        (100 - left / 10).max(50)
    }
}
