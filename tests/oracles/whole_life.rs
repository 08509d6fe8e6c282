//! The same results with tasks that pass through every state of a life in no time, and services
//! whose tasks come and go.

use rayon::prelude::*;
use towtank::scenario::{Document, Recording, Scenario};

use super::exact::{erlang_b, erlang_c, erlang_wait};
use super::model::{Model, RUNS, Tally, exponential};
use super::queues::one_class;
use super::sharing::one_core;
use super::{figures, gate};
use crate::text::Text;

fn whole(model: Model) -> Model {
    Model { whole_life: true, ..model }
}

#[test]
fn erlang_b_through_the_whole_life() {
    let model = whole(Model::loss(one_class(8.0, exponential(1.0)), 5, 2));
    let runs = model.placed_by("binpack:cpu").measuring(50_000, 2_000).replicate();
    let row = "Erlang B c=10 a=8, whole life";
    gate(row, erlang_b(10, 8.0), &figures(&runs, |run| run.blocked(0)));
}

#[test]
fn m_m_10_through_the_whole_life() {
    let model = whole(Model::waiting(one_class(8.0, exponential(1.0)), 10, 1));
    let runs = model.placed_by("random").measuring(100_000, 20_000).replicate();
    gate("M/M/10 0.8, whole life, Wq", erlang_wait(10, 8.0), &figures(&runs, Tally::mean_wait));
    let waited = figures(&runs, Tally::share_waited);
    gate("M/M/10 0.8, whole life, P(wait)", erlang_c(10, 8.0), &waited);
}

#[test]
fn processor_sharing_through_the_whole_life() {
    let runs = whole(one_core(exponential(1.0))).measuring(100_000, 20_000).replicate();
    gate("M/G/1-PS 0.8, whole life, response", 5.0, &figures(&runs, Tally::mean_response));
}

/// Tasks of a service that run for a minute and take 20 s to start: each place in the service is
/// up 3/4 of the time, whatever the laws.
const SERVICE: &str = r#"
until = "20000s"
[life_cycle]
attach_network = "0s"
detach_network = "0s"
activation = "0s"
target_health = "0s"
deregistration_delay = "0s"
container_start = START
[capacity.host]
vcpus = 16
memory_mib = 65536
count = 8
awsvpc_tasks = 100
[service.web]
desired_count = 50
load_balancer = true
[service.web.task]
cpu = 256
memory = 64
network_mode = "awsvpc"
duration = RUN
shutdown = "0s"
"#;

/// Mean number of tasks RUNNING after the first 500 s.
fn running(scenario: &str, seed: u64) -> f64 {
    let scenario = Scenario::of(Document::parse("s.toml", scenario).unwrap(), &[]).unwrap();
    let text = Text::default();
    let recording = Recording { tasks: Some(Box::new(text.clone())), ..Recording::default() };
    scenario.prepare(seed).unwrap().run(recording, &mut |_| true).unwrap();
    let (from, until) = (500.0, 20_000.0);
    let seconds = text.rows().into_iter().filter_map(|row| {
        let started: f64 = row["started_s"].parse().ok()?;
        let ended: f64 = row["stopping_at_s"].parse().unwrap_or(until);
        Some((ended.min(until) - started.max(from)).max(0.0))
    });
    seconds.sum::<f64>() / (until - from)
}

#[test]
fn a_service_is_up_as_long_as_its_tasks_run() {
    let laws = [
        (
            "exponential",
            r#"{ exponential = { mean = "20s" } }"#,
            r#"{ exponential = { mean = "60s" } }"#,
        ),
        (
            "uniform",
            r#"{ uniform = { low = "10s", high = "30s" } }"#,
            r#"{ uniform = { low = "0s", high = "120s" } }"#,
        ),
    ];
    for (name, start, run) in laws {
        let scenario = SERVICE.replace("START", start).replace("RUN", run);
        let found: Vec<f64> =
            (1..=RUNS).into_par_iter().map(|seed| running(&scenario, seed)).collect();
        gate(&format!("alternating renewal, {name}, tasks RUNNING"), 37.5, &found);
    }
}
