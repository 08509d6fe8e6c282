//! Keyed, counter-based randomness: every draw is a pure function of what it is for.
//!
//! No generator is shared, so adding a draw in one place, or handling events in another order,
//! changes no draw elsewhere. The generator is Philox4x32-10 from Salmon, Moraes, Dror and Shaw,
//! "Parallel random numbers: as easy as 1, 2, 3", SC '11, doi:10.1145/2063384.2063405.

use std::convert::Infallible;

use rand::TryRng;

/// Rounds of Philox; ten is the authors' recommendation, with a margin over the seven needed.
const PHILOX_ROUNDS: u32 = 10;

/// Multipliers of the two Philox S-boxes.
const PHILOX_MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];

/// Weyl increments of the Philox key: the golden ratio and the square root of three, minus one.
const PHILOX_WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Words in one block of Philox output.
const BLOCK_WORDS: usize = 4;

/// 2^-52, the width of one of the cells that [`unit_from_bits`] chooses from.
const CELL: f64 = f64::EPSILON;

/// Seed of a run; all randomness of the run is a function of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// What a draw is for, as a constant number that the caller defines once per use.
///
/// Draws with different purposes are independent even for the same entity and attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(pub u32);

impl Seed {
    /// The stream of randomness for one attempt of one entity at one purpose.
    ///
    /// Streams of different `(seed, purpose, entity, attempt)` do not overlap: entity and attempt
    /// are part of the Philox counter, and purpose and seed make up its key. For a fixed purpose
    /// different seeds, and for a fixed seed different purposes, never share a key.
    pub fn stream(self, purpose: Purpose, entity: u64, attempt: u32) -> Stream {
        Stream {
            key: self.key(purpose),
            counter: first_counter(entity, attempt),
            block: [0; BLOCK_WORDS],
            used: BLOCK_WORDS,
            exhausted: false,
        }
    }

    /// One uniform variate in the open interval (0, 1): the first of the stream of that name.
    pub fn uniform(self, purpose: Purpose, entity: u64, attempt: u32) -> f64 {
        unit_from_bits(self.bits(purpose, entity, attempt))
    }

    /// 64 bits: the first of the stream of that name.
    pub fn bits(self, purpose: Purpose, entity: u64, attempt: u32) -> u64 {
        let [low, high, ..] = philox4x32_10(first_counter(entity, attempt), self.key(purpose));
        (u64::from(high) << 32) | u64::from(low)
    }

    /// The Philox key of all streams of a purpose, low word first.
    fn key(self, purpose: Purpose) -> [u32; 2] {
        let key = mix(mix(self.0) ^ u64::from(purpose.0));
        [key as u32, (key >> 32) as u32]
    }
}

/// The Philox counter that a stream begins with.
fn first_counter(entity: u64, attempt: u32) -> [u32; BLOCK_WORDS] {
    [0, attempt, entity as u32, (entity >> 32) as u32]
}

/// A generator of its own for one attempt of one entity; holds 2^34 words of 32 bits.
///
/// Implements rand's infallible generator trait, [`rand::Rng`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Philox key, low word first.
    key: [u32; 2],
    /// Next Philox counter: block number, attempt, low and high word of the entity.
    counter: [u32; BLOCK_WORDS],
    /// Output of the block in use.
    block: [u32; BLOCK_WORDS],
    /// Words of `block` that have been handed out.
    used: usize,
    /// Whether the block number has come round to zero again.
    exhausted: bool,
}

impl Stream {
    /// The next uniform variate in the open interval (0, 1); takes one `u64`.
    pub fn uniform(&mut self) -> f64 {
        let low = u64::from(self.next_word());
        let high = u64::from(self.next_word());
        unit_from_bits((high << 32) | low)
    }

    /// The next 32 bits. Panics once all 2^34 words of the stream have been used.
    fn next_word(&mut self) -> u32 {
        if self.used == BLOCK_WORDS {
            assert!(!self.exhausted, "random stream exhausted after 2^34 words: use more attempts");
            self.block = philox4x32_10(self.counter, self.key);
            (self.counter[0], self.exhausted) = self.counter[0].overflowing_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.next_word());
        let high = u64::from(self.next_word());
        Ok((high << 32) | low)
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for chunk in destination.chunks_mut(size_of::<u32>()) {
            let bytes = self.next_word().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

/// The centre of one of 2^52 equal cells of (0, 1), chosen by the upper 52 bits.
///
/// 52 bits and not 53, because with 53 the centre of the last cell is not representable and rounds
/// to 1, which is outside the open interval. With 52 every result is exact, lies between 2^-53 and
/// 1 - 2^-53, and `1 - u` is exact and as likely as `u`.
pub(super) fn unit_from_bits(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) * CELL
}

/// The index in `0..k` that a uniform variate `u` in (0, 1) selects: `floor(u * k)`.
///
/// Each index has the same share of the interval up to rounding. The result is clamped to `k - 1`,
/// so that even `u = 1` stays in range. Panics when `k` is zero.
pub fn pick(u: f64, k: usize) -> usize {
    assert!(k > 0, "cannot pick from nothing: pass k >= 1");
    ((u * k as f64) as usize).min(k - 1)
}

/// A bijection of 64-bit words that spreads every input bit over the output.
///
/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA '14) after its increment; each step
/// can be undone, so different inputs always give different outputs.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// One block of Philox4x32-10.
fn philox4x32_10(counter: [u32; BLOCK_WORDS], key: [u32; 2]) -> [u32; BLOCK_WORDS] {
    let mut state = counter;
    let mut key = key;
    for round in 0..PHILOX_ROUNDS {
        if round > 0 {
            key[0] = key[0].wrapping_add(PHILOX_WEYL[0]);
            key[1] = key[1].wrapping_add(PHILOX_WEYL[1]);
        }
        let first = u64::from(PHILOX_MULTIPLIERS[0]) * u64::from(state[0]);
        let second = u64::from(PHILOX_MULTIPLIERS[1]) * u64::from(state[2]);
        state = [
            (second >> 32) as u32 ^ state[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ state[3] ^ key[1],
            first as u32,
        ];
    }
    state
}

#[cfg(test)]
#[path = "random_tests.rs"]
mod tests;
