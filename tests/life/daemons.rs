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

const FULL: &str = "until = \"1h\"\n[capacity.a]\nvcpus = 2\nmemory_mib = 4096\ncount = 1\n\
    [service.agent]\nscheduling = \"daemon\"\nstart = \"50s\"\n\
    task = { cpu = 512, memory = 256 }\n[workload.a]\nrate = \"1/s\"\ncount = 1\n\
    arrivals = \"regular\"\n";

/// Room is made while the control plane decides on another task.
#[test]
fn ecs_5_1_a_daemon_does_not_wait_for_decisions_about_others() {
    let outcome = run(&format!(
        "{FULL}duration = \"100s\"\ntasks = [{{ cpu = 2048, memory = 1024 }}]\n\
         [controller]\ndecision_time = \"1s\"\n[workload.z]\nrate = \"1/s\"\n\
         start = \"100s\"\ncount = 1\narrivals = \"regular\"\nduration = \"10s\"\n\
         tasks = [{{ cpu = 65536, memory = 1024 }}]\n"
    ));
    assert_eq!(outcome.running("agent", "a"), 1);
}

/// Its instance has one ENI slot, which the task that ended gives up only later.
#[test]
fn ecs_5_1_a_daemon_is_succeeded_at_once_in_awsvpc_mode_too() {
    let text = "until = \"1h\"\nlife_cycle = { detach_network = \"5s\" }\n[capacity.c]\n\
        vcpus = 2\nmemory_mib = 4096\ncount = 1\nawsvpc_tasks = 1\n[service.agent]\n\
        scheduling = \"daemon\"\ntask = { cpu = 512, memory = 256, \
        network_mode = \"awsvpc\", duration = \"10m\" }\n[workload.w]\nrate = \"1/s\"\n\
        count = 10\nduration = \"2h\"\ntasks = [{ cpu = 512, memory = 256 }]\n";
    let outcome = run(text);
    for at in [590.0, 610.0, 3100.0] {
        assert_eq!(outcome.running_at(at, "agent", "c"), 1, "{at}");
    }
}

/// The tasks of others are let go of by their load balancer for five minutes, and what is not a
/// service's ends when it ends.
#[test]
fn ecs_5_1_daemons_stop_last_on_a_draining_instance() {
    let text = |more: &str| {
        format!(
            "preset = \"ecs\"\nuntil = \"1h\"\n[capacity.c]\nvcpus = 2\n\
             memory_mib = 4096\ncount = 2\ndrain = [{{ at = \"10m\", instances = 1 }}]\n\
             [service.agent]\nscheduling = \"daemon\"\ntask = {{ cpu = 256, memory = 256 }}\n\
             [service.web]\ndesired_count = 4\nstart = \"60s\"\nload_balancer = true\n\
             task = {{ cpu = 256, memory = 256 }}\n{more}"
        )
    };
    let outcome = run(&text(""));
    let last = |group: &str| {
        let stopped = |row: &&Row| row["outcome"] == "stopped" && row["group"] == group;
        let stopped: Vec<f64> = outcome
            .tasks
            .iter()
            .filter(stopped)
            .map(|row| row["stopping_at_s"].parse().unwrap())
            .collect();
        stopped.into_iter().fold(0.0, f64::max)
    };
    assert!(last("service:web") > 900.0, "they are replaced first");
    assert_eq!(last("service:agent"), last("service:web"));
    let stays = "[workload.batch]\nstart = \"5m\"\narrivals = \"regular\"\nrate = \"1/m\"\n\
        count = 2\nduration = \"2h\"\n\
        tasks = [{ cpu = 64, memory = 64, start_on = [\"c-0\", \"c-1\"] }]\n";
    assert_eq!(run(&text(stays)).running("agent", "c"), 2, "the tasks of others run on");
}

/// One instance is full and the other has its daemon: the message is about the full one, and comes
/// once.
#[test]
fn daemons_tell_of_the_instances_that_lack_one() {
    let full = "duration = \"1h\"\n\
        tasks = [{ cpu = 2048, memory = 1024, start_on = [\"a-0\"] }]\n";
    let roomy = "[capacity.b]\nvcpus = 2\nmemory_mib = 4096\ncount = 2\n";
    let outcome = run(&format!("{FULL}{full}{roomy}"));
    let told = outcome.told("(container-instance a-0) has insufficient CPU units available");
    assert_eq!((told, outcome.told("unable to place").len()), (vec![50.0], 1));
}

/// At one instant a task that it avoids leaves one instance and another comes to the other.
#[test]
fn a_daemon_moves_though_as_many_instances_are_its_own_as_before() {
    let batch = |name: &str, start: &str, duration: &str, on: &str| {
        format!(
            "[workload.{name}]\nrate = \"1/s\"\ncount = 1\nstart = \"{start}\"\n\
             arrivals = \"regular\"\nduration = \"{duration}\"\n\
             tasks = [{{ cpu = 1024, memory = 1024, group = \"batch\", start_on = [\"{on}\"] }}]\n"
        )
    };
    let outcome = run(&format!(
        "until = \"1000s\"\n[capacity.c]\nvcpus = 16\nmemory_mib = 65536\ncount = 2\n\
         [service.agent]\nscheduling = \"daemon\"\nstart = \"50s\"\n\
         task = {{ cpu = 512, memory = 256, constraints = [\"not(task:group == batch)\"] }}\n{}{}",
        batch("a", "0s", "100s", "c-1"),
        batch("b", "100s", "1000s", "c-0")
    ));
    assert_eq!((outcome.running("agent", "c-0"), outcome.running("agent", "c-1")), (0, 1));
}

/// The task on the instance that is none for it any more is protected, and the other not yet
/// RUNNING: it is not that one that goes.
#[test]
fn a_daemon_that_is_protected_leaves_its_instance_later() {
    let outcome = run("until = \"1h\"\n[capacity.a]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n\
         [capacity.b]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\nstart_delay = \"5m\"\n\
         [service.logs]\nscheduling = \"daemon\"\nprotection = \"10m\"\n\
         task = { cpu = 128, memory = 64, \
         constraints = [\"not(task:group == family:batch-0)\"] }\n\
         [workload.batch]\nstart = \"1m\"\narrivals = \"regular\"\nrate = \"1/m\"\ncount = 1\n\
         duration = \"2h\"\ntasks = [{ cpu = 512, memory = 512, start_on = [\"a-0\"] }]\n");
    let running =
        |at: f64| (outcome.running_at(at, "logs", "a"), outcome.running_at(at, "logs", "b"));
    assert_eq!([299.0, 599.0, 601.0].map(running), [(1, 0), (1, 1), (0, 1)]);
    assert_eq!(outcome.tasks.len(), 3, "nothing is started anew");
}

/// All must stay healthy, and no instance has room for two: a replica service in the same place
/// says so too.
#[test]
fn ecs_5_2_a_daemon_that_may_neither_stop_nor_start_says_so() {
    let stuck = "unable to stop or start tasks during a deployment";
    let told = |percent: u32| {
        let outcome = run(&format!(
            "until = \"1h\"\n[capacity.c]\nvcpus = 4\nmemory_mib = 8192\ncount = 3\n\
             [service.log]\nscheduling = \"daemon\"\n\
             deployment = {{ minimum_healthy_percent = {percent} }}\n\
             task = {{ cpu = 256, memory = 256 }}\n\
             changes = [{{ at = \"10m\", task = {{ cpu = 256, memory = 257 }} }}]\n"
        ));
        outcome.told(stuck)
    };
    // 90 % of three are three, 60 % are two.
    assert_eq!((told(90), told(60)), (vec![600.0], Vec::new()));
}
