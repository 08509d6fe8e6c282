//! The keys of a workload of format `openb`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de};

use crate::workload::format::FormatError;
use crate::workload::written_table::read_table;

/// A workload's own keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) nodes: PathBuf,
    pub(super) pods: PathBuf,
    pub(super) order: Option<PathBuf>,
    #[serde(default)]
    pub(super) arrivals: ArrivalsMode,
    pub(super) inflate_to: Option<Multiple>,
}

/// When pods arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ArrivalsMode {
    /// One each second, never to leave.
    #[default]
    OneByOne,
    /// When they did in the trace.
    Timed,
}

impl Config {
    pub(super) fn parse(table: toml::Table) -> Result<Config, FormatError> {
        let mut config: Config = read_table(table)?;
        // An empty path takes back an order that the scenario file names.
        config.order = config.order.filter(|path| !path.as_os_str().is_empty());
        let conflict = match (config.inflate_to, config.arrivals, &config.order) {
            (None, ..) | (_, ArrivalsMode::OneByOne, None) => return Ok(config),
            (_, ArrivalsMode::Timed, _) => {
                "pods that arrive when they did cannot be inflated: \
                remove it or set arrivals = \"one-by-one\""
            }
            (_, ArrivalsMode::OneByOne, Some(_)) => {
                "the order has its copies in it: remove inflate_to or order"
            }
        };
        Err(FormatError::Value(
            "inflate_to".to_owned(),
            conflict.to_owned(),
        ))
    }

    /// The files by their keys.
    pub(super) fn paths(&self) -> Vec<(&'static str, &Path)> {
        let order = self.order.as_deref().map(|path| ("order", path));
        [("nodes", self.nodes.as_path()), ("pods", &self.pods)]
            .into_iter()
            .chain(order)
            .collect()
    }

    /// The keys with every default, as [`Config::parse`] reads them.
    pub(super) fn resolved(&self) -> toml::Table {
        let mut table = toml::Table::new();
        for (key, path) in self.paths() {
            table.insert(key.to_owned(), path.to_string_lossy().into_owned().into());
        }
        let arrivals = match self.arrivals {
            ArrivalsMode::OneByOne => "one-by-one",
            ArrivalsMode::Timed => "timed",
        };
        table.insert("arrivals".to_owned(), arrivals.into());
        if let Some(multiple) = self.inflate_to {
            table.insert("inflate_to".to_owned(), multiple.to_string().into());
        }
        table
    }
}

/// A multiple in whole thousandths, more than 0 and at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Multiple(u32);

impl Multiple {
    const MAX: Multiple = Multiple(100_000);

    /// Reads a decimal with at most three places.
    fn parse(text: &str) -> Option<Multiple> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 3 {
            return None;
        }
        let thousandths: u32 = format!("{whole}{places:0<3}").parse().ok()?;
        (1..=Self::MAX.0)
            .contains(&thousandths)
            .then_some(Multiple(thousandths))
    }

    /// This multiple of `amount`, in thousandths.
    pub(super) fn of(self, amount: u64) -> u128 {
        u128::from(self.0) * u128::from(amount)
    }
}

impl fmt::Display for Multiple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl<'de> Deserialize<'de> for Multiple {
    /// Takes a number or a text. A float is read by its shortest decimal form, which is the one
    /// that was written: at most three places are exact.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Multiple, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let text = match &value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Multiple::parse(&text).ok_or_else(|| {
            let expected = "write a decimal above 0 and up to 100 with at most three places, \
                such as 1.3";
            de::Error::custom(format!("{text} is not a multiple: {expected}"))
        })
    }
}
