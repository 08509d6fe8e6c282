//! Fargate task sizes and what they cost.
//!
//! The pairs of CPU and memory are those of the ECS API's `TaskDefinition.memory`; the prices are
//! on-demand, Linux, us-east-1. Ephemeral storage beyond the free 20 GiB is not included.

use std::sync::LazyLock;

use super::money::parse_usd_nano;
use crate::model::Architecture;

/// Month of the built-in Fargate prices (us-east-1, Linux, on-demand).
pub const AS_OF: &str = "2026-09";

/// CPU units in one vCPU, and MiB in what Fargate's price list calls a GB.
const PER_UNIT: u64 = 1024;

/// A pair of CPU and memory that a Fargate task can ask for.
///
/// Ordered by CPU, then memory. Any pair can be written down: [`is_valid`] tells whether Fargate
/// offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FargateSize {
    /// CPU in units of 1/1024 vCPU: 256 to 16384.
    pub cpu_units: u32,
    /// Memory in MiB: 512 to 122 880.
    pub memory_mib: u32,
}

/// Prices of one architecture, in billionths of a dollar.
#[derive(Debug, Clone, Copy)]
struct Prices {
    vcpu_hour_nano: u64,
    gb_hour_nano: u64,
}

/// Every valid size, by CPU and then memory.
static SIZES: LazyLock<Vec<FargateSize>> =
    LazyLock::new(|| read_sizes().expect("a test reads the built-in Fargate sizes"));

/// Prices for `X86_64` and for `ARM64`.
static PRICES: LazyLock<[Prices; 2]> = LazyLock::new(|| {
    [Architecture::X86_64, Architecture::Arm64]
        .map(|architecture| read_prices(architecture).expect("a test reads the built-in prices"))
});

/// All 74 sizes that Fargate offers, by CPU and then memory.
pub fn sizes() -> impl Iterator<Item = FargateSize> {
    SIZES.iter().copied()
}

/// Whether Fargate offers exactly this size. O(log n).
pub fn is_valid(size: FargateSize) -> bool {
    SIZES.binary_search(&size).is_ok()
}

/// The smallest size with at least this much CPU and memory: the first in order of CPU, then
/// memory, which is also the cheapest. `None` where no size is large enough.
pub fn round_up(cpu_units: u32, memory_mib: u32) -> Option<FargateSize> {
    sizes().find(|size| size.cpu_units >= cpu_units && size.memory_mib >= memory_mib)
}

/// On-demand price of a task of this size, in billionths of a dollar per hour.
///
/// vCPU-hours and GB-hours (1 GB = 1024 MiB) are summed first and the sum is rounded once, to the
/// nearest, halves up. For every valid size nothing is left to round: the price is exact.
pub fn usd_nano_per_hour(size: FargateSize, architecture: Architecture) -> u64 {
    let prices = match architecture {
        Architecture::X86_64 => PRICES[0],
        Architecture::Arm64 => PRICES[1],
    };
    // At most 2^32 x about 4.5e7 (1.9e17): far from overflow for any size that can be written.
    (scaled_price(size, prices) + PER_UNIT / 2) / PER_UNIT
}

/// The price of an hour times 1024, before rounding.
fn scaled_price(size: FargateSize, prices: Prices) -> u64 {
    prices.vcpu_hour_nano * u64::from(size.cpu_units)
        + prices.gb_hour_nano * u64::from(size.memory_mib)
}

/// The rows of one of the built-in tables, without its header.
fn rows(table: &'static str) -> impl Iterator<Item = csv::StringRecord> {
    csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(table.as_bytes())
        .into_records()
        .map(|record| record.expect("a test reads the built-in Fargate tables"))
}

/// Reads the table of sizes; `None` where a number in it is not one.
fn read_sizes() -> Option<Vec<FargateSize>> {
    let mut sizes = Vec::new();
    for row in rows(include_str!("fargate.csv")) {
        let number = |field: usize| row[field].parse::<u32>().ok();
        let cpu_units = number(0)?;
        let memories: Vec<u32> = if row[4].is_empty() {
            (number(1)?..=number(2)?).step_by(number(3)? as usize).collect()
        } else {
            row[4].split('|').map(|memory| memory.parse().ok()).collect::<Option<_>>()?
        };
        sizes.extend(memories.into_iter().map(|memory_mib| FargateSize { cpu_units, memory_mib }));
    }
    sizes.sort_unstable();
    Some(sizes)
}

/// Reads the prices of one architecture; `None` where it has none.
fn read_prices(architecture: Architecture) -> Option<Prices> {
    let row = rows(include_str!("fargate_prices.csv"))
        .find(|row| Architecture::parse(&row[0]) == Some(architecture))?;
    Some(Prices {
        vcpu_hour_nano: parse_usd_nano(&row[1])?,
        gb_hour_nano: parse_usd_nano(&row[2])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cpu_units: u32, memory_mib: u32) -> FargateSize {
        FargateSize { cpu_units, memory_mib }
    }

    #[test]
    fn sizes_are_those_of_the_ecs_api() {
        let count = |cpu: u32| sizes().filter(|size| size.cpu_units == cpu).count();
        let tiers = [256, 512, 1024, 2048, 4096, 8192, 16384];
        assert_eq!(tiers.map(count), [3, 4, 7, 13, 23, 12, 12]);
        assert_eq!(sizes().count(), 74);
        assert!(sizes().is_sorted_by(|a, b| a < b));
        assert_eq!(sizes().next(), Some(size(256, 512)));
        assert_eq!(sizes().last(), Some(size(16384, 122_880)));
    }

    #[test]
    fn each_row_ends_at_its_stated_bounds() {
        for row in rows(include_str!("fargate.csv")) {
            let number = |field: usize| row[field].parse::<u32>().unwrap();
            let of_row = || sizes().filter(|size| size.cpu_units == number(0));
            assert_eq!(of_row().next().unwrap().memory_mib, number(1));
            assert_eq!(of_row().last().unwrap().memory_mib, number(2));
        }
    }

    #[test]
    fn only_listed_pairs_are_valid() {
        assert!(is_valid(size(256, 1024)));
        assert!(!is_valid(size(256, 1536)));
        assert!(!is_valid(size(256, 3072)));
        assert!(is_valid(size(4096, 30_720)));
        assert!(!is_valid(size(4096, 31_744)));
        assert!(is_valid(size(8192, 20_480)));
        assert!(!is_valid(size(8192, 17_408)));
        assert!(!is_valid(size(16384, 36_864)));
        assert!(!is_valid(size(128, 512)));
    }

    #[test]
    fn rounding_up_finds_the_next_pair() {
        assert_eq!(round_up(0, 0), Some(size(256, 512)));
        assert_eq!(round_up(256, 512), Some(size(256, 512)));
        assert_eq!(round_up(256, 513), Some(size(256, 1024)));
        assert_eq!(round_up(256, 1025), Some(size(256, 2048)));
        assert_eq!(round_up(256, 2049), Some(size(512, 3072)));
        assert_eq!(round_up(257, 1), Some(size(512, 1024)));
        assert_eq!(round_up(1024, 1), Some(size(1024, 2048)));
        assert_eq!(round_up(4096, 30_721), Some(size(8192, 32_768)));
        assert_eq!(round_up(8192, 61_441), Some(size(16384, 65_536)));
        assert_eq!(round_up(16384, 122_880), Some(size(16384, 122_880)));
        assert_eq!(round_up(16385, 1), None);
        assert_eq!(round_up(1, 122_881), None);
        assert_eq!(round_up(u32::MAX, u32::MAX), None);
    }

    #[test]
    fn the_rounded_up_size_is_the_cheapest_that_fits() {
        for cpu_units in (0..=16_640).step_by(128) {
            for memory_mib in (0..=124_928).step_by(512) {
                let fits = |s: &FargateSize| s.cpu_units >= cpu_units && s.memory_mib >= memory_mib;
                for architecture in [Architecture::X86_64, Architecture::Arm64] {
                    let cheapest =
                        sizes().filter(fits).min_by_key(|&s| usd_nano_per_hour(s, architecture));
                    assert_eq!(round_up(cpu_units, memory_mib), cheapest);
                }
            }
        }
    }

    #[test]
    fn prices_are_the_published_ones() {
        // 1 vCPU and 2 GB: 0.04048 + 2 x 0.004445, and 0.03238 + 2 x 0.00356.
        assert_eq!(usd_nano_per_hour(size(1024, 2048), Architecture::X86_64), 49_370_000);
        assert_eq!(usd_nano_per_hour(size(1024, 2048), Architecture::Arm64), 39_500_000);
        // A quarter of a vCPU and half a GB: 0.01012 + 0.0022225.
        assert_eq!(usd_nano_per_hour(size(256, 512), Architecture::X86_64), 12_342_500);
        assert_eq!(usd_nano_per_hour(size(256, 512), Architecture::Arm64), 9_875_000);
    }

    #[test]
    fn the_price_of_every_valid_size_is_exact() {
        for size in sizes() {
            for prices in *PRICES {
                assert_eq!(scaled_price(size, prices) % PER_UNIT, 0, "{size:?}");
            }
        }
    }

    #[test]
    fn other_sizes_are_rounded_to_the_nearest_nano_dollar() {
        // 40 480 000 / 1024 = 39 531.25; 4 445 000 / 1024 = 4340.82;
        // 4 x 3 560 000 / 1024 = 13 906.25.
        assert_eq!(usd_nano_per_hour(size(1, 0), Architecture::X86_64), 39_531);
        assert_eq!(usd_nano_per_hour(size(0, 1), Architecture::X86_64), 4341);
        assert_eq!(usd_nano_per_hour(size(0, 4), Architecture::Arm64), 13_906);
        let largest = size(u32::MAX, u32::MAX);
        assert_eq!(usd_nano_per_hour(largest, Architecture::X86_64), 188_429_107_156_128);
    }

    #[test]
    fn the_price_table_states_its_date() {
        assert!(include_str!("fargate_prices.csv").contains(AS_OF));
    }
}
