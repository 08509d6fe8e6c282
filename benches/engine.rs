//! The event queue in the hold model: take the next event, schedule one in its place. The queue
//! thus keeps its length. A binary heap with the same entries, slab and cancellation runs beside
//! it, because a ratio within one run says more than times of two.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use slab::Slab;
use towtank::des::{EventKey, EventQueue, Exponential, Purpose, Seed, SimDuration, SimTime};

/// Purpose of the draws of delays.
const DELAY: Purpose = Purpose(1);

/// Delays drawn beforehand and used in turn, so that no draw is timed.
const DELAYS: u64 = 1 << 16;

/// Exponential delays in microseconds with means in seconds, one after the other.
fn delays(means: &[f64]) -> Vec<u64> {
    let delay = |index: u64| {
        let law = Exponential::new(means[index as usize % means.len()]).expect("a mean above 0");
        let seconds = law.quantile(Seed(1).uniform(DELAY, index, 0));
        SimDuration::from_secs_f64_checked(seconds).map_or(0, SimDuration::micros)
    };
    (0..DELAYS).map(delay).collect()
}

/// As large as the simulator's events: one of its variants is, most are smaller.
#[derive(Clone)]
enum Event {
    Ends(usize),
    Submitted { _rest: [u64; 6] },
}

impl Event {
    fn index(&self) -> usize {
        match self {
            Event::Ends(index) => *index,
            Event::Submitted { .. } => 0,
        }
    }
}

/// What both queues can do.
trait Queue: Default {
    const NAME: &'static str;
    type Key: Copy;
    fn schedule(&mut self, at: u64, phase: u8, event: Event) -> Self::Key;
    fn peek_time(&mut self) -> Option<u64>;
    fn pop(&mut self) -> Option<(u64, Event)>;
    fn cancel(&mut self, key: Self::Key) -> Option<Event>;
}

impl Queue for EventQueue<Event> {
    const NAME: &'static str = "EventQueue";
    type Key = EventKey;

    fn schedule(&mut self, at: u64, phase: u8, event: Event) -> EventKey {
        self.schedule(SimTime::from_micros(at), phase, event)
    }

    fn peek_time(&mut self) -> Option<u64> {
        self.peek_time().map(SimTime::micros)
    }

    fn pop(&mut self) -> Option<(u64, Event)> {
        self.pop().map(|(at, event)| (at.micros(), event))
    }

    fn cancel(&mut self, key: EventKey) -> Option<Event> {
        self.cancel(key)
    }
}

/// The standard heap of (time, phase and sequence, place in the slab), with tombstones.
#[derive(Default)]
struct Heap {
    entries: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Slab<(u64, Event)>,
    sequence: u64,
}

impl Heap {
    fn sweep(&mut self) {
        let events = &self.events;
        let is_live = |order: u64, slot| events.get(slot).is_some_and(|event| event.0 == order);
        if self.entries.len() > 2 * events.len() {
            self.entries.retain(|Reverse((_, order, slot))| is_live(*order, *slot));
        }
        while self.entries.peek().is_some_and(|Reverse((_, order, slot))| !is_live(*order, *slot)) {
            self.entries.pop();
        }
    }
}

impl Queue for Heap {
    const NAME: &'static str = "BinaryHeap";
    type Key = (u64, usize);

    fn schedule(&mut self, at: u64, phase: u8, event: Event) -> (u64, usize) {
        self.sequence += 1;
        let order = u64::from(phase) << 38 | self.sequence;
        let slot = self.events.insert((order, event));
        self.entries.push(Reverse((at, order, slot)));
        (order, slot)
    }

    fn peek_time(&mut self) -> Option<u64> {
        self.entries.peek().map(|Reverse((at, ..))| *at)
    }

    fn pop(&mut self) -> Option<(u64, Event)> {
        let Reverse((at, _, slot)) = self.entries.pop()?;
        let (_, event) = self.events.remove(slot);
        self.sweep();
        Some((at, event))
    }

    fn cancel(&mut self, (order, slot): (u64, usize)) -> Option<Event> {
        self.events.get(slot).filter(|event| event.0 == order)?;
        let (_, event) = self.events.remove(slot);
        self.sweep();
        Some(event)
    }
}

/// How a step of the hold model differs from the plain one.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Plain,
    /// Every tenth step cancels some event and schedules it anew.
    Cancels,
    /// Every event causes another at the same instant, as a task's end causes a placement pass.
    Now,
}

fn hold<Q: Queue>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    pending: usize,
    delays: &[u64],
    variant: Variant,
) {
    let mut queue = Q::default();
    let mut delays = delays.iter().copied().cycle();
    let mut delay = || delays.next().expect("a cycle does not end");
    let mut keys: Vec<_> =
        (0..pending).map(|index| queue.schedule(delay(), 0, Event::Ends(index))).collect();
    let mut step = 0_usize;
    group.bench_function(BenchmarkId::new(Q::NAME, pending), |bencher| {
        bencher.iter(|| {
            step += 1;
            black_box(queue.peek_time());
            let (now, event) = queue.pop().expect("as many are scheduled as are taken");
            let index = event.index();
            if variant == Variant::Now {
                queue.schedule(now, 4, Event::Submitted { _rest: [0; 6] });
                black_box(queue.peek_time());
                black_box(queue.pop());
            }
            let key = queue.schedule(now + delay(), 0, black_box(event));
            if variant != Variant::Cancels {
                return;
            }
            // Not in the other variants: looking up keys is not the queue's work.
            keys[index] = key;
            if step.is_multiple_of(10) {
                let victim = step.wrapping_mul(0x9E37_79B9) % pending;
                let event = queue.cancel(keys[victim]).expect("each has one event that waits");
                keys[victim] = queue.schedule(now + delay(), 0, event);
            }
        });
    });
}

fn both(criterion: &mut Criterion, name: &str, pending: &[usize], means: &[f64], variant: Variant) {
    let delays = delays(means);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(1));
    for &pending in pending {
        hold::<EventQueue<Event>>(&mut group, pending, &delays, variant);
        hold::<Heap>(&mut group, pending, &delays, variant);
    }
    group.finish();
}

fn engine(criterion: &mut Criterion) {
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    both(criterion, "hold", &sizes, &[1.0], Variant::Plain);
    // Delays of milliseconds, minutes and weeks in turn.
    both(criterion, "hold-scales", &sizes[2..3], &[1e-3, 1e2, 1e6], Variant::Plain);
    both(criterion, "hold-dense", &sizes[2..3], &[1e-3], Variant::Plain);
    both(criterion, "hold-cancels", &sizes[2..], &[1.0], Variant::Cancels);
    both(criterion, "hold-now", &sizes[2..], &[1.0], Variant::Now);
}

criterion_group!(benches, engine);
criterion_main!(benches);
