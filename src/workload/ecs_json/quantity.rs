//! CPU and memory as ECS writes them: a number, `"1024"`, `"1 vCPU"`, `"2 GB"`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::workload::law_spec::{DecimalError, scaled};

/// CPU units of one vCPU.
const UNITS_PER_VCPU: u64 = 1024;

/// MiB of one of ECS's GB. Source: ECS API, `TaskDefinition.memory`: `1GB` is 1024.
const MIB_PER_GB: u64 = 1024;

/// ECS CPU units (1024 are one vCPU), read from a number, a numeral, or a text such as
/// `"0.25 vCPU"`. Serialised as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuUnits(pub u32);

/// Memory in MiB, read from a number, a numeral, or a text such as `"2 GB"`. Serialised as a
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryMib(pub u32);

/// How one of the quantities is written.
#[derive(Debug, Clone, Copy)]
struct Notation {
    what: &'static str,
    /// The plain unit, for messages.
    plain: &'static str,
    /// The suffix in lower case, and as ECS writes it.
    suffix: (&'static str, &'static str),
    per_suffix: u64,
}

const CPU: Notation = Notation {
    what: "CPU",
    plain: "CPU units",
    suffix: ("vcpu", "vCPU"),
    per_suffix: UNITS_PER_VCPU,
};

const MEMORY: Notation =
    Notation { what: "memory", plain: "MiB", suffix: ("gb", "GB"), per_suffix: MIB_PER_GB };

impl Notation {
    fn parse(self, text: &str) -> Result<u32, String> {
        let Notation { what, plain, .. } = self;
        let shown = self.suffix.1;
        let lower = text.trim().to_ascii_lowercase();
        let (number, unit) = match lower.strip_suffix(self.suffix.0) {
            Some(number) => (number.trim_end(), self.per_suffix),
            None => (lower.as_str(), 1),
        };
        let count = scaled(number, unit).map_err(|why| match why {
            DecimalError::Malformed => format!(
                "{what} {text:?} is neither a number of {plain} nor a text like \"1 {shown}\"; \
                 write 1024 or \"1 {shown}\""
            ),
            DecimalError::Fractional => format!(
                "{what} {text:?} is not a whole number of {plain}; 1 {shown} is 1024 of them, so \
                 write the nearest whole number"
            ),
            DecimalError::TooLarge => self.too_large(text),
        })?;
        u32::try_from(count).map_err(|_| self.too_large(text))
    }

    fn too_large(self, written: impl fmt::Display) -> String {
        let Notation { what, plain, .. } = self;
        format!("{what} {written} is more than {} {plain}; check the unit", u32::MAX)
    }
}

impl Visitor<'_> for Notation {
    type Value = u32;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number of {} or a text like \"1 {}\"", self.plain, self.suffix.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
        self.parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
        let number = u64::try_from(number).map_err(|_| {
            E::custom(format_args!("{} {number} is negative; write 0 or more", self.what))
        })?;
        self.visit_u64(number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::custom(self.too_large(number)))
    }
}

macro_rules! serde_by {
    ($name:ident, $notation:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                deserializer.deserialize_any($notation).map($name)
            }
        }
    };
}

serde_by!(CpuUnits, CPU);
serde_by!(MemoryMib, MEMORY);
