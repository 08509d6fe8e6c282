//! Tests of what the parser of the cluster query language refuses, where and with what words.

use super::super::{Expression, MAX_EXPRESSION_CHARACTERS, MAX_EXPRESSION_NESTING};
use super::{bare_host, check, check_error};

/// Each line has an expression, its error's position, and a part of the error's text.
const ERRORS: &str = r"
atribute:stack == x                  =>  0 'atribute:stack'; did you mean 'attribute:stack'?
not(x) or y                          =>  4 unknown subject 'x'; write 'attribute:NAME'
agentconnected == true               =>  0 did you mean 'agentConnected'?
taskgroup == x                       =>  0 did you mean 'task:group'?
tag:stack == x                       =>  0 write 'attribute:NAME'
ecs.ami-id == x                      =>  0 did you mean 'attribute:ecs.ami-id'?
'attribute:x' == y                   =>  0 without quotes
attribute: == x                      => 10 name is missing
attribute:a@b == x                   => 11 found '@' in an attribute's name
attribute:ä == x                     => 10 found 'ä'
attribute:x                          => 11 found the end of the expression, expected an operator
attribute:x is y                     => 12 found 'is', expected an operator; write one of ==, !=, >
attribute:x not in [y]               => 12 'not_in'
attribute:x = y                      => 12 found a single '='; write '=='
attribute:x ~ y                      => 12 found a single '~'
attribute:x ==                       => 14 expected a value
attribute:x == and attribute:y exists => 15 put it in quotes if it is the value
attribute:x == [a, b]                => 15 write 'in' or 'not_in'
attribute:x in a                     => 15 found 'a', expected a list
attribute:x in []                    => 16 found ']', expected a value
attribute:x in [a,]                  => 18 found ']', expected a value
attribute:x in [a b]                 => 18 found 'b', expected ',' or ']'
attribute:x in [a                    => 17 expected ',' or ']'
attribute:x == 'abc                  => 15 quoted text without an end
attribute:x == a b                   => 17 found 'b', expected 'and', 'or' or the end
attribute:x exists AND attribute:y exists => 19 write 'and' or '&&'
attribute:x exists & attribute:y exists => 19 found a single '&'
attribute:x exists | attribute:y exists => 19 found a single '|'
attribute:x exists and               => 22 expected a subject
or attribute:x exists                =>  0 found 'or', expected a subject
attribute:x =~ a (b)                 => 17 found '(', expected 'and', 'or' or the end
!instance == x                       =>  1 unknown subject 'instance'
(attribute:x exists                  => 19 the '(' at column 1 is not closed
attribute:x exists)                  => 18 found ')'
attribute:x == ü and ()              => 22 found ')', expected a subject
agentConnected == yes                => 18 write true or false
agentConnected in [true, 1]          => 25 write true or false
runningTasksCount == -1              => 21 is not a number of tasks
runningTasksCount == +1              => 21 is not a number of tasks
runningTasksCount == 1.5             => 21 is not a number of tasks
runningTasksCount == ''              => 21 is not a number of tasks
runningTasksCount == 18446744073709551616 => 21 is not a number of tasks
";

#[test]
fn error_positions() {
    let lines: Vec<&str> = ERRORS.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 42);
    for line in lines {
        let (text, rest) = line.split_once("=> ").unwrap();
        let (position, part) = rest.trim_start().split_once(' ').unwrap();
        check_error(text.trim_end(), position.parse().unwrap(), part);
    }
    check_error("", 0, "the expression is empty");
    check_error(" \t\n", 0, "the expression is empty");
}

#[test]
fn error_text_and_caret() {
    let text = "attribute:x exists or\n\tatribute:stack == prod or\nattribute:y exists";
    let error = Expression::parse(text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 24: unknown subject 'atribute:stack'; did you mean 'attribute:stack'?"
    );
    assert_eq!(
        error.caret(text),
        "attribute:x exists or\n\tatribute:stack == prod or\n\t^\nattribute:y exists"
    );
    let text = "attribute:x ==";
    let error = Expression::parse(text).unwrap_err();
    assert_eq!(error.caret(text), "attribute:x ==\n              ^");
    // A caret on another, shorter text stays inside it.
    assert_eq!(error.caret("ä"), "ä\n ^");
}

#[test]
fn limits() {
    let fill = |length: usize| {
        let start = "attribute:x == ";
        format!("{start}{}", "ä".repeat(length - start.len()))
    };
    assert!(Expression::parse(&fill(MAX_EXPRESSION_CHARACTERS)).is_ok());
    check_error(&fill(MAX_EXPRESSION_CHARACTERS + 1), MAX_EXPRESSION_CHARACTERS, "2001 characters");
    for (open, close) in [("(", ")"), ("!", ""), ("not(", ")")] {
        let nested = |depth: usize| {
            format!("{}attribute:x exists{}", open.repeat(depth), close.repeat(depth))
        };
        check(&nested(MAX_EXPRESSION_NESTING), &bare_host(), false);
        let position = open.len() * MAX_EXPRESSION_NESTING;
        check_error(&nested(MAX_EXPRESSION_NESTING + 1), position, "nested deeper than 64");
    }
    let name = "n".repeat(128);
    assert!(Expression::parse(&format!("attribute:{name} exists")).is_ok());
    check_error(&format!("attribute:{name}n exists"), 138, "longer than 128");
}
