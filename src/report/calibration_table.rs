//! A calibration as tables for the terminal.

use comfy_table::CellAlignment;

use super::format::{self, UNDEFINED};
use super::table::{Column, render};
use crate::calibration::{Calibration, MeasuredTable, Operation, Validation};

/// Relative error of a median from which on a model is called into question.
const DOUBTFUL: f64 = 0.15;

/// The latencies that were measured, how the fitted engine compares with the probes that it was not
/// made from, and the other figures. No line is wider than `width` columns, or 72 if that is more.
pub fn calibration_table(calibration: &Calibration, width: usize) -> String {
    let width = width.max(72);
    let host = &calibration.host;
    let title = format!(
        "Docker Engine {} (API {}, {}, cgroup v{} by {}) on {} cores",
        host.engine_version,
        host.api_version,
        host.storage_driver,
        host.cgroup_version,
        host.cgroup_driver,
        host.cpus
    );
    let mut parts = vec![
        format::wrap(&format::printable(&title), width),
        render(&latencies(&calibration.measured).iter().collect::<Vec<_>>()),
    ];
    if !calibration.validation.is_empty() {
        let heading = "Starts of the fitted engine against the half of the probes that it was not \
                       made from (ms):";
        let table = render(&validation(&calibration.validation).iter().collect::<Vec<_>>());
        parts.push(format!("{}\n{table}", format::wrap(heading, width)));
    }
    let notes: Vec<String> =
        notes(calibration).iter().map(|note| format::wrap(note, width)).collect();
    parts.push(notes.join("\n"));
    parts.join("\n\n") + "\n"
}

fn column<T>(heading: &str, rows: &[T], cell: impl Fn(&T) -> String) -> Column {
    let cells = rows.iter().map(cell).collect();
    Column { heading: heading.to_owned(), cells, alignment: CellAlignment::Right }
}

fn millis(micros: u64) -> String {
    format::number(micros as f64 / 1000.0, 1)
}

fn percent(share: f64) -> String {
    format!("{:+.0} %", share * 100.0)
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Start => "start",
        Operation::Create => "  of it create",
        Operation::Overrun => "overrun",
        Operation::Cleanup => "cleanup",
        Operation::Stop => "stop",
        Operation::Kill => "kill",
    }
}

fn latencies(tables: &[MeasuredTable]) -> Vec<Column> {
    let at = |u: f64| move |table: &MeasuredTable| millis(table.micros.sample(u).micros());
    let mut operation = column("operation", tables, |table| name(table.operation).to_owned());
    operation.alignment = CellAlignment::Left;
    vec![
        operation,
        column("clients", tables, |table| table.concurrency.to_string()),
        column("network", tables, |table| {
            format!("{}{}", table.network, if table.cold { ", cold" } else { "" })
        }),
        column("samples", tables, |table| table.samples.to_string()),
        column("p50\nms", tables, at(0.5)),
        column("p90\nms", tables, at(0.9)),
    ]
}

fn validation(rows: &[Validation]) -> Vec<Column> {
    let ks = |one: &Validation| {
        let mark = if one.ks > one.ks_critical { " !" } else { "" };
        format!("{}{mark}", format::number(one.ks, 2))
    };
    vec![
        column("clients", rows, |one| one.concurrency.to_string()),
        column("probes", rows, |one| one.probes.to_string()),
        column("measured\np50", rows, |one| millis(one.measured_median_micros)),
        column("fitted\np50", rows, |one| millis(one.fitted_median_micros)),
        column("\nerror", rows, |one| percent(one.median_error)),
        column("measured\np90", rows, |one| millis(one.measured_p90_micros)),
        column("fitted\np90", rows, |one| millis(one.fitted_p90_micros)),
        column("\nerror", rows, |one| percent(one.p90_error)),
        column("KS", rows, ks),
        column("5 %\npoint", rows, |one| format::number(one.ks_critical, 2)),
    ]
}

fn notes(calibration: &Calibration) -> Vec<String> {
    let engine = &calibration.engine;
    let milli = |value: u32| format::number(f64::from(value) / 1000.0, 2);
    let load: Vec<String> = engine
        .load
        .points()
        .iter()
        .map(|&[busy, growth]| {
            format!("{:+.0} % with {} cores kept busy", f64::from(growth) / 10.0, milli(busy))
        })
        .collect();
    let load = if load.is_empty() { "as long under load".to_owned() } else { load.join(", ") };
    let mut notes = vec![format!(
        "Width {} operations at a time; starts take {load}, and {} ms of CPU of the instance they \
         start on, {} of them throttled there, and in {} bursts, where a neighbour of r times \
         their weight counts as r^{}.",
        milli(engine.width_milli),
        format::number(f64::from(engine.start_cpu_micros) / 1000.0, 1),
        format::number(f64::from(engine.start_throttled_micros) / 1000.0, 1),
        milli(engine.start_bursts_milli),
        milli(engine.start_weight_exponent_milli)
    )];
    let quota = calibration.quota.iter();
    let quota: Vec<String> = quota
        .map(|step| format!("{} → {}", milli(step.asked_milli), milli(step.got_milli)))
        .collect();
    notes.push(format!("CPU quota asked → got, cores: {}.", quota.join(", ")));
    notes.push(match &calibration.shares {
        Some(split) => format!(
            "CPU shares {}:{} of {} core: {} and {}.",
            split.shares[0],
            split.shares[1],
            milli(split.budget_milli),
            milli(split.got_milli[0]),
            milli(split.got_milli[1])
        ),
        None => "CPU shares of a budget were not measured: no parent cgroup can be made here."
            .to_owned(),
    });
    let oom = &calibration.oom;
    notes.push(format!(
        "Memory exceeded: {} of {} killed, {} ms after the start. The workload program itself \
         takes {} MiB.",
        oom.killed,
        oom.tried,
        if oom.killed == 0 { UNDEFINED.to_owned() } else { millis(oom.median_micros) },
        format::number(calibration.memory_floor_kib as f64 / 1024.0, 1)
    ));
    notes.extend(warnings(calibration));
    notes
}

/// What the user should doubt.
fn warnings(calibration: &Calibration) -> Vec<String> {
    let mut warnings = Vec::new();
    let off = calibration.validation.iter().filter(|one| one.median_error.abs() > DOUBTFUL);
    let off: Vec<String> = off.map(|one| one.concurrency.to_string()).collect();
    if !off.is_empty() {
        warnings.push(format!(
            "! The fitted median is more than 15 % off at a concurrency of {}: measure again with \
             more --probes while the machine is otherwise idle.",
            off.join(", ")
        ));
    }
    if calibration.validation.iter().any(|one| one.ks > one.ks_critical) {
        let warning = "! marks distances that would be rare if the fitted engine were the measured \
                       one.";
        warnings.push(warning.to_owned());
    }
    if calibration.oom.killed < calibration.oom.tried {
        let warning = "! Not every container that exceeded its memory was killed: this host does \
                       not enforce the limit, or swaps.";
        warnings.push(warning.to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Oom, example_calibration};

    #[test]
    fn the_tables_show_what_was_measured_and_how_it_fits_within_the_width() {
        let text = calibration_table(&example_calibration(), 80);
        for part in ["20.10.24", "start", "205.0", "+0 %", "1.40", "+12", "0.10 → 0.10"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('!'), "{text}");
        let widest = text.lines().map(format::width).max().unwrap();
        assert!(widest <= 80, "{widest}: {text}");
    }

    #[test]
    fn what_is_to_be_doubted_is_said() {
        let mut calibration = example_calibration();
        calibration.validation[0].median_error = -0.2;
        calibration.validation[0].ks = 1.0;
        calibration.validation[0].ks_critical = 0.5;
        calibration.oom = Oom { tried: 3, killed: 0, median_micros: 0 };
        calibration.shares = None;
        let text = calibration_table(&calibration, 80);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            ["off at a concurrency of 1:", "1.00 !", "0 of 3 killed", "not enforce", "no parent"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
