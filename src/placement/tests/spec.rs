//! How a placement is written, and what is wrong with one that cannot be read.

use super::*;

fn error(text: &str) -> String {
    PlacementSpec::parse(text).expect_err(text).to_string()
}

fn mentions(text: &str, parts: &[&str]) {
    let message = error(text);
    for part in parts {
        assert!(message.contains(part), "'{text}': '{part}' is not in: {message}");
    }
}

#[test]
fn every_strategy_is_written_as_it_is_read() {
    for entry in STRATEGIES {
        let text = entry.example();
        let spec = PlacementSpec::parse(&text).unwrap();
        assert_eq!(spec.to_string(), text);
        assert_eq!(spec.needs_profile(), entry.needs_profile, "{text}");
        assert!(entry.example.is_empty() || entry.parameter.is_some(), "{text}");
    }
    let chain = "spread:attribute:ecs.availability-zone+spread:host+binpack:memory+random";
    assert_eq!(PlacementSpec::parse(chain).unwrap().to_string(), chain);
    let spaced = PlacementSpec::parse("spread:instanceId + binpack:cpu").unwrap();
    assert_eq!(spaced.to_string(), "spread:instanceId+binpack:cpu");
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = STRATEGIES.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), STRATEGIES.len());
}

#[test]
fn unknown_names_list_the_known_and_suggest_the_nearest() {
    mentions("binpak:cpu", &["'binpak'", "did you mean 'binpack'?", "known: binpack, spread"]);
    mentions("wurst-fit", &["did you mean 'worst-fit'?"]);
    mentions("Random", &["did you mean 'random'?"]);
    assert!(!error("kubernetes-default").contains("did you mean"));
    mentions("", &["unknown placement strategy ''"]);
    mentions("binpack:cpu+", &["unknown placement strategy ''"]);
}

#[test]
fn parameters_are_checked_when_read() {
    mentions("binpack", &["'binpack'", "binpack:cpu or binpack:memory"]);
    mentions("binpack:gpu", &["'gpu'", "binpack:cpu or binpack:memory"]);
    mentions("binpack:CPU", &["'CPU'"]);
    mentions("spread", &["'spread'", "spread:instanceId or spread:attribute:NAME"]);
    mentions("spread:zone", &["'zone'", "spread:attribute:NAME"]);
    mentions("spread:attribute:", &["'attribute:'"]);
    mentions("random:3", &["takes no parameter", "':3'"]);
    mentions("first-fit:", &["takes no parameter"]);
    mentions("fgd:typical", &["takes no parameter"]);
    for wrong in ["0", "65", "-1", "two", "", "2.0", "4294967298"] {
        mentions(&format!("power-of-d:{wrong}"), &[&format!("'{wrong}'"), "1 to 64"]);
    }
    assert!(PlacementSpec::parse("power-of-d").is_ok(), "two choices by default");
    assert!(PlacementSpec::parse("power-of-d:64").is_ok());
}

#[test]
fn ecs_3_2_only_ecs_strategies_chain_and_at_most_five() {
    mentions(
        "binpack:cpu+first-fit",
        &["'first-fit' cannot be part of a chain", "binpack, spread"],
    );
    mentions("ecs-service+random", &["'ecs-service' cannot be part of a chain"]);
    mentions("fgd+fgd", &["'fgd' cannot be part of a chain"]);
    let five = ["spread:instanceId"; 5].join("+");
    assert!(PlacementSpec::parse(&five).is_ok());
    mentions(&format!("{five}+random"), &["chains 6 strategies", "at most five"]);
}

#[test]
fn a_strategy_that_needs_a_profile_says_so_when_built() {
    let spec = PlacementSpec::parse("fgd").unwrap();
    let build = |profile| spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), profile);
    let message = build(None).expect_err("no profile").to_string();
    assert!(message.contains("'fgd'") && message.contains("[placement.profile]"), "{message}");
    assert!(build(Some(&WorkloadProfile::default())).is_err(), "an empty profile is none");
}

#[test]
fn the_two_placers_have_names() {
    assert_eq!(PlacerKind::parse("naive"), Some(PlacerKind::Naive));
    assert_eq!(PlacerKind::parse("indexed"), Some(PlacerKind::Indexed));
    assert_eq!(PlacerKind::parse("fast"), None);
}
