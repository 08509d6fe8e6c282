//! Tables for the terminal: a comparison at a glance, and the figures of one run.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};

use super::format::{self, Scale, UNDEFINED};
use crate::experiment::comparison::{Arm, Comparison};
use crate::experiment::metric::{Better, Metric, MetricName, Unit};
use crate::experiment::statistics::{Estimate, Winner};

/// Narrowest width that tables are made for, in columns.
const LEAST_WIDTH: usize = 72;

/// Columns that the name of an arm may take of each hundred, where there is room.
const NAME_PERCENT: usize = 40;

/// Columns that the name of an arm may take in any case.
const LEAST_NAME: usize = 10;

/// From here on decimals tell nothing beside the digits before them.
const WHOLE_FROM: f64 = 1e5;

/// From here on numbers are written with an exponent, to keep columns narrow.
const EXPONENT_FROM: f64 = 1e7;

/// Columns between two columns of a table.
const GAP: usize = 2;

/// Figures shown beside the ranking metric, most telling first, with their headings.
const KEY_FIGURES: [(&str, &str); 7] = [
    ("wait_s.p99", "wait p99"),
    ("tasks.rejected", "rejected"),
    ("tasks.pending_at_end", "pending"),
    ("utilisation.cpu", "CPU"),
    ("utilisation.memory", "memory"),
    ("utilisation.gpu", "GPU"),
    ("cost_usd", "cost"),
];

/// A line below the headings and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// One column: its heading, one cell per row, and how they are aligned.
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) cells: Vec<String>,
    pub(super) alignment: CellAlignment,
}

impl Column {
    fn width(&self) -> usize {
        let headings = self.heading.lines().map(format::width);
        let cells = self.cells.iter().map(|cell| format::width(cell));
        headings.chain(cells).max().unwrap_or(0)
    }
}

/// The ranking, the figures that tell most, and which differences are shown, for the terminal.
///
/// No line is wider than `width` columns, or 72 if that is more. Figures that are the same for
/// every arm are named below the table instead; those that do not fit beside the ranking make a
/// second table. Names are cleared of control characters, and cut in the middle when long.
pub fn comparison_table(comparison: &Comparison, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let mut parts = vec![format::wrap(&title(comparison), width)];
    let (rank, figure, verdict) =
        (ranks(comparison), ranking_column(comparison), verdicts(comparison));
    let room = width.saturating_sub(table_width(&[&rank, &figure, &verdict]) + GAP);
    let most = room.min(width * NAME_PERCENT / 100).max(LEAST_NAME);
    let name = names(comparison, most);
    let ranking = [&rank, &name, &figure, &verdict];
    let key_figures = key_figures(comparison);
    let mut others: Vec<&Column> = key_figures.iter().collect();
    let mut left_out = Vec::new();
    if table_width(&[&ranking[..], &others].concat()) <= width {
        parts.push(render(&[&ranking[..], &others].concat()));
    } else {
        parts.push(render(&ranking));
        while table_width(&[&ranking[..2], &others].concat()) > width {
            let Some(column) = others.pop() else { break };
            left_out.push(column.heading.replace('\n', " "));
        }
        if !others.is_empty() {
            parts.push(render(&[&ranking[..2], &others].concat()));
        }
    }
    let notes = super::footnotes::of_comparison(comparison, &equal_figures(comparison), &left_out);
    parts.push(notes.iter().map(|note| format::wrap(note, width)).collect::<Vec<_>>().join("\n"));
    parts.join("\n\n") + "\n"
}

fn title(comparison: &Comparison) -> String {
    let metric = comparison.ranking_metric.metric();
    let direction = match metric.better {
        Better::Higher => "higher is better",
        Better::Lower | Better::Neither => "lower is better",
    };
    format!(
        "{}: {} ranked by {} ({direction}), {}",
        format::elide(&comparison.scenario, 40),
        counted(comparison.arms.len(), "arm"),
        metric.label,
        counted(comparison.seeds.len(), "seed"),
    )
}

/// `1 seed`, `10 seeds`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", format::count(count as u64))
}

fn ranks(comparison: &Comparison) -> Column {
    Column {
        heading: "#".to_owned(),
        cells: (1..=comparison.arms.len()).map(|rank| rank.to_string()).collect(),
        alignment: CellAlignment::Right,
    }
}

fn names(comparison: &Comparison, most: usize) -> Column {
    let name = |arm: &Arm| {
        let mark = if arm.unstable_runs.is_none() { "" } else { " !" };
        format!("{}{mark}", format::elide(&arm.name, most - mark.len()))
    };
    Column {
        heading: "arm".to_owned(),
        cells: comparison.arms.iter().map(name).collect(),
        alignment: CellAlignment::Left,
    }
}

/// How the numbers of one metric are shown: in one unit, with the same decimals for every arm.
pub(super) struct Numbers {
    scale: Scale,
    decimals: usize,
}

impl Numbers {
    pub(super) fn of(comparison: &Comparison, metric: &Metric) -> Self {
        let estimates: Vec<Estimate> =
            comparison.arms.iter().filter_map(|arm| arm.estimate(metric.name)).collect();
        // The median is what most arms are like: one overloaded arm does not set the unit.
        let mut sizes: Vec<f64> = estimates.iter().map(|estimate| estimate.mean.abs()).collect();
        sizes.retain(|size| *size > 0.0);
        sizes.sort_by(f64::total_cmp);
        let typical = sizes.get(sizes.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
        let resolution = estimates
            .iter()
            .filter_map(Estimate::half_width)
            .filter(|half_width| *half_width > 1e-12 * typical)
            .min_by(f64::total_cmp);
        let scale = Scale::of(metric.unit, typical);
        // With an interval that has a width, its digits show how well even a whole mean is known.
        let is_whole =
            resolution.is_none() && estimates.iter().all(|estimate| estimate.mean.fract() == 0.0);
        let decimals = match metric.unit {
            Unit::Share => 1,
            Unit::Count if is_whole => 0,
            _ => scale.decimals(typical, resolution),
        };
        Self { scale, decimals }
    }

    fn mean(&self, mean: f64) -> String {
        match (mean * self.scale.factor).abs() {
            shown if shown >= EXPONENT_FROM => format!("{:.2e}", mean * self.scale.factor),
            shown if shown >= WHOLE_FROM => self.scale.number(mean, 0),
            _ => self.scale.number(mean, self.decimals),
        }
    }

    /// The unit they are shown in.
    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    /// Mean ± half-width, or the mean alone without an interval.
    pub(super) fn with_half_width(&self, estimate: Estimate) -> String {
        match estimate.half_width() {
            Some(half_width) => {
                format!("{} ± {}", self.mean(estimate.mean), self.mean(half_width))
            }
            None => self.mean(estimate.mean),
        }
    }
}

fn ranking_column(comparison: &Comparison) -> Column {
    let metric = comparison.ranking_metric.metric();
    let numbers = Numbers::of(comparison, metric);
    let cell = |arm: &Arm| {
        arm.estimate(metric.name)
            .map_or(UNDEFINED.to_owned(), |estimate| numbers.with_half_width(estimate))
    };
    Column {
        heading: with_unit(metric.label, numbers.scale),
        cells: comparison.arms.iter().map(cell).collect(),
        alignment: CellAlignment::Right,
    }
}

fn verdicts(comparison: &Comparison) -> Column {
    let numbers = Numbers::of(comparison, comparison.ranking_metric.metric());
    let cell = |rank: usize| {
        let pair = rank.checked_sub(1).and_then(|above| comparison.pair(above, rank))?;
        let estimate = pair.difference.estimate();
        let by = estimate.map(|difference| {
            let mean = difference.mean.abs();
            numbers.with_half_width(Estimate { mean, ..difference })
        });
        Some(match (pair.verdict, by) {
            (Winner::A, Some(by)) => format!("better by {by}"),
            (Winner::B, Some(by)) => format!("worse by {by}"),
            _ => "no difference shown".to_owned(),
        })
    };
    Column {
        heading: "the arm above is".to_owned(),
        cells: (0..comparison.arms.len()).map(|rank| cell(rank).unwrap_or_default()).collect(),
        alignment: CellAlignment::Left,
    }
}

/// The key figures besides the ranking metric: name, heading.
fn other_figures(ranking: MetricName) -> impl Iterator<Item = (&'static Metric, &'static str)> {
    KEY_FIGURES
        .iter()
        .filter(move |(name, _)| *name != ranking.as_str())
        .filter_map(|(name, heading)| Some((Metric::find(name)?, *heading)))
}

/// Whether every arm has the same mean of that metric; false for a single arm.
fn is_equal(comparison: &Comparison, metric: &Metric) -> bool {
    let mut means = comparison.arms.iter().map(|arm| Some(arm.estimate(metric.name)?.mean));
    let first = means.next().flatten();
    comparison.arms.len() > 1 && first.is_some() && means.all(|mean| mean == first)
}

fn key_figures(comparison: &Comparison) -> Vec<Column> {
    let mut columns = Vec::new();
    for (metric, heading) in other_figures(comparison.ranking_metric) {
        let is_defined = |arm: &Arm| arm.estimate(metric.name).is_some();
        if is_equal(comparison, metric) || !comparison.arms.iter().any(is_defined) {
            continue;
        }
        let numbers = Numbers::of(comparison, metric);
        let cell = |arm: &Arm| {
            arm.estimate(metric.name)
                .map_or(UNDEFINED.to_owned(), |estimate| numbers.mean(estimate.mean))
        };
        columns.push(Column {
            heading: with_unit(heading, numbers.scale),
            cells: comparison.arms.iter().map(cell).collect(),
            alignment: CellAlignment::Right,
        });
    }
    columns
}

/// The key figures that are the same for every arm, each with its value.
fn equal_figures(comparison: &Comparison) -> Vec<String> {
    other_figures(comparison.ranking_metric)
        .filter(|(metric, _)| is_equal(comparison, metric))
        .filter_map(|(metric, _)| {
            let mean = comparison.arms.first()?.estimate(metric.name)?.mean;
            Some(format!("{} {}", metric.label, format::value(metric.unit, mean)))
        })
        .collect()
}

/// A heading with the unit on a line of its own, to keep the column narrow.
fn with_unit(heading: &str, scale: Scale) -> String {
    if scale.suffix.is_empty() {
        return heading.to_owned();
    }
    format!("{heading}\n{}", scale.suffix)
}

/// Columns that the table of these columns takes.
pub(super) fn table_width(columns: &[&Column]) -> usize {
    columns.iter().map(|column| column.width() + GAP).sum::<usize>().saturating_sub(GAP)
}

pub(super) fn render(columns: &[&Column]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(
        columns.iter().map(|column| Cell::new(&column.heading).set_alignment(column.alignment)),
    );
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for row in 0..rows {
        let cells = columns
            .iter()
            .map(|column| Cell::new(&column.cells[row]).set_alignment(column.alignment));
        table.add_row(cells);
    }
    finish(table)
}

/// A plain table of text within `width` columns; the last column is wrapped where needed.
pub fn plain_table(
    headings: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    width: usize,
) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(width as u16);
    table.set_header(headings.to_vec());
    table.add_rows(rows);
    let mut text = finish(table);
    text.push('\n');
    text
}

/// The table as text: `GAP` columns between its columns, and nothing after the last.
pub(super) fn finish(mut table: Table) -> String {
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        let after = if index == last { 0 } else { GAP as u16 };
        column.set_padding((0, after));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
