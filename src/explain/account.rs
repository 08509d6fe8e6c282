//! From what was noted during a run to an explanation.

use crate::des::SimTime;
use crate::model::{
    Cluster, InstanceId, Origin, PlacementConstraint, Protocol, RequiredAttribute, TaskClass,
};
use crate::placement::{How, TieBroken};
use crate::run::Finished;
use crate::scenario::{Manifest, Scenario};

use super::counterfactual::{Refused, counterfactual};
use super::explanation::{
    AttemptRow, Blocked, Choice, Explanation, FailedFacts, HostFacts, LifeFacts, NearFacts,
    RefusalFacts, ScoreFacts, StepFacts, TaskFacts, TieFacts,
};
use super::lacks::{Lacks, Near, Requirement};
use super::trace::{Found, Lived, Row, Trace};

/// The queue policy whose head blocks what is behind it.
const BLOCKING: &str = "fifo";

/// All that is known of the task.
pub(super) fn explanation(
    manifest: &Manifest,
    scenario: &Scenario,
    finished: &Finished,
    trace: &Trace,
    lived: &Lived,
) -> Explanation {
    let cluster = finished.controller.cluster();
    let class = cluster.class(lived.class);
    let row = |row: &Row| attempt_row(row, trace, class, cluster);
    let attempts = trace.rows.iter().map(row).collect();
    let last = trace.rows.iter().filter_map(|row| {
        Some((row.last_at, row.attempt.refused.as_ref().map(|(_, lacks)| lacks.clone())?))
    });
    let waits = lived.placed.is_none() && lived.ended.is_none();
    // What was never tried is looked at as the cluster stood at the end.
    let untried = || waits.then(|| (finished.now, trace.lacks(lived.class, None, cluster)));
    let refused = last.max_by_key(|(at, _)| *at).or_else(untried);
    let counterfactual = refused.map(|(at, lacks)| {
        let at_s = at.as_secs_f64();
        let refused = Refused { class, start_on: lived.start_on, lacks: &lacks };
        counterfactual(at_s, scenario, cluster, &trace.requirements, refused)
    });
    Explanation {
        scenario: scenario.spec.name.clone(),
        arm: manifest.arm.clone(),
        seed: manifest.seed,
        fingerprint: manifest.fingerprint.clone(),
        placement: placement(scenario, trace, lived),
        queue: scenario.queue.name.to_owned(),
        task: task_facts(trace, lived, class, cluster),
        life: life(lived, finished),
        attempts,
        blocked: blocked(scenario, trace, lived, finished),
        host: host(lived, finished),
        service_told: trace.told.facts(),
        counterfactual,
    }
}

/// The placement that a task is tried with: a service may have its own.
fn placement(scenario: &Scenario, trace: &Trace, lived: &Lived) -> String {
    let placer = match lived.origin {
        Origin::Submission { .. } => 0,
        Origin::Service { service, .. } => trace.placers[service.index()],
    };
    scenario.placement_of(placer).to_string()
}

fn task_facts(trace: &Trace, lived: &Lived, class: &TaskClass, cluster: &Cluster) -> TaskFacts {
    let wanted = &class.definition;
    let attribute = |one: &RequiredAttribute| {
        let values = one.any_of.join(", ");
        if values.is_empty() { one.name.clone() } else { format!("{} in [{values}]", one.name) }
    };
    let constraint = |one: &PlacementConstraint| match one {
        PlacementConstraint::AtMost(most) if most.get() == 1 => "distinctInstance".to_owned(),
        PlacementConstraint::AtMost(most) => format!("at most {most} of the group"),
        PlacementConstraint::MemberOf(expression) => format!("memberOf {}", expression.source()),
    };
    let ports = wanted.host_ports.iter().map(|one| match one.protocol {
        Protocol::Tcp => format!("tcp/{}", one.port),
        Protocol::Udp => format!("udp/{}", one.port),
    });
    let gang = &trace.gang;
    TaskFacts {
        task: trace.task(),
        name: lived.name.as_deref().map(str::to_owned),
        group: cluster.group_name(class.group).to_owned(),
        definition: wanted.family.clone(),
        vcpus: wanted.cpu.as_vcpus(),
        memory_mib: wanted.memory_mib,
        gpus: f64::from(wanted.gpu.total_milli()) / 1000.0,
        ports: ports.collect(),
        eni_slots: wanted.eni_slots(),
        attributes: wanted.required_attributes.iter().map(attribute).collect(),
        constraints: wanted.constraints.iter().map(constraint).collect(),
        gang: (gang.end - gang.start > 1).then(|| [gang.start, gang.end - 1]),
        start_on: lived.start_on.map(|on| name(on, cluster)),
    }
}

fn life(lived: &Lived, finished: &Finished) -> LifeFacts {
    let outcome = match (lived.ended, lived.placed) {
        (Some((_, outcome)), _) => outcome.as_str(),
        (None, Some(_)) => "running",
        (None, None) => "pending",
    };
    let cluster = finished.controller.cluster();
    LifeFacts {
        submitted_s: lived.submitted.as_secs_f64(),
        placed_s: lived.placed.map(|(at, _)| at.as_secs_f64()),
        started_s: lived.started.map(SimTime::as_secs_f64),
        ended_s: lived.ended.map(|(at, _)| at.as_secs_f64()),
        outcome: outcome.to_owned(),
        instance: lived.placed.map(|(_, on)| name(on, cluster)),
        run_ended_s: finished.now.as_secs_f64(),
        states: lived.states.facts(lived.ended.map(|(at, _)| at)),
        image_s: lived.states.image_s(),
    }
}

fn name(instance: InstanceId, cluster: &Cluster) -> String {
    cluster.instance(instance).spec().name.clone()
}

fn attempt_row(row: &Row, trace: &Trace, class: &TaskClass, cluster: &Cluster) -> AttemptRow {
    let attempt = &row.attempt;
    let own = attempt.instead.is_none();
    let gang = own && trace.gang.end - trace.gang.start > 1;
    let refused = attempt.refused.as_ref();
    AttemptRow {
        count: row.count,
        first: own.then_some(row.first.0 + 1),
        last: own.then_some(attempt.number + 1),
        first_s: row.first.1.as_secs_f64(),
        last_s: row.last_at.as_secs_f64(),
        instead: attempt.instead,
        placed: refused.is_none(),
        gang_placed: gang.then_some(attempt.placed),
        gang_refused: refused.map(|(task, _)| *task).filter(|_| gang),
        choice: attempt.found.as_ref().map(|found| choice(found, cluster)),
        refusal: refused.map(|(_, lacks)| refusal(lacks, &trace.requirements, class, cluster)),
    }
}

fn refusal(
    lacks: &Lacks,
    requirements: &[Requirement],
    class: &TaskClass,
    cluster: &Cluster,
) -> RefusalFacts {
    let failed = requirements.iter().zip(&lacks.by_requirement);
    let failed = failed.filter(|(_, lack)| lack.failed > 0);
    let facts = failed.map(|(&requirement, lack)| FailedFacts {
        requirement: requirement.predicate.reason(),
        detail: requirement.detail(class),
        first: lack.first,
        failed: lack.failed,
        alone: lack.alone,
        nearest: lack.nearest.iter().map(|&one| near(requirement, one, cluster)).collect(),
    });
    RefusalFacts { instances: lacks.instances, candidates: lacks.feasible, failed: facts.collect() }
}

/// An instance and what it lacks of a requirement.
pub(super) fn near(requirement: Requirement, near: Near, cluster: &Cluster) -> NearFacts {
    let unit = requirement.unit();
    let missing = (!unit.is_empty()).then_some(near.missing_milli as f64 / 1000.0);
    NearFacts { instance: name(near.instance, cluster), missing, unit }
}

fn choice(found: &Found, cluster: &Cluster) -> Choice {
    let How { candidates, steps, tie } = &found.how;
    let steps = steps.iter().map(|step| StepFacts {
        strategy: step.strategy.clone(),
        left: step.left,
        best: step
            .best
            .iter()
            .map(|one| ScoreFacts { instance: name(one.instance, cluster), score: one.score })
            .collect(),
    });
    Choice {
        candidates: *candidates,
        steps: steps.collect(),
        tie_break: match *tie {
            TieBroken::Not => TieFacts::None,
            TieBroken::LowestId(among) => TieFacts::LowestId { among },
            TieBroken::Drawn { rank, among } => TieFacts::Draw { rank: rank + 1, among },
            TieBroken::ByMethod => TieFacts::Method,
        },
        instance: name(found.placement.instance, cluster),
        devices: found.placement.devices.iter().collect(),
    }
}

fn blocked(
    scenario: &Scenario,
    trace: &Trace,
    lived: &Lived,
    finished: &Finished,
) -> Option<Blocked> {
    // `StartTask` passes the queue by.
    let queues = scenario.queue.name == BLOCKING && lived.start_on.is_none();
    let ahead = trace.ahead.filter(|_| queues)?;
    let mut before = 0;
    let mut before_at_end = None;
    for (_, entry) in finished.controller.waiting().iter() {
        if entry.tasks.iter().any(|task| task.number == trace.task()) {
            before_at_end = Some(before);
        }
        before += entry.tasks.len() as u64;
    }
    Some(Blocked {
        by: ahead.task.number,
        refusals: ahead.count,
        first_s: ahead.first_at.as_secs_f64(),
        last_s: ahead.last_at.as_secs_f64(),
        before_at_end,
    })
}

fn host(lived: &Lived, finished: &Finished) -> Option<HostFacts> {
    let then = lived.host?;
    let (got, until) = lived.states.on_host()?;
    let until = until.or(lived.ended.map(|(at, _)| at)).unwrap_or(finished.now);
    (until > got).then(|| HostFacts {
        waited_s: until.as_secs_f64() - got.as_secs_f64(),
        room: then.room && !lived.states.tells_room(),
        stopping: then.stopping,
        pending: then.pending,
    })
}
