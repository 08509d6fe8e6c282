//! Services under circumstances that come together badly: what would be stuck, or would go round
//! for ever, comes to an end.

use towtank::scenario::{Document, Recording, Scenario};

use crate::text::{Row, Text};

/// What a scenario came to.
pub(super) struct Outcome {
    warnings: Vec<String>,
    pub(super) tasks: Vec<Row>,
    /// Messages of services, with the time in seconds.
    events: Vec<(f64, String)>,
}

pub(super) fn run(text: &str) -> Outcome {
    let document = Document::parse("s.toml", text).unwrap();
    let scenario = Scenario::of(document, &[]).unwrap_or_else(|why| panic!("{why}"));
    let (tasks, events) = (Text::default(), Text::default());
    let recording = Recording {
        tasks: Some(Box::new(tasks.clone())),
        service_events: Some(Box::new(events.clone())),
        ..Recording::default()
    };
    scenario.prepare(1).unwrap().run(recording, &mut |_| true).unwrap();
    let event = |row: Row| (row["time_s"].parse().unwrap(), row["message"].clone());
    Outcome {
        warnings: scenario.warnings,
        tasks: tasks.rows(),
        events: events.rows().into_iter().map(event).collect(),
    }
}

impl Outcome {
    pub(super) fn told(&self, words: &str) -> Vec<f64> {
        let told = self.events.iter().filter(|(_, message)| message.contains(words));
        told.map(|(at, _)| *at).collect()
    }

    /// Tasks of a group that run at the end, on instances whose names begin so.
    pub(super) fn running(&self, service: &str, instances: &str) -> usize {
        let group = format!("service:{service}");
        let runs = |row: &&Row| {
            let there = row["instance"].starts_with(instances);
            row["group"] == group && there && row["outcome"] == "running"
        };
        self.tasks.iter().filter(runs).count()
    }

    /// Tasks of a group that run at a time in seconds, on instances whose names begin so.
    pub(super) fn running_at(&self, at: f64, service: &str, instances: &str) -> usize {
        let group = format!("service:{service}");
        let time = |row: &Row, column: &str| row[column].parse().unwrap_or(f64::INFINITY);
        let runs = |row: &&Row| {
            let there = row["group"] == group && row["instance"].starts_with(instances);
            there && time(row, "started_s") <= at && at < time(row, "ended_s")
        };
        self.tasks.iter().filter(runs).count()
    }

    /// When tasks started, ascending.
    pub(super) fn starts(&self) -> Vec<f64> {
        let start = |row: &Row| row["started_s"].parse().ok();
        let mut all: Vec<f64> = self.tasks.iter().filter_map(start).collect();
        all.sort_by(f64::total_cmp);
        all
    }
}

/// What one strategy starts in the emptier zone, another would stop at once: ECS does not take such
/// services either.
#[test]
fn zones_are_not_evened_out_against_the_strategy() {
    let text = "until = \"1h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 2\n\
        availability_zones = [\"us-east-1a\", \"us-east-1b\"]\n[service.web]\ndesired_count = 2\n\
        strategy = \"binpack:memory\"\nzone_rebalancing = true\n\
        task = { cpu = 512, memory = 512 }\n";
    let outcome = run(text);
    let [warning] = outcome.warnings.as_slice() else { panic!("{:?}", outcome.warnings) };
    assert!(warning.starts_with("service.web.zone_rebalancing: has no effect"), "{warning}");
    assert_eq!(outcome.tasks.len(), 2);
}

/// The first definition fits nowhere, and the service waits before it tries again: the next one is
/// tried at once.
#[test]
fn a_new_definition_is_tried_whatever_the_old_one_waits_for() {
    let text = "preset = \"ecs\"\nuntil = \"2h\"\n[capacity.web]\ninstance_type = \"m5.large\"\n\
        count = 1\n[service.web]\ndesired_count = 1\ntask = { cpu = 4096, memory = 1024 }\n\
        changes = [{ at = \"5m\", task = { cpu = 512, memory = 1024 } }]\n";
    let starts = run(text).starts();
    assert!(starts.len() == 1 && (300.0..310.0).contains(&starts[0]), "{starts:?}");
}

/// A task that its load balancer lets go of for five minutes counts in no zone any more.
#[test]
fn ecs_3_3_zones_stay_even_behind_a_load_balancer() {
    let text = "preset = \"ecs\"\nuntil = \"1h\"\n[capacity.web]\nvcpus = 16\n\
        memory_mib = 32768\ncount = 2\navailability_zones = [\"us-east-1a\", \"us-east-1b\"]\n\
        [service.web]\ndesired_count = 19\nload_balancer = true\n\
        task = { cpu = 512, memory = 512 }\n\
        changes = [{ at = \"30m\", desired_count = 9 }]\n";
    let outcome = run(text);
    let mut zones = ["web-0", "web-1"].map(|on| outcome.running("web", on));
    zones.sort_unstable();
    assert_eq!(zones, [4, 5]);
}

/// Tasks are ACTIVATING for longer than their checks take to pass: they are healthy when they are
/// RUNNING and their load balancer has checked them, and a deployment keeps as many.
#[test]
fn checks_that_pass_while_a_task_is_activating_count_once_it_runs() {
    let text = "preset = \"ecs\"\nuntil = \"1h\"\nlife_cycle = { activation = \"10s\" }\n\
        [capacity.web]\ninstance_type = \"m5.large\"\ncount = 2\n[service.web]\n\
        desired_count = 2\nload_balancer = true\n\
        task = { cpu = 256, memory = 256, health_check = { interval = \"5s\" } }\n\
        changes = [{ at = \"30m\", task = { cpu = 256, memory = 256 } }]\n";
    let outcome = run(text);
    let completed = outcome.told("deployment completed");
    assert_eq!(completed.len(), 2, "{:?}", outcome.events);
    assert!((150.0..200.0).contains(&completed[0]), "{completed:?}");
    assert!((1950.0..2000.0).contains(&completed[1]), "{completed:?}");
}

/// The second green one replaces the first, which never took over: both would not fit.
#[test]
fn ecs_5_5_a_superseded_green_deployment_gives_its_place_up() {
    let text = "until = \"4h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n\
        [service.web]\ndesired_count = 2\ntask = { cpu = 1024, memory = 512 }\n\
        deployment = { strategy = \"blue-green\", bake_time = \"30m\" }\n\
        changes = [{ at = \"10m\", task = { cpu = 1024, memory = 512 } },\n\
        { at = \"20m\", task = { cpu = 1024, memory = 512 } }]\n";
    let outcome = run(text);
    assert_eq!(outcome.told("(deployment ecs-svc/2) deployment completed"), [3000.0]);
    assert_eq!((outcome.tasks.len(), outcome.running("web", "web")), (6, 2));
}

fn sick(vcpus: u32, keys: &str) -> String {
    format!(
        "until = \"3h\"\n[capacity.web]\nvcpus = {vcpus}\nmemory_mib = 4096\ncount = 1\n\
         [service.web]\ndesired_count = 2\n{keys}\ntask = {{ cpu = 1024, memory = 512, \
         health_check = {{ interval = \"10s\", retries = 1, fails_after = \"10m\" }} }}\n"
    )
}

/// There is no room for replacements: each time one is refused, an unhealthy task goes.
#[test]
fn ecs_5_2_unhealthy_tasks_on_a_full_cluster_are_replaced() {
    let outcome = run(&sick(2, ""));
    let starts = outcome.starts();
    assert!(starts.len() > 10, "{starts:?}");
    assert!(starts.iter().filter(|at| **at > 9000.0).count() >= 2, "{starts:?}");
    assert_eq!(outcome.running("web", "web"), 2);
}

#[test]
fn ecs_5_7_protection_does_not_keep_unhealthy_tasks() {
    let keys = "protection = \"2h\"\n\
                deployment = { minimum_healthy_percent = 50, maximum_percent = 100 }";
    let starts = run(&sick(4, keys)).starts();
    assert!(starts[2] < 700.0, "{starts:?}");
}

const TWO_ZONES: &str = "until = \"2h\"\n\
    [capacity.a]\nvcpus = 16\nmemory_mib = 32768\ncount = 1\n\
    [capacity.b]\nvcpus = 16\nmemory_mib = 32768\ncount = 1\n\
    availability_zones = [\"us-east-1b\"]\n\
    [capacity.c]\nvcpus = 16\nmemory_mib = 32768\ncount = 1\narchitecture = \"ARM64\"\n\
    availability_zones = [\"us-east-1c\"]\n\
    [service.filler]\ndesired_count = 1\n\
    task = { cpu = 16384, memory = 1024, \
    constraints = [\"attribute:ecs.availability-zone == us-east-1b\"] }\n\
    changes = [{ at = \"10m\", desired_count = 0 }]\n\
    [service.web]\nstart = \"5m\"\ndesired_count = 10\nzone_rebalancing = true\n\
    task = { cpu = 512, memory = 512, architecture = \"X86_64\" }\n";

/// One zone is full at first, and another has nothing for these tasks: they move when there is
/// room, and none is moved to where it cannot be.
#[test]
fn ecs_5_6_zones_are_evened_out_once_there_is_room() {
    for preset in ["instant", "ecs"] {
        for more in ["", "load_balancer = true\n"] {
            let outcome = run(&format!("preset = \"{preset}\"\n{TWO_ZONES}{more}"));
            let zones = ["a", "b", "c"].map(|on| outcome.running("web", on));
            assert_eq!(zones, [5, 5, 0], "{preset} {more}");
            assert!(outcome.tasks.len() < 20, "{}", outcome.tasks.len());
        }
    }
}

/// Twenty tasks that fail to start put the earlier definition back, which does not wait for them.
#[test]
fn ecs_5_4_a_rollback_is_not_throttled_by_what_it_replaces() {
    let text = "preset = \"ecs\"\nuntil = \"1h\"\n[capacity.web]\nvcpus = 40\n\
        memory_mib = 81920\ncount = 1\n[service.web]\ndesired_count = 40\n\
        deployment = { minimum_healthy_percent = 50, maximum_percent = 100, \
        circuit_breaker = { rollback = true } }\ntask = { cpu = 1024, memory = 512 }\n\
        changes = [{ at = \"10m\", \
        task = { cpu = 1024, memory = 512, fails_to_start = 1.0 } }]\n";
    let outcome = run(text);
    let [back] = outcome.told("rolling back")[..] else { panic!("{:?}", outcome.events) };
    let again = outcome.starts().iter().filter(|at| **at > back && **at < back + 30.0).count();
    assert_eq!(again, 20, "{back}: {:?}", outcome.starts());
}

/// The service gives way to the other tasks, and asks for another try, in the midst of a sweep.
#[test]
fn a_service_that_is_refused_while_decisions_take_time_waits() {
    let text = "preset = \"ecs\"\nuntil = \"1h\"\n[controller]\ndecision_time = \"10ms\"\n\
        [capacity.web]\ninstance_type = \"m5.large\"\ncount = 1\n\
        [service.big]\ndesired_count = 2\ntask = { cpu = 4096, memory = 512 }\n\
        [workload.batch]\narrivals = \"regular\"\nrate = \"10/s\"\ncount = 50\n\
        duration = \"1s\"\ntasks = [{ cpu = 1024, memory = 64 }]\n";
    let outcome = run(text);
    let completed = outcome.tasks.iter().filter(|row| row["outcome"] == "completed").count();
    assert_eq!((completed, outcome.running("big", "web")), (50, 0));
    assert!(!outcome.told("unable to place").is_empty(), "{:?}", outcome.events);
}

/// Ten in a row are started at one instant; from then on there are waits between them.
#[test]
fn a_task_that_ends_as_soon_as_it_runs_is_throttled() {
    let killed = "[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\nsharing = \"cfs\"\n\
        [service.web]\ndesired_count = 1\n\
        task = { cpu = 256, memory = 512, use = { cpu = 256, memory = 900 } }\n";
    let exits = "[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n\
        [service.web]\ndesired_count = 1\n\
        task = { cpu = 256, memory = 512, containers = [{ name = \"app\", run = \"0s\" }] }\n";
    for text in [killed, exits] {
        let outcome = run(&format!("until = \"10m\"\n{text}"));
        let at_once = outcome.starts().iter().filter(|at| **at == 0.0).count();
        // Then 10, 20, … seconds apart: at 10, 30, 70, 150 and 310 s.
        assert_eq!((at_once, outcome.tasks.len() - at_once), (10, 5), "{text}");
    }
}

/// In any hour one start in twenty fails, and the others run for an hour.
#[test]
fn ecs_5_4_failures_among_tasks_that_run_are_not_in_a_row() {
    let outcome = run("until = \"24h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 2\n\
        [service.web]\ndesired_count = 20\n\
        task = { cpu = 256, memory = 256, duration = \"60m\", fails_to_start = 0.05 }\n");
    let failed = outcome.tasks.iter().filter(|row| row["outcome"] == "failed-to-start").count();
    assert!(failed > 10, "{failed}");
    assert_eq!(outcome.told("unable to consistently start"), Vec::<f64>::new());
    // One hour after the other.
    let starts = outcome.starts();
    assert!(starts.iter().all(|at| at % 3600.0 == 0.0), "{starts:?}");
}

/// The zone that is behind is full, and the longest wait was left at nothing.
#[test]
fn a_full_zone_is_tried_again_after_the_first_wait_at_least() {
    let controller = "[controller]\nretry_first = \"60s\"\n[capacity.a]";
    let text = TWO_ZONES.replacen("[capacity.a]", controller, 1).replacen("10m", "30m", 1);
    let outcome = run(&text);
    assert_eq!(["a", "b", "c"].map(|on| outcome.running("web", on)), [5, 5, 0]);
}

/// Two tasks wait and are given up. When the others end there is room, and their replacements have
/// nothing to wait for.
#[test]
fn what_waited_in_vain_holds_nothing_back() {
    let outcome =
        run("preset = \"ecs\"\nuntil = \"65m\"\n[capacity.pool]\nvcpus = 8\nmemory_mib = 16384\n\
         count = 1\n[service.web]\ndesired_count = 10\n\
         task = { cpu = 1024, memory = 512, duration = \"1h\" }\n\
         changes = [{ at = \"10m\", desired_count = 8 }, { at = \"20m\", desired_count = 10 }, \
         { at = \"30m\", desired_count = 8 }]\n");
    let later = outcome.starts().into_iter().filter(|at| *at > 60.0);
    let late: Vec<f64> = later.filter(|at| *at > 3640.0).collect();
    assert_eq!((outcome.running("web", "pool"), late), (8, vec![]));
    let told = outcome.told("unable to place");
    assert_eq!(told.len(), 2, "again when there is something to place again: {told:?}");
}

/// The old definition fits nowhere; the new one would, and is not tried after it.
#[test]
fn ecs_5_5_what_found_no_place_does_not_keep_the_new_definition_from_one() {
    let outcome =
        run("preset = \"ecs\"\nuntil = \"2h\"\n[capacity.web]\nvcpus = 6\nmemory_mib = 16384\n\
         count = 1\n[service.other]\ndesired_count = 1\ntask = { cpu = 512, memory = 256 }\n\
         changes = [{ at = \"9m\", desired_count = 0 }]\n\
         [service.web]\ndesired_count = 2\ntask = { cpu = 4096, memory = 1024 }\n\
         deployment = { strategy = \"blue-green\" }\n\
         changes = [{ at = \"10m\", task = { cpu = 512, memory = 512 } }]\n");
    assert_eq!(outcome.running("web", "web"), 2);
    assert_eq!(outcome.told("(service web) (deployment ecs-svc/1) deployment completed").len(), 1);
}

/// Once a task of a deployment is RUNNING, tasks that fail to start do not fail it.
#[test]
fn ecs_5_3_after_the_first_running_task_only_checks_count() {
    let text = |share: &str| {
        format!(
            "preset = \"ecs\"\nuntil = \"2h\"\n[capacity.web]\nvcpus = 16\nmemory_mib = 32768\n\
             count = 1\n[service.web]\ndesired_count = 10\n\
             deployment = {{ circuit_breaker = {{}} }}\n\
             task = {{ cpu = 512, memory = 512, fails_to_start = {share} }}\n"
        )
    };
    let some = run(&text("0.6"));
    assert!(some.told("deployment failed").is_empty(), "{:?}", some.events);
    assert_eq!(some.running("web", "web"), 10);
    assert_eq!(run(&text("1.0")).told("deployment failed").len(), 1);
}

/// A drained instance's PENDING tasks are stopped and told of.
#[test]
fn stops_are_told_by_how_far_tasks_had_come() {
    let text = "until = \"1h\"\n[capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 2\n\
        start_delay = \"5m\"\ndrain = [{ at = \"1m\", instances = 1 }]\n\
        [service.web]\ndesired_count = 4\ntask = { cpu = 512, memory = 512 }\n";
    let drained = run(text);
    assert_eq!(drained.told("stopped 2 pending tasks"), [60.0], "{:?}", drained.events);
    assert_eq!(drained.told("has started 2 tasks"), [60.0]);
    let superseded = "until = \"1h\"\n[capacity.web]\nvcpus = 8\nmemory_mib = 8192\ncount = 1\n\
        start_delay = \"5m\"\n[service.web]\ndesired_count = 2\n\
        task = { cpu = 512, memory = 512 }\ndeployment = { strategy = \"blue-green\" }\n\
        changes = [{ at = \"10m\", task = { cpu = 512, memory = 256 } }, \
        { at = \"12m\", task = { cpu = 512, memory = 128 } }]\n";
    let outcome = run(superseded);
    assert_eq!(outcome.told("stopped 2 pending tasks"), [720.0], "{:?}", outcome.events);
}

/// The message is of what the service saw, not of what it did about it.
#[test]
fn ecs_5_6_zones_are_told_as_they_were_found() {
    let text = "until = \"1h\"\n[capacity.a]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n\
        [capacity.b]\nvcpus = 1\nmemory_mib = 2048\ncount = 1\n\
        availability_zones = [\"us-east-1b\"]\n\
        [service.filler]\ndesired_count = 1\ntask = { cpu = 1024, memory = 512, \
        constraints = [\"attribute:ecs.availability-zone == us-east-1b\"] }\n\
        changes = [{ at = \"10m\", desired_count = 0 }]\n\
        [service.web]\nstart = \"5m\"\ndesired_count = 2\nzone_rebalancing = true\n\
        task = { cpu = 512, memory = 512 }\n";
    let outcome = run(text);
    let told = outcome.told("is not AZ balanced with 2 tasks in us-east-1a, 0 tasks in us-east-1b");
    assert_eq!(told.len(), 1, "{:?}", outcome.events);
    assert_eq!(outcome.told("is AZ balanced with 1 tasks in us-east-1a, 1 tasks in").len(), 1);
    let named = text.replacen(
        "task = { cpu = 512, memory = 512 }",
        "task = { cpu = 512, memory = 512, constraints = [\"attribute:ecs.availability-zone in \
         [us-east-1a, us-east-1b]\"] }",
        1,
    );
    let outcome = run(&named);
    assert_eq!(outcome.running("web", "a"), 2);
    let [warning] = outcome.warnings.as_slice() else { panic!("{:?}", outcome.warnings) };
    assert!(warning.contains("names the availability zone"), "{warning}");
}

/// Of four unhealthy tasks without room for a replacement, one goes at a time.
#[test]
fn ecs_5_2_unhealthy_tasks_are_replaced_one_by_one_where_stopping_ones_count() {
    let outcome = run("until = \"20m\"\n[controller]\nmaximum_counts_stopping = true\n\
         [capacity.web]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\nstop_delay = \"1m\"\n\
         [service.web]\ndesired_count = 4\n\
         deployment = { minimum_healthy_percent = 0, maximum_percent = 100 }\n\
         task = { cpu = 512, memory = 512, health_check = { fails_after = \"5m\" } }\n");
    let starts = outcome.starts();
    let replaced: Vec<f64> = starts.into_iter().filter(|at| *at > 0.0).take(4).collect();
    assert!(replaced.windows(2).all(|pair| pair[1] - pair[0] >= 60.0), "{replaced:?}");
}

const UNEVEN: &str = "until = \"2h\"\n[capacity.a]\nvcpus = 16\nmemory_mib = 65536\ncount = 1\n\
    stop_delay = \"300s\"\nstart_delay = \"1s\"\navailability_zones = [\"a\"]\n[capacity.b]\n\
    vcpus = 16\nmemory_mib = 65536\ncount = 1\nstop_delay = \"300s\"\nstart_delay = \"1s\"\n\
    availability_zones = [\"b\"]\n[service.filler]\ndesired_count = 1\n\
    task = { cpu = 16384, memory = 100, \
    constraints = [\"attribute:ecs.availability-zone == b\"] }\n\
    changes = [{ at = \"10m\", desired_count = 0 }]\n[service.web]\ndesired_count = 8\n\
    start = \"10s\"\nzone_rebalancing = true\ndeployment = { maximum_percent = 125 }\n\
    task = { cpu = 256, memory = 256 }\n";

/// Ten tasks at most, of which those count that take five minutes to stop.
#[test]
fn ecs_5_6_zones_are_evened_out_within_the_maximum() {
    let outcome = run(&format!("{UNEVEN}[controller]\nmaximum_counts_stopping = true\n"));
    assert_eq!((outcome.running("web", "a"), outcome.running("web", "b")), (4, 4));
    for &at in &outcome.starts() {
        let there = outcome.running_at(at, "web", "");
        assert!(there <= 10, "{there} tasks at {at} s");
    }
}

/// Room is made while the control plane decides on another task.
#[test]
fn ecs_5_6_zones_do_not_wait_for_decisions_about_others() {
    let outcome = run(&format!(
        "{UNEVEN}[controller]\ndecision_time = \"1s\"\n[workload.z]\nrate = \"1/s\"\n\
         start = \"599.5s\"\ncount = 1\narrivals = \"regular\"\nduration = \"10s\"\n\
         tasks = [{{ cpu = 65536, memory = 1024 }}]\n"
    ));
    assert_eq!((outcome.running("web", "a"), outcome.running("web", "b")), (4, 4));
}

/// What is over and comes again is told again.
#[test]
fn causes_that_come_again_are_told_again() {
    let text = "until = \"3h\"\n[capacity.c]\nvcpus = 16\nmemory_mib = 65536\ncount = 2\n\
        [service.web]\ndesired_count = 4\ntask = { cpu = 256, memory = 256 }\n\
        protection = \"2h\"\nchanges = [{ at = \"10m\", desired_count = 2 },\n\
        { at = \"20m\", desired_count = 4 }, { at = \"30m\", desired_count = 1 }]\n";
    assert_eq!(run(text).told("under protection"), [600.0, 1800.0]);
    let text = "until = \"3h\"\n[capacity.a]\nvcpus = 2\nmemory_mib = 4096\ncount = 1\n\
        [service.web]\ndesired_count = 2\n\
        task = { cpu = 512, memory = 256, fails_to_start = 1.0 }\n\
        changes = [{ at = \"1h\", task = { cpu = 512, memory = 257, fails_to_start = 1.0 } }]\n";
    let told = run(text).told("unable to consistently start");
    assert_eq!(told.iter().filter(|at| **at >= 3600.0).count(), 1, "{told:?}");
}
