//! Scenario files: not TOML, unknown keys, wrong types and values.

use super::{Attempt, Mistake, SCENARIO, mistakes, none};

#[test]
fn what_is_not_a_toml_file() {
    let nested = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let dotted = format!("{} = 1\n", vec!["a"; 20_000].join("."));
    let twice = format!("name = \"a\"\n{SCENARIO}");
    let table_twice = format!("{SCENARIO}[capacity.a]\ncount = 1\n");
    let utf16: Vec<u8> = SCENARIO.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [&[0xff, 0xfe], utf16.as_slice()].concat();
    let latin = [SCENARIO.as_bytes(), b"# \xe9\n"].concat();
    let table: [(&[u8], &[&str]); 12] = [
        (b"", &["s.toml", "no tasks", "[workload.NAME]"]),
        (b"\n# nothing\n", &["no tasks"]),
        (b"name: t\n", &["line 1", "not TOML"]),
        (b"{\"name\": \"t\"}", &["line 1", "not TOML"]),
        (b"name = \"t\"\nseed = \n", &["line 2", "not TOML"]),
        (nested.as_bytes(), &["line 1", "recur"]),
        (dotted.as_bytes(), &["recur"]),
        (twice.as_bytes(), &["line 2", "duplicate key"]),
        (table_twice.as_bytes(), &["line 15", "duplicate key"]),
        (&latin, &["byte 240", "UTF-8"]),
        (&utf16, &["UTF-8"]),
        (b"\0\0\0\0", &["line 1", "not TOML"]),
    ];
    none(table.map(|(bytes, says)| Attempt::new(bytes).run_refused(says)));
}

#[test]
fn byte_order_mark_and_carriage_returns_are_taken() {
    for text in [format!("\u{feff}{SCENARIO}"), SCENARIO.replace('\n', "\r\n")] {
        Attempt::new(text).succeed(&["run", "s.toml", "-q"]);
    }
}

const LAW: &str = r#"duration = { lognormal = { median = "6m", sigmo = 1.2 } }"#;

const UNKNOWN_KEYS: &[Mistake<'static>] = &[
    ("until =", "untill =", &["line 2", "untill", "did you mean `until`?"]),
    ("name =", "zzzqq =", &["line 1", "unknown key `zzzqq`", "`workload`"]),
    ("vcpus", "vcpu", &["line 4", "capacity.a.vcpu:", "did you mean `vcpus`?"]),
    ("rate", "ratee", &["line 8", "workload.w.ratee:", "did you mean `rate`?"]),
    ("cpu = 512", "cpus = 512", &["line 11", "workload.w.tasks[0].cpus:", "`cpu`?"]),
    (r#"duration = "5m""#, LAW, &["line 10", "duration.lognormal.sigmo", "`sigma`?"]),
    ("seeds", "seed", &["line 14", "compare.seed:", "did you mean `seeds`?"]),
    ("[compare]", "[queue]\npolcy = 1\n[compare]", &["line 13", "queue.polcy", "`policy`?"]),
    ("[compare]", "[record]\ntask = true\n[compare]", &["line 13", "record.task:", "`tasks`?"]),
    ("[compare]", "[placement]\ntie = 1\n[compare]", &["line 13", "placement.tie:"]),
    (
        "[compare]",
        "[placement.profile]\nworkloads = \"w\"\n[compare]",
        &["line 13", "placement.profile.workloads", "`workload`?"],
    ),
    (
        "[compare]",
        "[service.s]\ndesired_count = 1\ntask = { cpu = 1, memry = 1 }\n[compare]",
        &["line 14", "service.s.task.memry", "`memory`?"],
    ),
    (
        "[compare]",
        "[service.s]\ndesired_count = 1\ntask = { cpu = 1, memory = 1 }\n\
             changes = [{ at = \"1h\", desired_cuont = 1 }]\n[compare]",
        &["line 15", "service.s.changes[0].desired_cuont", "`desired_count`?"],
    ),
    (r#"rate = "60/h""#, r#"format = "cvs""#, &["line 8", "workload.w.format", "'csv'?"]),
];

#[test]
fn unknown_keys_on_every_level() {
    mistakes(UNKNOWN_KEYS);
}

#[test]
fn numbers_that_are_none() {
    let keys = [
        ("count = 2", "count", "capacity.a.count"),
        ("vcpus = 4", "vcpus", "capacity.a.vcpus"),
        ("memory_mib = 16384", "memory_mib", "capacity.a.memory_mib"),
        ("count = 2", "count = 2\nspeed", "capacity.a.speed"),
        ("count = 2", "count = 2\nawsvpc_tasks", "capacity.a.awsvpc_tasks"),
        (r#"rate = "60/h""#, "rate", "workload.w.rate"),
        ("duration = \"5m\"", "duration", "workload.w.duration"),
        ("cpu = 512", "cpu", "workload.w.tasks[0].cpu"),
        ("cpu = 512", "cpu = 512, weight", "workload.w.tasks[0].weight"),
        ("seeds = 2", "seeds", "compare.seeds"),
    ];
    let values = ["nan", "inf", "-inf", "-1", "\"x\"", "true", "[1]", "{ a = 1 }"];
    let over = ["1e400", "9223372036854775808", "18446744073709551616"];
    none(keys.iter().flat_map(|&(old, key, place)| {
        let refuse = move |value: &str, place| {
            Attempt::new(super::edited(old, &format!("{key} = {value}"))).run_refused(&[place])
        };
        let wrong = values.map(|value| refuse(value, place));
        wrong.into_iter().chain(over.map(|value| refuse(value, "line ")))
    }));
}

/// A service whose changes are not in order of time.
const UNORDERED: &str = "[service.s]\ndesired_count = 1\ntask = { cpu = 1, memory = 1 }\n\
    changes = [{ at = \"2h\", desired_count = 1 }, { at = \"1h\", desired_count = 1 }]\n[compare]";

/// A service that is changed before it is there.
const STARTED_LATE: &str = "[service.s]\ndesired_count = 1\ntask = { cpu = 1, memory = 1 }\n\
    start = \"1h\"\nchanges = [{ at = \"10m\", desired_count = 2 }]\n[compare]";

const OUT_OF_RANGE: &[Mistake<'static>] = &[
    ("count = 2", "count = 1000001", &["line 6", "capacity.a.count", "at most 1000000"]),
    ("count = 2", "count = 2\nspeed = 0", &["line 7", "capacity.a.speed", "0.001 to 1000"]),
    ("count = 2", "count = 2\navailability_zones = []", &["line 7", "us-east-1a"]),
    ("count = 2", "count = 2\nusd_per_hour = \"-1\"", &["usd_per_hour", "\"0.096\""]),
    (
        "count = 2",
        "count = 2\navailability_zones = [\"\"]",
        &["line 7", "availability_zones", "empty name"],
    ),
    (
        "count = 2",
        "count = 2\nattributes = { \"\" = \"x\" }",
        &["line 7", "capacity.a.attributes", "empty name"],
    ),
    (
        "count = 2",
        "count = 2\nusd_per_hour = \"17999999999\"",
        &["line 7", "capacity.a.usd_per_hour", "more than 1000000000 US dollars"],
    ),
    ("memory_mib = 16384", "memory_mib = 0", &["line 5", "capacity.a.memory_mib", "at least 1"]),
    (
        "vcpus = 4\nmemory_mib = 16384",
        "instance_type = \"m5.large\"\nmemory_overhead_fraction = 1.0",
        &["line 5", "capacity.a.memory_overhead_fraction", "no memory"],
    ),
    (
        "[compare]",
        "[engine]\ncalibration = \"c.toml\"\nengines = 4294967295\n[compare]",
        &["line 14", "engine.engines", "1 to 5000"],
    ),
    ("[compare]", "[replay]\nimage = \"\"\n[compare]", &["line 13", "replay.image", "empty name"]),
    ("vcpus = 4", "vcpus = 0", &["line 4", "capacity.a.vcpus", "at least 1"]),
    ("rate = \"60/h\"\n", "", &["workload.w", "no key `rate`; write it"]),
    ("\"5m\"", "{ uniform = { low = \"1s\" } }", &["duration.uniform", "no key `high`; write it"]),
    ("60/h", "0/h", &["workload.w.rate", "above 0"]),
    ("60/h", "60", &["workload.w.rate", "3/s"]),
    ("\"1h\"", "\"1000000d\"", &["workload.w.until", "100 years"]),
    ("\"1h\"", "\"60\"", &["workload.w.until", "\"60s\""]),
    ("until = \"1h\"\n", "", &["workload.w", "`until`", "never end"]),
    ("\"1h\"", "\"1h\"\nstart = \"2h\"", &["workload.w.until", "later"]),
    ("\"1h\"", "\"1h\"\ndaily = [1, 2]", &["workload.w.daily", "24"]),
    ("cpu = 512", "cpu = 512, weight = 0", &["tasks[0].weight", "at least 1"]),
    ("memory = 1024", "memory = 0", &["tasks[0].memory", "at least 1"]),
    ("tasks = [{ cpu = 512, memory = 1024 }]", "tasks = []", &["workload.w.tasks", "add"]),
    ("[compare]", UNORDERED, &["service.s.changes[1].at", "order of time"]),
    ("[compare]", STARTED_LATE, &["service.s.changes[0].at", "3600 s, its `start`"]),
    ("\"drained\"", "[\"1h\", \"2h\"]", &["line 2", "until", "keep"]),
    ("\"drained\"", "\"1h\"\nwarm_up = \"1h\"", &["line 3", "warm_up", "`until`"]),
    ("\"drained\"", "\"0s\"", &["line 2", "until"]),
];

/// Serde reads the fields of a struct from a list too, by position.
const LISTS: &[Mistake<'static>] = &[
    (
        "[capacity.a]",
        "queue = [\"fifo\"]\n[capacity.a]",
        &["line 3", "queue: a list; write a table"],
    ),
    ("[capacity.a]", "record = [false]\n[capacity.a]", &["record: a list; write a table"]),
    ("[capacity.a]", "life_cycle = [\"1s\"]\n[capacity.a]", &["life_cycle: a list"]),
    ("[capacity.a]", "[capacity]\nb = [3, \"m5.large\"]\n[capacity.a]", &["capacity.b: a list"]),
    ("[capacity.a]", "placement = [\"binpack:cpu\"]\n[capacity.a]", &["placement: a list"]),
    ("\"5m\"", "{ uniform = [\"1s\", \"2s\"] }", &["workload.w.duration.uniform: a list"]),
    (
        "cpu = 512",
        "cpu = 512, containers = [[\"x\"]]",
        &["line 11", "workload.w.tasks[0].containers[0]: a list"],
    ),
    (
        "until = \"1h\"",
        "until = \"1h\"\narrivals = { clustered = [4] }",
        &["workload.w.arrivals.clustered: a list"],
    ),
    (
        "[compare]",
        "[service.s]\ndesired_count = 1\ntask = { cpu = 1024, memory = 1 }\n\
         requests = { cpu = \"1ms\", rates = [[\"0s\", 5]] }\n[compare]",
        &["line 15", "service.s.requests.rates[0]: a list"],
    ),
];

#[test]
fn lists_in_place_of_tables() {
    mistakes(LISTS);
}

#[test]
fn values_out_of_range() {
    mistakes(OUT_OF_RANGE);
}

const IMPOSSIBLE_TASKS: &[Mistake<'static>] = &[
    ("cpu = 512", "cpu = 512, ports = [0]", &["tasks[0].ports[0]", "1 to 65535"]),
    ("cpu = 512", "cpu = 512, ports = [65536]", &["tasks[0].ports[0]", "1 to 65535"]),
    ("cpu = 512", "cpu = 512, ports = [80, 80]", &["tasks[0].ports", "80/tcp", "twice"]),
    ("cpu = 512", "cpu = 512, ports = [\"80/sctp\"]", &["\"80/tcp\" or \"80/udp\""]),
    ("cpu = 512", "cpu = 512, ports = [80], network_mode = \"awsvpc\"", &["bridge or host"]),
    ("cpu = 512", "cpu = 512, network_mode = \"vpc\"", &["network_mode", "awsvpc"]),
    ("cpu = 512", "cpu = 512, architecture = \"arm\"", &["architecture", "ARM64"]),
    ("cpu = 512", "cpu = 512, gpus = 1, gpu_milli = 0", &["gpu_milli", "1 to 1000"]),
    ("cpu = 512", "cpu = 512, constraints = [\"foo ==\"]", &["constraints[0]", "column 1"]),
    ("cpu = 512", "cpu = 512, constraints = [\"attribute:a ==\"]", &["column 15", "value"]),
    ("cpu = 512", "cpu = 512, constraints = [\"((\"]", &["constraints[0]", "column 3"]),
    ("cpu = 512", "cpu = 512, constraints = [\"\"]", &["constraints[0]", "empty"]),
    ("cpu = 512", "cpu = 512, constraints = [\"attribute:a =~ [\"]", &["column 16", "'['"]),
    ("cpu = 512", "cpu = 512, task_definition = \"no.json\"", &["cpu", "remove one"]),
    ("cpu = 512, memory = 1024", "task_definition = \"no.json\"", &["no.json", "path"]),
];

#[test]
fn tasks_that_cannot_be() {
    mistakes(IMPOSSIBLE_TASKS);
}

const BREAKER: &str = "[service.s]\ndesired_count = 1\ntask = { cpu = 1, memory = 1 }\n\
    deployment = { circuit_breaker = { count = 3, bounded = true } }\n[compare]";

/// What is said twice, in two ways, or would have no effect.
const CONTRADICTIONS: &[Mistake<'static>] = &[
    (
        "count = 2",
        "count = 2\nattributes = { \"ecs.availability-zone\" = \"a\" }",
        &["line 7", "attributes.ecs.availability-zone", "write `availability_zones`"],
    ),
    (
        "count = 2",
        "count = 2\nattributes = { \"ecs.cpu-architecture\" = \"arm64\" }",
        &["attributes.ecs.cpu-architecture", "write `architecture`"],
    ),
    ("count = 2", "count = 2\ndrain = [{ at = \"1m\", instances = 0 }]", &["drain[0].instances"]),
    (
        "[compare]",
        "[controller]\nretry_first = \"2m\"\nretry_longest = \"1m\"\n[compare]",
        &["line 14", "controller.retry_longest", "1m is below `retry_first`, 2m"],
    ),
    (
        "[compare]",
        "[controller]\nthrottle_first = \"2m\"\nthrottle_longest = \"1m\"\n[compare]",
        &["line 14", "controller.throttle_longest", "`throttle_first`"],
    ),
    ("[compare]", "[controller]\nthrottle_after = 1001\n[compare]", &["throttle_after", "1000"]),
    ("[compare]", BREAKER, &["circuit_breaker.bounded", "no effect on a `count`"]),
];

#[test]
fn what_contradicts_itself() {
    mistakes(CONTRADICTIONS);
}

#[test]
fn names_that_cannot_name_directories() {
    let long = "x".repeat(65);
    let names = ["..", ".", "a/b", "/etc", "a b", "ü", r"a\u0000b", r"\u001b[31mred", &long];
    let refused = |old, new: String| {
        Attempt::new(super::edited(old, &new)).run_refused(&["line ", "letters, digits"])
    };
    none(names.iter().flat_map(|name| {
        [
            refused("name = \"t\"", format!("name = \"{name}\"")),
            refused("[capacity.a]", format!("[capacity.\"{name}\"]")),
            refused("[workload.w]", format!("[workload.\"{name}\"]")),
        ]
    }));
}

#[test]
fn strategies_and_policies_that_are_none() {
    let placement = |strategy: &str| format!("[placement]\nstrategy = {strategy}\n[compare]");
    let table: [(&str, &[&str]); 9] = [
        ("\"binpak:memory\"", &["line 13", "placement.strategy", "'binpack'?", "first-fit"]),
        ("\"binpack:mem\"", &["'mem'", "binpack:cpu or binpack:memory"]),
        ("\"spread:zone\"", &["'zone'", "spread:attribute:ecs.availability-zone"]),
        ("\"power-of-d:0\"", &["'0'", "1 to 64"]),
        ("\"power-of-d:99999999999999999999\"", &["1 to 64"]),
        ("[\"fgd\", \"random\"]", &["'fgd'", "only ECS's own strategies chain"]),
        ("\"random+random+random+random+random+random\"", &["at most five"]),
        ("\"\"", &["placement.strategy", "known:"]),
        ("[]", &["placement.strategy", "list"]),
    ];
    for (strategy, says) in table {
        mistakes(&[("[compare]", &placement(strategy), says)]);
    }
    mistakes(&[
        ("[compare]", "[queue]\npolicy = \"fifos\"\n[compare]", &["'fifo'?", "reject"]),
        ("[compare]", "[placement]\ntie_break = \"lowestid\"\n[compare]", &["`lowest-id`?"]),
    ]);
}

#[test]
fn references_to_what_is_not_there() {
    let fgd = "[placement]\nstrategy = \"fgd\"\n[placement.profile]\nworkload = \"x\"\n[compare]";
    let typed = "instance_type = \"m6i.2xlrge\"";
    let twice = "instance_type = \"m6i.large\"\nvcpus = 2";
    let written = "vcpus = 4\nmemory_mib = 16384";
    mistakes(&[
        ("[compare]", fgd, &["placement.profile.workload", "[workload.x]"]),
        (written, typed, &["line 4", "capacity.a.instance_type", "`m6i.2xlarge`?"]),
        (written, twice, &["line 5", "capacity.a.vcpus", "remove one"]),
        ("name = \"t\"", "instance_types = \"no.csv\"", &["instance_types", "no.csv", "path"]),
        ("[workload.w]", "[capacity.b]", &["capacity.b.", "unknown key"]),
        ("vcpus = 4\n", "", &["capacity.a.vcpus", "missing", "`instance_type`"]),
    ]);
}

// --- messages a person can use -------------------------------------------------------------------

#[test]
fn messages_do_not_speak_of_types_of_the_program() {
    let keys = [
        ("count = 2", "count = \"x\""),
        ("count = 2", "count = -1"),
        ("count = 2", "count = 18446744073709551616"),
        ("count = 2", "count = 2\nspeed = \"x\""),
        ("count = 2", "count = 2\navailability_zones = \"us-east-1a\""),
        ("[compare]", "[service.s]\ndesired_count = \"x\"\n[compare]"),
        ("[capacity.a]", "record = 1\n[capacity.a]"),
    ];
    none(keys.map(|(old, new)| {
        let attempt = Attempt::new(super::edited(old, new));
        let said = String::from_utf8(attempt.run(&["run", "s.toml"]).stderr).unwrap();
        let jargon = ["u16", "u32", "u64", "i64", "i128", "f64", "struct ", "a sequence", "a map"];
        let found: Vec<_> = jargon.iter().filter(|word| said.contains(**word)).collect();
        (!found.is_empty()).then(|| format!("{new}: {found:?} in {said:?}"))
    }));
}

#[test]
fn control_characters_of_names_are_not_sent_to_the_terminal() {
    let colour = r"\u001b[31mred\u0007";
    mistakes(&[
        ("name = \"t\"", &format!("\"{colour}\" = 1"), &["unknown key"]),
        ("[capacity.a]", &format!("[capacity.\"{colour}\"]"), &["letters, digits"]),
        ("\"drained\"", &format!("\"{colour}\""), &["until"]),
        (
            "[compare]",
            &format!("[placement]\nstrategy = \"{colour}\"\n[compare]"),
            &["placement.strategy"],
        ),
        ("cpu = 512", &format!("cpu = 512, constraints = [\"a {colour}\"]"), &["constraints[0]"]),
    ]);
}

#[test]
fn control_characters_of_families_are_not_sent_to_the_terminal() {
    let family = r#"cpu = 99999, family = "\u001b[31mred""#;
    let attempt = Attempt::new(super::edited("cpu = 512", family));
    let output = attempt.run(&["run", "s.toml", "--no-progress"]);
    assert!(!output.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn values_are_checked_where_they_have_no_use() {
    mistakes(&[
        ("vcpus = 4", "vcpus = 4\nmemory_overhead_fraction = nan", &["memory_overhead_fraction"]),
        ("vcpus = 4", "vcpus = 4\nmemory_overhead_fraction = 0.1", &["`instance_type`"]),
        ("[compare]", "[placement.profile]\ncoverage = nan\n[compare]", &["profile.coverage"]),
        ("[compare]", "[placement.profile]\nworkload = \"x\"\n[compare]", &["[workload.x]"]),
    ]);
}

#[test]
fn check_reads_the_comparison_too() {
    let table: [(&str, &str, &[&str]); 5] = [
        ("seeds = 2", "seeds = 0", &["line 14", "compare.seeds", "1 to"]),
        ("seeds = 2", "metric = \"wait_s.men\"", &["line 14", "compare.metric", "wait_s.mean"]),
        ("\"random\"]", "\"randm\"]", &["line 13", "'random'?"]),
        ("\"random\"]", "\"binpack:memory\"]", &["line 13", "twice"]),
        ("seeds = 2", "[compare.axes]\nqueu = [\"fifo\"]", &["line 15", "`queue`?"]),
    ];
    none(
        table.map(|(old, new, says)| {
            Attempt::new(super::edited(old, new)).refused(&["check"], says)
        }),
    );
}
