//! The scenarios of `scenarios/ecs/`: each shows its problem, and its remedy helps.

use std::collections::BTreeSet;
use std::path::Path;

use towtank::metrics::Summary;
use towtank::scenario::{Override, Recording, Scenario, value_of};

use crate::text::{Row, Text};

/// What a scenario came to.
struct Outcome {
    summary: Summary,
    /// Messages of services, with the time in seconds.
    events: Vec<(f64, String)>,
    /// Rows of `tasks.csv`, by column.
    tasks: Vec<Row>,
}

fn run(name: &str, changes: &[(&str, &str)]) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/ecs/{name}.toml"));
    let set = |(key, value): &(&str, &str)| Override::flag("--set", key, value_of(value));
    let changes: Vec<Override> = changes.iter().map(set).collect();
    let scenario = Scenario::load(&path, &changes).unwrap();
    let (tasks, events) = (Text::default(), Text::default());
    let recording = Recording {
        tasks: Some(Box::new(tasks.clone())),
        service_events: Some(Box::new(events.clone())),
        ..Recording::default()
    };
    let finished =
        scenario.prepare(scenario.spec.seed).unwrap().run(recording, &mut |_| true).unwrap();
    let event = |row: Row| (row["time_s"].parse().unwrap(), row["message"].clone());
    Outcome {
        summary: scenario.summary("arm", 1, &finished),
        events: events.rows().into_iter().map(event).collect(),
        tasks: tasks.rows(),
    }
}

impl Outcome {
    /// When a message with these words was told first.
    fn told(&self, words: &str) -> Option<f64> {
        self.events.iter().find(|(_, message)| message.contains(words)).map(|(at, _)| *at)
    }

    fn completed(&self, deployment: u32) -> Option<f64> {
        self.told(&format!("(deployment ecs-svc/{deployment}) deployment completed"))
    }

    /// Tasks on instances whose name begins so that have not ended.
    fn running_on(&self, instances: &str) -> usize {
        let there =
            |row: &&Row| row["instance"].starts_with(instances) && row["outcome"] == "running";
        self.tasks.iter().filter(there).count()
    }
}

const NO_ROOM: &str = "was unable to place a task because no container instance met all of its \
                       requirements.";

#[test]
fn a_deployment_between_equal_bounds_is_stuck() {
    let stuck = run("deployment-stuck", &[]);
    let told = stuck.told(
        "(service web) was unable to stop or start tasks during a deployment because of the \
         service deployment configuration. Update the minimumHealthyPercent or maximumPercent \
         value and try again.",
    );
    assert_eq!(told, Some(600.0));
    assert_eq!(stuck.completed(1), None);
    let remedy = [("service.web.deployment.maximum_percent", "200")];
    let done = run("deployment-stuck", &remedy).completed(1).unwrap();
    // Started at 600 s, RUNNING after 1 to 3 s, healthy 40 s later.
    assert!((641.0..=643.0).contains(&done), "{done}");
}

#[test]
fn a_deployment_needs_room_for_new_tasks() {
    let full = run("deployment-no-room", &[]);
    assert!(full.told(NO_ROOM).is_some_and(|at| (600.0..601.0).contains(&at)), "{:?}", full.events);
    assert_eq!(full.completed(1), None);
    for remedy in
        [("service.web.deployment.minimum_healthy_percent", "75"), ("capacity.web.count", "3")]
    {
        assert!(run("deployment-no-room", &[remedy]).completed(1).is_some(), "{remedy:?}");
    }
}

/// Five instances with a large task each have room for the small ones; but those are there first.
#[test]
fn the_order_of_arrival_decides_how_many_instances_are_used() {
    let used = |outcome: &Outcome| {
        let running = outcome.tasks.iter().filter(|row| row["ended_s"].is_empty());
        running.map(|row| row["instance"].clone()).collect::<BTreeSet<String>>().len()
    };
    assert_eq!(used(&run("order-decides", &[])), 7);
    let other_order = [("service.large.start", "0s"), ("service.small.start", "10m")];
    assert_eq!(used(&run("order-decides", &other_order)), 5);
    let again = "[{ at = \"20m\", task = { cpu = 614, memory = 512 } }]";
    assert_eq!(used(&run("order-decides", &[("service.small.changes", again)])), 5);
}

#[test]
fn an_instance_drains_only_if_its_tasks_may_be_replaced() {
    let stuck = run("drain-stuck", &[]);
    assert!(stuck.told("was unable to stop or start tasks").is_some());
    let on_first = stuck.running_on("web-0");
    assert!(on_first > 0);
    let remedy = [("service.web.deployment.maximum_percent", "150")];
    assert_eq!(run("drain-stuck", &remedy).running_on("web-0"), 0);
}

#[test]
fn tasks_of_a_drained_instance_pile_up_where_nothing_spreads_them() {
    let piled = run("drain-one-zone", &[]);
    assert_eq!(piled.running_on("a-0"), 0, "it is drained");
    assert!(piled.tasks.iter().any(|row| row["instance"] == "a-0"), "there was something to drain");
    let (in_a, in_b) = (piled.running_on("a-"), piled.running_on("b-"));
    assert!(in_a.abs_diff(in_b) >= 2, "{in_a} and {in_b}");
    let remedy = [
        ("placement.strategy", "spread:attribute:ecs.availability-zone"),
        ("service.web.zone_rebalancing", "true"),
    ];
    let even = run("drain-one-zone", &remedy);
    assert_eq!((even.running_on("a-"), even.running_on("b-")), (3, 3));
}

#[test]
fn a_daemon_that_comes_late_finds_no_room() {
    let late = run("daemon-starved", &[]);
    assert!(late.told(&format!("(service logs) {NO_ROOM}")).is_some());
    let daemons = |outcome: &Outcome| {
        outcome.tasks.iter().filter(|row| row["group"] == "service:logs").count()
    };
    assert_eq!(daemons(&late), 0);
    assert_eq!(daemons(&run("daemon-starved", &[("service.logs.start", "0s")])), 3);
}

#[test]
fn more_static_ports_than_an_instance_has_fit_nowhere() {
    let ports = run("static-ports", &[]);
    assert!(ports.told("has too many ports reserved").is_some(), "{:?}", ports.events);
    assert_eq!(ports.summary.placements, 0);
    let remedy = [("service.web.task.ports", "[20000]")];
    assert_eq!(run("static-ports", &remedy).summary.placements, 1);
}

#[test]
fn eni_slots_bind_before_cpu_and_memory() {
    let two = run("eni-limit", &[]);
    assert!(two.told("RESOURCE:ENI").is_some(), "{:?}", two.events);
    assert_eq!(two.running_on("web-"), 4, "two on each");
    assert_eq!(run("eni-limit", &[("capacity.web.awsvpc_trunking", "true")]).running_on("web-"), 8);
}

/// Seconds from its place to its start, of each task of the second deployment.
fn pending(outcome: &Outcome) -> Vec<f64> {
    let seconds = |row: &Row, column: &str| -> Option<f64> { row[column].parse().ok() };
    let late = outcome
        .tasks
        .iter()
        .filter(|row| seconds(row, "submitted_s").is_some_and(|at| at >= 600.0));
    late.filter_map(|row| Some(seconds(row, "started_s")? - seconds(row, "placed_s")?)).collect()
}

#[test]
fn stopping_tasks_hold_their_host_after_their_room_is_free() {
    let slow = run("stopping-holds-host", &[]);
    assert!(slow.told(NO_ROOM).is_none(), "the room counts as free");
    let waits = pending(&slow);
    assert_eq!(waits.len(), 4);
    assert!(waits.iter().all(|wait| (110.0..=114.0).contains(wait)), "{waits:?}");
    let remedy = [("service.web.task.shutdown", "5s")];
    let waits = pending(&run("stopping-holds-host", &remedy));
    assert!(waits.iter().all(|wait| *wait <= 9.0), "{waits:?}");
}

#[test]
fn one_slow_stop_holds_up_those_placed_behind_it() {
    let packed = run("packed-deployment", &[]);
    let longest = pending(&packed).into_iter().fold(0.0, f64::max);
    assert!(longest > 600.0, "{longest}");
    let remedy = [
        ("service.web.deployment.minimum_healthy_percent", "100"),
        ("service.web.deployment.maximum_percent", "200"),
        ("capacity.web.count", "4"),
    ];
    let longest = pending(&run("packed-deployment", &remedy)).into_iter().fold(0.0, f64::max);
    assert!(longest < 10.0, "{longest}");
}

#[test]
fn an_eni_slot_is_given_back_last() {
    let race = run("eni-race", &[]);
    assert!(race.told("RESOURCE:ENI").is_some(), "{:?}", race.events);
    let remedy = [("capacity.web.awsvpc_trunking", "true")];
    assert!(run("eni-race", &remedy).told(NO_ROOM).is_none());
}
