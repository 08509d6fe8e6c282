//! A calibration as a file: everything that was measured of one engine, and the model made of it.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::workload::plain_words::in_plain_words;
use crate::workload::written_table::read_table;

use super::{EngineModel, QuantileTable, ShiftedLogNormal, Validation};

/// Version of the format that this version of towtank writes and reads.
pub const FORMAT_VERSION: u32 = 2;

/// How a file begins that is a calibration.
pub const FILE_BEGIN: &str = "# What `towtank calibrate` measured";

/// Calibrations are not larger than this.
const BYTES_MAX: u64 = 4 << 20;

/// An operation takes a day at most.
const LATENCY_MAX_MICROS: u64 = 86_400_000_000;

/// What all of the remedies come to.
const REMEDY: &str = "correct it, or make the file anew with `towtank calibrate`";

/// What was measured of one Docker Engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of this format.
    pub format_version: u32,
    /// Version of towtank that measured.
    pub towtank_version: String,
    /// When, as text; no result depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<String>,
    /// Memory of the workload program by itself, KiB.
    pub memory_floor_kib: u64,
    /// What was measured.
    pub host: Host,
    /// The model that simulated engines follow.
    pub engine: EngineModel,
    /// How it holds for probes that it was not made from, by concurrency.
    pub validation: Vec<Validation>,
    /// Smooth laws of operations on an idle engine.
    pub laws: Vec<FittedLaw>,
    /// CPU quotas: what was asked for and what a busy container got.
    pub quota: Vec<QuotaStep>,
    /// Starts while containers kept CPU busy.
    pub load: Vec<LoadStep>,
    /// Starts in small instances, alone and beside neighbours; none where no parent cgroup could
    /// be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contended: Vec<ContendedStep>,
    /// How a parent cgroup's CPU was shared out, where budgets are possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<ShareSplit>,
    /// What happens to containers that exceed their memory.
    pub oom: Oom,
    /// Latencies by operation, concurrency, network and warmth, for reference.
    pub measured: Vec<MeasuredTable>,
}

/// The engine and the machine it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Logical processors.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Kernel and its version.
    pub kernel: String,
    /// Operating system.
    pub operating_system: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Version of its API that was spoken.
    pub api_version: String,
    /// How images and containers are stored.
    pub storage_driver: String,
    /// `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// How it was reached: `unix`, `tcp`, `ssh`.
    pub endpoint_kind: String,
}

impl Host {
    /// How another host differs in what latencies depend on, in words: the field, what it is here,
    /// and there. Empty if it may be the same machine.
    pub fn differences(&self, other: &Host) -> Vec<String> {
        let mib = |host: &Host| format!("{} MiB", host.memory_bytes >> 20);
        let fields = [
            ("cores", self.cpus.to_string(), other.cpus.to_string()),
            ("memory", mib(self), mib(other)),
            ("kernel", self.kernel.clone(), other.kernel.clone()),
            ("Docker", self.engine_version.clone(), other.engine_version.clone()),
            ("storage", self.storage_driver.clone(), other.storage_driver.clone()),
            ("cgroup v", self.cgroup_version.to_string(), other.cgroup_version.to_string()),
        ];
        let differ = fields.into_iter().filter(|(_, here, there)| here != there);
        differ.map(|(field, here, there)| format!("{field} {here}, not {there}")).collect()
    }
}

/// An operation on a container, as a replay orders it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// From the order to start until it was known to run.
    Start,
    /// Of those, until it was known to be created.
    Create,
    /// From when it was known to run until it was known to have exited, beyond its program's time.
    Overrun,
    /// From when it was known to have exited until it was known to be gone.
    Cleanup,
    /// From the order to stop until it was known to have exited; SIGTERM is obeyed at once.
    Stop,
    /// The same by SIGKILL.
    Kill,
}

/// A smooth law of an operation at concurrency 1, warm, as replays start containers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedLaw {
    /// Which operation.
    pub operation: Operation,
    /// Least value, microseconds.
    pub shift: f64,
    /// Mean of the logarithm of what exceeds the shift, in microseconds.
    pub mu: f64,
    /// Standard deviation of that logarithm; 0 is a constant.
    pub sigma: f64,
}

impl FittedLaw {
    /// The law of an operation.
    pub fn new(operation: Operation, law: ShiftedLogNormal) -> FittedLaw {
        let ShiftedLogNormal { shift, mu, sigma } = law;
        FittedLaw { operation, shift, mu, sigma }
    }
}

/// A busy container under a CPU quota.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaStep {
    /// Quota, thousandths of a core.
    pub asked_milli: u32,
    /// CPU time over wall-clock time, thousandths of a core.
    pub got_milli: u32,
}

/// Starts of one client while containers kept CPU busy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadStep {
    /// CPU that containers were busy with, thousandths of a core.
    pub busy_milli: u32,
    /// Starts.
    pub samples: u32,
    /// Their median latency, microseconds.
    pub start_median_micros: u64,
}

/// Starts in a small instance beside neighbours that want all of its CPU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContendedStep {
    /// CPU of the instance, thousandths of a core.
    pub core_milli: u32,
    /// How many neighbours there were.
    pub neighbours: u32,
    /// Their weight, in times the weight of what was started; 1 if there were none.
    pub times_heavier: u32,
    /// Starts.
    pub samples: u32,
    /// Their median latency, microseconds.
    pub start_median_micros: u64,
}

/// Two busy containers under one parent cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareSplit {
    /// Quota of the parent, thousandths of a core.
    pub budget_milli: u32,
    /// CPU shares of each.
    pub shares: [u32; 2],
    /// What each got, thousandths of a core.
    pub got_milli: [u32; 2],
}

/// Containers that touch more memory than their limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oom {
    /// Containers tried.
    pub tried: u32,
    /// Of these, killed for it.
    pub killed: u32,
    /// Median time from when they were known to run until they were known to be killed,
    /// microseconds.
    pub median_micros: u64,
}

/// Latencies of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredTable {
    /// Which operation.
    pub operation: Operation,
    /// Clients, each with one container at a time.
    pub concurrency: u32,
    /// `none`, `bridge` or `host`.
    pub network: String,
    /// Whether the image had just been imported.
    pub cold: bool,
    /// How many were measured.
    pub samples: u32,
    /// The samples in ascending order, or 101 quantiles if there are more, microseconds.
    pub micros: QuantileTable,
}

/// A calibration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalibrationError {
    /// The file.
    pub file: String,
    /// Line, from 1, where it is known.
    pub line: Option<usize>,
    /// Path of the key, such as `engine.width_milli`; empty where no key is at fault.
    pub key: String,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl std::error::Error for CalibrationError {}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ", {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Calibration {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no calibration that this version of towtank understands.
    pub fn read(path: &Path) -> Result<Calibration, CalibrationError> {
        let file = path.display().to_string();
        let refuse = |problem: String| CalibrationError {
            file: file.clone(),
            line: None,
            key: String::new(),
            problem,
        };
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|why| match why.kind() {
                std::io::ErrorKind::NotFound => refuse(
                    "no such file; check the path, or make it with `towtank calibrate`".to_owned(),
                ),
                _ => refuse(format!("cannot be read: {why}")),
            })?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(refuse(format!("is larger than 4 MiB, so no calibration; {REMEDY}")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| refuse(format!("is not UTF-8, so no calibration; {REMEDY}")))?;
        Calibration::parse(&file, &text)
    }

    /// Reads text; `file` is for messages.
    ///
    /// # Errors
    /// It is no calibration that this version of towtank understands.
    pub fn parse(file: &str, text: &str) -> Result<Calibration, CalibrationError> {
        let refuse = |line, key: &str, problem: String| CalibrationError {
            file: file.to_owned(),
            line,
            key: key.to_owned(),
            problem,
        };
        let line = |span: Option<std::ops::Range<usize>>| Some(line_at(text, span?.start));
        let table = text.parse::<toml::Table>().map_err(|why| {
            let message = why.message().replace('\n', "; ");
            refuse(line(why.span()), "", format!("not TOML: {message}; {REMEDY}"))
        })?;
        check_version(&table).map_err(|problem| refuse(None, "format_version", problem))?;
        let from = toml::Deserializer::parse(text)
            .map_err(|why| refuse(line(why.span()), "", format!("not TOML: {}", why.message())))?;
        let unread = |why: serde_path_to_error::Error<toml::de::Error>| {
            let key = Some(why.path().to_string()).filter(|key| key != ".").unwrap_or_default();
            let message = why.inner().message().lines().next().unwrap_or_default();
            let message = in_plain_words(message);
            refuse(line(why.inner().span()), &key, format!("{message}; {REMEDY}"))
        };
        // The first knows lines, the second takes neither a list for a table nor what is too long.
        serde_path_to_error::deserialize::<_, Calibration>(from).map_err(unread)?;
        let calibration: Calibration = read_table(table).map_err(unread)?;
        calibration.check().map_err(|(key, problem)| refuse(None, &key, problem))?;
        Ok(calibration)
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        let text = toml::to_string(self).expect("a calibration has text keys and finite tables");
        format!("{FILE_BEGIN} of a Docker Engine; times are in microseconds.\n\n{text}")
    }

    /// What types do not say.
    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, value: String, right: &str| {
            Err((key.to_owned(), format!("{value} is not {right}; {REMEDY}")))
        };
        if self.engine.width_milli < 1000 {
            let width = self.engine.width_milli.to_string();
            return wrong("engine.width_milli", width, "1000 or more, one operation at a time");
        }
        if self.engine.start_throttled_micros > self.engine.start_cpu_micros {
            let throttled = self.engine.start_throttled_micros.to_string();
            let right = "at most start_cpu_micros, of which it is a part";
            return wrong("engine.start_throttled_micros", throttled, right);
        }
        if self.engine.start_weight_exponent_milli > 1000 {
            let exponent = self.engine.start_weight_exponent_milli.to_string();
            return wrong("engine.start_weight_exponent_milli", exponent, "at most 1000");
        }
        if self.oom.killed > self.oom.tried {
            let killed = self.oom.killed.to_string();
            return wrong("oom.killed", killed, "at most oom.tried, of which they are a part");
        }
        if self.host.cpus == 0 {
            return wrong("host.cpus", "0".to_owned(), "a number of processors");
        }
        self.check_numbers()?;
        self.check_latencies()
    }

    /// Numbers that nothing measured can give.
    fn check_numbers(&self) -> Result<(), (String, String)> {
        let of_validation = self.validation.iter().enumerate().flat_map(|(index, one)| {
            let numbers = [
                ("median_error", one.median_error, -1.0),
                ("p90_error", one.p90_error, -1.0),
                ("ks", one.ks, 0.0),
                ("ks_critical", one.ks_critical, 0.0),
            ];
            numbers.map(|(key, value, least)| (format!("validation[{index}].{key}"), value, least))
        });
        let of_laws = self.laws.iter().enumerate().flat_map(|(index, law)| {
            let numbers =
                [("shift", law.shift, 0.0), ("mu", law.mu, f64::MIN), ("sigma", law.sigma, 0.0)];
            numbers.map(|(key, value, least)| (format!("laws[{index}].{key}"), value, least))
        });
        let is_wrong = |(_, value, least): &(String, f64, f64)| !value.is_finite() || value < least;
        match of_validation.chain(of_laws).find(is_wrong) {
            None => Ok(()),
            Some((key, value, _)) => Err((key, format!("{value} is out of range; {REMEDY}"))),
        }
    }

    /// Latencies beyond which replays, which stretch them, would run out of the clock.
    fn check_latencies(&self) -> Result<(), (String, String)> {
        let of_engine = [
            ("engine.start", &self.engine.start),
            ("engine.stop", &self.engine.stop),
            ("engine.cleanup", &self.engine.cleanup),
        ];
        let of_engine = of_engine.map(|(key, table)| (key.to_owned(), table));
        let measured = self.measured.iter().enumerate();
        let measured =
            measured.map(|(index, one)| (format!("measured[{index}].micros"), &one.micros));
        for (key, table) in of_engine.into_iter().chain(measured) {
            if let Some(micros) = table.micros().last().filter(|last| **last > LATENCY_MAX_MICROS) {
                return Err((key, format!("{micros} µs is longer than a day; {REMEDY}")));
            }
        }
        Ok(())
    }
}

/// Refuses what later versions of towtank wrote, whose keys would only confuse.
fn check_version(table: &toml::Table) -> Result<(), String> {
    let Some(version) = table.get("format_version") else {
        return Err("missing; name a file that `towtank calibrate` wrote".to_owned());
    };
    match version.as_integer() {
        Some(version) if version == i64::from(FORMAT_VERSION) => Ok(()),
        Some(version) if version > i64::from(FORMAT_VERSION) => Err(format!(
            "{version} is newer than {FORMAT_VERSION}, the newest that towtank {} reads; use the \
             towtank that wrote the file, or make it anew with `towtank calibrate`",
            env!("CARGO_PKG_VERSION")
        )),
        Some(version) if version > 0 => Err(format!(
            "{version} is older than {FORMAT_VERSION}, the one that towtank {} reads; {REMEDY}",
            env!("CARGO_PKG_VERSION")
        )),
        _ => Err(format!("{version} is no version of the format; {REMEDY}")),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
#[path = "file_tests.rs"]
pub(super) mod tests;
