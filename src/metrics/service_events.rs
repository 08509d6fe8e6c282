//! `service-events.csv`: what services told their operators, in ECS's words.

use std::collections::BTreeMap;
use std::io::Write;

use crate::controller::{Change, Event, ServiceEvent};
use crate::model::{
    ClassId, Cluster, InstanceStatus, InstanceView, SchedulingStrategy, ServiceId, TaskClass,
};
use crate::placement::{Predicate, RefusalHistogram};

use super::table_file::TableFile;
use super::{Observation, RecordError, Recorder, csv_text};

/// Columns of `service-events.csv`, explained in `results/README.md`.
pub const SERVICE_EVENT_COLUMNS: [&str; 4] = ["time_s", "service", "message", "why"];

/// The attribute that names an instance's zone.
const ZONE: &str = "ecs.availability-zone";

/// Writes a row whenever a service tells something.
#[derive(Debug)]
pub struct ServiceEvents {
    file: TableFile,
    names: BTreeMap<ServiceId, String>,
}

impl ServiceEvents {
    /// A table on `out`, with its header written.
    pub fn new(out: Box<dyn Write + Send>) -> ServiceEvents {
        let file = TableFile::new("service-events.csv", &SERVICE_EVENT_COLUMNS, out);
        ServiceEvents { file, names: BTreeMap::new() }
    }

    /// Flushes what is written.
    ///
    /// # Errors
    /// The first error of any write since the start.
    pub fn close(self) -> Result<(), RecordError> {
        self.file.close()
    }

    fn write(&mut self, seen: &Observation<'_>, id: ServiceId, event: ServiceEvent, at: usize) {
        let (now, cluster, later) = (seen.now, seen.cluster, &seen.changes[at..]);
        let name = &self.names[&id];
        let message = format!("(service {name}) {}", service_message(name, event, cluster, later));
        let time = now.to_string();
        let why = service_message_cause(event, cluster);
        self.file.row([&time, &csv_text(name), &csv_text(&message), &csv_text(&why)]);
    }
}

impl Recorder for ServiceEvents {
    fn record(&mut self, seen: &Observation<'_>) {
        if let Event::ServiceCreated(spec) = seen.event {
            self.names.insert(spec.id, spec.name.clone());
        }
        for (at, change) in seen.changes.iter().enumerate() {
            if let Change::Service(id, event) = change {
                self.write(seen, *id, *event, at);
            }
        }
    }
}

/// The message after the service's name. The cluster is seen after the `later` changes, which the
/// service did not know of yet.
///
/// Source: ECS developer guide, "Service event messages" and "Availability Zone service rebalancing
/// service event messages"; what is not there is as users quote it.
pub(crate) fn service_message(
    service: &str,
    event: ServiceEvent,
    cluster: &Cluster,
    later: &[Change],
) -> String {
    match event {
        ServiceEvent::SteadyState => "has reached a steady state.".to_owned(),
        ServiceEvent::TasksStarted(count) => format!("has started {count} tasks."),
        ServiceEvent::TasksStopped(count) => format!("has stopped {count} running tasks."),
        ServiceEvent::PendingTasksStopped(count) => format!("stopped {count} pending tasks."),
        ServiceEvent::UnableToPlace(class, scheduling) => {
            unable_to_place(class, scheduling, cluster)
        }
        ServiceEvent::UnableToPlaceInZone(instance) => {
            let zone = zone(cluster.instance(instance), cluster);
            format!(
                "is unable to place a task in {zone} because no container instance met all of its \
                 requirements."
            )
        }
        ServiceEvent::Blocked => {
            "was unable to stop or start tasks during a deployment because of \
                                  the service deployment configuration. Update the \
                                  minimumHealthyPercent or maximumPercent value and try again."
                .to_owned()
        }
        ServiceEvent::StartImpaired => {
            "is unable to consistently start tasks successfully.".to_owned()
        }
        ServiceEvent::Unhealthy(task) => {
            format!("(task {}) failed health checks.", task.number)
        }
        ServiceEvent::Protected(count) => {
            format!("was unable to scale in due to (reason {count} tasks under protection)")
        }
        ServiceEvent::DeploymentStarted(number) => {
            format!("(deployment ecs-svc/{number}) deployment in progress.")
        }
        ServiceEvent::DeploymentCompleted(number) => {
            format!("(deployment ecs-svc/{number}) deployment completed.")
        }
        ServiceEvent::DeploymentFailed(number) => {
            format!("(deployment ecs-svc/{number}) deployment failed: tasks failed to start.")
        }
        ServiceEvent::RollingBack(number) => {
            format!("rolling back to deployment ecs-svc/{number}.")
        }
        ServiceEvent::ZonesUnbalanced => {
            let zones = tasks_by_zone(service, cluster, later);
            format!("is not AZ balanced with {zones}. AZ Rebalancing in progress.")
        }
        ServiceEvent::ZonesBalanced => {
            format!("is AZ balanced with {}.", tasks_by_zone(service, cluster, later))
        }
    }
}

/// ECS names one instance, by a measure it does not disclose: here the one that fails the fewest
/// predicates, the first among equals.
fn unable_to_place(class: ClassId, scheduling: SchedulingStrategy, cluster: &Cluster) -> String {
    let start = "was unable to place a task because no container instance met all of its \
                 requirements.";
    let class = cluster.class(class);
    let failures = |on: &InstanceView<'_>| -> usize {
        Predicate::ALL.iter().filter(|predicate| !predicate.holds(class, *on)).count()
    };
    let registered = |on: &InstanceView<'_>| on.status() != InstanceStatus::Deregistered;
    let looked_at = candidates(class, scheduling, cluster);
    let Some(closest) = looked_at.filter(registered).min_by_key(failures) else {
        return format!("{start} Reason: No Container Instances were found in your cluster.");
    };
    let Some(predicate) = Predicate::first_failed(class, closest) else {
        return format!("{start} Room was made since.");
    };
    let name = &closest.spec().name;
    let problem = problem(predicate);
    format!("{start} The closest matching (container-instance {name}) {problem}.")
}

/// The instances that a task was refused on: for a daemon's, those that lack one.
fn candidates<'c>(
    class: &'c TaskClass,
    scheduling: SchedulingStrategy,
    cluster: &'c Cluster,
) -> impl Iterator<Item = InstanceView<'c>> {
    let is_daemon = scheduling == SchedulingStrategy::Daemon;
    cluster.instances().filter(move |on| !is_daemon || Predicate::lacks_daemon(class, *on))
}

/// ECS's words for what an instance lacks.
fn problem(predicate: Predicate) -> &'static str {
    match predicate {
        Predicate::Active => "is DRAINING",
        Predicate::Agent => "encountered error \"AGENT\"",
        Predicate::Cpu => "has insufficient CPU units available",
        Predicate::Memory => "has insufficient memory available",
        Predicate::Gpu => "encountered error \"RESOURCE:GPU\"",
        Predicate::Ports => "is already using a port required by your task",
        Predicate::TooManyPorts => "has too many ports reserved",
        Predicate::Eni => "encountered error \"RESOURCE:ENI\"",
        Predicate::Attribute => "is missing an attribute required by your task",
        Predicate::DistinctInstance => "has as many tasks of the group as it may",
        Predicate::MemberOf => "does not satisfy a memberOf constraint",
    }
}

/// What ECS does not tell: of the instances looked at, how many fail what.
pub(crate) fn service_message_cause(event: ServiceEvent, cluster: &Cluster) -> String {
    match event {
        ServiceEvent::UnableToPlace(class, scheduling) => {
            let class = cluster.class(class);
            RefusalHistogram::over(class, candidates(class, scheduling, cluster)).to_string()
        }
        _ => String::new(),
    }
}

fn zone<'c>(on: InstanceView<'_>, cluster: &'c Cluster) -> &'c str {
    cluster.attributes(on.id()).get(ZONE).unwrap_or("no zone")
}

/// "2 tasks in us-east-1a, 1 tasks in us-east-1b", zones in alphabetical order; without the tasks
/// that were placed later.
fn tasks_by_zone(service: &str, cluster: &Cluster, later: &[Change]) -> String {
    let name = format!("service:{service}");
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let Some(group) = cluster.group(&name) else { return String::new() };
    for on in cluster.instances().filter(|on| on.status() == InstanceStatus::Active) {
        *counts.entry(zone(on, cluster)).or_default() += on.group_count(group);
    }
    for change in later {
        let Change::TaskPlaced { task, placement } = change else { continue };
        let class = cluster.task(*task).map(|task| cluster.class(task.class));
        if class.is_some_and(|class| class.group == group)
            && let Some(count) = counts.get_mut(zone(cluster.instance(placement.instance), cluster))
        {
            *count -= 1;
        }
    }
    let all: Vec<String> =
        counts.iter().map(|(zone, count)| format!("{count} tasks in {zone}")).collect();
    all.join(", ")
}
