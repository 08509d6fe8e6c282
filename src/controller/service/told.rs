//! What a service has told already and does not tell again while it lasts.

use crate::des::{SimDuration, SimTime};

/// That no instance takes a task is told again after so long.
///
/// Source: ECS developer guide, "Service event messages".
const TOLD_AGAIN_AFTER: SimDuration = SimDuration::from_secs(6 * 3600);

/// Something that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Steady,
    Blocked,
    Impaired,
    Protected,
    Unbalanced,
    UnplacedInZone,
}

/// What lasts and was told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// A bit for each [`Lasting`].
    lasting: u8,
    /// When it was told last that no instance takes a task, while none does.
    unplaced: Option<SimTime>,
}

impl Told {
    /// It lasts; whether that is new.
    pub(super) fn begins(&mut self, what: Lasting) -> bool {
        let is_new = !self.lasts(what);
        self.lasting |= 1 << what as u8;
        is_new
    }

    /// It is over; whether that is new.
    pub(super) fn ends(&mut self, what: Lasting) -> bool {
        let lasted = self.lasts(what);
        self.lasting &= !(1 << what as u8);
        lasted
    }

    pub(super) fn lasts(self, what: Lasting) -> bool {
        self.lasting & 1 << what as u8 != 0
    }

    /// No instance takes a task; whether that is to be told.
    pub(super) fn is_unplaced(&mut self, now: SimTime) -> bool {
        let due = self.unplaced.is_none_or(|last| now >= last + TOLD_AGAIN_AFTER);
        if due {
            self.unplaced = Some(now);
        }
        due
    }

    /// A task was placed.
    pub(super) fn is_placed(&mut self) {
        self.unplaced = None;
    }
}
