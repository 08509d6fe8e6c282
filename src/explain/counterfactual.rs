//! The smallest changes that would have placed a task that was refused.

use std::sync::Arc;

use crate::model::{Cluster, InstanceId, InstanceSpec, InstanceStatus, InstanceView, TaskClass};
use crate::placement::Predicate;
use crate::scenario::Scenario;

use super::explanation::{ChangeFacts, Counterfactual, TypeFacts};
use super::lacks::{Both, Lacks, Near, Requirement};

/// Pairs and instance types shown.
const SHOWN: usize = 3;

/// A task that was refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused<'a> {
    pub(super) class: &'a TaskClass,
    /// The one instance that it could be started on, if it was named.
    pub(super) start_on: Option<InstanceId>,
    /// What instances lacked.
    pub(super) lacks: &'a Lacks,
}

/// What would have placed a task that was refused.
pub(super) fn counterfactual(
    at_s: f64,
    scenario: &Scenario,
    cluster: &Cluster,
    requirements: &[Requirement],
    Refused { class, start_on, lacks }: Refused<'_>,
) -> Counterfactual {
    let change = |requirement: Requirement, instances: u32, near: Near| ChangeFacts {
        requirement: requirement.predicate.reason(),
        detail: requirement.detail(class),
        instances,
        nearest: super::account::near(requirement, near, cluster),
    };
    let alone = requirements.iter().zip(&lacks.by_requirement);
    let changes: Vec<ChangeFacts> = alone
        .filter_map(|(&requirement, lack)| {
            Some(change(requirement, lack.alone, lack.nearest_alone?))
        })
        .collect();
    let mut pairs: Vec<(&[usize; 2], &Both)> = lacks.pairs.iter().collect();
    pairs.sort_by_key(|(_, both)| std::cmp::Reverse(both.instances));
    pairs.truncate(if changes.is_empty() { SHOWN } else { 0 });
    let pairs = pairs.into_iter().map(|(of, both)| {
        [0, 1].map(|index| {
            let (missing_milli, instance) = (both.missing_milli[index], both.nearest);
            change(requirements[of[index]], both.instances, Near { missing_milli, instance })
        })
    });
    let pairs = pairs.collect();
    let group = cluster.group_name(class.group);
    let there = cluster.instances().filter(|one| start_on.is_none_or(|on| on == one.id()));
    let there = there.filter(|one| one.status() == InstanceStatus::Active).map(InstanceView::spec);
    let fit_when_empty = there.filter(|spec| takes_when_empty(spec, class, group)).count() as u32;
    // Another instance is of no use to a task that names its own.
    let (types, types_that_fit) = match start_on {
        None => types(scenario, class, group),
        Some(_) => (Vec::new(), 0),
    };
    let (fewest, trunking) = (lacks.fewest, lacks.trunking);
    Counterfactual { at_s, changes, pairs, fewest, trunking, fit_when_empty, types, types_that_fit }
}

/// Whether an empty instance takes a task.
fn takes_when_empty(spec: &InstanceSpec, class: &TaskClass, group: &str) -> bool {
    let mut cluster = Cluster::new();
    let definition = cluster.register_definition(Arc::new(class.definition.clone()));
    let group = cluster.intern_group(group);
    let class = cluster.intern_class(definition, Some(group));
    let on = cluster.register(spec.clone());
    Predicate::feasible(cluster.class(class), cluster.instance(on))
}

/// The cheapest few instance types of which an empty instance takes the task, in one of the
/// scenario's groups of capacity, and their number.
fn types(scenario: &Scenario, class: &TaskClass, group: &str) -> (Vec<TypeFacts>, usize) {
    let takes = |name: &str| {
        scenario.instances_of_type(name).iter().any(|spec| takes_when_empty(spec, class, group))
    };
    let mut fit: Vec<(Option<u64>, &str)> = scenario
        .catalogue()
        .iter()
        .filter(|one| takes(&one.name))
        .map(|one| (one.usd_per_hour_nano, one.name.as_str()))
        .collect();
    fit.sort_by_key(|&(price, name)| (price.unwrap_or(u64::MAX), name));
    let facts = |&(price, name): &(Option<u64>, &str)| TypeFacts {
        instance_type: name.to_owned(),
        usd_per_hour: price.map(|nano| nano as f64 / crate::catalogue::NANO_PER_USD as f64),
    };
    (fit.iter().take(SHOWN).map(facts).collect(), fit.len())
}
