//! The text of a scenario as a tree of keys, with what was set on the command line put in, and the
//! line each key stands on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::workload::plain_words::in_plain_words;
use crate::workload::written_table::read_table;

use super::ScenarioError;

/// Scenario files are not larger than this.
const BYTES_MAX: u64 = 16 << 20;

/// A value set from outside: `--set KEY=VALUE`, or one value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Dotted path of the key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Where it was set: a flag as the user wrote it (`--strategy`), or else the key of the file
    /// that lists it (`compare.strategies[1]`).
    pub origin: String,
}

impl Override {
    /// A value set by a flag.
    pub fn flag(flag: &str, key: &str, value: impl Into<Value>) -> Override {
        Override { key: key.to_owned(), value: value.into(), origin: flag.to_owned() }
    }

    /// Reads `KEY=VALUE`; the value is TOML, or else text as it stands.
    ///
    /// # Errors
    /// There is no `=`, or no key before it.
    pub fn parse(text: &str) -> Result<Override, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let key = key.trim();
                Ok(Override::flag(&format!("--set {key}"), key, value_of(value.trim())))
            }
            _ => Err(format!("'{text}' is not KEY=VALUE; write, say, capacity.web.count=12")),
        }
    }
}

/// A TOML value, or else text as it stands.
pub fn value_of(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("v = {text}")).ok();
    let alone = |mut table: Table| if table.len() == 1 { table.remove("v") } else { None };
    parsed.and_then(alone).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A scenario before it is given meaning.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as named by the user.
    file: String,
    table: Table,
    /// Line of each dotted path in the file.
    lines: BTreeMap<String, usize>,
    /// Dotted paths set from outside, with the origin of each.
    overridden: BTreeMap<String, String>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read or is not TOML.
    pub fn read(path: &Path) -> Result<Document, ScenarioError> {
        let file = path.display().to_string();
        let refuse = |problem: String| ScenarioError {
            place: file.clone(),
            line: None,
            key: String::new(),
            problem,
        };
        let metadata = std::fs::metadata(path).map_err(|why| refuse(cannot_read(&why)))?;
        if metadata.is_dir() {
            let problem = "is a directory, not a scenario; name a .toml file".to_owned();
            return Err(refuse(problem));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|why| refuse(cannot_read(&why)))?;
        if bytes.len() as u64 > BYTES_MAX {
            let problem =
                "is larger than 16 MiB; put tasks into a trace file and name it".to_owned();
            return Err(refuse(problem));
        }
        let text = String::from_utf8(bytes).map_err(|why| {
            let at = why.utf8_error().valid_up_to();
            refuse(format!("byte {at} is not UTF-8; save the file as UTF-8"))
        })?;
        Document::parse(&file, &text)
    }

    /// Reads text; `file` is for messages and for paths relative to it.
    ///
    /// # Errors
    /// It is not TOML.
    pub fn parse(file: &str, text: &str) -> Result<Document, ScenarioError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let syntax = |why: &toml::de::Error| ScenarioError {
            place: file.to_owned(),
            line: why.span().map(|span| line_at(text, span.start)),
            key: String::new(),
            problem: format!("not TOML: {}", in_plain_words(&why.message().replace('\n', "; "))),
        };
        let table = text.parse::<Table>().map_err(|why| syntax(&why))?;
        let spanned = DeTable::parse(text).map_err(|why| syntax(&why))?;
        let mut lines = BTreeMap::new();
        collect_lines(text, "", spanned.get_ref(), &mut lines);
        let overridden = BTreeMap::new();
        Ok(Document { file: file.to_owned(), table, lines, overridden })
    }

    /// A document that was written by a program: its keys have no lines.
    pub fn of_table(file: &str, table: Table) -> Document {
        let (lines, overridden) = (BTreeMap::new(), BTreeMap::new());
        Document { file: file.to_owned(), table, lines, overridden }
    }

    /// Puts a value in, in place of the file's.
    ///
    /// # Errors
    /// The path leads through something that is not a table, or the key was set already: one of the
    /// values would be lost.
    pub fn set(&mut self, change: &Override) -> Result<(), ScenarioError> {
        let is_lost = |key: &str| key == change.key || inside(key, &change.key);
        if let Some((key, origin)) = self.overridden.iter().find(|(key, _)| is_lost(key)) {
            let problem = if *origin == change.origin {
                "given twice; keep one of them".to_owned()
            } else {
                format!("{origin} sets {key} too; keep one of them")
            };
            return Err(self.error_from(&change.origin, problem));
        }
        let mut table = &mut self.table;
        let mut parts: Vec<&str> = change.key.split('.').collect();
        let last = parts.pop().expect("splitting gives at least one part");
        for part in parts {
            let next = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = next.as_table_mut().ok_or_else(|| ScenarioError {
                place: change.origin.clone(),
                line: None,
                key: String::new(),
                problem: format!("'{part}' is a value, not a table, so nothing can be set in it"),
            })?;
        }
        table.insert(last.to_owned(), change.value.clone());
        self.overridden.insert(change.key.clone(), change.origin.clone());
        Ok(())
    }

    /// Whether a key stands in the file or was set from outside.
    pub fn says(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        let first = parts.next().and_then(|part| self.table.get(part));
        parts.try_fold(first, |value, part| Some(value?.get(part))).flatten().is_some()
    }

    /// The file as named by the user.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Directory that paths in the file are relative to.
    pub fn directory(&self) -> PathBuf {
        Path::new(&self.file).parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Keys directly under `prefix` that were set from outside.
    pub fn overridden_under(&self, prefix: &str) -> BTreeSet<String> {
        let under = |key: &String| key.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
        self.overridden.keys().filter_map(under).collect()
    }

    /// Where a path written under `key` leads.
    pub fn path(&self, key: &str, path: &Path) -> PathBuf {
        if self.overridden.contains_key(key) {
            path.to_owned()
        } else {
            self.directory().join(path)
        }
    }

    /// Gives the whole document its meaning.
    ///
    /// # Errors
    /// An unknown key, or a value of the wrong type.
    pub fn deserialise<T: DeserializeOwned>(&self) -> Result<T, ScenarioError> {
        read_table(self.table.clone()).map_err(|why| self.shape_error("", &why))
    }

    /// A serde error about a part of the document, with place and suggestion.
    pub fn shape_error(
        &self,
        prefix: &str,
        why: &serde_path_to_error::Error<toml::de::Error>,
    ) -> ScenarioError {
        let path = why.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let key = [prefix, &path].into_iter().filter(|part| !part.is_empty());
        let key = key.collect::<Vec<_>>().join(".");
        let message = why.inner().message().lines().next().unwrap_or_default().to_owned();
        self.error(&key, in_plain_words(&with_suggestion(&message)))
    }

    /// An error about a key: the flag that set it, or a value above or below it, is to blame.
    pub fn error(&self, key: &str, problem: impl Into<String>) -> ScenarioError {
        let problem = problem.into();
        let only_set = !self.lines.contains_key(key) || problem.starts_with("unknown key");
        let set = |(one, _): &(&String, &String)| {
            key == one.as_str() || inside(key, one) || (only_set && inside(one, key))
        };
        // A table that only flags have made.
        let made = |(one, _): &(&String, &String)| {
            let table = key.rfind('.').map_or("", |dot| &key[..dot]);
            !self.lines.contains_key(table) && inside(one, table)
        };
        let to_blame = self.overridden.iter().find(set);
        let Some((one, origin)) = to_blame.or_else(|| self.overridden.iter().find(made)) else {
            return self.error_in_file(key, problem);
        };
        let mut error = self.error_from(origin, problem);
        if origin.starts_with("--") && key != one && !inside(one, key) {
            key.clone_into(&mut error.key);
        }
        error
    }

    /// An error about what a flag or a key of the file says.
    pub fn error_from(&self, origin: &str, problem: impl Into<String>) -> ScenarioError {
        if origin.starts_with("--") {
            let (place, key) = (origin.to_owned(), String::new());
            return ScenarioError { place, line: None, key, problem: problem.into() };
        }
        self.error_in_file(origin, problem.into())
    }

    fn error_in_file(&self, key: &str, problem: String) -> ScenarioError {
        let line = self.line(key);
        ScenarioError { place: self.file.clone(), line, key: key.to_owned(), problem }
    }

    /// The line of a key, or of the nearest table around it.
    fn line(&self, key: &str) -> Option<usize> {
        let mut path = key;
        loop {
            if let Some(&line) = self.lines.get(path) {
                return Some(line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// Whether a key lies inside another.
fn inside(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Why a file cannot be read, with the remedy.
pub(super) fn cannot_read(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "no such file; check the path".to_owned(),
        std::io::ErrorKind::InvalidData => "is not UTF-8; save the file as UTF-8".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory; name a file".to_owned(),
        _ => format!("cannot be read: {why}"),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

fn collect_lines(
    text: &str,
    prefix: &str,
    table: &DeTable<'_>,
    lines: &mut BTreeMap<String, usize>,
) {
    for (key, value) in table {
        let dot = if prefix.is_empty() { "" } else { "." };
        let path = format!("{prefix}{dot}{}", key.get_ref());
        lines.insert(path.clone(), line_at(text, key.span().start));
        collect_value(text, &path, value.get_ref(), lines);
    }
}

fn collect_value(text: &str, path: &str, value: &DeValue<'_>, lines: &mut BTreeMap<String, usize>) {
    match value {
        DeValue::Table(table) => collect_lines(text, path, table, lines),
        DeValue::Array(array) => {
            for (index, item) in array.iter().enumerate() {
                let path = format!("{path}[{index}]");
                lines.insert(path.clone(), line_at(text, item.span().start));
                collect_value(text, &path, item.get_ref(), lines);
            }
        }
        _ => {}
    }
}

/// Adds "did you mean" to serde's message about an unknown field or variant, and to one about a
/// missing field what to do.
fn with_suggestion(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("no key {field}; write it");
    }
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(given) = quoted.next() else { return message.to_owned() };
    let nearest = quoted.min_by_key(|known| strsim::damerau_levenshtein(given, known));
    let near =
        nearest.filter(|known| strsim::damerau_levenshtein(given, known) <= 1 + given.len() / 3);
    let message = message.replace("unknown field", "unknown key");
    near.map_or(message.clone(), |known| format!("{message}; did you mean `{known}`?"))
}
