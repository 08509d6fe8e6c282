//! Wall-clock costs of decisions as tables for the terminal.

use comfy_table::CellAlignment;

use super::bench_files::{Benchmark, Machine, Measured};
use super::format::{self, UNDEFINED};
use super::plot::nanos_text;
use super::table::{Column, counted, render, table_width};
use crate::benchmark::{Level, Row};

/// Narrowest width that tables are made for, in columns.
const LEAST_WIDTH: usize = 72;

/// Columns that the name of a strategy takes at least.
const LEAST_NAME: usize = 10;

/// The figures of a benchmark, the machine it was made on, and how they were measured. No line is
/// wider than `width` columns, or 72 if that is more.
pub fn bench_table(benchmark: &Benchmark, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let mut parts = vec![format::wrap(&title(benchmark), width)];
    let notes = match &benchmark.measured {
        Measured::Costs { rows } => {
            let names = names(rows.iter().map(|row| row.strategy.as_str()));
            parts.push(table(&names, &costs(rows), width));
            parts.push(table(&names, &sizes(rows), width));
            cost_notes(benchmark, rows)
        }
        Measured::Sustained { levels } => {
            let strategies = levels.iter().map(|level| level.strategy.as_str());
            parts.push(table(&names(strategies), &latencies(levels), width));
            latency_notes(levels)
        }
    };
    let notes: Vec<String> = notes.iter().map(|note| format::wrap(note, width)).collect();
    parts.push(notes.join("\n"));
    parts.join("\n\n") + "\n"
}

fn title(benchmark: &Benchmark) -> String {
    let Machine { cpu, cores, os, .. } = &benchmark.machine;
    let cpu = cpu.as_deref().unwrap_or(benchmark.machine.architecture);
    format!(
        "{}: wall-clock cost of placement decisions by towtank {} on {}, {}, {}",
        format::elide(&benchmark.workload, 40),
        benchmark.engine_version,
        format::elide(cpu, 60),
        counted(*cores, "core"),
        format::elide(os, 40),
    )
}

/// Names of strategies, each where it differs from the one above.
fn names<'a>(strategies: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut above = "";
    let shown = strategies.map(|name| {
        let repeated = name == above;
        above = name;
        if repeated { String::new() } else { name.to_owned() }
    });
    shown.collect()
}

/// The columns beside the names, which get what is left of the width.
fn table(names: &[String], columns: &[Column], width: usize) -> String {
    let of_numbers: Vec<&Column> = columns.iter().collect();
    let left = width.saturating_sub(table_width(&of_numbers) + 2).max(LEAST_NAME);
    let cells = names.iter().map(|name| format::elide(name, left)).collect();
    let heading = "strategy".to_owned();
    let first = Column { heading, cells, alignment: CellAlignment::Left };
    let all: Vec<&Column> = std::iter::once(&first).chain(of_numbers).collect();
    render(&all)
}

fn column<T>(heading: &str, rows: &[T], cell: impl Fn(&T) -> String) -> Column {
    let cells = rows.iter().map(cell).collect();
    Column { heading: heading.to_owned(), cells, alignment: CellAlignment::Right }
}

fn optional(value: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    value.map_or(UNDEFINED.to_owned(), shown)
}

/// Three significant digits: `1 240 000` of 1 238 417.
fn rounded(value: f64) -> String {
    if value < 1000.0 {
        return format::short_number(value);
    }
    let mut unit = 1.0;
    while value / unit >= 1000.0 {
        unit *= 10.0;
    }
    format::short_number(libm::round(value / unit) * unit)
}

/// A ratio in few columns.
fn ratio(value: f64) -> String {
    if value < 0.01 { "< 0.01".to_owned() } else { rounded(value) }
}

fn percent(value: f64) -> String {
    format::number(value * 100.0, 1)
}

fn costs(rows: &[Row]) -> Vec<Column> {
    let mut columns = vec![
        column("instances", rows, |row| format::count(row.instances)),
        column("placer", rows, |row| row.placer.to_owned()),
        column("per second", rows, |row| rounded(row.decisions_per_second)),
        column("mean", rows, |row| nanos_text(row.ns_per_decision.mean)),
        column("p50", rows, |row| nanos_text(row.ns_per_decision.p50)),
        column("p99", rows, |row| nanos_text(row.ns_per_decision.p99)),
        column("naive/\nindexed", rows, |row| optional(row.naive_over_indexed, ratio)),
    ];
    let of_grid = rows.iter().all(|row| row.complete.is_none());
    if of_grid && rows.iter().any(|row| row.utilisation != rows[0].utilisation) {
        // In the place of what the mean says too: there is not room for both.
        columns.remove(2);
        columns.insert(1, column("CPU\n%", rows, |row| optional(row.utilisation, percent)));
    }
    columns
}

fn sizes(rows: &[Row]) -> Vec<Column> {
    let all = [
        column("instances", rows, |row| format::count(row.instances)),
        column("placer", rows, |row| row.placer.to_owned()),
        column("failed\n%", rows, |row| percent(row.failed_share)),
        column("refused,\nunchanged", rows, |row| {
            optional(row.ns_per_refusal_unchanged, nanos_text)
        }),
        column("refused,\nchanged", rows, |row| optional(row.ns_per_refusal_changed, nanos_text)),
        column("bytes/\ntask", rows, |row| optional(row.bytes_per_task, rounded)),
        column("bytes/\ninstance", rows, |row| optional(row.bytes_per_instance, rounded)),
        column("event", rows, |row| optional(row.ns_per_event, nanos_text)),
        column("events", rows, |row| optional(row.events.map(|one| one as f64), rounded)),
    ];
    let is_known = |column: &Column| column.cells.iter().any(|cell| cell != UNDEFINED);
    all.into_iter().filter(is_known).collect()
}

fn cost_notes(benchmark: &Benchmark, rows: &[Row]) -> Vec<String> {
    let overhead = benchmark.clock_overhead_ns;
    let mut notes = vec![if rows.iter().any(|row| row.complete.is_some()) {
        format!(
            "A decision is the placer's alone, timed one by one less {overhead} ns for the clock; \
             an event is all of the simulation, in runs without that timing."
        )
    } else {
        format!(
            "A decision is a whole step: a task ends, the next is decided on and placed. Means are \
             of the middle half of batches; p50 and p99 of steps timed one by one, less {overhead} \
             ns for the clock."
        )
    }];
    notes.extend(rows.iter().filter(|row| row.complete == Some(false)).map(|row| {
        format!(
            "! {} {} was not at its end when its time was up: {} of the first part.",
            row.strategy,
            row.placer,
            counted(row.decisions as usize, "decision")
        )
    }));
    if rows.iter().any(|row| row.turnovers.is_some_and(|turnovers| turnovers < 1.0)) {
        let note = "! Where turnovers are below 1 the cluster was not in its steady state yet: \
                    give more --seconds.";
        notes.push(note.to_owned());
    }
    let few = rows.iter().filter(|row| row.decisions < 1000 && row.complete.is_none());
    let few: Vec<String> = few
        .map(|row| {
            let (instances, decisions) = (format::count(row.instances), row.decisions);
            format!("{} {} on {instances}: {decisions}", row.strategy, row.placer)
        })
        .collect();
    if !few.is_empty() {
        notes.push(format!("! Less than 1000 decisions were made by {}.", few.join(", ")));
    }
    notes.extend(build_note(benchmark));
    notes
}

fn build_note(benchmark: &Benchmark) -> Option<String> {
    let note =
        "! This is a build with assertions for tests: use `cargo build --release` to measure.";
    benchmark.machine.debug_assertions.then(|| note.to_owned())
}

fn latencies(levels: &[Level]) -> Vec<Column> {
    let mut columns = vec![
        column("instances", levels, |level| format::count(level.instances)),
        column("placer", levels, |level| level.placer.to_owned()),
        column("rate/s", levels, |level| rounded(level.rate_per_s)),
        column("busy\n%", levels, |level| percent(level.scheduler_utilisation)),
        column("p50", levels, |level| nanos_text(level.latency_ns.p50)),
        column("p99", levels, |level| nanos_text(level.latency_ns.p99)),
        column("max", levels, |level| nanos_text(level.latency_ns.max)),
        column("", levels, |level| if level.saturated { "!" } else { "" }.to_owned()),
    ];
    if levels.iter().any(|level| level.utilisation != levels[0].utilisation) {
        columns.insert(1, column("CPU\n%", levels, |level| percent(level.utilisation)));
    }
    columns
}

/// Where each placer saturates.
fn latency_notes(levels: &[Level]) -> Vec<String> {
    let mut notes = vec![
        "Latency is from the arrival to the end of the decision, the wait for earlier ones \
         included; arrivals are Poisson and do not wait for the scheduler. ! marks rates at which \
         it fell behind."
            .to_owned(),
    ];
    let same = |a: &Level, b: &Level| {
        let key = |one: &Level| (one.strategy.clone(), one.instances, one.placer);
        key(a) == key(b) && a.utilisation == b.utilisation
    };
    for ramp in levels.chunk_by(same) {
        let first = &ramp[0];
        let size = counted(first.instances as usize, "instance");
        let several = levels.iter().any(|level| level.utilisation != first.utilisation);
        let share = several.then(|| format!(", {} % of the CPU", percent(first.utilisation)));
        let share = share.unwrap_or_default();
        let who = format!("{}, {}, {size}{share}", first.strategy, first.placer);
        let behind = ramp.iter().position(|level| level.saturated);
        let kept_up = behind.unwrap_or(ramp.len()).checked_sub(1);
        let behind = behind.map(|at| &ramp[at]);
        notes.push(match (kept_up.map(|at| &ramp[at]), behind) {
            (Some(most), Some(behind)) => format!(
                "{who}: keeps up with {} a second, not with {}.",
                rounded(most.rate_per_s),
                rounded(behind.rate_per_s)
            ),
            (Some(most), None) => {
                format!("{who}: kept up with all, {} a second.", rounded(most.rate_per_s))
            }
            (None, _) => format!("{who}: kept up with none of these rates."),
        });
    }
    notes
}
