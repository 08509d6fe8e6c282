//! The binding part of placement: which instances can take a task, and why the others cannot.

use crate::model::query::Subject;
use crate::model::{
    Cluster, InstanceStatus, InstanceView, PlacementConstraint, RESERVED_PORTS_MAX,
    RequiredAttribute, TaskClass,
};

/// A reason why an instance cannot take a task, in ECS's order of steps: the instance itself, its
/// resources, its attributes, then the placement constraints.
///
/// Source: ECS developer guide, "How Amazon ECS places tasks" and "Service event messages".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    /// The instance is DRAINING or gone.
    Active,
    /// Its agent is disconnected.
    Agent,
    /// Not enough CPU units left.
    Cpu,
    /// Not enough memory left.
    Memory,
    /// Not enough GPU devices left, or no device has the share asked for.
    Gpu,
    /// A static host port is taken.
    Ports,
    /// More than 100 static ports in all.
    TooManyPorts,
    /// No ENI slot left for a task in `awsvpc` mode.
    Eni,
    /// An attribute the task needs is missing.
    Attribute,
    /// The instance has as many tasks of the same group as may be on one: with `distinctInstance`
    /// one, with a limit of the user's own more.
    DistinctInstance,
    /// A `memberOf` expression is not satisfied.
    MemberOf,
}

impl Predicate {
    /// All predicates, in ECS's order.
    pub const ALL: [Predicate; 11] = [
        Predicate::Active,
        Predicate::Agent,
        Predicate::Cpu,
        Predicate::Memory,
        Predicate::Gpu,
        Predicate::Ports,
        Predicate::TooManyPorts,
        Predicate::Eni,
        Predicate::Attribute,
        Predicate::DistinctInstance,
        Predicate::MemberOf,
    ];

    /// The reason as ECS words it in service events and `RunTask` failures.
    pub fn reason(self) -> &'static str {
        match self {
            Predicate::Active => "instance not ACTIVE",
            Predicate::Agent => "AGENT",
            Predicate::Cpu => "RESOURCE:CPU",
            Predicate::Memory => "RESOURCE:MEMORY",
            Predicate::Gpu => "RESOURCE:GPU",
            Predicate::Ports => "RESOURCE:PORTS",
            Predicate::TooManyPorts => "too many ports",
            Predicate::Eni => "RESOURCE:ENI",
            Predicate::Attribute => "ATTRIBUTE",
            Predicate::DistinctInstance => "distinctInstance",
            Predicate::MemberOf => "memberOf",
        }
    }

    /// Whether the instance satisfies this one predicate for a task of `class`.
    pub fn holds(self, class: &TaskClass, on: InstanceView<'_>) -> bool {
        let wanted = &class.definition;
        match self {
            Predicate::Active => on.status() == InstanceStatus::Active,
            Predicate::Agent => on.agent_connected(),
            Predicate::Cpu => wanted.cpu <= on.cpu_free(),
            Predicate::Memory => wanted.memory_mib <= on.memory_free_mib(),
            Predicate::Gpu => {
                let fits = |left: &&u16| **left >= wanted.gpu.milli;
                wanted.gpu.devices == 0
                    || on.gpu_left().iter().filter(fits).count() >= usize::from(wanted.gpu.devices)
            }
            Predicate::Ports => {
                let taken = on.reserved_ports();
                wanted.host_ports.iter().all(|port| taken.binary_search(port).is_err())
            }
            Predicate::TooManyPorts => {
                wanted.host_ports.is_empty()
                    || on.reserved_ports().len() + wanted.host_ports.len() <= RESERVED_PORTS_MAX
            }
            Predicate::Eni => wanted.eni_slots() == 0 || on.eni_free() >= wanted.eni_slots(),
            Predicate::Attribute => {
                wanted.required_attributes.iter().all(|required| has_attribute(required, on))
            }
            Predicate::DistinctInstance => {
                wanted.constraints.iter().all(|constraint| match constraint {
                    PlacementConstraint::AtMost(most) => on.group_count(class.group) < most.get(),
                    PlacementConstraint::MemberOf(_) => true,
                })
            }
            Predicate::MemberOf => wanted.constraints.iter().all(|constraint| match constraint {
                PlacementConstraint::MemberOf(expression) => expression.matches(&on),
                PlacementConstraint::AtMost(_) => true,
            }),
        }
    }

    /// The first predicate, in ECS's order, that the instance fails; `None` if it can take a task
    /// of `class`.
    pub fn first_failed(class: &TaskClass, on: InstanceView<'_>) -> Option<Predicate> {
        Predicate::ALL.into_iter().find(|predicate| !predicate.holds(class, on))
    }

    /// Whether a service may have tasks of `class` on the instance, if there is room. Constraints
    /// are about placing: tasks of its own that are there already say nothing against the instance.
    pub fn eligible(class: &TaskClass, on: InstanceView<'_>) -> bool {
        let others = on.without(class.group);
        [Predicate::Active, Predicate::Agent, Predicate::Attribute]
            .into_iter()
            .all(|predicate| predicate.holds(class, on))
            && class.definition.constraints.iter().all(|constraint| match constraint {
                PlacementConstraint::MemberOf(expression) => expression.matches(&others),
                PlacementConstraint::AtMost(_) => true,
            })
    }

    /// Whether a DAEMON service wants a task of `class` on the instance and has none there.
    pub fn lacks_daemon(class: &TaskClass, on: InstanceView<'_>) -> bool {
        on.group_count(class.group) == 0 && Predicate::eligible(class, on)
    }

    /// Whether the instance can take a task of `class`.
    pub fn feasible(class: &TaskClass, on: InstanceView<'_>) -> bool {
        Predicate::first_failed(class, on).is_none()
    }
}

/// Whether the instance has an attribute with one of the values required.
pub fn has_attribute(required: &RequiredAttribute, on: InstanceView<'_>) -> bool {
    on.attribute(&required.name).is_some_and(|value| {
        required.any_of.is_empty() || required.any_of.iter().any(|one| one == value)
    })
}

/// Why a class is refused, over all instances: what AWS's "closest matching instance" hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalHistogram {
    /// Instances looked at: all that are registered.
    pub instances: u32,
    /// Instances that could take the task after all.
    pub feasible: u32,
    /// Per predicate of [`Predicate::ALL`], how many instances fail it (an instance counts under
    /// every predicate it fails).
    pub failed: [u32; Predicate::ALL.len()],
    /// Per predicate, how many instances fail it first in ECS's order (an instance counts once).
    pub first: [u32; Predicate::ALL.len()],
}

impl RefusalHistogram {
    /// Evaluates every predicate on every registered instance. O(instances × predicates).
    pub fn of(class: &TaskClass, cluster: &Cluster) -> RefusalHistogram {
        RefusalHistogram::over(class, cluster.instances())
    }

    /// The same, on some instances.
    pub fn over<'c>(
        class: &TaskClass,
        instances: impl Iterator<Item = InstanceView<'c>>,
    ) -> RefusalHistogram {
        let count = Predicate::ALL.len();
        let mut histogram =
            RefusalHistogram { instances: 0, feasible: 0, failed: [0; 11], first: [0; 11] };
        for on in instances.filter(|on| on.status() != InstanceStatus::Deregistered) {
            histogram.instances += 1;
            let mut first = count;
            for (index, predicate) in Predicate::ALL.into_iter().enumerate() {
                if !predicate.holds(class, on) {
                    histogram.failed[index] += 1;
                    first = first.min(index);
                }
            }
            match histogram.first.get_mut(first) {
                Some(slot) => *slot += 1,
                None => histogram.feasible += 1,
            }
        }
        histogram
    }
}

impl std::fmt::Display for RefusalHistogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} instances can take it", self.feasible, self.instances)?;
        for (index, predicate) in Predicate::ALL.into_iter().enumerate() {
            if self.failed[index] > 0 {
                write!(f, "; {} fail {}", self.failed[index], predicate.reason())?;
                if self.first[index] != self.failed[index] {
                    write!(f, " ({} of them first)", self.first[index])?;
                }
            }
        }
        Ok(())
    }
}
