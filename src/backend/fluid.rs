//! A capacity that members share by weight up to a cap each: a fluid, without time slices.
//!
//! Member i has the rate min(cap, λ · weight), where λ is such that the rates add up to the
//! smaller of the capacity and all caps together: weighted max-min fairness, which is what the
//! Linux scheduler's CPU shares and quotas come to over many periods. With weight 1 and equal caps
//! it is processor sharing.
//!
//! The members whose cap binds are those with the smallest ratios of cap to weight, so that two
//! ordered sets and one boundary between them are the whole state. Virtual time V advances at λ:
//! a member of weight w that is not capped gets w · dV, hence keeps its end in virtual time
//! whatever happens to the others.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::des::SimTime;

/// Binary digits after the point of virtual time and of remaining work.
const FRACTION: u32 = 32;

/// No member has so much work: what is left of it has room for its fraction.
const WORK_END: u128 = 1 << 94;

/// An end that is due by less than this much virtual time is due now, in units of its last place.
/// Virtual time is rounded down whenever λ changes; without the allowance an end that falls on a
/// whole microsecond would come one later. It covers 65 536 changes and is below 10^-6 µs of a
/// member's time at one unit per microsecond and weight.
const ALLOWANCE: u128 = 1 << 16;

/// Members in order of cap/weight: up to a place in this order the cap binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ratio {
    cap: u32,
    weight: u32,
    key: u32,
}

impl Ord for Ratio {
    fn cmp(&self, other: &Ratio) -> Ordering {
        let left = u64::from(self.cap) * u64::from(other.weight);
        let right = u64::from(other.cap) * u64::from(self.weight);
        left.cmp(&right).then(self.key.cmp(&other.key))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How far a member with work to do has come.
#[derive(Debug, Clone, Copy)]
enum Progress {
    /// It only takes part in the sharing.
    Endless,
    /// Capped: so much was left at a time; its rate is its cap.
    Capped { left: u128, at: SimTime },
    /// Not capped: it ends at this virtual time.
    Uncapped { end: u128 },
}

/// A member.
#[derive(Debug, Clone, Copy)]
struct Member {
    weight: u32,
    cap: u32,
    progress: Progress,
}

impl Member {
    fn ratio(&self, key: u32) -> Ratio {
        Ratio { cap: self.cap, weight: self.weight, key }
    }

    /// What it has got since its work was done.
    fn got_beyond(&self, at: &Moment) -> u128 {
        match self.progress {
            Progress::Endless => 0,
            Progress::Capped { left, at: since } => {
                let micros = u128::from((at.now - since).micros());
                ((micros * u128::from(self.cap)) << FRACTION).saturating_sub(left)
            }
            Progress::Uncapped { end } => {
                at.virtual_now.saturating_sub(end) * u128::from(self.weight)
            }
        }
    }
}

/// A rate in units per microsecond, as a fraction.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Above the line.
    pub numerator: u128,
    /// Below the line, at least 1.
    pub denominator: u64,
}

impl Rate {
    /// The rate in units, for reports: nothing is decided on it.
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

/// The rate of virtual time, λ, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    numerator: u64,
    denominator: u64,
}

/// A capacity and who shares it; see the head of this file.
///
/// Times passed in never descend. A change costs O(log n), and so does each member whose cap comes
/// to bind or ceases to.
#[derive(Debug, Clone)]
pub struct Fluid {
    capacity: u64,
    members: BTreeMap<u32, Member>,
    /// Members at their cap.
    capped: BTreeSet<Ratio>,
    /// The others, all of greater ratio.
    uncapped: BTreeSet<Ratio>,
    /// Sum of the caps of those at their cap, and of all.
    capped_sum: u64,
    wanted: u64,
    /// Sum of the weights of the others.
    weight_sum: u64,
    /// Ends of those at their cap that ever end.
    real_ends: BTreeSet<(SimTime, u32)>,
    /// Ends of the others, in virtual time.
    virtual_ends: BTreeSet<(u128, u32)>,
    /// When λ last changed, virtual time then, and λ since.
    anchor: SimTime,
    virtual_at_anchor: u128,
    level: Level,
    /// Integral of the rates until `used_until`.
    used: u128,
    used_until: SimTime,
}

impl Fluid {
    /// Binary digits after the point of what [`Fluid::put`] and [`Fluid::take`] count.
    pub(super) const FRACTION: u32 = FRACTION;

    /// A capacity in units per microsecond that nobody uses, at time 0.
    pub fn new(capacity: u64) -> Fluid {
        Fluid {
            capacity,
            members: BTreeMap::new(),
            capped: BTreeSet::new(),
            uncapped: BTreeSet::new(),
            capped_sum: 0,
            wanted: 0,
            weight_sum: 0,
            real_ends: BTreeSet::new(),
            virtual_ends: BTreeSet::new(),
            anchor: SimTime::ZERO,
            virtual_at_anchor: 0,
            level: Level { numerator: 0, denominator: 1 },
            used: 0,
            used_until: SimTime::ZERO,
        }
    }

    /// Adds a member. With `work`, in units × µs and below 2^94, it is done when it has got that
    /// much; without, it takes part until it leaves.
    ///
    /// Panics for a weight of 0, for more work, and for a key that is in use.
    pub fn join(&mut self, now: SimTime, key: u32, weight: u32, cap: u32, work: Option<u128>) {
        assert!(weight > 0, "a member has a weight of at least 1");
        assert!(!self.members.contains_key(&key), "member {key} is there already");
        assert!(work.is_none_or(|work| work < WORK_END), "more work than anyone gets done");
        let moment = self.settle(now);
        self.insert(&moment, key, weight, cap, work.map(|work| work << FRACTION));
        self.rebalance(&moment);
    }

    /// Adds a member as [`Fluid::join`] does; its work has [`Fluid::FRACTION`] binary digits after
    /// the point.
    pub(super) fn put(&mut self, now: SimTime, key: u32, weight: u32, cap: u32, work: u128) {
        assert!(work >> FRACTION < WORK_END, "more work than anyone gets done");
        let moment = self.settle(now);
        self.insert(&moment, key, weight, cap, Some(work));
        self.rebalance(&moment);
    }

    /// Removes a member that has work; what it has got of `work`, all that it was put in with and
    /// since, with as many digits. More than all of it where it was done before `now`, because ends
    /// are rounded up.
    pub(super) fn take(&mut self, now: SimTime, key: u32, work: u128) -> Option<u128> {
        let moment = self.settle(now);
        let beyond = self.members.get(&key)?.got_beyond(&moment);
        let (_, left) = self.remove(&moment, key)?;
        self.rebalance(&moment);
        Some(work + beyond - left?)
    }

    /// Removes a member, done or not; whether it was there.
    pub fn leave(&mut self, now: SimTime, key: u32) -> bool {
        let moment = self.settle(now);
        let was_there = self.remove(&moment, key).is_some();
        self.rebalance(&moment);
        was_there
    }

    /// Gives a member another cap; what it has got so far stays. Panics if it is not there.
    pub fn set_cap(&mut self, now: SimTime, key: u32, cap: u32) {
        let moment = self.settle(now);
        let (weight, left) = self.remove(&moment, key).expect("only members have caps");
        self.insert(&moment, key, weight, cap, left);
        self.rebalance(&moment);
    }

    /// The member that is done first if nothing else changes, and when: rounded up to a
    /// microsecond, of several the lowest key. It stays until it leaves. O(log n).
    pub fn next_completion(&self) -> Option<(SimTime, u32)> {
        let real = self.real_ends.first().copied();
        let of_virtual = |&(end, key): &(u128, u32)| Some((self.real_time(end)?, key));
        let other = self.virtual_ends.first().and_then(of_virtual);
        [real, other].into_iter().flatten().min()
    }

    /// What a member gets now; `None` if it is not there.
    pub fn rate_of(&self, key: u32) -> Option<Rate> {
        let member = self.members.get(&key)?;
        if self.capped.contains(&member.ratio(key)) {
            return Some(Rate { numerator: u128::from(member.cap), denominator: 1 });
        }
        let Level { numerator, denominator } = self.level;
        let numerator = u128::from(numerator) * u128::from(member.weight);
        Some(Rate { numerator, denominator })
    }

    /// What all get now together, units per microsecond.
    pub fn used(&self) -> u64 {
        if self.uncapped.is_empty() { self.capped_sum } else { self.capacity }
    }

    /// What all would get now were the capacity unlimited: the sum of the caps.
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// What all have got until `now`, units × µs. Exact for the rates as they were; a member that
    /// is done gets its rate for up to a microsecond more, as its end is rounded up.
    pub fn used_total(&self, now: SimTime) -> u128 {
        let micros = now.saturating_sub(self.used_until).micros();
        self.used + u128::from(self.used()) * u128::from(micros)
    }

    /// The weights of all members.
    pub fn weights(&self) -> impl Iterator<Item = u32> {
        self.members.values().map(|member| member.weight)
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    // --- time --------------------------------------------------------------------------

    /// Brings the integral up to `now`, which a change begins with.
    fn settle(&mut self, now: SimTime) -> Moment {
        self.used = self.used_total(now);
        self.used_until = now;
        Moment { now, virtual_now: self.virtual_at(now) }
    }

    fn virtual_at(&self, now: SimTime) -> u128 {
        let micros = u128::from((now - self.anchor).micros());
        let Level { numerator, denominator } = self.level;
        let passed = ((micros * u128::from(numerator)) << FRACTION) / u128::from(denominator);
        self.virtual_at_anchor + passed
    }

    /// When virtual time comes to `end`; `None` for never, or beyond the clock.
    fn real_time(&self, end: u128) -> Option<SimTime> {
        let Level { numerator, denominator } = self.level;
        let left = end.saturating_sub(ALLOWANCE).saturating_sub(self.virtual_at_anchor);
        if left == 0 {
            return Some(self.anchor);
        }
        if numerator == 0 {
            return None;
        }
        let (numerator, denominator) = (u128::from(numerator), u128::from(denominator));
        let micros = match left.checked_mul(denominator) {
            Some(product) => product.div_ceil(numerator << FRACTION),
            // So far away that the fraction matters to nobody.
            None => (left >> FRACTION).checked_mul(denominator)?.div_ceil(numerator),
        };
        after(self.anchor, micros)
    }

    // --- members -----------------------------------------------------------------------

    /// Puts a member on the side of the boundary that its ratio says.
    fn insert(&mut self, at: &Moment, key: u32, weight: u32, cap: u32, left: Option<u128>) {
        let member = Member { weight, cap, progress: Progress::Endless };
        let ratio = member.ratio(key);
        self.members.insert(key, member);
        self.wanted += u64::from(cap);
        if self.uncapped.first().is_none_or(|first| ratio < *first) {
            self.put_capped(at, ratio, left);
        } else {
            self.put_uncapped(at, ratio, left);
        }
    }

    /// Takes a member out: its weight and what is left of its work.
    fn remove(&mut self, at: &Moment, key: u32) -> Option<(u32, Option<u128>)> {
        let ratio = self.members.get(&key)?.ratio(key);
        let left = if self.capped.contains(&ratio) {
            self.take_capped(at, ratio)
        } else {
            self.take_uncapped(at, ratio)
        };
        self.members.remove(&key);
        self.wanted -= u64::from(ratio.cap);
        Some((ratio.weight, left))
    }

    fn put_capped(&mut self, at: &Moment, ratio: Ratio, left: Option<u128>) {
        self.capped.insert(ratio);
        self.capped_sum += u64::from(ratio.cap);
        let Some(left) = left else { return };
        if let Some(end) = capped_end(at.now, ratio, left) {
            self.real_ends.insert((end, ratio.key));
        }
        self.set_progress(ratio.key, Progress::Capped { left, at: at.now });
    }

    fn take_capped(&mut self, at: &Moment, ratio: Ratio) -> Option<u128> {
        self.capped.remove(&ratio);
        self.capped_sum -= u64::from(ratio.cap);
        let Progress::Capped { left, at: since } = self.members[&ratio.key].progress else {
            return None;
        };
        if let Some(end) = capped_end(since, ratio, left) {
            self.real_ends.remove(&(end, ratio.key));
        }
        let micros = u128::from((at.now - since).micros());
        Some(left.saturating_sub((micros * u128::from(ratio.cap)) << FRACTION))
    }

    fn put_uncapped(&mut self, at: &Moment, ratio: Ratio, left: Option<u128>) {
        self.uncapped.insert(ratio);
        self.weight_sum += u64::from(ratio.weight);
        let Some(left) = left else { return };
        let end = at.virtual_now + left / u128::from(ratio.weight);
        self.virtual_ends.insert((end, ratio.key));
        self.set_progress(ratio.key, Progress::Uncapped { end });
    }

    fn take_uncapped(&mut self, at: &Moment, ratio: Ratio) -> Option<u128> {
        self.uncapped.remove(&ratio);
        self.weight_sum -= u64::from(ratio.weight);
        let Progress::Uncapped { end } = self.members[&ratio.key].progress else {
            return None;
        };
        self.virtual_ends.remove(&(end, ratio.key));
        Some(end.saturating_sub(at.virtual_now) * u128::from(ratio.weight))
    }

    fn set_progress(&mut self, key: u32, progress: Progress) {
        self.members.get_mut(&key).expect("a member that is moved is there").progress = progress;
    }

    // --- the boundary ------------------------------------------------------------------

    /// Moves the boundary to where the rates add up, and virtual time on with the new λ.
    ///
    /// Moving a member over makes λ no smaller than its ratio when its cap comes to bind, and
    /// smaller than it when it ceases to; so no member goes to and fro.
    fn rebalance(&mut self, at: &Moment) {
        while let Some(&last) = self.capped.last()
            && self.exceeds_level(last)
        {
            let left = self.take_capped(at, last);
            self.put_uncapped(at, last, left);
        }
        while let Some(&first) = self.uncapped.first()
            && !self.exceeds_level(first)
        {
            let left = self.take_uncapped(at, first);
            self.put_capped(at, first, left);
        }
        let free = self.capacity.saturating_sub(self.capped_sum);
        let level = Level { numerator: free, denominator: self.weight_sum.max(1) };
        if self.uncapped.is_empty() {
            (self.anchor, self.virtual_at_anchor) = (at.now, 0);
            self.level = Level { numerator: 0, denominator: 1 };
        } else if level != self.level {
            (self.anchor, self.virtual_at_anchor) = (at.now, at.virtual_now);
            self.level = level;
        }
    }

    /// Whether a member's cap is more than its share at the λ of the boundary as it is.
    fn exceeds_level(&self, ratio: Ratio) -> bool {
        let Some(free) = self.capacity.checked_sub(self.capped_sum) else {
            return true;
        };
        // Without anyone to share what is free, λ is unlimited.
        let cap = u128::from(ratio.cap) * u128::from(self.weight_sum);
        cap > u128::from(free) * u128::from(ratio.weight)
    }
}

/// A moment at which members come, go or change, in both times.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: SimTime,
    virtual_now: u128,
}

/// When a member at its cap is done; `None` for never, or beyond the clock.
fn capped_end(now: SimTime, ratio: Ratio, left: u128) -> Option<SimTime> {
    let left = left.saturating_sub(ALLOWANCE * u128::from(ratio.weight));
    if left == 0 {
        return Some(now);
    }
    let rate = u128::from(ratio.cap) << FRACTION;
    if rate == 0 { None } else { after(now, left.div_ceil(rate)) }
}

fn after(time: SimTime, micros: u128) -> Option<SimTime> {
    let micros = u64::try_from(micros).ok()?;
    time.micros().checked_add(micros).map(SimTime::from_micros)
}

#[cfg(test)]
#[path = "fluid_tests.rs"]
mod tests;
