//! Tests of the keyed randomness: known answers, independence of neighbours, and edge cases.

use super::*;
use rand::Rng;

/// Purpose of the draws of these tests.
const PURPOSE: Purpose = Purpose(7);

#[test]
fn philox_gives_the_known_answers_of_random123() {
    let answer = philox4x32_10([0; 4], [0; 2]);
    assert_eq!(answer, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    let answer = philox4x32_10([u32::MAX; 4], [u32::MAX; 2]);
    assert_eq!(answer, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    let answer = philox4x32_10(counter, [0xa409_3822, 0x299f_31d0]);
    assert_eq!(answer, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
}

#[test]
fn uniform_is_the_first_of_its_stream() {
    let seed = Seed(42);
    for entity in 0..100 {
        let mut stream = seed.stream(PURPOSE, entity, 3);
        assert_eq!(seed.uniform(PURPOSE, entity, 3), stream.uniform());
    }
}

#[test]
fn a_stream_is_the_philox_blocks_in_order() {
    let mut stream = Seed(1).stream(PURPOSE, 0x0123_4567_89AB_CDEF, 5);
    let key = stream.key;
    for block in 0..3 {
        let expected = philox4x32_10([block, 5, 0x89AB_CDEF, 0x0123_4567], key);
        for word in expected {
            assert_eq!(stream.next_u32(), word);
        }
    }
}

#[test]
fn words_pairs_and_bytes_read_the_same_stream() {
    let stream = Seed(9).stream(PURPOSE, 1, 0);
    let mut bytes = [0; 20];
    stream.clone().fill_bytes(&mut bytes);
    let (mut words, mut pairs) = (stream.clone(), stream.clone());
    let pair = u64::from(words.next_u32()) | (u64::from(words.next_u32()) << 32);
    assert_eq!(pairs.next_u64(), pair);
    assert_eq!(u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")), pair);
    assert_eq!(stream.clone().uniform(), unit_from_bits(pair));
}

#[test]
#[should_panic(expected = "random stream exhausted")]
fn a_stream_never_wraps_round() {
    let mut stream = Seed(9).stream(PURPOSE, 1, 0);
    stream.counter[0] = u32::MAX;
    for _ in 0..=BLOCK_WORDS {
        stream.next_u32();
    }
}

#[test]
fn uniforms_stay_inside_the_open_interval() {
    assert_eq!(unit_from_bits(0), f64::EPSILON / 2.0);
    assert_eq!(unit_from_bits(u64::MAX), 1.0 - f64::EPSILON / 2.0);
    assert!(unit_from_bits(u64::MAX) < 1.0);
    assert_eq!(unit_from_bits(1 << 63) - 0.5, f64::EPSILON / 2.0);
}

#[test]
fn keys_do_not_collide() {
    let mut keys: Vec<[u32; 2]> = Vec::new();
    for index in 0..10_000 {
        keys.push(Seed(3).stream(Purpose(index), 0, 0).key);
        keys.push(Seed(u64::from(index) + 4).stream(Purpose(0), 0, 0).key);
    }
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

/// Chi-square of 16 x 16 cells of consecutive pairs, scaled to mean 0 and deviation 1.
fn serial_deviation(uniforms: impl Iterator<Item = f64>) -> f64 {
    let uniforms: Vec<f64> = uniforms.collect();
    let mut cells = [0_u32; 256];
    for pair in uniforms.windows(2).step_by(2) {
        cells[pick(pair[0], 16) * 16 + pick(pair[1], 16)] += 1;
    }
    let expected = (uniforms.len() / 2) as f64 / 256.0;
    let square = |&count: &u32| (f64::from(count) - expected).powi(2) / expected;
    let chi_square: f64 = cells.iter().map(square).sum();
    (chi_square - 255.0) / (2.0_f64 * 255.0).sqrt()
}

#[test]
fn neighbours_look_independent() {
    const COUNT: u32 = 65_536;
    let seed = Seed(2024);
    let mut stream = seed.stream(PURPOSE, 0, 0);
    let deviations = [
        serial_deviation((0..COUNT).map(|index| seed.uniform(PURPOSE, u64::from(index), 0))),
        serial_deviation((0..COUNT).map(|index| seed.uniform(PURPOSE, 11, index))),
        serial_deviation((0..COUNT).map(|index| seed.uniform(Purpose(index), 11, 0))),
        serial_deviation((0..COUNT).map(|index| Seed(u64::from(index)).uniform(PURPOSE, 11, 0))),
        serial_deviation((0..COUNT).map(|_| stream.uniform())),
        serial_deviation((0..COUNT).map(|index| seed.uniform(PURPOSE, u64::from(index) << 40, 0))),
    ];
    for (case, deviation) in deviations.iter().enumerate() {
        assert!(deviation.abs() < 4.0, "case {case} deviates by {deviation} sigma");
    }
}

#[test]
fn the_chi_square_notices_dependence() {
    let low_discrepancy = (0..65_536).map(|index| (f64::from(index) * 0.618_033_988_75) % 1.0);
    assert!(serial_deviation(low_discrepancy.map(|u| u.max(1e-9))).abs() > 4.0);
}

#[test]
fn pick_covers_all_indices_evenly() {
    assert_eq!(pick(f64::EPSILON, 5), 0);
    assert_eq!(pick(1.0 - f64::EPSILON / 2.0, 5), 4);
    assert_eq!(pick(0.5, 2), 1);
    assert_eq!(pick(0.4999, 2), 0);
    assert_eq!(pick(1.0, 5), 4);
    let mut counts = [0_u32; 7];
    for index in 0..7000 {
        counts[pick((f64::from(index) + 0.5) / 7000.0, 7)] += 1;
    }
    assert_eq!(counts, [1000; 7]);
    assert_eq!(pick(0.7, 1), 0);
}

#[test]
#[should_panic(expected = "cannot pick from nothing")]
fn picking_from_nothing_panics() {
    pick(0.5, 0);
}
