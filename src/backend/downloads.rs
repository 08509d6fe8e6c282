//! Downloads that share the network: each host's link, and what they all come from.
//!
//! Shares are max-min fair: a download gets what the narrower of its two links leaves it, evenly
//! shared, and nobody gets more by getting less elsewhere. The downloads of a host get equal
//! shares of what the host gets, so that a host is one member of a [`Fluid`] with as much weight as
//! it has downloads and its link as its cap; the work of a member is what lasts until the first of
//! its downloads is done. Rates are thousands of bits per second.

use std::collections::{BTreeMap, BTreeSet};

use crate::des::SimTime;

use super::fluid::Fluid;

/// Units of work in a byte: thousands of bits per second × µs.
const WORK_PER_BYTE: u128 = 8000;

/// No download has so many bytes: a host's work has room for ten thousand of them.
const BYTES_END: u64 = 1 << 50;

/// The link of a host whose network is not what limits it, thousands of bits per second.
const WIDE_LINK: u32 = u32::MAX;

/// A host that downloads.
#[derive(Debug)]
struct Link {
    kbps: u32,
    /// What each download would have got had it been there from the start, as [`Fluid`] counts.
    got: u128,
    /// Where in that each download is done.
    ends: BTreeSet<(u128, u32)>,
    /// What the fluid was given to do, until the first end.
    work: u128,
}

/// Downloads by hosts that share a source; see the head of this file.
///
/// Times passed in never descend. A change costs O(log n), and where the source is a limit O(log
/// n) more for every host whose own link ceases to be one, or becomes one.
#[derive(Debug)]
pub(super) struct Downloads {
    hosts: Fluid,
    links: BTreeMap<u32, Link>,
}

impl Downloads {
    /// Nobody downloads yet; the source gives at most so many thousands of bits per second.
    pub(super) fn new(source_kbps: Option<u64>) -> Downloads {
        Downloads { hosts: Fluid::new(source_kbps.unwrap_or(u64::MAX)), links: BTreeMap::new() }
    }

    /// A host begins to download; `kbps` is its link, which is the same for all its downloads.
    /// Panics for 2^50 bytes or more.
    pub(super) fn begin(
        &mut self,
        now: SimTime,
        host: u32,
        kbps: Option<u32>,
        key: u32,
        bytes: u64,
    ) {
        assert!(bytes < BYTES_END, "more bytes than anyone downloads");
        let mut link = self.take(now, host).unwrap_or_else(|| Link {
            kbps: kbps.unwrap_or(WIDE_LINK),
            got: 0,
            ends: BTreeSet::new(),
            work: 0,
        });
        let work = (u128::from(bytes) * WORK_PER_BYTE) << Fluid::FRACTION;
        link.ends.insert((link.got + work, key));
        self.put(now, host, link);
    }

    /// The download that is done first if nothing else changes, and when, rounded up to a
    /// microsecond: of several the one of the lowest host, then of the lowest key. O(log n).
    pub(super) fn next(&self) -> Option<(SimTime, u32)> {
        let (at, host) = self.hosts.next_completion()?;
        let (_, key) = self.links[&host].ends.first()?;
        Some((at, *key))
    }

    /// Takes out the download that [`Downloads::next`] names, at its time.
    pub(super) fn finish(&mut self, now: SimTime) -> Option<u32> {
        let (_, host) = self.hosts.next_completion()?;
        let mut link = self.take(now, host)?;
        let (end, key) = link.ends.pop_first()?;
        // It has got all, though its share is rounded down.
        link.got = link.got.max(end);
        if !link.ends.is_empty() {
            self.put(now, host, link);
        }
        Some(key)
    }

    /// Takes a host out, with what its downloads have got.
    fn take(&mut self, now: SimTime, host: u32) -> Option<Link> {
        let mut link = self.links.remove(&host)?;
        let got = self.hosts.take(now, host, link.work);
        let got = got.expect("a host with downloads is a member with work");
        link.got += got / link.ends.len() as u128;
        Some(link)
    }

    fn put(&mut self, now: SimTime, host: u32, mut link: Link) {
        let (first, _) = link.ends.first().expect("a host with downloads has a first end");
        let count = u32::try_from(link.ends.len()).expect("downloads are counted in 32 bits");
        link.work = first.saturating_sub(link.got) * u128::from(count);
        self.hosts.put(now, host, count, link.kbps, link.work);
        self.links.insert(host, link);
    }
}

#[cfg(test)]
#[path = "downloads_tests.rs"]
mod tests;
