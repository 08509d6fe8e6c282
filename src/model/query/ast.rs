//! Syntax tree of a cluster query expression and its canonical text.

use std::cmp::Ordering;
use std::fmt;

use super::lex::{is_bare_literal, is_bare_pattern};
use super::pattern::Pattern;
use super::value::{Timestamp, Version};

/// An expression or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// True if any of two or more parts is.
    Or(Vec<Node>),
    /// True if all of two or more parts are.
    And(Vec<Node>),
    /// True if the part is false.
    Not(Box<Node>),
    /// One `subject operator argument`.
    Test(Predicate),
}

/// One test of one property of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Predicate {
    /// `agentConnected`, compared as the text `true` or `false`.
    AgentConnected(TextTest),
    /// `ec2InstanceId`.
    Ec2InstanceId(TextTest),
    /// `agentVersion`.
    AgentVersion(Comparison, Version),
    /// `registeredAt`.
    RegisteredAt(Comparison, Timestamp),
    /// `runningTasksCount`.
    RunningTasksCount(Comparison, u64),
    /// `attribute:name`.
    Attribute {
        /// Name of the attribute, without the prefix `attribute:`.
        name: String,
        /// What is asked about the attribute.
        test: AttributeTest,
    },
    /// `task:group`: true if the test holds for the group of some task. Never a negated test.
    TaskGroup(TextTest),
}

/// What can be asked about an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AttributeTest {
    /// The instance has the attribute, with or without a value.
    Exists,
    /// The instance lacks the attribute.
    NotExists,
    /// The instance has the attribute and its value passes.
    Text(TextTest),
    /// The instance has the attribute and its value stands in this order to the text.
    Ordered(Comparison, String),
}

/// A test of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextTest {
    /// Whether the outcome is inverted.
    pub(super) negated: bool,
    /// The test before inversion.
    pub(super) kind: TextTestKind,
}

/// The ways to test a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTestKind {
    /// Equal, character by character.
    Equals(String),
    /// Equal to one of at least one text.
    OneOf(Vec<String>),
    /// The whole text matches the pattern.
    Matches(Pattern),
}

/// An operator on ordered values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Comparison {
    /// Whether the comparison holds when the instance's value relates to the argument by `found`.
    pub(super) fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::NotEqual => found.is_ne(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

impl Node {
    /// Whether `test` holds for every predicate below this node.
    pub(super) fn all(&self, test: &impl Fn(&Predicate) -> bool) -> bool {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().all(|part| part.all(test)),
            Self::Not(part) => part.all(test),
            Self::Test(predicate) => test(predicate),
        }
    }

    /// Writes `parts` with `word` between them, in parentheses those that `needs_group` names.
    fn write_joined(
        formatter: &mut fmt::Formatter<'_>,
        parts: &[Self],
        word: &str,
        needs_group: fn(&Self) -> bool,
    ) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                write!(formatter, " {word} ")?;
            }
            if needs_group(part) {
                write!(formatter, "({part})")?;
            } else {
                write!(formatter, "{part}")?;
            }
        }
        Ok(())
    }
}

impl Predicate {
    /// Whether the outcome depends on the tasks that the instance hosts.
    pub(super) fn reads_tasks(&self) -> bool {
        matches!(self, Self::RunningTasksCount(..) | Self::TaskGroup(_))
    }

    /// Whether the outcome depends on the agent's connection.
    pub(super) fn reads_agent_connection(&self) -> bool {
        matches!(self, Self::AgentConnected(_))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(parts) => {
                Self::write_joined(formatter, parts, "or", |part| matches!(part, Self::Or(_)))
            }
            Self::And(parts) => Self::write_joined(formatter, parts, "and", |part| {
                matches!(part, Self::Or(_) | Self::And(_))
            }),
            Self::Not(part) => write!(formatter, "not({part})"),
            Self::Test(predicate) => predicate.fmt(formatter),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgentConnected(test) => write!(formatter, "agentConnected {test}"),
            Self::Ec2InstanceId(test) => write!(formatter, "ec2InstanceId {test}"),
            Self::AgentVersion(comparison, version) => {
                write!(formatter, "agentVersion {} {version}", comparison.symbol())
            }
            Self::RegisteredAt(comparison, date) => {
                write!(formatter, "registeredAt {} {date}", comparison.symbol())
            }
            Self::RunningTasksCount(comparison, count) => {
                write!(formatter, "runningTasksCount {} {count}", comparison.symbol())
            }
            Self::Attribute { name, test } => write!(formatter, "attribute:{name} {test}"),
            Self::TaskGroup(test) => write!(formatter, "task:group {test}"),
        }
    }
}

impl fmt::Display for AttributeTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => formatter.write_str("exists"),
            Self::NotExists => formatter.write_str("!exists"),
            Self::Text(test) => test.fmt(formatter),
            Self::Ordered(comparison, text) => {
                write!(formatter, "{} {}", comparison.symbol(), Literal(text))
            }
        }
    }
}

impl fmt::Display for TextTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TextTestKind::Equals(text) => {
                let symbol = if self.negated { "!=" } else { "==" };
                write!(formatter, "{symbol} {}", Literal(text))
            }
            TextTestKind::OneOf(texts) => {
                formatter.write_str(if self.negated { "!in [" } else { "in [" })?;
                for (index, text) in texts.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    write!(formatter, "{separator}{}", Literal(text))?;
                }
                formatter.write_str("]")
            }
            TextTestKind::Matches(pattern) => {
                formatter.write_str(if self.negated { "!~ " } else { "=~ " })?;
                let text = pattern.text();
                if is_bare_pattern(text) {
                    formatter.write_str(text)
                } else {
                    Quoted(text).fmt(formatter)
                }
            }
        }
    }
}

/// A literal as written in canonical text: bare if possible.
struct Literal<'a>(&'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare_literal(self.0) {
            formatter.write_str(self.0)
        } else {
            Quoted(self.0).fmt(formatter)
        }
    }
}

/// A text in the kind of quotes that it does not contain.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') { '"' } else { '\'' };
        debug_assert!(!self.0.contains(quote), "the grammar cannot write both kinds of quotes");
        write!(formatter, "{quote}{}{quote}", self.0)
    }
}
