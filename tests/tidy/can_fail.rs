//! Each check of the tidy test, fed something that is not tidy: a check that cannot fail is none.

use super::source::{Source, blank_non_code};
use super::*;

/// One violation, and it says so.
#[track_caller]
fn fails(violations: &[String], with: &str) {
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].contains(with), "{violations:?}");
}

#[track_caller]
fn passes(violations: &[String]) {
    assert!(violations.is_empty(), "{violations:?}");
}

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text)
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "a /* b */ \"c\\\"d\" r#\"e\"f\"# 'g' '\\'' 'h: i // j\nk 'é' \"é\"";
    let code = blank_non_code(text);
    assert_eq!(code.split_whitespace().collect::<String>(), "a'h:ik");
    assert_eq!(code.len(), text.len());
    assert_eq!(code.find('k'), text.find("k "));
}

#[test]
fn a_use_upwards_or_sideways_is_found() {
    let model = |text: &str| upward_uses(&source("src/model/task.rs", text));
    fails(&model("use crate::placement::Placer;"), "src/model/task.rs:1: model uses placement");
    fails(&model("\nfn f(_: &crate::run::Run) {}"), "src/model/task.rs:2: model uses run");
    fails(&model("use crate::{model::Task, des::{Seed, pick}};"), "model uses des");
    passes(&model("// use crate::placement::Placer;\nuse crate::model::query::Subject;"));
    passes(&upward_uses(&source("src/run.rs", "use crate::{backend::Backend, des::SimTime};")));
    let sideways = source("src/workload/mod.rs", "use crate::controller::Event;");
    fails(&upward_uses(&sideways), "workload uses controller");
    fails(&upward_uses(&source("src/utilities.rs", "")), "is in no layer");
}

#[test]
fn a_climb_to_the_root_is_found() {
    let climb = "use super::super::placement::Placer;";
    fails(&upward_uses(&source("src/model/task.rs", climb)), "climbs out of its layer");
    passes(&upward_uses(&source("src/model/query/ast.rs", climb)));
    fails(&upward_uses(&source("src/model/mod.rs", "use super::run;")), "climbs out");
    fails(&upward_uses(&source("src/run.rs", "use super::cli;")), "climbs out");
    let in_tests = "#[cfg(test)]\nmod tests { use super::*; }";
    passes(&upward_uses(&source("src/run.rs", in_tests)));
}

#[test]
fn long_lines_are_found() {
    fails(&long_lines("a.rs", &format!("ok\n{}\n", "x".repeat(101))), "a.rs:2: 101 columns");
    passes(&long_lines("a.rs", &"é".repeat(100)));
}

#[test]
fn long_functions_are_found_and_tests_are_not() {
    let long =
        |lines: usize| format!("fn long() -> [u8; 2] {{\n{}}}\n", "    x();\n".repeat(lines));
    fails(&long_functions(&source("src/run.rs", &long(69))), "fn long has 71 lines");
    passes(&long_functions(&source("src/run.rs", &long(68))));
    passes(&long_functions(&source("src/model/query/tests.rs", &long(100))));
    let inline = format!("#[cfg(test)]\nmod tests {{\n{}}}\n{}", long(100), long(99));
    fails(&long_functions(&source("src/run.rs", &inline)), "src/run.rs:106: fn long");
}

#[test]
fn long_files_and_files_without_purpose_are_found() {
    fails(&long_file(&source("src/run.rs", &"\n".repeat(601))), "601 lines");
    passes(&long_file(&source("src/run.rs", &"\n".repeat(600))));
    fails(&missing_purpose(&source("src/run.rs", "use std::fmt;\n")), "no purpose");
    fails(&missing_purpose(&source("src/run.rs", "")), "no purpose");
    passes(&missing_purpose(&source("src/run.rs", "//! The loop.\n")));
}

#[test]
fn every_banned_word_is_found() {
    for ban in &BANS {
        for word in ban.words {
            let text =
                format!("fn f() {{ x{}{word} }}", if word.starts_with('.') { "" } else { ";" });
            fails(&banned_words(&source("src/model/task.rs", &text)), "is banned");
            passes(&banned_words(&source("src/model/task.rs", &format!("// {word}\n\"{word}\""))));
        }
    }
}

#[test]
fn bans_end_where_they_say() {
    passes(&banned_words(&source("src/cli/run.rs", "println!()")));
    fails(&banned_words(&source("src/run.rs", "println!()")), "only src/cli prints");
    passes(&banned_words(&source("src/cli/wall.rs", "Instant::now()")));
    fails(&banned_words(&source("src/cli/run.rs", "Instant::now()")), "src/cli/wall.rs or");
    let in_tests = "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }";
    passes(&banned_words(&source("src/run.rs", in_tests)));
    let after_tests = format!("{in_tests}\nfn g() {{ y.unwrap() }}");
    fails(&banned_words(&source("src/run.rs", &after_tests)), "src/run.rs:3");
    passes(&banned_words(&source("src/run.rs", "let unsafely = hash_map_like(HashMapping);")));
}

#[test]
fn notes_for_later_are_found() {
    let note = concat!("// TO", "DO: later");
    fails(&notes_to_self(&source("src/run.rs", note)), "open an issue");
    passes(&notes_to_self(&source("src/run.rs", "// to do: nothing")));
}

#[test]
fn files_missing_from_a_table_are_found() {
    let table =
        source("src/queueing/mod.rs", "mod waiting;\npolicies! {\n    ecs,\n    fifo,\n}\n");
    let entry = "pub(super) const ENTRY: QueueEntry = QueueEntry {};";
    let check = |others: &[(&str, &str)]| {
        let others = others.iter().map(|(path, text)| source(path, text));
        let files: Vec<Source> = others.chain([table.clone()]).collect();
        missing_from_table("src/queueing", "policies! {", &files)
    };
    passes(&check(&[("src/queueing/ecs.rs", entry), ("src/queueing/fifo.rs", entry)]));
    passes(&check(&[("src/queueing/waiting.rs", "pub struct Waiting;")]));
    fails(&check(&[("src/queueing/reject.rs", entry)]), "reject.rs: not in the table");
    fails(&check(&[("src/queueing/waiting.rs", entry)]), "waiting.rs: not in the table");
    fails(&check(&[("src/queueing/forgotten.rs", "struct Forgotten;")]), "forgotten.rs");
    fails(&missing_from_table("src/queueing", "other! {", &[table]), "no table");
}

#[test]
fn paths_of_one_machine_are_found() {
    let path = |folder: &str| format!("see \"/{folder}/trace.csv\"");
    for folder in ["work", "root", "tmp", "home", "Users"] {
        fails(&machine_paths("README.md", &path(folder)), "README.md:1: a path of one machine");
    }
    passes(&machine_paths("README.md", "data/work/x https://example.org/home/x ../tmp/x"));
}

#[test]
fn another_table_of_layers_is_another() {
    let rows = "| Layer | Knows |\n|---|---|\n| `des`, `model` | `x` |\n| `run` | all |\n";
    let text = format!("y\n<!-- layers: bottom first -->\n\n{rows}\n| `other` |\n");
    assert_eq!(documented_layers(&text), [vec!["des", "model"], vec!["run"]]);
    assert_eq!(documented_layers("no table"), Vec::<Vec<String>>::new());
}
