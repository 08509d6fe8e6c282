//! When arrivals come: at random or evenly spaced in operational time.

use crate::des::law::Exponential;
use crate::des::{Seed, SimTime};

use super::GAP;
use super::rate::{OperationalClock, RateProfile};
use super::spec::{Arrivals, SyntheticSpec};

/// The times of all arrivals, in order; memory and time per arrival are constant.
#[derive(Debug)]
pub(super) struct ArrivalTimes {
    clock: OperationalClock,
    spacing: Spacing,
    /// Number of the next arrival.
    next: u64,
}

/// Operational time from one arrival to the next.
#[derive(Debug)]
enum Spacing {
    /// Exponential: the time change turns a unit Poisson process into one of the rate profile
    /// (Çinlar, "Introduction to Stochastic Processes", 1975, section 4.7). One variate belongs to
    /// one arrival, which thinning does not achieve.
    Exponential { seed: Seed, law: Exponential },
    /// Equal: the fraction `whole + part / divisor`, of which `carried / divisor` is left over from
    /// the arrivals before.
    Equal { whole: u128, part: u128, divisor: u128, carried: u128 },
}

impl ArrivalTimes {
    pub(super) fn new(spec: &SyntheticSpec, seed: Seed) -> ArrivalTimes {
        let profile = RateProfile::new(spec.daily.as_deref(), spec.weekly.as_deref());
        let (micros, events) = spec.rate.micros_per_event();
        let (numerator, divisor) = profile.operational_time(micros, events);
        let spacing = match spec.arrivals {
            Arrivals::Regular => Spacing::Equal {
                whole: numerator / divisor,
                part: numerator % divisor,
                divisor,
                carried: 0,
            },
            Arrivals::Poisson | Arrivals::Clustered { .. } => {
                let mean = numerator as f64 / divisor as f64;
                let law = Exponential::new(mean).expect("rates are positive and finite");
                Spacing::Exponential { seed, law }
            }
        };
        let start = spec.start.map_or(SimTime::ZERO, |start| SimTime::ZERO + start.duration());
        let clock = OperationalClock::starting_at(profile, start);
        ArrivalTimes { clock, spacing, next: 0 }
    }

    /// Number and time of the next arrival; `None` beyond the range of simulated time.
    ///
    /// Evenly spaced arrivals start with one at the start itself, so that there are rate times
    /// duration of them before the end.
    pub(super) fn next_time(&mut self) -> Option<(u64, SimTime)> {
        let number = self.next;
        self.next += 1;
        let gap = match &mut self.spacing {
            Spacing::Exponential { seed, law } => {
                law.quantile(seed.uniform(GAP, number, 0)) as u128
            }
            Spacing::Equal { .. } if number == 0 => 0,
            Spacing::Equal { whole, part, divisor, carried } => {
                *carried += *part;
                let full = *carried >= *divisor;
                if full {
                    *carried -= *divisor;
                }
                *whole + u128::from(full)
            }
        };
        let at = self.clock.advance(gap)?;
        Some((number, at))
    }
}
