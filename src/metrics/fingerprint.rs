//! A 128-bit fingerprint of the trajectory: equal runs have equal ones, down to any event.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::controller::{Change, Event};
use crate::des::SimTime;
use crate::model::{Origin, Outcome, ServiceMetrics};

/// A 128-bit fingerprint; displays as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Bytes hashed at once: a call of the hash costs more than the few words of a change.
const BLOCK: usize = 4096;

/// A hash of words that come a few at a time.
struct WordHash {
    hash: Xxh3,
    /// Words not hashed yet, in little-endian bytes.
    buffer: Vec<u8>,
}

impl WordHash {
    fn new() -> WordHash {
        WordHash { hash: Xxh3::new(), buffer: Vec::with_capacity(BLOCK) }
    }

    fn update<const N: usize>(&mut self, words: [u64; N]) {
        if self.buffer.len() + size_of::<[u64; N]>() > BLOCK {
            self.hash.update(&self.buffer);
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
    }

    fn digest(&self) -> Fingerprint {
        let mut hash = self.hash.clone();
        hash.update(&self.buffer);
        Fingerprint(hash.digest128())
    }
}

/// Hashes every change with its time, and apart from that what came from outside.
pub(super) struct FingerprintRecorder {
    trajectory: WordHash,
    workload: WordHash,
}

impl fmt::Debug for FingerprintRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FingerprintRecorder").field("trajectory", &self.trajectory()).finish()
    }
}

impl Default for FingerprintRecorder {
    fn default() -> FingerprintRecorder {
        FingerprintRecorder { trajectory: WordHash::new(), workload: WordHash::new() }
    }
}

impl FingerprintRecorder {
    /// Fingerprint of everything that happened so far.
    pub(super) fn trajectory(&self) -> Fingerprint {
        self.trajectory.digest()
    }

    /// Fingerprint of what was asked for so far, submissions and services: the same under every
    /// strategy and on any capacity.
    pub(super) fn workload(&self) -> Fingerprint {
        self.workload.digest()
    }
}

fn origin_words(origin: Origin) -> [u64; 3] {
    match origin {
        Origin::Submission { submission, ordinal } => [0, submission.0, u64::from(ordinal)],
        Origin::Service { service, ordinal } => [1, u64::from(service.0), u64::from(ordinal)],
    }
}

fn outcome_word(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Completed => 0,
        Outcome::Failed => 1,
        Outcome::Stopped => 2,
        Outcome::Rejected => 3,
        Outcome::Lost => 4,
        Outcome::OutOfMemory => 5,
        Outcome::FailedToStart => 6,
    }
}

impl FingerprintRecorder {
    /// Takes in what came from outside.
    pub(super) fn event(&mut self, now: SimTime, event: &Event) {
        let now = now.micros();
        match event {
            Event::TaskSubmitted(submission) => {
                let definition = u64::from(submission.definition.0);
                let flags = u64::from(submission.count) << 1 | u64::from(submission.all_or_nothing);
                self.workload.update([0, now, submission.id.0, definition, flags]);
                for instance in submission.start_on.iter().flat_map(|on| on.iter()) {
                    self.workload.update([9, submission.id.0, u64::from(instance.0)]);
                }
            }
            Event::DefinitionRegistered(definition) => {
                let gpu = u64::from(definition.gpu.total_milli());
                let (cpu, memory) = (u64::from(definition.cpu.0), u64::from(definition.memory_mib));
                self.workload.update([1, now, cpu, memory, gpu]);
            }
            Event::ServiceCreated(spec) => {
                self.workload.update([3, now, u64::from(spec.desired_count)]);
            }
            Event::ServiceUpdated(service, update) => {
                let service = u64::from(service.0);
                if let Some(desired) = update.desired_count {
                    self.workload.update([4, now, service, u64::from(desired)]);
                }
                if let Some(definition) = update.definition {
                    self.workload.update([5, now, service, u64::from(definition.0)]);
                }
            }
            Event::MetricsPublished(datum) => {
                let ServiceMetrics { service, requests, failed, tasks_milli, .. } = *datum;
                let service = u64::from(service.0);
                let told =
                    [datum.cpu_ppm, datum.response_micros].map(|one| one.unwrap_or(u64::MAX));
                let [cpu, response] = told;
                self.trajectory.update([20, now, service, requests, failed, tasks_milli]);
                self.trajectory.update([cpu, response]);
            }
            // Capacity is no part of the workload.
            Event::InstanceRegistered(_)
            | Event::InstanceDraining(_)
            | Event::ImagePulled { .. }
            | Event::TaskStarted(_)
            | Event::TaskExited(..)
            | Event::TaskHealthChanged(..)
            | Event::TaskStopped(..)
            | Event::TransitionMade(..)
            | Event::Woken(_) => {}
        }
    }

    /// Takes in a change.
    pub(super) fn change(&mut self, now: SimTime, change: &Change) {
        let now = now.micros();
        let hash = &mut self.trajectory;
        match *change {
            Change::InstanceJoined(id) => hash.update([0, now, u64::from(id.0)]),
            Change::TaskCreated { task, class, origin } => {
                let [kind, owner, ordinal] = origin_words(origin);
                hash.update([1, now, task.number, u64::from(class.0), kind, owner, ordinal]);
            }
            Change::TaskPlaced { task, placement } => {
                let (instance, devices) = (placement.instance.0, placement.devices.0);
                let place = u64::from(instance) << 32 | u64::from(devices);
                hash.update([2, now, task.number, place]);
            }
            Change::PlacementRefused(class) => hash.update([3, now, u64::from(class.0)]),
            Change::TaskStarted(task) => hash.update([4, now, task.number]),
            Change::TaskStopping(task) => hash.update([5, now, task.number]),
            Change::InstanceDraining(id) => hash.update([7, now, u64::from(id.0)]),
            // It follows from the others, and only tells of them.
            Change::Service(..) => {}
            Change::TaskEnded { task, outcome } => {
                hash.update([6, now, task.number, outcome_word(outcome)]);
            }
            Change::TaskAdvanced { task, status } => {
                hash.update([7, now, task.number, status as u64]);
            }
        }
    }
}
