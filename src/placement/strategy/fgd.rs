//! Fragmentation gradient descent: the instance whose fragmentation grows least.
//!
//! Score: ⌊100 · sigmoid((F − F′) / 1000)⌋, sigmoid(x) = 1 / (1 + exp(−x)), F and F′ the
//! fragmentation before and after, in floats in this order ([`Fragmentation`]). A share takes the
//! device with the highest score (the lowest index among equals), anything else the tightest.
//! Source: Weng et al., USENIX ATC 2023, algorithm 1, and the artifact's `fgd` score plugin.

use smallvec::SmallVec;

use crate::model::{Cpu, DeviceSet, InstanceView, TaskClass};
use crate::placement::{Fragmentation, PlacementStrategy, Reads, Score, tightest_devices};

use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "fgd",
    parameter: None,
    example: "",
    chains: false,
    needs_profile: true,
    summary: "GPU: fragmentation grows least under the declared workload profile (ATC'23)",
    build,
};

fn build(build: &Build<'_>) -> Result<Policy, String> {
    match build.profile {
        Some(profile) if !profile.kinds.is_empty() => {
            Policy::scored(Fgd { fragmentation: Fragmentation::new(profile.clone()) })
        }
        _ => Err("needs the workload's typical tasks; name a workload under [placement.profile], \
                  for example workload = \"openb\""
            .to_owned()),
    }
}

#[derive(Debug)]
struct Fgd {
    fragmentation: Fragmentation,
}

impl Fgd {
    /// The score of taking `devices` on an instance whose fragmentation is `before`.
    fn score_of(
        &self,
        class: &TaskClass,
        on: InstanceView<'_>,
        before: f64,
        devices: DeviceSet,
    ) -> Score {
        let mut left: SmallVec<[u16; 16]> = on.gpu_left().into();
        for device in devices.iter() {
            left[device] -= class.definition.gpu.milli;
        }
        let cpu_free = Cpu(on.cpu_free().0 - class.definition.cpu.0);
        let after = self.fragmentation.with(on, cpu_free, &left);
        let sigmoid = 1.0 / (1.0 + libm::exp(-(before - after) / 1000.0));
        (100.0 * sigmoid) as Score
    }

    /// The best device for a share, and its score.
    fn best_device(&self, class: &TaskClass, on: InstanceView<'_>) -> (Score, DeviceSet) {
        let before = self.fragmentation.of(on);
        let left = on.gpu_left();
        let mut best = (Score::MIN, DeviceSet::default());
        for device in 0..left.len() {
            // Devices with the same amount left are interchangeable: the first stands for them.
            let fits = left[device] >= class.definition.gpu.milli;
            if !fits || left[..device].contains(&left[device]) {
                continue;
            }
            let devices = DeviceSet::default().with(device);
            let score = self.score_of(class, on, before, devices);
            if score > best.0 {
                best = (score, devices);
            }
        }
        best
    }
}

impl PlacementStrategy for Fgd {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        if class.definition.gpu.is_share() {
            self.best_device(class, on).0
        } else {
            let before = self.fragmentation.of(on);
            self.score_of(class, on, before, tightest_devices(class, on))
        }
    }

    fn devices(&self, class: &TaskClass, on: InstanceView<'_>) -> DeviceSet {
        if class.definition.gpu.is_share() {
            self.best_device(class, on).1
        } else {
            tightest_devices(class, on)
        }
    }

    /// The instance whose fragmentation per free GPU is greatest.
    fn victim_key(&self, _class: &TaskClass, on: InstanceView<'_>) -> Score {
        let free = on.gpu_left_total().max(1);
        (self.fragmentation.of(on) / free as f64 * 1e6) as Score
    }
}
