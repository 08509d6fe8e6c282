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
        WorkloadProfile { kinds }
    }

    /// Sum of the weights.
    pub fn total_weight(&self) -> u64 {
        self.kinds.iter().map(|(_, weight)| weight).sum()
    }
}

/// The fragmentation measure F of an instance under a profile, in integers.
#[derive(Debug)]
pub struct Fragmentation {
    profile: WorkloadProfile,
    total_weight: u64,
    /// Per set of attributes, whether each kind may run on instances with it; filled on demand.
    allowed: RefCell<Vec<Option<Box<[bool]>>>>,
}

impl Fragmentation {
    /// The measure for a profile that has at least one kind.
    pub fn new(profile: WorkloadProfile) -> Fragmentation {
        let total_weight = profile.total_weight();
        assert!(total_weight > 0, "a profile has at least one task");
        Fragmentation { profile, total_weight, allowed: RefCell::default() }
    }

    /// Sum of the weights: the unit of [`Fragmentation::of`].
    pub fn total_weight(&self) -> u64 {
        self.total_weight
    }

    /// F × total weight, in thousandths of a device, of an instance as it stands.
    pub fn of(&self, on: InstanceView<'_>) -> u64 {
        self.with(on, on.cpu_free(), on.gpu_left())
    }

    /// F × total weight, had the instance `cpu_free` and `gpu_left` left. O(kinds × devices).
    ///
    /// A kind that asks for no GPU, may not run here, or finds too little CPU or too few devices
    /// leaves all free GPU unusable; any other leaves what is on devices too full for it.
    pub fn with(&self, on: InstanceView<'_>, cpu_free: Cpu, gpu_left: &[u16]) -> u64 {
        let all: u64 = gpu_left.iter().map(|&left| u64::from(left)).sum();
        if all == 0 {
            return 0;
        }
        let mut cache = self.allowed.borrow_mut();
        let allowed = Self::allowed(&self.profile, &mut cache, on);
        let mut sum = 0;
        for ((kind, weight), &allowed) in self.profile.kinds.iter().zip(allowed) {
            let fits = |left: &&u16| **left >= kind.gpu.milli;
            let unusable = if kind.gpu.devices == 0 || !allowed || cpu_free < kind.cpu {
                all
            } else if gpu_left.iter().filter(fits).count() < usize::from(kind.gpu.devices) {
                all
            } else {
                gpu_left.iter().filter(|left| !fits(left)).map(|&left| u64::from(left)).sum()
            };
            sum += weight * unusable;
        }
        sum
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
