//! The event queue in the hold model: take the next event, schedule one in its place. The queue
//! thus keeps its length; the standard heap of bare keys, in the same run, says what an order with
//! rounds, phases and cancellation costs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use towtank::des::{EventQueue, Exponential, Purpose, Seed, SimDuration, SimTime};

/// Purpose of the draws of delays.
const DELAY: Purpose = Purpose(1);

/// Delays drawn beforehand and used in turn, so that no draw is timed.
const DELAYS: u64 = 1 << 16;

fn delays() -> Vec<u64> {
    let law = Exponential::new(1.0).expect("a mean of 1 second is valid");
    let delay = |index| {
        let seconds = law.quantile(Seed(1).uniform(DELAY, index, 0));
        SimDuration::from_secs_f64_checked(seconds).map_or(0, SimDuration::micros)
    };
    (0..DELAYS).map(delay).collect()
}

fn hold(criterion: &mut Criterion) {
    let delays = delays();
    let mut group = criterion.benchmark_group("hold");
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(1));
    for pending in [1_000_usize, 100_000] {
        let mut queue = EventQueue::new();
        let mut next = delays.iter().copied().cycle();
        let mut delay = || next.next().expect("a cycle does not end");
        for event in 0..pending {
            queue.schedule(SimTime::from_micros(delay()), 0, event);
        }
        group.bench_function(BenchmarkId::new("EventQueue", pending), |bencher| {
            bencher.iter(|| {
                let (now, event) = queue.pop().expect("as many are scheduled as are taken");
                queue.schedule(now + SimDuration::from_micros(delay()), 0, black_box(event));
            });
        });
        let mut heap = BinaryHeap::new();
        let mut sequence = 0_u64;
        for event in 0..pending {
            sequence += 1;
            heap.push(Reverse((delay(), sequence, event)));
        }
        group.bench_function(BenchmarkId::new("BinaryHeap", pending), |bencher| {
            bencher.iter(|| {
                let Reverse((now, _, event)) = heap.pop().expect("as many are pushed as popped");
                sequence += 1;
                heap.push(Reverse((now + delay(), sequence, black_box(event))));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hold);
criterion_main!(benches);
