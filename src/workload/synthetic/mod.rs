//! Synthetic workloads: tasks from a catalogue of sizes arrive at random on a daily and weekly rate
//! profile and run for times drawn from a law.
//!
//! Every draw is keyed by what it is for and by the number of the arrival, so that another law of
//! durations, say, changes no arrival.

mod arrivals;
mod conduct_spec;
mod container_spec;
mod rate;
mod sizes;
mod spec;
#[cfg(test)]
mod spec_tests;
#[cfg(test)]
mod tests;
mod use_spec;

pub use conduct_spec::{HealthCheckSpec, ImageSpec};
pub use sizes::{KindSpec, PortSpec, ReadDefinition, ResolvedKind};
pub use spec::{Arrivals, SpecError, SyntheticSpec};
pub use use_spec::{StepSpec, UseSpec};

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::des::{Purpose, Seed, SimTime};
use crate::model::{DefinitionId, Outcome, Submission, TaskDefinition};

use self::arrivals::ArrivalTimes;
use super::law_spec::{COUNT_MAX, NumberLaw};
use super::{Behaviour, External, Ids, Source, Usage, UsageId, WorkloadError};

/// Purpose of the seed of one workload; its entity is the hash of the workload's name.
const WORKLOAD_SEED: Purpose = Purpose(0x574c_5345);
/// Purpose of the time between two arrivals; the entity is the arrival's number.
const GAP: Purpose = Purpose(0x5359_4741);
/// Purpose of the choice of a kind from the catalogue; the entity is the arrival's number.
const KIND: Purpose = Purpose(0x5359_4b49);
/// Purpose of the size of a batch; the entity is the arrival's number.
const BATCH: Purpose = Purpose(0x5359_4241);
/// Purpose of the number of tasks; entity and attempt are the arrival and the place in its batch.
const TASKS: Purpose = Purpose(0x5359_5441);
/// Purpose of the duration; entity and attempt are the arrival and the place in its batch.
const DURATION: Purpose = Purpose(0x5359_4455);
/// Purpose of the way of ending; entity and attempt are the arrival and the place in its batch.
const FAILURE: Purpose = Purpose(0x5359_4641);

/// Decimals kept of a mean number of tasks in [`weights`].
const MEAN_SCALE: f64 = 1000.0;

/// Identifies a workload by its name, for the key of its draws.
pub fn workload_id(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The catalogue as definitions with the relative number of their *tasks* (not of submissions):
/// what a workload profile is made of. Exact where every `tasks_per_submission` is a constant,
/// otherwise by the means of the laws, to three decimals and at most [`COUNT_MAX`].
pub fn weights(kinds: &[ResolvedKind]) -> Vec<(TaskDefinition, u64)> {
    let exact = kinds.iter().all(|kind| kind.tasks.as_constant().is_some());
    let scale = if exact { 1.0 } else { MEAN_SCALE };
    let tasks = |kind: &ResolvedKind| {
        let placed = kind.tasks.mean().clamp(1.0, f64::from(COUNT_MAX));
        let mean = kind.start_on.as_ref().map_or(placed, |on| on.len() as f64);
        u64::from(kind.weight) * libm::round(mean * scale) as u64
    };
    kinds.iter().map(|kind| (kind.definition.clone(), tasks(kind))).collect()
}

/// A source of synthetic submissions. Takes memory for the catalogue only, and constant time for
/// each submission.
#[derive(Debug)]
pub struct Synthetic {
    /// Seed of this workload.
    seed: Seed,
    times: ArrivalTimes,
    batch: Option<NumberLaw>,
    kinds: Vec<ResolvedKind>,
    groups: Vec<Option<Arc<str>>>,
    /// Sum of the weights of each kind and those before it.
    cumulative_weights: Vec<u64>,
    /// Ids of the kinds; empty before the first event.
    ids: Vec<DefinitionId>,
    /// What the kinds use, likewise.
    usages: Vec<UsageId>,
    failures: f64,
    count: Option<u64>,
    until: Option<SimTime>,
    /// Submissions yielded so far.
    yielded: u64,
    arrival: Option<Arrival>,
}

/// An arrival of which submissions are still to come.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    number: u64,
    at: SimTime,
    kind: usize,
    /// Submissions of the batch, and how many of them are out.
    size: u32,
    yielded: u32,
}

impl Synthetic {
    /// A source for `kinds`, which [`SyntheticSpec::resolve`] gave for `spec`.
    ///
    /// `workload` is the workload's own part of the key of every draw: [`workload_id`] of its
    /// name. Panics when `kinds` is empty.
    pub fn new(
        spec: &SyntheticSpec,
        kinds: Vec<ResolvedKind>,
        seed: Seed,
        workload: u64,
    ) -> Synthetic {
        assert!(!kinds.is_empty(), "a resolved catalogue has at least one kind");
        let seed = Seed(seed.bits(WORKLOAD_SEED, workload, 0));
        let cumulative_weights = kinds
            .iter()
            .scan(0, |sum, kind| {
                *sum += u64::from(kind.weight);
                Some(*sum)
            })
            .collect();
        Synthetic {
            seed,
            times: ArrivalTimes::new(spec, seed),
            batch: match &spec.arrivals {
                Arrivals::Clustered { batch } => Some(batch.clone()),
                Arrivals::Poisson | Arrivals::Regular => None,
            },
            groups: kinds.iter().map(|kind| kind.group.as_deref().map(Arc::from)).collect(),
            kinds,
            cumulative_weights,
            ids: Vec::new(),
            usages: Vec::new(),
            failures: spec.failures,
            count: spec.count,
            until: spec.until.map(|until| SimTime::ZERO + until.duration()),
            yielded: 0,
            arrival: None,
        }
    }

    /// The index of the kind of an arrival.
    fn kind(&self, arrival: u64) -> usize {
        let total = *self.cumulative_weights.last().expect("at least one kind");
        let word = self.seed.bits(KIND, arrival, 0);
        let point = ((u128::from(word) * u128::from(total)) >> 64) as u64;
        self.cumulative_weights.partition_point(|&sum| sum <= point)
    }

    /// The arrival whose submissions come next; `None` after the last one.
    fn current(&mut self) -> Result<Option<Arrival>, WorkloadError> {
        if let Some(arrival) = self.arrival
            && arrival.yielded < arrival.size
        {
            return Ok(Some(arrival));
        }
        let (number, at) = match self.times.next_time() {
            Some(next) => next,
            // With an end, what would come after all representable times comes after the end too.
            None if self.until.is_some() => return Ok(None),
            None => {
                return Err(WorkloadError(format!(
                    "submission {} would arrive later than 100 years into the run; raise \
                     `rate`, lower `count` or set `until`",
                    self.yielded + 1
                )));
            }
        };
        if self.until.is_some_and(|until| at >= until) {
            return Ok(None);
        }
        let uniform = || self.seed.uniform(BATCH, number, 0);
        let size = self.batch.as_ref().map_or(1, |batch| batch.sample(uniform()));
        let kind = self.kind(number);
        Ok(Some(Arrival { number, at, kind, size, yielded: 0 }))
    }

    fn submit(&self, arrival: &Arrival, ids: &mut Ids) -> External {
        let kind = &self.kinds[arrival.kind];
        let uniform = |purpose| self.seed.uniform(purpose, arrival.number, arrival.yielded);
        let submission = Submission {
            id: ids.submission(),
            definition: self.ids[arrival.kind],
            group: self.groups[arrival.kind].clone(),
            count: kind.count(|| uniform(TASKS)),
            all_or_nothing: kind.gang,
            start_on: kind.start_on.clone(),
            label: None,
        };
        // What is certain needs no draw: draws are keyed, so that leaving one out changes no other.
        let fails = self.failures > 0.0 && uniform(FAILURE) < self.failures;
        let behaviour = Behaviour {
            run_time: Some(kind.duration.sample(uniform(DURATION))),
            ends: if fails { Outcome::Failed } else { Outcome::Completed },
            usage: self.usages[arrival.kind],
        };
        External::Submit(submission, behaviour)
    }
}

impl Source for Synthetic {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        if self.ids.is_empty() {
            let of = |kind: &ResolvedKind| ids.definition_with(&kind.definition, &kind.conduct);
            self.ids = self.kinds.iter().map(of).collect();
            let mut of = |one: &Option<Usage>| {
                one.as_ref().map_or(UsageId::RESERVED, |usage| ids.usage(usage))
            };
            self.usages = self.kinds.iter().map(|kind| of(&kind.usage)).collect();
        }
        if self.count.is_some_and(|count| self.yielded >= count) {
            return Ok(None);
        }
        let Some(mut arrival) = self.current()? else {
            return Ok(None);
        };
        let event = self.submit(&arrival, ids);
        arrival.yielded += 1;
        self.yielded += 1;
        self.arrival = Some(arrival);
        Ok(Some((arrival.at, event)))
    }

    fn len_hint(&self) -> Option<u64> {
        if self.until.is_some() {
            return None;
        }
        self.count.map(|count| count - self.yielded)
    }
}
