//! GPU clustering: tasks of one kind (share, 1, 2, 4, 8 devices) together.
//!
//! Tasks without GPU score 0. Else 25 · used/8000 in integers, used = 8000 − the free thousandths,
//! plus 75 if the instance hosts this kind only, 50 if it hosts it among others, 25 if it hosts no
//! GPU task, 0 otherwise.
//! Source: Weng et al., USENIX ATC 2023, artifact's `gpu-clustering` score plugin.

use crate::model::{GpuKind, InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "gpu-clustering",
    "GPU: tasks with the same kind of GPU request together",
    |_| Policy::scored(GpuClustering),
);

#[derive(Debug)]
struct GpuClustering;

impl PlacementStrategy for GpuClustering {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let kind = class.definition.gpu.kind();
        if kind == GpuKind::None {
            return 0;
        }
        let base = 25 * (8000 - Score::from(on.gpu_left_total())) / 8000;
        let kinds = on.gpu_kinds();
        let with_gpu = &kinds[GpuKind::None as usize + 1..];
        let hosted = with_gpu.iter().filter(|&&count| count > 0).count();
        let hosts_kind = kinds[kind as usize] > 0;
        base + match (hosts_kind, hosted) {
            (true, 1) => 75,
            (true, _) => 50,
            (false, 0) => 25,
            (false, _) => 0,
        }
    }
}
