//! Trace files: compressed and cut off, of the wrong shape, with wrong values.

use std::io::Write;

use super::{Attempt, SCENARIO, TRACED, none};

const HEADER: &str = "submit_s,run_s,cpu,memory_mib\n";

/// A try on a trace is refused.
fn refused(trace: impl AsRef<[u8]>, says: &[&str]) -> Option<String> {
    Attempt::new(TRACED).file("t.csv", trace).run_refused(says)
}

/// Number of tasks a run of a trace submits.
fn submitted(trace: &[u8]) -> u64 {
    let attempt = Attempt::new(TRACED).file("t.csv", trace);
    let output = attempt.succeed(&["run", "s.toml", "-q", "--format", "json"]);
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    summary["tasks"]["submitted"].as_u64().unwrap()
}

fn rows(count: u32) -> String {
    let row = |row| format!("{row},10,{},1024", 512 + row % 7);
    (0..count).map(row).chain([String::new()]).collect::<Vec<_>>().join("\n")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn zstandard(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

fn xz(text: &str) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn compressed_files_of_two_members_are_read_to_the_end() {
    let (first, second) = (format!("{HEADER}{}", rows(100)), "200,1,1,1\n");
    for pack in [gzip, zstandard, xz] {
        assert_eq!(submitted(&pack(&first)), 100);
        assert_eq!(submitted(&[pack(&first), pack(second)].concat()), 101);
    }
}

#[test]
fn damaged_compressed_files() {
    let text = format!("{HEADER}{}", rows(20_000));
    none([gzip, zstandard, xz].iter().flat_map(|pack| {
        let whole = pack(&text);
        let half = &whole[..whole.len() / 2];
        let last = &whole[..whole.len() - 1];
        let behind = [&whole[..], b"and something else behind the end"].concat();
        [
            refused(half, &["t.csv, line", "truncated"]),
            refused(last, &["t.csv, line", "truncated"]),
            refused(&behind, &["t.csv, line"]),
            refused(&whole[..6], &["t.csv"]),
            refused(pack(""), &["empty"]),
            refused(pack(HEADER), &["no tasks"]),
        ]
    }));
    let mut bits = gzip(&text);
    let check_sum = bits.len() - 6;
    bits[check_sum] ^= 0xff;
    none([
        refused(&bits, &["checksum"]),
        refused(b"PK\x03\x04 and so on", &["zip", "unzip"]),
        refused(b"BZh91AY&SY and so on", &["bzip2", "bunzip2"]),
    ]);
}

#[test]
fn headers_of_the_wrong_shape() {
    let row = "0,1,1,1\n";
    let with = |header: &str| format!("{header}\n{row}");
    none([
        refused("", &["t.csv", "empty"]),
        refused(HEADER, &["t.csv", "no tasks"]),
        refused(row, &["line 1", "no header"]),
        refused(with("submit_s;run_s;cpu;memory_mib"), &["line 1", "semicolons", "commas"]),
        refused(with("submit_s\trun_s\tcpu\tmemory_mib"), &["line 1", "tabs", "commas"]),
        refused(with("submit_s, run_s, cpu, memory_mib"), &["line 1", "spaces"]),
        refused(with("submit_s,run_s,cpu,memory_mb"), &["line 1", "'memory_mib'?"]),
        refused(with("submit_s,run_s,cpu,cpu"), &["line 1", "'cpu'", "twice"]),
        refused("submit_s,run_s,cpu\n0,1,1\n", &["line 1", "memory_mib"]),
        refused("submit_s,run_s,end_s,cpu,memory_mib\n0,1,1,1,1\n", &["'run_s' and 'end_s'"]),
    ]);
}

#[test]
fn rows_of_the_wrong_shape() {
    let with = |row: &str| format!("{HEADER}0,1,1,1\n{row}\n");
    let long = "1".repeat(10_000_000);
    let open = format!("{HEADER}0,1,\"1,1\n{}", rows(100_000));
    none([
        refused(with("1,1,1"), &["line 3", "3 fields where the header has 4"]),
        refused(with("1,1,1,1,1"), &["line 3", "5 fields where the header has 4"]),
        refused(with("1,1,\"1,1"), &["unclosed quote opened at line 3"]),
        refused(&open, &["unclosed quote opened at line 2"]),
        refused(with("1,1,\"1\"2,1"), &["line 3", "quote"]),
        refused(with(&format!("1,1,1,{long}")), &["line 3", "longer than"]),
        refused(with("0,1,1,1\0"), &["line 3", "'memory_mib'"]),
        refused([with("").as_bytes(), b"0,1,1,\xff\n"].concat(), &["0xff", "UTF-8"]),
        refused(b"\xff\xfes\0u\0b\0m\0i\0t\0", &["UTF-16", "iconv"]),
        refused(with("0,1,1,x"), &["line 3", "'memory_mib'", "\"x\""]),
    ]);
    let twice = "submit_s,run_s,cpu,memory_mib,name\n0,1,1,1,a\n1,1,1,1,b\n2,1,1,1,a\n";
    let before = "submit_s,end_s,cpu,memory_mib\n10,5,1,1\n";
    none([
        refused(twice, &["line 4", "\"a\"", "line 2", "unique_names"]),
        refused(before, &["line 2", "'end_s'", "before"]),
        refused(format!("{HEADER}5,1,1,1\n3,1,1,1\n"), &["line 3", "before 5", "sort"]),
        refused(format!("{HEADER}{}3,1,1,1\n", rows(20_000)), &["line 20002", "sort"]),
    ]);
}

#[test]
fn ends_of_lines_and_marks_of_byte_order_are_taken() {
    let text = format!("{HEADER}0,1,1,1\n1,1,1,1\n");
    for text in [text.replace('\n', "\r\n"), format!("\u{feff}{text}"), text.trim().to_owned()] {
        assert_eq!(submitted(text.as_bytes()), 2);
    }
}

#[test]
fn values_that_are_no_numbers() {
    let values = ["nan", "inf", "-1", "-0", "1e3", "1e400", "0x10", "+1", " 1", "１", "1_0"];
    let over = ["99999999999999999999", "18446744073709551616", "9999999999999"];
    let columns = ["submit_s", "run_s", "cpu", "memory_mib"];
    none(columns.iter().enumerate().flat_map(|(index, column)| {
        values.iter().chain(&over).map(move |value| {
            let mut row = ["0", "10", "512", "1024"];
            row[index] = value;
            let trace = format!("{HEADER}{}\n", row.join(","));
            refused(trace, &["t.csv, line 2", &format!("'{column}'"), value])
        })
    }));
}

#[test]
fn optional_columns() {
    let table = [
        ("count", "0", "at least 1"),
        ("count", "1.5", "whole number"),
        ("count", "4294967296", "too large"),
        ("gang", "yes", "true nor false"),
        ("gpus", "33", "at most 32"),
        ("gpu_milli", "500", "ask for 1 GPU"),
        ("ports", "0", "1 to 65535"),
        ("ports", "80|80", "twice"),
        ("network_mode", "vpc", "awsvpc"),
        ("architecture", "arm", "ARM64"),
        ("constraint", "foo ==", "column 1"),
        ("exit", "x", "exit code"),
    ];
    none(table.map(|(column, value, remedy)| {
        let trace = format!("submit_s,run_s,cpu,memory_mib,{column}\n0,1,1,1,{value}\n");
        refused(trace, &["t.csv, line 2", &format!("'{column}'"), remedy])
    }));
}

#[test]
fn keys_of_trace_workloads() {
    let trace = format!("{HEADER}0,1,1,1\n");
    let table: [(&str, &str, &[&str]); 7] = [
        ("\"t.csv\"", "\"no.csv\"", &["no.csv", "check the path"]),
        ("\"t.csv\"", "\".\"", &["is a directory"]),
        ("\"t.csv\"", "3", &["line 8", "workload.w.file"]),
        ("file = \"t.csv\"", "", &["workload.w", "`file`"]),
        ("file", "fil", &["line 8", "`file`?"]),
        ("\"t.csv\"", "\"t.csv\"\nlimit = 0", &["line 9", "workload.w.limit"]),
        ("\"t.csv\"", "\"t.csv\"\nduration = \"1m\"", &["line 9", "workload.w.duration"]),
    ];
    none(table.map(|(old, new, says)| {
        let attempt = Attempt::new(TRACED.replacen(old, new, 1)).file("t.csv", &trace);
        attempt.run_refused(says)
    }));
}

// --- openb ---------------------------------------------------------------------------------------

const NODES: &str =
    "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,64000,262144,2,T4\n";
const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,\
                    creation_time,deletion_time,scheduled_time\n\
                    p0,12000,16384,1,1000,,LS,Running,0,12537496,0\n\
                    p1,6000,12288,1,460,,LS,Running,427061,12902960,427061\n";
const ORDER: &str = "kind,rank,name\nnode,0,n0\nnode,1,n1\npod,0,p1\npod,1,p0\n";

fn openb(keys: &str, nodes: &str, pods: &str, order: &str) -> Attempt {
    let scenario = format!(
        "name = \"t\"\n[workload.w]\nformat = \"openb\"\n\
         nodes = \"n.csv\"\npods = \"p.csv\"\n{keys}"
    );
    Attempt::new(scenario).file("n.csv", nodes).file("p.csv", pods).file("o.csv", order)
}

#[test]
fn openb_files_with_mistakes() {
    let key = "order = \"o.csv\"\n";
    openb(key, NODES, PODS, ORDER).succeed(&["run", "s.toml", "-q"]);
    let node = |old: &str, new: &str| openb("", &NODES.replacen(old, new, 1), PODS, ORDER);
    let pod = |old: &str, new: &str| openb("", NODES, &PODS.replacen(old, new, 1), ORDER);
    let order = |old: &str, new: &str| openb(key, NODES, PODS, &ORDER.replacen(old, new, 1));
    let timed = "arrivals = \"timed\"\n";
    let early = PODS.replacen("427061,12902960", "427061,5", 1);
    let table: [(Attempt, &[&str]); 15] = [
        (node("n1", "n0"), &["n.csv, line 3", "'sn'", "line 2"]),
        (node(",2,P100", ",-1,P100"), &["n.csv, line 2", "'gpu'"]),
        (node(NODES, ""), &["n.csv", "empty"]),
        (pod("p1", "p0"), &["p.csv, line 3", "'name'", "line 2"]),
        (pod(",1,460", ",1,1500"), &["p.csv, line 3", "'gpu_milli'"]),
        (pod("12000", "nan"), &["p.csv, line 2", "'cpu_milli'"]),
        (openb(timed, NODES, &early, ORDER), &["p.csv, line 3", "'deletion_time'", "before"]),
        (openb("", PODS, NODES, ORDER), &["n.csv, line 1", "unknown column"]),
        (order("pod,1,p0", "pod,1,p9"), &["o.csv, line 5", "list of pods"]),
        (order("pod,1", "pod,5"), &["o.csv, line 5", "missing"]),
        (order("pod,1", "pod,0"), &["o.csv, line 5", "line 4"]),
        (order("node,1,n1\n", ""), &["o.csv", "\"n1\" has no rank"]),
        (order("pod,1", "pd,1"), &["o.csv, line 5", "node or pod"]),
        (openb("inflate_to = nan\n", NODES, PODS, ORDER), &["line 6", "w.inflate_to"]),
        (openb("arrivals = \"timd\"\n", NODES, PODS, ORDER), &["line 6", "`timed`?"]),
    ];
    none(table.map(|(attempt, says)| attempt.run_refused(says)));
}

/// Published orders leave pods out; who uses another list by mistake must be told.
#[test]
fn openb_pods_that_an_order_leaves_out_are_counted() {
    let order = ORDER.replacen("pod,1,p0\n", "", 1);
    let attempt = openb("order = \"o.csv\"\n", NODES, PODS, &order);
    let output = attempt.succeed(&["run", "s.toml", "--no-progress"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning") && said.contains("1 of 2 pods"), "{said}");
}

#[test]
fn a_trace_replaced_by_none_is_no_workload() {
    let empty = SCENARIO.replace("[workload.w]", "[workload.w]\nformat = \"csv\"");
    none([Attempt::new(empty).run_refused(&["workload.w"])]);
}
