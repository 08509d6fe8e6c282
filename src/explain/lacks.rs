//! What the instances of a cluster lack for a task: requirement by requirement, alone or together.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::model::query::Subject;
use crate::model::{
    Cluster, Cpu, InstanceId, InstanceStatus, InstanceView, PlacementConstraint,
    RESERVED_PORTS_MAX, TaskClass,
};
use crate::placement::{Predicate, has_attribute};

/// Instances shown as the nearest to having enough.
const NEAREST: usize = 3;

/// The attribute that carries an instance's type.
const INSTANCE_TYPE: &str = "ecs.instance-type";

/// One thing that an instance must have: a predicate, or of attributes and expressions one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) predicate: Predicate,
    /// Which of the class's attributes or constraints, for predicates with several.
    part: usize,
}

impl Requirement {
    /// What a class requires, in ECS's order.
    pub(super) fn of(class: &TaskClass) -> Vec<Requirement> {
        let wanted = &class.definition;
        let mut all = Vec::new();
        for predicate in Predicate::ALL {
            let is_expression = |part: &usize| {
                matches!(wanted.constraints[*part], PlacementConstraint::MemberOf(_))
            };
            let parts: Vec<usize> = match predicate {
                Predicate::Attribute => (0..wanted.required_attributes.len()).collect(),
                Predicate::MemberOf => {
                    (0..wanted.constraints.len()).filter(is_expression).collect()
                }
                _ => vec![0],
            };
            all.extend(parts.into_iter().map(|part| Requirement { predicate, part }));
        }
        all
    }

    fn holds(self, class: &TaskClass, on: InstanceView<'_>) -> bool {
        let wanted = &class.definition;
        match self.predicate {
            Predicate::Attribute => has_attribute(&wanted.required_attributes[self.part], on),
            Predicate::MemberOf => match &wanted.constraints[self.part] {
                PlacementConstraint::MemberOf(expression) => expression.matches(&on),
                PlacementConstraint::AtMost(_) => true,
            },
            predicate => predicate.holds(class, on),
        }
    }

    /// How much an instance that fails it lacks, in thousandths of [`Requirement::unit`]; 0 where
    /// nothing is counted. Of CPU it is rounded up.
    fn missing_milli(self, class: &TaskClass, on: InstanceView<'_>) -> u64 {
        let wanted = &class.definition;
        let whole = |count: usize| count as u64 * 1000;
        match self.predicate {
            Predicate::Cpu => {
                let lacks = wanted.cpu.0.saturating_sub(on.cpu_free().0);
                u64::from(lacks.div_ceil(Cpu::MILLI.0))
            }
            Predicate::Memory => {
                u64::from(wanted.memory_mib.saturating_sub(on.memory_free_mib())) * 1000
            }
            Predicate::Gpu if wanted.gpu.is_share() => {
                let most = on.gpu_left().iter().copied().max().unwrap_or(0);
                u64::from(wanted.gpu.milli.saturating_sub(most))
            }
            Predicate::Gpu => {
                let fit = on.gpu_left().iter().filter(|&&left| left >= wanted.gpu.milli).count();
                whole(usize::from(wanted.gpu.devices).saturating_sub(fit))
            }
            Predicate::Ports => {
                let taken = on.reserved_ports();
                let clash = |port: &&_| taken.binary_search(port).is_ok();
                whole(wanted.host_ports.iter().filter(clash).count())
            }
            Predicate::TooManyPorts => {
                let ports = on.reserved_ports().len() + wanted.host_ports.len();
                whole(ports.saturating_sub(RESERVED_PORTS_MAX))
            }
            Predicate::Eni => u64::from(wanted.eni_slots().saturating_sub(on.eni_free())) * 1000,
            Predicate::Active
            | Predicate::Agent
            | Predicate::Attribute
            | Predicate::DistinctInstance
            | Predicate::MemberOf => 0,
        }
    }

    /// The unit of what is missing; empty where nothing is counted.
    pub(super) fn unit(self) -> &'static str {
        match self.predicate {
            Predicate::Cpu => "vCPU",
            Predicate::Memory => "MiB",
            Predicate::Gpu => "GPU",
            Predicate::Ports | Predicate::TooManyPorts => "ports",
            Predicate::Eni => "ENI slots",
            Predicate::Active
            | Predicate::Agent
            | Predicate::Attribute
            | Predicate::DistinctInstance
            | Predicate::MemberOf => "",
        }
    }

    /// Which attribute or expression, in words.
    pub(super) fn detail(self, class: &TaskClass) -> Option<String> {
        let wanted = &class.definition;
        match self.predicate {
            Predicate::Attribute => {
                let required = &wanted.required_attributes[self.part];
                let (name, values) = (&required.name, required.any_of.join(", "));
                let any = values.is_empty();
                Some(if any { name.clone() } else { format!("{name} in [{values}]") })
            }
            Predicate::MemberOf => match &wanted.constraints[self.part] {
                PlacementConstraint::MemberOf(expression) => Some(expression.source().to_owned()),
                PlacementConstraint::AtMost(_) => None,
            },
            _ => None,
        }
    }
}

/// An instance, and how much it lacks in thousandths of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near {
    pub(super) missing_milli: u64,
    pub(super) instance: InstanceId,
}

/// What instances lack of one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lack {
    /// Instances that fail it first in ECS's order.
    pub(super) first: u32,
    /// Instances that fail it.
    pub(super) failed: u32,
    /// Instances that fail nothing else.
    pub(super) alone: u32,
    /// The instances that lack least, the least first.
    pub(super) nearest: Vec<Near>,
    /// Of those that fail nothing else the one that lacks least.
    pub(super) nearest_alone: Option<Near>,
}

/// Two requirements that instances fail together, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Both {
    /// Instances.
    pub(super) instances: u32,
    /// The instance that lacks least of the first, then of the second.
    pub(super) nearest: InstanceId,
    /// How much it lacks of each.
    pub(super) missing_milli: [u64; 2],
}

/// What all instances lack for a task of a class, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lacks {
    /// Instances registered.
    pub(super) instances: u32,
    /// Of these, the ones that could take the task.
    pub(super) feasible: u32,
    /// By requirement, as [`Requirement::of`] lists them.
    pub(super) by_requirement: Vec<Lack>,
    /// By requirement, two each.
    pub(super) pairs: BTreeMap<[usize; 2], Both>,
    /// Requirements that the best instance fails; `None` without instances.
    pub(super) fewest: Option<usize>,
    /// Instances that lack an ENI slot alone and would have one with trunking.
    pub(super) trunking: u32,
}

impl Lacks {
    /// Looks at every instance, or at those `only`, in order of id; `trunks` is the ENI slots of
    /// types with trunking. O(instances × requirements).
    pub(super) fn of(
        class: &TaskClass,
        requirements: &[Requirement],
        cluster: &Cluster,
        only: Option<&[InstanceId]>,
        trunks: &BTreeMap<String, u32>,
    ) -> Lacks {
        let mut lacks =
            Lacks { by_requirement: vec![Lack::default(); requirements.len()], ..Lacks::default() };
        let is_asked = |one: &InstanceView<'_>| {
            one.status() != InstanceStatus::Deregistered
                && only.is_none_or(|only| only.binary_search(&one.id()).is_ok())
        };
        for on in cluster.instances().filter(is_asked) {
            let fails = |index: &usize| !requirements[*index].holds(class, on);
            let failing: SmallVec<[usize; 4]> = (0..requirements.len()).filter(fails).collect();
            lacks.instances += 1;
            lacks.fewest = Some(lacks.fewest.unwrap_or(usize::MAX).min(failing.len()));
            lacks.add(class, requirements, on, &failing);
            if let [only] = failing[..]
                && requirements[only].predicate == Predicate::Eni
                && trunking_helps(class, on, trunks)
            {
                lacks.trunking += 1;
            }
        }
        lacks
    }

    fn add(
        &mut self,
        class: &TaskClass,
        requirements: &[Requirement],
        on: InstanceView<'_>,
        failing: &[usize],
    ) {
        let near = |index: usize| Near {
            missing_milli: requirements[index].missing_milli(class, on),
            instance: on.id(),
        };
        for (position, &index) in failing.iter().enumerate() {
            let lack = &mut self.by_requirement[index];
            lack.failed += 1;
            lack.first += u32::from(position == 0);
            let place = lack.nearest.partition_point(|one| *one < near(index));
            if place < NEAREST {
                lack.nearest.insert(place, near(index));
                lack.nearest.truncate(NEAREST);
            }
        }
        match *failing {
            [] => self.feasible += 1,
            [only] => {
                let lack = &mut self.by_requirement[only];
                lack.alone += 1;
                let before = lack.nearest_alone.unwrap_or(near(only));
                lack.nearest_alone = Some(before.min(near(only)));
            }
            [one, other] => {
                let missing_milli = [near(one), near(other)].map(|near| near.missing_milli);
                let this = Both { instances: 0, nearest: on.id(), missing_milli };
                let both = self.pairs.entry([one, other]).or_insert(this);
                if missing_milli < both.missing_milli {
                    *both = Both { instances: both.instances, ..this };
                }
                both.instances += 1;
            }
            _ => {}
        }
    }

    /// Whether the same requirements are failed as in another refusal.
    pub(super) fn same_causes(&self, other: &Lacks) -> bool {
        let failed = |lacks: &Lacks| -> Vec<bool> {
            lacks.by_requirement.iter().map(|lack| lack.failed > 0).collect()
        };
        failed(self) == failed(other)
    }
}

fn trunking_helps(class: &TaskClass, on: InstanceView<'_>, trunks: &BTreeMap<String, u32>) -> bool {
    let slots = on.attribute(INSTANCE_TYPE).and_then(|name| trunks.get(name));
    slots.is_some_and(|&slots| {
        let more = slots.saturating_sub(on.spec().eni_slots);
        on.eni_free() + more >= class.definition.eni_slots()
    })
}
