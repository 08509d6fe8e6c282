//! The documentation is true: its commands run, its links lead somewhere, its references name every
//! key, name and column there is.
//!
//! Commands are the lines of `sh` blocks, and those after `$ ` in `console` blocks, of `README.md`,
//! `scenarios/ecs/README.md` and `docs/*.md` that call `towtank` or `cargo run`. They run in a
//! folder with a copy of `scenarios/` and must end with exit code 0, or with N where the line ends
//! in `# exit N`. A block is left out if a line before it says `<!-- needs WHAT -->` (files not in
//! the repository) or `<!-- not run: WHY -->`.

use std::path::{Path, PathBuf};
use std::process::Command;

use towtank::experiment::metric::METRICS;
use towtank::placement::{PlacementSpec, STRATEGIES};
use towtank::queueing::QUEUES;
use towtank::scenario::{Document, Scenario};
use towtank::workload::format::FORMATS;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn markdown_below(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let markdown = |name: &String| Path::new(name).extension().is_some_and(|kind| kind == "md");
    let mut paths: Vec<String> = names.filter(markdown).collect();
    paths.sort();
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    paths.iter().map(|name| format!("{prefix}{name}")).collect()
}

// --- commands ------------------------------------------------------------------------------------

/// A command of the documentation.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    /// Arguments of `towtank`.
    arguments: Vec<String>,
    exit: i32,
}

/// A fenced block with its commands, or why they are not run.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    Run(Vec<Step>),
    Skipped(usize, String),
}

/// The blocks of a page that have commands of towtank's.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut reason: Option<String> = None;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mark = line.trim().strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(mark) = mark {
            let skips = mark.starts_with("needs ") || mark.starts_with("not run: ");
            reason = skips.then(|| mark.to_owned());
            continue;
        }
        let Some(language) = line.trim().strip_prefix("```") else {
            if !line.trim().is_empty() {
                reason = None;
            }
            continue;
        };
        let inside = lines.by_ref().take_while(|(_, line)| !line.trim().starts_with("```"));
        let inside: Vec<(usize, &str)> = inside.collect();
        let steps = match language {
            "sh" | "console" => steps(&inside, language == "console"),
            _ => Vec::new(),
        };
        match reason.take() {
            _ if steps.is_empty() => {}
            Some(why) => blocks.push(Block::Skipped(number + 1, why)),
            None => blocks.push(Block::Run(steps)),
        }
    }
    blocks
}

fn steps(lines: &[(usize, &str)], prompted: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut continued = String::new();
    for &(number, line) in lines {
        let begun = !continued.is_empty();
        let typed = if prompted && !begun { line.trim().strip_prefix("$ ") } else { Some(line) };
        let Some(typed) = typed else { continue };
        continued += typed.trim().trim_end_matches('\\');
        if typed.trim_end().ends_with('\\') {
            continued += " ";
            continue;
        }
        let (command, comment) = continued.split_once(" #").unwrap_or((&continued, ""));
        let exit = comment.trim().strip_prefix("exit ").and_then(|code| code.parse().ok());
        let arguments = of_towtank(&shell_words(command));
        steps.extend(arguments.map(|arguments| Step {
            line: number + 1,
            arguments,
            exit: exit.unwrap_or(0),
        }));
        continued.clear();
    }
    steps
}

/// What follows `towtank`, or `cargo run … --`; none for any other command.
fn of_towtank(words: &[String]) -> Option<Vec<String>> {
    let from = match (words.first()?.as_str(), words.get(1).map(String::as_str)) {
        ("towtank" | "./target/release/towtank" | "target/release/towtank", _) => 1,
        ("cargo", Some("run")) => 1 + words.iter().position(|word| word == "--")?,
        _ => return None,
    };
    Some(words[from..].to_vec())
}

/// Words of a command line; quotes keep blanks, and nothing else of a shell is known.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.trim().chars() {
        let word = words.last_mut().expect("there is a word from the start");
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            (' ', None) if word.is_empty() => {}
            (' ', None) => words.push(String::new()),
            _ => word.push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs one command; what went wrong, if anything did.
fn run(page: &str, step: &Step, folder: &Path) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    let output = command.args(&step.arguments).current_dir(folder).output().unwrap();
    if output.status.code() == Some(step.exit) {
        return None;
    }
    let (status, errors) = (output.status, String::from_utf8_lossy(&output.stderr));
    let typed = step.arguments.join(" ");
    Some(format!("{page}:{}: `towtank {typed}` ended with {status}:\n{errors}", step.line))
}

#[test]
fn every_command_in_the_documentation_runs() {
    let mut pages = vec!["README.md".to_owned(), "scenarios/ecs/README.md".to_owned()];
    pages.extend(markdown_below("docs"));
    let (mut count, mut failures) = (0, Vec::new());
    for page in &pages {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&repository().join("scenarios"), &folder.path().join("scenarios"));
        for block in blocks(&read(page)) {
            match block {
                Block::Skipped(line, why) => eprintln!("SKIPPED {page}:{line}: {why}"),
                Block::Run(steps) => {
                    count += steps.len();
                    failures.extend(steps.iter().filter_map(|step| run(page, step, folder.path())));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 0, "the README has at least one command that is run");
    eprintln!("{count} commands of {} pages ran", pages.len());
}

#[test]
fn blocks_are_read_as_they_are_meant() {
    let page = "\
        ```sh\ncargo run --release -- run 'a b.toml' \\\n    --seed 1   # exit 2\ncargo test\n```\n\
        <!-- needs data/openb -->\n```console\n$ towtank list queues\necs\n```\n\
        text\n```console\n$ towtank check x\ntowtank is not typed here\n```\n\
        ```toml\ntowtank run\n```\n";
    let step = |line, words: &[&str], exit| Step {
        line,
        arguments: words.iter().map(|&word| word.to_owned()).collect(),
        exit,
    };
    let expected = [
        Block::Run(vec![step(3, &["run", "a b.toml", "--seed", "1"], 2)]),
        Block::Skipped(7, "needs data/openb".to_owned()),
        Block::Run(vec![step(13, &["check", "x"], 0)]),
    ];
    assert_eq!(blocks(page), expected);
}

// --- links ---------------------------------------------------------------------------------------

/// Targets of the links and images of a page that lead into the repository, without anchors.
fn internal_links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    let files = inside.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty()).collect()
}

#[test]
fn every_link_into_the_repository_leads_somewhere() {
    let folders = ["", "docs", "results", "scenarios", "notebooks"];
    let pages: Vec<String> = folders.into_iter().flat_map(markdown_below).collect();
    assert!(pages.len() > 5, "{pages:?}");
    let mut broken = Vec::new();
    for page in &pages {
        let folder: PathBuf = repository().join(page).parent().unwrap().to_owned();
        let text = read(page);
        let lost = internal_links(&text).into_iter().filter(|link| !folder.join(link).exists());
        broken.extend(lost.map(|link| format!("{page}: {link}")));
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    assert_eq!(internal_links("[a](b.md#c) [d](https://e.f) [g](#h)"), ["b.md"]);
}

// --- references ----------------------------------------------------------------------------------

/// Fields of a struct in Rust source text.
fn fields(text: &str, structure: &str) -> Vec<String> {
    let named = |rest: &str| {
        let after = rest.chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    let start = text.split(&format!("struct {structure}")).skip(1).find(|rest| named(rest));
    let rest = start.unwrap_or_else(|| panic!("no struct {structure}"));
    let body = rest.split_once("{\n").map_or("", |(_, body)| body);
    let body = body.split("\n}").next().unwrap_or_default();
    let code = body.lines().map(str::trim).filter(|line| !line.starts_with(['/', '#']));
    let named = code.filter_map(|line| line.split_once(':').map(|(name, _)| name));
    let bare = named.map(|name| name.trim_start_matches("pub(super) ").trim_start_matches("pub "));
    let bare = bare.map(|name| name.trim_start_matches("r#"));
    bare.map(str::to_owned).collect()
}

/// Names of the structs in Rust source text that are a table of a scenario: those with fields.
fn tables(text: &str) -> Vec<String> {
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub struct "));
    let with_fields = declared.filter_map(|line| line.strip_suffix(" {"));
    with_fields.map(str::to_owned).collect()
}

/// Words that a page does not have between backquotes.
fn missing(page: &str, words: impl IntoIterator<Item = String>) -> Vec<String> {
    let text = read(page);
    let spans: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let is_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let parts = || spans.iter().flat_map(|span| span.split(|c| !is_word(c)));
    let has =
        |word: &String| parts().any(|part| part == word || part.rsplit('.').next() == Some(word));
    words.into_iter().filter(|word| !has(word)).collect()
}

/// The text of fenced blocks of a language.
fn fenced<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = text.split(fence.as_str()).skip(1);
    blocks.filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_scenario_in_the_readme_is_right() {
    let text = read("README.md");
    let scenarios: Vec<&str> = fenced(&text, "toml");
    assert!(!scenarios.is_empty(), "the README explains a scenario");
    for scenario in scenarios {
        let document = Document::parse("README.md", scenario).unwrap();
        let scenario = Scenario::of(document, &[]).unwrap_or_else(|why| panic!("{why}"));
        scenario.prepare(1).unwrap();
    }
}

#[test]
fn the_placements_on_the_scenario_page_can_be_written() {
    let text = read("docs/scenario.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("Strategies (`towtank list"));
    let rows = rows.skip(4).take_while(|line| line.starts_with('|'));
    let names: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(names.len() >= STRATEGIES.len(), "{names:?}");
    for name in names {
        let name = name.strip_suffix(":D").unwrap_or(name);
        assert!(PlacementSpec::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn the_scenario_page_names_every_key() {
    let spec = read("src/scenario/spec.rs");
    let mut keys: Vec<String> = Vec::new();
    for table in tables(&spec) {
        keys.extend(fields(&spec, &table));
    }
    assert!(keys.len() > 40, "{keys:?}");
    for (file, structure) in [
        ("src/workload/synthetic/spec.rs", "SyntheticSpec"),
        ("src/workload/synthetic/sizes.rs", "KindSpec"),
        ("src/scenario/life_cycle.rs", "LifeCycleTable"),
        ("src/scenario/controller.rs", "ControllerTable"),
        ("src/scenario/service.rs", "ServiceTable"),
        ("src/scenario/service.rs", "ServiceChange"),
        ("src/scenario/service.rs", "DeploymentTable"),
        ("src/scenario/service.rs", "CircuitBreakerTable"),
        ("src/scenario/requests.rs", "RequestsTable"),
        ("src/workload/synthetic/container_spec.rs", "ContainerSpec"),
        ("src/workload/synthetic/conduct_spec.rs", "ImageSpec"),
        ("src/workload/synthetic/conduct_spec.rs", "HealthCheckSpec"),
        ("src/workload/synthetic/use_spec.rs", "UseSpec"),
        ("src/workload/synthetic/use_spec.rs", "StepSpec"),
        ("src/workload/format/openb/config.rs", "Config"),
        ("src/workload/format/csv.rs", "CsvTrace"),
        ("src/workload/format/alibaba_dlrm.rs", "DlrmTrace"),
        ("src/workload/law_spec/shape.rs", "Bounds"),
        ("src/workload/law_spec/shape.rs", "Normal"),
        ("src/workload/law_spec/shape.rs", "Lognormal"),
        ("src/workload/law_spec/shape.rs", "ScaleShape"),
        ("src/workload/law_spec/shape.rs", "Gamma"),
        ("src/workload/law_spec/shape.rs", "HyperExponential"),
        ("src/workload/law_spec/shape.rs", "Zipf"),
        ("src/workload/law_spec/shape.rs", "Empirical"),
    ] {
        let own = fields(&read(file), structure);
        assert!(!own.is_empty(), "{file}: struct {structure} has no fields");
        keys.extend(own);
    }
    let missing = missing("docs/scenario.md", keys);
    assert!(missing.is_empty(), "docs/scenario.md does not name the keys {missing:?}");
}

#[test]
fn the_scenario_page_names_every_strategy_queue_and_format() {
    let strategies = STRATEGIES.iter().map(|entry| entry.name);
    let queues = QUEUES.iter().map(|entry| entry.name);
    let formats = FORMATS.iter().map(|entry| entry.name);
    let names = strategies.chain(queues).chain(formats).map(str::to_owned);
    let missing = missing("docs/scenario.md", names);
    assert!(missing.is_empty(), "docs/scenario.md does not name {missing:?}");
}

#[test]
fn the_results_page_names_every_figure_and_column() {
    let table = read("src/metrics/task_table.rs");
    let columns = table.split("COLUMNS").nth(1).and_then(|rest| rest.split("];").next());
    let columns = columns.unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned);
    let directory = read("src/report/run_directory.rs");
    let headers = directory.split('"').filter_map(|text| text.strip_suffix("\\n"));
    let headers = headers.filter(|text| text.contains(',') && !text.contains(['{', ' ']));
    let headers = headers.flat_map(|text| text.split(',')).map(str::to_owned);
    let metrics = METRICS.iter().map(|metric| metric.name.to_owned());
    let comparison = read("src/experiment/comparison.rs");
    let of_json = ["MetricEstimate", "UnstableRuns", "Arm", "Pair", "Comparison"];
    let of_json = of_json.iter().flat_map(|structure| fields(&comparison, structure));
    let names: Vec<String> = columns.chain(headers).chain(metrics).chain(of_json).collect();
    assert!(names.len() > 70, "{names:?}");
    let missing = missing("results/README.md", names);
    assert!(missing.is_empty(), "results/README.md does not name {missing:?}");
}

#[test]
fn the_results_page_names_every_figure_of_a_benchmark() {
    let rows = read("src/benchmark/row.rs");
    let files = read("src/report/bench_files.rs");
    let of = |text: &str, structures: &[&str]| -> Vec<String> {
        structures.iter().flat_map(|structure| fields(text, structure)).collect()
    };
    let mut names = of(&rows, &["Quantiles", "Row", "Level", "Latency"]);
    names.extend(of(&files, &["Machine", "Benchmark"]).into_iter().filter(|one| one != "measured"));
    let columns = read("src/report/bench_csv.rs");
    let listed = columns.split("];").filter_map(|part| part.split_once("] = ["));
    names
        .extend(listed.flat_map(|(_, list)| list.split('"').skip(1).step_by(2)).map(str::to_owned));
    assert!(names.len() > 55, "{names:?}");
    let missing = missing("results/README.md", names);
    assert!(missing.is_empty(), "results/README.md does not name {missing:?}");
}

#[test]
fn the_results_page_names_every_figure_of_a_replay() {
    let structures: [(&str, &[&str]); 7] = [
        ("src/report/replay_files.rs", &["Replay"]),
        ("src/replay/verdict.rs", &["MetricVerdict", "ArmVerdict", "Verdict"]),
        ("src/replay/verdict/agreement.rs", &["InvalidRun", "MatchedTasks"]),
        ("src/replay/verdict/gate.rs", &["Gate", "GateFailure", "NotJudged"]),
        ("src/replay/verdict/ranking.rs", &["Ranking", "RankedArm", "RankedPair"]),
        ("src/replay/verdict/task_errors.rs", &["Magnitude", "RunError"]),
        ("src/replay/statistics/confusion.rs", &["ConfusionMatrix"]),
    ];
    let mut names: Vec<String> = Vec::new();
    for (path, structures) in structures {
        let text = read(path);
        names.extend(structures.iter().flat_map(|structure| fields(&text, structure)));
    }
    // One is flattened into the file, the other is for plots alone.
    names.retain(|name| name != "verdict" && name != "samples");
    let columns = towtank::report::replay_csv::REPLAY_COLUMNS.iter();
    let columns = columns.chain(&towtank::report::replay_csv::PAIR_COLUMNS);
    names.extend(columns.map(|name| (*name).to_owned()));
    assert!(names.len() > 80, "{names:?}");
    let missing = missing("results/README.md", names);
    assert!(missing.is_empty(), "results/README.md does not name {missing:?}");
}

#[test]
fn the_benchmark_page_names_every_flag() {
    let flags = flags("bench");
    assert!(flags.len() >= 13, "{flags:?}");
    let page = read("docs/bench.md");
    let missing: Vec<&String> =
        flags.iter().filter(|flag| !page.contains(&format!("`{flag}"))).collect();
    assert!(missing.is_empty(), "docs/bench.md does not name {missing:?}");
}

#[test]
fn the_explanation_page_names_every_field_and_flag() {
    let text = read("src/explain/explanation.rs");
    let mut names: Vec<String> =
        tables(&text).iter().flat_map(|structure| fields(&text, structure)).collect();
    assert!(names.len() > 70, "{names:?}");
    names.extend(flags("explain"));
    let missing = missing("docs/explain.md", names);
    assert!(missing.is_empty(), "docs/explain.md does not name {missing:?}");
}

#[test]
fn the_calibration_page_names_every_key() {
    let mut keys = Vec::new();
    for file in ["file.rs", "engine_model.rs", "validation.rs"] {
        let text = read(&format!("src/calibration/{file}"));
        for table in tables(&text).iter().filter(|table| *table != "CalibrationError") {
            keys.extend(fields(&text, table));
        }
    }
    assert!(keys.len() > 45, "{keys:?}");
    let missing = missing("docs/calibration.md", keys);
    assert!(missing.is_empty(), "docs/calibration.md does not name {missing:?}");
}

#[cfg(feature = "docker")]
#[test]
fn the_pages_of_real_containers_name_every_flag() {
    for (command, path) in [("calibrate", "docs/calibration.md"), ("replay", "docs/replay.md")] {
        let flags = flags(command);
        assert!(flags.len() >= 8, "{flags:?}");
        let page = read(path);
        let missing: Vec<&String> =
            flags.iter().filter(|flag| !page.contains(&format!("`{flag}"))).collect();
        assert!(missing.is_empty(), "{path} does not name {missing:?}");
    }
}

/// The flags that the help of a command shows.
fn flags(command: &str) -> Vec<String> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_towtank"));
    let help = process.args([command, "--help"]).output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
    flags
        .filter(|flag| *flag != "--help")
        .map(|flag| flag.trim_end_matches(',').to_owned())
        .collect()
}

#[test]
fn every_scenario_has_a_line_in_its_readme() {
    let folders = ["scenarios", "scenarios/traces"].map(|folder| repository().join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let scenarios = names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "toml"));
    let missing = missing("scenarios/README.md", scenarios.collect::<Vec<_>>());
    assert!(missing.is_empty(), "scenarios/README.md does not name {missing:?}");
}

#[test]
fn fields_are_read_as_they_are_written() {
    let text = "pub struct Ab {\n    x: u8,\n}\n\n#[x]\npub struct A<V> {\n    /// Doc: text.\n    \
                #[serde(y = \"z\")]\n    pub one: V,\n    pub(super) two: Vec<u8>,\n}\n\
                pub struct B {\n}\n";
    assert_eq!(fields(text, "A"), ["one", "two"]);
    assert_eq!(tables("pub struct A(u8);\npub struct B {\n"), ["B"]);
}
