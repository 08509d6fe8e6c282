//! `towtank calibrate`: engines that are not there, places that cannot be written to.

use super::{Attempt, SCENARIO, none};

#[test]
fn engines_that_are_none_or_elsewhere_are_refused() {
    let attempt = Attempt::new(SCENARIO);
    let table: [(i32, &[&str], &[&str]); 5] = [
        (1, &["--endpoint", "unix:///no/such.sock"], &["unix:///no/such.sock", "dockerd"]),
        (2, &["--endpoint", "tcp://192.0.2.1:2375"], &["192.0.2.1", "--allow-remote"]),
        (2, &["--endpoint", "ssh://host"], &["ssh://host", "ssh -nNT -L"]),
        (2, &["--probes", "3"], &["--probes", "4"]),
        (2, &["--format", "csv"], &["--format", "json"]),
    ];
    none(table.map(|(code, flags, says)| {
        let arguments: Vec<&str> = ["calibrate"].iter().chain(flags).copied().collect();
        attempt.complaint(code, &arguments, says)
    }));
}

/// Before an engine is looked for: these take no time.
#[test]
fn places_that_cannot_be_written_to_are_refused_first() {
    let attempt = Attempt::new(SCENARIO);
    let none_there = ["calibrate", "--endpoint", "unix:///no/such.sock", "--out"];
    let table: [(&str, &[&str]); 4] = [
        ("/dev/null", &["/dev/null", "is no file", "--out"]),
        ("s.toml", &["s.toml", "is no calibration", "--out"]),
        ("no/c.toml", &["no/c.toml", "cannot be written", "--out"]),
        (".", &["--out"]),
    ];
    none(table.map(|(place, says)| {
        let arguments: Vec<&str> = none_there.iter().copied().chain([place]).collect();
        attempt.complaint(2, &arguments, says)
    }));
}
