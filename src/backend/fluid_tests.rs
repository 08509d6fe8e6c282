//! The fluid against water-filling by sorting, in exact fractions, and on cases worked out by hand.

use proptest::prelude::*;

use super::*;

/// Units of one core in these tests.
const CORE: u32 = 128_000;

fn at(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

/// Work of so many core-seconds.
fn core_seconds(seconds: u64) -> Option<u128> {
    Some(u128::from(seconds) * 1_000_000 * u128::from(CORE))
}

fn rate(fluid: &Fluid, key: u32) -> f64 {
    fluid.rate_of(key).unwrap().as_f64() / f64::from(CORE)
}

#[test]
fn weights_of_two_to_one_on_half_a_core_give_a_third_and_a_sixth() {
    let mut fluid = Fluid::new(u64::from(CORE / 2));
    fluid.join(at(0), 0, 1024, CORE, None);
    fluid.join(at(0), 1, 512, CORE, None);
    assert!((rate(&fluid, 0) - 1.0 / 3.0).abs() < 1e-12);
    assert!((rate(&fluid, 1) - 1.0 / 6.0).abs() < 1e-12);
    assert_eq!((fluid.used(), fluid.wanted()), (u64::from(CORE / 2), 2 * u64::from(CORE)));
}

#[test]
fn a_quota_caps_and_the_rest_goes_to_the_others() {
    let mut fluid = Fluid::new(u64::from(CORE));
    fluid.join(at(0), 0, 512, CORE / 4, None);
    fluid.join(at(0), 1, 512, CORE, None);
    fluid.join(at(0), 2, 512, CORE, None);
    assert_eq!(rate(&fluid, 0), 0.25);
    assert_eq!((rate(&fluid, 1), rate(&fluid, 2)), (0.375, 0.375));
    fluid.leave(at(5), 2);
    assert_eq!((rate(&fluid, 0), rate(&fluid, 1)), (0.25, 0.75));
    fluid.set_cap(at(6), 1, CORE / 2);
    assert_eq!(fluid.used(), u64::from(CORE / 4 * 3));
    assert_eq!(fluid.used_total(at(10)), 6 * u128::from(CORE) + 4 * u128::from(CORE / 4 * 3));
}

#[test]
fn work_ends_on_the_microsecond_where_arithmetic_says_so() {
    let mut fluid = Fluid::new(u64::from(CORE));
    fluid.join(at(0), 7, 3, CORE, core_seconds(3));
    assert_eq!(fluid.next_completion(), Some((at(3_000_000), 7)));
    // Thirds do not come out even in binary.
    fluid.join(at(1_000_000), 8, 1, CORE, core_seconds(1));
    fluid.join(at(1_000_001), 9, 1, CORE, core_seconds(1));
    assert!(fluid.leave(at(1_000_003), 9));
    assert!(!fluid.leave(at(1_000_003), 9));
    // Member 7 got 1 s, then 3/4 of 1 µs, 3/5 of 2 µs; 1999998.05 µs at 3/4 are left.
    assert_eq!(fluid.next_completion(), Some((at(1_000_003 + 2_666_665), 7)));
    fluid.leave(at(3_666_668), 7);
    let (end, key) = fluid.next_completion().unwrap();
    assert_eq!((end, key), (at(4_000_002), 8), "1.6 µs went to member 9 and 0.05 are rounded");
}

#[test]
fn processor_sharing_of_equal_jobs_ends_them_together() {
    let mut engine = Fluid::new(2000);
    for key in 0..7 {
        engine.join(at(0), key, 1, 1000, Some(1_000_000 * 1000));
    }
    for key in 0..7 {
        assert_eq!(engine.next_completion(), Some((at(3_500_000), key)));
        engine.leave(at(3_500_000), key);
    }
    assert!(engine.is_empty());
    assert_eq!(engine.used_total(at(9_000_000)), 7 * 1_000_000 * 1000);
}

#[test]
fn who_may_not_run_never_ends() {
    let mut fluid = Fluid::new(u64::from(CORE));
    fluid.join(at(0), 0, 1, 0, core_seconds(1));
    assert_eq!(fluid.next_completion(), None);
    fluid.join(at(0), 1, 1, CORE, Some(0));
    assert_eq!(fluid.next_completion(), Some((at(0), 1)));
    fluid.set_cap(at(10), 0, CORE / 2);
    fluid.leave(at(10), 1);
    assert_eq!(fluid.next_completion(), Some((at(2_000_010), 0)));
    let mut nothing = Fluid::new(0);
    nothing.join(at(0), 0, 1, CORE, core_seconds(1));
    assert_eq!((nothing.next_completion(), nothing.used()), (None, 0));
}

/// What the fluid replaces: rates by sorting, remaining work brought forward at every change.
#[derive(Debug, Default)]
struct Naive {
    capacity: u128,
    members: Vec<NaiveMember>,
}

#[derive(Debug, Clone, Copy)]
struct NaiveMember {
    key: u32,
    weight: u128,
    cap: u128,
    /// In 2^-40 of a unit × µs.
    left: Option<u128>,
}

impl Naive {
    /// Rates as fractions, by raising the level from one ratio of cap to weight to the next.
    fn rates(&self) -> Vec<(u32, u128, u128)> {
        let mut order = self.members.clone();
        order.sort_by(|a, b| (a.cap * b.weight).cmp(&(b.cap * a.weight)));
        let (mut free, mut rates) = (self.capacity, Vec::new());
        let mut weights: u128 = order.iter().map(|member| member.weight).sum();
        let mut level = None;
        for member in order {
            if level.is_none() && member.cap * weights <= free * member.weight {
                free -= member.cap;
                weights -= member.weight;
                rates.push((member.key, member.cap, 1));
            } else {
                let (free, weights) = *level.get_or_insert((free, weights));
                rates.push((member.key, free * member.weight, weights));
            }
        }
        rates
    }

    fn advance(&mut self, micros: u64) {
        for (key, numerator, denominator) in self.rates() {
            let member = self.members.iter_mut().find(|member| member.key == key).unwrap();
            let got = ((numerator * u128::from(micros)) << 40) / denominator;
            member.left = member.left.map(|left| left.saturating_sub(got));
        }
    }

    /// Ends from now on, in microseconds, rounded up.
    fn ends(&self) -> Vec<(u32, u128)> {
        let end = |(key, numerator, denominator): (u32, u128, u128)| {
            let member = self.members.iter().find(|member| member.key == key).unwrap();
            let left = member.left.filter(|left| *left == 0 || numerator > 0)?;
            Some((key, (left * denominator).div_ceil((numerator << 40).max(1))))
        };
        self.rates().into_iter().filter_map(end).collect()
    }
}

#[derive(Debug, Clone)]
enum Act {
    Join { weight: u32, cap: u32, work: Option<u64> },
    Leave(usize),
    SetCap(usize, u32),
}

fn act() -> impl Strategy<Value = Act> {
    let weight = prop_oneof![Just(1_u32), 2_u32..5000, Just(1_048_576)];
    let cap = prop_oneof![Just(0_u32), 1_u32..300_000, Just(128_000), Just(64_000)];
    let work = prop_oneof![Just(None), (0_u64..1 << 38).prop_map(Some), Just(Some(128_000))];
    let join = (weight, cap.clone(), work);
    let join = join.prop_map(|(weight, cap, work)| Act::Join { weight, cap, work });
    prop_oneof![
        5 => join,
        2 => any::<usize>().prop_map(Act::Leave),
        2 => (any::<usize>(), cap).prop_map(|(which, cap)| Act::SetCap(which, cap)),
    ]
}

/// Both at once; every difference fails.
struct Pair {
    fluid: Fluid,
    naive: Naive,
    now: u64,
    used: u128,
}

impl Pair {
    fn check(&self) -> Result<(), TestCaseError> {
        let rates = self.naive.rates();
        prop_assert_eq!(rates.len(), self.fluid.len());
        for &(key, numerator, denominator) in &rates {
            let rate = self.fluid.rate_of(key).unwrap();
            let left = rate.numerator * denominator;
            prop_assert_eq!(left, numerator * u128::from(rate.denominator), "rate of {}", key);
        }
        let caps: u128 = self.naive.members.iter().map(|member| member.cap).sum();
        prop_assert_eq!(u128::from(self.fluid.wanted()), caps);
        prop_assert_eq!(u128::from(self.fluid.used()), caps.min(self.naive.capacity));
        prop_assert_eq!(self.fluid.used_total(at(self.now)), self.used);
        let first = self.naive.ends().into_iter().map(|(_, end)| end).min();
        let next = self.fluid.next_completion();
        prop_assert_eq!(first.is_some(), next.is_some());
        if let (Some(first), Some((end, key))) = (first, next) {
            let end = u128::from(end.micros() - self.now);
            prop_assert!(first.abs_diff(end) <= 1, "{} at {} not {}", key, end, first);
            let own = self.naive.ends().into_iter().find(|one| one.0 == key).unwrap().1;
            prop_assert!(own.abs_diff(end) <= 1, "{} at {} not {}", key, end, own);
        }
        Ok(())
    }

    /// Lets time pass; those that are done on the way leave.
    fn pass(&mut self, micros: u64) -> Result<(), TestCaseError> {
        let until = self.now + micros;
        while let Some((end, key)) = self.fluid.next_completion()
            && end.micros() <= until
        {
            self.advance_to(end.micros());
            self.fluid.leave(end, key);
            self.naive.members.retain(|member| member.key != key);
            self.check()?;
        }
        self.advance_to(until);
        Ok(())
    }

    fn advance_to(&mut self, micros: u64) {
        self.used += u128::from(self.fluid.used()) * u128::from(micros - self.now);
        self.naive.advance(micros - self.now);
        self.now = micros;
    }
}

proptest! {
    #[test]
    fn rates_and_ends_are_those_of_water_filling(
        capacity in prop_oneof![Just(64_000_u32), 0_u32..1_000_000],
        acts in prop::collection::vec((0_u64..2_000_000, act()), 1..60),
    ) {
        let naive = Naive { capacity: u128::from(capacity), members: Vec::new() };
        let mut pair = Pair { fluid: Fluid::new(u64::from(capacity)), naive, now: 0, used: 0 };
        for (key, (micros, act)) in acts.into_iter().enumerate() {
            pair.pass(micros)?;
            let (now, key) = (at(pair.now), key as u32);
            let count = pair.naive.members.len();
            match act {
                Act::Join { weight, cap, work } => {
                    let work = work.map(u128::from);
                    pair.fluid.join(now, key, weight, cap, work);
                    let left = work.map(|work| work << 40);
                    let (weight, cap) = (u128::from(weight), u128::from(cap));
                    pair.naive.members.push(NaiveMember { key, weight, cap, left });
                }
                Act::Leave(which) if count > 0 => {
                    let member = pair.naive.members.swap_remove(which % count);
                    prop_assert!(pair.fluid.leave(now, member.key));
                }
                Act::SetCap(which, cap) if count > 0 => {
                    let member = &mut pair.naive.members[which % count];
                    member.cap = u128::from(cap);
                    pair.fluid.set_cap(now, member.key, cap);
                }
                Act::Leave(_) | Act::SetCap(..) => {}
            }
            pair.check()?;
        }
    }
}
