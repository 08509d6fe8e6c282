//! What happened on the hosts of a run, in the order in which the control plane was told, and a
//! backend on which it happens again: for runs that do not follow from their manifest, as those
//! of real containers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::controller::{Command, Event};
use crate::des::{EventQueue, Seed, SimTime};
use crate::model::{Outcome, TaskId};
use crate::workload::{External, WorkloadError};

use super::nature::Nature;
use super::simulated::phase;
use super::{Backend, BackendError};

/// The file's name in a run directory.
pub const JOURNAL_FILE: &str = "journal.csv";

const HEAD: [&str; 4] = ["at_us", "event", "task", "outcome"];

/// No run lasts so long, µs: there is room to count beyond it.
const TIME_END: u64 = 1 << 60;

/// How a task can end on its host.
const OUTCOMES: [Outcome; 6] = [
    Outcome::Completed,
    Outcome::Failed,
    Outcome::Stopped,
    Outcome::Lost,
    Outcome::OutOfMemory,
    Outcome::FailedToStart,
];

/// What happened. What comes from outside, and timers, follow from the scenario: only their turn
/// counts. Tasks go by their serial numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Outside,
    Timer,
    Started(u64),
    Exited(u64, Outcome),
    Stopped(u64, Outcome),
}

/// All events of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    entries: Vec<(SimTime, What)>,
    /// Something happened that it has no words for.
    lacks: bool,
}

impl Journal {
    /// Notes that the control plane is told of an event.
    pub fn note(&mut self, at: SimTime, event: &Event) {
        let what = match event {
            Event::TaskStarted(task) => What::Started(task.number),
            Event::TaskExited(task, outcome) => What::Exited(task.number, *outcome),
            Event::TaskStopped(task, outcome) => What::Stopped(task.number, *outcome),
            Event::Woken(_) => What::Timer,
            Event::DefinitionRegistered(_)
            | Event::InstanceRegistered(_)
            | Event::TaskSubmitted(_)
            | Event::ServiceCreated(_)
            | Event::ServiceUpdated(..)
            | Event::InstanceDraining(_) => What::Outside,
            // Of simulated hosts alone.
            Event::ImagePulled { .. }
            | Event::TaskHealthChanged(..)
            | Event::TransitionMade(..)
            | Event::MetricsPublished(_) => {
                self.lacks = true;
                return;
            }
        };
        self.entries.push((at, what));
    }

    /// Whether a run can be made again from it.
    pub fn is_whole(&self) -> bool {
        !self.lacks && !self.entries.is_empty()
    }

    /// As CSV: `at_us` (simulated time, µs), `event` (`outside`, `timer`, `started`, `exited`,
    /// `stopped`), and of those of tasks `task` and `outcome`.
    pub fn csv(&self) -> String {
        let mut text = HEAD.join(",") + "\n";
        for (at, what) in &self.entries {
            let (event, task, outcome) = match what {
                What::Outside => ("outside", None, None),
                What::Timer => ("timer", None, None),
                What::Started(task) => ("started", Some(task), None),
                What::Exited(task, outcome) => ("exited", Some(task), Some(outcome)),
                What::Stopped(task, outcome) => ("stopped", Some(task), Some(outcome)),
            };
            let task = task.map_or(String::new(), u64::to_string);
            let outcome = outcome.map_or("", |outcome| outcome.as_str());
            writeln!(text, "{},{event},{task},{outcome}", at.micros())
                .expect("a string takes any text");
        }
        text
    }

    /// The hash by which a manifest knows what [`Journal::csv`] wrote.
    pub fn hash(csv: &str) -> String {
        format!("{:032x}", xxh3_128(csv.as_bytes()))
    }

    /// Reads what [`Journal::csv`] wrote, of which the manifest has the hash.
    ///
    /// # Errors
    /// It is not there, is another one, or has a line that is none of a journal.
    pub fn read(path: &Path, hash: &str) -> Result<Journal, WorkloadError> {
        let wrong = |what: &str| {
            let path = path.display();
            WorkloadError(format!("{path}: {what}; restore it, or run the replay again"))
        };
        if !path.is_file() {
            return Err(wrong("is not there, or no file"));
        }
        let text = std::fs::read_to_string(path).map_err(|why| wrong(&why.to_string()))?;
        if Journal::hash(&text) != hash {
            return Err(wrong("is not the one that the manifest tells of"));
        }
        Journal::parse(&path.display().to_string(), &text)
    }

    fn parse(file: &str, text: &str) -> Result<Journal, WorkloadError> {
        let wrong = |line: usize, what: &str| {
            let remedy = "it is not as `towtank replay` wrote it; run the replay again";
            let what: String = what.chars().take(80).collect();
            WorkloadError::at(file, line as u64, format!("{what}: {remedy}"))
        };
        let mut journal = Journal::default();
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        if lines.next().is_none_or(|(_, head)| head != HEAD.join(",")) {
            return Err(wrong(1, &format!("no head '{}'", HEAD.join(","))));
        }
        if !text.ends_with('\n') {
            return Err(wrong(text.lines().count(), "the line has no end"));
        }
        for (number, line) in lines {
            let entry = entry(line).ok_or_else(|| wrong(number, &format!("'{line}'")))?;
            if journal.entries.last().is_some_and(|before| before.0 > entry.0) {
                return Err(wrong(number, "earlier than the line before"));
            }
            journal.entries.push(entry);
        }
        Ok(journal)
    }
}

/// A line of a journal.
fn entry(line: &str) -> Option<(SimTime, What)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [at, event, task, outcome] = fields[..] else { return None };
    let at = at.parse().ok().filter(|at| *at < TIME_END)?;
    let task = if task.is_empty() { None } else { Some(task.parse().ok()?) };
    let known = |name: &str| OUTCOMES.into_iter().find(|one| one.as_str() == name);
    let outcome = if outcome.is_empty() { None } else { Some(known(outcome)?) };
    let what = match (event, task, outcome) {
        ("outside", None, None) => What::Outside,
        ("timer", None, None) => What::Timer,
        ("started", Some(task), None) => What::Started(task),
        ("exited", Some(task), Some(outcome)) => What::Exited(task, outcome),
        ("stopped", Some(task), Some(outcome)) => What::Stopped(task, outcome),
        _ => return None,
    };
    Some((SimTime::from_micros(at), what))
}

/// How far a task has come on its host: steps may be left out, and none comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Placed,
    Started,
    Exited,
    Stopped,
}

/// Hosts on which what a journal tells happens again, whatever the control plane orders.
#[derive(Debug)]
pub struct JournalBackend<'j> {
    entries: std::slice::Iter<'j, (SimTime, What)>,
    nature: Nature,
    outside: EventQueue<Event>,
    timers: EventQueue<Event>,
    /// Tasks that are to run and are not gone, by serial number, with the last step of each.
    live: BTreeMap<u64, (TaskId, Step)>,
    now: SimTime,
}

impl<'j> JournalBackend<'j> {
    /// Before the first event; `seed` is the run's.
    pub fn new(journal: &'j Journal, seed: Seed) -> JournalBackend<'j> {
        JournalBackend {
            entries: journal.entries.iter(),
            nature: Nature::new(seed),
            outside: EventQueue::new(),
            timers: EventQueue::new(),
            live: BTreeMap::new(),
            now: SimTime::ZERO,
        }
    }

    /// A task that the journal tells of comes so far.
    fn task(&mut self, number: u64, step: Step) -> Result<TaskId, BackendError> {
        match self.live.get_mut(&number) {
            Some((task, last)) if *last < step => {
                *last = step;
                Ok(*task)
            }
            _ => Err(self.differs(&format!("task {number} does not come to that"))),
        }
    }

    fn differs(&self, what: &str) -> BackendError {
        let at = self.now;
        BackendError(format!("{JOURNAL_FILE} is not of this run: at {at} s {what}"))
    }

    /// What is due next of those, at the time that the journal says.
    fn due(&mut self, of: fn(&mut Self) -> &mut EventQueue<Event>) -> Result<Event, BackendError> {
        match of(self).pop() {
            Some((at, event)) if at == self.now => Ok(event),
            _ => Err(self.differs("nothing is due")),
        }
    }
}

impl Backend for JournalBackend<'_> {
    fn submit(&mut self, at: SimTime, external: External) -> Result<(), BackendError> {
        if let Some((phase, event)) = self.nature.take_in(external) {
            self.outside.schedule(at.max(self.now), phase, event);
        }
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<(), BackendError> {
        match command {
            Command::StartTask { task, .. } => {
                self.live.insert(task.number, (task, Step::Placed));
            }
            Command::WakeAt(at, timer) => {
                self.timers.schedule(at.max(self.now), phase::TIMERS, Event::Woken(timer));
            }
            Command::Forget(origin) => self.nature.forget(origin),
            // What came of it is in the journal.
            Command::StopTask(_) | Command::Begin { .. } => {}
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<(SimTime, Event)>, BackendError> {
        let Some(&(at, what)) = self.entries.next() else { return Ok(None) };
        self.now = at;
        let event = match what {
            What::Outside => self.due(|hosts| &mut hosts.outside)?,
            What::Timer => self.due(|hosts| &mut hosts.timers)?,
            What::Started(task) => Event::TaskStarted(self.task(task, Step::Started)?),
            What::Exited(task, how) => Event::TaskExited(self.task(task, Step::Exited)?, how),
            What::Stopped(number, how) => {
                let task = self.task(number, Step::Stopped)?;
                self.live.remove(&number);
                Event::TaskStopped(task, how)
            }
        };
        Ok(Some((at, event)))
    }

    /// A journal ends where its run did.
    fn next_event_until(
        &mut self,
        _until: Option<SimTime>,
    ) -> Result<Option<(SimTime, Event)>, BackendError> {
        self.next_event()
    }

    fn peek_time(&mut self) -> Option<SimTime> {
        let live = (!self.live.is_empty()).then_some(self.now);
        let due = [live, self.outside.peek_time(), self.timers.peek_time()];
        due.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let task = TaskId { slot: 3, number: 17 };
        let mut journal = Journal::default();
        let at = SimTime::from_micros;
        journal.note(at(0), &Event::Woken(crate::controller::Timer::PlacementPass));
        journal.note(at(1), &Event::InstanceDraining(crate::model::InstanceId(0)));
        journal.note(at(1), &Event::TaskStarted(task));
        for outcome in OUTCOMES {
            journal.note(at(2), &Event::TaskExited(task, outcome));
            journal.note(at(TIME_END - 1), &Event::TaskStopped(task, outcome));
        }
        journal.entries.sort_by_key(|entry| entry.0);
        let text = journal.csv();
        assert!(
            text.starts_with("at_us,event,task,outcome\n0,timer,,\n1,outside,,\n1,started,17,")
        );
        assert_eq!(Journal::parse("journal.csv", &text).unwrap(), journal);
        assert!(journal.is_whole());
    }

    #[test]
    fn what_it_has_no_words_for_makes_it_useless() {
        let mut journal = Journal::default();
        assert!(!journal.is_whole(), "nothing happened");
        let since = SimTime::ZERO;
        let task = TaskId { slot: 0, number: 0 };
        journal.note(since, &Event::TaskStarted(task));
        journal.note(since, &Event::ImagePulled { task, since });
        assert!(!journal.is_whole());
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        let head = "at_us,event,task,outcome\n";
        for (lines, line) in [
            ("", 1),
            ("at_us\n", 1),
            ("at_us,event,task,outcome\n0,timer,,", 2),
            ("at_us,event,task,outcome\n0,timer,,\n5,outside,,\n4,timer,,\n", 4),
        ] {
            let why = Journal::parse("j", lines).unwrap_err().to_string();
            assert!(why.contains(&format!("line {line}: ")), "{lines:?}: {why}");
        }
        for entry in [
            "0,timer,1,",
            "0,timer,x,",
            "0,started,,",
            "0,started,1,failed",
            "0,exited,1,",
            "0,exited,1,rejected",
            "0,outside,,nonsense",
            "-1,timer,,",
            "1152921504606846976,timer,,",
            "0,lost,,",
            "0,timer,",
            "",
        ] {
            let why = Journal::parse("j", &format!("{head}{entry}\n")).unwrap_err().to_string();
            assert!(why.starts_with("j, line 2: ") && why.contains("again"), "{entry}: {why}");
        }
    }
}
