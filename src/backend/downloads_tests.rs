//! Downloads on cases worked out by hand, and against water-filling from scratch, in exact
//! fractions.

use proptest::prelude::*;

use super::*;

const S: u64 = 1_000_000;
const MBIT: u32 = 1000;

fn at(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

/// Megabytes.
fn mb(count: u64) -> u64 {
    count * 1_000_000
}

/// When each download is done, in order, if nothing else comes.
fn ends(downloads: &mut Downloads) -> Vec<(u64, u32)> {
    let mut ends = Vec::new();
    while let Some((now, key)) = downloads.next() {
        assert_eq!(downloads.finish(now), Some(key));
        ends.push((now.micros(), key));
    }
    ends
}

#[test]
fn downloads_of_a_host_share_its_link_evenly() {
    let mut downloads = Downloads::new(None);
    // 80 Mbit/s are 10 MB/s.
    downloads.begin(at(0), 3, Some(80 * MBIT), 0, mb(100));
    downloads.begin(at(2 * S), 3, Some(80 * MBIT), 1, mb(20));
    downloads.begin(at(2 * S), 4, Some(40 * MBIT), 2, mb(20));
    // 20 MB are done at 2 s; then 5 MB/s each, until the second is done at 6 s.
    assert_eq!(ends(&mut downloads), [(6 * S, 1), (6 * S, 2), (12 * S, 0)]);
}

#[test]
fn a_source_is_shared_by_downloads_and_not_by_hosts() {
    let mut downloads = Downloads::new(Some(u64::from(240 * MBIT)));
    for key in 0..2 {
        downloads.begin(at(0), 0, Some(1000 * MBIT), key, mb(100));
    }
    downloads.begin(at(0), 1, Some(1000 * MBIT), 2, mb(100));
    // A third of 30 MB/s for each of three, on two hosts.
    assert_eq!(ends(&mut downloads), [(10 * S, 0), (10 * S, 1), (10 * S, 2)]);
}

#[test]
fn what_a_narrow_link_leaves_goes_to_the_others() {
    let mut downloads = Downloads::new(Some(u64::from(160 * MBIT)));
    downloads.begin(at(0), 0, Some(40 * MBIT), 0, mb(50));
    downloads.begin(at(0), 1, Some(1000 * MBIT), 1, mb(150));
    // 5 and 15 MB/s, though an even share would be 10.
    assert_eq!(downloads.next(), Some((at(10 * S), 0)));
    downloads.begin(at(4 * S), 1, Some(1000 * MBIT), 2, mb(30));
    // 7.5 MB/s each for 4 s; then 15 MB/s for the 60 MB left.
    assert_eq!(ends(&mut downloads), [(8 * S, 2), (10 * S, 0), (11_500_000, 1)]);
}

#[test]
fn a_download_of_nothing_is_done_at_once_and_ends_are_rounded_up() {
    let mut downloads = Downloads::new(None);
    downloads.begin(at(5), 0, Some(MBIT), 7, 0);
    assert_eq!(downloads.next(), Some((at(5), 7)));
    assert_eq!(downloads.finish(at(5)), Some(7));
    assert_eq!((downloads.next(), downloads.finish(at(5))), (None, None));
    // 8 bits at 3 kbit/s take 2666.67 µs.
    downloads.begin(at(10), 0, Some(3), 8, 1);
    assert_eq!(downloads.next(), Some((at(10 + 2667), 8)));
    // A link that is no limit, and neither is the source: 1 GB in 2 ms.
    downloads.begin(at(10), 1, None, 9, mb(1000));
    assert_eq!(downloads.next(), Some((at(10 + 1863), 9)));
}

/// The same, worked out again from nothing for every question.
#[derive(Debug)]
struct Naive {
    source: Option<u64>,
    flows: Vec<Flow>,
}

#[derive(Debug, Clone)]
struct Flow {
    host: u32,
    kbps: u64,
    key: u32,
    /// Bits × 1000, in units of 2^-40.
    left: u128,
}

impl Naive {
    /// The rate of each flow as a fraction: all rise together until a link is full, which stops
    /// those that pass through it; the others rise on.
    fn rates(&self) -> Vec<(u128, u128)> {
        let mut rates: Vec<Option<(u128, u128)>> = vec![None; self.flows.len()];
        let mut free = self.source.map(u128::from);
        loop {
            let rising: Vec<usize> =
                (0..rates.len()).filter(|&index| rates[index].is_none()).collect();
            if rising.is_empty() {
                return rates.into_iter().flatten().collect();
            }
            let on = |host| rising.iter().filter(|&&one| self.flows[one].host == host).count();
            let share = |&index: &usize| {
                let flow = &self.flows[index];
                (u128::from(flow.kbps), on(flow.host) as u128, flow.host)
            };
            let narrowest =
                rising.iter().map(share).min_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1))).unwrap();
            let of_source = free.map(|free| (free, rising.len() as u128));
            let (numerator, denominator, host) = narrowest;
            if let Some(all) = of_source.filter(|all| all.0 * denominator < numerator * all.1) {
                for &index in &rising {
                    rates[index] = Some(all);
                }
                continue;
            }
            for &index in rising.iter().filter(|&&one| self.flows[one].host == host) {
                rates[index] = Some((numerator, denominator));
            }
            free = free.map(|free| free - numerator);
        }
    }

    fn advance(&mut self, micros: u64) {
        for (flow, (numerator, denominator)) in self.rates().into_iter().enumerate() {
            let got = ((numerator * u128::from(micros)) << 40) / denominator;
            let left = &mut self.flows[flow].left;
            *left = left.saturating_sub(got);
        }
    }

    /// Time until each is done, µs, rounded up.
    fn ends(&self) -> Vec<(u32, u128)> {
        let end = |(flow, (numerator, denominator)): (&Flow, (u128, u128))| {
            (flow.key, (flow.left * denominator).div_ceil(numerator << 40))
        };
        self.flows.iter().zip(self.rates()).map(end).collect()
    }
}

proptest! {
    #[test]
    fn ends_are_those_of_water_filling(
        source in prop_oneof![Just(None), (1_u64..500_000).prop_map(Some)],
        links in prop::collection::vec(1_u32..200_000, 1..6),
        begins in prop::collection::vec(
            (0_u64..20_000_000, 0_usize..6, 0_u64..200_000_000), 1..40
        ),
    ) {
        let mut downloads = Downloads::new(source);
        let mut naive = Naive { source, flows: Vec::new() };
        let mut now = 0;
        let mut finished = 0;
        let count = begins.len();
        let mut begins = begins.into_iter().enumerate().peekable();
        loop {
            let due = downloads.next();
            let first = naive.ends().into_iter().map(|(_, end)| end).min();
            prop_assert_eq!(due.is_some(), first.is_some());
            if let (Some((end, key)), Some(first)) = (due, first) {
                let end = u128::from(end.micros() - now);
                let own = naive.ends().into_iter().find(|one| one.0 == key).unwrap().1;
                prop_assert!(end.abs_diff(first) <= 1, "{} at {} not {}", key, end, first);
                prop_assert!(end.abs_diff(own) <= 1, "{} at {} not {}", key, end, own);
            }
            let begin = begins.peek().map(|(_, (after, ..))| now + after);
            let until = match (due, begin) {
                (None, None) => break,
                (Some((end, _)), begin) if begin.is_none_or(|begin| end.micros() <= begin) => {
                    naive.advance(end.micros() - now);
                    let key = downloads.finish(end).unwrap();
                    naive.flows.retain(|flow| flow.key != key);
                    finished += 1;
                    now = end.micros();
                    continue;
                }
                (_, begin) => begin.unwrap(),
            };
            let (key, (_, host, bytes)) = begins.next().unwrap();
            naive.advance(until - now);
            now = until;
            let (key, host) = (key as u32, (host % links.len()) as u32);
            let kbps = links[host as usize];
            downloads.begin(at(now), host, Some(kbps), key, bytes);
            let left = (u128::from(bytes) * WORK_PER_BYTE) << 40;
            naive.flows.push(Flow { host, kbps: u64::from(kbps), key, left });
        }
        prop_assert_eq!(finished, count);
    }
}
