//! Property tests of the cluster query language: printing and parsing, and no panics.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::ast::{AttributeTest, Comparison, Node, Predicate, TextTest, TextTestKind};
use super::super::pattern::Pattern;
use super::super::value::{Timestamp, Version};
use super::super::{Expression, MAX_EXPRESSION_CHARACTERS};
use super::{bare_host, web_host};

/// Texts that can be written: without at least one kind of quotes.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9.:@/_-]{1,8}",
        2 => "[ -&(-~äé\n]{0,8}",
        2 => "[ !#-~\t€]{0,8}",
        1 => prop::sample::select(vec!["and", "or", "not", "in", "exists", "!in"])
            .prop_map(str::to_owned),
    ]
}

fn any_comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    prop::sample::select(vec![Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual])
}

fn any_order() -> impl Strategy<Value = Comparison> {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    prop::sample::select(vec![Greater, GreaterOrEqual, Less, LessOrEqual])
}

fn any_text_test(
    values: impl Strategy<Value = String> + Clone + 'static,
    negated: impl Strategy<Value = bool>,
) -> impl Strategy<Value = TextTest> {
    let pattern = any_text().prop_map(|text| {
        Pattern::compile(&text).unwrap_or_else(|_| Pattern::compile("(a|b&&c).*").unwrap())
    });
    let kind = prop_oneof![
        values.clone().prop_map(TextTestKind::Equals),
        prop::collection::vec(values, 1..4).prop_map(TextTestKind::OneOf),
        pattern.prop_map(TextTestKind::Matches),
    ];
    (negated, kind).prop_map(|(negated, kind)| TextTest { negated, kind })
}

fn any_predicate() -> impl Strategy<Value = Predicate> {
    let texts = any_text().boxed();
    let status = prop::sample::select(vec!["true".to_owned(), "false".to_owned()]);
    let version = "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}".prop_map(|text| Version::parse(&text).unwrap());
    let date =
        "20[0-9]{2}-0[1-9]-(0[1-9]|2[0-8])(T1[0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-]0[0-9]:30)?)?"
            .prop_map(|text| Timestamp::parse(&text).unwrap());
    let attribute_test = prop_oneof![
        Just(AttributeTest::Exists),
        Just(AttributeTest::NotExists),
        any_text_test(texts.clone(), any::<bool>()).prop_map(AttributeTest::Text),
        (any_order(), texts.clone()).prop_map(|(order, text)| AttributeTest::Ordered(order, text)),
    ];
    prop_oneof![
        any_text_test(status, any::<bool>()).prop_map(Predicate::AgentConnected),
        any_text_test(texts.clone(), any::<bool>()).prop_map(Predicate::Ec2InstanceId),
        any_text_test(texts, Just(false)).prop_map(Predicate::TaskGroup),
        (any_comparison(), version).prop_map(|(c, value)| Predicate::AgentVersion(c, value)),
        (any_comparison(), date).prop_map(|(c, value)| Predicate::RegisteredAt(c, value)),
        (any_comparison(), any::<u64>()).prop_map(|(c, n)| Predicate::RunningTasksCount(c, n)),
        ("[a-zA-Z0-9_./\\\\-]{1,8}", attribute_test)
            .prop_map(|(name, test)| Predicate::Attribute { name, test }),
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    any_predicate().prop_map(Node::Test).prop_recursive(5, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::And),
            inner.prop_map(|part| Node::Not(Box::new(part))),
        ]
    })
}

/// Text made of pieces of the language in any order, so that parsing gets past the first token.
fn any_token_soup() -> impl Strategy<Value = String> {
    let mut pieces: Vec<&str> = "attribute:x attribute: task:group agentConnected agentVersion \
         registeredAt runningTasksCount ec2InstanceId == != < >= = ~ =~ !~ ! in !in not_in exists \
         !exists [ ] , ( ) and or not && || & | ' \" true 5 1.2 2018-06-18 ä g2.* \\ not("
        .split_whitespace()
        .collect();
    pieces.extend([" ", " ", " ", " and ", " or ", "attribute:x == a", "task:group == b"]);
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

fn assert_total(text: &str) {
    match Expression::parse(text) {
        Ok(expression) => {
            let again = Expression::parse(&expression.to_string()).expect("canonical text parses");
            assert_eq!(again.root, expression.root);
            for instance in [web_host(), bare_host()] {
                assert_eq!(again.matches(&instance), expression.matches(&instance));
            }
        }
        Err(error) => {
            assert!(error.position <= text.chars().count());
            assert!(!error.message.is_empty() && !error.remedy.is_empty());
            assert!(error.caret(text).len() > text.len());
        }
    }
}

fn fixed_seed() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(1000),
        rng_seed: RngSeed::Fixed(35),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn printed_tree_parses_to_the_same_tree(root in any_node()) {
        let text = root.to_string();
        prop_assume!(text.chars().count() <= MAX_EXPRESSION_CHARACTERS);
        let parsed = Expression::parse(&text);
        let parsed = parsed.map_err(|error| TestCaseError::fail(error.caret(&text)))?;
        prop_assert_eq!(&parsed.root, &root);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn any_string_parses_or_fails_in_place(text in "\\PC{0,60}|(?s).{0,40}") {
        assert_total(&text);
    }

    #[test]
    fn any_pieces_parse_or_fail_in_place(text in any_token_soup()) {
        assert_total(&text);
    }

    #[test]
    fn any_pattern_compiles_or_fails_in_place(text in "[a-c()*+?{}0-2,\\\\\\[\\]^|&.$:x-]{0,12}") {
        assert_total(&format!("attribute:stack =~ '{text}'"));
        assert_total(&format!("attribute:stack =~ {text}"));
    }
}
