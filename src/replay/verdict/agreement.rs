//! What is the same or not, without a size: which runs can be judged, where tasks ran, whether they
//! ended, and whether they were killed for memory.

use std::collections::BTreeSet;

use serde::Serialize;

use super::matching::{Matched, ordered_pairs, pairs};
use super::{Measure, MetricVerdict};
use crate::model::{Origin, Outcome};
use crate::replay::observed::{ObservedArm, ObservedRun, ObservedTask};
use crate::replay::statistics::{ConfusionMatrix, mean};

/// Where a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// By the simulator.
    Simulated,
    /// On containers.
    Real,
}

/// A run that cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InvalidRun {
    /// Simulated or real.
    pub world: World,
    /// Which of them, from 0.
    pub run: usize,
    /// Tasks that ran to an end of which a time is not known.
    pub unknown_times: usize,
    /// Tasks whose times are in an impossible order, or no numbers.
    pub disordered_times: usize,
}

impl InvalidRun {
    fn of(world: World, run: usize, observed: &ObservedRun) -> Option<Self> {
        let count =
            |is: fn(&ObservedTask) -> bool| observed.tasks.values().filter(|task| is(task)).count();
        let (unknown_times, disordered_times) = (count(has_unknown_time), count(is_disordered));
        let invalid = unknown_times + disordered_times > 0;
        invalid.then_some(Self { world, run, unknown_times, disordered_times })
    }
}

/// Whether a task's container ended, and not all of its times are known. Tasks that were turned
/// away, stopped or lost may never have had one.
fn has_unknown_time(task: &ObservedTask) -> bool {
    let ran_to_an_end = match task.outcome {
        Some(Outcome::Completed | Outcome::Failed | Outcome::OutOfMemory) => true,
        Some(Outcome::Stopped | Outcome::Lost | Outcome::Rejected | Outcome::FailedToStart)
        | None => false,
    };
    let is_complete = task.placed.is_some() && task.started_s.is_some() && task.ended_s.is_some();
    let started_nowhere = task.started_s.is_some() && task.placed.is_none();
    (ran_to_an_end && !is_complete) || started_nowhere
}

fn is_disordered(task: &ObservedTask) -> bool {
    let placed = task.placed.map(|(placed_s, _)| placed_s);
    let times = [Some(task.submitted_s), placed, task.started_s, task.ended_s];
    let known: Vec<f64> = times.into_iter().flatten().collect();
    known.iter().any(|time| !time.is_finite()) || !known.is_sorted()
}

/// The runs of an arm, `None` in the place of those that cannot be judged.
pub(super) struct Sound<'a> {
    pub(super) simulated: Vec<Option<&'a ObservedRun>>,
    pub(super) real: Vec<Option<&'a ObservedRun>>,
    pub(super) invalid: Vec<InvalidRun>,
}

impl<'a> Sound<'a> {
    pub(super) fn of(arm: &'a ObservedArm) -> Self {
        let mut invalid = Vec::new();
        let mut sound = |world: World, runs: &'a [ObservedRun]| {
            let mut one = |(number, run): (usize, &'a ObservedRun)| {
                let Some(why) = InvalidRun::of(world, number, run) else { return Some(run) };
                invalid.push(why);
                None
            };
            runs.iter().enumerate().map(&mut one).collect()
        };
        let simulated = sound(World::Simulated, &arm.simulated);
        let real = sound(World::Real, &arm.real);
        Self { simulated, real, invalid }
    }

    pub(super) fn simulated_runs(&self) -> Vec<&'a ObservedRun> {
        self.simulated.iter().copied().flatten().collect()
    }

    pub(super) fn real_runs(&self) -> Vec<&'a ObservedRun> {
        self.real.iter().copied().flatten().collect()
    }
}

/// Tasks of a simulation and a real run by where they were seen to end, over all real runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MatchedTasks {
    /// In both.
    pub ended_in_both: usize,
    /// In the simulation; in reality it was unfinished, or turned away.
    pub unfinished_in_reality: usize,
    /// In reality; in the simulation it was unfinished, or turned away.
    pub unfinished_in_simulation: usize,
    /// In neither.
    pub unfinished_in_both: usize,
    /// The real run does not know it.
    pub missing_in_reality: usize,
    /// No simulated run knows it.
    pub missing_in_simulation: usize,
}

impl MatchedTasks {
    pub(super) fn of(matched: &Matched<'_>) -> Self {
        let mut counts = Self::default();
        for run in &matched.real {
            let origins: BTreeSet<&Origin> =
                matched.expected.keys().chain(run.tasks.keys()).collect();
            for origin in origins {
                let simulated = matched.expected.get(origin).map(|expected| expected.ended);
                let real = run.tasks.get(origin).map(has_ended);
                *counts.cell(simulated, real) += 1;
            }
        }
        counts
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.ended_in_both
            + self.unfinished_in_reality
            + self.unfinished_in_simulation
            + self.unfinished_in_both
            + self.missing_in_reality
            + self.missing_in_simulation
    }

    fn cell(&mut self, simulated: Option<bool>, real: Option<bool>) -> &mut usize {
        match (simulated, real) {
            (Some(true), Some(true)) => &mut self.ended_in_both,
            (Some(true), Some(false)) => &mut self.unfinished_in_reality,
            (Some(false), Some(true)) => &mut self.unfinished_in_simulation,
            (Some(false), Some(false)) => &mut self.unfinished_in_both,
            (_, None) => &mut self.missing_in_reality,
            (None, _) => &mut self.missing_in_simulation,
        }
    }
}

pub(super) fn has_ended(task: &ObservedTask) -> bool {
    task.ended_s.is_some()
}

/// Share of tasks that ended on one side only: those no error of a time speaks of.
pub(super) fn ended(matched: &Matched<'_>) -> MetricVerdict {
    let ended_in = |run: &ObservedRun| -> BTreeSet<Origin> {
        let ended = run.tasks.iter().filter(|(_, task)| has_ended(task));
        ended.map(|(origin, _)| *origin).collect()
    };
    let known = |run: &ObservedRun| -> BTreeSet<Origin> { run.tasks.keys().copied().collect() };
    let simulated: BTreeSet<Origin> = matched.expected_ended().collect();
    let known_simulated: BTreeSet<Origin> = matched.expected.keys().copied().collect();
    let one_sided = |a: &BTreeSet<Origin>, b: &BTreeSet<Origin>, all: usize| {
        (all > 0).then(|| a.symmetric_difference(b).count() as f64 / all as f64)
    };
    // Without a simulated run there is nothing to compare with.
    let against = matched.real.iter().filter(|_| matched.has_simulation).filter_map(|run| {
        one_sided(&simulated, &ended_in(run), known_simulated.union(&known(run)).count())
    });
    let between = pairs(&matched.real).filter_map(|(a, b)| {
        one_sided(&ended_in(a), &ended_in(b), known(a).union(&known(b)).count())
    });
    let share = |ended: usize, of: usize| (of > 0).then(|| ended as f64 / of as f64);
    let real = matched.real.iter().filter_map(|run| share(ended_in(run).len(), run.tasks.len()));
    MetricVerdict::plain(
        "ended",
        Measure::OneSidedShare,
        matched.real.len(),
        [share(simulated.len(), known_simulated.len()), mean(real)],
        [mean(against), mean(between)],
    )
}

/// Share of the tasks that ended on both sides and did not end alike: one was killed, say, and the
/// other completed.
pub(super) fn outcomes(matched: &Matched<'_>) -> MetricVerdict {
    let against = matched.real.iter().filter_map(|run| {
        let pair = |(origin, task): (&Origin, &ObservedTask)| {
            let expected = matched.expected.get(origin).filter(|one| one.ended)?;
            Some((expected.outcome, task.outcome.filter(|_| has_ended(task))?))
        };
        share_of_others(run.tasks.iter().filter_map(pair))
    });
    let between = pairs(&matched.real).filter_map(|(a, b)| {
        let pair = |(origin, task): (&Origin, &ObservedTask)| {
            let other = b.tasks.get(origin).filter(|one| has_ended(one))?;
            Some((other.outcome, task.outcome.filter(|_| has_ended(task))?))
        };
        share_of_others(a.tasks.iter().filter_map(pair))
    });
    let (measure, runs) = (Measure::Disagreement, matched.real.len());
    let errors = [mean(against), mean(between)];
    MetricVerdict::plain("outcome", measure, runs, [None; 2], errors)
}

/// Share of pairs whose sides are not the same; `None` without any.
fn share_of_others(pairs: impl Iterator<Item = (Option<Outcome>, Outcome)>) -> Option<f64> {
    mean(pairs.map(|(one, other)| f64::from(u8::from(one != Some(other)))))
}

/// Tasks that ended in both, by whether they were killed for memory.
pub(super) fn of_memory(matched: &Matched<'_>) -> ConfusionMatrix {
    let answers = matched.real.iter().flat_map(|run| {
        run.tasks.iter().filter_map(|(origin, task)| {
            let expected = matched.expected.get(origin)?;
            let real = task.outcome == Some(Outcome::OutOfMemory);
            let simulated = expected.outcome == Some(Outcome::OutOfMemory);
            (expected.ended && has_ended(task)).then_some((real, simulated))
        })
    });
    answers.collect()
}

/// Share of tasks on the same instance: real runs against the first simulated one, and against
/// each other.
pub(super) fn of_placement(sound: &Sound<'_>) -> [Option<f64>; 2] {
    let real = sound.real_runs();
    // The first simulated run made the decisions that an open-loop replay repeats.
    let first = sound.simulated.first().copied().flatten();
    let against = first
        .into_iter()
        .flat_map(|first| real.iter().filter_map(move |run| same_instance(first, run)));
    let between = ordered_pairs(&real).filter_map(|(a, b)| same_instance(a, b));
    [mean(against), mean(between)]
}

fn same_instance(a: &ObservedRun, b: &ObservedRun) -> Option<f64> {
    let instance = |run: &ObservedRun, origin: &Origin| {
        run.tasks.get(origin).and_then(|task| task.placed).map(|(_, instance)| instance)
    };
    let origins: BTreeSet<&Origin> = a.tasks.keys().chain(b.tasks.keys()).collect();
    let (mut same, mut all) = (0_u32, 0_u32);
    for origin in origins {
        let (in_a, in_b) = (instance(a, origin), instance(b, origin));
        if in_a.is_some() || in_b.is_some() {
            all += 1;
            same += u32::from(in_a == in_b);
        }
    }
    (all > 0).then(|| f64::from(same) / f64::from(all))
}
