//! A placement as it is written, `spread:instanceId+binpack:memory`, and the placer it builds.

use std::fmt;

use crate::des::Seed;

use super::strategy::{Build, Policy, STRATEGIES, StrategyEntry};
use super::traced::{Scan, SharedLog, TracedPlacer};
use super::{
    Chain, IndexedPlacer, NaivePlacer, PlacementStrategy, Placer, TieBreak, WorkloadProfile,
};

/// Strategies in one ECS chain at most. Source: ECS API, `placementStrategy`: "maximum of 5".
pub(super) const CHAIN_MAX: usize = 5;

/// A placement that cannot be built, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlacementError(pub String);

/// Which implementation carries a placement out. Both take the same decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlacerKind {
    /// Scans every instance for every decision: the oracle.
    Naive,
    /// Remembers what did not change.
    #[default]
    Indexed,
}

impl PlacerKind {
    /// `naive` or `indexed`.
    pub fn parse(text: &str) -> Option<PlacerKind> {
        match text {
            "naive" => Some(PlacerKind::Naive),
            "indexed" => Some(PlacerKind::Indexed),
            _ => None,
        }
    }
}

/// One strategy with its parameter.
#[derive(Debug, Clone)]
pub struct PlacementStep {
    entry: &'static StrategyEntry,
    parameter: Option<String>,
}

/// A placement: one strategy, or a chain of ECS's own.
#[derive(Debug, Clone)]
pub struct PlacementSpec {
    steps: Vec<PlacementStep>,
}

impl fmt::Display for PlacementStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry.name)?;
        match &self.parameter {
            Some(parameter) => write!(f, ":{parameter}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for PlacementSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let plus = if index > 0 { "+" } else { "" };
            write!(f, "{plus}{step}")?;
        }
        Ok(())
    }
}

impl PlacementSpec {
    /// Reads a name with optional parameter, or a chain of ECS strategies joined by `+`.
    ///
    /// # Errors
    /// An unknown name (with a suggestion and the known ones), a wrong parameter, a chain of
    /// strategies that do not chain, or more than five of them.
    pub fn parse(text: &str) -> Result<PlacementSpec, PlacementError> {
        let steps = text.split('+').map(parse_step).collect::<Result<Vec<_>, _>>()?;
        if steps.len() > CHAIN_MAX {
            let count = steps.len();
            let message = format!("'{text}' chains {count} strategies; ECS takes at most five");
            return Err(PlacementError(message));
        }
        if steps.len() > 1
            && let Some(step) = steps.iter().find(|step| !step.entry.chains)
        {
            let name = step.entry.name;
            let message = format!(
                "'{name}' cannot be part of a chain; only ECS's own strategies chain: \
                 binpack, spread, random"
            );
            return Err(PlacementError(message));
        }
        let spec = PlacementSpec { steps };
        if !spec.needs_profile() {
            // Parameters are checked by building once; nothing else can fail then.
            spec.build(PlacerKind::Naive, TieBreak::default(), Seed(0), None)?;
        }
        Ok(spec)
    }

    /// Whether its first strategy spreads tasks over availability zones.
    pub fn spreads_zones_first(&self) -> bool {
        let first = self.steps.first();
        first.is_some_and(|step| match step.entry.name {
            "ecs-service" => true,
            "spread" => step.parameter.as_deref() == Some("attribute:ecs.availability-zone"),
            _ => false,
        })
    }

    /// Whether it has to be told the workload's typical tasks.
    pub fn needs_profile(&self) -> bool {
        self.steps.iter().any(|step| step.entry.needs_profile)
    }

    /// Builds the placer.
    ///
    /// # Errors
    /// A wrong parameter, or a missing profile.
    pub fn build(
        &self,
        kind: PlacerKind,
        tie_break: TieBreak,
        seed: Seed,
        profile: Option<&WorkloadProfile>,
    ) -> Result<Box<dyn Placer>, PlacementError> {
        Ok(match (self.method(kind, tie_break, seed, profile)?, kind) {
            (Method::Whole(placer), _) => placer,
            (Method::Chain(chain, _), PlacerKind::Naive) => Box::new(NaivePlacer::new(chain)),
            (Method::Chain(chain, _), PlacerKind::Indexed) => Box::new(IndexedPlacer::new(chain)),
        })
    }

    /// Builds the placer, with a log that is told of each decision and can ask how it was made.
    ///
    /// # Errors
    /// As [`PlacementSpec::build`].
    pub fn build_traced(
        &self,
        kind: PlacerKind,
        tie_break: TieBreak,
        seed: Seed,
        profile: Option<&WorkloadProfile>,
        log: SharedLog,
    ) -> Result<Box<dyn Placer>, PlacementError> {
        let decides = self.build(kind, tie_break, seed, profile)?;
        let scan = match self.method(PlacerKind::Naive, tie_break, seed, profile)? {
            Method::Whole(_) => Scan::Opaque(self.to_string()),
            Method::Chain(chain, names) => Scan::Chain(chain, names),
        };
        Ok(Box::new(TracedPlacer::new(decides, scan, log)))
    }

    fn method(
        &self,
        kind: PlacerKind,
        tie_break: TieBreak,
        seed: Seed,
        profile: Option<&WorkloadProfile>,
    ) -> Result<Method, PlacementError> {
        let mut strategies: Vec<Box<dyn PlacementStrategy>> = Vec::new();
        let mut names = Vec::new();
        let mut tie_break = tie_break;
        for (index, step) in self.steps.iter().enumerate() {
            let parameter = step.parameter.as_deref();
            let build = Build { parameter, kind, seed, profile };
            let policy = (step.entry.build)(&build)
                .map_err(|why| PlacementError(format!("'{}': {why}", step.entry.name)))?;
            match policy {
                Policy::Scored(strategy) => {
                    strategies.push(strategy);
                    names.push(step.to_string());
                }
                Policy::Chain(chain) => {
                    for (name, strategy) in chain {
                        strategies.push(strategy);
                        names.push(name);
                    }
                }
                Policy::Whole(placer) if index == 0 => return Ok(Method::Whole(placer)),
                Policy::Whole(_) => {
                    // `random` after another strategy picks among what that one left; nothing is
                    // left to choose for what follows.
                    tie_break = TieBreak::Random;
                    break;
                }
            }
        }
        Ok(Method::Chain(Chain { strategies, tie_break, seed }, names))
    }
}

/// How a placement decides.
enum Method {
    /// Strategies in order, each as a user would write it.
    Chain(Chain, Vec<String>),
    /// In a way of its own.
    Whole(Box<dyn Placer>),
}

fn parse_step(text: &str) -> Result<PlacementStep, PlacementError> {
    let text = text.trim();
    let (name, parameter) = match text.split_once(':') {
        Some((name, parameter)) => (name, Some(parameter)),
        None => (text, None),
    };
    let Some(entry) = STRATEGIES.iter().find(|entry| entry.name == name) else {
        return Err(unknown(name));
    };
    match (entry.parameter, parameter) {
        (None, Some(given)) => {
            let message = format!("'{name}' takes no parameter, but ':{given}' was given");
            Err(PlacementError(message))
        }
        _ => Ok(PlacementStep { entry, parameter: parameter.map(str::to_owned) }),
    }
}

fn unknown(name: &str) -> PlacementError {
    let names: Vec<&str> = STRATEGIES.iter().map(|entry| entry.name).collect();
    let near = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|&(distance, _)| distance <= 1 + name.len() / 3);
    let hint = near.map_or(String::new(), |(_, known)| format!("; did you mean '{known}'?"));
    let known = names.join(", ");
    PlacementError(format!("unknown placement strategy '{name}'{hint} (known: {known})"))
}
