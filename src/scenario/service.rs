//! `[service.NAME]`: the keys of a service, and what ECS is told of it.

use serde::{Deserialize, Serialize};

use crate::model::{
    CircuitBreaker, DeploymentConfiguration, DeploymentStrategy, FailureThreshold,
    SchedulingStrategy,
};
use crate::workload::law_spec::Span;
use crate::workload::synthetic::KindSpec;

use super::requests::RequestsTable;
use super::spec::{ScenarioSpec, StrategySpec, no_time};
use super::{Document, ScenarioError};

/// `[service.NAME]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    /// `replica` (if missing) or `daemon`.
    #[serde(default)]
    pub scheduling: SchedulingSpec,
    /// Tasks to keep running; a daemon has one on each instance instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<u32>,
    /// What a task asks for; its `duration` is how long one runs before it is replaced.
    pub task: KindSpec,
    /// A strategy of its own; `[placement]`'s, or else `ecs-service`, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategySpec>,
    /// Whether its tasks are behind a load balancer or in service discovery.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub load_balancer: bool,
    /// When it is created.
    #[serde(default = "no_time")]
    pub start: Span,
    /// How tasks are replaced.
    #[serde(default)]
    pub deployment: DeploymentTable,
    /// For so long after RUNNING failing checks are ignored.
    #[serde(default = "no_time")]
    pub health_check_grace_period: Span,
    /// For so long after RUNNING a task protects itself from scale-in and deployments.
    #[serde(default = "no_time")]
    pub protection: Span,
    /// Whether tasks are moved until availability zones are even.
    #[serde(default)]
    pub zone_rebalancing: bool,
    /// The requests it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestsTable>,
    /// Later changes, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ServiceChange>,
}

/// `scheduling`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulingSpec {
    /// As many tasks as desired.
    #[default]
    Replica,
    /// One on each ACTIVE instance that satisfies its constraints.
    Daemon,
}

/// One of a service's `changes`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceChange {
    /// When.
    pub at: Span,
    /// Tasks to keep running from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<u32>,
    /// What is rolled out then, written like the service's `task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<KindSpec>,
    /// It is repeated so long after each time, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// … so many times in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// `deployment`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentTable {
    /// How new tasks take over.
    #[serde(default)]
    pub strategy: DeploymentKind,
    /// Healthy tasks that must stay, percent of the desired count: 100, of a daemon 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_healthy_percent: Option<u32>,
    /// Tasks that there may be, percent of the desired count: 200, of a daemon 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_percent: Option<u32>,
    /// How long both run once all traffic is shifted; not of `rolling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake_time: Option<Span>,
    /// Traffic of one step of `linear`, percent, 3 to 100: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_percent: Option<f64>,
    /// Between two steps of `linear`: 6 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_time: Option<Span>,
    /// Between the two steps of `canary`: 10 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_time: Option<Span>,
    /// Lets a rolling deployment fail whose tasks do not come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreakerTable>,
}

/// `deployment.strategy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentKind {
    /// Step by step between the minimum and the maximum.
    #[default]
    Rolling,
    /// All new tasks beside all old ones.
    BlueGreen,
    /// The same, traffic shifted in equal steps.
    Linear,
    /// The same, a small part of the traffic shifted first.
    Canary,
}

/// `deployment.circuit_breaker`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreakerTable {
    /// Failed tasks at which a deployment fails; instead of `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The same in percent of the desired count: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Whether `percent` means at least 3 and at most 200 tasks: it does if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounded: Option<bool>,
    /// Whether the last deployment that completed is put back.
    #[serde(default)]
    pub rollback: bool,
    /// Whether a healthy task sets the count to zero.
    #[serde(default = "yes")]
    pub reset_on_healthy_task: bool,
}

fn yes() -> bool {
    true
}

impl ServiceTable {
    /// As ECS names it.
    pub(super) fn scheduling(&self) -> SchedulingStrategy {
        match self.scheduling {
            SchedulingSpec::Replica => SchedulingStrategy::Replica,
            SchedulingSpec::Daemon => SchedulingStrategy::Daemon,
        }
    }
}

/// Makes errors about the keys of one service's deployments.
struct Keys<'a> {
    document: &'a Document,
    /// `service.NAME.deployment`.
    path: String,
}

impl Keys<'_> {
    fn refuse<T>(&self, key: &str, problem: impl Into<String>) -> Result<T, ScenarioError> {
        Err(self.document.error(&format!("{}.{key}", self.path), problem))
    }

    /// A share in tenths of a percent.
    fn permille(&self, key: &str, percent: f64, least: f64) -> Result<u32, ScenarioError> {
        if !(least..=100.0).contains(&percent) {
            let problem = format!("{percent} %; write a number from {least} to 100");
            return self.refuse(key, problem);
        }
        Ok(libm::round(percent * 10.0) as u32)
    }
}

impl DeploymentTable {
    /// Writes ECS's defaults into the keys that are missing, and checks all.
    pub(super) fn resolve(
        &mut self,
        document: &Document,
        service: &str,
        scheduling: SchedulingStrategy,
    ) -> Result<DeploymentConfiguration, ScenarioError> {
        let keys = Keys { document, path: format!("{service}.deployment") };
        let is_daemon = scheduling == SchedulingStrategy::Daemon;
        let (min, max) = if is_daemon { (0, 100) } else { (100, 200) };
        let minimum_healthy_percent = *self.minimum_healthy_percent.get_or_insert(min);
        let maximum_percent = *self.maximum_percent.get_or_insert(max);
        if minimum_healthy_percent > 100 {
            let problem = format!("{minimum_healthy_percent} %; at most 100");
            return keys.refuse("minimum_healthy_percent", problem);
        }
        if maximum_percent < 100 {
            let problem = format!("{maximum_percent} %; at least 100, or nothing could run");
            return keys.refuse("maximum_percent", problem);
        }
        if is_daemon && maximum_percent != 100 {
            return keys.refuse("maximum_percent", "a daemon's is 100: one task on an instance");
        }
        let strategy = self.strategy(&keys)?;
        if is_daemon && strategy != DeploymentStrategy::Rolling {
            return keys.refuse("strategy", "a daemon's is `rolling`: one task on an instance");
        }
        let circuit_breaker = self.breaker(&keys)?;
        Ok(DeploymentConfiguration {
            minimum_healthy_percent,
            maximum_percent,
            circuit_breaker,
            strategy,
        })
    }

    fn strategy(&mut self, keys: &Keys<'_>) -> Result<DeploymentStrategy, ScenarioError> {
        let kind = self.strategy;
        self.refuse_others(kind, keys)?;
        let bake_micros = match kind {
            DeploymentKind::Rolling => 0,
            _ => self.bake_time.get_or_insert(no_time()).duration().micros(),
        };
        Ok(match kind {
            DeploymentKind::Rolling => DeploymentStrategy::Rolling,
            DeploymentKind::BlueGreen => DeploymentStrategy::BlueGreen { bake_micros },
            DeploymentKind::Linear => {
                let percent = *self.step_percent.get_or_insert(10.0);
                let step = self.step_time.get_or_insert(Span::from_secs(360));
                DeploymentStrategy::Linear {
                    step_permille: keys.permille("step_percent", percent, 3.0)?,
                    step_micros: step.duration().micros(),
                    bake_micros,
                }
            }
            DeploymentKind::Canary => {
                let canary = self.canary_time.get_or_insert(Span::from_secs(600));
                DeploymentStrategy::Canary {
                    canary_micros: canary.duration().micros(),
                    bake_micros,
                }
            }
        })
    }

    /// Keys of another strategy would have no effect.
    fn refuse_others(&self, kind: DeploymentKind, keys: &Keys<'_>) -> Result<(), ScenarioError> {
        use DeploymentKind::{BlueGreen, Canary, Linear};
        let rules = [
            ("bake_time", self.bake_time.is_some(), &[BlueGreen, Linear, Canary][..]),
            ("step_percent", self.step_percent.is_some(), &[Linear]),
            ("step_time", self.step_time.is_some(), &[Linear]),
            ("canary_time", self.canary_time.is_some(), &[Canary]),
            ("circuit_breaker", self.circuit_breaker.is_some(), &[DeploymentKind::Rolling]),
        ];
        for (key, is_there, kinds) in rules {
            if is_there && !kinds.contains(&kind) {
                let problem = "has no effect with this `strategy`; remove it, or change `strategy`";
                return keys.refuse(key, problem);
            }
        }
        Ok(())
    }

    fn breaker(&mut self, keys: &Keys<'_>) -> Result<Option<CircuitBreaker>, ScenarioError> {
        let Some(table) = &mut self.circuit_breaker else { return Ok(None) };
        let threshold = match (table.count, table.percent) {
            (Some(_), Some(_)) => {
                return keys.refuse("circuit_breaker", "both `count` and `percent`; keep one");
            }
            (Some(_), None) if table.bounded.is_some() => {
                let problem = "has no effect on a `count`; remove it, or write `percent`";
                return keys.refuse("circuit_breaker.bounded", problem);
            }
            (Some(count), None) => FailureThreshold::Count(count),
            (None, _) => {
                let percent = *table.percent.get_or_insert(50);
                if *table.bounded.get_or_insert(true) {
                    FailureThreshold::BoundedPercent(percent)
                } else {
                    FailureThreshold::UnboundedPercent(percent)
                }
            }
        };
        if matches!((table.count, table.percent), (Some(0), _) | (_, Some(0))) {
            return keys.refuse("circuit_breaker", "0: nothing could be deployed; write 1 or more");
        }
        Ok(Some(CircuitBreaker {
            threshold,
            rollback: table.rollback,
            reset_on_healthy_task: table.reset_on_healthy_task,
        }))
    }
}

impl ScenarioSpec {
    /// What the tasks of services are, at first and after each change, with the paths of the
    /// tables.
    pub(super) fn kinds_of_services(&self) -> impl Iterator<Item = (String, &KindSpec)> {
        self.service.iter().flat_map(|(name, table)| {
            let later = table.changes.iter().enumerate().filter_map(move |(index, change)| {
                Some((format!("service.{name}.changes[{index}].task"), change.task.as_ref()?))
            });
            std::iter::once((format!("service.{name}.task"), &table.task)).chain(later)
        })
    }
}
