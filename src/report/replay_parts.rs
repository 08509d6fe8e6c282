//! What a report of a replay says, whatever it is written in.

use comfy_table::CellAlignment;

use super::format::{self, Scale, UNDEFINED};
use super::replay_files::Replay;
use super::table::{Column, counted};
use crate::experiment::metric::Unit;
use crate::experiment::statistics::Estimate;
use crate::replay::verdict::{
    ArmVerdict, Measure, MetricVerdict, RankedArm, RankedPair, Ranking, TaskGroup, Verdict, World,
};

/// Marks fixed-work tasks under contention.
const CONTENDED: &str = "†";

/// Columns that a name takes at most in a sentence.
const NAME_COLUMNS: usize = 30;

/// From here on percentages are written with an exponent, to keep columns narrow.
const EXPONENT_FROM: f64 = 1e5;

/// What such a replay can show.
const CAN: &str = "A host with containers validates how tasks are executed: how long they take to \
                   start, how CPU is shared, kills for memory, and placement under real timing.";

/// What it cannot.
const CANNOT: &str = "It does not validate AWS's control plane, image pulls from a registry, \
                      networks, or EC2 instances: no container here was on any of these.";

/// A part of a report.
pub(super) enum Part {
    Heading(String),
    /// The first column is made narrower where there is no room.
    Table(Vec<Column>),
    Notes(Vec<String>),
}

/// All of it, in order.
pub(super) fn parts(replay: &Replay) -> Vec<Part> {
    let verdict = &replay.verdict;
    let mut parts = vec![Part::Notes(vec![title(replay)]), Part::Notes(standing(replay))];
    for arm in &verdict.arms {
        parts.push(Part::Heading(arm.name.clone()));
        parts.push(Part::Table(times(arm)));
        parts.push(Part::Table(figures(arm)));
        parts.push(Part::Notes(arm_notes(arm)));
    }
    if verdict.arms.len() > 1 {
        parts.push(Part::Heading("Ranking of arms".to_owned()));
        parts.push(Part::Table(ranking(&verdict.ranking)));
        parts.push(Part::Table(pairs(&verdict.ranking)));
        parts.push(Part::Notes(ranking_notes(verdict)));
    }
    parts.push(Part::Heading("Gate".to_owned()));
    parts.push(Part::Notes(gate(verdict)));
    parts.push(Part::Heading("How to read this".to_owned()));
    parts.push(Part::Notes(reading()));
    parts
}

fn title(replay: &Replay) -> String {
    format!(
        "{}: {} simulated by towtank {} and run on real containers",
        format::elide(&replay.scenario, 40),
        counted(replay.verdict.arms.len(), "arm"),
        replay.engine_version,
    )
}

/// Calibration, and the conditions.
fn standing(replay: &Replay) -> Vec<String> {
    let mut notes = vec![if replay.verdict.calibrated {
        "Calibrated: latencies of the simulation were measured on this engine.".to_owned()
    } else {
        "! Uncalibrated: the latencies of the simulation were not measured on this engine, so that \
         its errors say little of what the simulator can do. Calibrate first."
            .to_owned()
    }];
    let conditions: Vec<String> =
        replay.conditions.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if !conditions.is_empty() {
        notes.push(format!("Conditions: {}.", conditions.join("; ")));
    }
    notes
}

fn column<T>(heading: &str, rows: &[T], cell: impl Fn(&T) -> String) -> Column {
    let cells = rows.iter().map(cell).collect();
    Column { heading: heading.to_owned(), cells, alignment: CellAlignment::Right }
}

fn left<T>(heading: &str, rows: &[T], cell: impl Fn(&T) -> String) -> Column {
    Column { alignment: CellAlignment::Left, ..column(heading, rows, cell) }
}

fn optional(value: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    value.map_or(UNDEFINED.to_owned(), shown)
}

/// A share as percent without its unit, large ones without decimals.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= EXPONENT_FROM {
        return format!("{percent:.1e}");
    }
    format::number(percent, usize::from(percent.abs() < 999.95))
}

/// The same with the sign of what is above 0.
fn signed(share: f64) -> String {
    let text = percent(share);
    let is_zero = text.chars().all(|letter| letter == '0' || letter == '.');
    if share > 0.0 && !is_zero { format!("+{text}") } else { text }
}

/// A metric as people call it.
fn label(metric: &str) -> &str {
    match metric {
        "start_latency_s" => "start latency",
        "run_s" => "run",
        "completion_s" => "completion",
        "wait_s" => "wait",
        "makespan_s" => "makespan",
        "cpu_used" => "CPU used",
        "throttled_s" => "time throttled",
        "ended" => "ended on one side only",
        "outcome" => "ended another way",
        "placement" => "on another instance",
        other => other,
    }
}

fn is_relative(metric: &MetricVerdict) -> bool {
    metric.measure == Measure::RelativeError
}

/// Relative errors of the times of tasks.
fn times(arm: &ArmVerdict) -> Vec<Column> {
    let shown = |metric: &&MetricVerdict| is_relative(metric) && metric.count > 0;
    let rows: Vec<&MetricVerdict> = arm.metrics.iter().filter(shown).collect();
    let name = |row: &&MetricVerdict| {
        let contended = row.tasks == Some(TaskGroup::ContendedWork);
        format!("{}{}", label(row.metric), if contended { CONTENDED } else { "" })
    };
    let interval = |row: &&MetricVerdict| {
        let ends = row.interval.map(|ends| ends.map(signed).join(" to "));
        ends.unwrap_or(UNDEFINED.to_owned())
    };
    vec![
        left("median of tasks", &rows, name),
        column("tasks", &rows, |row| format::count(row.count as u64)),
        column("simulated", &rows, |row| optional(row.simulated, format::duration)),
        column("real", &rows, |row| optional(row.real, format::duration)),
        column("error\n%", &rows, |row| optional(row.error, signed)),
        column("95 %\ninterval", &rows, interval),
        column("p95\n%", &rows, |row| optional(row.magnitude.map(|size| size.p95), percent)),
        column("floor\n%", &rows, |row| optional(row.error_floor, percent)),
    ]
}

/// Everything else, with its unit in each cell.
fn figures(arm: &ArmVerdict) -> Vec<Column> {
    let shown = |metric: &&MetricVerdict| {
        !is_relative(metric) && (metric.error.is_some() || metric.tasks.is_none())
    };
    let rows: Vec<&MetricVerdict> = arm.metrics.iter().filter(shown).collect();
    let value = |row: &&MetricVerdict, value: Option<f64>| {
        let is_time = row.metric.ends_with("_s");
        optional(
            value,
            |value| if is_time { format::duration(value) } else { format::share(value) },
        )
    };
    let error = |row: &&MetricVerdict, error: Option<f64>| {
        optional(error, |error| match row.measure {
            Measure::AbsoluteErrorS | Measure::WassersteinS => format::duration(error),
            Measure::Ks | Measure::Rmsle => format::number(error, 3),
            Measure::RelativeError
            | Measure::Mape
            | Measure::Nad
            | Measure::OneSidedShare
            | Measure::Disagreement => format!("{} %", percent(error)),
        })
    };
    vec![
        left("figure", &rows, |row| figure_name(row)),
        column("simulated", &rows, |row| value(row, row.simulated)),
        column("real", &rows, |row| value(row, row.real)),
        column("error", &rows, |row| error(row, row.error)),
        column("floor", &rows, |row| error(row, row.error_floor)),
    ]
}

fn figure_name(metric: &MetricVerdict) -> String {
    let name = label(metric.metric);
    match metric.measure {
        Measure::Ks => format!("{name}, KS distance"),
        Measure::WassersteinS => format!("{name}, Wasserstein-1"),
        Measure::Mape => format!("{name}, MAPE"),
        Measure::Nad => format!("{name}, NAD"),
        Measure::Rmsle => format!("{name}, RMSLE"),
        Measure::AbsoluteErrorS => format!("{name} of tasks below 1 s"),
        Measure::RelativeError | Measure::OneSidedShare | Measure::Disagreement => name.to_owned(),
    }
}

fn arm_notes(arm: &ArmVerdict) -> Vec<String> {
    let mut notes = vec![format!(
        "{} and {}. On the same instance: {}; between real runs {}.",
        counted(arm.simulated_runs, "simulated run"),
        counted(arm.real_runs, "real run"),
        optional(arm.placement_agreement, format::share),
        optional(arm.placement_agreement_floor, format::share),
    )];
    let killed = arm.out_of_memory;
    notes.push(format!(
        "Killed for memory: {} in both, {} in reality only, {} in the simulation only, {} in \
         neither.",
        killed.both, killed.real_only, killed.simulated_only, killed.neither
    ));
    let tasks = arm.tasks;
    if tasks.ended_in_both < tasks.total() {
        notes.push(format!(
            "! Tasks of all real runs that are in no error of a time: unfinished in reality only \
             {}, in the simulation only {}, in both {}; missing in reality {}, in the simulation \
             {}.",
            tasks.unfinished_in_reality,
            tasks.unfinished_in_simulation,
            tasks.unfinished_in_both,
            tasks.missing_in_reality,
            tasks.missing_in_simulation
        ));
    }
    let undefined = |metric: &MetricVerdict| {
        let count = metric.magnitude.map_or(0, |size| size.undefined);
        (count > 0 && metric.tasks == Some(TaskGroup::All))
            .then(|| format!("! {count} real values of {} are 0: left out.", label(metric.metric)))
    };
    notes.extend(arm.metrics.iter().filter_map(undefined));
    notes.extend(arm.invalid_runs.iter().map(|run| {
        let world = match run.world {
            World::Simulated => "Simulated",
            World::Real => "Real",
        };
        format!(
            "! {world} run {} is invalid and left out: {} of its tasks have unknown times, {} \
             impossible ones.",
            run.run, run.unknown_times, run.disordered_times
        )
    }));
    notes
}

/// Estimates of one metric in one unit.
struct Shown {
    scale: Scale,
    decimals: usize,
}

impl Shown {
    fn of(ranking: &Ranking) -> Self {
        let estimates = ranking.arms.iter().flat_map(|arm| [arm.simulated, arm.real]).flatten();
        let estimates: Vec<Estimate> = estimates.collect();
        let typical = estimates.iter().map(|one| one.mean.abs()).fold(0.0, f64::max);
        let noise = estimates.iter().filter_map(Estimate::half_width);
        let noise = noise.filter(|noise| *noise > 1e-12 * typical).min_by(f64::total_cmp);
        let scale = Scale::of(Unit::Seconds, typical);
        Self { scale, decimals: scale.decimals(typical, noise) }
    }

    fn estimate(&self, estimate: Option<Estimate>) -> String {
        let number = |value| self.scale.number(value, self.decimals);
        let Some(estimate) = estimate else { return UNDEFINED.to_owned() };
        match estimate.half_width() {
            Some(noise) => format!("{} ± {}", number(estimate.mean), number(noise)),
            None => number(estimate.mean),
        }
    }

    fn heading(&self, text: &str) -> String {
        if self.scale.suffix.is_empty() {
            return text.to_owned();
        }
        format!("{text}\n{}", self.scale.suffix)
    }
}

fn rank(rank: Option<usize>) -> String {
    rank.map_or(UNDEFINED.to_owned(), |rank| rank.to_string())
}

fn ranking(ranking: &Ranking) -> Vec<Column> {
    let shown = Shown::of(ranking);
    let rows: Vec<&RankedArm> = ranking.arms.iter().collect();
    vec![
        left("arm", &rows, |arm| arm.name.clone()),
        column("rank\nsim.", &rows, |arm| rank(arm.simulated_rank)),
        column("rank\nreal", &rows, |arm| rank(arm.real_rank)),
        column(&shown.heading("simulated"), &rows, |arm| shown.estimate(arm.simulated)),
        column(&shown.heading("real"), &rows, |arm| shown.estimate(arm.real)),
        column("error\n%", &rows, |arm| optional(arm.error, signed)),
        column("floor\n%", &rows, |arm| optional(arm.error_floor, percent)),
    ]
}

fn pairs(ranking: &Ranking) -> Vec<Column> {
    let shown = Shown::of(ranking);
    let rows: Vec<&RankedPair> = ranking.pairs.iter().collect();
    let answer = |answer: Option<bool>| match answer {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => UNDEFINED.to_owned(),
    };
    let name = |name: &str| format::elide(name, NAME_COLUMNS / 2);
    vec![
        left("a – b", &rows, |pair| format!("{} – {}", name(&pair.a), name(&pair.b))),
        column(&shown.heading("simulated"), &rows, |pair| shown.estimate(pair.simulated)),
        column(&shown.heading("real"), &rows, |pair| shown.estimate(pair.real)),
        column("truly\ndifferent", &rows, |pair| answer(pair.truly_different)),
        column("order\nright", &rows, |pair| answer(pair.ordered_right)),
    ]
}

fn ranking_notes(verdict: &Verdict) -> Vec<String> {
    let ranking = &verdict.ranking;
    let metric = ranking.metric;
    vec![
        format!("Ranked by {} (lower is better).", metric.label()),
        format!(
            "Of {}, {} truly different (the real difference exceeds half its 95 % interval over \
             repetitions); the simulator orders {} of them right: {}.",
            counted(ranking.pairs.len(), "pair"),
            ranking.truly_different,
            ranking.ordered_right,
            optional(ranking.share_ordered_right, format::share)
        ),
        format!(
            "Kendall's τ-b of simulated and real means: {}.",
            optional(verdict.kendall_tau, |tau| format::number(tau, 2))
        ),
    ]
}

fn gate(Verdict { gate, arms, .. }: &Verdict) -> Vec<String> {
    let allowed = format::share(gate.max_error);
    // Between two real runs at least.
    let has_floor = arms.iter().all(|arm| arm.real_runs > 1);
    let mut notes = vec![match gate.passed {
        Some(true) => format!(
            "Passed: every gated error is at most {allowed} (of start latency twice that){}.",
            if has_floor { ", or its floor" } else { "" }
        ),
        Some(false) => format!(
            "! Failed: an error is above {allowed}{}. With --max-error the exit code says so too.",
            if has_floor { " and above its floor" } else { "" }
        ),
        None => "! Not judged: no error is too large, but not all could be told.".to_owned(),
    }];
    if !has_floor {
        notes.push(
            "! One real run does not tell how much reality differs from itself: there is no floor. \
             Repeat it with --repetitions."
                .to_owned(),
        );
    }
    notes.extend(gate.failed.iter().map(|one| {
        let contended = one.tasks == Some(TaskGroup::ContendedWork);
        format!(
            "! {}: {}{} {} %, at most {} %.",
            format::elide(&one.arm, NAME_COLUMNS),
            label(one.metric),
            if contended { CONTENDED } else { "" },
            percent(one.error),
            percent(one.limit)
        )
    }));
    notes.extend(gate.not_judged.iter().map(|one| {
        let arm = format::elide(&one.arm, NAME_COLUMNS);
        format!("! {arm}: {}: {}.", label(one.metric), one.reason)
    }));
    notes
}

fn reading() -> Vec<String> {
    vec![
        "An error is that of the simulation against real runs: of times of tasks the median of \
         (simulated - real) / real, positive where the simulation is too high; p95 is of its \
         magnitude. A floor is the same between two real runs: how much reality differs from \
         itself. The interval is a bootstrap over tasks."
            .to_owned(),
        format!("{CONTENDED} fixed-work tasks under contention: others slow them down."),
        CAN.to_owned(),
        CANNOT.to_owned(),
    ]
}
