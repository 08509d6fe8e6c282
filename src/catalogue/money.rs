//! Prices read from decimal text into integers, exactly.

/// Billionths of a dollar in one dollar: the unit prices are held in.
pub const NANO_PER_USD: u64 = 1_000_000_000;

/// Digits after the decimal point that a price can have without loss.
const FRACTION_DIGITS: usize = 9;

/// Reads a price in US dollars, such as `0.0416`, as billionths of a dollar (41 600 000).
///
/// The text is plain decimal: digits, optionally a point and more digits. Nothing is rounded and
/// no floating point is involved, so what is read is what was written. `None` where the text is
/// anything else (a sign, a currency symbol, an exponent, a comma), has a non-zero digit beyond
/// the ninth decimal place, or does not fit in 64 bits (about 18 billion dollars).
pub fn parse_usd_nano(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let nano: u64 = format!("{fraction:0<FRACTION_DIGITS$}").parse().ok()?;
    whole.checked_mul(NANO_PER_USD)?.checked_add(nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_exactly() {
        assert_eq!(parse_usd_nano("0.0416"), Some(41_600_000));
        assert_eq!(parse_usd_nano("21.957642"), Some(21_957_642_000));
        assert_eq!(parse_usd_nano("0.000000001"), Some(1));
        assert_eq!(parse_usd_nano("0.1000000000000"), Some(100_000_000));
        assert_eq!(parse_usd_nano("3"), Some(3_000_000_000));
        assert_eq!(parse_usd_nano("0"), Some(0));
        assert_eq!(parse_usd_nano("007.50"), Some(7_500_000_000));
    }

    #[test]
    fn the_largest_price_is_the_largest_integer() {
        assert_eq!(parse_usd_nano("18446744073.709551615"), Some(u64::MAX));
        assert_eq!(parse_usd_nano("18446744073.709551616"), None);
        assert_eq!(parse_usd_nano("18446744074"), None);
        assert_eq!(parse_usd_nano("99999999999999999999999"), None);
    }

    #[test]
    fn anything_but_plain_decimals_is_refused() {
        let refused = [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "$1",
            "1,5",
            "1.2.3",
            "1 ",
            "NaN",
            "inf",
            "0.0000000001",
            "٣",
        ];
        for text in refused {
            assert_eq!(parse_usd_nano(text), None, "{text:?}");
        }
    }
}
