//! Quantities as integers: CPU, memory, GPU shares and money.

use std::fmt;

/// An amount of CPU in 1/128 000 of a vCPU, the coarsest unit in which both 1/1024 of a vCPU (an
/// ECS CPU unit) and 1/1000 of one (a millicore) are whole. At most 33 554 vCPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cpu(pub u32);

impl Cpu {
    /// One vCPU.
    pub const VCPU: Cpu = Cpu(128_000);
    /// One ECS CPU unit: 1/1024 of a vCPU.
    pub const ECS_UNIT: Cpu = Cpu(125);
    /// One millicore: 1/1000 of a vCPU.
    pub const MILLI: Cpu = Cpu(128);

    /// `units` ECS CPU units (1024 = one vCPU); `None` above the range.
    pub fn from_ecs_units(units: u64) -> Option<Cpu> {
        Self::times(units, Self::ECS_UNIT)
    }

    /// `milli` thousandths of a vCPU; `None` above the range.
    pub fn from_milli(milli: u64) -> Option<Cpu> {
        Self::times(milli, Self::MILLI)
    }

    /// `vcpus` whole vCPUs; `None` above the range.
    pub fn from_vcpus(vcpus: u64) -> Option<Cpu> {
        Self::times(vcpus, Self::VCPU)
    }

    fn times(count: u64, unit: Cpu) -> Option<Cpu> {
        let amount = count.checked_mul(u64::from(unit.0))?;
        u32::try_from(amount).ok().map(Cpu)
    }

    /// The amount in vCPUs, for reports only: nothing is decided on it.
    pub fn as_vcpus(self) -> f64 {
        f64::from(self.0) / f64::from(Self::VCPU.0)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} vCPU", self.as_vcpus())
    }
}

/// The thousandths of one GPU device.
pub const GPU_DEVICE_MILLI: u16 = 1000;

/// What a task wants of GPUs: `devices` of them, `milli` thousandths of each. A whole device is
/// 1000; less than that shares the device with other tasks. No GPU is `devices == 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GpuRequest {
    /// Number of devices, 0 to [`crate::model::DEVICES_MAX`].
    pub devices: u16,
    /// Thousandths of each device, 1 to 1000; 0 when `devices` is 0.
    pub milli: u16,
}

impl GpuRequest {
    /// Whole devices.
    pub fn whole(devices: u16) -> GpuRequest {
        let milli = if devices == 0 { 0 } else { GPU_DEVICE_MILLI };
        GpuRequest { devices, milli }
    }

    /// A share of one device.
    pub fn share(milli: u16) -> GpuRequest {
        GpuRequest { devices: u16::from(milli > 0), milli }
    }

    /// Whether the task shares its device with others.
    pub fn is_share(self) -> bool {
        self.devices == 1 && self.milli < GPU_DEVICE_MILLI
    }

    /// Thousandths over all devices.
    pub fn total_milli(self) -> u32 {
        u32::from(self.devices) * u32::from(self.milli)
    }

    /// The kind that GPU strategies group tasks by.
    pub fn kind(self) -> GpuKind {
        match self.devices {
            0 => GpuKind::None,
            1 if self.milli < GPU_DEVICE_MILLI => GpuKind::Share,
            1 => GpuKind::One,
            2 => GpuKind::Two,
            4 => GpuKind::Four,
            8 => GpuKind::Eight,
            _ => GpuKind::Other,
        }
    }
}

/// Tasks grouped by the shape of their GPU request, as the GPU-clustering policy of the FGD study
/// does (Weng et al., USENIX ATC 2023).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GpuKind {
    /// No GPU.
    None,
    /// A share of one device.
    Share,
    /// One whole device.
    One,
    /// Two devices.
    Two,
    /// Four devices.
    Four,
    /// Eight devices.
    Eight,
    /// Any other number of devices.
    Other,
}

impl GpuKind {
    /// Number of kinds, for tables indexed by `kind as usize`.
    pub const COUNT: usize = 7;
}

/// A price in billionths of a US dollar per hour of use. Costs add up as price × microseconds in
/// `u128` and are rounded once, in [`Cost::as_usd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub u64);

/// An exact amount of money: billionths of a dollar per hour × microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cost(pub u128);

impl Cost {
    /// Adds the cost of `micros` microseconds at `price`.
    pub fn add(&mut self, price: Price, micros: u64) {
        self.0 += u128::from(price.0) * u128::from(micros);
    }

    /// US dollars, rounded half up to a billionth.
    pub fn as_usd(self) -> f64 {
        const MICROS_PER_HOUR: u128 = 3_600_000_000;
        let nano = (self.0 + MICROS_PER_HOUR / 2) / MICROS_PER_HOUR;
        nano as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecs_units_and_millicores_are_both_whole() {
        assert_eq!(Cpu::from_ecs_units(1024), Some(Cpu::VCPU));
        assert_eq!(Cpu::from_milli(1000), Some(Cpu::VCPU));
        assert_eq!(Cpu::from_vcpus(192), Cpu::from_ecs_units(196_608));
        assert_eq!(Cpu::from_vcpus(33_555), None);
        assert_eq!(Cpu::from_ecs_units(u64::MAX), None);
    }

    #[test]
    fn cost_is_rounded_once() {
        let mut cost = Cost::default();
        for _ in 0..3600 {
            cost.add(Price(96_000_000), 1_000_000);
        }
        assert_eq!(cost.as_usd(), 0.096);
    }

    #[test]
    fn gpu_kinds_follow_the_request() {
        assert_eq!(GpuRequest::whole(0).kind(), GpuKind::None);
        assert_eq!(GpuRequest::share(460).kind(), GpuKind::Share);
        assert!(GpuRequest::share(460).is_share());
        assert_eq!(GpuRequest::share(1000).kind(), GpuKind::One);
        assert_eq!(GpuRequest::whole(3).kind(), GpuKind::Other);
        assert_eq!(GpuRequest::whole(8).total_milli(), 8000);
    }
}
