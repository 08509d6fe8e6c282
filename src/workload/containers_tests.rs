//! Courses of tasks with several containers, worked out by hand.

use super::*;
use crate::workload::law_spec::Span;

fn law(seconds: u64) -> Option<DurationLaw> {
    Some(DurationLaw::constant(Span::from_secs(seconds)))
}

fn container(name: &str) -> Container {
    Container {
        name: Arc::from(name),
        essential: true,
        depends_on: Vec::new(),
        start: None,
        start_timeout: None,
        ready: None,
        run: None,
        failures: 0.0,
        restart: None,
        shutdown: None,
        stop_timeout: None,
    }
}

/// A container that exits and may.
fn init(seconds: u64) -> Container {
    Container { essential: false, run: law(seconds), ..container("init") }
}

fn course(containers: &[Container]) -> Course {
    let all = Containers(containers.to_vec());
    all.course(&all.timetable(1000, &mut || 0.5))
}

fn runs_after(seconds: u64) -> Course {
    Course { start: SimDuration::from_secs(seconds), fails: false, end: None }
}

fn fails_after(seconds: u64) -> Course {
    Course { start: SimDuration::from_secs(seconds), fails: true, end: None }
}

#[test]
fn ecs_1_1_a_task_runs_when_all_of_its_containers_have_started() {
    let slow = Container { start: law(5), ..container("slow") };
    let slower = Container { start: law(7), ..container("slower") };
    assert_eq!(course(&[slow.clone(), slower.clone()]), runs_after(7));
    let after = |condition| Container { depends_on: vec![(0, condition)], ..slower.clone() };
    assert_eq!(course(&[slow.clone(), after(Condition::Start)]), runs_after(12));
    let slow = Container { ready: law(20), ..slow };
    assert_eq!(course(&[slow, after(Condition::Healthy)]), runs_after(32));
}

#[test]
fn ecs_1_1_a_container_that_depends_on_anothers_exit_waits_for_it() {
    let app = |condition| Container {
        depends_on: vec![(0, condition)],
        start: law(2),
        ..container("app")
    };
    assert_eq!(course(&[init(30), app(Condition::Complete)]), runs_after(32));
    assert_eq!(course(&[init(30), app(Condition::Success)]), runs_after(32));
    let bad = Container { failures: 1.0, ..init(30) };
    assert_eq!(course(&[bad.clone(), app(Condition::Complete)]), runs_after(32));
    assert_eq!(course(&[bad, app(Condition::Success)]), fails_after(30));
    // One that never exits, or exits before it is healthy.
    assert_eq!(course(&[container("x"), app(Condition::Success)]), fails_after(0));
    let sick = Container { ready: law(31), ..init(30) };
    assert_eq!(course(&[sick, app(Condition::Healthy)]), fails_after(30));
}

/// Counted from when the other runs; whether it has started is known at once.
#[test]
fn ecs_1_1_a_container_that_waits_longer_than_start_timeout_gives_up() {
    let patient = |seconds| Some(SimDuration::from_secs(seconds));
    let after = |first: Container, condition| {
        let app = Container { depends_on: vec![(0, condition)], ..container("app") };
        course(&[first, app])
    };
    let init = Container { start: law(10), ..init(30) };
    let of = |seconds, condition| {
        after(Container { start_timeout: patient(seconds), ..init.clone() }, condition)
    };
    assert_eq!(of(30, Condition::Success), runs_after(40));
    assert_eq!(of(29, Condition::Success), fails_after(39));
    assert_eq!(of(29, Condition::Complete), fails_after(39));
    assert_eq!(of(2, Condition::Start), runs_after(10));
    let slow = Container { ready: law(20), ..container("slow") };
    let of = |seconds| {
        after(Container { start_timeout: patient(seconds), ..slow.clone() }, Condition::Healthy)
    };
    assert_eq!((of(20), of(19)), (runs_after(20), fails_after(19)));
}

/// What depends on a container that never starts never starts either, whatever its own times are.
#[test]
fn a_broken_dependency_breaks_what_depends_on_it_when_it_is_known() {
    let bad = Container { failures: 1.0, ..init(100) };
    let migrate = Container {
        depends_on: vec![(0, Condition::Success)],
        start_timeout: Some(SimDuration::from_secs(2)),
        ..init(30)
    };
    let app = Container { depends_on: vec![(1, Condition::Complete)], ..container("app") };
    assert_eq!(course(&[bad.clone(), migrate.clone(), app.clone()]), fails_after(100));
    let app = Container { run: law(5), ..app };
    assert_eq!(course(&[bad.clone(), migrate.clone(), app]), fails_after(100));
    let other = Container { run: law(40), ..container("other") };
    assert_eq!(course(&[bad, migrate, other]), fails_after(40), "it ends the task before");
}

#[test]
fn fast_instances_run_containers_in_less_time_and_start_them_in_the_same() {
    let app = Container {
        depends_on: vec![(0, Condition::Complete)],
        start: law(2),
        run: law(50),
        ..container("app")
    };
    let all = Containers(vec![init(30), app]);
    let course = all.course(&all.timetable(2000, &mut || 0.5));
    let end = Some((SimDuration::from_secs(25), Outcome::Completed));
    assert_eq!(course, Course { start: SimDuration::from_secs(17), fails: false, end });
}

#[test]
fn ecs_1_1_the_first_essential_container_to_exit_ends_the_task() {
    let sidecar = Container { run: law(50), ..container("sidecar") };
    let app = Container { start: law(10), run: law(90), ..container("app") };
    let end = Some((SimDuration::from_secs(40), Outcome::Completed));
    let of = |sidecar| course(&[sidecar, app.clone()]).end;
    assert_eq!(of(sidecar.clone()), end, "50 s from its start, which is 10 s before RUNNING");
    let bad = Container { failures: 1.0, ..sidecar.clone() };
    assert_eq!(of(bad), Some((SimDuration::from_secs(40), Outcome::Failed)));
    let optional = Container { essential: false, ..sidecar.clone() };
    assert_eq!(of(optional), Some((SimDuration::from_secs(90), Outcome::Completed)));
    let early = Container { run: law(4), ..sidecar };
    assert_eq!(course(&[early, app]), fails_after(4));
}

#[test]
fn ecs_1_1_a_restart_policy_restarts_what_ran_long_enough() {
    let of = |runs: &[u64]| {
        let mean = "{ uniform = { low = \"0s\", high = \"100s\" } }";
        let table: toml::Table = toml::from_str(&format!("law = {mean}")).unwrap();
        let run = table["law"].clone().try_into().unwrap();
        let restart = Some(SimDuration::from_secs(60));
        let app = Container { run: Some(run), restart, ..container("app") };
        let mut draws = runs.iter().map(|&seconds| seconds as f64 / 100.0);
        let all = Containers(vec![app]);
        all.course(&all.timetable(1000, &mut || draws.next().unwrap())).end
    };
    let ended = |seconds| Some((SimDuration::from_secs(seconds), Outcome::Completed));
    assert_eq!(of(&[59]), ended(59));
    assert_eq!(of(&[60, 90, 10]), ended(160), "two long runs are restarted, a short one is not");
    let steady =
        Container { run: law(60), restart: Some(SimDuration::from_secs(60)), ..container("app") };
    assert_eq!(course(&[steady]).end, None);
}

/// Seconds until all have exited of a task that is told to stop after so many.
fn stops_after(seconds: u64, containers: &[Container]) -> u64 {
    let all = Containers(containers.to_vec());
    let times = all.timetable(1000, &mut || 0.5);
    let [after, timeout] = [seconds, 30].map(SimDuration::from_secs);
    all.shutdown(&times, after, timeout, &mut || 0.5).micros() / 1_000_000
}

#[test]
fn ecs_1_1_only_what_runs_is_stopped() {
    let app = Container { start: law(10), shutdown: law(5), ..container("app") };
    let side = Container { shutdown: law(20), ..init(30) };
    let both = [app.clone(), side.clone()];
    assert_eq!([9, 10, 29, 30].map(|after| stops_after(after, &both)), [20, 20, 5, 5]);
    assert_eq!([11, 12].map(|after| stops_after(after, &both)), [19, 18], "it exits by itself");
    let alone = std::slice::from_ref(&app);
    assert_eq!([9, 10].map(|after| stops_after(after, alone)), [0, 5], "not started yet");
    // What restarts it runs on; what ends the task runs as long as the task.
    let restarted = Container { restart: Some(SimDuration::ZERO), ..side.clone() };
    assert_eq!(stops_after(100, &[app.clone(), restarted]), 20);
    assert_eq!(stops_after(100, &[app, Container { essential: true, ..side }]), 20);
}

#[test]
fn ecs_1_1_containers_stop_in_the_reverse_of_their_order() {
    let stops = |containers: &[Container]| stops_after(60, containers);
    let log = Container { shutdown: law(3), ..container("log") };
    let app = Container { shutdown: law(5), ..container("app") };
    assert_eq!(stops(&[log.clone(), app.clone()]), 5, "side by side");
    let after = |on, condition| Container { depends_on: vec![(on, condition)], ..app.clone() };
    let behind_log = after(0, Condition::Healthy);
    assert_eq!(stops(&[log.clone(), behind_log.clone()]), 8);
    // Each is killed at its own time, and at the task's if it has none.
    let stubborn = Container { shutdown: law(99), ..behind_log.clone() };
    assert_eq!(stops(&[log.clone(), stubborn.clone()]), 33);
    let hurried = Container { stop_timeout: Some(SimDuration::from_secs(2)), ..stubborn };
    assert_eq!(stops(&[log.clone(), hurried]), 5);
    // The longest chain counts: log, then app, then the proxy before it.
    let proxy = Container { shutdown: law(4), ..after(1, Condition::Start) };
    assert_eq!(stops(&[log.clone(), behind_log, proxy]), 12);
    // What was waited for to exit is gone.
    let init = Container { shutdown: law(20), ..init(1) };
    assert_eq!(stops(&[init, after(0, Condition::Success)]), 5);
    assert_eq!(stops(&[container("app")]), 0);
}
