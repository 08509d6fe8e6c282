//! Plots of wall-clock costs on logarithmic axes: decisions against instances, latency against the
//! rate of arrivals.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Area, FAINT_INK, GRID, INK, NAME_COLUMNS, PlotError, TITLE_HEIGHT, WIDTH, colour, names_width,
    svg, text,
};
use super::lines::{LEGEND_SAMPLE, LEGEND_STEP, draw_badge, draw_legend};
use crate::benchmark::{Level, Row};
use crate::report::format;

/// Height of the panel, pixels.
const PANEL: u32 = 460;

/// Points of one line, by their horizontal place.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// What the plot is called and what its axes are.
struct Frame<'a> {
    title: &'a str,
    subtitle: &'a str,
    across: &'a str,
    up: &'a str,
}

/// Mean cost of a decision against the number of instances: a line per strategy, placer and, where
/// there are several, utilisation.
pub fn cost_svg(rows: &[Row]) -> Result<String, PlotError> {
    let several = rows.iter().any(|row| row.utilisation != rows[0].utilisation);
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let share = row.utilisation.filter(|_| several);
        let share = share.map_or(String::new(), |share| format!(" at {}", format::share(share)));
        let name = format!("{}, {}{share}", row.strategy, row.placer);
        add(&mut lines, name, (row.instances as f64, row.ns_per_decision.mean));
    }
    let frame = Frame {
        title: "Cost of a placement decision against the size of the cluster",
        subtitle: "mean wall-clock time on one thread; both axes are logarithmic",
        across: "container instances",
        up: "time of a decision",
    };
    draw(&frame, &lines)
}

/// 99th percentile of the latency of decisions against the rate of arrivals: a line per strategy,
/// placer and size.
pub fn latency_svg(levels: &[Level]) -> Result<String, PlotError> {
    let mut lines: Vec<Line> = Vec::new();
    for level in levels {
        let size = format::count(level.instances);
        let share = format::share(level.utilisation);
        let name = format!("{}, {}, {size} at {share}", level.strategy, level.placer);
        add(&mut lines, name, (level.rate_per_s, level.latency_ns.p99));
    }
    let frame = Frame {
        title: "Latency of placement decisions against the rate of arrivals",
        subtitle: "99th percentile from arrival to decision, the wait for earlier ones included; \
                   both axes are logarithmic",
        across: "arrivals per second",
        up: "p99 of the latency",
    };
    draw(&frame, &lines)
}

fn add(lines: &mut Vec<Line>, name: String, point: (f64, f64)) {
    // Zero has no place on a logarithmic axis.
    let point = (point.0.max(1.0), point.1.max(1.0));
    match lines.iter_mut().find(|line| line.name == name) {
        Some(line) => line.points.push(point),
        None => lines.push(Line { name, points: vec![point] }),
    }
}

fn draw(frame: &Frame<'_>, lines: &[Line]) -> Result<String, PlotError> {
    let names: Vec<(String, String)> = (1..)
        .zip(lines)
        .map(|(number, line): (usize, &Line)| {
            (number.to_string(), format::elide(&line.name, NAME_COLUMNS))
        })
        .collect();
    let legend = LEGEND_SAMPLE + names_width(names.iter().map(|(_, name)| name.as_str())) + 12;
    let legend = legend.min(WIDTH / 2);
    let below = TITLE_HEIGHT + 24 + LEGEND_STEP * lines.len() as u32;
    svg(below.max(TITLE_HEIGHT + PANEL), frame.title, frame.subtitle, |root| {
        let (_, below_title) = root.split_vertically(TITLE_HEIGHT);
        let (panel, _) = below_title.split_horizontally(WIDTH - legend);
        let (panel, _) = panel.split_vertically(PANEL);
        draw_panel(root, &panel, frame, lines)?;
        let corner = ((WIDTH - legend).cast_signed(), TITLE_HEIGHT.cast_signed());
        draw_legend(root, corner, &names)
    })
}

fn draw_panel(
    root: &Area<'_>,
    panel: &Area<'_>,
    frame: &Frame<'_>,
    lines: &[Line],
) -> Result<(), PlotError> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let across = decades(points().map(|point| point.0));
    let up = decades(points().map(|point| point.1));
    let mut chart = ChartBuilder::on(panel)
        .margin(6)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d((across.0..across.1).log_scale(), (up.0..up.1).log_scale())?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(FAINT_INK)
        .label_style(text(12, INK, HPos::Center))
        .axis_desc_style(text(13, INK, HPos::Center))
        .x_label_formatter(&|count| format::short_number(*count))
        .y_label_formatter(&|nanos| nanos_text(*nanos))
        .x_desc(frame.across)
        .y_desc(frame.up)
        .draw()?;
    for (series, line) in lines.iter().enumerate() {
        let style = colour(series).stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
    }
    for (series, line) in lines.iter().enumerate() {
        for point in &line.points {
            let pixel = chart.plotting_area().map_coordinate(point);
            draw_badge(root, pixel, &(series + 1).to_string(), series)?;
        }
    }
    Ok(())
}

/// A time in the unit it is best read in: `350 ns`, `4.2 ms`.
pub(crate) fn nanos_text(nanos: f64) -> String {
    if nanos < 999.5 {
        return format!("{} ns", format::short_number(nanos));
    }
    format::duration(nanos * 1e-9)
}

/// The decades that hold all of `values`, at least one.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, 1.0_f64);
    for value in values {
        low = low.min(value);
        high = high.max(value);
    }
    let low = if low.is_finite() { libm::floor(libm::log10(low)) } else { 0.0 };
    let high = libm::ceil(libm::log10(high)).max(low + 1.0);
    (libm::pow(10.0, low), libm::pow(10.0, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_every_value_between_powers_of_ten() {
        assert_eq!(decades([250.0, 3_000.0].into_iter()), (100.0, 10_000.0));
        assert_eq!(decades([100.0].into_iter()), (100.0, 1000.0));
        assert_eq!(decades([].into_iter()), (1.0, 10.0));
    }

    #[test]
    fn times_are_in_their_unit() {
        let texts = [12.0, 999.0, 1500.0, 2e6].map(nanos_text);
        assert_eq!(texts, ["12 ns", "999 ns", "1.5 µs", "2 ms"]);
    }
}
