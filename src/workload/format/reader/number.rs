//! Short numbers from bytes, eight digits at a time and without branches over their length. What is
//! not short and plain is left to the careful way, which knows what to say of it.

use crate::des::SimDuration;

/// Digits looked at at once.
const DIGITS: usize = 8;

/// Decimals of a number of seconds that whole microseconds have.
const DECIMALS: usize = 6;

/// Powers of ten by the number of decimals.
const POWERS: [u64; DECIMALS + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// One byte in all eight places.
const fn everywhere(byte: u8) -> u64 {
    u64::from_le_bytes([byte; DIGITS])
}

/// A whole number of one to eight digits, and nothing else; `None` for all other texts. The text
/// goes from `start` to the end of `bytes`; what is before it makes reading fast.
#[inline]
pub(super) fn short_whole(bytes: &[u8], start: usize) -> Option<u64> {
    digits(last_word(bytes), bytes.len() - start)
}

/// A time of one to eight digits and at most six decimals, exactly; `None` for all other texts. The
/// text is given as to [`short_whole`].
#[inline]
pub(super) fn short_seconds(bytes: &[u8], start: usize) -> Option<SimDuration> {
    let word = last_word(bytes);
    let length = bytes.len() - start;
    // The highest byte is the last one: what is behind the point are the decimals.
    let decimals = points(word).leading_zeros() as usize / 8;
    let micros = if decimals >= length.min(DIGITS) {
        digits(word, length)? * POWERS[DECIMALS]
    } else {
        let whole = short_whole(&bytes[..bytes.len() - decimals - 1], start)?;
        whole * POWERS[DECIMALS]
            + digits(word, decimals)? * POWERS.get(DECIMALS.checked_sub(decimals)?)?
    };
    Some(SimDuration::from_micros(micros))
}

/// The last eight bytes, the last one highest; zeros before the first.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    let last = bytes.last_chunk().copied();
    u64::from_le_bytes(last.unwrap_or_else(|| {
        let mut word = [0; DIGITS];
        word[DIGITS - bytes.len()..].copy_from_slice(bytes);
        word
    }))
}

/// The highest bit of every byte that is a point, and of no other.
#[inline]
fn points(word: u64) -> u64 {
    let low = everywhere(0x7f);
    let other = word ^ everywhere(b'.');
    !((other & low).wrapping_add(low) | other | low)
}

/// The number that the last `count` bytes of a word are; `None` if that is none or more than eight
/// bytes, or one of them is no digit.
#[inline]
fn digits(word: u64, count: usize) -> Option<u64> {
    if count == 0 || count > DIGITS {
        return None;
    }
    // Shifted out are the bytes before the number, of which there are at most seven.
    let before = 8 * (DIGITS - count) as u32;
    let word = (word >> before << before) | (everywhere(b'0') & !(u64::MAX << before));
    // A byte of 0x30 to 0x39 keeps its high half when 6 is added; no other byte has it before.
    let high = everywhere(0xf0);
    let zeros = everywhere(b'0');
    if word & high != zeros || word.wrapping_add(everywhere(6)) & high != zeros {
        return None;
    }
    // Pairs of digits, then pairs of pairs, then all eight: the first digit is in the lowest byte.
    let values = word ^ zeros;
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let mask = 0x0000_00ff_0000_00ff;
    let (even, odd) = (pairs & mask, (pairs >> 16) & mask);
    let even = even.wrapping_mul(0x000f_4240_0000_0064);
    let odd = odd.wrapping_mul(0x0000_2710_0000_0001);
    Some(even.wrapping_add(odd) >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::des::parse_seconds;

    fn config() -> ProptestConfig {
        ProptestConfig {
            cases: ProptestConfig::default().cases.max(3000),
            rng_seed: RngSeed::Fixed(22),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    /// The number with nothing before it, and behind bytes that are not its own.
    fn whole(text: &[u8]) -> Option<u64> {
        let alone = short_whole(text, 0);
        for before in [&b"1"[..], b".", b"12345678,", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(short_whole(&[before, text].concat(), before.len()), alone);
        }
        alone
    }

    fn seconds(text: &[u8]) -> Option<SimDuration> {
        let alone = short_seconds(text, 0);
        for before in [&b"1"[..], b".", b"1.345678,", b".......", b"........"] {
            assert_eq!(short_seconds(&[before, text].concat(), before.len()), alone);
        }
        alone
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn whole_numbers_are_those_of_the_standard_library(number in 0..100_000_000_u64) {
            prop_assert_eq!(whole(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(whole(format!("{number:08}").as_bytes()), Some(number));
        }

        #[test]
        fn nothing_else_is_a_whole_number(text: Vec<u8>) {
            let number = std::str::from_utf8(&text).ok().filter(|text| !text.starts_with('+'));
            let number = number.filter(|text| text.len() <= 8).and_then(|text| text.parse().ok());
            prop_assert_eq!(whole(&text), number);
        }

        #[test]
        fn times_are_those_read_carefully(text in "[0-9]{0,9}([.][0-9]{0,8})?|[0-9.+e:/ -]{0,12}") {
            let careful = parse_seconds(&text);
            let short = seconds(text.as_bytes());
            prop_assert!(short.is_none() || short == careful, "{:?} {:?}", short, careful);
            let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let digits = text.len() - decimals - usize::from(text.contains('.'));
            if careful.is_some() && digits <= DIGITS && decimals <= DECIMALS {
                prop_assert_eq!(short, careful);
            }
        }
    }

    #[test]
    fn every_byte_that_is_no_digit_is_refused() {
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for at in 0..DIGITS {
                let mut text = *b"01234567";
                text[at] = byte;
                assert_eq!(whole(&text), None, "{text:?}");
            }
        }
    }
}
