//! The states that a placed task passes through, and when its image came.

use crate::des::SimTime;
use crate::model::TaskStatus;

use super::explanation::StateFacts;

/// When a task came to each state.
#[derive(Debug, Clone, Default)]
pub(super) struct States {
    entered: Vec<(TaskStatus, SimTime)>,
    /// Since when it waited for its image, and when that was there.
    image: Option<(SimTime, SimTime)>,
}

impl States {
    pub(super) fn enter(&mut self, status: TaskStatus, now: SimTime) {
        if self.entered.last().is_none_or(|(last, _)| *last != status) {
            self.entered.push((status, now));
        }
    }

    pub(super) fn image_came(&mut self, since: SimTime, now: SimTime) {
        self.image = Some((since, now));
    }

    fn first(&self, is: impl Fn(TaskStatus) -> bool) -> Option<SimTime> {
        self.entered.iter().find(|(status, _)| is(*status)).map(|(_, at)| *at)
    }

    /// When its host got the task, and when that had room for it, or had started it where no image
    /// tells that apart; `None` if it is not known to have had.
    pub(super) fn on_host(&self) -> Option<(SimTime, Option<SimTime>)> {
        let got = self.first(|status| status == TaskStatus::Pending)?;
        let left = self.first(|status| status > TaskStatus::Pending);
        Some((got, self.image.map(|(since, _)| since).or(left)))
    }

    /// Whether that it had room can be told apart from that it was started.
    pub(super) fn tells_room(&self) -> bool {
        self.image.is_some()
    }

    /// When its image was waited for, seconds.
    pub(super) fn image_s(&self) -> Option<[f64; 2]> {
        self.image.map(|(since, at)| [since.as_secs_f64(), at.as_secs_f64()])
    }

    /// Each state that took time, in order; the last one lasts until `ended`.
    pub(super) fn facts(&self, ended: Option<SimTime>) -> Vec<StateFacts> {
        let ends = self.entered.iter().skip(1).map(|(_, at)| Some(*at)).chain([ended]);
        let all = self.entered.iter().zip(ends);
        let took_time = all.filter(|((_, from), until)| until.is_none_or(|until| until > *from));
        let facts = took_time.map(|((status, from), until)| StateFacts {
            state: status.as_str(),
            from_s: from.as_secs_f64(),
            until_s: until.map(SimTime::as_secs_f64),
        });
        facts.collect()
    }
}
