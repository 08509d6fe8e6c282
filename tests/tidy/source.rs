//! A Rust source file as the tidy checks see it: its text, and its code without comments, strings
//! and, on request, without tests.

use std::path::Path;

/// A source file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Path below the repository, with `/`.
    pub(super) path: String,
    /// The text as it is.
    pub(super) text: String,
    /// The text with comments, strings and character literals blanked, line for line.
    pub(super) code: String,
}

impl Source {
    /// A source file of that path and text.
    pub(super) fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), code: blank_non_code(text) }
    }

    /// Whether the whole file is tests or fixtures of tests.
    pub(super) fn is_test(&self) -> bool {
        let path = Path::new(&self.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let in_folder = path.components().any(|part| part.as_os_str() == "tests");
        in_folder || stem == "tests" || stem == "fixtures" || stem.ends_with("_tests")
    }

    /// The code without inline modules that are compiled for tests only.
    pub(super) fn code_without_tests(&self) -> String {
        let mut code = self.code.clone();
        let marker = "#[cfg(test)]";
        let mut from = 0;
        while let Some(found) = code[from..].find(marker) {
            let start = from + found;
            from = start + marker.len();
            let rest = &code[from..];
            let end = rest.find(['{', ';']).map(|at| from + at);
            if let Some(open) = end.filter(|&at| code.as_bytes()[at] == b'{') {
                let close = matching_brace(&code, open).unwrap_or(code.len() - 1);
                let blank = blanked(&code[start..=close]);
                code.replace_range(start..=close, &blank);
            }
        }
        code
    }

    /// `path:line` of a byte offset into the code.
    pub(super) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path, line_of(&self.code, offset))
    }
}

/// Line of an offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
}

/// Offset of the brace that closes the one at `open`.
pub(super) fn matching_brace(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Every name that follows the keyword `fn`, with the offset of the keyword.
pub(super) fn functions(code: &str) -> Vec<(usize, String)> {
    let starts = code.match_indices("fn ").filter(|&(at, _)| !is_word_before(code, at));
    let named = starts.filter_map(|(at, _)| {
        let rest = code[at + 3..].trim_start();
        let name: String = rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
        (!name.is_empty()).then_some((at, name))
    });
    named.collect()
}

/// Offsets of the braces around the body of the function whose keyword is at `at`; none where it
/// has no body.
pub(super) fn body(code: &str, at: usize) -> Option<(usize, usize)> {
    let mut depth = 0_i32;
    for (index, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return matching_brace(code, index).map(|end| (index, end)),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Offsets where `word` stands by itself, so that `print!` is not found in `eprint!`.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts_as_word = word.starts_with(is_word);
    let ends_as_word = word.ends_with(is_word);
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let after = code[at + word.len()..].chars().next();
        let is_start = !starts_as_word || !is_word_before(code, at);
        is_start && (!ends_as_word || !after.is_some_and(is_word))
    })
}

fn is_word_before(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Spaces of the same number of bytes, with the line ends kept.
fn blanked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// Blanks comments, strings and character literals; offsets and lines stay as they are.
pub(super) fn blank_non_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = not_code(rest, out.chars().next_back());
        if length > 0 {
            out += &blanked(&rest[..length]);
            at += length;
        } else {
            let one = rest.chars().next().expect("the rest is not empty");
            out.push(one);
            at += one.len_utf8();
        }
    }
    out
}

/// Bytes at the start of `rest` that are no code: a comment or a literal; 0 if it is code.
fn not_code(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if rest.starts_with('"') {
        return escaped(rest, 1, '"');
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(hashed) = raw.strip_prefix('r').filter(|_| !in_word) {
        let hashes = hashed.len() - hashed.trim_start_matches('#').len();
        if hashed[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let skipped = rest.len() - hashed.len() + hashes + 1;
            return rest[skipped..].find(&close).map_or(rest.len(), |e| skipped + e + close.len());
        }
    }
    if rest.starts_with('\'') { character(rest) } else { 0 }
}

/// Bytes of a character literal; 0 where the quote begins a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => escaped(rest, 1, '\''),
        Some(one) if inside.next() == Some('\'') => 2 + one.len_utf8(),
        _ => 0,
    }
}

/// Bytes up to the closing `quote`, backslashes escaping what follows them.
fn escaped(rest: &str, from: usize, quote: char) -> usize {
    let mut skip = false;
    for (at, c) in rest.char_indices().filter(|&(at, _)| at >= from) {
        match c {
            _ if skip => skip = false,
            '\\' => skip = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}
