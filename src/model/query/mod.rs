//! The Amazon ECS cluster query language used by `memberOf` placement constraints.
//!
//! Source: Amazon ECS Developer Guide, page "Cluster query language". The page gives subjects,
//! operators and examples but no grammar; the grammar read here is
//!
//! ```text
//! expression = term { ("or" | "||") term }
//! term       = factor { ("and" | "&&") factor }
//! factor     = ("not" | "!") factor | "(" expression ")" | subject operator [ argument ]
//! argument   = literal | "[" literal { "," literal } "]"
//! literal    = bare | "'" text "'" | '"' text '"'
//! ```
//!
//! Choices made where the page is silent:
//!
//! - `not` binds tighter than `and`, `and` tighter than `or`.
//! - A predicate about something the instance does not have (an attribute, an agent version, a
//!   registration date) is false, also for `!=`, `!in` and `!~`; only `!exists` is true then.
//! - `=~` must match the whole value. The pattern language is the common part of Java's and of
//!   `regex-lite`; what only Java has (look-around, back-references, possessive quantifiers,
//!   character class operations) is refused instead of being read differently.
//! - A bare literal ends at white space and at any of ``()[],'"=<>!~&|``; a bare pattern ends at
//!   white space, parentheses, quotes, `&&` and `||`. Other text needs quotes. Quoted text has
//!   no escape sequences. The words `and`, `or` and `not` need quotes to be a literal.
//! - Ordering operators on attributes compare as decimal numbers if both sides are, otherwise
//!   character by character.
//! - A date without a time is midnight UTC; a time without an offset is UTC.
//! - `task:group` has no negative operators: an instance hosts many groups, so "some task is not
//!   of the group" and "no task is of the group" differ. `not(task:group == x)` says the latter.

mod ast;
mod eval;
mod lex;
mod parse;
mod pattern;
mod predicate;
mod suggest;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::str::FromStr;

/// Longest expression that Amazon ECS accepts, in characters (API `PlacementConstraint`).
pub const MAX_EXPRESSION_CHARACTERS: usize = 2000;

/// Deepest nesting of parentheses and negations accepted; `not(` counts once.
pub const MAX_EXPRESSION_NESTING: usize = 64;

/// A parsed and checked cluster query expression.
///
/// Two expressions are equal if they were written the same way; `Display` writes the canonical
/// text (symbols for operators, words for `and`, `or` and `not`, quotes only where needed), which
/// parses to an expression of the same meaning. Canonical text may be longer than the source and
/// so, near the limit, longer than [`MAX_EXPRESSION_CHARACTERS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    source: String,
    root: ast::Node,
}

impl Expression {
    /// Parses `text` and compiles its patterns.
    ///
    /// Takes time linear in the text plus the size of the compiled patterns.
    ///
    /// # Errors
    ///
    /// A [`QueryError`] with the column of the first thing that is not part of the language: bad
    /// syntax, an unknown subject, an operator that the subject does not have, a value of the
    /// wrong kind, a bad pattern, a text longer than [`MAX_EXPRESSION_CHARACTERS`] or nesting
    /// deeper than [`MAX_EXPRESSION_NESTING`].
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let root = parse::parse(text)?;
        Ok(Self { source: text.to_owned(), root })
    }

    /// The text the expression was parsed from, unchanged.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the container instance `on` satisfies the expression.
    ///
    /// Allocates nothing except inside pattern matching, which takes time proportional to the
    /// pattern times the value.
    pub fn matches(&self, on: &(impl Subject + ?Sized)) -> bool {
        eval::node(&self.root, on)
    }

    /// Whether the outcome for an instance cannot change while that instance lives: true if the
    /// expression reads only attributes, `ec2InstanceId`, `agentVersion` and `registeredAt`.
    ///
    /// Attributes count as unchanging; a caller that changes them must evaluate again.
    pub fn is_static(&self) -> bool {
        self.root.all(&|predicate| !predicate.reads_agent_connection() && !predicate.reads_tasks())
    }

    /// Whether the outcome depends on the tasks that the instance hosts (`runningTasksCount` or
    /// `task:group`).
    pub fn reads_tasks(&self) -> bool {
        !self.root.all(&|predicate| !predicate.reads_tasks())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.root)
    }
}

impl FromStr for Expression {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

/// What an expression can ask about a container instance.
pub trait Subject {
    /// Value of the attribute called `name` (case-sensitive): `None` if the instance lacks the
    /// attribute, `Some("")` if it has the attribute without a value.
    fn attribute(&self, name: &str) -> Option<&str>;

    /// Whether the container agent is connected to Amazon ECS.
    fn agent_connected(&self) -> bool;

    /// EC2 instance id, such as `i-0123456789abcdef0`.
    fn ec2_instance_id(&self) -> &str;

    /// Version of the container agent as dotted numbers, such as `1.86.3`; `None` if unknown.
    /// A text that is not dotted numbers counts as unknown.
    fn agent_version(&self) -> Option<&str>;

    /// When the instance registered, in seconds since 1970-01-01T00:00:00Z; `None` if unknown.
    fn registered_at(&self) -> Option<i64>;

    /// Number of tasks on the instance in status RUNNING.
    fn running_tasks_count(&self) -> u32;

    /// Whether `test` holds for the group (such as `family:web` or `service:web`) of at least one
    /// task that the instance hosts.
    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// Why a text is not an expression of the cluster query language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {}: {message}; {remedy}", .position + 1)]
pub struct QueryError {
    /// Character of the text where the trouble starts, counted from 0; equal to the number of
    /// characters if something is missing at the end. The displayed column counts from 1.
    pub position: usize,
    /// What was found and, if that is not obvious, what was expected.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl QueryError {
    fn new(position: usize, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { position, message: message.into(), remedy: remedy.into() }
    }

    /// `text`, the text whose parsing gave this error, with a line inserted that has a `^` under
    /// the error's position.
    ///
    /// Characters are taken as one column wide; tabs are repeated so that the mark stays aligned.
    pub fn caret(&self, text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let at = self.position.min(characters.len());
        let line_start =
            characters[..at].iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        let line_end = characters[at..]
            .iter()
            .position(|c| *c == '\n')
            .map_or(characters.len(), |newline| at + newline);
        let mut marked: String = characters[..line_end].iter().collect();
        marked.push('\n');
        let padding = characters[line_start..at].iter();
        marked.extend(padding.map(|c| if *c == '\t' { '\t' } else { ' ' }));
        marked.push('^');
        marked.extend(&characters[line_end..]);
        marked
    }
}
