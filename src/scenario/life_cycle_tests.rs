//! `[life_cycle]` and the keys that go with it: presets, what is refused, what has no effect.

use super::super::tests::{load, refused};

const GOOD: &str = r#"
[capacity.pool]
instance_type = "m6i.large"
count = 2

[workload.batch]
rate = "1/s"
count = 3
duration = "5s"
tasks = [{ cpu = 256, memory = 512 }]
"#;

/// The scenario as `towtank check` prints it.
fn resolved(changes: &[(&str, &str)]) -> toml::Table {
    let scenario = load(GOOD, changes).unwrap();
    toml::from_str(&toml::to_string(&scenario.spec).unwrap()).unwrap()
}

#[test]
fn without_a_life_cycle_nothing_of_it_is_printed() {
    let table = resolved(&[]);
    assert!(!table.contains_key("life_cycle"));
    let pool = table["capacity"]["pool"].as_table().unwrap();
    assert!(!pool.contains_key("pull_mbps") && !pool.contains_key("start_delay"));
    assert_eq!(load(GOOD, &[]).unwrap().key_of_life_cycle(), None);
}

#[test]
fn ecs_4_the_preset_is_printed_resolved_and_every_key_can_be_overridden() {
    let table = resolved(&[("preset", "ecs"), ("life_cycle.detach_network", "1s")]);
    let life_cycle = table["life_cycle"].as_table().unwrap();
    let text = |key: &str| life_cycle[key].as_str().unwrap();
    assert_eq!(text("attach_network"), "8s");
    assert_eq!((text("pull_cached"), text("activation")), ("1s", "3s"));
    assert_eq!((text("deregistration_delay"), text("stop_timeout")), ("300s", "30s"));
    assert_eq!(text("detach_network"), "1s", "not 5 s");
    assert_eq!(life_cycle["pull_overhead"]["lognormal"]["sigma"].as_float(), Some(0.25));
    let start = &life_cycle["container_start"];
    assert_eq!(start["uniform"]["high"].as_str(), Some("3s"));
    let pool = &table["capacity"]["pool"];
    assert_eq!(&pool["start_delay"], start);
    assert_eq!(pool["pull_mbps"].as_integer(), Some(781), "the type's baseline");
}

#[test]
fn keys_of_a_group_come_before_those_of_the_life_cycle() {
    let own =
        [("preset", "ecs"), ("capacity.pool.start_delay", "7s"), ("capacity.pool.pull_mbps", "10")];
    let table = resolved(&own);
    let pool = &table["capacity"]["pool"];
    assert_eq!(
        (pool["start_delay"].as_str(), pool["pull_mbps"].as_integer()),
        (Some("7s"), Some(10))
    );
    let instant = resolved(&[("life_cycle.pull_cached", "1s")]);
    let life_cycle = instant["life_cycle"].as_table().unwrap();
    let keys: Vec<&str> = life_cycle.keys().map(String::as_str).collect();
    assert_eq!(keys, ["pull_cached", "stop_timeout"]);
}

/// Changes of a scenario, and parts of the refusal.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn what_cannot_be_is_refused_with_key_and_remedy() {
    let task = |keys: &str| format!("[{{ cpu = 1, memory = 1, {keys} }}]");
    let image = |size: u32| task(&format!("image = {{ name = \"a\", size_mb = {size} }}"));
    let service = |keys: &str, task: &str| {
        format!("{{ desired_count = 1, {keys} task = {{ cpu = 1, memory = 1, {task} }} }}")
    };
    let tasks = "workload.batch.tasks";
    let other = service("", "image = { name = \"a\", size_mb = 6 }");
    let cases: &[Case<'_>] = &[
        (&[("preset", "aws")], &["preset", "unknown variant"]),
        (&[("life_cycle.atach_network", "1s")], &["atach_network", "`attach_network`"]),
        (&[("life_cycle.activation", "3")], &["life_cycle.activation", "no unit"]),
        (&[("life_cycle.registry_mbps", "0")], &["life_cycle.registry_mbps", "write 1 to"]),
        (&[("capacity.pool.pull_mbps", "0")], &["capacity.pool.pull_mbps", "write 1 to"]),
        (&[("capacity.pool.image_pull", "never")], &["capacity.pool.image_pull", "prefer-cached"]),
        (&[(tasks, &task("fails_to_start = 1.5"))], &["tasks[0].fails_to_start", "from 0 to 1"]),
        (&[(tasks, &image(5)), ("service.s", &other)], &["service.s.task.image.size_mb", "'a'"]),
        (&[(tasks, &image(1_000_001))], &["tasks[0].image.size_mb", "at most 1000000"]),
        (
            &[(tasks, &task("image = { name = \"\", size_mb = 5 }"))],
            &["tasks[0].image.name", "an empty name"],
        ),
        (
            &[(tasks, &task("health_check = { interval = \"4s\" }"))],
            &["tasks[0].health_check.interval", "5 s to 300 s"],
        ),
        (
            &[("service.s", &service("", "health_check = { retries = 0 }"))],
            &["service.s.task.health_check.retries", "1 to 10"],
        ),
        (
            &[("service.s", &service("", "fails_to_start = 1.0"))],
            &["service.s.task.fails_to_start", "`until`"],
        ),
    ];
    for (changes, parts) in cases {
        refused(GOOD, changes, parts);
    }
}

#[test]
fn what_has_no_effect_is_said() {
    let image = "[{ cpu = 1, memory = 1, image = { name = \"a\", size_mb = 5 } }]";
    let service = "{ desired_count = 1, load_balancer = true, task = { cpu = 1, memory = 1 } }";
    let keys = [("workload.batch.tasks", image), ("service.s", service), ("until", "1h")];
    let warnings = load(GOOD, &keys).unwrap().warnings;
    assert!(
        warnings[0].starts_with("workload.batch.tasks[0].image: has no effect"),
        "{warnings:?}"
    );
    assert!(warnings[1].starts_with("service.s.load_balancer: has no effect"), "{warnings:?}");
    let ecs = [&keys[..], &[("preset", "ecs")]].concat();
    assert_eq!(load(GOOD, &ecs).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn real_containers_are_told_which_key_they_cannot_carry_out() {
    let task = "[{ cpu = 1, memory = 1, shutdown = \"1s\" }]";
    let of_service = "{ desired_count = 1, task = { cpu = 1, memory = 1, fails_to_start = 0.5 } }";
    let balanced = "{ desired_count = 1, load_balancer = true, task = { cpu = 1, memory = 1 } }";
    let later = "{ desired_count = 1, task = { cpu = 1, memory = 1 }, changes = [\
                 { at = \"1m\", task = { cpu = 1, memory = 1, shutdown = \"1s\" } }] }";
    for (key, value, named) in [
        ("life_cycle.attach_network", "1s", "life_cycle"),
        ("capacity.pool.pull_mbps", "10", "capacity.pool.pull_mbps"),
        ("capacity.pool.image_pull", "once", "capacity.pool.image_pull"),
        ("workload.batch.tasks", task, "workload.batch.tasks[0].shutdown"),
        ("service.s", of_service, "service.s.task.fails_to_start"),
        ("service.s", balanced, "service.s.load_balancer"),
        ("service.s", later, "service.s.changes[0].task.shutdown"),
    ] {
        let scenario = load(GOOD, &[(key, value)]).unwrap();
        assert_eq!(scenario.key_of_life_cycle().as_deref(), Some(named));
    }
}
