//! Instructions executed, counted under Valgrind: the same on every run of one binary, so that a
//! change can be compared with the commit before it where wall-clock time is noise. What is set up
//! beforehand is not counted. `.ci/instructions` runs it on both commits.

#![expect(missing_docs, reason = "the macros of gungraun make public items")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use towtank::benchmark::Churn;
use towtank::des::{EventQueue, Seed, SimDuration, SimTime};
use towtank::placement::PlacementSpec;
use towtank::scenario::{Document, Recording, Scenario};

/// A queue of `pending` events up to a second ahead.
fn queue(pending: u64) -> EventQueue<u64> {
    let mut queue = EventQueue::new();
    for event in 0..pending {
        queue.schedule(SimTime::from_micros(delay(event)), 0, event);
    }
    queue
}

fn delay(event: u64) -> u64 {
    event.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000
}

#[library_benchmark]
#[bench::of_1000(queue(1_000))]
#[bench::of_100000(queue(100_000))]
fn hold(mut queue: EventQueue<u64>) -> EventQueue<u64> {
    for turn in 0..10_000 {
        let (now, event) = queue.pop().expect("as many are scheduled as are taken");
        let later = now + SimDuration::from_micros(delay(event ^ turn));
        queue.schedule(later, 0, black_box(event));
    }
    queue
}

/// A cluster at 80 % of its CPU whose tasks have been replaced once.
fn churn(placement: &str) -> Churn {
    let spec = PlacementSpec::parse(placement).expect("a placement");
    let mut churn = Churn::new(&spec, 2_000, 0.8, Seed(1)).expect("it can be built");
    churn.warm_up(1, &mut || true).expect("it can be built");
    churn
}

#[library_benchmark]
#[bench::first_fit(churn("first-fit"))]
#[bench::binpack(churn("binpack:cpu"))]
#[bench::worst_fit(churn("worst-fit"))]
#[bench::spread(churn("spread:instanceId"))]
#[bench::zones(churn("spread:attribute:ecs.availability-zone+binpack:memory"))]
#[bench::random(churn("random"))]
#[bench::dot_product(churn("dot-product"))]
fn decisions(mut churn: Churn) -> Churn {
    (0..1_000).for_each(|_| churn.step());
    churn
}

fn scenario() -> Scenario {
    let text = r#"
        [capacity.general]
        instance_type = "m6i.2xlarge"
        count = 200

        [workload.batch]
        rate = "7/s"
        count = 20_000
        duration = { exponential = { mean = "60s" } }
        tasks = [{ cpu = 512, memory = 1024 }, { cpu = 2048, memory = 4096 }]

        [placement]
        strategy = "binpack:memory"
    "#;
    let document = Document::parse("instructions.toml", text).expect("it is right");
    Scenario::of(document, &[]).expect("it is right")
}

#[library_benchmark]
#[bench::tasks_20000(scenario())]
fn run(scenario: Scenario) -> u64 {
    let prepared = scenario.prepare(1).expect("it can be prepared");
    let finished = prepared.run(Recording::default(), &mut |_| true).expect("it runs");
    finished.events
}

library_benchmark_group!(name = engine; benchmarks = hold, run);
library_benchmark_group!(name = placement; benchmarks = decisions);
main!(library_benchmark_groups = engine, placement);
