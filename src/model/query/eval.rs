//! Evaluation of a cluster query expression on one container instance.

use super::Subject;
use super::ast::{AttributeTest, Node, Predicate, TextTest, TextTestKind};
use super::value::compare_values;

/// Whether `on` satisfies the expression `node`.
pub(super) fn node<S: Subject + ?Sized>(node: &Node, on: &S) -> bool {
    match node {
        Node::Or(parts) => parts.iter().any(|part| self::node(part, on)),
        Node::And(parts) => parts.iter().all(|part| self::node(part, on)),
        Node::Not(part) => !self::node(part, on),
        Node::Test(predicate) => self::predicate(predicate, on),
    }
}

fn predicate<S: Subject + ?Sized>(predicate: &Predicate, on: &S) -> bool {
    match predicate {
        Predicate::AgentConnected(test) => {
            text(test, if on.agent_connected() { "true" } else { "false" })
        }
        Predicate::Ec2InstanceId(test) => text(test, on.ec2_instance_id()),
        Predicate::AgentVersion(comparison, version) => on
            .agent_version()
            .and_then(|found| version.compare_with(found))
            .is_some_and(|found| comparison.holds(found)),
        Predicate::RegisteredAt(comparison, date) => on
            .registered_at()
            .is_some_and(|found| comparison.holds(found.cmp(&date.unix_seconds()))),
        Predicate::RunningTasksCount(comparison, count) => {
            comparison.holds(u64::from(on.running_tasks_count()).cmp(count))
        }
        Predicate::Attribute { name, test } => attribute(test, on.attribute(name)),
        Predicate::TaskGroup(test) => on.any_task_group(&mut |group| text(test, group)),
    }
}

/// Outcome of `test` for an attribute with this value, `None` if the instance lacks it.
fn attribute(test: &AttributeTest, value: Option<&str>) -> bool {
    match (test, value) {
        (AttributeTest::NotExists, found) => found.is_none(),
        (_, None) => false,
        (AttributeTest::Exists, Some(_)) => true,
        (AttributeTest::Text(test), Some(found)) => text(test, found),
        (AttributeTest::Ordered(comparison, wanted), Some(found)) => {
            comparison.holds(compare_values(found, wanted))
        }
    }
}

fn text(test: &TextTest, found: &str) -> bool {
    let positive = match &test.kind {
        TextTestKind::Equals(wanted) => found == wanted,
        TextTestKind::OneOf(wanted) => wanted.iter().any(|one| one == found),
        TextTestKind::Matches(pattern) => pattern.matches(found),
    };
    positive != test.negated
}
