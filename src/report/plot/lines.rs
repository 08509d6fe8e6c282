//! A panel of lines over time, and the legend that tells them apart.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Area, FAINT_INK, GRID, INK, PlotError, colour, text};
use crate::report::format;

/// Radius of a badge, pixels.
const BADGE_RADIUS: i32 = 7;

/// Most lines that are drawn thick and with many badges.
const FEW: usize = 8;

/// Pixels from one line of the legend to the next.
pub(super) const LEGEND_STEP: u32 = 21;

/// Pixels of a line of the legend before its name.
pub(super) const LEGEND_SAMPLE: u32 = 52;

/// A stretch of a line: start and end in time, value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) value: f64,
}

/// One line: constant over each step, broken where there is nothing.
pub(super) struct Line {
    /// What stands in its badges.
    pub(super) badge: String,
    /// Position in the legend, which sets the colour.
    pub(super) series: usize,
    /// In time order, without overlap.
    pub(super) steps: Vec<Step>,
}

impl Line {
    /// Corners of the line, one list for each part without a break.
    fn parts(&self) -> Vec<Vec<(f64, f64)>> {
        let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last_end = f64::NAN;
        for step in &self.steps {
            if step.start != last_end {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend([(step.start, step.value), (step.end, step.value)]);
            }
            last_end = step.end;
        }
        parts
    }

    fn at(&self, time: f64) -> Option<f64> {
        let after = self.steps.partition_point(|step| step.end <= time);
        self.steps.get(after).filter(|step| step.start <= time).map(|step| step.value)
    }
}

/// Axes of a panel.
pub(super) struct Axes<'a> {
    /// First and last time, in the unit of the time axis.
    pub(super) times: [f64; 2],
    /// What stands below the time axis, unit included.
    pub(super) time_label: &'a str,
    /// Upper end of the other axis, which starts at 0.
    pub(super) top: f64,
    /// What stands beside the other axis, unit included.
    pub(super) value_label: &'a str,
}

/// Draws lines into `area` of `root`; badges of `series` lines are set off against one another.
pub(super) fn draw_panel(
    root: &Area<'_>,
    area: &Area<'_>,
    axes: &Axes<'_>,
    lines: &[Line],
    series: usize,
) -> Result<(), PlotError> {
    let [start, end] = axes.times;
    let (thickness, badges) = if series <= FEW { (2, 4) } else { (1, 2) };
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(start..end, 0.0..axes.top)?;
    chart
        .configure_mesh()
        .x_labels(10)
        .y_labels(6)
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(FAINT_INK)
        .label_style(text(12, INK, HPos::Center))
        .axis_desc_style(text(13, INK, HPos::Center))
        .x_label_formatter(&|time| format::short_number(*time))
        .y_label_formatter(&|value| format::short_number(*value))
        .x_desc(axes.time_label)
        .y_desc(axes.value_label)
        .draw()?;
    for line in lines {
        let style = colour(line.series).stroke_width(thickness);
        for part in line.parts() {
            chart.draw_series(LineSeries::new(part, style))?;
        }
    }
    for line in lines {
        let places = (0..badges).filter_map(|badge| {
            let offset = (line.series as f64 + 0.5) / series as f64;
            let share = (f64::from(badge) + offset) / f64::from(badges);
            let time = start + share * (end - start);
            Some((time, line.at(time)?))
        });
        for place in places {
            let pixel = chart.plotting_area().map_coordinate(&place);
            draw_badge(root, pixel, &line.badge, line.series)?;
        }
    }
    Ok(())
}

/// Draws a circle with the mark of a series, centred at `place` of the whole plot.
pub(super) fn draw_badge(
    root: &Area<'_>,
    place: (i32, i32),
    mark: &str,
    series: usize,
) -> Result<(), PlotError> {
    root.draw(&Circle::new(place, BADGE_RADIUS, WHITE.filled()))?;
    root.draw(&Circle::new(place, BADGE_RADIUS, colour(series).stroke_width(2)))?;
    root.draw(&Text::new(mark, place, text(9, INK, HPos::Center)))?;
    Ok(())
}

/// Draws the name of each series, its badge and its line, from the `corner` at the upper left.
pub(super) fn draw_legend(
    root: &Area<'_>,
    corner: (i32, i32),
    entries: &[(String, String)],
) -> Result<(), PlotError> {
    let (left, top) = corner;
    for (series, (mark, name)) in entries.iter().enumerate() {
        let middle = top + 16 + (series as u32 * LEGEND_STEP).cast_signed();
        let style = colour(series).stroke_width(2);
        root.draw(&PathElement::new(vec![(left + 6, middle), (left + 44, middle)], style))?;
        draw_badge(root, (left + 25, middle), mark, series)?;
        let place = (left + LEGEND_SAMPLE.cast_signed(), middle);
        root.draw(&Text::new(name.as_str(), place, text(12, INK, HPos::Left)))?;
    }
    Ok(())
}
