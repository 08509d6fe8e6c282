//! Tasks of different runs matched by their origin, and what the simulation expects of each.

use std::collections::BTreeMap;

use super::agreement::{Sound, has_ended};
use crate::model::{Origin, Outcome};
use crate::replay::observed::{ObservedRun, ObservedTask};
use crate::replay::statistics::median;
use crate::workload::Pace;

/// A stretch of a task's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stretch {
    /// Placed to started.
    StartLatency,
    /// Started to ended.
    Run,
    /// Submitted to ended.
    Completion,
    /// Submitted to placed.
    Wait,
}

impl Stretch {
    /// Those that errors of tasks are of.
    pub(super) const OF_TASKS: [Self; 3] = [Self::StartLatency, Self::Run, Self::Completion];

    /// As files name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::StartLatency => "start_latency_s",
            Self::Run => "run_s",
            Self::Completion => "completion_s",
            Self::Wait => "wait_s",
        }
    }

    /// Its length in one run, seconds; none if it did not come to its end.
    pub(super) fn of(self, task: &ObservedTask) -> Option<f64> {
        let placed = task.placed.map(|(placed_s, _)| placed_s);
        let (from, to) = match self {
            Self::StartLatency => (placed?, task.started_s?),
            Self::Run => (task.started_s?, task.ended_s?),
            Self::Completion => (task.submitted_s, task.ended_s?),
            Self::Wait => (task.submitted_s, placed?),
        };
        Some(to - from)
    }
}

/// What the simulation expects of a task.
pub(super) struct Expected {
    /// Median over the simulated runs of each of [`Stretch::OF_TASKS`]; none if most have none.
    stretches: [Option<f64>; Stretch::OF_TASKS.len()],
    /// Whether it ended in most of the simulated runs.
    pub(super) ended: bool,
    /// How it ended in most of them.
    pub(super) outcome: Option<Outcome>,
}

impl Expected {
    fn of(tasks: &[&ObservedTask], runs: usize) -> Self {
        let in_most = |count: usize| 2 * count > runs;
        let count =
            |is: &dyn Fn(&ObservedTask) -> bool| tasks.iter().filter(|task| is(task)).count();
        let stretches = Stretch::OF_TASKS.map(|stretch| {
            let values: Vec<f64> = tasks.iter().filter_map(|task| stretch.of(task)).collect();
            // The median of the few runs that got so far would be one of lucky ones.
            in_most(values.len()).then(|| median(values)).flatten()
        });
        let outcomes = || tasks.iter().filter_map(|task| task.outcome);
        let in_most_runs = |one: &Outcome| in_most(outcomes().filter(|other| other == one).count());
        let outcome = outcomes().find(in_most_runs);
        Self { stretches, ended: in_most(count(&has_ended)), outcome }
    }

    pub(super) fn stretch(&self, stretch: Stretch) -> Option<f64> {
        let place = Stretch::OF_TASKS.iter().position(|one| *one == stretch)?;
        self.stretches[place]
    }
}

/// The sound runs of an arm, with what the simulation expects of each task.
pub(super) struct Matched<'a> {
    pub(super) expected: BTreeMap<Origin, Expected>,
    /// Whether there is a simulated run at all.
    pub(super) has_simulation: bool,
    pub(super) real: Vec<&'a ObservedRun>,
    /// Number of each real run among all that were made.
    pub(super) numbers: Vec<usize>,
}

impl<'a> Matched<'a> {
    pub(super) fn of(sound: &Sound<'a>) -> Self {
        let simulated = sound.simulated_runs();
        let mut tasks: BTreeMap<Origin, Vec<&ObservedTask>> = BTreeMap::new();
        for (origin, task) in simulated.iter().flat_map(|run| &run.tasks) {
            tasks.entry(*origin).or_default().push(task);
        }
        let expected = tasks
            .into_iter()
            .map(|(origin, tasks)| (origin, Expected::of(&tasks, simulated.len())))
            .collect();
        let numbered = sound.real.iter().enumerate();
        let numbers = numbered.filter(|(_, run)| run.is_some()).map(|(number, _)| number).collect();
        let has_simulation = !simulated.is_empty();
        Self { expected, has_simulation, real: sound.real_runs(), numbers }
    }

    pub(super) fn expected_ended(&self) -> impl Iterator<Item = Origin> {
        self.expected.iter().filter(|(_, expected)| expected.ended).map(|(origin, _)| *origin)
    }
}

/// Whether others can slow a task down, and show it.
pub(super) fn is_contended_work(task: &ObservedTask) -> bool {
    task.pace == Pace::Work && task.contended
}

/// Every two runs, in one order.
pub(super) fn pairs<T: Copy>(runs: &[T]) -> impl Iterator<Item = (T, T)> {
    runs.iter()
        .enumerate()
        .flat_map(move |(place, a)| runs[place + 1..].iter().map(move |b| (*a, *b)))
}

/// Every two runs, in both orders.
pub(super) fn ordered_pairs<T: Copy>(runs: &[T]) -> impl Iterator<Item = (T, T)> {
    pairs(runs).flat_map(|(a, b)| [(a, b), (b, a)])
}
