//! The ranking of a comparison: a dot for each arm's mean, whiskers for its interval.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Area, FAINT_INK, GRID, INK, NAME_COLUMNS, PlotError, TITLE_HEIGHT, WIDTH, colour, names_width,
    svg, text,
};
use crate::experiment::comparison::{Arm, Comparison};
use crate::experiment::metric::Better;
use crate::experiment::statistics::Estimate;
use crate::report::format::{self, Scale, UNDEFINED};
use crate::report::table::Numbers;

/// Height of the row of an arm, pixels.
pub(super) const ROW: u32 = 26;

/// Height kept for the axis below, pixels.
pub(super) const AXIS_HEIGHT: u32 = 50;

/// Half the height of the end of a whisker, pixels.
const WHISKER_END: i32 = 5;

/// Share of the axis left free at each end.
const MARGIN: f64 = 0.06;

/// The metric that arms are ranked by, best arm on top: means as dots, 95 % intervals as whiskers,
/// both as numbers at the right.
///
/// Whether two arms differ is not to be read off overlapping whiskers: that is the paired
/// difference in [`Comparison::pairs`], which is much better known.
pub fn metric_svg(comparison: &Comparison) -> Result<String, PlotError> {
    let metric = comparison.ranking_metric.metric();
    let direction = match metric.better {
        Better::Higher => "higher",
        Better::Lower | Better::Neither => "lower",
    };
    let title = format!("{}: {} by arm", format::elide(&comparison.scenario, 50), metric.label);
    let interval = if comparison.seeds.len() > 1 { ", whiskers: 95 % interval" } else { "" };
    let unstable = if comparison.arms.iter().all(|arm| arm.unstable_runs.is_none()) {
        ""
    } else {
        "; !: not every run was stable"
    };
    let subtitle = format!(
        "dots: mean of {}{interval}; {direction} is better{unstable}",
        crate::report::table::counted(comparison.seeds.len(), "seed")
    );
    let height = TITLE_HEIGHT + AXIS_HEIGHT + ROW * comparison.arms.len().max(1) as u32 + 12;
    svg(height, &title, &subtitle, |root| draw(root, comparison))
}

fn draw(root: &Area<'_>, comparison: &Comparison) -> Result<(), PlotError> {
    let metric = comparison.ranking_metric.metric();
    let numbers = Numbers::of(comparison, metric);
    let estimates: Vec<Option<Estimate>> =
        comparison.arms.iter().map(|arm| arm.estimate(metric.name)).collect();
    let names: Vec<String> = comparison.arms.iter().map(name).collect();
    let values: Vec<String> = estimates
        .iter()
        .map(|estimate| {
            estimate.map_or(UNDEFINED.to_owned(), |estimate| numbers.with_half_width(estimate))
        })
        .collect();
    let [low, high] = range(&estimates, numbers.scale());
    let rows = comparison.arms.len().max(1) as f64;
    let (_, below) = root.split_vertically(TITLE_HEIGHT);
    let mut chart = ChartBuilder::on(&below)
        .margin(6)
        .margin_right(names_width(values.iter().map(String::as_str)) + 28)
        .x_label_area_size(AXIS_HEIGHT - 6)
        .y_label_area_size(names_width(names.iter().map(String::as_str)) + 24)
        .build_cartesian_2d(low..high, 0.0..rows)?;
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
        .x_desc(numbers.scale().heading(metric.label))
        .draw()?;
    for (rank, estimate) in estimates.iter().enumerate() {
        let row = rows - rank as f64 - 0.5;
        let (left, middle) = chart.plotting_area().map_coordinate(&(low, row));
        let name = Text::new(names[rank].as_str(), (left - 10, middle), text(12, INK, HPos::Right));
        root.draw(&name)?;
        let right = WIDTH.cast_signed() - 12;
        let value = Text::new(values[rank].as_str(), (right, middle), text(12, INK, HPos::Right));
        root.draw(&value)?;
        if let Some(estimate) = estimate {
            let place = |value: f64| chart.plotting_area().map_coordinate(&(value, row)).0;
            draw_estimate(root, estimate, numbers.scale(), (0, middle), &place)?;
        }
    }
    Ok(())
}

fn name(arm: &Arm) -> String {
    let mark = if arm.unstable_runs.is_none() { "" } else { " !" };
    format!("{}{mark}", format::elide(&arm.name, NAME_COLUMNS))
}

/// Draws dot and whiskers in the colour of a series and at the height `middle`; `place` takes a
/// shown value to its pixel.
pub(super) fn draw_estimate(
    root: &Area<'_>,
    estimate: &Estimate,
    scale: Scale,
    (series, middle): (usize, i32),
    place: &dyn Fn(f64) -> i32,
) -> Result<(), PlotError> {
    let line = colour(series).stroke_width(2);
    let at = |value: f64| place(value * scale.factor);
    if let Some([low, high]) = estimate.ci95 {
        let (low, high) = (at(low), at(high));
        root.draw(&PathElement::new(vec![(low, middle), (high, middle)], line))?;
        for end in [low, high] {
            let ends = vec![(end, middle - WHISKER_END), (end, middle + WHISKER_END)];
            root.draw(&PathElement::new(ends, line))?;
        }
    }
    root.draw(&Circle::new((at(estimate.mean), middle), 5, colour(series).filled()))?;
    Ok(())
}

/// The values that the axis shows: every interval with a margin, and 0 when that is near.
pub(super) fn range(estimates: &[Option<Estimate>], scale: Scale) -> [f64; 2] {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for estimate in estimates.iter().flatten() {
        let [lower, upper] = estimate.ci95.unwrap_or([estimate.mean; 2]);
        low = low.min(lower * scale.factor);
        high = high.max(upper * scale.factor);
    }
    if low > high {
        return [0.0, 1.0];
    }
    let span = high - low;
    // The least span keeps axes of nearly equal values from zooming into rounding.
    let margin = (span * MARGIN).max(high.abs().max(low.abs()) * 0.01).max(1e-9);
    let from = if (0.0..=span).contains(&low) { 0.0 } else { low - margin };
    [from, high + margin]
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;
