//! Flags of `towtank bench`: unknown strategies, empty lists, numbers out of range, contradictions.

use super::{Attempt, SCENARIO, none};

/// Every try is refused, and leaves nothing behind.
fn refused(table: &[(&[&str], &[&str])]) {
    let attempt = Attempt::new(SCENARIO);
    none(table.iter().map(|(flags, says)| {
        let mut arguments = vec!["bench"];
        arguments.extend(*flags);
        attempt.complaint(2, &arguments, says)
    }));
}

#[test]
fn strategies_that_are_none() {
    refused(&[
        (&["--strategies", "first-fitt"], &["--strategies:", "did you mean 'first-fit'?"]),
        (&["--strategies", ""], &["--strategies:", "known:"]),
        (&["--strategies", "random,"], &["--strategies:", "known:"]),
        (&["--strategies", "all,random"], &["--strategies:", "'all'"]),
        (&["--strategies", "binpack:disk"], &["--strategies:", "binpack:cpu or binpack:memory"]),
        (&["--strategies", "fgd+random"], &["--strategies:", "cannot be part of a chain"]),
    ]);
}

#[test]
fn sizes_shares_and_times_out_of_range() {
    refused(&[
        (&["--instances", "0"], &["--instances", "1..=1000000"]),
        (&["--instances", "1000001"], &["--instances", "1..=1000000"]),
        (&["--instances", ""], &["--instances"]),
        (&["--instances", "10,x"], &["--instances", "'x'"]),
        (&["--instances=-5"], &["--instances", "-5"]),
        (&["--utilisation", "0"], &["--utilisation", "above 0, up to 1"]),
        (&["--utilisation", "80"], &["--utilisation", "such as 0.8"]),
        (&["--utilisation", "NaN"], &["--utilisation", "such as 0.8"]),
        (&["--utilisation", ""], &["--utilisation", "such as 0.8"]),
        (&["--seconds=-1"], &["--seconds", "above 0"]),
        (&["--seconds", "0"], &["--seconds", "above 0"]),
        (&["--seconds", "3601"], &["--seconds", "up to 3600"]),
        (&["--seconds", "inf"], &["--seconds", "such as 0.5"]),
        (&["--seconds", "1s"], &["--seconds", "such as 0.5"]),
        (&["--placer", "fast"], &["--placer", "indexed, naive, both"]),
        (&["--seed", "x"], &["--seed"]),
        (&["--seed", "18446744073709551615"], &["--seed", "2^63"]),
        (&["--format", "xml"], &["--format", "json"]),
    ]);
}

#[test]
fn flags_that_do_not_go_together() {
    refused(&[
        (&["--set", "capacity.a.count=3"], &["--scenario"]),
        (&["--instances", "5", "--set", "x=3"], &["--set", "--scenario FILE"]),
        (&["--scenario", "s.toml", "--instances", "10"], &["--scenario", "--instances"]),
        (&["--scenario", "s.toml", "--utilisation", "0.5"], &["--scenario", "--utilisation"]),
        (&["--scenario", "s.toml", "--sustained"], &["--scenario", "--sustained"]),
    ]);
}

#[test]
fn scenarios_that_are_wrong() {
    refused(&[
        (&["--scenario", "no.toml"], &["no.toml", "no such file"]),
        (&["--scenario", "s.toml", "--set", "capacity.a.cuont=3"], &["`count`?"]),
        (&["--scenario", "s.toml", "--set", "x"], &["--set", "KEY=VALUE"]),
        (&["--scenario", "s.toml", "--seed", "9223372036854775808"], &["--seed", "2^63"]),
        (&["--scenario", "s.toml", "--strategies", "randm"], &["--strategies:", "'random'?"]),
    ]);
    let key = "controller.decision_time";
    let attempt = Attempt::new(SCENARIO);
    none(["2h", "-1ns", "0.1ns", "7"].map(|value| {
        let change = format!("{key}={value}");
        attempt.refused(&["check", "--set", &change], &["--set controller.decision_time:", value])
    }));
}

#[test]
fn results_are_not_put_among_other_files() {
    let attempt = Attempt::new(SCENARIO).file("mine/notes.txt", "mine");
    let quick = ["--strategies", "random", "--instances", "5", "--seconds", "0.01"];
    let arguments = [&["bench"], &quick[..], &["--out", "mine"]].concat();
    none([attempt.complaint(2, &arguments, &["notes.txt", "--out"])]);
    let arguments = [&["bench"], &quick[..], &["--out", "s.toml/x"]].concat();
    none([attempt.complaint(2, &arguments, &["not a directory", "--out"])]);
}
