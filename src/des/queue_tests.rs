//! Tests of the event queue one by one; `queue_oracle_tests.rs` compares it with a sorted map.

use super::*;

fn at(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

impl<E> EventQueue<E> {
    /// Entries held, tombstones included, and entries that there is room for.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let (in_lanes, lanes) = self.lanes.size();
        let (in_buckets, buckets) = self.far.size();
        let entries = in_lanes + self.batch.len() + self.early.len() + in_buckets;
        (entries, lanes + self.batch.capacity() + self.early.capacity() + buckets)
    }
}

fn drain<E>(queue: &mut EventQueue<E>) -> Vec<E> {
    std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect()
}

#[test]
fn orders_by_time_then_phase_then_sequence() {
    let mut queue = EventQueue::new();
    queue.schedule(at(5), 1, "c");
    queue.schedule(at(5), 0, "a");
    queue.schedule(at(5), 0, "b");
    queue.schedule(at(6), 0, "d");
    queue.schedule(at(0), 15, "first");
    assert_eq!(queue.len(), 5);
    assert_eq!(queue.peek_time(), Some(at(0)));
    assert_eq!(drain(&mut queue), ["first", "a", "b", "c", "d"]);
    assert_eq!(queue.now(), at(6));
    assert!(queue.is_empty());
    assert_eq!(queue.peek_time(), None);
    assert_eq!(queue.pop(), None);
}

#[test]
fn equals_are_first_in_first_out() {
    let mut queue = EventQueue::new();
    let mut cancelled = Vec::new();
    for index in 0..1000 {
        let key = queue.schedule(at(7), 3, index);
        if index % 3 == 0 {
            cancelled.push(key);
        }
    }
    for key in cancelled {
        queue.cancel(key);
    }
    let expected: Vec<i32> = (0..1000).filter(|index| index % 3 != 0).collect();
    assert_eq!(drain(&mut queue), expected);
}

#[test]
fn a_phase_not_after_the_current_opens_the_next_round() {
    let mut queue = EventQueue::new();
    queue.schedule(at(1), 2, "start");
    queue.schedule(at(1), 9, "last of round 0");
    assert_eq!(queue.pop(), Some((at(1), "start")));
    queue.schedule(at(1), 0, "earlier phase, round 1");
    queue.schedule(at(1), 2, "same phase, round 1");
    queue.schedule(at(1), 3, "later phase, round 0");
    let order = drain(&mut queue);
    let expected = [
        "later phase, round 0",
        "last of round 0",
        "earlier phase, round 1",
        "same phase, round 1",
    ];
    assert_eq!(order, expected);
}

#[test]
fn rounds_begin_again_at_a_later_instant() {
    let mut queue = EventQueue::new();
    queue.schedule(at(0), 0, 0);
    for _ in 0..3 {
        queue.pop();
        queue.schedule(at(0), 0, 1);
    }
    queue.pop();
    queue.schedule(at(4), 1, 20);
    queue.schedule(at(4), 0, 10);
    assert_eq!(drain(&mut queue), [10, 20]);
}

#[test]
fn keys_die_with_their_event() {
    let mut queue = EventQueue::new();
    let first = queue.schedule(at(1), 0, "first");
    assert_eq!(queue.cancel(first), Some("first"));
    assert_eq!(queue.cancel(first), None);
    let second = queue.schedule(at(1), 0, "second");
    assert_eq!(first.slot, second.slot, "the storage must be used again for this test to bite");
    assert_eq!(queue.cancel(first), None);
    assert_eq!(queue.pop(), Some((at(1), "second")));
    assert_eq!(queue.cancel(second), None);
    assert_eq!(queue.len(), 0);
}

#[test]
fn memory_stays_bounded_under_churn() {
    let mut queue = EventQueue::new();
    let mut keys: Vec<EventKey> = (0..100).map(|index| queue.schedule(at(index), 0, 0)).collect();
    for step in 0..200_000_u64 {
        let victim = (step * 37 % 100) as usize;
        assert!(queue.cancel(keys[victim]).is_some());
        keys[victim] = queue.schedule(at(1_000_000 - step), 0, 0);
        let (entries, room) = queue.sizes();
        assert!(entries <= 2 * queue.len(), "{entries} entries for 100 events");
        // One bucket for each level and digit that ever held an entry, of four entries at least.
        assert!(room <= 4096, "room for {room} entries");
    }
    assert_eq!(queue.len(), 100);
    assert!(queue.slots.capacity() <= 256);
}

#[test]
fn a_burst_gives_its_memory_back() {
    let mut queue = EventQueue::new();
    // At one instant, spread over far ones, and at the present one: each fills another place.
    for burst in 0..3 {
        let base = queue.now().micros() + 1;
        for index in 0..100_000_u64 {
            let time = base + [0, index * 977 % (1 << 30), 0][burst];
            queue.schedule(at(time), 0, index);
        }
        queue.pop();
        for index in 0..100_000 {
            queue.schedule(queue.now(), 1, index);
        }
        assert!(queue.sizes().1 >= 200_000 - 1);
        while queue.pop().is_some() {}
        queue.schedule(queue.now() + crate::des::SimDuration::from_micros(1), 0, 0);
        queue.pop();
        let (entries, room) = queue.sizes();
        assert_eq!(entries, 0);
        assert!(room <= 20_000, "room for {room} entries after burst {burst}");
    }
}

#[test]
fn cancelling_the_next_event_again_and_again_leaves_few_tombstones() {
    let mut queue = EventQueue::new();
    let keys: Vec<EventKey> =
        (0..10_000).map(|index| queue.schedule(at(1 << (index % 50)), 0, index)).collect();
    let mut waiting: Vec<u64> = (0..10_000).collect();
    waiting.sort_by_key(|index| (index % 50, *index));
    for (done, index) in waiting.iter().enumerate() {
        assert_eq!(queue.peek_time(), Some(at(1 << (index % 50))));
        assert_eq!(queue.cancel(keys[*index as usize]), Some(*index));
        let (entries, _) = queue.sizes();
        let live = 10_000 - done - 1;
        assert_eq!(queue.len(), live);
        assert!(entries <= live + live.max(FEW), "{entries} entries for {live} events");
    }
}

#[test]
fn events_before_the_batch_are_spread_again_when_they_are_the_majority() {
    let mut queue = EventQueue::new();
    queue.schedule(at(1 << 40), 0, 1 << 40);
    assert_eq!(queue.peek_time(), Some(at(1 << 40)));
    for time in (1..10_000).rev() {
        queue.schedule(at(time), 0, time);
        assert_eq!(queue.peek_time(), Some(at(time)));
        assert!(queue.early.len() <= FEW.max(queue.len() / 2));
    }
    let expected: Vec<u64> = (1..10_000).chain([1 << 40]).collect();
    assert_eq!(drain(&mut queue), expected);
}

#[test]
fn cancelling_everything_leaves_nothing_behind() {
    let mut queue = EventQueue::new();
    let keys: Vec<EventKey> = (0..64).map(|index| queue.schedule(at(index), 0, index)).collect();
    for key in keys {
        queue.cancel(key);
    }
    assert!(queue.is_empty());
    assert_eq!(queue.peek_time(), None);
    assert_eq!(queue.sizes().0, 0);
}

#[test]
fn dropping_the_queue_or_an_event_frees_it() {
    let shared = std::rc::Rc::new(());
    let mut queue = EventQueue::new();
    let key = queue.schedule(at(1), 0, shared.clone());
    queue.schedule(at(2), 0, shared.clone());
    queue.cancel(key);
    assert_eq!(std::rc::Rc::strong_count(&shared), 2);
    drop(queue);
    assert_eq!(std::rc::Rc::strong_count(&shared), 1);
}

#[test]
fn an_entry_takes_three_words() {
    assert_eq!(size_of::<Entry>(), 24);
}

#[test]
#[should_panic(expected = "event scheduled in the past: 0.000001 s is before the clock")]
fn scheduling_in_the_past_panics() {
    let mut queue = EventQueue::new();
    queue.schedule(at(2), 0, ());
    queue.pop();
    queue.schedule(at(1), 0, ());
}

#[test]
#[should_panic(expected = "more than 4194303 rounds at 0 s")]
fn a_loop_of_zero_delays_is_caught() {
    let mut queue = EventQueue::new();
    queue.schedule(at(0), 0, ());
    for _ in 0..=1 << 22 {
        queue.pop();
        queue.schedule(at(0), 0, ());
    }
}

#[test]
#[should_panic(expected = "event sequence exhausted")]
fn running_out_of_sequence_numbers_panics() {
    let mut queue = EventQueue::new();
    queue.next_sequence = SEQUENCE_END - 1;
    queue.schedule(at(0), 15, ());
    queue.schedule(at(0), 15, ());
}

#[test]
fn the_largest_fields_do_not_spill() {
    let mut queue = EventQueue::new();
    queue.next_sequence = SEQUENCE_END - 2;
    queue.schedule(SimTime::MAX, 14, "b");
    queue.next_sequence = 0;
    queue.schedule(SimTime::MAX, 15, "c");
    queue.schedule(SimTime::MAX, 13, "a");
    assert_eq!(drain(&mut queue), ["a", "b", "c"]);
}

#[test]
fn events_due_soon_are_shown_once_and_only_while_they_wait() {
    let mut queue = EventQueue::new();
    let keys: Vec<EventKey> = (0..500)
        .map(|event| queue.schedule(SimTime::from_micros(event * 1000), 0, event))
        .collect();
    for key in keys.iter().step_by(3) {
        queue.cancel(*key);
    }
    let mut shown = std::collections::BTreeSet::new();
    let mut popped = 0;
    while let Some((_, event)) = queue.pop() {
        popped += 1;
        for &soon in queue.due_soon() {
            assert!(soon > event, "{soon} was due before {event}");
            assert!(soon % 3 != 0, "{soon} was cancelled");
            assert!(shown.insert(soon), "{soon} was shown before");
        }
    }
    assert_eq!(popped, 333);
    assert!(shown.len() > 300, "only {} of {popped} were shown", shown.len());
}
