//! Processor sharing against queueing formulas: CPU on a host, and an engine with its operations.

use towtank::backend::EngineSetup;
use towtank::calibration::{EngineModel, LoadCurve, QuantileTable};
use towtank::des::{Law, SimDuration};
use towtank::model::Cpu;
use towtank::workload::{Pace, Usage};

use super::exact::erlang_wait;
use super::model::{Class, Model, Tally, exponential};
use super::queues::{hyper_exponential, one_class};
use super::{figures, gate};

/// Tasks that reserve nothing and each want the one vCPU there is, 0.8 of it on average.
pub(super) fn one_core(run_time: Law) -> Model {
    let usage = Usage {
        pace: Pace::Work,
        cpu: Cpu::VCPU,
        memory_mib: 0,
        memory_ramp: SimDuration::ZERO,
        steps: Vec::new(),
    };
    let classes = vec![Class::new(0.8, 0, run_time)];
    Model { usage: Some(usage), ..Model::loss(classes, 1, 1) }
}

/// Under processor sharing the mean response depends on the mean service time alone.
#[test]
fn processor_sharing_is_insensitive_to_the_law_of_work() {
    let rows = [("exponential", exponential(1.0)), ("hyper-exponential", hyper_exponential(4.0))];
    for (name, run_time) in rows {
        let runs = one_core(run_time).measuring(100_000, 20_000).replicate();
        let row = format!("M/G/1-PS 0.8, {name}, response");
        gate(&row, 5.0, &figures(&runs, Tally::mean_response));
        gate(&format!("M/G/1-PS 0.8, {name}, L"), 4.0, &figures(&runs, Tally::running));
    }
}

/// Starts of exponential service time, as a table of quantiles, and its mean in seconds.
fn starts() -> (QuantileTable, f64) {
    let law = exponential(1.0);
    let steps = 2000;
    let quantile = |step: u32| law.quantile((f64::from(step) + 0.5) / f64::from(steps + 1));
    let micros = (0..=steps).map(|step| (quantile(step) * 1e6).round() as u64);
    let micros: Vec<u64> = micros.collect();
    let halves: u64 = micros.windows(2).map(|pair| pair[0] + pair[1]).sum();
    let mean = halves as f64 / 2.0 / f64::from(steps) / 1e6;
    (QuantileTable::new(micros).unwrap(), mean)
}

/// An engine of three servers: how many starts are under way is as in M/M/3, and that does not
/// depend on the law of service times either.
#[test]
fn an_engine_is_a_processor_sharing_queue() {
    let (start, mean) = starts();
    let (stop, cleanup) = (start.clone(), QuantileTable::new(vec![0]).unwrap());
    let model = EngineModel {
        width_milli: 3000,
        load: LoadCurve::default(),
        start_cpu_micros: 0,
        start_throttled_micros: 0,
        start_bursts_milli: 0,
        start_weight_exponent_milli: 1000,
        start,
        stop,
        cleanup,
    };
    let setup =
        EngineSetup { model, engines: 1, cores_milli: None, core_milli: 1000, replication: 0 };
    let nothing = towtank::des::law::Constant::new(0.0).unwrap().into();
    let mut classes = one_class(2.4, nothing);
    classes[0].vcpus = 0;
    let model = Model { engines: Some(setup), ..Model::loss(classes, 1, 1) };
    let runs = model.measuring(100_000, 20_000).replicate();
    let exact = mean * (1.0 + erlang_wait(3, 2.4 * mean));
    gate("M/M/3-PS 0.8, time to start", exact, &figures(&runs, Tally::mean_wait));
}
