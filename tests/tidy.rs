//! The rules of the house that no compiler checks: layers, sizes, bans, tables. Each is a function
//! from text to violations, so that each can be shown to fail (`tests/tidy/can_fail.rs`).

#[path = "tidy/can_fail.rs"]
mod can_fail;
#[path = "tidy/source.rs"]
mod source;

use std::path::{Path, PathBuf};

use source::{Source, body, functions, line_of, words};

/// The layers, bottom first; modules of one line do not know each other, and none knows a module
/// of a later line. The same table stands in `ARCHITECTURE.md`.
const LAYERS: [&[&str]; 13] = [
    &["des", "model"],
    &["catalogue"],
    &["placement", "queueing"],
    &["controller", "workload"],
    &["calibration"],
    &["backend", "metrics"],
    &["run"],
    &["scenario"],
    &["benchmark", "experiment", "explain"],
    &["replay"],
    &["report"],
    &["cli"],
    &["main"],
];

const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// The files that may read the wall clock: measurements, and real containers.
const CLOCKS: [&str; 2] = ["src/cli/wall.rs", "src/backend/docker/clock.rs"];

/// Words banned in code, tests included where `tests` is set, outside files that begin with one of
/// `except`.
struct Ban {
    words: &'static [&'static str],
    tests: bool,
    except: &'static [&'static str],
    remedy: &'static str,
}

const BANS: [Ban; 5] = [
    Ban {
        words: &["HashMap", "HashSet"],
        tests: true,
        except: &[],
        remedy: "use a Vec by dense id, BTreeMap or BTreeSet: their order is the same every time",
    },
    Ban {
        words: &["Instant::now", "SystemTime"],
        tests: true,
        except: &CLOCKS,
        remedy: "read the wall clock in src/cli/wall.rs or src/backend/docker/clock.rs",
    },
    Ban {
        words: &["println!", "eprintln!", "print!", "eprint!"],
        tests: false,
        except: &["src/cli/"],
        remedy: "only src/cli prints",
    },
    Ban {
        words: &["unsafe", "todo!", "unimplemented!", "dbg!", "#[allow(", "#![allow("],
        tests: true,
        except: &[],
        remedy: "not in this crate; an exception is #[expect(lint, reason = \"...\")]",
    },
    Ban {
        words: &[".unwrap()"],
        tests: false,
        except: &[],
        remedy: "return an error, or expect(\"why it cannot fail\")",
    },
];

/// Folders whose files stand in a table: folder, and the macro call the table is in.
const TABLES: [(&str, &str); 3] = [
    ("src/placement/strategy", "strategies! {"),
    ("src/queueing", "policies! {"),
    ("src/workload/format", "formats! {"),
];

// --- checks: text to violations ------------------------------------------------------------------

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The module of `src` that a path belongs to.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let end = inside.find(['/', '.']).unwrap_or(inside.len());
    &inside[..end]
}

/// Modules named after `crate::`, with their offsets; `crate::{a, b}` names several.
fn named_modules(code: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for at in words(code, "crate::") {
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| -> String {
            text.trim().chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect()
        };
        let Some(list) = rest.strip_prefix('{') else {
            named.push((at, word(rest)));
            continue;
        };
        let mut depth = 0;
        let mut from = 0;
        for (index, byte) in list.bytes().enumerate() {
            let ends = depth == 0 && matches!(byte, b',' | b'}');
            if ends {
                named.push((at, word(&list[from..index])));
                from = index + 1;
            }
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 0 => break,
                b'}' => depth -= 1,
                _ => {}
            }
        }
    }
    named.retain(|(_, name)| !name.is_empty());
    named
}

/// Modules used that are not below the file's own.
fn upward_uses(source: &Source) -> Vec<String> {
    let own = module_of(&source.path);
    if own == "lib" {
        return Vec::new();
    }
    let Some(own_rank) = rank(own) else {
        return vec![format!("{}: module '{own}' is in no layer: add it to LAYERS", source.path)];
    };
    let mut violations = Vec::new();
    for (at, used) in named_modules(&source.code) {
        let is_macro = source.code[at..].trim_start_matches("crate::").starts_with('$');
        let below = rank(&used).is_some_and(|rank| rank < own_rank);
        if used != own && !below && !is_macro {
            let place = source.place(at);
            violations.push(format!("{place}: {own} uses {used}, which is not below it"));
        }
    }
    violations.extend(climbs_to_root(source));
    violations
}

/// `super::super` that would reach the crate's root and so go round the check of `crate::`.
fn climbs_to_root(source: &Source) -> Vec<String> {
    let inside = source.path.strip_prefix("src/").unwrap_or(&source.path);
    let folders = inside.matches('/').count();
    let is_root_of_folder = inside.ends_with("/mod.rs");
    let depth = folders + usize::from(!is_root_of_folder);
    let code = source.code_without_tests();
    let mut violations = Vec::new();
    for at in words(&code, "super::") {
        let rest = &code[at..];
        let climbs = rest.split("::").take_while(|part| *part == "super").count();
        if climbs >= depth && !source.is_test() {
            violations.push(format!("{}: super:: climbs out of its layer", source.place(at)));
        }
    }
    violations
}

fn long_lines(path: &str, text: &str) -> Vec<String> {
    let numbered = text.lines().enumerate();
    let long = numbered.filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
    long.map(|(index, line)| {
        let columns = line.chars().count();
        format!("{path}:{}: {columns} columns, at most {COLUMNS_MAX}", index + 1)
    })
    .collect()
}

fn long_functions(source: &Source) -> Vec<String> {
    if source.is_test() {
        return Vec::new();
    }
    let code = source.code_without_tests();
    let mut violations = Vec::new();
    for (at, name) in functions(&code) {
        let Some((_, end)) = body(&code, at) else {
            continue;
        };
        let lines = 1 + line_of(&code, end) - line_of(&code, at);
        if lines > FUNCTION_LINES_MAX {
            let place = source.place(at);
            violations.push(format!("{place}: fn {name} has {lines} lines, at most 70"));
        }
    }
    violations
}

fn long_file(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let problem = format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path);
    if lines > FILE_LINES_MAX { vec![problem] } else { Vec::new() }
}

fn missing_purpose(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or_default();
    if first.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}:1: no purpose: begin with a //! line", source.path)]
}

fn banned_words(source: &Source) -> Vec<String> {
    let mut violations = Vec::new();
    for ban in &BANS {
        let excepted = ban.except.iter().any(|start| source.path.starts_with(start));
        if excepted || (source.is_test() && !ban.tests) {
            continue;
        }
        let code = if ban.tests { source.code.clone() } else { source.code_without_tests() };
        for word in ban.words {
            for at in words(&code, word) {
                let place = source.place(at);
                violations.push(format!("{place}: {word} is banned: {}", ban.remedy));
            }
        }
    }
    violations
}

fn notes_to_self(source: &Source) -> Vec<String> {
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let found = notes.iter().flat_map(|note| words(&source.text, note).map(move |at| (at, note)));
    found
        .map(|(at, note)| format!("{}: {note}: do it, or open an issue", source.place(at)))
        .collect()
}

/// Files of a folder that are neither in its table nor helpers without an entry of their own.
fn missing_from_table(folder: &str, call: &str, files: &[Source]) -> Vec<String> {
    let inside = |source: &&Source| {
        source.path.strip_prefix(folder).is_some_and(|rest| rest.matches('/').count() == 1)
    };
    let files: Vec<&Source> = files.iter().filter(inside).collect();
    let Some(table) = files.iter().find(|source| source.path.ends_with("/mod.rs")) else {
        return vec![format!("{folder}: no mod.rs")];
    };
    let Some(start) = table.code.find(&format!("\n{call}")) else {
        return vec![format!("{}: no table '{call} ... }}'", table.path)];
    };
    let list = &table.code[start + call.len() + 1..];
    let list = &list[..list.find('}').unwrap_or(list.len())];
    let listed: Vec<&str> = list.split(',').map(str::trim).collect();
    let mut violations = Vec::new();
    for source in files.iter().filter(|source| !source.path.ends_with("/mod.rs")) {
        let stem = Path::new(&source.path).file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or_default();
        let declared = words(&table.code, &format!("mod {stem}")).next().is_some();
        let has_entry = words(&source.code, "ENTRY").next().is_some();
        if !listed.contains(&stem) && (has_entry || !declared) {
            violations.push(format!("{}: not in the table of {}", source.path, table.path));
        }
    }
    violations
}

/// Absolute paths of one machine: what stands there is nowhere else.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let folders = ["work", "root", "tmp", "home", "Users", "private"];
    let roots = folders.map(|folder| format!("/{folder}/"));
    let mut violations = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for root in &roots {
            let absolute = |(at, _): (usize, &str)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !"._-/>}*".contains(c))
            };
            if line.match_indices(root.as_str()).any(absolute) {
                violations.push(format!("{path}:{}: a path of one machine: {root}", index + 1));
            }
        }
    }
    violations
}

/// The layers as `ARCHITECTURE.md` has them: a list below the marker, one line per layer.
fn documented_layers(text: &str) -> Vec<Vec<String>> {
    let after = text.split("<!-- layers: bottom first -->").nth(1).unwrap_or_default();
    let rows = after.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let first_cell = |line: &str| line.split('|').nth(1).unwrap_or_default().to_owned();
    let names = |cell: String| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|line| names(first_cell(line))).collect()
}

// --- the repository ------------------------------------------------------------------------------

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, sorted, without what git ignores.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    const IGNORED: [&str; 6] = ["target", ".git", "data", "results", "__pycache__", ".venv"];
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !IGNORED.contains(&name.as_str()) {
            files.extend(files_below(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap().to_string_lossy().replace('\\', "/")
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let files = folders.iter().flat_map(|folder| files_below(&repository().join(folder)));
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| Source::new(&relative(&path), &std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[track_caller]
fn none(mut violations: Vec<String>) {
    violations.sort();
    violations.dedup();
    let count = violations.len();
    assert!(violations.is_empty(), "{count} violations:\n{}", violations.join("\n"));
}

fn each(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let sources = sources(&["src"]);
    assert!(sources.len() > 50, "src has more files than {}", sources.len());
    sources.iter().flat_map(check).collect()
}

#[test]
fn layers_are_used_downwards_only() {
    none(each(upward_uses));
}

#[test]
fn layers_are_documented_as_they_are() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    assert_eq!(documented_layers(&text), LAYERS, "the table in ARCHITECTURE.md is another one");
}

#[test]
fn every_module_of_the_library_is_in_a_layer() {
    let text = std::fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let names: Vec<&str> = declared.map(|name| name.trim_end_matches(';')).collect();
    assert!(names.len() > 10, "{names:?}");
    let missing: Vec<&&str> = names.iter().filter(|name| rank(name).is_none()).collect();
    assert!(missing.is_empty(), "in no layer: {missing:?}");
}

#[test]
fn lines_are_short() {
    let all = sources(&["src", "tests", "benches"]);
    none(all.iter().flat_map(|source| long_lines(&source.path, &source.text)).collect());
}

#[test]
fn functions_are_short() {
    none(each(long_functions));
}

#[test]
fn files_are_short() {
    none(each(long_file));
}

#[test]
fn every_file_says_its_purpose() {
    none(sources(&["src", "tests", "benches"]).iter().flat_map(missing_purpose).collect());
}

#[test]
fn nothing_banned_is_used() {
    none(each(banned_words));
}

#[test]
fn nothing_is_left_for_later() {
    none(sources(&["src", "tests", "benches"]).iter().flat_map(notes_to_self).collect());
}

#[test]
fn every_strategy_queue_and_format_is_in_its_table() {
    let sources = sources(&["src"]);
    let missing = |&(folder, call): &(&str, &str)| missing_from_table(folder, call, &sources);
    none(TABLES.iter().flat_map(missing).collect());
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let mut violations = Vec::new();
    for path in files_below(repository()) {
        if let Ok(text) = std::fs::read_to_string(&path) {
            violations.extend(machine_paths(&relative(&path), &text));
        }
    }
    none(violations);
}
