//! Tests of the values in cluster query expressions: text, numbers, patterns, versions, dates.

use super::super::Expression;
use super::super::value::{Timestamp, Version, compare_values};
use super::{check_all, check_error};

#[test]
fn attribute_values() {
    check_all(&[
        ("attribute:team == 'blue green'", true),
        ("attribute:team == \"blue green\"", true),
        ("attribute:a/b\\c_d.e-f == 1.50", true),
        // Equality is of text, order is of numbers where both are numbers.
        ("attribute:a/b\\c_d.e-f == 1.5", false),
        ("attribute:a/b\\c_d.e-f <= 1.5", true),
        ("attribute:a/b\\c_d.e-f >= 1.5", true),
        ("attribute:gpus > 9", true),
        ("attribute:gpus > 9x", false),
        ("attribute:gpus < 9x", true),
        ("attribute:stack > prnd", true),
        ("attribute:stack < prod", false),
        ("attribute:stack == 'and'", false),
        ("attribute:stack in ['or', \"it's\", prod]", true),
    ]);
}

#[test]
fn decimal_order() {
    // Each value is below the next; the last ones differ beyond what a float can hold.
    let ascending: Vec<&str> = "-12345678901234567890.2 -12345678901234567890.1 -10 -9.5 -0.001 \
         0 0.0001 +0.001 0.01 2 10 9007199254740992 9007199254740993 \
         9007199254740993.00000000000000000001"
        .split_whitespace()
        .collect();
    assert_eq!(ascending.len(), 14);
    for (left_rank, left) in ascending.iter().enumerate() {
        for (right_rank, right) in ascending.iter().enumerate() {
            let found = compare_values(left, right);
            assert_eq!(found, left_rank.cmp(&right_rank), "{left} against {right}");
        }
    }
    for (left, right) in [("0", "-0.0"), ("1", "001.000"), ("+5", "5"), ("x", "x")] {
        assert!(compare_values(left, right).is_eq(), "{left} against {right}");
    }
    // Not numbers, so compared as text.
    for (left, right) in [("1.", "1.0"), (".5", "0"), ("10", "9e0"), ("1e3", "2"), ("", "0")] {
        assert!(compare_values(left, right).is_lt(), "{left} against {right}");
    }
}

#[test]
fn versions() {
    check_all(&[
        ("agentVersion > 1.9.9", true),
        ("agentVersion == 1.10", true),
        ("agentVersion == 1.10.0.0", true),
        ("agentVersion == 01.010.00", true),
        ("agentVersion < 1.10.0.1", true),
        ("agentVersion >= 1.10.1", false),
        ("agentVersion < 2", true),
        ("agentVersion > 1", true),
        ("agentVersion != 1.10.0", false),
        ("agentVersion <= '1.10.0'", true),
    ]);
    for (found, wanted) in [("1.x", "1"), ("", "0"), ("v1.2", "1.2"), ("1.2-rc1", "1.2")] {
        assert_eq!(Version::parse(wanted).unwrap().compare_with(found), None, "{found}");
    }
    for bad in ["1.", ".1", "1..2", "v1", "+1", "''", "1.18446744073709551616", "latest"] {
        check_error(&format!("agentVersion == {bad}"), 16, "is not a version; write numbers");
    }
}

#[test]
fn dates() {
    check_all(&[
        ("registeredAt == 2018-06-18T22:28:28", true),
        ("registeredAt == 2018-06-18T22:28:28Z", true),
        ("registeredAt == 2018-06-18T22:28:28+00:00", true),
        ("registeredAt == 2018-06-19T04:13:28+05:45", true),
        ("registeredAt == '2018-06-18T15:28:28-07:00'", true),
        ("registeredAt >= 2018-06-18T22:28:29", false),
        ("registeredAt != 2018-06-18", true),
        ("registeredAt > 2018-06-18", true),
        ("registeredAt < 2018-06-19", true),
    ]);
    for (text, seconds) in [
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59", -1),
        ("0001-01-01", -62_135_596_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("2000-02-29", 951_782_400),
        ("1970-01-01T18:00:00+18:00", 0),
    ] {
        assert_eq!(Timestamp::parse(text).unwrap().unix_seconds(), seconds, "{text}");
    }
}

/// Walks the calendar day by day, by rules stated apart from those of the parser.
#[test]
fn every_day_follows_the_one_before() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut seconds = 0;
    for year in 1970..2110 {
        let has_leap_day = year % 4 == 0 && year != 2100;
        for (index, length) in lengths.iter().enumerate() {
            let length = length + i64::from(index == 1 && has_leap_day);
            let month = index + 1;
            for day in 1..=length {
                let text = format!("{year}-{month:02}-{day:02}");
                assert_eq!(Timestamp::parse(&text).unwrap().unix_seconds(), seconds, "{text}");
                seconds += 86_400;
            }
            let text = format!("{year}-{month:02}-{:02}", length + 1);
            assert!(Timestamp::parse(&text).is_err(), "{text}");
        }
    }
}

#[test]
fn bad_dates() {
    for (bad, part) in [
        ("18-06-18", "four digits"),
        ("2018-6-18", "a month behind it"),
        ("2018-06", "a day behind it"),
        ("2018-13-01", "the month is not within 01 to 12"),
        ("2018-00-01", "the month is not within 01 to 12"),
        ("0000-01-01", "the year is not within 0001 to 9999"),
        ("2018-02-29", "the month does not have that day"),
        ("1900-02-29", "the month does not have that day"),
        ("2018-01-00", "the month does not have that day"),
        ("2018-06-18x", "'T' and a time"),
        ("2018-06-18T", "'T' and a time"),
        ("2018-06-18Z", "'T' and a time"),
        ("2018-06-18T22", "minutes behind it"),
        ("2018-06-18T22:28", "seconds behind them"),
        ("2018-06-18T24:00:00", "the hour"),
        ("2018-06-18T22:60:00", "the minutes are not"),
        ("2018-06-18T22:28:60", "the seconds are not"),
        ("2018-06-18T22:28:28.5", "an offset such as"),
        ("2018-06-18T22:28:28ZZ", "an offset such as"),
        ("2018-06-18T22:28:28+0000", "an offset such as"),
        ("2018-06-18T22:28:28+00:00x", "an offset such as"),
        ("2018-06-18T22:28:28+18:01", "-18:00 to +18:00"),
        ("2018-06-18T22:28:28-01:60", "-18:00 to +18:00"),
        ("'2018-06-1ä'", "a day behind it"),
        ("yesterday", "four digits"),
    ] {
        check_error(&format!("registeredAt == {bad}"), 16, part);
    }
}

#[test]
fn patterns() {
    check_all(&[
        ("attribute:stack =~ pro", false),
        ("attribute:stack =~ rod", false),
        ("attribute:stack =~ ^prod$", true),
        ("attribute:stack =~ [op]ro[a-e]", true),
        ("attribute:stack =~ dev|prod", true),
        ("attribute:stack =~ 'dev|pro(d|x){1,2}'", true),
        ("attribute:stack =~ 'pr|od'", false),
        ("(attribute:stack =~ p.*)", true),
        ("attribute:stack =~ p.*||attribute:none exists", true),
        ("attribute:stack =~ '(?i)PROD'", true),
        ("attribute:ecs.instance-type =~ g2\\.\\d{1}x[a-z]+?", true),
        ("attribute:ecs.instance-type =~ \\x{67}+2[.]\\w*", true),
        ("attribute:stack =~ ''", false),
        ("attribute:ssd =~ ''", true),
    ]);
    for bad in ["a)|(b", "(a", "[a", "*", "a**", "a*+", "a?+", "a{2}+", "a+?+", "(?=a)", "(a)\\1"] {
        check_error(&format!("attribute:x =~ '{bad}'"), 15, "bad pattern");
    }
    for bad in ["[a[b]]", "[a-z&&b]", "\\p{L}", "((((a{99}){99}){99}){99})"] {
        check_error(&format!("attribute:x =~ '{bad}'"), 15, "bad pattern");
    }
    for good in ["[*+]+", "[]*+]", "[^]*+]", "\\*+", "\\\\+", "(a*)+", "a{1,2}?", "[\\]*+]"] {
        Expression::parse(&format!("attribute:x =~ '{good}'")).unwrap();
    }
    check_error("attribute:x =~ t2.(a|b)", 18, "put a pattern with parentheses in quotes");
    check_error("attribute:x =~ (a|b).*", 15, "put a pattern with parentheses in quotes");
    check_error("attribute:x =~ and y", 15, "put it in quotes");
    check_error("attribute:x =~", 14, "found the end of the expression, expected a value");
}
