//! Fragmentation: how much free GPU of an instance the expected workload could not use.
//!
//! Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
//! Fragmentation Gradient Descent", USENIX ATC 2023, section 3.

use std::cell::RefCell;

use crate::model::query::Subject;
use crate::model::{Cpu, GpuRequest, InstanceView, RequiredAttribute, TaskDefinition};

/// A kind of task that the workload is expected to bring.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypicalTask {
    /// CPU reserved.
    pub cpu: Cpu,
    /// GPU devices or share.
    pub gpu: GpuRequest,
    /// Attributes the instance must carry.
    pub required_attributes: Vec<RequiredAttribute>,
}

/// What a strategy is told of the workload beforehand: declared configuration, never a look ahead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkloadProfile {
    /// Kinds of tasks with their weight, the heaviest first.
    pub kinds: Vec<(TypicalTask, u64)>,
    /// Weight of all tasks, those of kinds left out included.
    pub all_tasks: u64,
}

impl WorkloadProfile {
    /// The most frequent kinds among `definitions` (with how often each occurs): the shortest
    /// prefix that reaches `coverage_ppm` millionths of all tasks. Ties: more CPU, then more GPU
    /// per device, more devices, the greater attributes first.
    pub fn of<'a>(
        definitions: impl IntoIterator<Item = (&'a TaskDefinition, u64)>,
        coverage_ppm: u32,
    ) -> WorkloadProfile {
        let mut counts = std::collections::BTreeMap::<TypicalTask, u64>::new();
        for (definition, count) in definitions {
            let kind = TypicalTask {
                cpu: definition.cpu,
                gpu: definition.gpu,
                required_attributes: definition.required_attributes.clone(),
            };
            *counts.entry(kind).or_default() += count;
        }
        let total: u64 = counts.values().sum();
        let mut kinds: Vec<(TypicalTask, u64)> = counts.into_iter().collect();
        kinds.sort_by(|(a, count_a), (b, count_b)| {
            let key = |kind: &TypicalTask| (kind.cpu, kind.gpu.milli, kind.gpu.devices);
            count_b
                .cmp(count_a)
                .then_with(|| key(b).cmp(&key(a)))
                .then_with(|| b.required_attributes.cmp(&a.required_attributes))
        });
        let goal = u128::from(total) * u128::from(coverage_ppm);
        let mut reached = 0;
        let covered = kinds.iter().take_while(|(_, count)| {
            let more = u128::from(reached) * 1_000_000 < goal;
            reached += count;
            more
        });
        let count = covered.count();
        kinds.truncate(count);
        WorkloadProfile { kinds, all_tasks: total }
    }

    /// Sum of the weights.
    pub fn total_weight(&self) -> u64 {
        self.kinds.iter().map(|(_, weight)| weight).sum()
    }
}

/// Why free GPU is of no use to a kind of task, in the order of the study's sums.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// Too little CPU and too few devices.
    LackBoth,
    /// Too few devices, or devices too full.
    LackGpu,
    /// Too little CPU.
    LackCpu,
    /// The kind asks for no GPU.
    NoGpuAsked,
    /// The kind asks for no GPU and finds too little CPU.
    NoGpuAskedLackCpu,
    /// The kind may not run on this instance.
    NoAccess,
}

impl Reason {
    const COUNT: usize = 6;

    /// The reason, and how many of `all` free thousandths are of no use to a kind.
    fn of(
        kind: &TypicalTask,
        allowed: bool,
        cpu_free: Cpu,
        gpu_left: &[u16],
        all: u64,
    ) -> (Reason, u64) {
        let enough_cpu = cpu_free >= kind.cpu;
        if kind.gpu.devices == 0 {
            let reason = if enough_cpu { Reason::NoGpuAsked } else { Reason::NoGpuAskedLackCpu };
            return (reason, all);
        }
        if !allowed {
            return (Reason::NoAccess, all);
        }
        let fits = |left: &&u16| **left >= kind.gpu.milli;
        let enough_gpu = gpu_left.iter().filter(fits).count() >= usize::from(kind.gpu.devices);
        match (enough_cpu, enough_gpu) {
            (false, false) => (Reason::LackBoth, all),
            (true, false) => (Reason::LackGpu, all),
            (false, true) => (Reason::LackCpu, all),
            (true, true) => {
                let too_full = gpu_left.iter().filter(|left| !fits(left));
                (Reason::LackGpu, too_full.map(|&left| u64::from(left)).sum())
            }
        }
    }
}

/// The fragmentation measure F of an instance under a profile, in thousandths of a device.
///
/// The published formula is in floats: popularity × thousandths unusable is accumulated, in order
/// of the profile, into one sum per reason (too little of both CPU and GPU, too little GPU, too
/// little CPU, no GPU asked for, the same with too little CPU, no access), and F is the sum of
/// these in this order. Which of two instances wins can hang on its last bit (a gradient of exactly
/// zero scores 50, one a hair below it 49), so the order is part of the formula.
#[derive(Debug)]
pub struct Fragmentation {
    profile: WorkloadProfile,
    /// Weight of each kind over the total weight.
    popularity: Vec<f64>,
    /// Per set of attributes, whether each kind may run on instances with it; filled on demand.
    allowed: RefCell<Vec<Option<Box<[bool]>>>>,
}

impl Fragmentation {
    /// The measure for a profile that has at least one kind.
    pub fn new(profile: WorkloadProfile) -> Fragmentation {
        let covered = profile.total_weight() as f64;
        assert!(covered > 0.0, "a profile has at least one task");
        let all = profile.all_tasks as f64;
        let of = |weight: u64| (weight as f64 / all) / (covered / all);
        let popularity = profile.kinds.iter().map(|&(_, weight)| of(weight));
        Fragmentation { popularity: popularity.collect(), profile, allowed: RefCell::default() }
    }

    /// F of an instance as it stands.
    pub fn of(&self, on: InstanceView<'_>) -> f64 {
        self.with(on, on.cpu_free(), on.gpu_left())
    }

    /// F, had the instance `cpu_free` and `gpu_left` left. O(kinds × devices).
    ///
    /// A kind that asks for no GPU, may not run here, or finds too little CPU or too few devices
    /// leaves all free GPU unusable; any other leaves what is on devices too full for it.
    pub fn with(&self, on: InstanceView<'_>, cpu_free: Cpu, gpu_left: &[u16]) -> f64 {
        let all: u64 = gpu_left.iter().map(|&left| u64::from(left)).sum();
        if all == 0 {
            return 0.0;
        }
        let mut cache = self.allowed.borrow_mut();
        let allowed = Self::allowed(&self.profile, &mut cache, on);
        let mut sums = [0.0; Reason::COUNT];
        let kinds = self.profile.kinds.iter().zip(&self.popularity).zip(allowed);
        for (((kind, _), popularity), &allowed) in kinds {
            let (reason, unusable) = Reason::of(kind, allowed, cpu_free, gpu_left, all);
            sums[reason as usize] += popularity * unusable as f64;
        }
        sums.iter().fold(0.0, |sum, part| sum + part)
    }

    fn allowed<'c>(
        profile: &WorkloadProfile,
        cache: &'c mut Vec<Option<Box<[bool]>>>,
        on: InstanceView<'_>,
    ) -> &'c [bool] {
        let set = on.cluster().attribute_set(on.id()).0 as usize;
        if cache.len() <= set {
            cache.resize(set + 1, None);
        }
        cache[set].get_or_insert_with(|| {
            let carries = |required: &RequiredAttribute| {
                let value = on.attribute(&required.name);
                value.is_some_and(|value| {
                    required.any_of.is_empty() || required.any_of.iter().any(|one| one == value)
                })
            };
            let allowed = |kind: &TypicalTask| kind.required_attributes.iter().all(carries);
            profile.kinds.iter().map(|(kind, _)| allowed(kind)).collect()
        })
    }
}
