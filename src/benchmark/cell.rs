//! One cell of the grid: a strategy on a cluster of some size, its placers taking turns.

use crate::des::Seed;
use crate::placement::{PlacementSpec, PlacerKind};

use super::churn::{Churn, WarmUp};
use super::row::{Quantiles, Row};
use super::samples::Samples;
use super::{BenchError, Clock, Instruments, placer_name};

/// Turns that each placer gets.
pub const ROUNDS: u64 = 20;

/// Steps timed together at most.
const BATCH_MAX: u64 = 256;

/// A batch as short as this may be made longer. Not much longer than that: pauses of a machine in
/// use would lie in most batches, and could not be told from the cost of steps.
const BATCH_SHORT_NS: u64 = 100_000;

/// Steps timed one by one between two batches at most.
const SINGLES_MAX: u64 = 64;

/// Refusals of each kind timed between two batches at most.
const REFUSALS_MAX: u64 = 8;

/// How often the tasks in place are replaced before anything is measured, where time allows.
const TURNOVERS: u64 = 3;

/// Time for filling the cluster and replacing its tasks, in times of what is measured.
const WARM_UP_TIMES: u64 = 5;

/// What is measured on.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The strategy.
    pub placement: PlacementSpec,
    /// Container instances, at least one.
    pub instances: u32,
    /// Share of their CPU in use, above 0, up to 1.
    pub utilisation: f64,
}

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Effort {
    /// Time per placer, nanoseconds.
    pub nanos: u64,
    /// Seed of what comes and goes.
    pub seed: u64,
    /// The placers, which take turns in this order.
    pub placers: Vec<PlacerKind>,
}

/// A placer with its cluster and what was measured so far.
pub(super) struct Contender {
    pub(super) kind: PlacerKind,
    pub(super) churn: Churn,
    /// Heap bytes of the placer once it has met every class.
    index_bytes: Option<usize>,
    /// Steps in a batch: more as long as a batch is short.
    batch: u64,
    singles: Samples,
    unchanged: Samples,
    changed: Samples,
    used_ns: u64,
    /// Mean cost of a step in each round, of the middle half of its batches.
    rounds: Vec<f64>,
}

/// Clusters in equal states, one for each placer.
pub(super) struct Field {
    pub(super) contenders: Vec<Contender>,
    warm_up: WarmUp,
    /// Heap bytes of the instances, and of the tasks in place.
    instance_bytes: Option<usize>,
    task_bytes: Option<usize>,
}

/// Measures a cell. `goes_on` is asked now and then, and told with `true` that a round is over.
///
/// # Errors
/// The strategy cannot be built, placers disagree, or the user wants no more.
pub fn measure(
    cell: &Cell,
    effort: &Effort,
    with: &Instruments,
    goes_on: &mut dyn FnMut(bool) -> bool,
) -> Result<Vec<Row>, BenchError> {
    let mut field = Field::prepare(cell, effort, with, goes_on)?;
    for _ in 0..ROUNDS {
        for one in &mut field.contenders {
            // The first turns may have taken longer than they should.
            if one.rounds.is_empty() || one.used_ns < effort.nanos {
                one.take_turn(effort.nanos / ROUNDS, with);
            }
        }
        if !goes_on(true) {
            return Err(BenchError::Interrupted);
        }
    }
    field.check_agreement(cell)?;
    Ok(field.contenders.iter().map(|one| field.row(cell, one)).collect())
}

impl Field {
    /// Fills a cluster for each placer.
    pub(super) fn prepare(
        cell: &Cell,
        effort: &Effort,
        with: &Instruments,
        goes_on: &mut dyn FnMut(bool) -> bool,
    ) -> Result<Field, BenchError> {
        let new = || {
            let seed = Seed(effort.seed);
            let mut churn = Churn::new(&cell.placement, cell.instances, cell.utilisation, seed)?;
            let made = with.allocated();
            churn.lengthen_log();
            Ok::<_, BenchError>((churn, made))
        };
        let before = with.allocated();
        let (mut first, made) = new()?;
        let empty = with.allocated();
        let made = made.map(|bytes| bytes.saturating_sub(first.own_bytes()));
        let deadline = with.clock.nanos() + WARM_UP_TIMES * effort.nanos;
        let mut interrupted = false;
        let warm_up = first.warm_up(TURNOVERS, &mut || {
            interrupted |= !goes_on(false);
            !interrupted && with.clock.nanos() < deadline
        })?;
        first.hand_to(PlacerKind::Indexed)?;
        let task_bytes = growth(empty, with.allocated());
        let mut churns = vec![first];
        for _ in 1..effort.placers.len() {
            if interrupted || !goes_on(false) {
                return Err(BenchError::Interrupted);
            }
            let (mut churn, _) = new()?;
            churn.repeat(warm_up)?;
            churns.push(churn);
        }
        let overhead_ns = with.clock_overhead_ns();
        let pairs = effort.placers.iter().zip(churns);
        let contenders = pairs.map(|(&kind, churn)| Contender::new(kind, churn, overhead_ns, with));
        let contenders = contenders.collect::<Result<_, _>>()?;
        Ok(Field { contenders, warm_up, instance_bytes: growth(before, made), task_bytes })
    }

    /// Compares what the placers chose since they took over equal clusters.
    pub(super) fn check_agreement(&self, cell: &Cell) -> Result<(), BenchError> {
        match self.contenders.as_slice() {
            [one, another] if !one.churn.agrees_with(&another.churn) => {
                let (placement, instances) = (&cell.placement, cell.instances);
                Err(BenchError::Disagreement(format!("{placement} on {instances} instances")))
            }
            _ => Ok(()),
        }
    }

    /// Median over the rounds in which both took turns.
    fn naive_over_indexed(&self) -> Option<f64> {
        let of = |kind| self.contenders.iter().find(|one: &&Contender| one.kind == kind);
        let (naive, indexed) = (of(PlacerKind::Naive)?, of(PlacerKind::Indexed)?);
        let rounds = naive.rounds.iter().zip(&indexed.rounds);
        let mut ratios: Vec<f64> = rounds.map(|(naive, indexed)| naive / indexed).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().filter(|ratio| ratio.is_finite())
    }

    fn row(&self, cell: &Cell, of: &Contender) -> Row {
        let churn = &of.churn;
        let mean = middle_mean(of.rounds.clone());
        let (p50, p99) = (of.singles.quantile(0.5), of.singles.quantile(0.99));
        let instance_bytes = self.instance_bytes.zip(of.index_bytes);
        let is_indexed = of.kind == PlacerKind::Indexed;
        Row {
            strategy: cell.placement.to_string(),
            instances: u64::from(cell.instances),
            utilisation: Some(cell.utilisation),
            placer: placer_name(of.kind),
            ns_per_decision: Quantiles { mean, p50, p99 },
            decisions_per_second: 1e9 / mean.max(1e-3),
            failed_share: churn.refusals as f64 / churn.decisions.max(1) as f64,
            bytes_per_task: self.task_bytes.map(|bytes| bytes as f64 / churn.tasks().max(1) as f64),
            bytes_per_instance: instance_bytes
                .map(|(cluster, index)| (cluster + index) as f64 / f64::from(cell.instances)),
            decisions: churn.decisions,
            turnovers: Some(self.warm_up.turnovers()),
            memory_utilisation: Some(churn.memory_utilisation()),
            ns_per_refusal_unchanged: of.unchanged.mean(),
            ns_per_refusal_changed: of.changed.mean(),
            naive_over_indexed: self.naive_over_indexed().filter(|_| is_indexed),
            events: None,
            ns_per_event: None,
            complete: None,
        }
    }
}

/// Mean of the middle half of the values by size: of a machine in use, without the pauses in which
/// it does something else.
fn middle_mean(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 4;
    let middle = &values[cut..values.len() - cut];
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

/// By how much the bytes allocated have grown.
fn growth(from: Option<usize>, to: Option<usize>) -> Option<usize> {
    from.zip(to).map(|(from, to)| to.saturating_sub(from))
}

impl Contender {
    /// Hands a cluster to a new placer and lets it meet every class.
    fn new(
        kind: PlacerKind,
        mut churn: Churn,
        overhead_ns: u64,
        with: &Instruments,
    ) -> Result<Contender, BenchError> {
        churn.hand_to(kind)?;
        let before = with.allocated();
        churn.meet_classes();
        let index_bytes = growth(before, with.allocated());
        let [singles, unchanged, changed] = std::array::from_fn(|_| Samples::new(overhead_ns));
        Ok(Contender {
            kind,
            churn,
            index_bytes,
            batch: 1,
            singles,
            unchanged,
            changed,
            used_ns: 0,
            rounds: Vec::new(),
        })
    }

    /// Measures in turn steps together, steps one by one and refusals, until the slot is over.
    fn take_turn(&mut self, slot_ns: u64, with: &Instruments) {
        let clock = with.clock.as_ref();
        let start = clock.nanos();
        let mut batches = Vec::new();
        while batches.is_empty() || clock.nanos() - start < slot_ns {
            let from = clock.nanos();
            (0..self.batch).for_each(|_| self.churn.step());
            let took = clock.nanos() - from;
            batches.push(took as f64 / self.batch as f64);
            for _ in 0..self.batch.min(SINGLES_MAX) {
                let from = clock.nanos();
                self.churn.step();
                self.singles.record(clock.nanos() - from);
            }
            self.refuse(clock);
            if took < BATCH_SHORT_NS {
                self.batch = (2 * self.batch).min(BATCH_MAX);
            }
        }
        self.rounds.push(middle_mean(batches));
        self.used_ns += clock.nanos() - start;
    }

    /// Times refusals: the first after a step, the others with nothing changed in between.
    fn refuse(&mut self, clock: &dyn Clock) {
        for _ in 0..self.batch.min(REFUSALS_MAX) {
            self.churn.step();
            for samples in [&mut self.changed, &mut self.unchanged] {
                let from = clock.nanos();
                self.churn.ask_for_misfit();
                samples.record(clock.nanos() - from);
            }
        }
    }
}
