//! How ECS behaves, rule by rule: that each rule of `rules.toml` has its tests, and that
//! `docs/ecs-conformance.md` is made from it.

mod explained;
mod scenarios;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    section: String,
    text: String,
    mark: String,
    source: String,
    #[serde(default)]
    tests: Vec<String>,
    status: Option<String>,
    note: Option<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Vec<Rule> {
    let text = std::fs::read_to_string(root().join("tests/ecs/rules.toml")).unwrap();
    toml::from_str::<Rules>(&text).unwrap().rule
}

/// Names of the functions called `ecs_<digit>…` in Rust files below a folder, and their files.
fn tests_below(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|one| one == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(root()).unwrap().display().to_string();
            for line in text.lines() {
                let name = line.trim_start().strip_prefix("fn ecs_").map(|rest| {
                    let end = rest.find('(').unwrap_or(rest.len());
                    format!("ecs_{}", &rest[..end])
                });
                if let Some(name) = name.filter(|one| one[4..].starts_with(char::is_numeric)) {
                    assert!(found.insert(name.clone(), file.clone()).is_none(), "{name} twice");
                }
            }
        }
    }
}

fn tests() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    tests_below(&root().join("src"), &mut found);
    tests_below(&root().join("tests"), &mut found);
    found
}

/// The page as the rules make it.
fn page(rules: &[Rule], tests: &BTreeMap<String, String>) -> String {
    let mut page = String::from(
        "# How far towtank behaves as ECS\n\n\
         Made from `tests/ecs/rules.toml`, which a test compares with this page and with the \
         tests named. Marks:\n**D** documented by AWS, **O** observed by users, **M** our choice \
         where nothing is known; [fidelity.md](fidelity.md)\nsays what hangs on those.\n",
    );
    let mut section = "";
    for rule in rules {
        if rule.section != section {
            section = &rule.section;
            let head = "| Rule | Mark | Source | Tests | Status |\n|---|---|---|---|---|";
            write!(page, "\n## {section}\n\n{head}\n").unwrap();
        }
        let tests: Vec<String> = rule
            .tests
            .iter()
            .map(|name| format!("[`{name}`](../{})", tests.get(name).map_or("", |file| file)))
            .collect();
        let status = rule.status.as_deref().unwrap_or("modelled");
        let note = rule.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        let (text, mark, source) = (&rule.text, &rule.mark, &rule.source);
        let tests = tests.join("<br>");
        writeln!(page, "| {text} | {mark} | {source} | {tests} | {status}{note} |").unwrap();
    }
    page
}

#[test]
fn every_rule_has_the_tests_it_names_and_every_test_a_rule() {
    let (rules, tests) = (rules(), tests());
    let named: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.tests).collect();
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains_key(**name)).collect();
    assert!(missing.is_empty(), "rules name tests that are not there: {missing:#?}");
    let unnamed: Vec<_> = tests.keys().filter(|name| !named.contains(name)).collect();
    assert!(unnamed.is_empty(), "tests that no rule of tests/ecs/rules.toml names: {unnamed:#?}");
    for rule in &rules {
        assert!(["D", "O", "M"].contains(&rule.mark.as_str()), "{}: {}", rule.text, rule.mark);
        let status = rule.status.as_deref().unwrap_or("modelled");
        assert!(["modelled", "partly", "not modelled"].contains(&status), "{status}");
        assert_eq!(rule.tests.is_empty(), status == "not modelled", "{}", rule.text);
        assert!(status != "partly" || rule.note.is_some(), "{}: what is missing?", rule.text);
    }
}

/// `TOWTANK_WRITE_PAGES=1` writes the page anew.
#[test]
fn the_page_is_made_from_the_rules() {
    let path = root().join("docs/ecs-conformance.md");
    let page = page(&rules(), &tests());
    if std::env::var_os("TOWTANK_WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let remedy = "TOWTANK_WRITE_PAGES=1 cargo test --test main the_page_is_made_from_the_rules";
    assert!(written == page, "{} is out of date; {remedy}", path.display());
}
