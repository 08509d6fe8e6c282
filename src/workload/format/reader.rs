//! Reading trace files: plain or compressed, as bytes or as rows of typed columns.
//!
//! Nothing goes through a float: times are exact decimals and all else is whole numbers. Every
//! error says the file, the line, the column, the value and what to do.

mod careful;
mod decode;
mod header;
mod lines;
mod names;
mod number;
mod records;
mod rows;

pub use careful::RECORD_BYTES_MAX;
pub use decode::{DECOMPRESSED_BYTES_MAX, open};
pub use names::Names;
pub use rows::{Column, Rows, SECONDS_MAX};

use strsim::damerau_levenshtein;

/// Longest word for which a spelling is suggested, in bytes; bounds the time of a guess.
const SUGGESTED_BYTES_MAX: usize = 64;

/// Most characters of a value that an error repeats.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// The one of `known` that `word` is probably a misspelling of, upper and lower case being the
/// same: at most a third of its characters are wrong.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > SUGGESTED_BYTES_MAX {
        return None;
    }
    let word = word.trim().to_ascii_lowercase();
    let distance = |name: &str| damerau_levenshtein(&word, &name.to_ascii_lowercase());
    let close = |(edits, name): &(usize, &str)| *edits <= (name.len() / 3).max(1);
    let scored = known.into_iter().map(|name| (distance(name), name));
    scored.filter(close).min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// A value as errors repeat it: quoted, control characters escaped, shortened when long.
pub fn shown(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARACTERS_MAX {
        return format!("{value:?}");
    }
    let start: String = value.chars().take(SHOWN_CHARACTERS_MAX).collect();
    format!("{start:?}… ({} bytes)", value.len())
}

#[cfg(test)]
mod tests;
