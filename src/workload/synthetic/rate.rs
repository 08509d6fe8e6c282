//! The rate of arrivals over the day and the week, and its exact integral.
//!
//! Operational time runs at a speed proportional to the rate of the hour. It is counted in whole
//! numbers (weight of the hour × microseconds), so that no number of arrivals makes it drift.

use crate::des::SimTime;

use crate::workload::law_spec::SPAN_MAX;

/// Hours of a day.
pub(super) const HOURS: usize = 24;
/// Days of a week.
pub(super) const DAYS: usize = 7;
/// Hours of a week: the slots of constant rate.
const SLOTS: usize = HOURS * DAYS;
/// Microseconds of a slot.
const SLOT_MICROS: u64 = 3_600_000_000;
/// Weight of the busiest hour of the day or day of the week; weights are whole parts of it.
const FULL_WEIGHT: f64 = 1_048_576.0;

/// Relative rate of each hour of the week.
#[derive(Debug, Clone)]
pub(super) struct RateProfile {
    /// Product of the weights of the hour and the day: at most 2^40.
    weights: Box<[u64; SLOTS]>,
    /// Their sum.
    total: u64,
}

impl RateProfile {
    /// A profile from relative weights, flat where they are missing. The weights have been checked:
    /// as many as there are hours or days, none negative, not all zero.
    pub(super) fn new(daily: Option<&[f64]>, weekly: Option<&[f64]>) -> RateProfile {
        let daily = whole_weights(daily.unwrap_or(&[1.0; HOURS]));
        let weekly = whole_weights(weekly.unwrap_or(&[1.0; DAYS]));
        let mut weights = Box::new([0; SLOTS]);
        for (slot, weight) in weights.iter_mut().enumerate() {
            *weight = daily[slot % HOURS] * weekly[slot / HOURS];
        }
        let total = weights.iter().sum();
        RateProfile { weights, total }
    }

    /// Mean operational time between arrivals that come every `micros / events` microseconds on
    /// average over the week, as a fraction of two positive numbers.
    pub(super) fn operational_time(&self, micros: u128, events: u64) -> (u128, u128) {
        // At most 2^67 (a billion days) times 2^48, over 2^8 times 2^64.
        (micros * u128::from(self.total), u128::from(events) * SLOTS as u128)
    }

    /// Operational time of a slot.
    fn of_slot(&self, slot: usize) -> u128 {
        u128::from(self.weights[slot]) * u128::from(SLOT_MICROS)
    }
}

/// Weights as whole parts of the greatest; those that are positive stay positive.
fn whole_weights(weights: &[f64]) -> Vec<u64> {
    let greatest = weights.iter().copied().fold(0.0, f64::max);
    let whole = |&weight: &f64| {
        let parts = libm::round(weight / greatest * FULL_WEIGHT) as u64;
        parts.max(u64::from(weight > 0.0))
    };
    weights.iter().map(whole).collect()
}

/// A position in operational and in simulated time.
#[derive(Debug)]
pub(super) struct OperationalClock {
    profile: RateProfile,
    /// Slots since the start of the run. Hour 0 of day 0 begins there.
    slot: u64,
    /// Operational time since the start of the slot.
    within: u128,
}

impl OperationalClock {
    pub(super) fn starting_at(profile: RateProfile, start: SimTime) -> OperationalClock {
        let slot = start.micros() / SLOT_MICROS;
        let weight = profile.weights[(slot % SLOTS as u64) as usize];
        let within = u128::from(weight) * u128::from(start.micros() % SLOT_MICROS);
        OperationalClock { profile, slot, within }
    }

    /// Moves on by an amount of operational time; the new simulated time, rounded down to the
    /// microsecond, or `None` when it is later than [`SPAN_MAX`] after the start of the run.
    ///
    /// A whole number of weeks is one step, so that the time is constant.
    pub(super) fn advance(&mut self, amount: u128) -> Option<SimTime> {
        let week = u128::from(self.profile.total) * u128::from(SLOT_MICROS);
        let mut rest = self.within.checked_add(amount)?;
        let mut slot = self.slot;
        if rest >= week {
            let weeks = u64::try_from(rest / week).ok()?;
            rest %= week;
            slot = weeks.checked_mul(SLOTS as u64)?.checked_add(slot)?;
        }
        // Less than a week remains, so that the loop ends within 168 slots, and never in one of
        // weight zero.
        loop {
            let of_slot = self.profile.of_slot((slot % SLOTS as u64) as usize);
            if rest < of_slot {
                break;
            }
            rest -= of_slot;
            slot += 1;
        }
        (self.slot, self.within) = (slot, rest);
        let weight = self.profile.weights[(slot % SLOTS as u64) as usize];
        let micros = slot.checked_mul(SLOT_MICROS)?;
        let at = micros.checked_add((rest / u128::from(weight)) as u64)?;
        (at <= SPAN_MAX.micros()).then(|| SimTime::from_micros(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operational time of the first hours of a profile, by the clock itself.
    fn hours(profile: &RateProfile, hours: std::ops::Range<usize>) -> u128 {
        hours.map(|hour| profile.of_slot(hour % SLOTS)).sum()
    }

    #[test]
    fn a_day_holds_24_hours_of_the_mean_rate_exactly() {
        let daily: Vec<f64> = (0..24).map(|hour| f64::from(hour * hour) / 7.0).collect();
        let profile = RateProfile::new(Some(&daily), None);
        // 3 events per second: their operational time, 3 * 86 400 times, is one day's.
        let (numerator, divisor) = profile.operational_time(1_000_000, 3);
        for day in 0..7 {
            let of_day = hours(&profile, day * 24..day * 24 + 24);
            assert_eq!(of_day * divisor, numerator * 3 * 86_400);
        }
    }

    #[test]
    fn a_week_holds_168_hours_of_the_mean_rate_exactly() {
        let daily: Vec<f64> = (0..24).map(|hour| 1.0 + f64::from(hour)).collect();
        let weekly = [1.0, 1.0, 1.0, 1.0, 1.0, 0.61, 0.0];
        let profile = RateProfile::new(Some(&daily), Some(&weekly));
        let (numerator, divisor) = profile.operational_time(1_000_000, 3);
        assert_eq!(hours(&profile, 0..168) * divisor, numerator * 3 * 604_800);
        assert_eq!(hours(&profile, 144..168), 0);
    }

    #[test]
    fn the_clock_skips_hours_without_arrivals_and_whole_weeks() {
        let weekly = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0];
        let profile = RateProfile::new(None, Some(&weekly));
        let mut clock = OperationalClock::starting_at(profile.clone(), SimTime::ZERO);
        let day = 86_400_000_000;
        assert_eq!(clock.advance(0), Some(SimTime::from_micros(day)));
        let tuesday = hours(&profile, 24..48);
        assert_eq!(clock.advance(tuesday), Some(SimTime::from_micros(6 * day)));
        assert_eq!(clock.advance(2 * tuesday), Some(SimTime::from_micros(8 * day)));
        assert_eq!(clock.advance(3 * 100 * tuesday), Some(SimTime::from_micros(708 * day)));
        assert_eq!(clock.advance(u128::MAX / 2), None);
    }

    #[test]
    fn small_steps_end_where_one_large_step_does() {
        let daily: Vec<f64> = (0..24).map(|hour| f64::from(1 + hour % 5)).collect();
        let profile = RateProfile::new(Some(&daily), None);
        let start = SimTime::from_micros(5_400_000_001);
        let mut small = OperationalClock::starting_at(profile.clone(), start);
        let mut large = OperationalClock::starting_at(profile, start);
        let step = 123_456_789_012_345;
        let last = (0..100_000).map(|_| small.advance(step)).last();
        assert_eq!(last, Some(large.advance(100_000 * step)));
    }
}
