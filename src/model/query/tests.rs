//! Tests of the cluster query language: what expressions mean.

mod errors;
mod properties;
mod values;

use std::cell::Cell;
use std::collections::BTreeMap;

use super::{Expression, Subject};

/// An instance made of plain data.
#[derive(Debug, Clone)]
struct Instance {
    attributes: BTreeMap<&'static str, &'static str>,
    connected: bool,
    id: &'static str,
    version: Option<&'static str>,
    registered_at: Option<i64>,
    groups: Vec<&'static str>,
}

impl Subject for Instance {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).copied()
    }
    fn agent_connected(&self) -> bool {
        self.connected
    }
    fn ec2_instance_id(&self) -> &str {
        self.id
    }
    fn agent_version(&self) -> Option<&str> {
        self.version
    }
    fn registered_at(&self) -> Option<i64> {
        self.registered_at
    }
    fn running_tasks_count(&self) -> u32 {
        self.groups.len() as u32
    }
    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.groups.iter().any(|group| test(group))
    }
}

/// 2018-06-18T22:28:28Z.
const REGISTERED: i64 = 1_529_360_908;

fn web_host() -> Instance {
    Instance {
        attributes: BTreeMap::from([
            ("ecs.instance-type", "g2.2xlarge"),
            ("ecs.availability-zone", "us-east-1a"),
            ("stack", "prod"),
            ("gpus", "10"),
            ("ssd", ""),
            ("team", "blue green"),
            ("a/b\\c_d.e-f", "1.50"),
        ]),
        connected: true,
        id: "i-abcd1234",
        version: Some("1.10.0"),
        registered_at: Some(REGISTERED),
        groups: vec!["service:production", "family:web", "family:web"],
    }
}

/// An instance about which nothing optional is known.
fn bare_host() -> Instance {
    Instance {
        attributes: BTreeMap::new(),
        connected: false,
        id: "i-0000",
        version: None,
        registered_at: None,
        groups: Vec::new(),
    }
}

/// Asserts the outcome of `text` on `instance`, and that canonical text has the same one.
#[track_caller]
fn check(text: &str, instance: &Instance, expected: bool) {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => panic!("{error}\n{}", error.caret(text)),
    };
    assert_eq!(expression.matches(instance), expected, "{text}");
    assert_eq!(expression.source(), text);
    let canonical = expression.to_string();
    let again = Expression::parse(&canonical).expect("canonical text parses");
    assert_eq!(again.root, expression.root, "{text} printed as {canonical}");
}

#[track_caller]
fn check_all(cases: &[(&str, bool)]) {
    for (text, expected) in cases {
        check(text, &web_host(), *expected);
    }
}

/// Asserts that `text` is refused at `position` with a message that contains `part`.
#[track_caller]
fn check_error(text: &str, position: usize, part: &str) {
    let error = Expression::parse(text).expect_err(text);
    assert_eq!(error.position, position, "{text}: {error}");
    assert!(error.to_string().contains(part), "{text}: {error}");
}

#[test]
fn ecs_3_5_examples_of_the_developer_guide() {
    check_all(&[
        ("attribute:ecs.instance-type == t2.small", false),
        ("attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", true),
        (
            "attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d",
            true,
        ),
        (
            "attribute:ecs.instance-type == t2.small and attribute:ecs.availability-zone != \
             us-east-1d",
            false,
        ),
        ("task:group == service:production", true),
        ("not(task:group == database)", true),
        ("runningTasksCount == 1", false),
        ("runningTasksCount < 5", true),
        ("agentVersion < 1.14.5", true),
        ("registeredAt < 2018-02-13", false),
        ("ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true),
        ("attribute:stack exists", true),
        ("!(attribute:stack exists)", false),
    ]);
}

#[test]
fn ecs_3_5_operators_have_symbols_and_words() {
    // Subject, symbol, word, argument, outcome.
    let cases = [
        ("attribute:stack", "==", "equals", "prod", true),
        ("attribute:stack", "!=", "not_equals", "prod", false),
        ("runningTasksCount", ">", "greater_than", "3", false),
        ("runningTasksCount", ">=", "greater_than_equal", "3", true),
        ("runningTasksCount", "<", "less_than", "3", false),
        ("runningTasksCount", "<=", "less_than_equal", "3", true),
        ("attribute:stack", "exists", "exists", "", true),
        ("attribute:stack", "!exists", "not_exists", "", false),
        ("attribute:stack", "in", "in", "[dev, prod]", true),
        ("attribute:stack", "!in", "not_in", "[dev, prod]", false),
        ("attribute:stack", "=~", "matches", "p.*", true),
        ("attribute:stack", "!~", "not_matches", "p.*", false),
    ];
    for (subject, symbol, word, argument, expected) in cases {
        let by_symbol = format!("{subject} {symbol} {argument}");
        let by_word = format!("{subject} {word} {argument}");
        check(&by_symbol, &web_host(), expected);
        check(&by_word, &web_host(), expected);
        let by_symbol = Expression::parse(&by_symbol).unwrap();
        let by_word = Expression::parse(&by_word).unwrap();
        assert_eq!(by_symbol.root, by_word.root);
        assert_eq!(by_word.to_string(), format!("{subject} {symbol} {argument}").trim_end());
    }
    check_all(&[
        ("runningTasksCount<5&&attribute:stack==prod", true),
        ("attribute:stack=~p.*&&attribute:stack!~q.*||!attribute:stack exists", true),
        ("attribute:stack!in[a,b]", true),
        ("attribute:stack in['prod',b]and runningTasksCount>2", true),
    ]);
}

/// Every subject with every operator: either it evaluates or the error names the choices.
#[test]
fn operators_of_each_subject() {
    let compare = ["==", "!=", ">", ">=", "<", "<="];
    let text = ["==", "!=", "in", "!in", "=~", "!~"];
    let all = ["==", "!=", ">", ">=", "<", "<=", "in", "!in", "=~", "!~", "exists", "!exists"];
    let cases: [(&str, &str, &[&str]); 7] = [
        ("agentConnected", "true", &text),
        ("ec2InstanceId", "i-1", &text),
        ("agentVersion", "1.2", &compare),
        ("registeredAt", "2018-06-18", &compare),
        ("runningTasksCount", "7", &compare),
        ("attribute:stack", "x", &all),
        ("task:group", "x", &["==", "in", "=~"]),
    ];
    for (subject, value, allowed) in cases {
        for operator in all {
            let text = match operator {
                "exists" | "!exists" => format!("{subject} {operator}"),
                "in" | "!in" => format!("{subject} {operator} [{value}]"),
                _ => format!("{subject} {operator} {value}"),
            };
            if allowed.contains(&operator) {
                Expression::parse(&text).unwrap();
            } else {
                let part = format!("operator '{operator}' does not apply to {subject}");
                check_error(&text, subject.len() + 1, &part);
            }
        }
    }
    check_error("runningTasksCount in [1]", 18, "write one of ==, !=, >, >=, <, <=");
    check_error("task:group != x", 11, "write not(task:group == x)");
    check_error("task:group not_in [x]", 11, "write not(task:group in [x, y])");
    check_error("task:group !~ x", 11, "write not(task:group =~ x)");
}

/// All eight truth values of three attributes against the meaning written in Rust.
#[test]
fn ecs_3_5_precedence() {
    type Meaning = fn(bool, bool, bool) -> bool;
    let cases: [(&str, Meaning); 12] = [
        ("a or b and c", |a, b, c| a || (b && c)),
        ("a and b or c", |a, b, c| (a && b) || c),
        ("(a or b) and c", |a, b, c| (a || b) && c),
        ("a and (b or c)", |a, b, c| a && (b || c)),
        ("not a and b or c", |a, b, c| (!a && b) || c),
        ("not (a and b) or c", |a, b, c| !(a && b) || c),
        ("not (a or b and c)", |a, b, c| !(a || (b && c))),
        ("a || b && !c", |a, b, c| a || (b && !c)),
        ("!!a && not not b || ! not c", |a, b, c| (a && b) || c),
        ("a and b and c", |a, b, c| a && b && c),
        ("a or b or c", |a, b, c| a || b || c),
        ("not((a)) or ((b and (c)))", |a, b, c| !a || (b && c)),
    ];
    for (text, meaning) in cases {
        let mut spelled = text.to_owned();
        for letter in ["a", "b", "c"] {
            let words = spelled.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
            let replace = |word: &str| match word.strip_prefix(letter) {
                Some(rest) if !rest.starts_with(char::is_alphanumeric) => {
                    format!("attribute:x{letter} exists{rest}")
                }
                _ => word.to_owned(),
            };
            spelled = words.map(replace).collect();
        }
        for bits in 0..8 {
            let [a, b, c] = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            let mut instance = bare_host();
            for (name, present) in [("xa", a), ("xb", b), ("xc", c)] {
                if present {
                    instance.attributes.insert(name, "");
                }
            }
            check(&spelled, &instance, meaning(a, b, c));
        }
    }
}

#[test]
fn ecs_3_5_absence() {
    let absent = [
        "attribute:stack exists",
        "attribute:stack == prod",
        "attribute:stack != prod",
        "attribute:stack in [prod]",
        "attribute:stack !in [prod]",
        "attribute:stack =~ .*",
        "attribute:stack !~ prod",
        "attribute:stack < 5",
        "attribute:stack >= 5",
        "agentVersion == 1",
        "agentVersion != 1",
        "agentVersion >= 0",
        "registeredAt != 2018-06-18",
        "registeredAt > 0001-01-01",
        "task:group =~ .*",
    ];
    for text in absent {
        check(text, &bare_host(), false);
        check(&format!("not({text})"), &bare_host(), true);
    }
    check("attribute:stack !exists", &bare_host(), true);
    // An attribute without a value is there and has the empty text as its value.
    check_all(&[
        ("attribute:ssd exists", true),
        ("attribute:ssd !exists", false),
        ("attribute:ssd == ''", true),
        ("attribute:ssd != nvme", true),
        ("attribute:ssd !in [nvme]", true),
        ("attribute:ssd !~ .+", true),
        ("attribute:SSD exists", false),
    ]);
}

#[test]
fn instance_properties() {
    check_all(&[
        ("agentConnected == true", true),
        ("agentConnected != true", false),
        ("agentConnected in [true, false]", true),
        ("agentConnected !in [false]", true),
        ("agentConnected =~ t.*", true),
        ("agentConnected !~ f.*", true),
        ("ec2InstanceId == i-abcd1234", true),
        ("ec2InstanceId != 'i-abcd1234'", false),
        ("ec2InstanceId =~ i-abcd", false),
        ("task:group == family:web", true),
        ("task:group == family", false),
        ("task:group in [family:api, family:web]", true),
        ("task:group =~ service:.*", true),
        ("not(task:group =~ family:.*)", false),
        ("runningTasksCount != 3", false),
        ("runningTasksCount >= 4294967296", false),
        ("runningTasksCount == 0003", true),
    ]);
    check("agentConnected == false", &bare_host(), true);
    check("runningTasksCount == 0", &bare_host(), true);
}

#[test]
fn dependencies() {
    for (text, is_static, reads_tasks) in [
        ("attribute:x exists", true, false),
        ("ec2InstanceId == i and agentVersion > 1 or registeredAt > 2018-01-01", true, false),
        ("agentConnected == true", false, false),
        ("attribute:x exists or not(runningTasksCount > 1)", false, true),
        ("attribute:x exists and (attribute:y exists or task:group == a)", false, true),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.is_static(), is_static, "{text}");
        assert_eq!(expression.reads_tasks(), reads_tasks, "{text}");
    }
}

#[test]
fn canonical_text() {
    for (text, canonical) in [
        ("!attribute:a exists", "not(attribute:a exists)"),
        ("((attribute:a exists))", "attribute:a exists"),
        (
            "(attribute:a == 'b'&&attribute:c not_in [ \"d e\" , 'f' ])||agentVersion less_than 1",
            "attribute:a == b and attribute:c !in ['d e', f] or agentVersion < 1",
        ),
        (
            "(attribute:a exists or attribute:b exists) and attribute:c matches '(d|e)'",
            "(attribute:a exists or attribute:b exists) and attribute:c =~ '(d|e)'",
        ),
        ("attribute:a == \"it's\"", "attribute:a == \"it's\""),
        ("attribute:a == 'and'", "attribute:a == 'and'"),
        ("attribute:a == ''", "attribute:a == ''"),
    ] {
        let expression: Expression = text.parse().unwrap();
        assert_eq!(expression.to_string(), canonical);
        assert_eq!(expression.clone(), expression);
    }
    let one = Expression::parse("attribute:a exists").unwrap();
    assert_ne!(one, Expression::parse("(attribute:a exists)").unwrap());
}

/// Evaluation must not look at properties that the expression does not name.
#[test]
fn evaluation_stops_as_soon_as_it_can() {
    struct Counting(Cell<u32>);
    impl Subject for Counting {
        fn attribute(&self, _: &str) -> Option<&str> {
            Some("x")
        }
        fn agent_connected(&self) -> bool {
            true
        }
        fn ec2_instance_id(&self) -> &'static str {
            "i-1"
        }
        fn agent_version(&self) -> Option<&str> {
            None
        }
        fn registered_at(&self) -> Option<i64> {
            None
        }
        fn running_tasks_count(&self) -> u32 {
            self.0.set(self.0.get() + 1);
            0
        }
        fn any_task_group(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
            self.0.set(self.0.get() + 1);
            false
        }
    }
    let counting = Counting(Cell::new(0));
    let subject: &dyn Subject = &counting;
    let skipped = Expression::parse("attribute:a == x or runningTasksCount > 0").unwrap();
    assert!(skipped.matches(subject));
    let skipped = Expression::parse("attribute:a == y and task:group == z").unwrap();
    assert!(!skipped.matches(subject));
    assert_eq!(counting.0.get(), 0);
    assert!(Expression::parse("runningTasksCount == 0").unwrap().matches(subject));
    assert_eq!(counting.0.get(), 1);
}
