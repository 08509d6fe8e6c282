//! Scenarios right and wrong: what each error says, and where.

use super::{Document, Override, Recording, Scenario, value_of};

const GOOD: &str = r#"
name = "good"
seed = 3

[capacity.pool]
instance_type = "m6i.large"
count = 2

[workload.batch]
rate = "1/s"
count = 10
duration = "5s"
tasks = [{ cpu = 256, memory = 512 }]
"#;

pub(super) fn load(text: &str, changes: &[(&str, &str)]) -> Result<Scenario, String> {
    let set = |&(key, value): &(&str, &str)| {
        Override::flag(&format!("--set {key}"), key, value_of(value))
    };
    let changes: Vec<Override> = changes.iter().map(set).collect();
    let document = Document::parse("dir/test.toml", text).map_err(|why| why.to_string())?;
    Scenario::of(document, &changes).map_err(|why| why.to_string())
}

/// The scenario is refused, and the message has every part.
pub(super) fn refused(text: &str, changes: &[(&str, &str)], parts: &[&str]) {
    let message = load(text, changes).expect_err("the scenario is refused");
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn a_good_scenario_runs() {
    let scenario = load(GOOD, &[]).unwrap();
    let finished = scenario.prepare(3).unwrap().run(Recording::default(), &mut |_| true).unwrap();
    assert_eq!(finished.records.tasks.completed, 10);
    assert_eq!(finished.records.instances.launched, 2);
}

#[test]
fn the_same_seed_gives_the_same_fingerprint_and_another_another() {
    let scenario = load(GOOD, &[]).unwrap();
    let fingerprint = |seed| {
        let finished = scenario.prepare(seed).unwrap();
        finished.run(Recording::default(), &mut |_| true).unwrap().records.fingerprint
    };
    assert_eq!(fingerprint(3), fingerprint(3));
    assert_ne!(fingerprint(3), fingerprint(4));
}

#[test]
fn a_decision_time_is_recorded_and_no_time_is_the_default() {
    let trajectory = |changes: &[(&str, &str)]| {
        let scenario = load(GOOD, changes).unwrap();
        let run = scenario.prepare(3).unwrap().run(Recording::default(), &mut |_| true).unwrap();
        (toml::to_string(&scenario.spec).unwrap(), run.records.fingerprint)
    };
    let key = "controller.decision_time";
    let (spec, none) = trajectory(&[]);
    assert!(!spec.contains("decision_time"), "as before there was such a key");
    let (spec, zero) = trajectory(&[(key, "0ns")]);
    assert!(spec.contains("decision_time = \"0ns\""));
    assert_eq!(none, zero);
    let (spec, indexed) = trajectory(&[(key, "1.5ms")]);
    assert!(spec.contains("decision_time = \"1.5ms\""), "{spec}");
    assert_ne!(none, indexed);
    let (_, naive) = trajectory(&[(key, "1.5ms"), ("placement.placer", "naive")]);
    assert_eq!(indexed, naive);
    refused(GOOD, &[(key, "61m")], &["--set controller.decision_time", "at most \"60m\""]);
    refused(GOOD, &[(key, "350")], &["350 is not a time with a unit"]);
}

#[test]
fn an_interrupted_run_ends_as_such() {
    let text = GOOD.replace("count = 10", "count = 20000");
    let scenario = load(&text, &[]).unwrap();
    let run = scenario.prepare(3).unwrap().run(Recording::default(), &mut |_| false);
    assert!(matches!(run, Err(crate::run::RunError::Interrupted)));
}

#[test]
fn unknown_keys_are_refused_with_line_and_suggestion() {
    let text = GOOD.replace("count = 2", "cuont = 2");
    refused(&text, &[], &["dir/test.toml, line 7", "capacity.pool", "cuont", "`count`"]);
    let text = GOOD.replace("duration", "durration");
    refused(&text, &[], &["line 12", "workload.batch", "durration", "did you mean `duration`?"]);
    let text = GOOD.replace("cpu = 256", "cpus = 256");
    refused(&text, &[], &["line 13", "workload.batch.tasks[0]", "cpus", "`cpu`"]);
    refused(GOOD, &[("capcity.pool.count", "3")], &["unknown key `capcity`", "`capacity`"]);
}

#[test]
fn wrong_values_are_refused_with_key_and_remedy() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("capacity.pool.count", "-1", &["--set capacity.pool.count", "-1"]),
        ("capacity.pool.count", "5000000000", &["5000000000"]),
        ("capacity.pool.count", "2000000", &["at most 1000000"]),
        ("capacity.pool.instance_type", "m6i.larg", &["m6i.larg", "m6i.large"]),
        ("capacity.pool.speed", "nan", &["speed"]),
        ("capacity.pool.memory_overhead_fraction", "1.5", &["from 0 to 1"]),
        ("capacity.pool.vcpus", "4", &["remove one of them"]),
        ("capacity.pool.availability_zones", "[]", &["name at least one"]),
        ("capacity.pool.usd_per_hour", "free", &["free"]),
        ("placement.strategy", "binpak:cpu", &["did you mean 'binpack'?"]),
        ("placement.strategy", "fgd+random", &["'fgd' cannot be part of a chain"]),
        ("placement.strategy", "binpack:disk", &["binpack:cpu or binpack:memory"]),
        ("placement.tie_break", "coin", &["unknown variant"]),
        ("queue.policy", "fifoo", &["did you mean 'fifo'?"]),
        ("until", "tomorrow", &["until", "drained"]),
        ("until", "[\"1h\", \"2h\"]", &["two times"]),
        ("warm_up", "-1s", &["warm_up"]),
        ("workload.batch.rate", "fast", &["fast"]),
        ("workload.batch.format", "cvs", &["did you mean 'csv'?"]),
        ("workload.batch.tasks", "[]", &["no sizes"]),
        ("name", "../up", &["cannot name results"]),
        ("seed", "-1", &["seed"]),
        ("seed", "1.5", &["seed"]),
        ("name.x", "1", &["'name' is a value, not a table"]),
    ];
    for (key, value, parts) in cases {
        refused(GOOD, &[(key, value)], parts);
    }
}

#[test]
fn a_warm_up_as_long_as_the_run_is_refused() {
    refused(GOOD, &[("until", "1h"), ("warm_up", "1h")], &["warm_up"]);
}

#[test]
fn a_scenario_without_tasks_or_capacity_is_refused() {
    let (capacity, workload) = GOOD.split_at(GOOD.find("[workload").unwrap());
    refused(capacity, &[], &["no tasks"]);
    refused(workload, &[], &["no capacity"]);
}

#[test]
fn syntax_errors_name_the_line() {
    refused("name = \"x\"\nseed = = 1\n", &[], &["dir/test.toml, line 2", "not TOML"]);
    refused("seed = 1\nseed = 2\n", &[], &["line 2", "duplicate"]);
}

#[test]
fn fgd_without_a_workload_to_learn_from_is_refused() {
    let text = r#"
        [capacity.pool]
        instance_type = "m6i.large"
        count = 2
        [service.web]
        desired_count = 1
        task = { cpu = 256, memory = 512 }
        [placement]
        strategy = "fgd"
    "#;
    refused(text, &[], &["placement.profile", "typical tasks"]);
    refused(
        GOOD,
        &[("placement.strategy", "fgd"), ("placement.profile.workload", "web")],
        &["there is no [workload.web]"],
    );
}

#[test]
fn overrides_take_toml_values_or_text() {
    assert_eq!(value_of("3"), toml::Value::Integer(3));
    assert_eq!(value_of("3/s"), toml::Value::String("3/s".to_owned()));
    assert_eq!(value_of("[1, 2]").as_array().map(Vec::len), Some(2));
    // Not a way to set a second key.
    assert_eq!(value_of("1\nw = 2"), toml::Value::String("1\nw = 2".to_owned()));
    assert!(Override::parse("novalue").is_err());
    assert!(Override::parse("=3").is_err());
}

#[test]
fn services_scale_by_the_clock() {
    let text = r#"
        until = "1h"
        [capacity.pool]
        instance_type = "m6i.large"
        count = 4
        [service.web]
        desired_count = 2
        task = { cpu = 256, memory = 512 }
        changes = [{ at = "10m", desired_count = 5 }, { at = "20m", desired_count = 1 }]
    "#;
    let scenario = load(text, &[]).unwrap();
    let finished = scenario.prepare(1).unwrap().run(Recording::default(), &mut |_| true).unwrap();
    let tasks = finished.records.tasks;
    assert_eq!((tasks.submitted, tasks.stopped, tasks.running_at_end), (5, 4, 1));
    assert_eq!(finished.now.as_secs_f64(), 3600.0);
    let out_of_order = text.replace("at = \"20m\"", "at = \"5m\"");
    refused(&out_of_order, &[], &["service.web.changes[1].at", "in order of time"]);
}

#[test]
fn a_calibration_is_read_beside_the_scenario_and_is_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let calibration = crate::calibration::example_calibration();
    std::fs::write(folder.path().join("engine.toml"), calibration.to_toml()).unwrap();
    let text = format!("{GOOD}\n[engine]\ncalibration = \"engine.toml\"\n");
    let file = folder.path().join("test.toml").display().to_string();
    let of = |text: &str| {
        let document = Document::parse(&file, text).unwrap();
        Scenario::of(document, &[]).map_err(|why| why.to_string())
    };
    let scenario = of(&text).unwrap();
    assert_eq!(scenario.calibration, Some(calibration));
    assert_eq!(scenario.spec.engine.as_ref().unwrap().engines, 1);
    let inputs = scenario.inputs(3).unwrap();
    assert_eq!(inputs["engine.calibration"].path, "engine.toml");
    assert_eq!(inputs["engine.calibration"].xxh3.len(), 32);
    assert_eq!(of(GOOD).unwrap().calibration, None);
    // A task a second that starts in a fifth of one: the last of ten ends later than without.
    let end = |scenario: Scenario| {
        let run = scenario.prepare(3).unwrap().run(Recording::default(), &mut |_| true).unwrap();
        run.records.makespan_s.unwrap()
    };
    let later = end(scenario) - end(of(GOOD).unwrap());
    assert!((0.18..=0.5).contains(&later), "{later}");

    let newer = calibration_text(&folder).replace("format_version = 2", "format_version = 3");
    std::fs::write(folder.path().join("engine.toml"), newer).unwrap();
    let why = of(&text).unwrap_err();
    for part in ["engine.calibration", "engine.toml", "format_version", "newer", "line 16"] {
        assert!(why.contains(part), "{why:?} lacks {part:?}");
    }
}

fn calibration_text(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join("engine.toml")).unwrap()
}

#[test]
fn engines_that_cannot_be_simulated_are_refused() {
    let engine = "[engine]\ncalibration = \"none.toml\"\n";
    let with = format!("{GOOD}\n{engine}");
    refused(&with, &[], &["engine.calibration", "dir/none.toml", "no such file", "calibrate"]);
    refused(&with, &[("engine.engines", "0")], &["--set engine.engines", "1 or more"]);
    refused(GOOD, &[("engine.engines", "1")], &["calibration"]);
    refused(&format!("{with}engine = 2\n"), &[], &["engine.engine", "did you mean `engines`"]);
}

#[test]
fn tasks_share_where_capacity_says_so() {
    let of_use = "[{ cpu = 256, memory = 512, use = { cpu = 2048, pace = \"work\" } }]";
    let one = [("workload.batch.count", "1"), ("workload.batch.tasks", of_use)];
    let reserved = load(GOOD, &one).unwrap();
    let warning = &reserved.warnings[0];
    assert!(warning.starts_with("workload.batch.tasks[0].use: has no effect"), "{warning}");
    let shared = [&one[..], &[("capacity.pool.sharing", "cfs")]].concat();
    let shared = load(GOOD, &shared).unwrap();
    assert_eq!(shared.warnings, Vec::<String>::new());
    let usage = |scenario: &Scenario| {
        let prepared = scenario.prepare(3).unwrap();
        prepared.run(Recording::default(), &mut |_| true).unwrap().host_usage
    };
    assert_eq!(usage(&reserved), []);
    let usage = usage(&shared);
    // Two cores for five seconds, on whichever of the two instances.
    let used: u128 = usage.iter().map(|one| one.cpu_used).sum();
    assert_eq!((usage.len(), used), (2, 2 * 128_000 * 5_000_000));
    refused(GOOD, &[("capacity.pool.sharing", "fair")], &["capacity.pool.sharing", "fair"]);
    let service =
        "{ desired_count = 1, task = { cpu = 1, memory = 1, use = { pace = \"work\" } } }";
    refused(GOOD, &[("service.s", service)], &["service.s.task.use.pace", "`duration`"]);
}

/// A scenario whose trace has the services x, of one task and for a time two, and y.
fn with_trace(folder: &tempfile::TempDir) -> String {
    let trace = "instance_sn,role,app_name,cpu_request,cpu_limit,gpu_request,gpu_limit,\
        memory_request,memory_limit,max_instance_per_node,creation_time,scheduled_time,\
        deletion_time\n\
        a,CN,x,1,1,0,0,1,1,-1,,,600\nb,CN,x,1,1,0,0,1,1,-1,60,60,\nc,CN,y,1,1,0,0,1,1,-1,60,,\n";
    let file = folder.path().join("t.csv");
    std::fs::write(&file, trace).unwrap();
    format!(
        "until = \"1h\"\n[capacity.pool]\ninstance_type = \"m6i.large\"\ncount = 4\n\
         [service.web]\ndesired_count = 1\ntask = {{ cpu = 256, memory = 512 }}\n\
         [workload.w]\nformat = \"alibaba-dlrm\"\nfile = '{}'\n",
        file.display()
    )
}

#[test]
fn services_of_one_strategy_share_a_placer_up_to_a_number() {
    let mut text = "until = \"1h\"\n[capacity.pool]\ninstance_type = \"m6i.large\"\ncount = 4\n\
                    [placement]\nstrategy = \"first-fit\"\n"
        .to_owned();
    let mut service = |name: &str, strategy: &str| {
        let table = format!(
            "[service.{name}]\ndesired_count = 0\nstrategy = \"{strategy}\"\n\
             task = {{ cpu = 1, memory = 1 }}\n"
        );
        text.push_str(&table);
    };
    service("a", "ecs-service");
    service("b", "random");
    service("c", "first-fit");
    (0..64).for_each(|index| service(&format!("d{index:02}"), "ecs-service"));
    let scenario = load(&text, &[]).unwrap();
    let placers: Vec<usize> = scenario.services.iter().map(|plan| plan.spec.placer).collect();
    assert_eq!(placers[..4], [1, 2, 0, 1], "that of standalone tasks is one of them");
    assert_eq!((placers[65], placers[66]), (1, 3), "64 share one");
    let placements: Vec<String> =
        (0..4).map(|placer| scenario.placement_of(placer).to_string()).collect();
    assert_eq!(placements, ["first-fit", "ecs-service", "random", "ecs-service"]);
}

#[test]
fn a_resolved_scenario_is_read_again_with_times_that_bound_the_defaults() {
    let controller = |key: &str, value: &str| {
        let key = format!("controller.{key}");
        let scenario = load(GOOD, &[("preset", "ecs"), ("until", "1h"), (&key, value)]).unwrap();
        let text = toml::to_string(&scenario.spec).unwrap();
        let again = load(&text, &[]).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(toml::to_string(&again.spec).unwrap(), text);
        let of =
            |key: &str| toml::from_str::<toml::Table>(&text).unwrap()["controller"][key].clone();
        ["retry_first", "retry_longest", "throttle_first", "throttle_longest"]
            .map(|key| of(key).as_str().unwrap().to_owned())
    };
    assert_eq!(controller("retry_longest", "30s"), ["30s", "30s", "10s", "900s"]);
    assert_eq!(controller("retry_first", "10m"), ["10m", "10m", "10s", "900s"]);
    assert_eq!(controller("throttle_longest", "5s"), ["60s", "300s", "5s", "5s"]);
    assert_eq!(controller("throttle_first", "1500ms"), ["60s", "300s", "1500ms", "900s"]);
}

#[test]
fn groups_can_be_thought_of_as_of_another_type_whatever_attributes_they_have() {
    let text = "until = \"1h\"\n[capacity.pool]\nvcpus = 2\nmemory_mib = 4096\ncount = 1\n\
                [capacity.pool.attributes]\n\"ecs.instance-type\" = \"own\"\n\
                \"gpu-model\" = \"own\"\nstack = \"x\"\n\
                [workload.w]\nrate = \"1/s\"\ncount = 1\nduration = \"1s\"\n\
                tasks = [{ cpu = 1, memory = 1 }]\n";
    let scenario = load(text, &[]).unwrap();
    for name in ["m5.large", "g4dn.xlarge"] {
        let found = scenario.instances_of_type(name);
        let [spec] = found.as_slice() else { panic!("{name}: {found:?}") };
        let attribute = |name: &str| spec.attributes.get(name);
        assert_eq!(attribute("ecs.instance-type"), Some(name));
        assert_eq!(attribute("stack"), Some("x"));
        assert_ne!(attribute("gpu-model"), Some("own"));
    }
}

#[test]
fn checks_that_fail_in_the_end_or_at_first_never_drain() {
    let service = "[capacity.pool]\ninstance_type = \"m6i.large\"\ncount = 4\n\
                   [service.web]\ndesired_count = 1\ntask = { cpu = 1, memory = 1, health_check = ";
    let text = |check: &str| format!("{service}{check} }}\n");
    refused(&text("{ fails_after = \"1h\" }"), &[], &["until", "service.web"]);
    let late = "{ interval = \"10s\", retries = 1, ready = \"10m\" }";
    refused(&text(late), &[], &["until", "service.web"]);
    load(&text("{ interval = \"10s\", retries = 3, ready = \"12s\" }"), &[]).unwrap();
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let service = "[service.web]\ndesired_count = 1\nhealth_check_grace_period = \"1m\"\n\
                   task = { cpu = 1, memory = 1 }\nstart = \"1h\"\n\
                   changes = [{ at = \"150m\", desired_count = 2 }]\n";
    let capacity = "until = \"2h\"\n[capacity.pool]\ninstance_type = \"m6i.large\"\ncount = 4\n\
                    drain = [{ at = \"3h\", instances = 1 }]\n";
    let text = format!("{capacity}{service}");
    let warned = |changes: &[(&str, &str)]| load(&text, changes).unwrap().warnings;
    let starts = |warnings: &[String]| -> Vec<String> {
        let key = |warning: &String| warning.split(": ").next().unwrap().to_owned();
        warnings.iter().map(key).collect()
    };
    let grace = "service.web.health_check_grace_period";
    let late = ["service.web.changes[0].at", "capacity.pool.drain[0].at"];
    assert_eq!(starts(&warned(&[])), [late[0], late[1], grace]);
    assert_eq!(starts(&warned(&[("until", "4h")])), [grace]);
    let times = [("life_cycle.activation", "3s"), ("life_cycle.attach_network", "8s")];
    let with = |more: &[(&str, &str)]| {
        let all = [&[("until", "4h")], &times[..], more].concat();
        starts(&warned(&all))
    };
    assert_eq!(with(&[]), [grace, times[0].0, times[1].0]);
    let balanced = ("service.web.load_balancer", "true");
    assert_eq!(with(&[balanced]), [times[1].0]);
    assert_eq!(with(&[balanced, ("service.web.task.network_mode", "awsvpc")]), [""; 0]);
    assert_eq!(with(&[("preset", "ecs")]), [grace], "a resolved scenario says all of it");
}

#[test]
fn what_comes_at_the_end_or_is_no_submission_is_warned_of() {
    let text = "until = \"2h\"\n[capacity.pool]\ninstance_type = \"m6i.large\"\ncount = 4\n\
                [workload.w]\nrate = \"1/s\"\ncount = 5\nstart = \"2h\"\nduration = \"5s\"\n\
                tasks = [{ cpu = 1, memory = 1, weight = 2, group = \"g\", gang = true }]\n\
                [service.web]\ndesired_count = 1\nstart = \"1h\"\n\
                task = { cpu = 1024, memory = 1, weight = 2, group = \"g\" }\n\
                changes = [{ at = \"1h\", desired_count = 2, every = \"20m\", times = 4 }, \
                { at = \"100m\", task = { cpu = 1024, memory = 1, gang = true, \
                tasks_per_submission = 1 } }]\n\
                requests = { cpu = \"1ms\", rates = [{ at = \"0s\", per_second = 1 }, \
                { at = \"2h\", per_second = 2 }] }\n";
    let warnings = load(text, &[]).unwrap().warnings;
    let keys: Vec<&str> = warnings.iter().map(|one| one.split(": ").next().unwrap()).collect();
    let late =
        ["workload.w.start", "service.web.requests.rates[1].at", "service.web.changes[0].times"];
    let submissions = [
        "service.web.task.weight",
        "service.web.task.group",
        "service.web.changes[1].task.tasks_per_submission",
        "service.web.changes[1].task.gang",
    ];
    assert_eq!(keys, [&late[..], &submissions].concat());
    assert!(warnings[2].contains("only 3 of 4"), "{warnings:?}");
    let later = load(text, &[("until", "121m")]).unwrap().warnings;
    assert_eq!(later.len(), submissions.len(), "{later:?}");
    let at_its_end = load(text, &[("until", "1h")]).unwrap().warnings;
    assert!(at_its_end.iter().any(|one| one.starts_with("service.web.start: ")), "{at_its_end:?}");
}

#[test]
fn services_of_a_trace_run_beside_those_of_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_trace(&folder);
    let run = |scenario: &Scenario| {
        let prepared = scenario.prepare(1).unwrap();
        prepared.run(Recording::default(), &mut |_| true).unwrap().records
    };
    let tasks = run(&load(&text, &[]).unwrap()).tasks;
    assert_eq!((tasks.submitted, tasks.stopped, tasks.running_at_end), (4, 1, 3));
    let as_tasks = load(&text, &[("workload.w.as", "tasks")]).unwrap();
    let tasks = run(&as_tasks).tasks;
    assert_eq!((tasks.submitted, tasks.completed, tasks.running_at_end), (4, 1, 3));
    let same_name = text.replace("service.web", "service.w-y-CN-1vcpu-1024mib-0gpu");
    let scenario = load(&same_name, &[]).unwrap();
    let error = scenario.prepare(1).expect_err("two services share a group").to_string();
    assert!(error.starts_with("two services are called w-y-CN-1vcpu-1024mib-0gpu: "), "{error}");
}

#[test]
fn services_of_a_trace_are_placed_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_trace(&folder);
    let placed = |text: &str, changes: &[(&str, &str)]| {
        let scenario = load(text, changes).unwrap();
        let strategy = scenario.spec.workload["w"]["strategy"].as_str().unwrap().to_owned();
        let placer = scenario.workloads[0].placer;
        let placements = std::iter::once(&scenario.placement).chain(&scenario.own_placements);
        let by_placer = placements.map(ToString::to_string).nth(placer).unwrap();
        let again = load(&toml::to_string(&scenario.spec).unwrap(), &[]).unwrap();
        assert_eq!(again.spec.workload["w"]["strategy"].as_str(), Some(strategy.as_str()));
        (strategy, by_placer, placer)
    };
    let expect = |name: &str, placer| (name.to_owned(), name.to_owned(), placer);
    assert_eq!(placed(&text, &[]), expect("ecs-service", 1));
    let general = format!("{text}[placement]\nstrategy = \"binpack:cpu\"\n");
    assert_eq!(placed(&general, &[]), expect("binpack:cpu", 0));
    let own = general.replace("[workload.w]", "[workload.w]\nstrategy = [\"random\"]");
    assert_eq!(placed(&own, &[]), expect("random", 1));
    assert_eq!(placed(&own, &[("placement.strategy", "first-fit")]), expect("first-fit", 0));
    let key = "workload.w.strategy";
    refused(&text, &[(key, "binpak:cpu")], &["--set workload.w.strategy", "'binpack'"]);
    refused(&text, &[(key, "3")], &["--set workload.w.strategy", "3 is not a placement"]);
    let as_tasks = own.replace("[workload.w]", "[workload.w]\nas = \"tasks\"");
    refused(&as_tasks, &[], &["dir/test.toml, line", key, "no services come from this workload"]);
    refused(GOOD, &[("workload.batch.strategy", "random")], &["unknown", "`strategy`"]);
}

#[test]
fn ecs_5_8_a_scenario_beyond_a_quota_is_told() {
    let service = "[service.web]\ndesired_count = 5000\nchanges = [{ at = \"1m\", desired_count = \
                   5001 }]\ntask = { cpu = 1, memory = 1 }\n";
    let text = format!("preset = \"ecs\"\nuntil = \"2m\"\n{GOOD}{service}");
    let warnings = load(&text, &[("capacity.pool.count", "5001")]).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("capacity: 5001; ECS's quota is 5000"), "{warnings:?}");
    assert!(warnings[1].starts_with("service.web: 5001; ECS's quota is 5000"), "{warnings:?}");
    let within = [("capacity.pool.count", "5000"), ("service.web.changes", "[]")];
    assert_eq!(load(&text, &within).unwrap().warnings, Vec::<String>::new());
    let text = text.replace("\"ecs\"", "\"instant\"");
    assert_eq!(load(&text, &[]).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_change_is_repeated_each_time() {
    let service = "[service.web]\ndesired_count = 1\ntask = { cpu = 1, memory = 1 }\nchanges = [\
                   { at = \"1m\", every = \"2m\", times = 3, desired_count = 5 }, \
                   { at = \"2m\", task = { cpu = 2, memory = 1 } }]\n";
    let text = format!("until = \"9m\"\n{GOOD}{service}");
    let changes = load(&text, &[]).unwrap().services[0].changes.clone();
    let at: Vec<u64> = changes.iter().map(|change| change.at.micros() / 60_000_000).collect();
    assert_eq!(at, [1, 2, 3, 5]);
    assert!(changes[1].tasks.is_some() && changes[2].desired_count == Some(5));
    // What is said of a repeated change is said once, of the place where it is written.
    let image = "cpu = 2, image = { name = \"a\", size_mb = 5 }";
    let rolls = text.replace("at = \"2m\"", "at = \"2m\", every = \"1s\", times = 50");
    let found = load(&rolls.replace("{ cpu = 2,", &format!("{{ {image},")), &[]).unwrap();
    let revisions = found.services[0].changes.iter().filter_map(|one| one.tasks.as_ref());
    let revisions: Vec<u32> = revisions.map(|tasks| tasks.definition.revision).collect();
    assert!(revisions.into_iter().eq(1..=50));
    let [warning] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    assert!(warning.starts_with("service.web.changes[1].task.image: has no effect"), "{warning}");
    let changed = |old: &str, new: &str| text.replace(old, new);
    refused(&changed("times = 3, ", ""), &[], &["service.web.changes[0]", "go together"]);
    refused(&changed("times = 3", "times = 0"), &[], &["service.web.changes[0]", "1 to 100000"]);
    refused(&changed("\"2m\", times", "\"0s\", times"), &[], &["service.web.changes[0]", "0 s"]);
}
