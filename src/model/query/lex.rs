//! Splits the text of a cluster query expression into tokens.

use super::QueryError;

/// An operator between a subject and its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==`, `equals`
    Equals,
    /// `!=`, `not_equals`
    NotEquals,
    /// `>`, `greater_than`
    Greater,
    /// `>=`, `greater_than_equal`
    GreaterOrEqual,
    /// `<`, `less_than`
    Less,
    /// `<=`, `less_than_equal`
    LessOrEqual,
    /// `exists`
    Exists,
    /// `!exists`, `not_exists`
    NotExists,
    /// `in`
    In,
    /// `!in`, `not_in`
    NotIn,
    /// `=~`, `matches`
    Matches,
    /// `!~`, `not_matches`
    NotMatches,
}

impl Operator {
    /// All operators.
    pub(super) const ALL: &'static [Self] = &[
        Self::Equals,
        Self::NotEquals,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Exists,
        Self::NotExists,
        Self::In,
        Self::NotIn,
        Self::Matches,
        Self::NotMatches,
    ];

    /// Canonical form.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equals => "==",
            Self::NotEquals => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Exists => "exists",
            Self::NotExists => "!exists",
            Self::In => "in",
            Self::NotIn => "!in",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }

    /// The form without punctuation.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "not_equals",
            Self::Greater => "greater_than",
            Self::GreaterOrEqual => "greater_than_equal",
            Self::Less => "less_than",
            Self::LessOrEqual => "less_than_equal",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Matches => "matches",
            Self::NotMatches => "not_matches",
        }
    }
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A subject, a word form of an operator or a bare literal.
    Word(String),
    /// A literal in quotes, here without them.
    Quoted(String),
    /// An operator written as a symbol.
    Operator(Operator),
    /// `and`, `&&`
    And,
    /// `or`, `||`
    Or,
    /// `not`, `!`
    Not,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    ListOpen,
    /// `]`
    ListClose,
    /// `,`
    Comma,
    /// Behind the last character.
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What the token is.
    pub(super) kind: TokenKind,
    /// Its first character, counted from 0.
    pub(super) start: usize,
    /// The character behind its last one.
    pub(super) end: usize,
}

/// Characters other than white space that end a bare word.
const PUNCTUATION: &str = "()[],'\"=<>!~&|";

fn is_word_character(character: char) -> bool {
    !character.is_whitespace() && !PUNCTUATION.contains(character)
}

/// Whether `word` combines expressions and so cannot be a bare literal.
fn is_reserved(word: &str) -> bool {
    matches!(word, "and" | "or" | "not")
}

/// Whether `text` can be written without quotes as an argument of operators other than `=~`.
pub(super) fn is_bare_literal(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_character) && !is_reserved(text)
}

/// Whether `text` can be written without quotes as a pattern.
pub(super) fn is_bare_pattern(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    !text.is_empty() && bare_pattern_end(&characters, 0) == characters.len() && !is_reserved(text)
}

/// Where the bare pattern that starts at `start` ends.
fn bare_pattern_end(characters: &[char], start: usize) -> usize {
    let mut end = start;
    while let Some(&character) = characters.get(end) {
        let doubled = characters.get(end + 1) == Some(&character);
        let ends = matches!(character, '(' | ')' | '\'' | '"')
            || character.is_whitespace()
            || (matches!(character, '&' | '|') && doubled);
        if ends {
            break;
        }
        end += 1;
    }
    end
}

/// Reads tokens one by one. Reading all of them takes time linear in the text.
#[derive(Debug)]
pub(super) struct Lexer {
    characters: Vec<char>,
    position: usize,
}

impl Lexer {
    /// A lexer at the start of `text`.
    pub(super) fn new(text: &str) -> Self {
        Self { characters: text.chars().collect(), position: 0 }
    }

    /// Number of characters of the text.
    pub(super) fn len(&self) -> usize {
        self.characters.len()
    }

    /// The text from character `start` to before character `end`.
    pub(super) fn slice(&self, start: usize, end: usize) -> String {
        self.characters[start..end].iter().collect()
    }

    /// The next token; [`TokenKind::End`] at the end, however often it is asked for.
    pub(super) fn token(&mut self) -> Result<Token, QueryError> {
        self.skip_whitespace();
        let start = self.position;
        let Some(&first) = self.characters.get(start) else {
            return Ok(Token { kind: TokenKind::End, start, end: start });
        };
        let kind = match first {
            '\'' | '"' => self.quoted(first)?,
            _ if is_word_character(first) => self.word(),
            _ => self.punctuation(first)?,
        };
        Ok(Token { kind, start, end: self.position })
    }

    /// The next token where a pattern is expected: a quoted literal, a bare pattern, or any other
    /// token if none of these comes.
    pub(super) fn pattern(&mut self) -> Result<Token, QueryError> {
        self.skip_whitespace();
        let start = self.position;
        let end = bare_pattern_end(&self.characters, start);
        let text = self.slice(start, end);
        if !is_bare_pattern(&text) {
            return self.token();
        }
        self.position = end;
        Ok(Token { kind: TokenKind::Word(text), start, end })
    }

    fn skip_whitespace(&mut self) {
        while self.characters.get(self.position).is_some_and(|c| c.is_whitespace()) {
            self.position += 1;
        }
    }

    /// A quoted literal; `quote` is the character at the position.
    fn quoted(&mut self, quote: char) -> Result<TokenKind, QueryError> {
        let start = self.position + 1;
        let Some(length) = self.characters[start..].iter().position(|c| *c == quote) else {
            return Err(QueryError::new(
                self.position,
                "quoted text without an end",
                format!("write a second {quote} behind the text"),
            ));
        };
        self.position = start + length + 1;
        Ok(TokenKind::Quoted(self.slice(start, start + length)))
    }

    fn word(&mut self) -> TokenKind {
        let start = self.position;
        while self.characters.get(self.position).is_some_and(|c| is_word_character(*c)) {
            self.position += 1;
        }
        let text = self.slice(start, self.position);
        match text.as_str() {
            "and" => TokenKind::And,
            "or" => TokenKind::Or,
            "not" => TokenKind::Not,
            _ => TokenKind::Word(text),
        }
    }

    /// A token of punctuation; `first` is the character at the position.
    fn punctuation(&mut self, first: char) -> Result<TokenKind, QueryError> {
        let second = self.characters.get(self.position + 1).copied();
        let (kind, length) = match (first, second) {
            ('(', _) => (TokenKind::Open, 1),
            (')', _) => (TokenKind::Close, 1),
            ('[', _) => (TokenKind::ListOpen, 1),
            (']', _) => (TokenKind::ListClose, 1),
            (',', _) => (TokenKind::Comma, 1),
            ('&', Some('&')) => (TokenKind::And, 2),
            ('|', Some('|')) => (TokenKind::Or, 2),
            ('=', Some('=')) => (TokenKind::Operator(Operator::Equals), 2),
            ('=', Some('~')) => (TokenKind::Operator(Operator::Matches), 2),
            ('>', Some('=')) => (TokenKind::Operator(Operator::GreaterOrEqual), 2),
            ('>', _) => (TokenKind::Operator(Operator::Greater), 1),
            ('<', Some('=')) => (TokenKind::Operator(Operator::LessOrEqual), 2),
            ('<', _) => (TokenKind::Operator(Operator::Less), 1),
            ('!', Some('=')) => (TokenKind::Operator(Operator::NotEquals), 2),
            ('!', Some('~')) => (TokenKind::Operator(Operator::NotMatches), 2),
            // No subject is called `exists` or `in`, so these are never negated subjects.
            ('!', _) if self.has_word(1, "exists") => (TokenKind::Operator(Operator::NotExists), 7),
            ('!', _) if self.has_word(1, "in") => (TokenKind::Operator(Operator::NotIn), 3),
            ('!', _) => (TokenKind::Not, 1),
            _ => return Err(self.unexpected(first)),
        };
        self.position += length;
        Ok(kind)
    }

    /// Whether exactly `word` stands `distance` characters behind the position.
    fn has_word(&self, distance: usize, word: &str) -> bool {
        let rest = &self.characters[self.position + distance..];
        let found = rest.iter().copied().take_while(|c| is_word_character(*c));
        found.eq(word.chars())
    }

    fn unexpected(&self, character: char) -> QueryError {
        let remedy = match character {
            '&' => "write '&&' or 'and', or quote the text that contains it",
            '|' => "write '||' or 'or', or quote the text that contains it",
            '=' => "write '==' to compare or '=~' to match a pattern",
            _ => "write '=~' or '!~' to match a pattern, or quote the text that contains it",
        };
        QueryError::new(self.position, format!("found a single '{character}'"), remedy)
    }
}
