//! Plain decimal numbers read and written without going through a float.

use std::fmt;

/// Digits read at most, so that the arithmetic fits in 128 bits.
const DIGITS_MAX: usize = 18;

/// Why a decimal number cannot be counted in a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point.
    #[error("not a plain decimal number")]
    Malformed,
    /// Not a whole number of units.
    #[error("not a whole number")]
    Fractional,
    /// More than 18 digits, or more units than a `u64` holds.
    #[error("too many digits")]
    TooLarge,
}

/// The number `text` times `unit`, exactly: `scaled("0.25", 1024)` is 256.
///
/// # Errors
/// Anything but ASCII digits with at most one point that is followed by a digit (so no sign,
/// exponent or space), a product that is not whole, and one that is too large.
pub fn scaled(text: &str, unit: u64) -> Result<u64, DecimalError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(DecimalError::Malformed),
        Some(parts) => parts,
        None => (text, ""),
    };
    let mut digits = whole.bytes().chain(fraction.bytes());
    if text.is_empty() || !digits.all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() > DIGITS_MAX {
        return Err(DecimalError::TooLarge);
    }
    let append = |value: u128, byte: u8| value * 10 + u128::from(byte - b'0');
    let mantissa = whole.bytes().chain(fraction.bytes()).fold(0, append);
    // At most 10^18 times 2^64, which is less than 2^124.
    let product = mantissa * u128::from(unit);
    let divisor = 10_u128.pow(fraction.len() as u32);
    if !product.is_multiple_of(divisor) {
        return Err(DecimalError::Fractional);
    }
    u64::try_from(product / divisor).map_err(|_| DecimalError::TooLarge)
}

/// Writes `count / unit` as a decimal number. Exact for every count that [`scaled`] gave with the
/// same unit, because only those have a finite expansion; others are cut after 18 decimals.
pub(super) fn write_ratio(
    formatter: &mut fmt::Formatter<'_>,
    count: u64,
    unit: u64,
) -> fmt::Result {
    write!(formatter, "{}", count / unit)?;
    let mut rest = u128::from(count % unit);
    if rest > 0 {
        formatter.write_str(".")?;
    }
    for _ in 0..DIGITS_MAX {
        if rest == 0 {
            break;
        }
        rest *= 10;
        write!(formatter, "{}", rest / u128::from(unit))?;
        rest %= u128::from(unit);
    }
    Ok(())
}
