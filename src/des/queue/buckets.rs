//! Events of the far future, in buckets that are split and sorted only when their time comes.

use super::entry::Entry;

/// Bits of one digit of a time; a level has one bucket for each value of its digit.
const DIGIT_BITS: u32 = 6;

/// Buckets of one level, as many as one word has bits.
const DIGITS: usize = 1 << DIGIT_BITS;

/// Levels, so that their digits cover a time of 64 bits.
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);

/// Entries that are sorted rather than split further, and as many as are taken together if that
/// is possible. A batch of some dozens lets the loads of their events overlap.
const BATCH: usize = 64;

/// A bucket that once held more gives its memory back when it runs empty.
const KEPT: usize = 4 * BATCH;

/// Multi-level buckets (Denardo and Fox 1979), a monotone priority queue by time.
///
/// Times are written in digits of six bits. An entry lies at the level of the highest digit in
/// which its time differs from the *reference*, in the bucket of the value of that digit; one at
/// the reference lies at level 0. All of a lower level are therefore due before all of a higher
/// one, and the first bucket is found by two bit scans. When its turn comes, a bucket that holds
/// many entries is split over the levels below, so an entry moves at most once per level. Small
/// buckets are not split but sorted by the caller ("hot queues", Cherkassky, Goldberg and
/// Silverstein 1999): at the densities of a simulation an entry moves two or three times, always
/// in sequential memory.
pub(super) struct Buckets {
    /// By level, then digit.
    entries: Vec<Vec<Entry>>,
    /// For each level one bit for each of its buckets that is not empty.
    occupied: [u64; LEVELS],
    /// One bit for each level that is not empty.
    levels: u16,
    /// No entry is before it.
    reference: u64,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self {
            entries: vec![Vec::new(); LEVELS * DIGITS],
            occupied: [0; LEVELS],
            levels: 0,
            reference: 0,
        }
    }

    /// Adds an entry, which must not be before the reference. O(1).
    pub(super) fn push(&mut self, entry: Entry) {
        let (level, digit) = place(entry.time, self.reference);
        self.entries[level * DIGITS + digit].push(entry);
        self.occupied[level] |= 1 << digit;
        self.levels |= 1 << level;
    }

    /// Moves the entries due first to `batch`, which must be empty, in no particular order, and
    /// returns the time of the last of them, which becomes the reference; all that stay are later.
    ///
    /// They are `BATCH` at most unless more are due at one time.
    pub(super) fn take_first(&mut self, batch: &mut Vec<Entry>) -> Option<u64> {
        while let Some((level, digit)) = self.first() {
            let length = self.entries[level * DIGITS + digit].len();
            if !batch.is_empty() && batch.len() + length > BATCH {
                break;
            }
            if level > 0 && length > BATCH {
                self.split(level, digit);
            } else {
                self.vacate(level, digit);
                let bucket = &mut self.entries[level * DIGITS + digit];
                if batch.is_empty() {
                    std::mem::swap(batch, bucket);
                } else {
                    batch.append(bucket);
                }
                trim(bucket);
            }
        }
        self.reference = batch.iter().map(|entry| entry.time).max()?;
        Some(self.reference)
    }

    /// Removes all entries and sets the reference.
    pub(super) fn reset(&mut self, reference: u64, mut each: impl FnMut(Entry)) {
        while let Some((level, digit)) = self.first() {
            self.vacate(level, digit);
            let bucket = std::mem::take(&mut self.entries[level * DIGITS + digit]);
            bucket.into_iter().for_each(&mut each);
        }
        self.reference = reference;
    }

    /// Level and digit of the first bucket that is not empty.
    fn first(&self) -> Option<(usize, usize)> {
        let level = self.levels.trailing_zeros() as usize;
        let occupied = self.occupied.get(level)?;
        Some((level, occupied.trailing_zeros() as usize))
    }

    /// Marks a bucket as empty.
    fn vacate(&mut self, level: usize, digit: usize) {
        self.occupied[level] &= !(1 << digit);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Spreads the first bucket over the levels below. Its least time becomes the reference, which
    /// passes by levels that would not tell its entries apart.
    fn split(&mut self, level: usize, digit: usize) {
        self.vacate(level, digit);
        let mut bucket = std::mem::take(&mut self.entries[level * DIGITS + digit]);
        self.reference = bucket.iter().map(|entry| entry.time).min().unwrap_or(self.reference);
        for &entry in &bucket {
            self.push(entry);
        }
        bucket.clear();
        trim(&mut bucket);
        self.entries[level * DIGITS + digit] = bucket;
    }

    /// Entries held, and entries that there is room for.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let buckets = || self.entries.iter();
        (buckets().map(Vec::len).sum(), buckets().map(Vec::capacity).sum())
    }

    /// Whether each entry is in its bucket, none is before `bound`, and the bits are right.
    #[cfg(test)]
    pub(super) fn is_consistent(&self, bound: u64) -> bool {
        let mut buckets = self.entries.iter().enumerate();
        buckets.all(|(index, bucket)| {
            let (level, digit) = (index / DIGITS, index % DIGITS);
            let marked = self.occupied[level] >> digit & 1 == 1;
            let in_place = |entry: &Entry| {
                let at = entry.time;
                at >= bound.max(self.reference) && place(at, self.reference) == (level, digit)
            };
            marked != bucket.is_empty() && bucket.iter().all(in_place)
        }) && (0..LEVELS).all(|level| (self.levels >> level & 1 == 1) == (self.occupied[level] > 0))
    }
}

/// Level and digit of a time that is not before the reference.
fn place(time: u64, reference: u64) -> (usize, usize) {
    let differing = time ^ reference;
    let level = (u64::BITS - 1 - (differing | 1).leading_zeros()) / DIGIT_BITS;
    (level as usize, (time >> (level * DIGIT_BITS)) as usize % DIGITS)
}

/// Frees the memory of a large bucket that ran empty.
fn trim(bucket: &mut Vec<Entry>) {
    if bucket.capacity() > KEPT {
        *bucket = Vec::new();
    }
}
