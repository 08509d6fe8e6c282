//! Reading traces: typed rows per second against `csv` with `serde`, over the same bytes in memory;
//! then whole events of the format `csv` from files: plain, compressed, with and without a thread
//! that reads ahead, and from a trace cache.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use towtank::des::{Purpose, Seed};
use towtank::model::{CapacityId, Cpu};
use towtank::workload::Ids;
use towtank::workload::format::reader::Rows;
use towtank::workload::format::{FORMATS, Opening, Reading};
use towtank::workload::trace::TraceCache;

const ROWS: u64 = 400_000;

/// Purpose of the draws of values.
const VALUE: Purpose = Purpose(1);

const COLUMNS: [&str; 8] =
    ["submit_s", "run_s", "cpu", "memory_mib", "name", "family", "count", "exit"];

/// Eight columns, some 70 bytes a row.
fn table() -> Vec<u8> {
    let mut text = format!("{}\n", COLUMNS.join(","));
    for row in 0..ROWS {
        let draw = |index: u64, below: u64| {
            (Seed(1).uniform(VALUE, row, index as u32) * below as f64) as u64
        };
        let (micros, run) = (draw(0, 1_000_000), draw(1, 50_000_000));
        let (cpu, memory) = (256 << draw(2, 4), 512 * (1 + draw(3, 16)));
        let (family, count, exit) = (draw(4, 50), 1 + draw(5, 3), 137 * (draw(6, 20) / 19));
        let (second, run_s, run_ms) = (row / 10, run / 1000, run % 1000);
        let micros = row % 10 * 100_000 + micros / 10;
        let _ = writeln!(
            text,
            "{second}.{micros:06},{run_s}.{run_ms:03},{cpu},{memory},\
             task-{row:010},family-{family:04}-abcdefgh,{count},{exit}"
        );
    }
    text.into_bytes()
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is compared is reading the values")]
struct Owned {
    submit_s: f64,
    run_s: f64,
    cpu: u32,
    memory_mib: u32,
    name: String,
    family: String,
    count: u32,
    exit: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is compared is reading the values")]
struct Borrowed<'a> {
    submit_s: f64,
    run_s: f64,
    cpu: u32,
    memory_mib: u32,
    name: &'a str,
    family: &'a str,
    count: u32,
    exit: u32,
}

fn owned(table: &[u8]) -> u64 {
    let mut rows = 0;
    for row in csv::Reader::from_reader(table).deserialize() {
        let row: Owned = row.expect("the table is sound");
        black_box(row);
        rows += 1;
    }
    rows
}

fn borrowed(table: &[u8]) -> u64 {
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.byte_headers().expect("there is a header").clone();
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).expect("the table is sound") {
        let row: Borrowed<'_> = record.deserialize(Some(&header)).expect("the table is sound");
        black_box(row);
        rows += 1;
    }
    rows
}

fn typed(table: Arc<[u8]>) -> u64 {
    let mut rows = Rows::new("table".to_owned(), Box::new(Cursor::new(table)), &COLUMNS, &[])
        .expect("the table is sound");
    let [submit, run, cpu, memory, name, family, count, exit] =
        COLUMNS.map(|name| rows.column(name));
    let mut read = 0;
    let sound = "the table is sound";
    while rows.advance().expect(sound) {
        black_box((
            rows.seconds(submit).expect(sound),
            rows.seconds(run).expect(sound),
            rows.cpu(cpu, Cpu::ECS_UNIT).expect(sound),
            rows.u32(memory).expect(sound),
            rows.bytes(name),
            rows.bytes(family),
            rows.u32(count).expect(sound),
            rows.u32(exit).expect(sound),
        ));
        read += 1;
    }
    read
}

fn typed_rows(criterion: &mut Criterion) {
    let table: Arc<[u8]> = table().into();
    let mut group = group(criterion, "typed rows");
    group.bench_function("towtank", |bencher| bencher.iter(|| typed(Arc::clone(&table))));
    group.bench_function("csv + serde, owned", |bencher| bencher.iter(|| owned(&table)));
    group.bench_function("csv + serde, borrowed", |bencher| bencher.iter(|| borrowed(&table)));
    group.finish();
}

/// Events of a trace in a file.
fn events(directory: &Path, file: &str, keys: &str, how: &Reading) -> u64 {
    let csv = FORMATS.iter().find(|entry| entry.name == "csv").expect("the format is listed");
    let keys = format!("file = \"{file}\"\n{keys}");
    let format = (csv.parse)(keys.parse().expect("the keys are TOML")).expect("the keys are known");
    let at = Opening {
        workload: "w".to_owned(),
        seed: Seed(1),
        capacity: CapacityId(0),
        placer: 0,
        directory: directory.to_owned(),
        from_command_line: BTreeSet::new(),
    };
    let mut trace = format.open_with(&at, how).expect("the trace is sound");
    assert!(trace.warnings.is_empty(), "{:?}", trace.warnings);
    let mut ids = Ids::default();
    let mut read = 0;
    while let Some(event) = trace.events.next_event(&mut ids).expect("the trace is sound") {
        black_box(event);
        read += 1;
    }
    read
}

fn whole_events(criterion: &mut Criterion) {
    let place = tempfile::TempDir::new().expect("a temporary directory can be made");
    let table = table();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&table).expect("memory takes it");
    let zstd = zstd::encode_all(table.as_slice(), 3).expect("memory takes it");
    let write = |name, bytes: &[u8]| std::fs::write(place.path().join(name), bytes);
    write("t.csv", &table).expect("the table can be written");
    write("t.csv.gz", &gzip.finish().expect("memory takes it")).expect("it can be written");
    write("t.csv.zst", &zstd).expect("it can be written");
    let any = "unique_names = false";
    let here = Reading::default();
    let ahead = Reading { ahead: true, cache: None };
    let cache = TraceCache::new(place.path().join("cache"));
    let cached = Reading { ahead: false, cache: Some(Arc::new(cache)) };
    let unnamed: Vec<u8> = without_names(&table);
    write("u.csv", &unnamed).expect("the table can be written");

    let mut group = group(criterion, "events");
    for (name, file, keys, how) in [
        ("plain", "t.csv", any, &here),
        ("plain, unique names", "t.csv", "", &here),
        ("plain, ahead", "t.csv", any, &ahead),
        ("gzip", "t.csv.gz", any, &here),
        ("gzip, ahead", "t.csv.gz", any, &ahead),
        ("zstd", "t.csv.zst", any, &here),
        ("zstd, ahead", "t.csv.zst", any, &ahead),
        ("cached", "t.csv", any, &cached),
        ("no names", "u.csv", any, &here),
        ("no names, cached", "u.csv", any, &cached),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| events(place.path(), file, keys, how));
        });
    }
    group.finish();
}

/// The table without its column of names.
fn without_names(table: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(table).expect("the table is text");
    let mut kept = String::new();
    for line in text.lines() {
        let fields = line.split(',').enumerate().filter(|(column, _)| *column != 4);
        let fields: Vec<&str> = fields.map(|(_, field)| field).collect();
        kept.push_str(&fields.join(","));
        kept.push('\n');
    }
    kept.into_bytes()
}

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(ROWS));
    group
}

criterion_group!(benches, typed_rows, whole_events);
criterion_main!(benches);
