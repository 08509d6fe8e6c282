//! Plots over time: shares reserved, and tasks pending.

use super::canvas::{Area, NAME_COLUMNS, PlotError, TITLE_HEIGHT, WIDTH, names_width, svg};
use super::lines::{Axes, LEGEND_SAMPLE, LEGEND_STEP, Line, Step, draw_legend, draw_panel};
use crate::experiment::metric::Unit;
use crate::metrics::timeline_point::TimelinePoint;
use crate::report::format::{self, Scale};

/// Steps of a line at most: about two pixels each. Longer timelines are averaged.
const MOST_STEPS: f64 = 300.0;

/// Height of a panel when there is only one, pixels.
const ONE_PANEL: u32 = 400;

/// Height of each of several panels, pixels.
const ONE_OF_PANELS: u32 = 250;

/// Height that each run of a comparison adds to a panel, pixels.
const PANEL_PER_RUN: u32 = 6;

/// A figure of a point, if it is defined there.
type Figure = fn(&TimelinePoint) -> Option<f64>;

/// What is shared: mark in a badge, name, figure.
const RESOURCES: [(&str, &str, Figure); 3] = [
    ("C", "CPU", |point| point.cpu),
    ("M", "memory", |point| point.memory),
    ("G", "GPU", |point| point.gpu),
];

/// Share of CPU, memory and GPUs reserved over time: of one run as one line per resource, of
/// several as one panel per resource and one line per run. A resource that no run has is left out.
///
/// `series` holds each run's name and its points in time order. Of more than some 300 points
/// the time-weighted means of neighbours are drawn. Takes time linear in the points.
pub fn utilisation_svg(series: &[(&str, &[TimelinePoint])]) -> Result<String, PlotError> {
    let title = "Share of the cluster reserved over time";
    let resources = RESOURCES.iter().filter(|(_, _, figure)| {
        series.iter().any(|(_, points)| points.iter().any(|point| figure(point).is_some()))
    });
    let span = Span::of(series);
    if let [(name, points)] = series {
        let (mut lines, mut legend) = (Vec::new(), Vec::new());
        for (position, (badge, resource, figure)) in resources.enumerate() {
            lines.push(span.line((*badge).to_owned(), position, points, *figure, 100.0));
            legend.push(((*badge).to_owned(), (*resource).to_owned()));
        }
        let panel = Panel::of_shares("reserved (%)".to_owned(), lines);
        return draw(title, &format::elide(name, 100), &span, &legend, &[panel]);
    }
    let panels = resources.map(|(_, resource, figure)| {
        let lines = span.lines(series, *figure, 100.0);
        Panel::of_shares(format!("{resource} reserved (%)"), lines)
    });
    draw(title, &subtitle(series), &span, &legend(series), &panels.collect::<Vec<_>>())
}

/// Tasks submitted and not placed over time, one line per run; `series` as in [`utilisation_svg`].
pub fn pending_svg(series: &[(&str, &[TimelinePoint])]) -> Result<String, PlotError> {
    let span = Span::of(series);
    let lines = span.lines(series, |point| Some(point.pending), 1.0);
    let steps = lines.iter().flat_map(|line| &line.steps);
    let highest = steps.map(|step| step.value).fold(0.0, f64::max);
    let panel = Panel { label: "pending tasks".to_owned(), top: (highest * 1.08).max(1.0), lines };
    let subtitle = match series {
        [(name, _)] => format::elide(name, 100),
        _ => subtitle(series),
    };
    draw("Pending tasks over time", &subtitle, &span, &legend(series), &[panel])
}

fn subtitle(series: &[(&str, &[TimelinePoint])]) -> String {
    format!(
        "{} runs, one line each; the numbers on the lines are those of the legend",
        series.len()
    )
}

/// Mark and name of each run.
fn legend(series: &[(&str, &[TimelinePoint])]) -> Vec<(String, String)> {
    let names = series.iter().map(|(name, _)| format::elide(name, NAME_COLUMNS));
    names.enumerate().map(|(position, name)| ((position + 1).to_string(), name)).collect()
}

/// The time that the plots show.
struct Span {
    start_s: f64,
    end_s: f64,
    scale: Scale,
}

impl Span {
    fn of(series: &[(&str, &[TimelinePoint])]) -> Self {
        let points = || series.iter().flat_map(|(_, points)| points.iter());
        let start_s = points().map(|point| point.start_s).fold(f64::INFINITY, f64::min);
        let end_s = points().map(|point| point.end_s).fold(f64::NEG_INFINITY, f64::max);
        let (start_s, end_s) = if start_s < end_s && (end_s - start_s).is_finite() {
            (start_s, end_s)
        } else {
            (0.0, 1.0)
        };
        let scale = Scale::of(Unit::Seconds, end_s - start_s);
        Self { start_s, end_s, scale }
    }

    fn lines(&self, series: &[(&str, &[TimelinePoint])], figure: Figure, factor: f64) -> Vec<Line> {
        let numbered = series.iter().enumerate();
        numbered
            .map(|(position, (_, points))| {
                self.line((position + 1).to_string(), position, points, figure, factor)
            })
            .collect()
    }

    /// The line of one figure, times `factor`, in the unit of the time axis.
    fn line(
        &self,
        badge: String,
        series: usize,
        points: &[TimelinePoint],
        figure: Figure,
        factor: f64,
    ) -> Line {
        let least = (self.end_s - self.start_s) / MOST_STEPS;
        let mut steps: Vec<Step> = Vec::new();
        let mut is_full = true;
        for point in points {
            let value = figure(point).filter(|value| value.is_finite());
            let (Some(value), true) = (value, point.start_s < point.end_s) else {
                is_full = true;
                continue;
            };
            let next = Step { start: point.start_s, end: point.end_s, value: value * factor };
            match steps.last_mut() {
                Some(step) if !is_full && step.end == next.start => *step = joined(*step, next),
                _ => steps.push(next),
            }
            is_full = steps.last().is_none_or(|step| step.end - step.start >= least);
        }
        for step in &mut steps {
            step.start *= self.scale.factor;
            step.end *= self.scale.factor;
        }
        Line { badge, series, steps }
    }
}

/// Two neighbours as one step of their time-weighted mean.
fn joined(first: Step, second: Step) -> Step {
    let weight = (second.end - second.start) / (second.end - first.start);
    Step {
        start: first.start,
        end: second.end,
        value: first.value + (second.value - first.value) * weight,
    }
}

/// One panel of a plot.
struct Panel {
    label: String,
    top: f64,
    lines: Vec<Line>,
}

impl Panel {
    fn of_shares(label: String, lines: Vec<Line>) -> Self {
        // A line at 100 % is not to be cut by the frame.
        let top = 104.0;
        Self { label, top, lines }
    }
}

fn draw(
    title: &str,
    subtitle: &str,
    span: &Span,
    legend: &[(String, String)],
    panels: &[Panel],
) -> Result<String, PlotError> {
    let runs = legend.len() as u32;
    let panel_height =
        if panels.len() > 1 { ONE_OF_PANELS + PANEL_PER_RUN * runs } else { ONE_PANEL };
    let legend_height = (runs + 1) * LEGEND_STEP;
    let height = TITLE_HEIGHT + (panel_height * panels.len().max(1) as u32).max(legend_height);
    let names = names_width(legend.iter().map(|(_, name)| name.as_str()));
    let legend_width = LEGEND_SAMPLE + names + 8;
    svg(height, title, subtitle, |root| {
        let (_, below) = root.split_vertically(TITLE_HEIGHT);
        let legend_left = WIDTH - legend_width;
        let (left, _) = below.split_horizontally(legend_left);
        draw_legend(root, (legend_left.cast_signed(), TITLE_HEIGHT.cast_signed()), legend)?;
        let areas: Vec<Area<'_>> = left.split_evenly((panels.len().max(1), 1));
        for (panel, area) in panels.iter().zip(&areas) {
            let axes = Axes {
                times: [span.start_s, span.end_s].map(|time| time * span.scale.factor),
                time_label: &span.scale.heading("time since the start"),
                top: panel.top,
                value_label: &panel.label,
            };
            draw_panel(root, area, &axes, &panel.lines, legend.len())?;
        }
        Ok(())
    })
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
