//! `[controller]`: how the control plane goes about its work, and what AWS does not publish of it.

use serde::{Deserialize, Serialize};

use crate::backend::MetricTiming;
use crate::controller::ServiceRules;
use crate::des::SimDuration;
use crate::workload::law_spec::Span;

use super::spec::{Preset, no_time};
use super::{DecisionTime, Document, ScenarioError};

/// CloudWatch's period for the metrics of services, and how long they take to be published.
const METRIC_SECONDS: u64 = 60;

/// Tasks that may fail to start one after the other, at one instant if that takes no time.
const THROTTLE_AFTER_MAX: u32 = 1000;

/// `[controller]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerTable {
    /// Simulated time of one placement decision; decisions are made one after the other. No time
    /// if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_time: Option<DecisionTime>,
    /// A task without checks counts as healthy after so long RUNNING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_after: Option<Span>,
    /// Tasks that a service may start in a minute; 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launches_per_minute: Option<u32>,
    /// When a service tries again what no instance took; `"0s"` whenever room is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_first: Option<Span>,
    /// The longest time that doubles to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_longest: Option<Span>,
    /// Tasks in a row that fail to start before a service's further starts are delayed, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_after: Option<u32>,
    /// The first delay; more than no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_first: Option<Span>,
    /// The longest that doubles to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_longest: Option<Span>,
    /// Whether tasks that are STOPPING count against a service's maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_counts_stopping: Option<bool>,
    /// From which difference of tasks on availability zones are evened out, at least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_imbalance: Option<u32>,
    /// What a datum of CloudWatch is about; more than no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_period: Option<Span>,
    /// From the end of that until it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_delay: Option<Span>,
}

impl ControllerTable {
    /// Writes the preset's values into the keys that are missing, and checks all.
    pub(super) fn resolve(
        &mut self,
        document: &Document,
        preset: Preset,
    ) -> Result<ServiceRules, ScenarioError> {
        let rules = match preset {
            Preset::Instant => ServiceRules::default(),
            Preset::Ecs => ServiceRules::ecs(),
        };
        let whole = |default: SimDuration| {
            // Every default is whole seconds.
            Span::from_secs(default.micros() / 1_000_000)
        };
        let times = (&mut self.retry_first, &mut self.retry_longest);
        let defaults = (whole(rules.retry_first), whole(rules.retry_longest));
        let (retry_first, retry_longest) = doubling(times, defaults);
        let times = (&mut self.throttle_first, &mut self.throttle_longest);
        let defaults = (whole(rules.throttle_first), whole(rules.throttle_longest));
        let (throttle_first, throttle_longest) = doubling(times, defaults);
        self.check_doubling(document)?;
        let rules = ServiceRules {
            settled_after: self
                .healthy_after
                .get_or_insert_with(|| whole(rules.settled_after))
                .duration(),
            launches_per_minute: *self.launches_per_minute.get_or_insert(rules.launches_per_minute),
            retry_first,
            retry_longest,
            throttle_after: *self.throttle_after.get_or_insert(rules.throttle_after),
            throttle_first,
            throttle_longest,
            maximum_counts_stopping: *self
                .maximum_counts_stopping
                .get_or_insert(rules.maximum_counts_stopping),
            zone_imbalance: *self.zone_imbalance.get_or_insert(rules.zone_imbalance),
        };
        let refuse =
            |key: &str, problem: &str| Err(document.error(&format!("controller.{key}"), problem));
        if !(1..=THROTTLE_AFTER_MAX).contains(&rules.throttle_after) {
            let after = rules.throttle_after;
            let problem = format!(
                "{after}: so many tasks may fail at one instant; write 1 to {THROTTLE_AFTER_MAX}"
            );
            return refuse("throttle_after", &problem);
        }
        if rules.throttle_first.micros() == 0 {
            let problem = "0 s: what fails to start would be tried for ever at one instant; write \
                           a longer time";
            return refuse("throttle_first", problem);
        }
        if rules.zone_imbalance < 2 {
            return refuse("zone_imbalance", "tasks would be moved for ever; write 2 or more");
        }
        Ok(rules)
    }

    /// Refuses times that double to less than they begin with.
    fn check_doubling(&self, document: &Document) -> Result<(), ScenarioError> {
        for (first, first_key, longest, longest_key) in [
            (self.retry_first, "retry_first", self.retry_longest, "retry_longest"),
            (self.throttle_first, "throttle_first", self.throttle_longest, "throttle_longest"),
        ] {
            let (first, longest) = (first.unwrap_or(no_time()), longest.unwrap_or(no_time()));
            if longest.duration() < first.duration() {
                let problem =
                    format!("{longest} is below `{first_key}`, {first}; write that or more");
                return Err(document.error(&format!("controller.{longest_key}"), problem));
            }
        }
        Ok(())
    }

    /// The same for the metrics of services.
    pub(super) fn resolve_metrics(
        &mut self,
        document: &Document,
        preset: Preset,
    ) -> Result<MetricTiming, ScenarioError> {
        let delay = match preset {
            Preset::Instant => 0,
            Preset::Ecs => METRIC_SECONDS,
        };
        let period = *self.metric_period.get_or_insert(Span::from_secs(METRIC_SECONDS));
        let delay = *self.metric_delay.get_or_insert(Span::from_secs(delay));
        if period.duration() < SimDuration::from_secs(1) {
            let problem = format!("{period}; CloudWatch's shortest is 1 s, write that or more");
            return Err(document.error("controller.metric_period", problem));
        }
        Ok(MetricTiming { period: period.duration(), delay: delay.duration() })
    }
}

/// A first time and the longest that it doubles to, the defaults where they are missing; one that
/// is written bounds the default of the other.
fn doubling(
    (first, longest): (&mut Option<Span>, &mut Option<Span>),
    (default_first, default_longest): (Span, Span),
) -> (SimDuration, SimDuration) {
    let bound = longest.filter(|one| one.duration() < default_first.duration());
    let begin = *first.get_or_insert(bound.unwrap_or(default_first));
    let is_longer = default_longest.duration() > begin.duration();
    let end = *longest.get_or_insert(if is_longer { default_longest } else { begin });
    (begin.duration(), end.duration())
}
