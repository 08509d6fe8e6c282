//! A replay's verdict as tables for the terminal, and as Markdown for documents.

use comfy_table::CellAlignment;

use super::format;
use super::replay_files::Replay;
use super::replay_parts::{Part, parts};
use super::table::{Column, render, table_width};

/// Narrowest width that tables are made for, in columns.
const LEAST_WIDTH: usize = 80;

/// Columns that the first column of a table takes at least.
const LEAST_NAME: usize = 16;

/// Columns between two columns of a table.
const GAP: usize = 2;

/// The verdict for the terminal. No line is wider than `width` columns, or 80 if that is more.
pub fn replay_table(replay: &Replay, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let texts = parts(replay).into_iter().map(|part| match part {
        Part::Heading(heading) => {
            let heading = format::elide(&heading, width);
            format!("{heading}\n{}", "═".repeat(format::width(&heading)))
        }
        Part::Table(columns) => table(columns, width),
        Part::Notes(notes) => {
            notes.iter().map(|note| format::wrap(note, width)).collect::<Vec<_>>().join("\n")
        }
    });
    texts.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// A table whose first column gives way to the others, and the second and further ones where that
/// is not enough.
fn table(mut columns: Vec<Column>, width: usize) -> String {
    let of_others = |columns: &[Column]| {
        table_width(&columns.iter().skip(1).collect::<Vec<_>>()) + GAP + LEAST_NAME
    };
    let mut left_out = Vec::new();
    while of_others(&columns) > width && columns.len() > 2 {
        left_out.push(columns.remove(1).heading.replace('\n', " "));
    }
    let left = (width + LEAST_NAME).saturating_sub(of_others(&columns)).max(LEAST_NAME);
    if let Some(first) = columns.first_mut() {
        for cell in &mut first.cells {
            *cell = format::elide(cell, left);
        }
        first.heading = format::elide(&first.heading, left);
    }
    let text = render(&columns.iter().collect::<Vec<_>>());
    if left_out.is_empty() {
        return text;
    }
    let left_out = left_out.join(", ");
    let note = format!("No room for {left_out}: see the CSV files or widen the terminal.");
    format!("{text}\n\n{}", format::wrap(&note, width))
}

/// The verdict as Markdown, its headings below one of the second level.
pub fn replay_markdown(replay: &Replay) -> String {
    let texts = parts(replay).into_iter().map(|part| match part {
        Part::Heading(heading) => format!("### {}", escape(&heading)),
        Part::Table(columns) => markdown_table(&columns),
        Part::Notes(notes) => {
            let lines = notes.iter().map(|note| escape(note));
            lines.collect::<Vec<_>>().join("\n\n")
        }
    });
    texts.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn markdown_table(columns: &[Column]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let marks = columns.iter().map(|column| match column.alignment {
        CellAlignment::Right => "---:".to_owned(),
        CellAlignment::Left | CellAlignment::Center => "---".to_owned(),
    });
    let headings = columns.iter().map(|column| escape(&column.heading)).collect();
    let mut lines = vec![line(headings), line(marks.collect())];
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for row in 0..rows {
        lines.push(line(columns.iter().map(|column| escape(&column.cells[row])).collect()));
    }
    lines.join("\n")
}

/// `text` on one line, with nothing in it that Markdown would take for markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in format::printable(text).chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
