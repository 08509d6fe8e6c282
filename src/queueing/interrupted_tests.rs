//! The `ecs` policy when tasks come and go and room is made in the middle of a pass, as happens
//! where decisions take time.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::tests::Yard;
use super::*;

/// What happens between two attempts.
#[derive(Debug, Clone)]
enum Step {
    Submit(usize),
    End,
    /// The entry of that rank among those that wait is taken out: scale-in.
    Remove(usize),
    Nothing,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..5_usize).prop_map(Step::Submit),
        2 => Just(Step::End),
        1 => (0..6_usize).prop_map(Step::Remove),
        2 => Just(Step::Nothing),
    ];
    prop::collection::vec(step, 1..80)
}

/// Looks at all shapes before every attempt: what `ecs` does without candidates.
#[derive(Debug, Default)]
struct Rescan {
    from: u64,
    refused: std::collections::BTreeMap<ShapeId, Refused>,
}

impl QueuePolicy for Rescan {
    fn begin(&mut self) {
        self.from = 0;
    }

    fn next(&mut self, waiting: &Waiting, cluster: &Cluster) -> Option<Ticket> {
        let may_fit = |shape: &ShapeId| {
            let class = waiting.shape(*shape).class;
            self.refused.get(shape).is_none_or(|refused| !refused.still_holds(class, cluster))
        };
        let candidates = waiting.shapes().filter(may_fit);
        let next = candidates.filter_map(|shape| waiting.first_of(shape, self.from)).min()?;
        self.from = next.number + 1;
        Some(next)
    }

    fn refused(&mut self, ticket: Ticket, waiting: &Waiting, cluster: &Cluster) -> OnRefusal {
        self.refused.insert(waiting.shape_of(ticket).unwrap(), Refused::now(cluster));
        OnRefusal::Wait
    }
}

/// Four shapes by size, one of which a placement of the second can help.
fn classes(yard: &mut Yard) -> Vec<ClassId> {
    let near = yard.class("near", 1, Some("task:group == family:two"));
    let plain = [("one", 1), ("two", 2), ("three", 3), ("four", 4)];
    plain.map(|(name, vcpus)| yard.class(name, vcpus, None)).into_iter().chain([near]).collect()
}

fn apply(yard: &mut Yard, classes: &[ClassId], step: &Step) {
    match *step {
        Step::Submit(class) => {
            yard.submit(classes[class], 1);
        }
        Step::End if !yard.running.is_empty() => yard.end_first(),
        Step::Remove(rank) => {
            let ticket = yard.waiting.iter().nth(rank).map(|(ticket, _)| ticket);
            let entry = ticket.and_then(|ticket| yard.waiting.remove(ticket));
            entry.iter().flat_map(|entry| &entry.tasks).for_each(|&task| {
                yard.cluster.remove_task(task);
            });
        }
        Step::End | Step::Nothing => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1000),
        rng_seed: RngSeed::Fixed(53),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn candidates_are_what_all_shapes_would_give(steps in steps()) {
        let mut fast = Yard::new("ecs", 6);
        let mut plain = Yard { policy: Box::new(Rescan::default()), ..Yard::new("ecs", 6) };
        let classes = (classes(&mut fast), classes(&mut plain));
        let mut steps = steps.iter();
        'run: loop {
            fast.policy.begin();
            plain.policy.begin();
            loop {
                // A decision takes time: something may happen before it is made, and after it.
                let next = fast.policy.next(&fast.waiting, &fast.cluster);
                prop_assert_eq!(next, plain.policy.next(&plain.waiting, &plain.cluster));
                let Some(step) = steps.next() else { break 'run };
                apply(&mut fast, &classes.0, step);
                apply(&mut plain, &classes.1, step);
                let Some(ticket) = next else { break };
                if fast.waiting.get(ticket).is_some() {
                    fast.decide(ticket);
                    plain.decide(ticket);
                }
                prop_assert_eq!(&fast.tried, &plain.tried);
            }
        }
    }
}
