//! Loss and waiting systems against queueing formulas.

use rayon::prelude::*;
use towtank::des::{Law, SimDuration, SimTime, law};

use super::exact::{
    erlang_b, erlang_c, erlang_wait, kaufman_roberts, poisson_tail, single_server_wait,
};
use super::model::{Class, Model, RUNS, Tally, exponential};
use super::{figures, gate};

pub(super) fn one_class(rate: f64, run_time: Law) -> Vec<Class> {
    vec![Class::new(rate, 1, run_time)]
}

fn constant(value: f64) -> Law {
    law::Constant::new(value).unwrap().into()
}

/// Mean 1, squared coefficient of variation `squared`.
fn lognormal(squared: f64) -> Law {
    let variance = squared.ln_1p();
    law::LogNormal::new(-variance / 2.0, variance.sqrt()).unwrap().into()
}

/// Two branches of equal load, mean 1, squared coefficient of variation `squared`.
pub(super) fn hyper_exponential(squared: f64) -> Law {
    let p = f64::midpoint(1.0, ((squared - 1.0) / (squared + 1.0)).sqrt());
    let (weights, means) = ([p, 1.0 - p], [0.5 / p, 0.5 / (1.0 - p)]);
    law::HyperExponential::new(&weights, &means).unwrap().into()
}

// --- loss ---------------------------------------------------------------------------------------

/// Blocking depends on the mean run time alone, however the ten slots lie.
#[test]
fn erlang_b_is_insensitive_to_the_law_of_run_times() {
    let rows = [
        ("exponential", exponential(1.0), 10, 1),
        ("deterministic", constant(1.0), 1, 10),
        ("lognormal", lognormal(4.0), 5, 2),
    ];
    for (name, run_time, instances, vcpus) in rows {
        let model = Model::loss(one_class(8.0, run_time), instances, vcpus);
        let runs = model.placed_by("binpack:cpu").measuring(50_000, 2_000).replicate();
        let row = format!("Erlang B c=10 a=8, {name}");
        gate(&row, erlang_b(10, 8.0), &figures(&runs, |run| run.blocked(0)));
    }
}

#[test]
fn erlang_b_of_a_hundred() {
    let model = Model::loss(one_class(90.0, exponential(1.0)), 1, 100);
    let runs = model.measuring(100_000, 5_000).replicate();
    gate("Erlang B c=100 a=90", erlang_b(100, 90.0), &figures(&runs, |run| run.blocked(0)));
}

#[test]
fn kaufman_roberts_on_one_host() {
    let classes = [(16.0, 1), (8.0, 2), (2.0, 8)];
    let (blocked, used) = kaufman_roberts(64, &classes);
    let class = |(rate, size): (f64, usize)| Class::new(rate, size as u64, exponential(1.0));
    let model = Model::loss(classes.map(class).to_vec(), 1, 64);
    let runs = model.measuring(100_000, 2_000).replicate();
    for (index, exact) in blocked.into_iter().enumerate() {
        let size = classes[index].1;
        let row = format!("Kaufman-Roberts, {size} vCPU");
        gate(&row, exact, &figures(&runs, |run| run.blocked(index)));
    }
    gate("Kaufman-Roberts, vCPU used", used, &figures(&runs, Tally::vcpus_used));
}

// --- waiting ------------------------------------------------------------------------------------

#[test]
fn one_server_at_80_percent() {
    let model = Model::waiting(one_class(0.8, exponential(1.0)), 1, 1);
    let runs = model.measuring(100_000, 20_000).replicate();
    gate("M/M/1 0.8, Wq", erlang_wait(1, 0.8), &figures(&runs, Tally::mean_wait));
}

#[test]
fn one_server_at_90_percent() {
    let model = Model::waiting(one_class(0.9, exponential(1.0)), 1, 1);
    let runs = model.measuring(100_000, 50_000).replicate();
    gate("M/M/1 0.9, Wq", erlang_wait(1, 0.9), &figures(&runs, Tally::mean_wait));
}

#[test]
fn ten_servers_at_80_percent() {
    let model = Model::waiting(one_class(8.0, exponential(1.0)), 10, 1);
    let runs = model.placed_by("random").measuring(100_000, 20_000).replicate();
    gate("M/M/10 0.8, Wq", erlang_wait(10, 8.0), &figures(&runs, Tally::mean_wait));
    gate("M/M/10 0.8, P(wait)", erlang_c(10, 8.0), &figures(&runs, Tally::share_waited));
}

#[test]
fn ten_servers_at_90_percent() {
    let model = Model::waiting(one_class(9.0, exponential(1.0)), 5, 2);
    let runs = model.placed_by("spread:instanceId").measuring(100_000, 50_000).replicate();
    gate("M/M/10 0.9, Wq", erlang_wait(10, 9.0), &figures(&runs, Tally::mean_wait));
}

#[test]
fn a_hundred_servers_at_95_percent() {
    let model = Model::waiting(one_class(95.0, exponential(1.0)), 1, 100);
    let runs = model.measuring(800_000, 200_000).replicate();
    gate("M/M/100 0.95, Wq", erlang_wait(100, 95.0), &figures(&runs, Tally::mean_wait));
    gate("M/M/100 0.95, P(wait)", erlang_c(100, 95.0), &figures(&runs, Tally::share_waited));
}

#[test]
fn deterministic_run_times() {
    let model = Model::waiting(one_class(0.8, constant(1.0)), 1, 1);
    let runs = model.measuring(100_000, 20_000).replicate();
    gate("M/D/1 0.8, Wq", single_server_wait(0.8, 0.0), &figures(&runs, Tally::mean_wait));
}

#[test]
fn hyper_exponential_run_times() {
    let model = Model::waiting(one_class(0.8, hyper_exponential(4.0)), 1, 1);
    let runs = model.measuring(100_000, 50_000).replicate();
    gate("M/H2/1 0.8, Wq", single_server_wait(0.8, 4.0), &figures(&runs, Tally::mean_wait));
}

// --- unlimited capacity -------------------------------------------------------------------------

/// 10 tasks a minute for 3 minutes each, on an instance that never fills: Poisson(30) running.
fn unlimited(run_time: Law) -> Model {
    Model { crowd: 45, ..Model::loss(one_class(10.0 / 60.0, run_time), 1, 1_000) }
}

#[test]
fn unlimited_capacity_runs_a_poisson_number() {
    // Any law of run times gives the same; constant ones forget the past soonest.
    let runs = unlimited(constant(180.0)).measuring(250_000, 1_000).replicate();
    gate("M/G/inf, mean running", 30.0, &figures(&runs, Tally::running));
    gate("M/G/inf, P(N >= 45)", poisson_tail(30.0, 45), &figures(&runs, Tally::crowded));
}

/// From empty, the number running after one mean run time is Poisson with mean 30 (1 − 1/e).
#[test]
fn unlimited_capacity_fills_up_as_predicted() {
    const PER_SEED: u64 = 40;
    let end = SimTime::ZERO + SimDuration::from_secs_f64_checked(180.0).unwrap();
    let model = Model { until: Some(end), ..unlimited(exponential(180.0)) }.measuring(1_000, 0);
    let mean_of = |seed: u64| {
        let running = |part| f64::from(model.simulate(seed * PER_SEED + part).running_at_end);
        (0..PER_SEED).map(running).sum::<f64>() / PER_SEED as f64
    };
    let means: Vec<f64> = (1..=RUNS).into_par_iter().map(mean_of).collect();
    gate("M/G/inf, running at 3 min", 30.0 * (1.0 - (-1.0_f64).exp()), &means);
}
