//! What an explanation says: the values that the report prints, and the JSON as it is. Times are
//! simulated seconds; undefined is `null`.

use serde::Serialize;

/// How a task came to be placed, or why it was not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the arm.
    pub arm: String,
    /// Seed of the run.
    pub seed: u64,
    /// Fingerprint of the run, which came out again.
    pub fingerprint: String,
    /// Placement that the task was tried with.
    pub placement: String,
    /// Queue policy.
    pub queue: String,
    /// The task and what it asks for.
    pub task: TaskFacts,
    /// What became of it.
    pub life: LifeFacts,
    /// Attempts to place it, in order; those refused for the same causes in one row.
    pub attempts: Vec<AttemptRow>,
    /// Who kept it from being tried, where the queue policy lets nothing overtake its head.
    pub blocked: Option<Blocked>,
    /// What held the host, where it was placed and did not start at once.
    pub host: Option<HostFacts>,
    /// What its service told while it lived: at most eight different messages, those told last.
    pub service_told: Vec<MessageFacts>,
    /// What would have placed it when it was refused last.
    pub counterfactual: Option<Counterfactual>,
}

/// A message of a service, as in `service-events.csv`, without its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageFacts {
    /// The words.
    pub message: String,
    /// What ECS does not tell: where no instance takes a task, how many fail what.
    pub why: Option<String>,
    /// How often it was told.
    pub count: u64,
    /// When first.
    pub first_s: f64,
    /// When last.
    pub last_s: f64,
}

/// A task and what it asks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskFacts {
    /// Its number, as in the column `task` of `tasks.csv`.
    pub task: u64,
    /// Name in the trace.
    pub name: Option<String>,
    /// Task group.
    pub group: String,
    /// Family of its definition.
    pub definition: String,
    /// CPU reserved, vCPUs.
    pub vcpus: f64,
    /// Memory reserved, MiB.
    pub memory_mib: u32,
    /// GPUs, shares included.
    pub gpus: f64,
    /// Static host ports, such as `tcp/80`.
    pub ports: Vec<String>,
    /// ENI slots.
    pub eni_slots: u32,
    /// Attributes it requires, with the values allowed.
    pub attributes: Vec<String>,
    /// Placement constraints.
    pub constraints: Vec<String>,
    /// Tasks that are placed with it, all or none: first and last, itself included.
    pub gang: Option<[u64; 2]>,
    /// The instance that it is to be started on (`StartTask`); `None` if it is placed.
    pub start_on: Option<String>,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifeFacts {
    /// When it was submitted, or created by its service.
    pub submitted_s: f64,
    /// When it was placed.
    pub placed_s: Option<f64>,
    /// When its containers ran.
    pub started_s: Option<f64>,
    /// When its containers were gone.
    pub ended_s: Option<f64>,
    /// As in `tasks.csv`.
    pub outcome: String,
    /// Name of its instance.
    pub instance: Option<String>,
    /// When the run ended.
    pub run_ended_s: f64,
    /// The states that it passed through once it was placed and that took time, in order.
    pub states: Vec<StateFacts>,
    /// Since when it waited for its image, and when that was there.
    pub image_s: Option<[f64; 2]>,
}

/// A state of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateFacts {
    /// ECS's name.
    pub state: &'static str,
    /// When it came to it.
    pub from_s: f64,
    /// When it came to the next one; `null` if it was in it when the run ended.
    pub until_s: Option<f64>,
}

/// One attempt, or several that were refused for the same causes: the figures are the last one's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Attempts.
    pub count: u64,
    /// Number of the first among the task's own, from 1; `null` if others were tried in its stead.
    pub first: Option<u32>,
    /// Number of the last.
    pub last: Option<u32>,
    /// Time of the first.
    pub first_s: f64,
    /// Time of the last.
    pub last_s: f64,
    /// The task of the same shape that was tried in its stead: what one is refused, all are.
    pub instead: Option<u64>,
    /// Whether it was placed, its gang too if it is in one.
    pub placed: bool,
    /// Of a gang, the tasks that found a place.
    pub gang_placed: Option<u32>,
    /// Of a gang, the task that found none.
    pub gang_refused: Option<u64>,
    /// How the task itself found a place; given back if another of its gang found none.
    pub choice: Option<Choice>,
    /// Why no instance could take it.
    pub refusal: Option<RefusalFacts>,
}

/// Why no instance could take a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RefusalFacts {
    /// Instances registered.
    pub instances: u32,
    /// Of these, the ones that could have taken it: 0.
    pub candidates: u32,
    /// What they failed, in ECS's order.
    pub failed: Vec<FailedFacts>,
}

/// One requirement, and who fails it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedFacts {
    /// As ECS words it.
    pub requirement: &'static str,
    /// The attribute or expression.
    pub detail: Option<String>,
    /// Instances that fail it first in ECS's order.
    pub first: u32,
    /// Instances that fail it.
    pub failed: u32,
    /// Instances that fail nothing else.
    pub alone: u32,
    /// The instances that lack least.
    pub nearest: Vec<NearFacts>,
}

/// An instance and what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearFacts {
    /// Its name.
    pub instance: String,
    /// How much it lacks; `null` where nothing is counted.
    pub missing: Option<f64>,
    /// Of what: `vCPU`, `MiB`, `GPU`, `ports`, `ENI slots`, or nothing.
    pub unit: &'static str,
}

/// How an instance was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Instances that could take the task.
    pub candidates: u32,
    /// What each strategy left of them.
    pub steps: Vec<StepFacts>,
    /// How the last ones were told apart.
    pub tie_break: TieFacts,
    /// The instance.
    pub instance: String,
    /// Its GPU devices that the task gets.
    pub devices: Vec<usize>,
}

/// A strategy's narrowing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepFacts {
    /// The strategy.
    pub strategy: String,
    /// Instances left after it.
    pub left: u32,
    /// The best of those it was given; empty where it has no scores.
    pub best: Vec<ScoreFacts>,
}

/// An instance and its score; higher wins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreFacts {
    /// Its name.
    pub instance: String,
    /// Its score.
    pub score: i64,
}

/// How the last candidates were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum TieFacts {
    /// One was left.
    None,
    /// The first in order of registration.
    LowestId {
        /// Of how many.
        among: u32,
    },
    /// A draw keyed by seed, task and attempt.
    Draw {
        /// Which one in order of registration, from 1.
        rank: u32,
        /// Of how many.
        among: u32,
    },
    /// The method chose in a way of its own.
    Method,
}

/// Who kept a task from being tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocked {
    /// The task at the head of the queue that was refused last.
    pub by: u64,
    /// Refusals of tasks before it while it waited; 0 if the head had been refused before it came,
    /// and nothing has made room since.
    pub refusals: u64,
    /// Time of the first.
    pub first_s: f64,
    /// Time of the last.
    pub last_s: f64,
    /// Tasks before it when the run ended; `null` if it did not wait then.
    pub before_at_end: Option<u64>,
}

/// What held the host when it got a task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HostFacts {
    /// From when the host got it until there was room and it waited for its image, or until it was
    /// started where it has none, or to the end of the run.
    pub waited_s: f64,
    /// Whether there was room for it at once: then this is the host's own time.
    pub room: bool,
    /// Tasks whose room was free already while their containers were still there.
    pub stopping: u32,
    /// Tasks placed before it and not started.
    pub pending: u32,
}

/// The smallest changes that would have placed a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// When it was refused last; the end of the run if it was never tried.
    pub at_s: f64,
    /// Each of these alone.
    pub changes: Vec<ChangeFacts>,
    /// Where none is enough: two together.
    pub pairs: Vec<[ChangeFacts; 2]>,
    /// Requirements that the best instance failed.
    pub fewest: Option<usize>,
    /// Instances with ENI slots left if trunking were on.
    pub trunking: u32,
    /// Instances that could take the task if they were empty.
    pub fit_when_empty: u32,
    /// Instance types of which an empty one would take it, cheapest first; the first few.
    pub types: Vec<TypeFacts>,
    /// All of them.
    pub types_that_fit: usize,
}

/// A requirement that had to be met, or dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeFacts {
    /// As ECS words it.
    pub requirement: &'static str,
    /// The attribute or expression.
    pub detail: Option<String>,
    /// Instances for which it would have been enough.
    pub instances: u32,
    /// Of these the one that lacks least.
    pub nearest: NearFacts,
}

/// An instance type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeFacts {
    /// Its name.
    pub instance_type: String,
    /// Its price; `null` where unknown.
    pub usd_per_hour: Option<f64>,
}
