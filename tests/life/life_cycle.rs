//! The life of a task through all its states, on times worked out by hand from scenario to row.

use std::sync::{Arc, Mutex};

use towtank::controller::Event;
use towtank::metrics::{Observation, Recorder};
use towtank::model::Health;
use towtank::scenario::{Document, Recording, Scenario};

use crate::text::{Row, Text};

/// One host of four vCPUs, and a life in which everything that a test names takes time.
const HOST: &str = "[capacity.host]\nvcpus = 4\nmemory_mib = 16384\ncount = 1\nawsvpc_tasks = 2\n";

/// Rows of `tasks.csv`, in order of the tasks.
type Rows = Vec<Row>;

/// `tasks.csv` of a run, and its fingerprint.
fn run(scenario: &str) -> (String, String) {
    let (text, fingerprint) = record(scenario);
    (text.read(), fingerprint)
}

fn record(scenario: &str) -> (Text, String) {
    let document = Document::parse("s.toml", scenario).unwrap();
    let scenario = Scenario::of(document, &[]).unwrap_or_else(|why| panic!("{why}"));
    let text = Text::default();
    let recording = Recording { tasks: Some(Box::new(text.clone())), ..Recording::default() };
    let finished = scenario.prepare(1).unwrap().run(recording, &mut |_| true).unwrap();
    (text, finished.records.fingerprint.to_string())
}

fn rows(scenario: &str) -> Rows {
    let (text, _) = record(scenario);
    let mut rows = text.rows();
    rows.sort_by_key(|row| row["task"].parse::<u64>().unwrap());
    rows
}

/// Seconds in a column; NaN where it is empty, which equals nothing.
fn at(row: &Row, column: &str) -> f64 {
    row[&format!("{column}_s")].parse().unwrap_or(f64::NAN)
}

/// Where in its life a task was when: placed, created, pull begun and ended, started, stopping,
/// execution stopped, ended.
fn life(row: &Row) -> [f64; 8] {
    [
        at(row, "placed"),
        at(row, "created_at"),
        at(row, "pull_started_at"),
        at(row, "pull_stopped_at"),
        at(row, "started"),
        at(row, "stopping_at"),
        at(row, "execution_stopped_at"),
        at(row, "ended"),
    ]
}

/// A service that is scaled to nothing at a second.
fn service(name: &str, start: &str, end: &str, keys: &str, task: &str) -> String {
    format!(
        "[service.{name}]\ndesired_count = 1\nstart = \"{start}\"\n{keys}\n\
         changes = [{{ at = \"{end}\", desired_count = 0 }}]\ntask = {{ memory = 1, {task} }}\n"
    )
}

/// Tasks that arrive evenly spaced from second 0 on.
fn tasks(count: u32, every_s: u32, keys: &str) -> String {
    format!(
        "[workload.w]\narrivals = \"regular\"\nrate = \"{}/h\"\ncount = {count}\n\
         tasks = [{{ memory = 1, {keys} }}]\n",
        3600 / every_s
    )
}

#[test]
fn ecs_4_every_state_takes_its_time() {
    let scenario = [
        "[life_cycle]\nattach_network = \"8s\"\ncontainer_start = \"1s\"\nactivation = \"3s\"\n\
         deregistration_delay = \"30s\"\ndetach_network = \"5s\"\npull_overhead = \"2s\"\n",
        HOST,
        "pull_mbps = 80\nstop_delay = \"2s\"\n",
        &service(
            "web",
            "1s",
            "100s",
            "load_balancer = true",
            "cpu = 1024, network_mode = \"awsvpc\", shutdown = \"4s\", \
             image = { name = \"web\", size_mb = 100 }",
        ),
    ];
    let rows = rows(&scenario.concat());
    // 100 MB at 10 MB/s and 2 s more; then 1 s and 3 s.
    let expected = [1.0, 9.0, 9.0, 21.0, 25.0, 130.0, 134.0, 141.0];
    assert_eq!(life(&rows[0]), expected);
    assert_eq!(rows[0]["stop_code"], "ServiceSchedulerInitiated");
}

#[test]
fn ecs_1_1_a_task_that_does_not_exit_in_time_is_killed() {
    for (keys, exits) in [
        ("shutdown = \"5s\"", 65.0),
        ("shutdown = \"100s\"", 90.0),
        ("shutdown = \"100s\", stop_timeout = \"10s\"", 70.0),
        ("shutdown = \"0s\"", 60.0),
        ("stop_timeout = \"10s\"", 60.0),
        // Of its own accord, while it is asked to.
        ("shutdown = \"20s\", duration = \"64s\"", 64.0),
    ] {
        let task = format!("cpu = 1024, {keys}");
        let scenario = ["until = \"10m\"\n", HOST, &service("web", "0s", "60s", "", &task)];
        let rows = rows(&scenario.concat());
        let of = [at(&rows[0], "stopping_at"), at(&rows[0], "execution_stopped_at")];
        assert_eq!((of, at(&rows[0], "ended")), ([60.0, exits], exits), "{keys}");
        assert_eq!((rows[0]["outcome"].as_str(), rows.len()), ("stopped", 1), "{keys}");
    }
}

#[test]
fn ecs_1_1_a_task_whose_containers_stop_in_turns_holds_its_host() {
    let ended = |of_app: &str, of_log: &str| {
        let task = format!(
            "cpu = 1024, stop_timeout = \"10s\", containers = [\
               {{ name = \"app\", {of_app}, depends_on = [{{ container = \"log\" }}] }}, \
               {{ name = \"log\", {of_log} }}]"
        );
        let scenario = ["until = \"10m\"\n", HOST, &service("web", "0s", "60s", "", &task)];
        let row = rows(&scenario.concat()).remove(0);
        (at(&row, "stopping_at"), at(&row, "execution_stopped_at"))
    };
    assert_eq!(ended("shutdown = \"5s\"", "shutdown = \"3s\""), (60.0, 68.0));
    assert_eq!(ended("shutdown = \"50s\"", "shutdown = \"3s\""), (60.0, 73.0));
    let hurried = "shutdown = \"9s\", stop_timeout = \"2s\"";
    assert_eq!(ended("shutdown = \"5s\"", hurried), (60.0, 67.0));
}

#[test]
fn ecs_2_an_eni_slot_is_held_until_the_interface_is_detached() {
    let scenario = [
        "[life_cycle]\nattach_network = \"8s\"\ndetach_network = \"5s\"\n",
        &HOST.replace("awsvpc_tasks = 2", "awsvpc_tasks = 1"),
        &tasks(2, 1, "cpu = 128, network_mode = \"awsvpc\", duration = \"10s\""),
    ];
    let rows = rows(&scenario.concat());
    let times = |row| [at(row, "placed"), at(row, "created_at"), at(row, "started")];
    assert_eq!(times(&rows[0]), [0.0, 8.0, 8.0]);
    assert_eq!([at(&rows[0], "execution_stopped_at"), at(&rows[0], "ended")], [18.0, 23.0]);
    assert_eq!(times(&rows[1]), [23.0, 31.0, 31.0]);
}

/// The scheduler's books are ahead of the host's, but an interface that is there is not free.
#[test]
fn ecs_2_an_eni_slot_is_held_while_the_containers_exit() {
    let held = "cpu = 128, network_mode = \"awsvpc\", shutdown = \"20s\"";
    for life in ["", "[life_cycle]\ndetach_network = \"5s\"\n"] {
        let scenario = [
            life,
            &HOST.replace("awsvpc_tasks = 2", "awsvpc_tasks = 1"),
            &service("a", "0s", "50s", "", held),
            &service("b", "10s", "200s", "", "cpu = 128, network_mode = \"awsvpc\""),
        ];
        let free = if life.is_empty() { 70.0 } else { 75.0 };
        assert_eq!(at(&rows(&scenario.concat())[1], "placed"), free, "{life}");
    }
}

#[test]
fn ecs_4_resources_are_free_at_stopping_and_the_host_frees_them_later() {
    let slow = "cpu = 4096, shutdown = \"20s\"";
    let task = tasks(1, 1, "cpu = 4096, duration = \"10s\"") + "start = \"10s\"\n";
    let scenario = [HOST, &service("web", "0s", "50s", "", slow), &task];
    let rows = rows(&scenario.concat());
    assert_eq!([at(&rows[0], "stopping_at"), at(&rows[0], "ended")], [50.0, 70.0]);
    assert_eq!([at(&rows[1], "placed"), at(&rows[1], "started")], [50.0, 70.0]);
    assert_eq!(at(&rows[1], "created_at"), 50.0, "PENDING on the host");
}

#[test]
fn ecs_4_pending_tasks_wait_for_the_host_first_in_first_out() {
    let scenario = [
        HOST,
        &service("a", "0s", "50s", "", "cpu = 3072, shutdown = \"20s\""),
        &service("b", "10s", "100s", "", "cpu = 2048"),
        &service("c", "55s", "100s", "", "cpu = 1024"),
    ];
    let rows = rows(&scenario.concat());
    let times = |task: usize| [at(&rows[task], "placed"), at(&rows[task], "started")];
    assert_eq!(times(1), [50.0, 70.0]);
    assert_eq!(times(2), [55.0, 70.0], "its vCPU was free, but the head of the queue blocks");
}

#[test]
fn ecs_4_a_deactivating_task_holds_its_resources() {
    let scenario = [
        "[life_cycle]\nderegistration_delay = \"30s\"\n",
        HOST,
        &service("a", "0s", "50s", "load_balancer = true", "cpu = 4096"),
        &service("b", "10s", "200s", "", "cpu = 4096"),
    ];
    let rows = rows(&scenario.concat());
    assert_eq!([at(&rows[0], "stopping_at"), at(&rows[0], "ended")], [80.0, 80.0]);
    assert_eq!([at(&rows[1], "placed"), at(&rows[1], "started")], [80.0, 80.0]);
    assert_eq!(at(&rows[1], "ended"), 200.0, "without a load balancer at once");
}

/// The first has long exited, or runs while the second waits for it to be healthy.
#[test]
fn ecs_1_1_containers_that_run_when_the_task_is_stopped_are_told() {
    let stopped = |containers: &str| {
        let task = format!("cpu = 256, containers = [{{ name = \"app\"{containers}");
        let scenario = ["until = \"10m\"\n", HOST, &service("web", "0s", "60s", "", &task)];
        let row = rows(&scenario.concat()).remove(0);
        (row["started_s"].clone(), at(&row, "stopping_at"), at(&row, "ended"))
    };
    let side = " }, { name = \"side\", essential = false, run = \"10s\", shutdown = \"25s\" }]";
    assert_eq!(stopped(side), ("0".to_owned(), 60.0, 60.0));
    let waits = ", depends_on = [{ container = \"side\", condition = \"healthy\" }] }, \
                 { name = \"side\", ready = \"4m\", shutdown = \"25s\" }]";
    assert_eq!(stopped(waits), (String::new(), 60.0, 85.0));
    // By itself, before the time that it may take is over; and of one that starts later nothing.
    let exits = waits.replace("ready", "run = \"70s\", ready");
    assert_eq!(stopped(&exits), (String::new(), 60.0, 70.0));
    let later = ", start = \"80s\", shutdown = \"25s\" }]";
    assert_eq!(stopped(later), (String::new(), 60.0, 60.0));
    let of_task = ", start = \"80s\" }], shutdown = \"25s\"";
    assert_eq!(stopped(of_task), (String::new(), 60.0, 60.0));
}

#[test]
fn ecs_1_1_containers_of_a_task_start_in_their_order() {
    let containers = "containers = [\
        { name = \"app\", depends_on = [{ container = \"proxy\", condition = \"healthy\" }] }, \
        { name = \"proxy\", start = \"2s\", ready = \"3s\", \
          depends_on = [{ container = \"init\", condition = \"success\" }] }, \
        { name = \"init\", essential = false, run = \"10s\" }, \
        { name = \"logs\", run = \"100s\", failures = 1 }]";
    let of = |duration: &str| {
        let kind = format!("cpu = 256, duration = \"{duration}\", {containers}");
        let row = rows(&[HOST, &tasks(1, 1, &kind)].concat()).remove(0);
        (at(&row, "started"), at(&row, "ended"), row["outcome"].clone())
    };
    assert_eq!(of("20s"), (15.0, 35.0, "completed".to_owned()));
    assert_eq!(of("200s"), (15.0, 100.0, "failed".to_owned()), "the log collector exits");
}

#[test]
fn ecs_5_2_a_task_is_healthy_when_its_load_balancer_says_so_too() {
    // A deployment at 100 s: the old task goes when the new one is healthy.
    let replaced = |keys: &str, check: &str| {
        let task = format!("task = {{ cpu = 256, memory = 1 {check} }}");
        let service = format!(
            "[service.a]\ndesired_count = 1\n{keys}\n{task}\n\
             changes = [{{ at = \"100s\", {task} }}]\n"
        );
        let life = "until = \"300s\"\n[life_cycle]\ntarget_health = \"25s\"\n";
        at(&rows(&[life, HOST, &service].concat())[0], "stopping_at")
    };
    assert_eq!(replaced("", ""), 100.0);
    assert_eq!(replaced("load_balancer = true", ""), 125.0);
    for (interval, healthy) in [(10, 125.0), (30, 130.0)] {
        let check = format!(", health_check = {{ interval = \"{interval}s\", ready = \"1s\" }}");
        assert_eq!(replaced("load_balancer = true", &check), healthy, "checked each {interval} s");
    }
}

/// What pulls take, for the second of two tasks on one host.
fn second_pull(behaviour: &str) -> [f64; 2] {
    let scenario = [
        "[life_cycle]\npull_overhead = \"2s\"\npull_cached = \"1s\"\n",
        HOST,
        &format!("pull_mbps = 80\nimage_pull = \"{behaviour}\"\n"),
        &tasks(2, 100, "cpu = 1024, duration = \"5s\", image = { name = \"w\", size_mb = 10 }"),
    ];
    let rows = rows(&scenario.concat());
    assert_eq!([at(&rows[0], "pull_stopped_at"), at(&rows[0], "started")], [3.0, 3.0]);
    [at(&rows[1], "pull_stopped_at"), at(&rows[1], "started")]
}

#[test]
fn ecs_4_pull_behaviour_default_and_always_ask_for_a_cached_image() {
    assert_eq!(second_pull("default"), [101.0, 101.0]);
    assert_eq!(second_pull("always"), [101.0, 101.0]);
}

#[test]
fn ecs_4_pull_behaviour_once_and_prefer_cached_take_a_cached_image_as_it_is() {
    for behaviour in ["once", "prefer-cached"] {
        let [pulled, started] = second_pull(behaviour);
        assert!(pulled.is_nan(), "{behaviour}: there is no pull");
        assert_eq!(started, 100.0);
    }
}

#[test]
fn ecs_4_a_host_pulls_an_image_once_at_a_time() {
    let image = "cpu = 512, duration = \"5s\", image = { name = \"w\", size_mb = 100 }";
    let scenario = [HOST, "pull_mbps = 80\n", &tasks(3, 4, image)];
    let rows = rows(&scenario.concat());
    let pulls = rows.iter().map(|row| [at(row, "pull_started_at"), at(row, "pull_stopped_at")]);
    // At 10 MB/s; the task that comes at 8 s waits for the same pull, and all start at 10 s.
    assert_eq!(pulls.collect::<Vec<_>>(), [[0.0, 10.0], [4.0, 10.0], [8.0, 10.0]]);
}

#[test]
fn ecs_4_pulls_share_the_link_of_a_host_and_the_registry() {
    let service = |name: &str| {
        let task = format!("cpu = 4096, image = {{ name = \"{name}\", size_mb = 100 }}");
        service(name, "0s", "100s", "", &task)
    };
    let two = service("a") + &service("b");
    let small = two.replace("cpu = 4096", "cpu = 1024");
    // Two images over one link of 10 MB/s, then over two links, then from a registry of 10 MB/s.
    for (scenario, pulled) in [
        ([HOST, "pull_mbps = 80\n", &small].concat(), 20.0),
        ([&HOST.replace("count = 1", "count = 2"), "pull_mbps = 80\n", &two].concat(), 10.0),
        (
            [
                "[life_cycle]\nregistry_mbps = 80\n",
                &HOST.replace("count = 1", "count = 2"),
                "pull_mbps = 80\n",
                &two,
            ]
            .concat(),
            20.0,
        ),
    ] {
        for row in rows(&scenario) {
            assert_eq!([at(&row, "pull_stopped_at"), at(&row, "started")], [pulled; 2]);
        }
    }
}

#[test]
fn ecs_4_a_start_that_fails_ends_the_task() {
    let task = "cpu = 4096, duration = \"5s\", fails_to_start = 1.0";
    for (delay, ended) in [("", 2.0), ("stop_delay = \"3s\"\n", 5.0)] {
        let scenario =
            ["[life_cycle]\ncontainer_start = \"2s\"\n", HOST, delay, &tasks(1, 1, task)];
        let row = &rows(&scenario.concat())[0];
        assert_eq!((row["outcome"].as_str(), at(row, "ended")), ("failed-to-start", ended));
        assert_eq!(
            (row["stop_code"].as_str(), row["started_s"].as_str()),
            ("TaskFailedToStart", "")
        );
        assert_eq!(row["execution_stopped_at_s"], "", "it was never executed");
        assert_eq!(at(row, "stopping_at"), 2.0);
    }
}

#[test]
fn a_share_of_starts_fails_and_a_service_starts_others() {
    let task = "cpu = 1, duration = \"1s\", fails_to_start = 0.25";
    let count = |scenario: &str, outcome: &str| {
        rows(scenario).iter().filter(|row| row["outcome"] == outcome).count()
    };
    let failed = count(&[HOST, &tasks(2000, 1, task)].concat(), "failed-to-start");
    // Binomial: 500, standard deviation 19.4.
    assert!(failed.abs_diff(500) < 80, "{failed}");
    let task = "cpu = 1, fails_to_start = 0.5";
    let many =
        service("web", "0s", "60s", "", task).replace("desired_count = 1", "desired_count = 50");
    let scenario = ["[life_cycle]\ncontainer_start = \"1s\"\n", HOST, &many].concat();
    assert_eq!(count(&scenario, "stopped"), 50);
    assert!(count(&scenario, "failed-to-start") > 20);
}

#[test]
fn a_task_can_be_stopped_in_every_state_before_it_runs() {
    // Attached at 10 s, pulled at 20 s, started at 30 s, registered at 40 s.
    let scenario = |end: &str| {
        [
            "[life_cycle]\nattach_network = \"10s\"\ncontainer_start = \"10s\"\n\
             activation = \"10s\"\ndetach_network = \"5s\"\n",
            HOST,
            "pull_mbps = 80\n",
            &service(
                "web",
                "0s",
                end,
                "load_balancer = true",
                "cpu = 4096, network_mode = \"awsvpc\", shutdown = \"1s\", \
                 image = { name = \"web\", size_mb = 100 }",
            ),
            &service("next", end, "1000s", "", "cpu = 4096"),
        ]
        .concat()
    };
    for (end, executed_until, gone) in [(5, "", 5), (15, "", 15), (25, "", 25), (35, "36", 36)] {
        let rows = rows(&scenario(&format!("{end}s")));
        assert_eq!(rows[0]["started_s"], "", "{end}");
        assert_eq!(at(&rows[0], "stopping_at"), f64::from(end));
        assert_eq!(at(&rows[0], "ended"), f64::from(gone + 5), "{end}");
        // Its containers ran, but it was never RUNNING.
        assert_eq!(rows[0]["execution_stopped_at_s"], executed_until, "{end}");
        // Its host has room for the next as soon as it is gone; containers start in 10 s.
        assert_eq!(at(&rows[1], "started"), f64::from(gone + 10), "{end}");
    }
}

/// Verdicts of health checks: second, task, verdict.
#[derive(Debug, Default)]
struct Verdicts(Arc<Mutex<Vec<(f64, u64, Health)>>>);

impl Recorder for Verdicts {
    fn record(&mut self, seen: &Observation<'_>) {
        if let Event::TaskHealthChanged(task, health) = *seen.event {
            self.0.lock().unwrap().push((seen.now.as_secs_f64(), task.number, health));
        }
    }
}

#[test]
fn ecs_1_1_a_change_of_health_is_told_once_and_only_while_the_task_lives() {
    let task = "cpu = 1024, health_check = { ready = \"31s\", fails_after = \"200s\" }";
    let verdicts = |end: &str| {
        let scenario = [HOST, "start_delay = \"100s\"\n", &service("web", "0s", end, "", task)];
        let document = Document::parse("s.toml", &scenario.concat()).unwrap();
        let scenario = Scenario::of(document, &[]).unwrap();
        let log = Arc::default();
        let own: Vec<Box<dyn Recorder>> = vec![Box::new(Verdicts(Arc::clone(&log)))];
        let recording = Recording { own, ..Recording::default() };
        scenario.prepare(1).unwrap().run(recording, &mut |_| true).unwrap();
        std::mem::take(&mut *log.lock().unwrap())
    };
    // It runs from 100 s on. The check at 130 s fails, that at 165 s passes; from 331 s on they
    // fail, at 345, 380 and 415 s.
    let healthy = (165.0, 0, Health::Healthy);
    assert_eq!(verdicts("164s"), []);
    assert_eq!(verdicts("419s"), [healthy]);
    // Its service replaces it then, and the next lives as long.
    let all = verdicts("1h");
    let unhealthy = |start: f64, task| (start + 420.0, task, Health::Unhealthy);
    assert_eq!(
        all[..4],
        [healthy, unhealthy(0.0, 0), (585.0, 1, Health::Healthy), unhealthy(420.0, 1)]
    );
}

/// Everything at once, on hosts that are shared and by chance.
const ALL: &str = r#"
preset = "ecs"
until = "2h"

[life_cycle]
deregistration_delay = { uniform = { low = "10s", high = "60s" } }
registry_mbps = 500

[capacity.typed]
instance_type = "m6i.xlarge"
count = 6
availability_zones = ["a", "b"]

[capacity.plain]
vcpus = 8
memory_mib = 32768
count = 3
sharing = "cfs"
stop_delay = { exponential = { mean = "2s" } }
pull_mbps = 100
image_pull = "once"

[workload.batch]
rate = "400/h"
until = "1h"
duration = { exponential = { mean = "5m" } }
failures = 0.1

[[workload.batch.tasks]]
cpu = 512
memory = 1024
image = { name = "batch", size_mb = 700 }
fails_to_start = 0.1

[[workload.batch.tasks]]
cpu = 1024
memory = 2048
network_mode = "awsvpc"
image = { name = "other", size_mb = 150 }
shutdown = { exponential = { mean = "20s" } }

[service.web]
desired_count = 8
load_balancer = true
changes = [
    { at = "20m", desired_count = 2 },
    { at = "40m", desired_count = 12 },
    { at = "80m", desired_count = 0 },
]

[service.web.task]
cpu = 512
memory = 512
network_mode = "awsvpc"
image = { name = "web", size_mb = 300 }
shutdown = { uniform = { low = "0s", high = "40s" } }
fails_to_start = 0.2
health_check = { ready = { exponential = { mean = "1m" } } }
"#;

#[test]
fn equal_seeds_give_equal_lives_and_both_placers_decide_the_same() {
    let first = run(ALL);
    assert_eq!(first, run(ALL));
    assert_eq!(first, run(&format!("{ALL}\n[placement]\nplacer = \"naive\"\n")));
    assert_ne!(first.1, run(&ALL.replace("\"ecs\"", "\"instant\"")).1);
    let outcomes: Vec<&str> = ["completed", "failed", "stopped", "failed-to-start"]
        .into_iter()
        .filter(|outcome| !first.0.contains(&format!(",{outcome},")))
        .collect();
    assert!(outcomes.is_empty(), "nothing ended as {outcomes:?}");
}
