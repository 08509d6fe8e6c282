//! What the tasks of submissions will do, kept until the last of them has started.

use std::collections::VecDeque;

use crate::model::SubmissionId;
use crate::workload::Behaviour;

/// A submission some of whose tasks may not have started.
#[derive(Debug)]
struct Entry {
    submission: SubmissionId,
    behaviour: Behaviour,
    /// Tasks that have not started.
    left: u32,
}

/// Behaviours by submission, in ascending order of id: submissions come almost in that order and
/// mostly start in it, so that both ends are where things happen. Memory is bounded by twice the
/// submissions that are not done.
#[derive(Debug, Default)]
pub(super) struct Behaviours {
    entries: VecDeque<Entry>,
    /// Entries without a task left, which are neither first nor last.
    done: usize,
}

impl Behaviours {
    /// Keeps the behaviour of the `count` tasks of a submission. O(1) where ids ascend.
    pub(super) fn insert(&mut self, submission: SubmissionId, behaviour: Behaviour, count: u32) {
        let after_last = self.entries.back().is_none_or(|last| last.submission < submission);
        let at = if after_last { self.entries.len() } else { self.position(submission) };
        self.entries.insert(at, Entry { submission, behaviour, left: count });
    }

    /// The behaviour of one more task of a submission; `None` if all have been taken. O(1) for the
    /// last submission, else O(log submissions), amortised.
    pub(super) fn take(&mut self, submission: SubmissionId) -> Option<Behaviour> {
        let is_last = self.entries.back().is_some_and(|last| last.submission == submission);
        let at = if is_last { self.entries.len() - 1 } else { self.position(submission) };
        let entry = self.entries.get_mut(at).filter(|entry| entry.submission == submission)?;
        entry.left = entry.left.checked_sub(1)?;
        let behaviour = entry.behaviour;
        if entry.left == 0 {
            if is_last {
                self.entries.pop_back();
            } else {
                self.done += 1;
            }
            self.drop_done();
        }
        Some(behaviour)
    }

    fn position(&self, submission: SubmissionId) -> usize {
        self.entries.partition_point(|entry| entry.submission < submission)
    }

    fn drop_done(&mut self) {
        if self.done == 0 {
            return;
        }
        while self.entries.pop_front_if(|entry| entry.left == 0).is_some() {
            self.done -= 1;
        }
        while self.entries.pop_back_if(|entry| entry.left == 0).is_some() {
            self.done -= 1;
        }
        if self.done > self.entries.len() / 2 {
            self.entries.retain(|entry| entry.left > 0);
            self.done = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::des::SimDuration;
    use crate::model::Outcome;
    use crate::workload::UsageId;

    fn behaviour(micros: u64) -> Behaviour {
        let run_time = Some(SimDuration::from_micros(micros));
        Behaviour { run_time, ends: Outcome::Completed, usage: UsageId::RESERVED }
    }

    fn insert(behaviours: &mut Behaviours, id: u64, count: u32) {
        behaviours.insert(SubmissionId(id), behaviour(id), count);
    }

    #[test]
    fn each_task_takes_the_behaviour_of_its_submission_once() {
        let mut behaviours = Behaviours::default();
        // Of two sources, the one whose head waited long comes with a small id.
        for id in [1, 2, 3, 0, 4] {
            insert(&mut behaviours, id, 2);
        }
        for id in [2, 4, 0, 2, 3, 1, 0, 3, 1, 4] {
            assert_eq!(behaviours.take(SubmissionId(id)), Some(behaviour(id)));
        }
        assert_eq!(behaviours.take(SubmissionId(2)), None);
        assert!(behaviours.entries.is_empty());
    }

    #[test]
    fn one_that_waits_for_ever_does_not_keep_those_after_it() {
        let mut behaviours = Behaviours::default();
        insert(&mut behaviours, 0, 1);
        for id in 1..1000 {
            insert(&mut behaviours, 2 * id, 1);
            insert(&mut behaviours, 2 * id + 1, 1);
            assert_eq!(behaviours.take(SubmissionId(2 * id)), Some(behaviour(2 * id)));
            assert_eq!(behaviours.take(SubmissionId(2 * id + 1)), Some(behaviour(2 * id + 1)));
            assert!(behaviours.entries.len() <= 3, "{} entries", behaviours.entries.len());
        }
        assert_eq!(behaviours.take(SubmissionId(0)), Some(behaviour(0)));
    }
}
