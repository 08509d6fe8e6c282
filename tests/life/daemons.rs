//! DAEMON services whose instances are theirs for a while only.

use super::services::run;
use crate::text::Row;

/// That a daemon has no room on one instance is no reason to leave sick ones on others.
#[test]
fn sick_daemons_are_replaced_while_another_instance_is_full() {
    let text = "until = \"2h\"\n[capacity.big]\nvcpus = 2\nmemory_mib = 4096\ncount = 2\n\
        [capacity.small]\nvcpus = 1\nmemory_mib = 4096\ncount = 1\n\
        attributes = { kind = \"small\" }\n[service.web]\ndesired_count = 1\n\
        task = { cpu = 1024, memory = 64, constraints = [\"attribute:kind == small\"] }\n\
        [service.logs]\nscheduling = \"daemon\"\nstart = \"1m\"\n\
        task = { cpu = 128, memory = 64, \
        health_check = { interval = \"10s\", retries = 1, fails_after = \"10m\" } }\n";
    let outcome = run(text);
    assert_eq!(outcome.running("logs", "big"), 2);
    assert!(outcome.tasks.len() > 10, "{}", outcome.tasks.len());
}

/// Ten daemons: half of them is five.
#[test]
fn ecs_5_3_a_daemon_fails_at_half_of_its_instances_and_starts_no_more() {
    let text = "preset = \"ecs\"\nuntil = \"4h\"\n[capacity.web]\ninstance_type = \"m5.large\"\n\
        count = 10\n[service.logs]\nscheduling = \"daemon\"\n\
        deployment = { circuit_breaker = {} }\ntask = { cpu = 128, memory = 64 }\n\
        changes = [{ at = \"10m\", \
        task = { cpu = 128, memory = 64, fails_to_start = 1.0 } }]\n";
    let outcome = run(text);
    let failed = |row: &&Row| row["outcome"] == "failed-to-start";
    let failed = outcome.tasks.iter().filter(failed).count();
    // All ten of the first, and those that took the places of the first four.
    assert_eq!(failed, 14);
    assert_eq!(outcome.told("deployment failed").len(), 1);
}

/// Once a task of the other service is on an instance, the daemon is wanted there.
#[test]
fn daemons_follow_the_tasks_that_their_constraints_name() {
    let text = |preset: &str| {
        format!(
            "preset = \"{preset}\"\nuntil = \"1h\"\n[capacity.web]\nvcpus = 4\n\
             memory_mib = 8192\ncount = 3\n[service.logs]\nscheduling = \"daemon\"\n\
             task = {{ cpu = 128, memory = 64, constraints = [\"task:group == service:web\"] }}\n\
             [service.web]\ndesired_count = 2\ntask = {{ cpu = 512, memory = 512 }}\n"
        )
    };
    for preset in ["instant", "ecs"] {
        assert_eq!(run(&text(preset)).running("logs", "web"), 2, "{preset}");
    }
}

/// One daemon too many is on one instance, and one is missing on the other.
#[test]
fn daemons_on_instances_that_are_no_longer_theirs_do_not_go_round_for_ever() {
    let constraints = "constraints = [\"not(task:group == family:batch-0)\"]";
    let text = format!(
        "until = \"1h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 2\n\
         [service.logs]\nscheduling = \"daemon\"\n\
         deployment = {{ minimum_healthy_percent = 50, \
         circuit_breaker = {{ rollback = true }} }}\n\
         task = {{ cpu = 128, memory = 64, {constraints} }}\n\
         changes = [{{ at = \"2m\", \
         task = {{ cpu = 128, memory = 64, fails_to_start = 1.0, {constraints} }} }}]\n\
         [workload.batch]\nstart = \"1m\"\narrivals = \"regular\"\nrate = \"1/m\"\ncount = 1\n\
         duration = \"50m\"\n\
         tasks = [{{ cpu = 512, memory = 512, start_on = [\"web-0\"] }}]\n"
    );
    let outcome = run(&text);
    assert!(outcome.tasks.len() < 20, "{}", outcome.tasks.len());
}

/// The constraint is about placing: the daemon's own task does not make its instance another's.
#[test]
fn a_daemon_may_mind_how_many_tasks_there_are() {
    for constraint in ["runningTasksCount < 1", "not(task:group == service:logs)"] {
        for preset in ["instant", "ecs"] {
            let outcome = run(&format!(
                "preset = \"{preset}\"\nuntil = \"1h\"\n[capacity.web]\nvcpus = 4\n\
                 memory_mib = 8192\ncount = 2\n[service.logs]\nscheduling = \"daemon\"\n\
                 task = {{ cpu = 128, memory = 64, constraints = [\"{constraint}\"] }}\n"
            ));
            assert_eq!((outcome.tasks.len(), outcome.running("logs", "web")), (2, 2), "{preset}");
        }
    }
}

/// One wants the other's company and the other none of it: there is no rest, but time passes.
#[test]
fn two_daemons_that_mind_each_other_do_not_go_round_at_one_instant() {
    let daemon = |name: &str, constraint: &str| {
        format!(
            "[service.{name}]\nscheduling = \"daemon\"\n\
             task = {{ cpu = 128, memory = 64, constraints = [\"{constraint}\"] }}\n"
        )
    };
    let outcome = run(&format!(
        "until = \"1h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n{}{}",
        daemon("a", "task:group == service:b"),
        daemon("b", "not(task:group == service:a)")
    ));
    assert!(outcome.tasks.len() < 10, "{}", outcome.tasks.len());
}

/// Of three tasks the one goes whose instance is none for the daemon any more, whatever the
/// strategy would stop.
#[test]
fn a_daemon_leaves_the_instance_that_is_none_for_it() {
    for on in ["web-0", "web-1", "web-2"] {
        let outcome = run(&format!(
            "until = \"1h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 3\n\
             [service.logs]\nscheduling = \"daemon\"\n\
             task = {{ cpu = 128, memory = 64, \
             constraints = [\"not(task:group == family:batch-0)\"] }}\n\
             [workload.batch]\nstart = \"1m\"\narrivals = \"regular\"\nrate = \"1/m\"\n\
             count = 1\nduration = \"2h\"\n\
             tasks = [{{ cpu = 512, memory = 512, start_on = [\"{on}\"] }}]\n"
        ));
        assert_eq!(outcome.running("logs", "web"), 2);
        assert_eq!(outcome.running("logs", on), 0, "{on}");
        assert_eq!(outcome.tasks.len(), 4, "nothing is started anew");
    }
}
