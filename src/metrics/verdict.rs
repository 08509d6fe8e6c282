//! Whether the cluster kept up with its load.

use super::TimelinePoint;
use super::summary::{TaskCounts, Verdict};

impl Verdict {
    /// Judges a run by its queue over time.
    ///
    /// *Overloaded*: while tasks arrived (from the warm-up to the last arrival) the mean number
    /// pending in the last third of that time was more than 1.5 times that of the middle third, and
    /// at the last arrival at least 1 % of all tasks (and more than 10) were pending. *Backlogged*:
    /// not that, but tasks were pending when the run ended, or at least 1 % of all (and more than
    /// 10) were on average over the last third. *Stable* otherwise; a queue that turns tasks away
    /// is always stable.
    pub(super) fn judge(
        points: &[TimelinePoint],
        warm_up_s: f64,
        last_arrival_s: f64,
        counts: &TaskCounts,
    ) -> Verdict {
        let many = (counts.submitted as f64 / 100.0).max(10.0);
        let span = last_arrival_s - warm_up_s;
        let pending = |from: f64, to: f64| mean_pending(points, from, to);
        if span > 0.0 {
            let middle = pending(warm_up_s + span / 3.0, warm_up_s + span * 2.0 / 3.0);
            let last = pending(warm_up_s + span * 2.0 / 3.0, last_arrival_s);
            let end = pending(last_arrival_s - span / 100.0, last_arrival_s);
            if last > 1.5 * middle && end > many {
                return Verdict::Overloaded;
            }
            if last > many {
                return Verdict::Backlogged;
            }
        }
        if counts.pending_at_end > 0 { Verdict::Backlogged } else { Verdict::Stable }
    }
}

/// Time-weighted mean number pending between two times, from the points that overlap.
fn mean_pending(points: &[TimelinePoint], from: f64, to: f64) -> f64 {
    let (mut time, mut sum) = (0.0, 0.0);
    for point in points {
        let overlap = point.end_s.min(to) - point.start_s.max(from);
        if overlap > 0.0 {
            time += overlap;
            sum += overlap * point.pending;
        }
    }
    if time > 0.0 { sum / time } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(pending: impl Fn(f64) -> f64) -> Vec<TimelinePoint> {
        let point = |index: u32| {
            let (start_s, end_s) = (f64::from(index), f64::from(index + 1));
            let pending = pending(start_s);
            let (cpu, memory, gpu) = (None, None, None);
            let (running, instances) = (0.0, 0.0);
            TimelinePoint { start_s, end_s, cpu, memory, gpu, pending, running, instances }
        };
        (0..100).map(point).collect()
    }

    #[test]
    fn a_growing_queue_is_overload_and_a_level_one_is_not() {
        let counts = TaskCounts { submitted: 1000, ..TaskCounts::default() };
        let judge =
            |pending: &dyn Fn(f64) -> f64| Verdict::judge(&points(pending), 0.0, 100.0, &counts);
        assert_eq!(judge(&|t| 5.0 * t), Verdict::Overloaded);
        assert_eq!(judge(&|_| 200.0), Verdict::Backlogged);
        assert_eq!(judge(&|_| 1.0), Verdict::Stable);
        assert_eq!(judge(&|t| t / 100.0), Verdict::Stable);
    }

    #[test]
    fn tasks_left_over_are_a_backlog() {
        let counts = TaskCounts { submitted: 1000, pending_at_end: 1, ..TaskCounts::default() };
        assert_eq!(Verdict::judge(&points(|_| 0.0), 0.0, 100.0, &counts), Verdict::Backlogged);
    }
}
