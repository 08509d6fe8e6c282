//! Calibrations survive their file, and what is none is refused with its key and a remedy.

use super::*;
use crate::calibration::LoadCurve;

pub(crate) fn example() -> Calibration {
    let table = |micros: &[u64]| QuantileTable::new(micros.to_vec()).unwrap();
    let engine = EngineModel {
        width_milli: 1400,
        load: LoadCurve::new(vec![[500, 20], [1000, 120]]).unwrap(),
        start_cpu_micros: 0,
        start_throttled_micros: 0,
        start_bursts_milli: 0,
        start_weight_exponent_milli: 1000,
        start: table(&[180_000, 200_000, 260_000]),
        stop: table(&[60_000]),
        cleanup: table(&[4000, 5000]),
    };
    let text = str::to_owned;
    Calibration {
        format_version: FORMAT_VERSION,
        towtank_version: text("0.1.0"),
        measured_at: Some(text("2026-11-22")),
        memory_floor_kib: 700,
        host: Host {
            cpus: 2,
            memory_bytes: 25_000_000_000,
            kernel: text("6.18"),
            operating_system: text("Debian \"12\""),
            engine_version: text("20.10.24"),
            api_version: text("1.41"),
            storage_driver: text("overlay2"),
            cgroup_driver: text("cgroupfs"),
            cgroup_version: 1,
            endpoint_kind: text("unix"),
        },
        validation: vec![Validation::of(1, &[200_000, 210_000], &[205_000], 2).unwrap()],
        laws: vec![FittedLaw::new(Operation::Start, ShiftedLogNormal::of_table(&engine.start))],
        engine,
        quota: vec![QuotaStep { asked_milli: 100, got_milli: 104 }],
        load: vec![LoadStep { busy_milli: 0, samples: 10, start_median_micros: 200_000 }],
        contended: vec![ContendedStep {
            core_milli: 200,
            neighbours: 3,
            times_heavier: 1,
            samples: 40,
            start_median_micros: 900_000,
        }],
        shares: Some(ShareSplit { budget_milli: 500, shares: [1024, 512], got_milli: [330, 170] }),
        oom: Oom { tried: 3, killed: 3, median_micros: 12_000 },
        measured: vec![MeasuredTable {
            operation: Operation::Start,
            concurrency: 8,
            network: text("none"),
            cold: false,
            samples: 2,
            micros: table(&[1, 2]),
        }],
    }
}

#[test]
fn what_is_written_is_read_again() {
    let calibration = example();
    let text = calibration.to_toml();
    assert_eq!(Calibration::parse("c.toml", &text), Ok(calibration), "{text}");
    let bare = Calibration { measured_at: None, shares: None, ..example() };
    assert_eq!(Calibration::parse("c.toml", &bare.to_toml()), Ok(bare));
}

#[test]
fn hosts_differ_in_what_latencies_depend_on() {
    let host = example().host;
    let reached_otherwise = Host { endpoint_kind: "tcp".to_owned(), ..host.clone() };
    assert!(host.differences(&reached_otherwise).is_empty());
    let other = Host { cpus: 4, kernel: "6.19".to_owned(), ..host.clone() };
    assert_eq!(host.differences(&other), ["cores 2, not 4", "kernel 6.18, not 6.19"]);
}

#[test]
fn what_is_no_calibration_is_refused_with_key_and_remedy() {
    let text = example().to_toml();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        Calibration::parse("c.toml", &text.replacen(from, to, 1)).unwrap_err()
    };
    for (from, to, key, says) in [
        ("format_version = 2", "format_version = 3", "format_version", "newer than 2"),
        ("format_version = 2", "format_version = 1", "format_version", "older than 2"),
        ("format_version = 2", "format_version = \"2\"", "format_version", "no version"),
        ("format_version = 2", "", "format_version", "missing"),
        ("width_milli = 1400", "width_milli = 999", "engine.width_milli", "1000 or more"),
        ("width_milli = 1400", "width_mili = 1400", "engine.width_mili", "unknown field"),
        ("width_milli = 1400", "width_milli = -1", "engine.width_milli", "-1"),
        (
            "start_throttled_micros = 0",
            "start_throttled_micros = 9",
            "engine.start_throttled_micros",
            "a part",
        ),
        ("stop = [60000]", "stop = []", "engine.stop", "at least one"),
        ("start = [180000, ", "start = [980000, ", "engine.start", "ascend"),
        ("stop = [60000]", "stop = [9223372036854775807]", "engine.stop", "longer than a day"),
        ("micros = [1, 2]", "micros = [1, 86400000001]", "measured[0].micros", "longer than a day"),
        ("\nks = ", "\nks = nan # ", "validation[0].ks", "NaN is out of range"),
        ("\nmedian_error = ", "\nmedian_error = inf # ", "validation[0].median_error", "inf"),
        ("\nsigma = ", "\nsigma = -", "laws[0].sigma", "out of range"),
        ("\nmu = ", "\nmu = nan # ", "laws[0].mu", "out of range"),
        ("cpus = 2", "cpus = 0", "host.cpus", "processors"),
        ("[500, 20]", "[500, 20, 7]", "engine.load[0]", "length 3"),
        ("killed = 3", "killed = 4", "oom.killed", "at most oom.tried"),
        (
            "exponent_milli = 1000",
            "exponent_milli = 1001",
            "engine.start_weight_exponent_milli",
            "at most 1000",
        ),
        ("operation = \"start\"", "operation = \"begin\"", "laws[0].operation", "begin"),
        ("samples = 10", "samples = ", "", "not TOML"),
    ] {
        let why = changed(from, to);
        assert_eq!(why.key, key, "{why}");
        assert!(why.problem.contains(says), "{why}");
        let shown = why.to_string();
        assert!(shown.starts_with("c.toml") && shown.contains("towtank calibrate"), "{shown}");
    }
    let line = changed("width_milli = 1400", "width_milli = \"wide\"").line.unwrap();
    let expected = text.lines().position(|line| line.starts_with("width_milli")).unwrap() + 1;
    assert_eq!(line, expected);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let why = Calibration::read(&path).unwrap_err().to_string();
    assert!(why.contains("c.toml: no such file") && why.contains("towtank calibrate"), "{why}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Calibration::read(&path).unwrap_err().problem.contains("UTF-8"));
    std::fs::write(&path, vec![b'#'; 1 + (4 << 20)]).unwrap();
    assert!(Calibration::read(&path).unwrap_err().problem.contains("4 MiB"));
    std::fs::write(&path, example().to_toml()).unwrap();
    assert_eq!(Calibration::read(&path), Ok(example()));
}
