//! Decisions of a whole scenario: every one is timed where the control plane asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::des::Seed;
use crate::model::{Cluster, Placement};
use crate::placement::{Ask, Placer, PlacerKind, Refusal, VictimRule};
use crate::run::{Finished, RunError};
use crate::scenario::{Recording, Scenario};

use super::row::{Quantiles, Row};
use super::samples::Samples;
use super::{BenchError, Clock, Instruments, placer_name};

/// Decisions between two looks at the clock in a run that is not timed.
const LOOK_EVERY: u64 = 16;

/// A scenario with one of the placers.
#[derive(Debug)]
pub struct Side {
    /// The placer that the scenario names.
    pub kind: PlacerKind,
    /// The scenario.
    pub scenario: Scenario,
}

/// How scenarios are measured.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seed of the runs.
    pub seed: u64,
    /// Time per side, and of one run at most, nanoseconds.
    pub nanos: u64,
}

/// What the probes of a run have seen.
#[derive(Debug)]
struct Log {
    decisions: Samples,
    refusals: Samples,
    /// Decisions looked at, timed or not.
    seen: u64,
    /// Decisions timed in this run, and their time.
    run: (u64, u64),
    /// Instances at the last decision.
    instances: u64,
    /// When the time is up, nanoseconds.
    deadline: u64,
    late: bool,
}

/// A placer that is watched.
#[derive(Debug)]
struct Probe {
    inner: Box<dyn Placer>,
    clock: Arc<dyn Clock>,
    timed: bool,
    log: Arc<Mutex<Log>>,
}

impl Placer for Probe {
    fn prepare(&mut self, cluster: &mut Cluster) {
        self.inner.prepare(cluster);
    }

    /// Once the time is up all is refused: the run is ended at its next look, its end is not read.
    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.seen += 1;
        log.instances = cluster.instance_count() as u64;
        let looks = self.timed || log.seen.is_multiple_of(LOOK_EVERY);
        let start = if looks { self.clock.nanos() } else { 0 };
        log.late |= start > log.deadline;
        if log.late {
            return Err(Refusal { class: ask.class, cluster_version: cluster.version() });
        }
        let decision = self.inner.place(ask, cluster);
        if self.timed {
            let took = self.clock.nanos() - start;
            log.decisions.record(took);
            log.run = (log.run.0 + 1, log.run.1 + took);
            if decision.is_err() {
                log.refusals.record(took);
            }
        }
        decision
    }

    fn victim_rule(&self) -> VictimRule<'_> {
        self.inner.victim_rule()
    }
}

/// What was measured of a side so far.
struct Measured {
    log: Arc<Mutex<Log>>,
    used_ns: u64,
    events: u64,
    events_ns: u64,
    /// Mean cost of a decision in each round.
    rounds: Vec<f64>,
    /// One of the runs that came to their end: they are all equal.
    finished: Option<Box<Finished>>,
    /// Whether a run with its decisions timed was cut short.
    cut_short: bool,
}

/// Runs the sides in turn until each has had its time: once with no decision timed, once with every
/// one. A run that is not at its end when its time is up is ended there. `goes_on` is asked now
/// and then, and told with `true` that a run is over.
///
/// # Errors
/// A workload cannot be read, a run fails, sides disagree, or the user wants no more.
pub fn measure_scenario(
    sides: &[Side],
    settings: Settings,
    with: &Instruments,
    goes_on: &mut dyn FnMut(bool) -> bool,
) -> Result<Vec<Row>, BenchError> {
    let nanos = settings.nanos;
    let overhead_ns = with.clock_overhead_ns();
    let mut measured: Vec<Measured> = sides.iter().map(|_| Measured::new(overhead_ns)).collect();
    while measured.iter().any(|one| one.rounds.is_empty() || one.used_ns < nanos) {
        for (side, one) in sides.iter().zip(&mut measured) {
            if one.rounds.is_empty() || one.used_ns < nanos {
                one.run(side, settings, false, with, goes_on)?;
                one.run(side, settings, true, with, goes_on)?;
            }
        }
    }
    check_agreement(sides, &measured)?;
    let ratio = naive_over_indexed(sides, &measured);
    Ok(sides.iter().zip(&measured).map(|(side, one)| one.row(side, ratio)).collect())
}

fn check_agreement(sides: &[Side], measured: &[Measured]) -> Result<(), BenchError> {
    let ends = || measured.iter().filter_map(|one| one.finished.as_ref());
    let mut fingerprints = ends().map(|finished| finished.records.fingerprint);
    let first = fingerprints.next();
    if fingerprints.all(|one| Some(one) == first) {
        return Ok(());
    }
    Err(BenchError::Disagreement(sides[0].scenario.placement.to_string()))
}

fn naive_over_indexed(sides: &[Side], measured: &[Measured]) -> Option<f64> {
    let of = |kind| sides.iter().position(|side| side.kind == kind);
    let (naive, indexed) = (of(PlacerKind::Naive)?, of(PlacerKind::Indexed)?);
    let rounds = measured[naive].rounds.iter().zip(&measured[indexed].rounds);
    let mut ratios: Vec<f64> = rounds.map(|(naive, indexed)| naive / indexed).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().filter(|ratio| ratio.is_finite())
}

impl Measured {
    fn new(overhead_ns: u64) -> Measured {
        let [decisions, refusals] = std::array::from_fn(|_| Samples::new(overhead_ns));
        let (run, instances) = ((0, 0), 0);
        let log = Log { decisions, refusals, seen: 0, run, instances, deadline: 0, late: false };
        Measured {
            log: Arc::new(Mutex::new(log)),
            used_ns: 0,
            events: 0,
            events_ns: 0,
            rounds: Vec::new(),
            finished: None,
            cut_short: false,
        }
    }

    /// One run, with every decision timed or with none, ended after `nanos`.
    fn run(
        &mut self,
        side: &Side,
        settings: Settings,
        timed: bool,
        with: &Instruments,
        goes_on: &mut dyn FnMut(bool) -> bool,
    ) -> Result<(), BenchError> {
        let Settings { seed, nanos } = settings;
        let probe = |inner| {
            let (clock, log) = (Arc::clone(&with.clock), Arc::clone(&self.log));
            Box::new(Probe { inner, clock, timed, log }) as Box<dyn Placer>
        };
        let placers = side.scenario.placers(Seed(seed))?.into_iter().map(probe).collect();
        let prepared = side.scenario.prepare_with(seed, placers)?;
        let start = with.clock.nanos();
        let deadline = start + nanos;
        {
            let mut log = self.log();
            (log.deadline, log.late, log.run) = (deadline, false, (0, 0));
        }
        let (mut seen, mut interrupted) = ((0, start), false);
        let finished = prepared.run(Recording::default(), &mut |progress| {
            interrupted = !goes_on(false);
            let now = with.clock.nanos();
            if now < deadline {
                seen = (progress.events, now);
            }
            now < deadline && !interrupted
        });
        let end = with.clock.nanos();
        self.used_ns += end - start;
        let late = self.log().late;
        match finished {
            Ok(finished) if !late => {
                seen = (finished.events, end);
                self.finished = Some(Box::new(finished));
            }
            Ok(_) | Err(RunError::Interrupted) => self.cut_short |= timed,
            Err(why) => return Err(BenchError::Run(why)),
        }
        if timed {
            let (decisions, decisions_ns) = self.log().run;
            self.rounds.push(decisions_ns as f64 / decisions.max(1) as f64);
        } else {
            self.events += seen.0;
            self.events_ns += seen.1 - start;
        }
        if interrupted || !goes_on(true) { Err(BenchError::Interrupted) } else { Ok(()) }
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, side: &Side, ratio: Option<f64>) -> Row {
        let log = self.log();
        let mean = log.decisions.mean().unwrap_or(0.0);
        let [p50, p99] = [0.5, 0.99].map(|share| log.decisions.quantile(share));
        let records = self.finished.as_ref().map(|finished| &finished.records);
        Row {
            strategy: side.scenario.placement.to_string(),
            instances: log.instances,
            utilisation: records.and_then(|records| records.utilisation.cpu),
            placer: placer_name(side.kind),
            ns_per_decision: Quantiles { mean, p50, p99 },
            decisions_per_second: 1e9 / mean.max(1e-3),
            failed_share: log.refusals.count() as f64 / log.decisions.count().max(1) as f64,
            bytes_per_task: None,
            bytes_per_instance: None,
            decisions: log.decisions.count(),
            turnovers: None,
            memory_utilisation: records.and_then(|records| records.utilisation.memory),
            ns_per_refusal_unchanged: None,
            ns_per_refusal_changed: log.refusals.mean(),
            naive_over_indexed: ratio.filter(|_| side.kind == PlacerKind::Indexed),
            events: self.finished.as_ref().map(|finished| finished.events),
            ns_per_event: (self.events > 0).then(|| self.events_ns as f64 / self.events as f64),
            complete: Some(!self.cut_short),
        }
    }
}
