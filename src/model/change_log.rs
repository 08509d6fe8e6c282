//! Which instances changed since a version, so that placement indexes can catch up.

use super::{GroupId, InstanceId};

/// A change of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceChange {
    /// The instance.
    pub instance: InstanceId,
    /// The group that counts more or fewer tasks there now; `None` if none does.
    pub group: Option<GroupId>,
}

/// A bounded log of changed instances. Version `v` is the number of changes ever made.
#[derive(Debug, Default)]
pub(super) struct ChangeLog {
    changed: Vec<InstanceChange>,
    /// Version before the first entry kept.
    base: u64,
}

impl ChangeLog {
    /// Entries kept at most; half of them are dropped at once, so that pushing is O(1) amortised.
    const CAPACITY: usize = 1 << 16;

    pub(super) fn push(&mut self, change: InstanceChange) {
        if self.changed.len() == Self::CAPACITY {
            self.changed.drain(..Self::CAPACITY / 2);
            self.base += Self::CAPACITY as u64 / 2;
        }
        self.changed.push(change);
    }

    pub(super) fn version(&self) -> u64 {
        self.base + self.changed.len() as u64
    }

    /// The instances changed since `version`, repeats included; `None` where the log was cut.
    pub(super) fn since(&self, version: u64) -> Option<&[InstanceChange]> {
        assert!(version <= self.version(), "a version from the future");
        let start = version.checked_sub(self.base)?;
        Some(&self.changed[start as usize..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(index: u32) -> InstanceChange {
        InstanceChange { instance: InstanceId(index), group: None }
    }

    #[test]
    fn a_reader_that_falls_behind_is_told_to_rebuild() {
        let mut log = ChangeLog::default();
        for index in 0..=ChangeLog::CAPACITY as u32 {
            log.push(change(index));
        }
        assert_eq!(log.version(), ChangeLog::CAPACITY as u64 + 1);
        assert_eq!(log.since(0), None);
        let last = log.since(ChangeLog::CAPACITY as u64).expect("kept");
        assert_eq!(last, [change(ChangeLog::CAPACITY as u32)]);
        assert_eq!(log.since(log.version()), Some(&[][..]));
    }
}
