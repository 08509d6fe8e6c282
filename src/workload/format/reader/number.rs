//! Short numbers from bytes, eight digits at a time and without branches over their length. What is
//! not short and plain is left to the careful way, which knows what to say of it.

use crate::des::SimDuration;

/// Digits looked at at once.
const DIGITS: usize = 8;

/// Decimals of a number of seconds that whole microseconds have.
const DECIMALS: usize = 6;

/// Powers of ten by the number of decimals.
const POWERS: [u64; DECIMALS + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// A whole number of one to eight digits, and nothing else; `None` for all other texts.
pub(super) fn short_whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > DIGITS { None } else { digits(text) }
}

/// A time of one to eight digits and at most six decimals, exactly; `None` for all other texts.
pub(super) fn short_seconds(text: &[u8]) -> Option<SimDuration> {
    let tail = &text[text.len().saturating_sub(DECIMALS + 1)..];
    let micros = match tail.iter().position(|byte| *byte == b'.') {
        None => short_whole(text)? * POWERS[DECIMALS],
        Some(point) => {
            let decimals = &tail[point + 1..];
            let whole = short_whole(&text[..text.len() - decimals.len() - 1])?;
            whole * POWERS[DECIMALS] + short_whole(decimals)? * POWERS[DECIMALS - decimals.len()]
        }
    };
    Some(SimDuration::from_micros(micros))
}

/// The number that up to eight digits are; `None` if a byte is no digit.
fn digits(text: &[u8]) -> Option<u64> {
    let mut bytes = [b'0'; DIGITS];
    bytes[DIGITS - text.len()..].copy_from_slice(text);
    let word = u64::from_le_bytes(bytes);
    let high = 0xf0f0_f0f0_f0f0_f0f0;
    let zeros = 0x3030_3030_3030_3030;
    // A byte of 0x30 to 0x39 keeps its high half when 6 is added; no other byte has it before.
    if word & high != zeros || (word + 0x0606_0606_0606_0606) & high != zeros {
        return None;
    }
    // Pairs of digits, then pairs of pairs, then all eight: the first digit is in the lowest byte.
    let pairs = (word - zeros) * 10 + ((word - zeros) >> 8);
    let mask = 0x0000_00ff_0000_00ff;
    let (even, odd) = (pairs & mask, (pairs >> 16) & mask);
    let sum = even.wrapping_mul(0x000f_4240_0000_0064).wrapping_add(odd.wrapping_mul(0x0000_2710_0000_0001));
    Some(sum >> 32)
}
