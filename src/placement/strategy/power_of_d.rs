//! Power of d choices: of d feasible instances drawn at random, the one with most left.
//!
//! Source: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 2001.
//! Draws are with replacement; the earliest draw wins a tie.

use crate::des::Seed;
use crate::model::{Cluster, Placement};
use crate::placement::index::FeasibleIndex;
use crate::placement::{Ask, PICK_DRAW, Placer, Refusal, refusal, tightest_devices};

use super::random::any_feasible;
use super::shares::left_after;
use super::{Build, Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "power-of-d",
    parameter: Some("D (default 2)"),
    example: "2",
    chains: false,
    needs_profile: false,
    summary: "of D feasible instances drawn at random, the one with most left",
    build,
};

/// Draws at most: beyond, worst-fit does the same for less.
const CHOICES_MAX: u32 = 64;

fn build(build: &Build<'_>) -> Result<Policy, String> {
    let text = build.parameter.unwrap_or("2");
    match text.parse::<u32>() {
        Ok(choices @ 1..=CHOICES_MAX) => {
            Ok(Policy::Whole(Box::new(PowerOfD {
                seed: build.seed,
                choices,
                index: build.feasible_index(),
            })))
        }
        _ => Err(format!("'{text}' is not a number of choices; give 1 to {CHOICES_MAX}")),
    }
}

#[derive(Debug)]
struct PowerOfD {
    seed: Seed,
    choices: u32,
    index: Option<FeasibleIndex>,
}

impl Placer for PowerOfD {
    fn place(&mut self, ask: &Ask<'_>, cluster: &Cluster) -> Result<Placement, Refusal> {
        let class = cluster.class(ask.class);
        let mut draws = self.seed.stream(PICK_DRAW, ask.task.number, ask.attempt);
        let mut best = None;
        for _ in 0..self.choices {
            let Some(id) = any_feasible(ask, cluster, &mut draws, self.index.as_mut())
            else {
                break;
            };
            let left = left_after(class, cluster.instance(id));
            if best.is_none_or(|(most, _)| left > most) {
                best = Some((left, id));
            }
        }
        let (_, instance) = best.ok_or_else(|| refusal(ask, cluster))?;
        let devices = tightest_devices(class, cluster.instance(instance));
        Ok(Placement { instance, devices })
    }
}
