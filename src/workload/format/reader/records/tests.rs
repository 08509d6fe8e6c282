//! Tests that the fast and the careful way agree on anything, in fields, lines and errors.

use std::collections::VecDeque;
use std::io::Cursor;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// Fields and line of every record, and how the text ends.
type Outcome = (Vec<(u64, Vec<Vec<u8>>)>, Result<(), Refusal>);

/// An input that gives its bytes in parts, and at the end an error if it has one.
struct Parts {
    parts: VecDeque<Vec<u8>>,
    fails: bool,
}

fn parts(bytes: &[u8], part: usize, fails: bool) -> Box<dyn Read + Send> {
    Box::new(Parts { parts: bytes.chunks(part).map(<[u8]>::to_vec).collect(), fails })
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.parts.front_mut() else {
            return if self.fails { Err(io::Error::other("broken off")) } else { Ok(0) };
        };
        let count = part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&part[..count]);
        part.drain(..count);
        if part.is_empty() {
            self.parts.pop_front();
        }
        Ok(count)
    }
}

/// Reads a text; the first record says how many fields there are.
fn read(input: Box<dyn Read + Send>, is_careful: bool) -> (Outcome, u64) {
    let mut records = Records::new(input);
    let mut found = Vec::new();
    let mut plain = 0;
    loop {
        let next = if is_careful { records.advance_carefully() } else { records.advance() };
        match next {
            Ok(false) => return ((found, Ok(())), plain),
            Err(refusal) => return ((found, Err(refusal)), plain),
            Ok(true) => {}
        }
        if records.width.is_none() {
            records.expect_width();
        }
        plain += u64::from(records.plain.is_some());
        let fields = 0..records.width.unwrap();
        let fields = fields.map(|index| records.field(index).to_vec()).collect();
        found.push((records.line(), fields));
    }
}

/// The records as the crate `csv` reads them, the line ends made equal beforehand.
fn by_csv_alone(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let text: Vec<u8> = String::from_utf8_lossy(bytes).replace("\r\n", "\n").into_bytes();
    let text: Vec<u8> = text.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect();
    let mut builder = csv::ReaderBuilder::new();
    let reader = builder.has_headers(false).flexible(true).from_reader(text.as_slice());
    let fields = |record: csv::Result<ByteRecord>| {
        record.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    reader.into_byte_records().map(fields).collect()
}

/// Parts of tables, plain rows of two fields being the most frequent.
fn table() -> impl Strategy<Value = Vec<u8>> {
    let odd: Vec<&[u8]> = vec![
        b",",
        b"\n",
        b"\r",
        b"\r\n",
        b"\"",
        b"\"\"",
        b"x",
        b"\xc3\xa9",
        b"\xc3",
        b"\xff",
        b"\0",
        b"\"a,\nb\"",
        b"\"q\",1\n",
        b"1,\"\r\n\"\r\n",
        b"a\"b,1\n",
        b"\"a\"b,1\n",
        b"1,2,3\n",
        b"1\n",
        b" ",
        b"\"\",\"\"\n",
        b"\xc3\xa9,e\n",
        b"\xef\xbb\xbf",
    ];
    let plain = (0..100_000_u32, 0..100_u32).prop_map(|(a, b)| format!("{a},{b}\n").into_bytes());
    let windows = (0..100_000_u32).prop_map(|a| format!("{a},\r\n").into_bytes());
    let odd = prop::sample::select(odd).prop_map(<[u8]>::to_vec);
    let part = prop_oneof![12 => plain, 2 => windows, 1 => odd];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(3000),
        rng_seed: RngSeed::Fixed(21),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn both_ways_agree(bytes in table(), part in 1..200_usize, fails: bool) {
        let (fast, _) = read(parts(&bytes, part, fails), false);
        let (careful, plain) = read(parts(&bytes, 7, fails), true);
        prop_assert_eq!(plain, 0);
        prop_assert_eq!(&fast, &careful);
        if fast.1.is_ok() {
            let records: Vec<_> = fast.0.into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(records, by_csv_alone(&bytes));
        }
    }

    #[test]
    fn both_ways_agree_on_any_bytes(
        bytes in prop::collection::vec(prop::sample::select(&b"a1,,\n\r\"\xc3\xa9"[..]), 0..40),
        part in 1..9_usize,
    ) {
        let (fast, _) = read(parts(&bytes, part, false), false);
        let (careful, _) = read(parts(&bytes, 1, false), true);
        prop_assert_eq!(fast, careful);
    }
}

#[test]
fn plain_rows_go_the_fast_way_and_others_do_not() {
    let plain = |text: &str| read(Box::new(Cursor::new(text.to_owned())), false).1;
    // The header is read carefully.
    assert_eq!(plain("a,b\n1,2\n\n3,4\r\né,5"), 3);
    assert_eq!(plain("a,b\n1,2\n\"3\",4\n5,6\n"), 2);
}

#[test]
fn rows_across_the_buffer_and_longer_than_it_are_whole() {
    for length in [BUFFER_BYTES - 7, BUFFER_BYTES - 6, BUFFER_BYTES - 5, 3 * BUFFER_BYTES] {
        let text = format!("a,b\n1,2\n{},3\n4,5\n", "x".repeat(length));
        let ((fast, end), _) = read(parts(text.as_bytes(), 10_000, false), false);
        assert_eq!(end, Ok(()));
        assert_eq!(fast.iter().map(|record| record.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(fast[2].1[0].len(), length);
    }
    let row = "12345,6789\r\n";
    let text = format!("a,b\r\n{}", row.repeat(3 * BUFFER_BYTES / row.len()));
    let ((fast, end), plain) = read(Box::new(Cursor::new(text)), false);
    assert_eq!(end, Ok(()));
    assert_eq!(plain as usize, 3 * BUFFER_BYTES / row.len());
    assert!(
        fast.iter().skip(1).all(|(_, fields)| fields == &[b"12345".to_vec(), b"6789".to_vec()])
    );
}

/// More of them than one record may be long were once taken for the end of the file.
#[test]
fn any_number_of_empty_lines_is_skipped() {
    let text = format!("a,b\n{}1,2\n", "\n".repeat(3 << 20));
    let ((found, end), _) = read(Box::new(Cursor::new(text)), false);
    assert_eq!(end, Ok(()));
    assert_eq!(found[1], ((3 << 20) + 2, vec![b"1".to_vec(), b"2".to_vec()]));
}
