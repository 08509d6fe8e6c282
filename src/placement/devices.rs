//! Which GPU devices of an instance a task gets.

use crate::model::{DeviceSet, InstanceView, TaskClass};

/// The tightest devices that fit, the lowest index among equals: whole-device tasks get the
/// lowest-numbered free devices, a share gets the device with least left that has room for it.
///
/// # Panics
/// If fewer devices fit than are asked for: the instance was not feasible.
pub fn tightest_devices(class: &TaskClass, on: InstanceView<'_>) -> DeviceSet {
    let wanted = class.definition.gpu;
    if wanted.devices == 0 {
        return DeviceSet::default();
    }
    let left = on.gpu_left();
    let mut chosen = DeviceSet::default();
    for _ in 0..wanted.devices {
        let fits = |&index: &usize| left[index] >= wanted.milli && !has(chosen, index);
        let tightest = (0..left.len()).filter(fits).min_by_key(|&index| left[index]);
        chosen = chosen.with(tightest.expect("a feasible instance has devices that fit"));
    }
    chosen
}

/// Of the devices that fit a share, the `⌊u·k⌋`-th; other requests take the tightest.
pub(super) fn random_device(class: &TaskClass, on: InstanceView<'_>, u: f64) -> DeviceSet {
    let wanted = class.definition.gpu;
    if !wanted.is_share() {
        return tightest_devices(class, on);
    }
    let left = on.gpu_left();
    let fits = |&index: &usize| left[index] >= wanted.milli;
    let count = (0..left.len()).filter(fits).count();
    let chosen = (0..left.len()).filter(fits).nth(crate::des::pick(u, count));
    DeviceSet::default().with(chosen.expect("a feasible instance has a device that fits"))
}

fn has(set: DeviceSet, index: usize) -> bool {
    set.0 & (1 << index) != 0
}
