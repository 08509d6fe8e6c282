//! Tests of the plots over time.

use super::*;

fn point(start_s: f64, end_s: f64, cpu: Option<f64>) -> TimelinePoint {
    TimelinePoint {
        start_s,
        end_s,
        cpu,
        memory: Some(0.5),
        gpu: None,
        pending: start_s / 100.0,
        running: 3.0,
        instances: 2.0,
    }
}

fn timeline(arm: usize, points: usize) -> Vec<TimelinePoint> {
    (0..points)
        .map(|number| {
            let start = number as f64 * 60.0;
            let wave = libm::sin(number as f64 / 40.0 + arm as f64 / 3.0);
            let mut point = point(start, start + 60.0, Some(0.6 + 0.3 * wave));
            point.gpu = Some(0.5 + 0.02 * arm as f64);
            point.pending = (200.0 * wave + 10.0 * arm as f64).max(0.0);
            point
        })
        .collect()
}

#[test]
fn lines_are_broken_where_nothing_is_defined() {
    let points =
        [point(0.0, 10.0, Some(0.1)), point(10.0, 20.0, None), point(20.0, 30.0, Some(0.3))];
    let span = Span::of(&[("a", &points)]);
    let line = span.line("1".to_owned(), 0, &points, |point| point.cpu, 100.0);
    let times: Vec<(f64, f64)> = line.steps.iter().map(|step| (step.start, step.end)).collect();
    assert_eq!(times, [(0.0, 10.0), (20.0, 30.0)]);
    assert_eq!(line.steps[0].value, 10.0);
}

#[test]
fn long_timelines_are_averaged_by_time() {
    let points: Vec<TimelinePoint> = (0..3000)
        .map(|number| {
            let start = f64::from(number);
            point(start, start + 1.0, Some(f64::from(number % 2)))
        })
        .collect();
    let span = Span::of(&[("a", &points)]);
    let line = span.line("1".to_owned(), 0, &points, |point| point.cpu, 1.0);
    assert_eq!(line.steps.len(), 300);
    assert!(line.steps.iter().all(|step| (step.value - 0.5).abs() < 1e-12));
    let uneven =
        [Step { start: 0.0, end: 3.0, value: 1.0 }, Step { start: 3.0, end: 4.0, value: 5.0 }];
    assert_eq!(joined(uneven[0], uneven[1]).value, 2.0);
}

#[test]
fn one_run_has_a_line_per_resource_it_has() {
    let points = [point(0.0, 7200.0, Some(0.2)), point(7200.0, 14_400.0, Some(0.4))];
    let svg = utilisation_svg(&[("only <run> & \"co\"", &points)]).unwrap();
    assert!(svg.contains("\nCPU\n") && svg.contains("\nmemory\n") && !svg.contains("GPU"));
    assert!(svg.contains("only &lt;run&gt; &amp; &quot;co&quot;"));
    assert!(svg.contains("time since the start (h)"));
    assert!(svg.contains("reserved (%)"));
}

#[test]
fn several_runs_have_a_panel_per_resource() {
    let timelines: Vec<Vec<TimelinePoint>> = (0..3).map(|arm| timeline(arm, 50)).collect();
    let names = ["a<script>", "b\u{1b}[31m", "c"];
    let series: Vec<(&str, &[TimelinePoint])> =
        names.into_iter().zip(timelines.iter().map(Vec::as_slice)).collect();
    let svg = utilisation_svg(&series).unwrap();
    for label in ["CPU reserved (%)", "memory reserved (%)", "GPU reserved (%)"] {
        assert!(svg.contains(label));
    }
    assert!(svg.contains("a&lt;script&gt;") && !svg.contains("<script"));
    assert!(!svg.contains('\u{1b}'));
    assert_eq!(svg, utilisation_svg(&series).unwrap());
}

#[test]
fn nothing_at_all_is_still_a_plot() {
    let empty: [(&str, &[TimelinePoint]); 1] = [("a", &[])];
    for svg in
        [utilisation_svg(&[]), utilisation_svg(&empty), pending_svg(&[]), pending_svg(&empty)]
    {
        let svg = svg.unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }
}

#[test]
fn twenty_runs_stay_small_and_named() {
    let timelines: Vec<Vec<TimelinePoint>> = (0..20).map(|arm| timeline(arm, 1440)).collect();
    let names: Vec<String> = (0..20).map(|arm| format!("placement-{arm}+binpack:memory")).collect();
    let series: Vec<(&str, &[TimelinePoint])> = names
        .iter()
        .zip(&timelines)
        .map(|(name, points)| (name.as_str(), points.as_slice()))
        .collect();
    let svg = pending_svg(&series).unwrap();
    assert!(svg.len() < 250_000, "{} bytes", svg.len());
    assert!(names.iter().all(|name| svg.contains(name.as_str())));
    assert!(svg.contains("time since the start (h)"));
}
