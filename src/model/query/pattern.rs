//! Patterns of the operators `=~` and `!~`: the common part of Java's and of `regex-lite`.

use regex_lite::{Regex, RegexBuilder};

/// Largest compiled pattern, in bytes as `regex-lite` counts them. Patterns are at most 2000
/// characters; only nested counted repetitions reach this.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A compiled pattern that must match a whole value. Patterns are equal if their texts are.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    program: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Compiles `text`; the error says what is wrong with the pattern.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        refuse_repeated_quantifiers(text)?;
        // Alone first: `a)|(b` is not a pattern but would become one between the anchors.
        build(text)?;
        let program = build(&format!(r"\A(?:{text})\z"))?;
        Ok(Self { text: text.to_owned(), program })
    }

    /// The pattern as written, without anchors.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole `value` matches.
    pub(super) fn matches(&self, value: &str) -> bool {
        self.program.is_match(value)
    }
}

fn build(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| error.to_string())
}

/// What the text before a character of a pattern ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Anything that is not a quantifier.
    Other,
    /// A quantifier that a `?` can still make reluctant.
    Quantifier,
    /// A reluctant quantifier, such as `*?`.
    Reluctant,
}

/// Refuses a quantifier on a quantifier, such as `a*+`: Java reads it as possessive or as an
/// error, `regex-lite` as a repetition of a repetition, which matches other values.
fn refuse_repeated_quantifiers(text: &str) -> Result<(), String> {
    let mut characters = text.chars();
    let mut before = Before::Other;
    while let Some(character) = characters.next() {
        before = match (character, before) {
            ('?', Before::Quantifier) => Before::Reluctant,
            ('*' | '+' | '?' | '{', Before::Quantifier | Before::Reluctant) => {
                return Err(format!("quantifier '{character}' follows a quantifier"));
            }
            ('*' | '+' | '?', Before::Other) => Before::Quantifier,
            ('{', Before::Other) => {
                characters.by_ref().find(|c| *c == '}');
                Before::Quantifier
            }
            ('\\', _) => {
                skip_escape(&mut characters);
                Before::Other
            }
            ('[', _) => {
                skip_class(&mut characters);
                Before::Other
            }
            _ => Before::Other,
        };
    }
    Ok(())
}

/// Moves behind an escape whose backslash was just read, such as `\d` or `\x{41}`.
fn skip_escape(characters: &mut std::str::Chars<'_>) {
    let is_hexadecimal = matches!(characters.next(), Some('x' | 'u' | 'U'));
    if is_hexadecimal && characters.as_str().starts_with('{') {
        characters.find(|c| *c == '}');
    }
}

/// Moves behind the `]` of a character class whose `[` was just read.
fn skip_class(characters: &mut std::str::Chars<'_>) {
    let mut first = true;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '^' if first => continue,
            ']' if !first => return,
            _ => {}
        }
        first = false;
    }
}
