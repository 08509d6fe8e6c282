//! What can be wrong with a catalogue file or a name looked up in it.

use thiserror::Error;

/// Why a catalogue could not be read, or has no such instance type.
///
/// Lines are counted from 1, comments and blank lines included.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CatalogueError {
    /// The file has no header, or no row below it.
    #[error(
        "{file}: the catalogue is empty: give a header line ({columns}) and one line for each \
         instance type"
    )]
    Empty {
        /// Name of the file.
        file: String,
        /// The columns to give, separated by commas.
        columns: String,
    },
    /// The header names a column that is not one of the catalogue's.
    #[error("{file}:{line}: unknown column {column:?}: {remedy}")]
    UnknownColumn {
        /// Name of the file.
        file: String,
        /// Line of the header.
        line: u64,
        /// The name as given.
        column: String,
        /// The nearest known name, or the list of them.
        remedy: String,
    },
    /// The header names a column twice.
    #[error("{file}:{line}: column `{column}` is given twice: remove one of them")]
    DuplicateColumn {
        /// Name of the file.
        file: String,
        /// Line of the header.
        line: u64,
        /// The repeated name.
        column: &'static str,
    },
    /// The header lacks a column that every catalogue needs.
    #[error("{file}:{line}: column `{column}` is missing: every catalogue needs {required}")]
    MissingColumn {
        /// Name of the file.
        file: String,
        /// Line of the header.
        line: u64,
        /// The missing name.
        column: &'static str,
        /// All columns that may not be missing, separated by commas.
        required: String,
    },
    /// A row has more or fewer fields than the header.
    #[error(
        "{file}:{line}: {found} fields where the header has {expected}: check for a missing or \
         extra comma, or a quotation mark that is not closed"
    )]
    FieldCount {
        /// Name of the file.
        file: String,
        /// Line the row starts on.
        line: u64,
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A value cannot be what its column means.
    #[error("{file}:{line}: column `{column}`: {value:?} is refused: {remedy}")]
    BadValue {
        /// Name of the file.
        file: String,
        /// Line the row starts on.
        line: u64,
        /// Column of the value.
        column: &'static str,
        /// The value as given, shortened if very long.
        value: String,
        /// What to give instead.
        remedy: String,
    },
    /// Two rows describe the same instance type.
    #[error(
        "{file}:{line}: instance type `{name}` was given on line {first_line} already: remove \
         one of the two lines"
    )]
    DuplicateType {
        /// Name of the file.
        file: String,
        /// Line of the second row.
        line: u64,
        /// Line of the first row.
        first_line: u64,
        /// The repeated name.
        name: String,
    },
    /// The CSV reader itself gave up.
    #[error(
        "{file}:{line}: not readable as CSV ({detail}): save the file as comma-separated UTF-8"
    )]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Line where reading stopped.
        line: u64,
        /// The reader's own words.
        detail: String,
    },
    /// No instance type of this name is in the catalogue.
    #[error(
        "unknown instance type {name:?} in {catalogue}: {suggestion}`towtank list \
         instance-types` shows the built-in types, and a catalogue file of your own can describe \
         others"
    )]
    UnknownType {
        /// The name looked up.
        name: String,
        /// Where it was looked up: the built-in catalogue or a file.
        catalogue: String,
        /// `did you mean ...? `, or empty where no name is near.
        suggestion: String,
    },
}

/// How many equally near names a suggestion gives at most.
const SUGGESTIONS: usize = 3;

/// The names nearest to `wrong` among `known`: a question ending in `? `, or an empty text.
///
/// Near means at most a third of the letters inserted, deleted, changed or swapped with a
/// neighbour, whatever their case; equally near names come in the order of `known`.
pub(super) fn did_you_mean<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let wrong = wrong.to_lowercase();
    let mut best = (wrong.chars().count() / 3).max(1);
    let mut nearest: Vec<&str> = Vec::new();
    for name in known {
        let distance = strsim::damerau_levenshtein(&wrong, &name.to_lowercase());
        if distance < best {
            nearest.clear();
        }
        if distance <= best {
            best = distance;
            nearest.push(name);
        }
    }
    nearest.truncate(SUGGESTIONS);
    if nearest.is_empty() {
        return String::new();
    }
    format!("did you mean `{}`? ", nearest.join("` or `"))
}
