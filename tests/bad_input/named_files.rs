//! Files that a scenario names: task definitions, catalogues of instance types.

use super::{Attempt, none};

#[test]
fn task_definitions_that_are_none() {
    let scenario = super::edited("cpu = 512, memory = 1024", "task_definition = \"d.json\"");
    let container = |rest: &str| {
        format!(r#"{{"family": "f", "containerDefinitions": [{{"name": "a", {rest}}}]}}"#)
    };
    let right = container(r#""cpu": 256, "memory": 512"#);
    let marked = format!("\u{feff}{right}");
    for text in [&right, &marked] {
        Attempt::new(&scenario).file("d.json", text).succeed(&["run", "s.toml", "-q"]);
    }
    let port =
        container(r#""memory": 9, "portMappings": [{"containerPort": 1, "hostPort": 80000}]"#);
    let table: [(String, &[&str]); 11] = [
        (String::new(), &["d.json", "JSON"]),
        ("{}".to_owned(), &["family"]),
        (right[..40].to_owned(), &["line 1", "JSON"]),
        ("[".repeat(100_000), &["recursion"]),
        (r#"{"family": "f"}"#.to_owned(), &["containerDefinitions"]),
        (container(r#""cpu": -1, "memory": 1"#), &["containerDefinitions[0].cpu", "negative"]),
        (container(r#""cpu": NaN, "memory": 1"#), &["line 1"]),
        (container(r#""cpu": 1"#), &["containerDefinitions[0]", "no memory"]),
        (container(r#""memory": 8, "memoryReservation": 9"#), &["memoryReservation"]),
        (port, &["portMappings[0].hostPort"]),
        (container(r#""memory": 9, "memory": 512"#), &["memory", "twice"]),
    ];
    none(table.map(|(text, says)| Attempt::new(&scenario).file("d.json", text).run_refused(says)));
}

#[test]
fn instance_types_that_are_none() {
    let scenario = super::edited("vcpus = 4\nmemory_mib = 16384", "instance_type = \"x.large\"");
    let scenario = format!("instance_types = \"i.csv\"\n{scenario}");
    let header = "instance_type,architecture,vcpus,memory_mib,enis,usd_per_hour\n";
    let row = "x.large,X86_64,2,4096,3,0.1\n";
    let right = format!("{header}{row}");
    Attempt::new(&scenario).file("i.csv", &right).succeed(&["run", "s.toml", "-q"]);
    let changed = |old: &str, new: &str| right.replacen(old, new, 1);
    let table: [(String, &[&str]); 10] = [
        (String::new(), &["i.csv", "empty"]),
        (header.to_owned(), &["empty"]),
        (format!("{right}{row}"), &["i.csv:3", "line 2"]),
        (right.replace(',', ";"), &["commas"]),
        (changed("2,4096", "-2,4096"), &["i.csv:2", "`vcpus`", "\"-2\""]),
        (changed("4096", "nan"), &["i.csv:2", "`memory_mib`", "\"nan\""]),
        (changed("0.1", "1e3"), &["i.csv:2", "`usd_per_hour`"]),
        (changed("X86_64", "x86"), &["i.csv:2", "X86_64 or ARM64"]),
        (changed(",0.1", ""), &["i.csv:2", "5 fields"]),
        (changed("x.large", "y.large"), &["capacity.a.instance_type", "`y.large`?"]),
    ];
    none(table.map(|(text, says)| Attempt::new(&scenario).file("i.csv", text).run_refused(says)));
    let latin = [right.as_bytes(), b"# \xe9\n"].concat();
    none([Attempt::new(&scenario).file("i.csv", latin).run_refused(&["i.csv", "save", "UTF-8"])]);
}

#[test]
fn rates_that_are_none() {
    let service = "[service.s]\ndesired_count = 1\ntask = { cpu = 1024, memory = 1 }\n\
                   requests = { cpu = \"1ms\", rates_file = \"r.csv\" }\n[compare]";
    let scenario = super::edited("[compare]", service).replacen("\"drained\"", "\"1h\"", 1);
    let right = "at_s,per_second\n0,1\n";
    Attempt::new(&scenario).file("r.csv", right).succeed(&["run", "s.toml", "-q"]);
    let table: [(&[u8], &[&str]); 3] = [
        (
            b"\x1f\x8b\x08\x00\xff\xfe",
            &["requests.rates_file", "r.csv", "UTF-8", "`at_s,per_second`"],
        ),
        (b"at_s,per_second\n0,\xe9\n", &["r.csv", "line 2", "UTF-8"]),
        (b"at_s,per_second\n0,x\n", &["r.csv, line 2", "two numbers"]),
    ];
    none(table.map(|(text, says)| Attempt::new(&scenario).file("r.csv", text).run_refused(says)));
}
