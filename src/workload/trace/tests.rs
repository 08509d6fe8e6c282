//! Tests of batches, of reading ahead, and of blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{ThreadId, current};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::encoding::{Block, write_block};
use super::*;
use crate::des::{SimDuration, SimTime};
use crate::model::{Cpu, Outcome, TaskDefinition};
use crate::workload::{Behaviour, External, Ids, Source, UsageId, WorkloadError};

/// What a reader did, told from any thread.
#[derive(Debug, Default)]
struct Told {
    batches: AtomicU64,
    dropped: AtomicU64,
}

/// Rows one second apart; after so many batches comes what `then` says.
#[derive(Debug)]
struct Counting {
    batches: u64,
    read: u64,
    then: Then,
    told: Arc<Told>,
    /// Thread that made it: small traces are read there.
    home: Option<ThreadId>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    End,
    Error,
    Panic,
}

fn counting(batches: u64, then: Then) -> (Counting, Arc<Told>) {
    let told = Arc::new(Told::default());
    (Counting { batches, read: 0, then, told: Arc::clone(&told), home: None }, told)
}

impl ReadRows for Counting {
    fn read(&mut self, batch: &mut Batch) -> Result<bool, WorkloadError> {
        assert!(self.home.is_none_or(|home| home == current().id()), "read in another thread");
        let behaviour =
            Behaviour { run_time: None, ends: Outcome::Completed, usage: UsageId::RESERVED };
        let first = self.read * BATCH_ROWS as u64;
        let number = self.read as u32;
        let definition = TaskDefinition::new(format!("f{number}"), Cpu(1), 1);
        batch.definitions.push(Definition { key: Box::from([]), definition });
        for row in first..first + BATCH_ROWS as u64 {
            let at = SimTime::ZERO + SimDuration::from_secs(row);
            let label = row.to_string();
            batch.push(at, behaviour, number, 1, false, [Some("g"), Some(&label)]);
        }
        self.read += 1;
        self.told.batches.fetch_add(1, Ordering::SeqCst);
        match self.then {
            _ if self.read < self.batches => Ok(true),
            Then::End => Ok(false),
            Then::Error => Err(WorkloadError("line 7: wrong".to_owned())),
            Then::Panic => panic!("a bug"),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.told.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Every event of a source, and the errors of two further calls.
fn all(source: &mut Submissions) -> (Vec<(SimTime, External)>, Vec<Option<String>>) {
    let mut ids = Ids::default();
    let mut events = Vec::new();
    let mut ends = Vec::new();
    while ends.len() < 2 {
        match source.next_event(&mut ids) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => ends.push(None),
            Err(why) => ends.push(Some(why.0)),
        }
    }
    (events, ends)
}

#[test]
fn a_thread_changes_neither_rows_nor_errors() {
    for then in [Then::End, Then::Error] {
        for batches in [1, 2, 3, 20] {
            let read = |ahead: bool| {
                let (reader, _) = counting(batches, then);
                all(&mut Submissions::new(Box::new(reader), ahead))
            };
            let (events, ends) = read(true);
            assert_eq!(events.len() as u64, batches * BATCH_ROWS as u64);
            assert_eq!(ends[0].is_some(), then == Then::Error);
            assert_eq!((events, ends), read(false));
        }
    }
}

#[test]
fn a_source_that_is_dropped_early_ends_its_thread() {
    let (reader, told) = counting(u64::MAX, Then::End);
    let mut source = Submissions::new(Box::new(reader), true);
    let mut ids = Ids::default();
    for _ in 0..3 * BATCH_ROWS {
        source.next_event(&mut ids).unwrap().unwrap();
    }
    assert_eq!(told.dropped.load(Ordering::SeqCst), 0, "the thread still reads");
    drop(source);
    assert_eq!(told.dropped.load(Ordering::SeqCst), 1, "the thread outlived its source");
    // Three were taken, two wait, one may wait for its place.
    let read = told.batches.load(Ordering::SeqCst);
    assert!(read <= 6, "{read} batches were read ahead");
}

#[test]
fn one_batch_needs_no_thread() {
    let (mut reader, _) = counting(1, Then::End);
    reader.home = Some(current().id());
    let (events, _) = all(&mut Submissions::new(Box::new(reader), true));
    assert_eq!(events.len(), BATCH_ROWS);
}

#[test]
#[should_panic(expected = "a bug")]
fn a_panic_in_the_thread_is_a_panic_of_the_run() {
    let (reader, _) = counting(3, Then::Panic);
    all(&mut Submissions::new(Box::new(reader), true));
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![Just(String::new()), "[a-zé\n\"]{1,9}"])
}

fn run_time() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..u64::MAX)
}

prop_compose! {
    fn batch()(
        rows in prop::collection::vec(
            (any::<u64>(), run_time(), any::<u32>(), any::<[bool; 2]>(), text(), text()),
            0..40,
        ),
        is_last: bool,
        keys in prop::collection::vec(any::<Vec<u8>>(), 1..5),
    ) -> Batch {
        let mut batch = Batch::default();
        for (at, run_time, count, [gang, fails], group, label) in rows {
            let ends = if fails { Outcome::Failed } else { Outcome::Completed };
            let run_time = run_time.map(SimDuration::from_micros);
            let definition = count % keys.len() as u32;
            let texts = [group.as_deref(), label.as_deref()];
            let behaviour = Behaviour { run_time, ends, usage: UsageId::RESERVED };
            batch.push(SimTime::from_micros(at), behaviour, definition, count, gang, texts);
        }
        let define = |key: Vec<u8>| {
            let definition = TaskDefinition::new("f", Cpu(1), 1);
            Definition { key: key.into(), definition }
        };
        batch.definitions = keys.into_iter().map(define).collect();
        batch.end = if is_last { End::Trace } else { End::More };
        batch
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(300),
        rng_seed: RngSeed::Fixed(23),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn blocks_read_back_the_same(batch in batch()) {
        let mut file = Vec::new();
        write_block(&mut file, &batch).unwrap();
        let mut block = Block::default();
        let mut input = file.as_slice();
        prop_assert!(block.read(&mut input).unwrap());
        prop_assert!(input.is_empty());
        prop_assert!(!block.read(&mut input).unwrap());
    }

    #[test]
    fn rows_of_blocks_are_the_same(batch in batch()) {
        let mut file = Vec::new();
        write_block(&mut file, &batch).unwrap();
        let mut block = Block::default();
        block.read(&mut file.as_slice()).unwrap();
        let mut read = Batch::default();
        block.decode(&mut read, batch.definitions.len()).unwrap();
        prop_assert_eq!(&read.rows, &batch.rows);
        prop_assert_eq!(&read.texts, &batch.texts);
        prop_assert_eq!(block.is_last(), batch.end == End::Trace);
        let keys: Vec<&[u8]> = batch.definitions.iter().map(|one| &*one.key).collect();
        prop_assert_eq!(block.keys().unwrap(), keys);
    }

    #[test]
    fn a_byte_changed_or_missing_is_noticed(
        batch in batch(),
        at: prop::sample::Index,
        flip in 1..=u8::MAX,
    ) {
        let mut file = Vec::new();
        write_block(&mut file, &batch).unwrap();
        let at = at.index(file.len());
        let mut block = Block::default();
        if at > 0 {
            prop_assert!(block.read(&mut &file[..at]).is_err());
        }
        file[at] ^= flip;
        prop_assert!(block.read(&mut file.as_slice()).is_err());
    }
}
