//! Finds the columns of a table by the names in its header.

use super::{shown, similar};

/// Separators other than the comma that tables come with.
const OTHER_SEPARATORS: [(char, &str); 3] =
    [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];

/// Where each known column (the required ones first) stands in the header; `None` if it does not.
///
/// # Errors
/// What is wrong with the header, and the remedy: another separator, no header, an unknown,
/// nameless or repeated column, a required one missing.
pub(super) fn positions(
    header: &[&str],
    required: &[&str],
    optional: &[&str],
) -> Result<Vec<Option<usize>>, String> {
    let known: Vec<&str> = required.iter().chain(optional).copied().collect();
    if !header.iter().any(|name| known.contains(name)) {
        not_a_header(header, &known)?;
    }
    let mut positions = vec![None; known.len()];
    for (at, name) in header.iter().enumerate() {
        let Some(column) = known.iter().position(|known| known == name) else {
            return Err(unknown(at, name, &known));
        };
        if positions[column].replace(at).is_some() {
            return Err(format!("column '{name}' stands in the header twice: remove one"));
        }
    }
    match (0..required.len()).find(|&column| positions[column].is_none()) {
        Some(missing) => Err(format!(
            "column '{}' is missing; the header needs {}{}",
            required[missing],
            required.join(","),
            listed(" and may have ", optional)
        )),
        None => Ok(positions),
    }
}

/// Refuses a first line that is no header of this table at all.
fn not_a_header(header: &[&str], known: &[&str]) -> Result<(), String> {
    let line = header.join(",");
    let separates = |mark: char| line.split(mark).any(|name| known.contains(&name.trim()));
    if let Some((_, name)) = OTHER_SEPARATORS.iter().find(|(mark, _)| separates(*mark)) {
        return Err(format!("the columns are separated by {name}: separate them by commas"));
    }
    let is_number = |name: &&&str| name.starts_with(|first: char| first.is_ascii_digit());
    if header.iter().filter(is_number).count() * 2 > header.len() {
        return Err(format!(
            "there is no header: add a first line that names the columns, out of {}",
            known.join(",")
        ));
    }
    Ok(())
}

fn unknown(at: usize, name: &str, known: &[&str]) -> String {
    if name.is_empty() {
        return format!("column {} has no name: name it or remove it", at + 1);
    }
    let unknown = format!("unknown column {}", shown(name));
    if known.contains(&name.trim()) {
        return format!("{unknown}: remove the spaces around the name");
    }
    match similar(name, known.iter().copied()) {
        Some(near) => format!("{unknown}: did you mean '{near}'?"),
        None => format!("{unknown}: remove it; known columns are {}", known.join(",")),
    }
}

fn listed(before: &str, names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("{before}{}", names.join(",")) }
}
