//! By how much a busy machine slows its engine down.

use serde::{Deserialize, Serialize};

/// Thousandths to millionths.
const PER_MILLI: u64 = 1000;

/// How much longer operations take while containers keep cores busy: straight lines between points,
/// from nothing at rest, and on beyond the last point as before it. An engine that has cores of its
/// own left hardly notices; one that has to share them does, so that no one slope would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<[u32; 2]>", into = "Vec<[u32; 2]>")]
pub struct LoadCurve(Vec<[u32; 2]>);

impl LoadCurve {
    /// Points are pairs of cores kept busy, ascending from above 0, and what that adds to an
    /// operation, not descending; both in thousandths.
    pub fn new(points: Vec<[u32; 2]>) -> Option<LoadCurve> {
        let ascends = |pair: &[[u32; 2]]| pair[0][0] < pair[1][0] && pair[0][1] <= pair[1][1];
        let starts_right = points.first().is_none_or(|[busy, _]| *busy > 0);
        (starts_right && points.windows(2).all(ascends)).then_some(LoadCurve(points))
    }

    /// The points.
    pub fn points(&self) -> &[[u32; 2]] {
        &self.0
    }

    /// What so many millionths of a core kept busy add to an operation, in millionths of it,
    /// rounded down. O(points).
    pub fn growth_micro(&self, busy_micro: u64) -> u64 {
        let mut low = [0, 0];
        let mut growth = 0;
        for (index, point) in self.0.iter().enumerate() {
            let high = point.map(|milli| u64::from(milli) * PER_MILLI);
            if busy_micro > low[0] {
                let is_last = index + 1 == self.0.len();
                let within = if is_last { busy_micro } else { busy_micro.min(high[0]) };
                let rise = u128::from(high[1] - low[1]) * u128::from(within - low[0]);
                let rise = rise / u128::from(high[0] - low[0]);
                growth = low[1].saturating_add(u64::try_from(rise).unwrap_or(u64::MAX));
            }
            low = high;
        }
        growth
    }

    /// The same curve where a core counts as `cpu_milli` thousandths of a vCPU.
    #[must_use]
    pub fn in_vcpus(&self, cpu_milli: u64) -> LoadCurve {
        let busy = |busy: u32| u64::from(busy) * cpu_milli / PER_MILLI;
        let mut points: Vec<[u32; 2]> = Vec::new();
        for &[cores, growth] in &self.0 {
            let vcpus = u32::try_from(busy(cores)).unwrap_or(u32::MAX);
            // Points that coincide on so coarse a scale are one.
            if points.last().map_or(0, |[last, _]| *last) < vcpus {
                points.push([vcpus, growth]);
            }
        }
        LoadCurve(points)
    }
}

impl TryFrom<Vec<[u32; 2]>> for LoadCurve {
    type Error = &'static str;

    fn try_from(points: Vec<[u32; 2]>) -> Result<LoadCurve, &'static str> {
        let problem = "points must be pairs of cores kept busy, ascending from above 0, and what \
                       that adds, not descending";
        LoadCurve::new(points).ok_or(problem)
    }
}

impl From<LoadCurve> for Vec<[u32; 2]> {
    fn from(curve: LoadCurve) -> Vec<[u32; 2]> {
        curve.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_run_between_the_points_and_on_beyond_the_last() {
        let curve = LoadCurve::new(vec![[500, 40], [1000, 300]]).unwrap();
        for (busy_micro, growth_micro) in [
            (0, 0),
            (250_000, 20_000),
            (500_000, 40_000),
            (750_000, 170_000),
            (1_000_000, 300_000),
            (1_500_000, 560_000),
        ] {
            assert_eq!(curve.growth_micro(busy_micro), growth_micro, "{busy_micro}");
        }
        assert_eq!(LoadCurve::default().growth_micro(1_000_000), 0);
        let one = LoadCurve::new(vec![[1000, 250]]).unwrap();
        assert_eq!((one.growth_micro(1), one.growth_micro(2_000_000)), (0, 500_000));
    }

    #[test]
    fn a_scale_moves_the_points() {
        let curve = LoadCurve::new(vec![[500, 40], [1000, 300]]).unwrap();
        assert_eq!(curve.in_vcpus(2000).points(), [[1000, 40], [2000, 300]]);
        assert_eq!(curve.in_vcpus(1).points(), [[1, 300]]);
    }

    #[test]
    fn points_must_ascend() {
        for points in [vec![[0, 1]], vec![[5, 1], [5, 2]], vec![[5, 2], [6, 1]]] {
            assert_eq!(LoadCurve::new(points.clone()), None, "{points:?}");
        }
    }
}
