//! The figures of one run as a table for the terminal.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::format::{self, UNDEFINED};
use super::table::finish;
use crate::experiment::metric::{METRICS, Metric, figures};
use crate::metrics::summary::{Summary, Verdict};

/// Narrowest width that the table is made for, in columns.
const LEAST_WIDTH: usize = 60;

/// Groups of figures: heading, and the start of the dotted paths that belong to it.
const GROUPS: [(&str, &[&str]); 8] = [
    ("tasks", &["tasks."]),
    ("waiting time", &["wait_s."]),
    ("slowdown", &["slowdown."]),
    ("utilisation", &["utilisation."]),
    ("allocated at the end", &["allocated_at_end."]),
    ("instances", &["instances."]),
    ("requests", &["requests."]),
    ("run", &["makespan_s", "cost_usd", "placements", "refusals", "warm_up_s"]),
];

/// Every figure of one run, grouped, in units people use. No line is wider than `width` columns,
/// or 60 if that is more; names are cleared of control characters.
pub fn summary_table(summary: &Summary, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let title = format!(
        "{}: arm {}, placement {}, queue {}, seed {}",
        format::elide(&summary.scenario, 40),
        format::elide(&summary.arm, 40),
        format::elide(&summary.placement, width - 2),
        format::elide(&summary.queue, 40),
        summary.seed,
    );
    let fingerprint = format!(
        "Fingerprint {} by towtank {}.",
        format::elide(&summary.fingerprint, 32),
        format::elide(&summary.engine_version, 20)
    );
    let parts = [
        format::wrap(&title, width),
        format::wrap(verdict(summary), width),
        figures_table(summary),
        notes(summary, &fingerprint, width),
    ];
    parts.join("\n\n") + "\n"
}

fn verdict(summary: &Summary) -> &'static str {
    if summary.tasks.submitted == 0 {
        return "! No task was submitted: these are figures of instances alone.";
    }
    match summary.verdict {
        Verdict::Stable => "Stable: nothing was left waiting and the queue did not grow.",
        Verdict::Backlogged => {
            "! Backlogged: tasks were left waiting, or the queue was long, but it did not keep \
             growing."
        }
        Verdict::Overloaded => {
            "! Overloaded: the queue kept growing as long as tasks arrived, so waiting times say \
             how long was simulated."
        }
    }
}

fn figures_table(summary: &Summary) -> String {
    let figures = figures(summary);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let is_shown = |heading: &str| heading != "requests" || summary.requests.count > 0;
    for (heading, prefixes) in GROUPS.into_iter().filter(|(heading, _)| is_shown(heading)) {
        let belongs =
            |metric: &&Metric| prefixes.iter().any(|prefix| metric.name.starts_with(prefix));
        for (position, metric) in METRICS.iter().filter(belongs).enumerate() {
            let value = figures.get(metric.name).copied().flatten();
            let text =
                value.map_or(UNDEFINED.to_owned(), |value| format::value(metric.unit, value));
            table.add_row([
                Cell::new(if position == 0 { heading } else { "" }),
                Cell::new(figure_name(metric)),
                Cell::new(text).set_alignment(CellAlignment::Right),
            ]);
        }
    }
    finish(table)
}

/// The last part of the path, in words: `running at end` of `tasks.running_at_end`.
fn figure_name(metric: &Metric) -> String {
    let (_, last) = metric.name.rsplit_once('.').unwrap_or(("", metric.name));
    let words = last.trim_end_matches("_s").trim_end_matches("_usd").replace('_', " ");
    match words.as_str() {
        "cpu" | "gpu" => words.to_uppercase(),
        "cpu utilisation" => "CPU utilisation".to_owned(),
        "warm up" => "warm-up".to_owned(),
        _ => words,
    }
}

fn notes(summary: &Summary, fingerprint: &str, width: usize) -> String {
    let started = if summary.wait_s.unfinished == 0 {
        "Every task submitted after the warm-up started.".to_owned()
    } else {
        format!(
            "{} submitted after the warm-up never started and are in no waiting time, which looks \
             better for it.",
            super::table::counted(summary.wait_s.unfinished as usize, "task")
        )
    };
    let undefined = format!("{UNDEFINED} is undefined: there is no such thing to measure.");
    let interval = "One run has no interval: compare runs of several seeds to know how far to \
                    trust a figure.";
    [started.as_str(), &undefined, interval, fingerprint]
        .map(|note| format::wrap(note, width))
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixtures::summary;

    fn lines(summary: &Summary, width: usize) -> Vec<String> {
        let table = summary_table(summary, width).replace('\u{202f}', " ");
        table.lines().map(str::to_owned).collect()
    }

    #[test]
    fn figures_are_grouped_in_human_units() {
        let lines = lines(&summary("binpack:memory", 7), 80);
        let squeezed: Vec<String> = lines
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for want in [
            "gpu-day: arm binpack:memory, placement binpack:memory, queue fifo, seed 7",
            "tasks submitted 10 866",
            "running at end 6",
            "waiting time mean 350 ms",
            "p99 12 s",
            "max 1h 12m",
            "utilisation CPU 63.4 %",
            "allocated at the end CPU –",
            "run warm-up 10m",
            "makespan 1d",
            "cost 1 234.50 USD",
        ] {
            assert!(squeezed.iter().any(|line| line == want), "{want}: {squeezed:#?}");
        }
    }

    #[test]
    fn every_figure_is_in_the_table_once() {
        let mut summary = summary("a", 1);
        let without = METRICS.iter().filter(|one| !one.name.starts_with("requests.")).count();
        assert_eq!(figures_table(&summary).lines().count(), without);
        summary.requests.count = 1;
        assert_eq!(figures_table(&summary).lines().count(), METRICS.len());
    }

    #[test]
    fn values_are_aligned_at_the_right() {
        let table = figures_table(&summary("a", 1));
        let widths: Vec<usize> = table.lines().map(format::width).collect();
        assert!(widths.iter().all(|width| *width == widths[0]));
        assert!(widths[0] <= 60);
    }

    #[test]
    fn instability_and_unfinished_tasks_are_said() {
        let mut summary = summary("a", 1);
        summary.verdict = Verdict::Overloaded;
        summary.wait_s.unfinished = 1;
        let text = lines(&summary, 200).join("\n");
        assert!(text.contains("! Overloaded: the queue kept growing"));
        assert!(text.contains("1 task submitted after the warm-up never started"));
    }

    #[test]
    fn hostile_names_are_harmless_and_no_line_is_too_wide() {
        let mut summary = summary("a", 1);
        summary.scenario = "\u{1b}[2J\u{7}x".repeat(1000);
        summary.placement = "spread:\u{202e}attribute:zone+".repeat(30);
        for width in [0, 60, 80, 120] {
            for line in lines(&summary, width) {
                assert!(format::width(&line) <= width.max(60), "{line}");
                assert!(!line.chars().any(char::is_control), "{line}");
                assert!(!line.contains('\u{202e}'));
            }
        }
    }
}
