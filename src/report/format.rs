//! Numbers, durations and names as people read them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::experiment::metric::Unit;

/// Separates thousands: a narrow space at which no line is broken (ISO 80000-1).
const THOUSANDS: char = '\u{202f}';

/// Most decimals ever shown.
const MOST_DECIMALS: usize = 6;

/// Digits a number is shown with at most, where that is not less than its whole part has.
const MOST_DIGITS: usize = 6;

/// Significant digits of a number of which nothing says how well it is known.
const PLAIN_DIGITS: usize = 3;

/// What stands for an undefined figure.
pub const UNDEFINED: &str = "–";

/// A unit fit for the size of the numbers of one column or axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What a value is multiplied by before it is shown.
    pub factor: f64,
    /// The unit shown, such as `min` or `%`; empty for counts and ratios.
    pub suffix: &'static str,
}

impl Scale {
    /// The unit in which a value of `typical` size in `unit` is best read.
    pub fn of(unit: Unit, typical: f64) -> Self {
        let (factor, suffix) = match unit {
            Unit::Seconds => return Self::of_seconds(typical.abs()),
            Unit::Share => (100.0, "%"),
            Unit::Count | Unit::Ratio => (1.0, ""),
            Unit::Dollars => (1.0, "USD"),
        };
        Self { factor, suffix }
    }

    fn of_seconds(typical: f64) -> Self {
        let (factor, suffix) = match typical {
            _ if typical >= 2.0 * 86_400.0 => (1.0 / 86_400.0, "d"),
            _ if typical >= 7200.0 => (1.0 / 3600.0, "h"),
            _ if typical >= 120.0 => (1.0 / 60.0, "min"),
            _ if typical >= 1.0 || typical == 0.0 => (1.0, "s"),
            _ if typical >= 1e-3 => (1e3, "ms"),
            _ => (1e6, "µs"),
        };
        Self { factor, suffix }
    }

    /// `value`, in the unit this scale was made for, with so many decimals and without the unit.
    pub fn number(&self, value: f64, decimals: usize) -> String {
        number(value * self.factor, decimals)
    }

    /// `label (unit)`, or the label alone if there is no unit.
    pub fn heading(&self, label: &str) -> String {
        if self.suffix.is_empty() {
            return label.to_owned();
        }
        format!("{label} ({})", self.suffix)
    }

    /// Decimals for numbers of `typical` size known to within ± `resolution`: enough for two
    /// significant digits of the resolution, or for three of the number if there is none.
    pub fn decimals(&self, typical: f64, resolution: Option<f64>) -> usize {
        let typical = (typical * self.factor).abs();
        let whole = whole_digits(typical);
        match resolution.filter(|resolution| *resolution > 0.0) {
            Some(resolution) => decimals_for((resolution * self.factor).abs(), 2)
                .min(MOST_DIGITS.saturating_sub(whole)),
            None => decimals_for(typical, PLAIN_DIGITS),
        }
    }
}

/// Digits before the decimal point, at least one.
fn whole_digits(value: f64) -> usize {
    let mut digits = 1;
    let mut rest = value;
    while rest >= 10.0 && digits < 20 {
        rest /= 10.0;
        digits += 1;
    }
    digits
}

/// Decimals with which `value` has so many significant digits; none for 0.
fn decimals_for(value: f64, digits: usize) -> usize {
    if value <= 0.0 {
        return 0;
    }
    let mut decimals = 0;
    let mut shifted = value;
    let enough = (1..digits).fold(1.0, |power, _| power * 10.0);
    while shifted < enough && decimals < MOST_DECIMALS {
        shifted *= 10.0;
        decimals += 1;
    }
    decimals
}

/// `value` with so many decimals, its thousands apart; [`UNDEFINED`] if it is not finite.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNDEFINED.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let zero = text.chars().all(|digit| digit == '0' || digit == '.');
    let sign = if value < 0.0 && !zero { "-" } else { "" };
    format!("{sign}{}{fraction}", grouped(whole))
}

/// `value` with three significant digits or all of its whole part, and no zeros at the end.
pub fn short_number(value: f64) -> String {
    let text = number(value, decimals_for(value.abs(), PLAIN_DIGITS));
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// A number of things, its thousands apart: `10 866`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(THOUSANDS);
        }
        text.push(digit);
    }
    text
}

/// A share from 0 to 1 as a percentage with one decimal: `63.4 %`.
pub fn share(value: f64) -> String {
    format!("{} %", number(value * 100.0, 1))
}

/// An amount of US dollars: cents, and smaller parts only for less than a dollar.
pub fn dollars(value: f64) -> String {
    let decimals = if value.abs() >= 1.0 { 2 } else { decimals_for(value.abs(), 2).max(2) };
    format!("{} USD", number(value, decimals))
}

/// A duration in seconds in at most two units: `350 ms`, `12.5 s`, `1h 12m`, `3d 4h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return UNDEFINED.to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let magnitude = seconds.abs();
    // Rounded before the unit is chosen, so that 59.99 s is not "60 s" and 3599.9 s not "60m".
    if magnitude < 59.95 {
        let unit = match magnitude {
            _ if magnitude >= 0.9995 || magnitude == 0.0 => (1.0, "s"),
            _ if magnitude >= 0.000_999_5 => (1e3, "ms"),
            _ => (1e6, "µs"),
        };
        return format!("{sign}{} {}", short_number(magnitude * unit.0), unit.1);
    }
    let (parts, names) = match magnitude.round() as u64 {
        whole if whole < 3600 => ([whole / 60, whole % 60], ["m", "s"]),
        whole if (whole + 30) / 60 < 24 * 60 => {
            let minutes = (whole + 30) / 60;
            ([minutes / 60, minutes % 60], ["h", "m"])
        }
        whole => {
            let hours = (whole + 1800) / 3600;
            ([hours / 24, hours % 24], ["d", "h"])
        }
    };
    let first = format!("{sign}{}{}", count(parts[0]), names[0]);
    if parts[1] == 0 {
        return first;
    }
    format!("{first} {}{}", parts[1], names[1])
}

/// A value in `unit` by itself, with its unit.
pub fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => duration(value),
        Unit::Share => share(value),
        Unit::Count if value.fract() == 0.0 => number(value, 0),
        Unit::Count | Unit::Ratio => short_number(value),
        Unit::Dollars => dollars(value),
    }
}

/// The word that JSON has for a unit variant: `relative-error`.
pub(super) fn symbol(variant: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(variant).ok();
    json.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// `text` without what a terminal or a reader could be misled by: control characters (line
/// breaks become spaces) and invisible marks that change the direction of writing.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' => Some(' '),
            invisible if is_misleading(invisible) => None,
            control if control.is_control() => None,
            other => Some(other),
        })
        .collect()
}

/// Whether a character cannot be seen but changes how others are shown, or is no character at all.
fn is_misleading(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}'
    )
}

/// Columns of a terminal that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` made [`printable`] and, if it takes more than `columns`, with `…` for its middle.
///
/// Takes time linear in the text.
pub fn elide(text: &str, columns: usize) -> String {
    let text = printable(text);
    if width(&text) <= columns {
        return text;
    }
    let kept = columns.saturating_sub(1);
    let head = take(text.chars(), kept.div_ceil(2));
    let tail = take(text.chars().rev(), kept / 2);
    head.into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

/// As many characters as fit into `columns`.
fn take(characters: impl Iterator<Item = char>, columns: usize) -> Vec<char> {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// `text` broken at its spaces into lines of at most `columns`; longer words are elided.
pub fn wrap(text: &str, columns: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = elide(word, columns);
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace(THOUSANDS, " ")
    }

    #[test]
    fn durations_are_in_units_people_use() {
        for (seconds, want) in [
            (0.0, "0 s"),
            (0.000_25, "250 µs"),
            (0.35, "350 ms"),
            (0.012_345, "12.3 ms"),
            (1.0, "1 s"),
            (12.5, "12.5 s"),
            (59.94, "59.9 s"),
            (59.99, "1m"),
            (90.0, "1m 30s"),
            (3599.9, "1h"),
            (4320.0, "1h 12m"),
            (86_399.0, "1d"),
            (86_370.0, "1d"),
            (86_369.0, "23h 59m"),
            (3.0 * 86_400.0 + 4.0 * 3600.0, "3d 4h"),
            (2000.0 * 86_400.0, "2 000d"),
            (-90.0, "-1m 30s"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(plain(&duration(seconds)), want, "{seconds}");
        }
    }

    #[test]
    fn thousands_are_apart() {
        for (value, want) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (10_866, "10 866"),
            (u64::MAX, "18 446 744 073 709 551 615"),
        ] {
            assert_eq!(plain(&count(value)), want);
        }
        assert_eq!(plain(&number(-1_234_567.891, 2)), "-1 234 567.89");
        assert_eq!(number(-0.001, 2), "0.00");
    }

    #[test]
    fn no_number_has_seventeen_digits() {
        assert_eq!(short_number(0.1 + 0.2), "0.3");
        assert_eq!(short_number(1.0 / 3.0), "0.333");
        assert_eq!(short_number(99.5), "99.5");
        assert_eq!(plain(&short_number(123_456.789)), "123 457");
        assert_eq!(short_number(0.0), "0");
        assert_eq!(short_number(-2.0), "-2");
        assert_eq!(share(0.634_49), "63.4 %");
        assert_eq!(plain(&dollars(1234.5)), "1 234.50 USD");
        assert_eq!(dollars(0.004_2), "0.0042 USD");
        assert_eq!(dollars(0.0), "0.00 USD");
    }

    #[test]
    fn values_are_shown_in_their_unit() {
        assert_eq!(value(Unit::Seconds, 4320.0), "1h 12m");
        assert_eq!(value(Unit::Share, 0.5), "50.0 %");
        assert_eq!(value(Unit::Count, 3.0), "3");
        assert_eq!(value(Unit::Count, 3.25), "3.25");
        assert_eq!(value(Unit::Dollars, 2.0), "2.00 USD");
    }

    #[test]
    fn scale_fits_the_size() {
        for (seconds, want) in [
            (1e-5, "µs"),
            (0.35, "ms"),
            (0.0, "s"),
            (119.0, "s"),
            (120.0, "min"),
            (7200.0, "h"),
            (172_800.0, "d"),
        ] {
            assert_eq!(Scale::of(Unit::Seconds, seconds).suffix, want);
        }
        let minutes = Scale::of(Unit::Seconds, 600.0);
        assert_eq!(minutes.number(630.0, 1), "10.5");
        assert_eq!(minutes.heading("wait"), "wait (min)");
        assert_eq!(Scale::of(Unit::Count, 5.0).heading("tasks"), "tasks");
    }

    #[test]
    fn decimals_show_two_digits_of_what_is_known() {
        let seconds = Scale::of(Unit::Seconds, 12.0);
        assert_eq!(seconds.decimals(12.0, Some(0.4)), 2);
        assert_eq!(seconds.decimals(12.0, Some(4.0)), 1);
        assert_eq!(seconds.decimals(12.0, Some(40.0)), 0);
        assert_eq!(seconds.decimals(12.0, None), 1);
        assert_eq!(seconds.decimals(12.0, Some(0.0)), 1);
        assert_eq!(seconds.decimals(123_456.0, Some(0.000_1)), 0);
        assert_eq!(seconds.decimals(0.0, None), 0);
    }

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        let hostile = "\u{1b}[31mred\u{7}\u{9b}2J\u{202e}evil\u{200b}\nnext\u{0}";
        assert_eq!(printable(hostile), "[31mred2Jevil next");
        assert_eq!(printable("größe-é-日本"), "größe-é-日本");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(elide("abcdefghij", 10), "abcdefghij");
        assert_eq!(elide("abcdefghijk", 10), "abcde…hijk");
        assert_eq!(elide("日本日本日本", 7), "日…本");
        assert_eq!(elide("abc", 1), "…");
        let long = "x".repeat(1_000_000);
        assert_eq!(width(&elide(&long, 20)), 20);
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two  three", 7), "one two\nthree");
        assert_eq!(wrap("a abcdefghijkl b", 5), "a\nab…kl\nb");
        assert_eq!(wrap("", 5), "");
    }
}
