//! Parser of one `subject operator [ argument ]` of the cluster query language.

use super::QueryError;
use super::ast::{AttributeTest, Comparison, Predicate, TextTest, TextTestKind};
use super::lex::{Operator, TokenKind};
use super::parse::{Parser, shortened};
use super::pattern::Pattern;
use super::suggest::remedy_for_subject;
use super::value::{Timestamp, Version};

/// Longest attribute name, in characters (API `Attribute.name`).
const MAX_ATTRIBUTE_NAME: usize = 128;

/// Remedy for a bare pattern that runs into a parenthesis.
const QUOTE_PATTERN: &str = "put a pattern with parentheses in quotes";

/// What a predicate is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SubjectName {
    AgentConnected,
    AgentVersion,
    Ec2InstanceId,
    RegisteredAt,
    RunningTasksCount,
    Attribute(String),
    TaskGroup,
}

impl SubjectName {
    /// The subject as errors name it.
    fn name(&self) -> &'static str {
        match self {
            Self::AgentConnected => "agentConnected",
            Self::AgentVersion => "agentVersion",
            Self::Ec2InstanceId => "ec2InstanceId",
            Self::RegisteredAt => "registeredAt",
            Self::RunningTasksCount => "runningTasksCount",
            Self::Attribute(_) => "an attribute",
            Self::TaskGroup => "task:group",
        }
    }

    /// The operators that Amazon ECS documents for the subject, and `in` and `=~` for
    /// `task:group`, where it documents only examples with `==`.
    fn operators(&self) -> &'static [Operator] {
        use Operator::{
            Equals, Greater, GreaterOrEqual, In, Less, LessOrEqual, Matches, NotEquals, NotIn,
            NotMatches,
        };
        match self {
            Self::AgentConnected | Self::Ec2InstanceId => {
                &[Equals, NotEquals, In, NotIn, Matches, NotMatches]
            }
            Self::AgentVersion | Self::RegisteredAt | Self::RunningTasksCount => {
                &[Equals, NotEquals, Greater, GreaterOrEqual, Less, LessOrEqual]
            }
            Self::Attribute(_) => Operator::ALL,
            Self::TaskGroup => &[Equals, In, Matches],
        }
    }
}

/// A literal argument and where it starts.
#[derive(Debug)]
struct Literal {
    text: String,
    start: usize,
}

/// The only texts that literals may be; `None` allows any.
type Choice = Option<&'static [&'static str]>;

/// Literals for `agentConnected`.
const CONNECTION_STATUSES: Choice = Some(&["true", "false"]);

impl Parser {
    /// `subject operator [ argument ]` of the grammar.
    pub(super) fn predicate(&mut self) -> Result<Predicate, QueryError> {
        let subject = self.subject()?;
        let operator = self.operator(&subject)?;
        Ok(match subject {
            SubjectName::AgentConnected => {
                Predicate::AgentConnected(self.text_test(operator, CONNECTION_STATUSES)?)
            }
            SubjectName::Ec2InstanceId => Predicate::Ec2InstanceId(self.text_test(operator, None)?),
            SubjectName::TaskGroup => Predicate::TaskGroup(self.text_test(operator, None)?),
            SubjectName::AgentVersion => {
                Predicate::AgentVersion(comparison(operator), self.version()?)
            }
            SubjectName::RegisteredAt => {
                Predicate::RegisteredAt(comparison(operator), self.timestamp()?)
            }
            SubjectName::RunningTasksCount => {
                Predicate::RunningTasksCount(comparison(operator), self.count()?)
            }
            SubjectName::Attribute(name) => {
                Predicate::Attribute { name, test: self.attribute_test(operator)? }
            }
        })
    }

    /// Reads the subject; afterwards the current token is the one behind it.
    fn subject(&mut self) -> Result<SubjectName, QueryError> {
        let start = self.current.start;
        let TokenKind::Word(word) = &self.current.kind else {
            let remedy = match self.current.kind {
                TokenKind::Quoted(_) => "write the subject first, and without quotes",
                _ => "write one such as 'attribute:stack == prod'",
            };
            return Err(self.unexpected("a subject, 'not' or '('", remedy));
        };
        let subject = match word.as_str() {
            "agentConnected" => SubjectName::AgentConnected,
            "agentVersion" => SubjectName::AgentVersion,
            "ec2InstanceId" => SubjectName::Ec2InstanceId,
            "registeredAt" => SubjectName::RegisteredAt,
            "runningTasksCount" => SubjectName::RunningTasksCount,
            "task:group" => SubjectName::TaskGroup,
            _ => match word.strip_prefix("attribute:") {
                Some(name) => SubjectName::Attribute(attribute_name(name, start)?),
                None => {
                    return Err(QueryError::new(
                        start,
                        format!("unknown subject '{}'", shortened(word)),
                        remedy_for_subject(word),
                    ));
                }
            },
        };
        self.advance()?;
        Ok(subject)
    }

    /// The operator that the current token is, if `subject` has it; does not advance, because
    /// what follows is read differently if it is a pattern.
    fn operator(&self, subject: &SubjectName) -> Result<Operator, QueryError> {
        let allowed = subject.operators();
        let found = match &self.current.kind {
            TokenKind::Operator(operator) => Some(*operator),
            TokenKind::Word(word) => {
                Operator::ALL.iter().copied().find(|operator| operator.word() == word)
            }
            _ => None,
        };
        let Some(operator) = found else {
            let remedy = match self.current.kind {
                TokenKind::Not => "write 'not_in', 'not_exists' or the like as one word".to_owned(),
                _ => format!("write one of {}", symbols(allowed)),
            };
            return Err(self.unexpected("an operator", &remedy));
        };
        if allowed.contains(&operator) {
            return Ok(operator);
        }
        let positive = match operator {
            Operator::NotEquals => Some("== x"),
            Operator::NotIn => Some("in [x, y]"),
            Operator::NotMatches => Some("=~ x"),
            _ => None,
        };
        let remedy = match (subject, positive) {
            (SubjectName::TaskGroup, Some(positive)) => {
                format!("write not(task:group {positive}) for \"no task is of the group\"")
            }
            _ => format!("write one of {}", symbols(allowed)),
        };
        let message = format!("operator {} does not apply to {}", self.found(), subject.name());
        Err(QueryError::new(self.current.start, message, remedy))
    }

    fn attribute_test(&mut self, operator: Operator) -> Result<AttributeTest, QueryError> {
        Ok(match operator {
            Operator::Exists => {
                self.advance()?;
                AttributeTest::Exists
            }
            Operator::NotExists => {
                self.advance()?;
                AttributeTest::NotExists
            }
            Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual => {
                AttributeTest::Ordered(comparison(operator), self.argument()?.text)
            }
            _ => AttributeTest::Text(self.text_test(operator, None)?),
        })
    }

    /// The argument of an operator that tests text; `choice` limits literals but not patterns.
    fn text_test(&mut self, operator: Operator, choice: Choice) -> Result<TextTest, QueryError> {
        let (negated, kind) = match operator {
            Operator::Equals | Operator::NotEquals => {
                let literal = self.argument()?;
                literal.check(choice)?;
                (operator == Operator::NotEquals, TextTestKind::Equals(literal.text))
            }
            Operator::In | Operator::NotIn => {
                (operator == Operator::NotIn, TextTestKind::OneOf(self.list(choice)?))
            }
            Operator::Matches | Operator::NotMatches => {
                (operator == Operator::NotMatches, TextTestKind::Matches(self.pattern()?))
            }
            _ => unreachable!("the subject's operators are checked and include no other"),
        };
        Ok(TextTest { negated, kind })
    }

    /// The single literal behind the operator that is the current token.
    fn argument(&mut self) -> Result<Literal, QueryError> {
        self.advance()?;
        if self.current.kind == TokenKind::ListOpen {
            return Err(self.unexpected("a single value", "write 'in' or 'not_in' before a list"));
        }
        self.literal()
    }

    /// The literal that is the current token.
    fn literal(&mut self) -> Result<Literal, QueryError> {
        let start = self.current.start;
        let text = match &self.current.kind {
            TokenKind::Word(text) | TokenKind::Quoted(text) => text.clone(),
            TokenKind::And | TokenKind::Or | TokenKind::Not => {
                return Err(self.unexpected("a value", "put it in quotes if it is the value"));
            }
            _ => return Err(self.unexpected("a value", "write a value, in quotes if need be")),
        };
        self.advance()?;
        Ok(Literal { text, start })
    }

    /// The list behind the operator that is the current token.
    fn list(&mut self, choice: Choice) -> Result<Vec<String>, QueryError> {
        self.advance()?;
        if self.current.kind != TokenKind::ListOpen {
            return Err(self.unexpected("a list", "write it in brackets, such as [a, b]"));
        }
        let mut texts = Vec::new();
        loop {
            self.advance()?;
            let literal = self.literal()?;
            literal.check(choice)?;
            texts.push(literal.text);
            match self.current.kind {
                TokenKind::Comma => {}
                TokenKind::ListClose => break,
                _ => {
                    return Err(self.unexpected(
                        "',' or ']'",
                        "separate values by ',', put those with blanks in quotes, end with ']'",
                    ));
                }
            }
        }
        self.advance()?;
        Ok(texts)
    }

    /// The pattern behind the operator that is the current token.
    fn pattern(&mut self) -> Result<Pattern, QueryError> {
        self.current = self.lexer.pattern()?;
        let end = self.current.end;
        let is_bare = matches!(self.current.kind, TokenKind::Word(_));
        if self.current.kind == TokenKind::Open {
            return Err(self.unexpected("a pattern", QUOTE_PATTERN));
        }
        let literal = self.literal()?;
        if is_bare && self.current.kind == TokenKind::Open && self.current.start == end {
            return Err(self.unexpected("the end of the pattern", QUOTE_PATTERN));
        }
        Pattern::compile(&literal.text).map_err(|reason| {
            QueryError::new(
                literal.start,
                format!("bad pattern '{}': {reason}", shortened(&literal.text)),
                "write a Java regular expression without look-around, back-references, possessive \
                 quantifiers and \\p classes",
            )
        })
    }

    fn version(&mut self) -> Result<Version, QueryError> {
        let literal = self.argument()?;
        Version::parse(&literal.text).ok_or_else(|| {
            literal.error("is not a version", "write numbers with dots, such as 1.14.5")
        })
    }

    fn timestamp(&mut self) -> Result<Timestamp, QueryError> {
        let literal = self.argument()?;
        Timestamp::parse(&literal.text).map_err(|reason| {
            literal.error(
                &format!("is not a date: {reason}"),
                "write 2018-06-18, 2018-06-18T22:28:28, 2018-06-18T22:28:28Z or \
                 2018-06-18T22:28:28+00:00",
            )
        })
    }

    fn count(&mut self) -> Result<u64, QueryError> {
        let literal = self.argument()?;
        let digits_only = literal.text.bytes().all(|byte| byte.is_ascii_digit());
        let count = literal.text.parse().ok().filter(|_| digits_only);
        count.ok_or_else(|| {
            literal.error("is not a number of tasks", "write a whole number from 0, such as 5")
        })
    }
}

impl Literal {
    /// Refuses a literal that is not among the `choice`.
    fn check(&self, choice: Choice) -> Result<(), QueryError> {
        match choice {
            Some(texts) if !texts.contains(&self.text.as_str()) => {
                Err(self.error("is not possible here", &format!("write {}", texts.join(" or "))))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, what: &str, remedy: &str) -> QueryError {
        QueryError::new(self.start, format!("'{}' {what}", shortened(&self.text)), remedy)
    }
}

/// Checks the name behind `attribute:`, a word that starts at character `start`.
fn attribute_name(name: &str, start: usize) -> Result<String, QueryError> {
    let start = start + "attribute:".len();
    let wrong = |character: char| {
        !character.is_ascii_alphanumeric() && !matches!(character, '-' | '_' | '.' | '/' | '\\')
    };
    if name.is_empty() {
        return Err(QueryError::new(
            start,
            "the attribute's name is missing",
            "write it directly behind 'attribute:', such as attribute:ecs.instance-type",
        ));
    }
    if let Some((index, character)) = name.chars().enumerate().find(|(_, c)| wrong(*c)) {
        return Err(QueryError::new(
            start + index,
            format!("found '{character}' in an attribute's name"),
            "use letters, digits, '-', '_', '.', '/' and '\\' only",
        ));
    }
    if name.len() > MAX_ATTRIBUTE_NAME {
        return Err(QueryError::new(
            start + MAX_ATTRIBUTE_NAME,
            format!("the attribute's name is longer than {MAX_ATTRIBUTE_NAME} characters"),
            "shorten it",
        ));
    }
    Ok(name.to_owned())
}

fn comparison(operator: Operator) -> Comparison {
    match operator {
        Operator::Equals => Comparison::Equal,
        Operator::NotEquals => Comparison::NotEqual,
        Operator::Greater => Comparison::Greater,
        Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
        Operator::Less => Comparison::Less,
        Operator::LessOrEqual => Comparison::LessOrEqual,
        _ => unreachable!("the subject's operators are checked and include no other"),
    }
}

fn symbols(operators: &[Operator]) -> String {
    let symbols: Vec<&str> = operators.iter().map(|operator| operator.symbol()).collect();
    symbols.join(", ")
}
