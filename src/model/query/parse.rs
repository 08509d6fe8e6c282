//! Recursive-descent parser of the cluster query language.

use super::ast::Node;
use super::lex::{Lexer, Token, TokenKind};
use super::{MAX_EXPRESSION_CHARACTERS, MAX_EXPRESSION_NESTING, QueryError};

/// Most characters of the text that an error repeats.
const MAX_REPEATED: usize = 40;

/// Parses and checks a whole expression.
pub(super) fn parse(text: &str) -> Result<Node, QueryError> {
    let mut lexer = Lexer::new(text);
    if lexer.len() > MAX_EXPRESSION_CHARACTERS {
        return Err(QueryError::new(
            MAX_EXPRESSION_CHARACTERS,
            format!(
                "the expression has {} characters, at most {MAX_EXPRESSION_CHARACTERS} are allowed",
                lexer.len()
            ),
            "shorten it or split it into several memberOf constraints, all of which must hold",
        ));
    }
    let current = lexer.token()?;
    let mut parser = Parser { lexer, current };
    if parser.current.kind == TokenKind::End {
        return Err(QueryError::new(
            0,
            "the expression is empty",
            "write one such as 'attribute:stack == prod' or remove the constraint",
        ));
    }
    let root = parser.any_of(0)?;
    if parser.current.kind != TokenKind::End {
        return Err(parser.unexpected_continuation());
    }
    Ok(root)
}

/// The parser's state: everything before `current` is parsed.
#[derive(Debug)]
pub(super) struct Parser {
    /// The rest of the text, behind `current`.
    pub(super) lexer: Lexer,
    /// The next token to parse.
    pub(super) current: Token,
}

impl Parser {
    /// Makes the token behind the current one the current one.
    pub(super) fn advance(&mut self) -> Result<(), QueryError> {
        self.current = self.lexer.token()?;
        Ok(())
    }

    /// `expression` of the grammar, inside `depth` parentheses and negations.
    fn any_of(&mut self, depth: usize) -> Result<Node, QueryError> {
        let first = self.all_of(depth)?;
        if self.current.kind != TokenKind::Or {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.current.kind == TokenKind::Or {
            self.advance()?;
            parts.push(self.all_of(depth)?);
        }
        Ok(Node::Or(parts))
    }

    /// `term` of the grammar.
    fn all_of(&mut self, depth: usize) -> Result<Node, QueryError> {
        let first = self.factor(depth)?;
        if self.current.kind != TokenKind::And {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.current.kind == TokenKind::And {
            self.advance()?;
            parts.push(self.factor(depth)?);
        }
        Ok(Node::And(parts))
    }

    /// `factor` of the grammar.
    fn factor(&mut self, depth: usize) -> Result<Node, QueryError> {
        match self.current.kind {
            TokenKind::Not => {
                let inner = self.nest(depth)?;
                self.advance()?;
                let part = if self.current.kind == TokenKind::Open {
                    // `not(` is one level, so that canonical text never nests deeper than source.
                    self.group(inner)?
                } else {
                    self.factor(inner)?
                };
                Ok(Node::Not(Box::new(part)))
            }
            TokenKind::Open => {
                let inner = self.nest(depth)?;
                self.group(inner)
            }
            _ => self.predicate().map(Node::Test),
        }
    }

    /// One level deeper than `depth`, if that is allowed.
    fn nest(&self, depth: usize) -> Result<usize, QueryError> {
        if depth < MAX_EXPRESSION_NESTING {
            return Ok(depth + 1);
        }
        Err(QueryError::new(
            self.current.start,
            format!("nested deeper than {MAX_EXPRESSION_NESTING} levels"),
            "remove parentheses and negations that change nothing",
        ))
    }

    /// An expression in parentheses, the first of which is the current token.
    fn group(&mut self, depth: usize) -> Result<Node, QueryError> {
        debug_assert_eq!(self.current.kind, TokenKind::Open, "the caller looked");
        let opened = self.current.start;
        self.advance()?;
        let node = self.any_of(depth)?;
        match self.current.kind {
            TokenKind::Close => {
                self.advance()?;
                Ok(node)
            }
            TokenKind::End => Err(QueryError::new(
                self.current.start,
                format!("the '(' at column {} is not closed", opened + 1),
                "write ')' at the end of its part",
            )),
            _ => Err(self.unexpected_continuation()),
        }
    }

    /// The current token as errors name it.
    pub(super) fn found(&self) -> String {
        if self.current.kind == TokenKind::End {
            return "the end of the expression".to_owned();
        }
        let text = self.lexer.slice(self.current.start, self.current.end);
        format!("'{}'", shortened(&text))
    }

    /// The error for a current token that is not what the grammar needs here.
    pub(super) fn unexpected(&self, expected: &str, remedy: &str) -> QueryError {
        let message = format!("found {}, expected {expected}", self.found());
        QueryError::new(self.current.start, message, remedy)
    }

    /// The error for a token behind a complete predicate or group that cannot continue it.
    fn unexpected_continuation(&self) -> QueryError {
        let remedy = match &self.current.kind {
            TokenKind::Close => "remove it or write the '(' that it closes",
            TokenKind::Word(word) if word.eq_ignore_ascii_case("and") => "write 'and' or '&&'",
            TokenKind::Word(word) if word.eq_ignore_ascii_case("or") => "write 'or' or '||'",
            TokenKind::Word(_) | TokenKind::Quoted(_) => {
                "join predicates by 'and' or 'or', put a value with blanks in quotes"
            }
            TokenKind::Open | TokenKind::Not => "join predicates by 'and' or 'or'",
            _ => "put a value with special characters in quotes",
        };
        self.unexpected("'and', 'or' or the end", remedy)
    }
}

/// `text`, cut off if too long to repeat in an error.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_REPEATED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
