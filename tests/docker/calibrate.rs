//! `towtank calibrate` on a real engine.

use std::process::Command;
use std::time::Duration;

use towtank::calibration::Calibration;

use super::replay::{SMOKE, replay, scenario};
use super::{TestRun, alone, towtank};
use crate::bad_input::{Attempt, SCENARIO};

/// The smallest calibration there is, as a file that scenarios read.
#[test]
fn an_engine_is_measured_and_nothing_is_left_there() {
    let _alone = alone();
    let Some(test) = TestRun::start("calib") else { return };
    let attempt = Attempt::new(format!("{SCENARIO}[engine]\ncalibration = \"c.toml\"\n"))
        .patience(Duration::from_mins(8).as_secs());
    let output =
        attempt.succeed(&["calibrate", "--quick", "--probes", "4", "--out", "c.toml", "-q"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("Width") && shown.contains("cleanup"), "{shown}");
    let calibration = Calibration::read(&attempt.path("c.toml")).unwrap();
    let info = test.engine.info();
    assert_eq!((calibration.host.cpus, &calibration.host.kernel), (info.cpus, &info.kernel));
    assert_eq!(calibration.validation.len(), 4);
    let median = |table: &towtank::calibration::QuantileTable| table.sample(0.5).micros();
    let (start, stop) = (median(&calibration.engine.start), median(&calibration.engine.stop));
    assert!((5_000..20_000_000).contains(&start), "{start}");
    // The program obeys SIGTERM: the grace of 10 s is never waited for.
    assert!((500..9_000_000).contains(&stop), "{stop}");
    assert!(calibration.quota.iter().all(|step| step.got_milli < step.asked_milli + 100));
    let runs = test.engine.containers(None).unwrap();
    let left: Vec<_> = runs.iter().filter(|one| one.run().starts_with("calibrate")).collect();
    assert!(left.is_empty(), "{left:?}");
    attempt.succeed(&["run", "s.toml", "--out", "r"]);
    let manifest = std::fs::read_to_string(attempt.path("r/manifest.json")).unwrap();
    assert!(manifest.contains("engine.calibration"), "{manifest}");
    // That of another engine may be used, but not without a word.
    let elsewhere = std::fs::read_to_string(attempt.path("c.toml")).unwrap();
    let elsewhere = elsewhere.replacen(&info.kernel, "other", 1);
    std::fs::write(attempt.path("other.toml"), elsewhere).unwrap();
    let folder = attempt.path("");
    let file = scenario(&folder, SMOKE);
    for (calibration, is_other) in [("c.toml", false), ("other.toml", true)] {
        let flags = [file.as_str(), "--dry-run", "--short-tasks", "--calibration", calibration];
        let (_, plan, errors) = replay(&folder, &flags);
        assert_eq!(plan.contains("as calibrated on another engine"), is_other, "{plan}");
        assert_eq!(errors.contains("kernel other, not"), is_other, "{errors}");
        assert!(plan.contains("as calibrated"), "{plan}");
    }
}

/// An interrupt ends it at once, and removes what it has started.
#[test]
fn an_interrupt_leaves_neither_containers_nor_a_file() {
    let _alone = alone();
    let Some(test) = TestRun::start("calibint") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(towtank())
        .args(["calibrate", "--out", "c.toml", "-q"])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let name = format!("p{}", child.id());
    let of_child = |test: &TestRun| {
        let all = test.engine.containers(None).unwrap();
        all.iter().filter(|one| one.run().ends_with(name.as_str())).count()
    };
    let mut looks = 0;
    while of_child(&test) == 0 {
        looks += 1;
        assert!(looks < 600, "no container within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(of_child(&test), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
