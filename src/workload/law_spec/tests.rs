//! Tests of durations, rates and laws as written.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::des::SimDuration;

#[derive(Debug, Serialize, Deserialize)]
struct Holder<T> {
    value: T,
}

/// Reads `value = …`; the error with its key path.
fn read<T: DeserializeOwned>(written: &str) -> Result<T, String> {
    let deserializer = toml::Deserializer::parse(written).map_err(|why| why.to_string())?;
    serde_path_to_error::deserialize(deserializer)
        .map(|holder: Holder<T>| holder.value)
        .map_err(|why| format!("{}: {}", why.path(), why.inner().message()))
}

fn duration(written: &str) -> DurationLaw {
    read(&format!("value = {written}")).unwrap()
}

fn refused(written: &str) -> String {
    read::<DurationLaw>(&format!("value = {written}")).unwrap_err()
}

fn micros(text: &str) -> u64 {
    text.parse::<Span>().unwrap().duration().micros()
}

#[test]
fn spans_are_exact() {
    assert_eq!(micros("90s"), 90_000_000);
    assert_eq!(micros("1.5h"), 5_400_000_000);
    assert_eq!(micros("1h30m"), 5_400_000_000);
    assert_eq!(micros("1d2h3m4s5ms6us"), 93_784_005_006);
    assert_eq!(micros("0.1s"), 100_000);
    assert_eq!(micros(".25ms"), 250);
    assert_eq!(micros("0.000001s"), 1);
    assert_eq!(micros("0s"), 0);
    assert_eq!(micros("36525d"), SPAN_MAX.micros());
}

#[test]
fn spans_that_are_refused_say_what_to_write() {
    let refused = [
        ("", "write \"90s\""),
        ("90", "write \"90s\" for seconds"),
        ("s", "write \"90s\""),
        ("-1s", "write \"90s\""),
        ("90 s", "without a space"),
        ("90S", "unknown unit \"S\""),
        ("90min", "m (minutes)"),
        ("1.5.2s", "not a decimal number"),
        ("5.s", "not a decimal number"),
        ("1e3s", "unknown unit \"e\""),
        ("0.5us", "not a whole number of microseconds"),
        ("0.0000001s", "round it"),
        ("30m1h", "write \"1h30m\""),
        ("1s1s", "units must fall"),
        ("36525d1us", "longer than 100 years"),
        ("99999999999999999999d", "longer than 100 years"),
    ];
    for (text, expected) in refused {
        let error = text.parse::<Span>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.starts_with(&format!("duration {text:?}: ")), "{error}");
    }
    let error = read::<Span>("value = 90").unwrap_err();
    assert_eq!(error, "value: duration 90 has no unit; write \"90s\" for seconds");
    let error = read::<Span>("value = 1.5").unwrap_err();
    assert_eq!(error, "value: duration 1.5 has no unit; write \"1.5s\" for seconds");
}

#[test]
fn spans_are_shown_in_the_unit_written() {
    let written = ["90s", "1.5h", "0.25d", "7us", "0.00390625d", "0s", "1.000001s"];
    for text in written {
        assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.to_owned()));
    }
    assert_eq!("1h30m".parse::<Span>().unwrap().to_string(), "90m");
    assert_eq!("90m".parse::<Span>(), "1h30m".parse());
}

#[test]
fn rates_are_exact_fractions() {
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    let cases = [("3/s", 3.0), ("0.5/m", 0.5 / 60.0), ("12/h", 12.0 / 3600.0)];
    for (text, per_second) in cases {
        assert!((rate(text).per_second() / per_second - 1.0).abs() < 1e-15, "{text}");
        assert_eq!(rate(text).to_string(), text);
    }
    assert_eq!(rate("100/d").micros_per_event(), (86_400_000_000 * 1_000_000_000, 100_000_000_000));
    assert_eq!(read::<Rate>("value = \"0.000000001/us\"").unwrap().per_second(), 0.001);
}

#[test]
fn rates_that_are_refused_say_what_to_write() {
    let refused = [
        ("3", "write \"3/s\""),
        ("3/sec", "unknown unit \"sec\""),
        ("/s", "not a decimal number"),
        ("-3/s", "not a decimal number"),
        ("0/s", "above 0"),
        ("0.0000000001/s", "use a longer unit"),
        ("99999999999999/s", "use a shorter unit"),
    ];
    for (text, expected) in refused {
        let error = text.parse::<Rate>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    let error = read::<Rate>("value = 3").unwrap_err();
    assert!(error.contains("write \"3/s\""), "{error}");
}

#[test]
fn a_constant_is_exact() {
    let law = duration("\"1d1us\"");
    assert_eq!(law.sample(0.9).micros(), 86_400_000_001);
    assert_eq!(law, duration("{ constant = \"1d1us\" }"));
    assert_eq!(law, DurationLaw::constant("1d1us".parse().unwrap()));
}

#[test]
fn every_law_has_the_mean_it_is_given() {
    let cases = [
        ("{ uniform = { low = \"1s\", high = \"5s\" } }", 3.0),
        ("{ exponential = { mean = \"60s\" } }", 60.0),
        ("{ normal = { mean = \"1h\", sd = \"1s\" } }", 3600.0),
        ("{ lognormal = { mean = \"60s\", sigma = 1.75 } }", 60.0),
        ("{ pareto = { scale = \"1s\", shape = 3 } }", 1.5),
        ("{ weibull = { scale = \"2s\", shape = 1 } }", 2.0),
        ("{ gamma = { shape = 3, scale = \"2s\" } }", 6.0),
        ("{ gamma = { shape = 3, mean = \"2s\" } }", 2.0),
        ("{ hyper-exponential = { weights = [3, 1], means = [\"1s\", \"9s\"] } }", 3.0),
        ("{ hyper-exponential = { mean = \"60s\", cv2 = 25 } }", 60.0),
        ("{ empirical = { values = [\"1s\", \"2s\", \"6s\"] } }", 3.0),
        ("{ empirical = { values = [\"1s\", \"2s\"], weights = [3, 1] } }", 1.25),
    ];
    for (written, mean) in cases {
        let law = duration(written);
        assert!((law.mean_s() / mean - 1.0).abs() < 1e-9, "{written}: {}", law.mean_s());
        let sampled = (0..20_000).map(|i| law.sample((f64::from(i) + 0.5) / 20_000.0));
        let average = sampled.map(SimDuration::as_secs_f64).sum::<f64>() / 20_000.0;
        assert!((average / mean - 1.0).abs() < 0.05, "{written}: samples average {average}");
    }
    assert_eq!(duration("{ pareto = { scale = \"1s\", shape = 1 } }").mean_s(), f64::INFINITY);
}

#[test]
fn the_centre_of_a_lognormal_can_be_given_in_three_ways() {
    let median = |written: &str| duration(written).sample(0.5).as_secs_f64();
    assert!((median("{ lognormal = { median = \"176s\", sigma = 1.75 } }") - 176.0).abs() < 1e-4);
    assert!((median("{ lognormal = { mu = 0, sigma = 2 } }") - 1.0).abs() < 1e-6);
    let error = refused("{ lognormal = { mu = 0, median = \"1s\", sigma = 2 } }");
    assert!(error.contains("exactly one of `median`, `mu` and `mean`"), "{error}");
    let error = refused("{ lognormal = { median = \"0s\", sigma = 2 } }");
    assert!(error.contains("`median` is 0s; give a value above 0"), "{error}");
}

#[test]
fn balanced_means_have_the_variation_asked_for() {
    for cv2 in [1.0, 1.5, 25.0, 1e6] {
        let law = duration(&format!("{{ hyper-exponential = {{ mean = \"60s\", cv2 = {cv2} }} }}"));
        let variance = law.law.variance();
        assert!((variance / (3600.0 * cv2) - 1.0).abs() < 1e-9, "{cv2}: {variance}");
    }
    let error = refused("{ hyper-exponential = { mean = \"60s\", cv2 = 0.5 } }");
    assert!(error.contains("at least 1; use a gamma law"), "{error}");
}

#[test]
fn a_normal_duration_is_truncated_at_zero() {
    let law = duration("{ normal = { mean = \"1s\", sd = \"2s\" } }");
    let samples: Vec<f64> =
        (0..100_000).map(|i| law.sample((f64::from(i) + 0.5) / 1e5).as_secs_f64()).collect();
    assert!(samples.windows(2).all(|pair| pair[0] <= pair[1]));
    // Truncated, not clamped: no atom at zero.
    assert!(samples.iter().filter(|&&sample| sample == 0.0).count() <= 1);
    let average = samples.iter().sum::<f64>() / 1e5;
    assert!((average - law.mean_s()).abs() < 1e-3, "{average} and {}", law.mean_s());
    assert!(law.sample(super::duration_law::BELOW_ONE) > law.sample(0.999));
}

#[test]
fn a_law_without_mean_stays_in_range() {
    let law = duration("{ pareto = { scale = \"1s\", shape = 0.01 } }");
    assert_eq!(law.sample(1.0 - f64::EPSILON), SPAN_MAX);
    let law = duration("{ lognormal = { median = \"1s\", sigma = 1000 } }");
    assert_eq!(law.sample(f64::EPSILON).micros(), 0);
    assert_eq!(law.sample(1.0 - f64::EPSILON), SPAN_MAX);
}

#[test]
fn laws_that_are_refused_say_why_and_where() {
    let refusals = [
        ("90", "value: duration 90 has no unit; write \"90s\" for seconds"),
        ("true", "value: invalid type: boolean `true`, expected \"90s\" or a law such as"),
        ("{}", "value: no law in the table; write one of constant, uniform"),
        ("{ exponentail = {} }", "did you mean `exponential`? known laws: constant, uniform"),
        ("{ poisson = { mean = 3 } }", "unknown law `poisson`; known laws: constant"),
        ("{ exponential = { mean = 60 } }", "value.exponential.mean: duration 60 has no unit"),
        ("{ exponential = { mean = \"0s\" } }", "`mean` is 0, but must be"),
        ("{ exponential = { man = \"1s\" } }", "unknown field `man`, expected `mean`"),
        ("{ exponential = {} }", "missing field `mean`"),
        (
            "{ exponential = { mean = \"1s\" }, normal = { mean = \"1s\", sd = \"1s\" } }",
            "a law is one key, but there are `exponential` and `normal`",
        ),
        ("{ normal = { mean = \"1s\", sd = \"0s\" } }", "normal law: `sd` is 0s"),
        ("{ uniform = { low = \"5s\", high = \"1s\" } }", "swap them"),
        ("{ gamma = { shape = 2 } }", "exactly one of `scale` and `mean`"),
        ("{ hyper-exponential = { weights = [1] } }", "either `weights` and `means`, or"),
        ("{ empirical = { values = [] } }", "the list `values` is empty"),
    ];
    for (written, expected) in refusals {
        let error = refused(written);
        assert!(error.contains(expected), "{written}: {error}");
    }
}

#[test]
fn laws_are_serialised_as_written() {
    let durations = [
        "value = \"90s\"\n",
        "[value.lognormal]\nmedian = \"176s\"\nsigma = 1.75\n",
        "[value.bounded-pareto]\nlow = \"1s\"\nhigh = \"1d\"\nshape = 0.9\n",
        "[value.hyper-exponential]\nmean = \"1m\"\ncv2 = 25.0\n",
    ];
    for written in durations {
        let value: DurationLaw = read(written).unwrap();
        assert_eq!(toml::to_string(&Holder { value }).unwrap(), written);
    }
    let numbers = ["value = 4\n", "[value.zipf]\nn = 1000\nexponent = 1.8\n"];
    for written in numbers {
        let value: NumberLaw = read(written).unwrap();
        assert_eq!(toml::to_string(&Holder { value }).unwrap(), written);
    }
}

#[test]
fn counts_are_whole_and_in_range() {
    let number = |written: &str| read::<NumberLaw>(&format!("value = {written}"));
    let four = number("4").unwrap();
    assert_eq!((four.sample(0.1), four.mean(), four.as_constant()), (4, 4.0, Some(4)));
    let poisson = number("{ poisson = { mean = 3 } }").unwrap();
    assert_eq!((poisson.sample(1e-9), poisson.sample(0.5)), (1, 3));
    assert_eq!(poisson.as_constant(), None);
    let pareto = number("{ pareto = { scale = 1, shape = 0.1 } }").unwrap();
    assert_eq!(pareto.sample(1.0 - f64::EPSILON), COUNT_MAX);
    let zipf = number("{ zipf = { n = 10, exponent = 0 } }").unwrap();
    assert_eq!((zipf.sample(0.01), zipf.sample(0.99)), (1, 10));
    let refusals = [
        ("0", "0 is no count; write a whole number, 1 to 1000000"),
        ("-2", "-2 is no count"),
        ("2.5", "2.5 is no count"),
        ("2000000", "2000000 is no count"),
        ("\"4\"", "expected a whole number or a law such as"),
        ("{ zipf = { n = 0, exponent = 1 } }", "zipf law: `n` is 0"),
        ("{ zip = { n = 0, exponent = 1 } }", "did you mean `zipf`?"),
    ];
    for (written, expected) in refusals {
        let error = number(written).unwrap_err();
        assert!(error.contains(expected), "{written}: {error}");
    }
}

#[test]
fn laws_can_be_read_from_json_too() {
    let law: DurationLaw =
        serde_json::from_str("{\"gamma\":{\"shape\":3,\"mean\":\"2s\"}}").unwrap();
    assert_eq!(law, duration("{ gamma = { shape = 3, mean = \"2s\" } }"));
}

proptest! {
    #[test]
    fn spans_survive_writing_and_reading(micros in 0..=SPAN_MAX.micros(), unit in 0_usize..3) {
        let count = micros / TimeUnit::ALL[unit].micros();
        let text = format!("{count}{}", TimeUnit::ALL[unit].symbol());
        let span: Span = text.parse().unwrap();
        prop_assert_eq!(span.to_string(), text);
        prop_assert_eq!(span.duration().micros(), count * TimeUnit::ALL[unit].micros());
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "[0-9.smhdu/ -]{0,30}") {
        let shown = text.parse::<Span>().map(|span| span.to_string());
        if let Ok(shown) = shown {
            prop_assert_eq!(shown.parse::<Span>(), text.parse::<Span>());
        }
        let shown = text.parse::<Rate>().map(|rate| rate.to_string());
        if let Ok(shown) = shown {
            let again = shown.parse::<Rate>().unwrap().micros_per_event();
            prop_assert_eq!(again, text.parse::<Rate>().unwrap().micros_per_event());
        }
    }
}
