//! How wrong a simulation was: errors of tasks as distributions, and the ranking metric of arms
//! simulated beside real.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Area, FAINT_INK, GRID, INK, NAME_COLUMNS, PlotError, TITLE_HEIGHT, WIDTH, names_width, svg,
    text,
};
use super::lines::{Axes, LEGEND_SAMPLE, Line, Step, draw_legend, draw_panel};
use super::ranking::{AXIS_HEIGHT, ROW, draw_estimate, range};
use crate::experiment::metric::Unit;
use crate::experiment::statistics::Estimate;
use crate::replay::statistics::quantile;
use crate::replay::verdict::{ArmVerdict, Measure, TaskGroup, Verdict};
use crate::report::format::{self, Scale};

/// Height of the panel of an arm, its name included, pixels.
const PANEL: u32 = 300;

/// Height kept for the name above a panel, pixels.
const PANEL_TITLE: u32 = 24;

/// What each arm's panel shows, by metric.
const SHOWN: [(&str, &str); 2] = [("start_latency_s", "start"), ("completion_s", "completion")];

/// For each arm the share of tasks whose relative error of start latency and of completion is at
/// most so large, simulated against real and real against real.
///
/// Axes end beyond the 95th percentile of the widest line, so that a few tasks do not flatten the
/// rest: a line that does not reach 100 % has errors beyond.
pub fn error_svg(scenario: &str, verdict: &Verdict) -> Result<String, PlotError> {
    let title = format!("{}: errors of tasks' times", format::elide(scenario, 50));
    let calibration = if verdict.calibrated { "" } else { "; uncalibrated" };
    let subtitle = format!(
        "share of tasks with at most that relative error; beside it that of one real run against \
         another{calibration}"
    );
    let height = TITLE_HEIGHT + PANEL * verdict.arms.len().max(1) as u32;
    svg(height, &title, &subtitle, |root| {
        let names = legend();
        let width = LEGEND_SAMPLE + names_width(names.iter().map(|(_, name)| name.as_str())) + 12;
        for (place, arm) in verdict.arms.iter().enumerate() {
            let top = TITLE_HEIGHT + PANEL * place as u32;
            let (_, below) = root.split_vertically(top);
            let (area, _) = below.split_vertically(PANEL);
            let (area, _) = area.split_horizontally(WIDTH - width);
            let middle = (top + PANEL_TITLE / 2).cast_signed();
            let name = format::elide(&arm.name, 80);
            root.draw(&Text::new(name, (12, middle), text(13, INK, HPos::Left)))?;
            let (_, panel) = area.split_vertically(PANEL_TITLE);
            draw_errors(root, &panel, arm)?;
            let corner = (WIDTH - width).cast_signed();
            draw_legend(root, (corner, (top + PANEL_TITLE).cast_signed()), &names)?;
        }
        Ok(())
    })
}

/// Marks and names of the lines of a panel.
fn legend() -> Vec<(String, String)> {
    let names = SHOWN
        .iter()
        .flat_map(|(_, name)| [format!("{name}, simulated"), format!("{name}, real against real")]);
    names.enumerate().map(|(place, name)| ((place + 1).to_string(), name)).collect()
}

fn draw_errors(root: &Area<'_>, panel: &Area<'_>, arm: &ArmVerdict) -> Result<(), PlotError> {
    let group = Some(TaskGroup::All);
    let samples: Vec<&[f64]> = SHOWN
        .iter()
        .flat_map(|(metric, _)| {
            let found = arm.metric(metric, group, Measure::RelativeError);
            found.map_or([&[][..]; 2], |found| [&found.samples.errors, &found.samples.floor])
        })
        .collect();
    let ends = samples.iter().filter_map(|sample| quantile(sample, 0.95));
    // Of no error at all a hundredth is shown.
    let end = ends.fold(0.01, f64::max) * 115.0;
    let axes = Axes {
        times: [0.0, end],
        time_label: "relative error, either direction (%)",
        top: 102.0,
        value_label: "tasks (%)",
    };
    let drawn = samples.iter().enumerate().filter(|(_, sample)| !sample.is_empty());
    let lines: Vec<Line> = drawn
        .map(|(series, sample)| {
            let steps = stairs(sample, end);
            Line { badge: (series + 1).to_string(), series, steps }
        })
        .collect();
    draw_panel(root, panel, &axes, &lines, samples.len())
}

/// The empirical distribution function of errors, up to `end`; both in percent.
fn stairs(sorted: &[f64], end: f64) -> Vec<Step> {
    let share = |count: usize| count as f64 / sorted.len() as f64 * 100.0;
    let mut steps = Vec::new();
    let (mut start, mut below) = (0.0, 0);
    for same in sorted.chunk_by(|a, b| a == b) {
        let at = (same[0] * 100.0).min(end);
        if at > start {
            steps.push(Step { start, end: at, value: share(below) });
        }
        if same[0] * 100.0 > end {
            return steps;
        }
        (start, below) = (at, below + same.len());
    }
    if start < end {
        steps.push(Step { start, end, value: share(below) });
    }
    steps
}

/// The ranking metric of each arm, simulated above real: means as dots, 95 % intervals as whiskers.
pub fn replay_metric_svg(scenario: &str, verdict: &Verdict) -> Result<String, PlotError> {
    let metric = verdict.ranking.metric;
    let title = format!("{}: {}, simulated and real", format::elide(scenario, 50), metric.label());
    let calibration = if verdict.calibrated { "" } else { "; uncalibrated" };
    let subtitle =
        format!("dots: mean over runs, whiskers: 95 % interval; lower is better{calibration}");
    let rows = verdict.ranking.arms.len().max(1) as u32 * 2;
    let height = TITLE_HEIGHT + AXIS_HEIGHT + ROW * rows + 12;
    svg(height, &title, &subtitle, |root| draw_metric(root, verdict, metric.label()))
}

fn draw_metric(root: &Area<'_>, verdict: &Verdict, label: &str) -> Result<(), PlotError> {
    let ranking = &verdict.ranking;
    let rows: Vec<(String, Option<Estimate>)> = ranking
        .arms
        .iter()
        .flat_map(|arm| {
            let name = format::elide(&arm.name, NAME_COLUMNS);
            [(format!("{name}, simulated"), arm.simulated), (format!("{name}, real"), arm.real)]
        })
        .collect();
    let estimates: Vec<Option<Estimate>> = rows.iter().map(|(_, estimate)| *estimate).collect();
    let typical = estimates.iter().flatten().map(|one| one.mean.abs()).fold(0.0, f64::max);
    let scale = Scale::of(Unit::Seconds, typical);
    let [low, high] = range(&estimates, scale);
    let count = rows.len().max(1) as f64;
    let (_, below) = root.split_vertically(TITLE_HEIGHT);
    let mut chart = ChartBuilder::on(&below)
        .margin(6)
        .margin_right(28)
        .x_label_area_size(AXIS_HEIGHT - 6)
        .y_label_area_size(names_width(rows.iter().map(|(name, _)| name.as_str())) + 24)
        .build_cartesian_2d(low..high, 0.0..count)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_labels(8)
        .y_labels(0)
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(FAINT_INK)
        .label_style(text(12, INK, HPos::Center))
        .axis_desc_style(text(13, INK, HPos::Center))
        .x_label_formatter(&|value| format::short_number(*value))
        .x_desc(scale.heading(label))
        .draw()?;
    for (place, (name, estimate)) in rows.iter().enumerate() {
        let row = count - place as f64 - 0.5;
        let (left, middle) = chart.plotting_area().map_coordinate(&(low, row));
        root.draw(&Text::new(name.as_str(), (left - 10, middle), text(12, INK, HPos::Right)))?;
        if let Some(estimate) = estimate {
            let at = |value: f64| chart.plotting_area().map_coordinate(&(value, row)).0;
            draw_estimate(root, estimate, scale, (place % 2, middle), &at)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
