//! The event queue against a sorted map: any calls give the same order, keys and lengths.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn at(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

/// (time, round, phase, sequence) of an event.
type Rank = (u64, u32, u8, u64);

/// The queue as a sorted map without tombstones, batches or buckets, for comparison.
#[derive(Default)]
struct Oracle {
    /// Slot of each live event; the event itself is its sequence number.
    live: BTreeMap<Rank, u32>,
    /// Rank of each event ever scheduled, by sequence.
    ranks: Vec<Rank>,
    vacant: Vec<u32>,
    slots: u32,
    current: Option<Rank>,
}

impl Oracle {
    fn now(&self) -> u64 {
        self.current.map_or(0, |(time, ..)| time)
    }

    fn schedule(&mut self, time: u64, phase: u8) -> EventKey {
        let round = match self.current {
            Some((now, round, handled, _)) if time == now => round + u32::from(phase <= handled),
            _ => 0,
        };
        let sequence = self.ranks.len() as u64;
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        let rank = (time, round, phase, sequence);
        self.live.insert(rank, slot);
        self.ranks.push(rank);
        EventKey { sequence, slot }
    }

    fn pop(&mut self) -> Option<(SimTime, u64)> {
        let (rank, slot) = self.live.pop_first()?;
        self.vacant.push(slot);
        self.current = Some(rank);
        Some((at(rank.0), rank.3))
    }

    fn cancel(&mut self, key: EventKey) -> Option<u64> {
        let slot = self.live.remove(&self.ranks[key.sequence as usize])?;
        self.vacant.push(slot);
        Some(key.sequence)
    }
}

/// One call, or some of one kind, on the queue.
#[derive(Clone, Debug)]
enum Step {
    /// Schedule so many events after a delay each, with a phase.
    Schedule(Vec<(u64, u8)>),
    /// Schedule so many events at the same time, after a delay.
    Burst(u64, u8, u16),
    /// Take the next events, so many.
    Pop(u16),
    /// Cancel one of the keys ever issued.
    Cancel(prop::sample::Index),
    /// Cancel so many of the events that are due next, without a look at the queue between.
    CancelNext(u16),
    /// Look at the time of the next event.
    Peek,
}

/// Delays of all scales: none, a few microseconds, up to the end of the clock.
fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => Just(0),
        4 => 0..4_u64,
        4 => 0..1000_u64,
        4 => 0..1_000_000_u64,
        1 => (0..64_u32, any::<u64>()).prop_map(|(bits, value)| value >> bits),
        1 => Just(u64::MAX),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let events = prop::collection::vec((delay(), 0..4_u8), 1..200);
    let near = (0..4_u64, 0..4_u8).prop_map(|event| Step::Schedule(vec![event]));
    let step = prop_oneof![
        6 => near,
        4 => (delay(), 0..16_u8).prop_map(|event| Step::Schedule(vec![event])),
        2 => events.prop_map(Step::Schedule),
        1 => (delay(), 0..4_u8, 1..300_u16).prop_map(|(delay, phase, n)| {
            Step::Burst(delay, phase, n)
        }),
        6 => Just(Step::Pop(1)),
        1 => (1..400_u16).prop_map(Step::Pop),
        4 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        1 => (1..300_u16).prop_map(Step::CancelNext),
        3 => Just(Step::Peek),
    ];
    prop::collection::vec(step, 0..120)
}

/// Both queues side by side.
#[derive(Default)]
struct Pair {
    queue: EventQueue<u64>,
    oracle: Oracle,
    keys: Vec<EventKey>,
}

impl Pair {
    fn schedule(&mut self, delay: u64, phase: u8) -> Result<(), TestCaseError> {
        let time = self.oracle.now().saturating_add(delay);
        let key = self.oracle.schedule(time, phase);
        prop_assert_eq!(self.queue.schedule(at(time), phase, key.sequence), key);
        self.keys.push(key);
        Ok(())
    }

    /// Takes the next event of both; whether there was one.
    fn pop(&mut self) -> Result<bool, TestCaseError> {
        let popped = self.queue.pop();
        prop_assert_eq!(popped, self.oracle.pop());
        Ok(popped.is_some())
    }

    fn cancel(&mut self, key: EventKey) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.queue.cancel(key), self.oracle.cancel(key));
        Ok(())
    }

    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Schedule(events) => {
                for (delay, phase) in events {
                    self.schedule(delay, phase)?;
                }
            }
            Step::Burst(delay, phase, times) => {
                for _ in 0..times {
                    self.schedule(delay, phase)?;
                }
            }
            Step::Pop(times) => {
                for _ in 0..times {
                    self.pop()?;
                }
            }
            Step::Cancel(_) if self.keys.is_empty() => {}
            Step::Cancel(index) => self.cancel(*index.get(&self.keys))?,
            Step::CancelNext(times) => {
                for _ in 0..times {
                    let Some((rank, slot)) = self.oracle.live.first_key_value() else { break };
                    self.cancel(EventKey { sequence: rank.3, slot: *slot })?;
                }
            }
            Step::Peek => {
                let next = self.oracle.live.first_key_value().map(|(rank, _)| at(rank.0));
                prop_assert_eq!(self.queue.peek_time(), next);
            }
        }
        self.check()
    }

    /// Lengths, clock, and what the queue promises itself.
    fn check(&self) -> Result<(), TestCaseError> {
        let queue = &self.queue;
        let live = self.oracle.live.len();
        prop_assert_eq!(queue.len(), live);
        prop_assert_eq!(queue.is_empty(), live == 0);
        prop_assert_eq!(queue.now().micros(), self.oracle.now());
        prop_assert_eq!(queue.sizes().0, live + queue.tombstones);
        prop_assert!(queue.tombstones <= live.max(FEW) + 1);
        prop_assert!(queue.batch.is_sorted());
        let after_edge = queue.edge.map_or(0, |edge| edge.saturating_add(1));
        prop_assert!(queue.far.is_consistent(after_edge) || after_edge == u64::MAX);
        Ok(())
    }
}

/// Fixed cases, so that a run depends on nothing but the code.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(1000),
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_a_sorted_map(steps in steps()) {
        let mut pair = Pair::default();
        for step in steps {
            pair.apply(step)?;
        }
        while pair.pop()? {}
        pair.check()?;
        // Emptied, it can be filled again.
        for delay in (0..200).rev() {
            pair.schedule(delay, 0)?;
        }
        while pair.pop()? {}
    }
}
