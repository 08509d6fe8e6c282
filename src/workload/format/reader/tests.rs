//! Tests of reading: compression, tables, and every kind of bad input.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use tempfile::TempDir;

use super::decode::open_up_to;
use super::{RECORD_BYTES_MAX, Rows, open};
use crate::model::{Cpu, GpuRequest};
use crate::workload::WorkloadError;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The three ways to compress, by the command that checks the result.
type Compressor = fn(&[u8]) -> Vec<u8>;
const COMPRESSORS: [(&str, Compressor); 3] = [("gzip -t", gzip), ("zstd -t", zst), ("xz -t", xz)];

fn file(directory: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join("trace");
    fs::write(&path, bytes).unwrap();
    path
}

fn content(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let directory = TempDir::new().unwrap();
    let mut input = open(&file(&directory, bytes)).map_err(|error| error.to_string())?;
    let mut read = Vec::new();
    input.read_to_end(&mut read).map_err(|error| error.to_string())?;
    Ok(read)
}

/// Bytes that do not compress to nothing.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn plain_and_compressed_files_give_their_content() {
    let bytes = noise(300_000);
    assert_eq!(content(&bytes).unwrap(), bytes);
    assert_eq!(content(b"").unwrap(), b"");
    for (name, compress) in COMPRESSORS {
        assert_eq!(content(&compress(&bytes)).unwrap(), bytes, "{name}");
        assert_eq!(content(&compress(b"")).unwrap(), b"", "{name}");
    }
}

#[test]
fn every_member_of_a_file_is_read() {
    for (name, compress) in COMPRESSORS {
        let two = [compress(b"first,"), compress(b"second")].concat();
        assert_eq!(content(&two).unwrap(), b"first,second", "{name}");
    }
}

#[test]
fn truncation_is_an_error_wherever_it_falls() {
    for (name, compress) in COMPRESSORS {
        let whole = compress(&noise(5_000));
        for length in 8..whole.len() {
            let error = content(&whole[..length]).expect_err(name);
            assert!(error.contains("truncated") && error.contains(name), "{length}: {error}");
        }
    }
}

#[test]
fn trailing_garbage_and_damage_are_errors() {
    for (name, compress) in COMPRESSORS {
        let whole = compress(&noise(5_000));
        for garbage in [&b"x"[..], b"garbage", b"\0\0\0\0\0\0\0\0\0x"] {
            let error = content(&[&whole, garbage].concat()).expect_err(name);
            assert!(error.contains("the compressed file is "), "{error}");
        }
    }
    let mut damaged = gzip(&noise(5_000));
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    assert!(content(&damaged).unwrap_err().contains("damaged"));
}

#[test]
fn decompressed_bytes_are_capped_and_plain_ones_not() {
    let directory = TempDir::new().unwrap();
    for (name, compress) in COMPRESSORS {
        let path = file(&directory, &compress(&[b'0'; 10_000]));
        let mut read = Vec::new();
        assert!(open_up_to(&path, 10_000).unwrap().read_to_end(&mut read).is_ok(), "{name}");
        let error = open_up_to(&path, 9_999).unwrap().read_to_end(&mut read).unwrap_err();
        assert!(error.to_string().contains("more than 9999 bytes"), "{error}");
    }
    let path = file(&directory, &[b'0'; 10_000]);
    assert_eq!(open_up_to(&path, 5).unwrap().read_to_end(&mut Vec::new()).unwrap(), 10_000);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let directory = TempDir::new().unwrap();
    let refused = |path: &Path| open(path).err().unwrap().to_string();
    let missing = refused(&directory.path().join("absent.csv"));
    assert!(missing.contains("absent.csv: there is no such file"), "{missing}");
    let is_directory = refused(directory.path());
    assert!(is_directory.contains("is a directory"), "{is_directory}");
    for (bytes, what) in
        [(&b"PK\x03\x04.."[..], "zip"), (b"BZh91AY", "bzip2"), (b"PAR1....", "Parquet")]
    {
        let refusal = refused(&file(&directory, bytes));
        assert!(refusal.contains(what), "{refusal}");
    }
}

fn open_rows(bytes: impl Into<Vec<u8>>) -> Result<Rows, WorkloadError> {
    let input = Box::new(std::io::Cursor::new(bytes.into()));
    Rows::new("t.csv".to_owned(), input, &["a", "number"], &["time", "other"])
}

/// Every row as (line, text of `a`), or the first error.
fn texts(bytes: impl Into<Vec<u8>>) -> Result<Vec<(u64, String)>, String> {
    let mut rows = open_rows(bytes).map_err(|error| error.to_string())?;
    let column = rows.column("a");
    let mut read = Vec::new();
    while rows.advance().map_err(|error| error.to_string())? {
        read.push((rows.line(), rows.text(column).to_owned()));
    }
    Ok(read)
}

fn lines(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    let owned = |(line, text): &(u64, &str)| (*line, (*text).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn marks_and_line_ends_of_all_kinds_are_accepted() {
    let expected = Ok(lines(&[(2, "x"), (3, "y")]));
    assert_eq!(texts("a,number\nx,1\ny,2\n"), expected);
    assert_eq!(texts("a,number\nx,1\ny,2"), expected);
    assert_eq!(texts("\u{feff}a,number\r\nx,1\r\ny,2\r\n"), expected);
    assert_eq!(texts("a,number\rx,1\ry,2"), expected);
    assert_eq!(texts("number,a\r\n1,x\n2,y\r"), expected);
    assert_eq!(texts("a,number\n\nx,1\n\r\n\ny,2\n\n"), Ok(lines(&[(3, "x"), (6, "y")])));
}

#[test]
fn lines_are_counted_through_quoted_line_ends() {
    let text = "a,number\r\n\"x\r\n,\"\"y\",1\r\nz,2\r\n";
    assert_eq!(texts(text), Ok(lines(&[(2, "x\n,\"y"), (4, "z")])));
    // Across the boundary of the parser's buffer, too.
    let padding = "p".repeat(65_536 - "a,number\r\n".len() - ",1\r".len());
    let text = format!("a,number\r\n{padding},1\r\nz,2\r\nbad\r\n");
    assert_eq!(texts(text).unwrap_err().split(':').next(), Some("t.csv, line 4"));
}

#[test]
fn headers_are_matched_by_name() {
    let error = |text: &str| open_rows(text).expect_err(text).to_string();
    assert_eq!(
        error("a,nummer\nx,1\n"),
        "t.csv, line 1: unknown column \"nummer\": did you mean 'number'?"
    );
    assert!(error("a, number\n").contains("remove the spaces around the name"));
    assert!(error("a,number,zzzzzz\n").contains("unknown column \"zzzzzz\": remove it; known"));
    assert!(error("a,time\n").contains("column 'number' is missing; the header needs a,number"));
    assert!(error("a,number,a\n").contains("column 'a' stands in the header twice"));
    assert!(error("a,number,\n").contains("column 3 has no name"));
    assert!(error("a;number\nx;1\n").contains("separated by semicolons"));
    assert!(error("a\tnumber\nx\t1\n").contains("separated by tabs"));
    assert!(error("17,3.5\n").contains("there is no header"));
    assert_eq!(error(""), "t.csv: no rows: the file is empty");
    assert_eq!(error("\u{feff}"), "t.csv: no rows: the file is empty");
    assert_eq!(error("\r\n\n"), "t.csv: no rows: the file is empty");
    assert_eq!(texts("a,number\n"), Ok(Vec::new()));
}

#[test]
fn short_and_long_rows_are_refused() {
    let short = texts("a,number\nx,1\ny\n").unwrap_err();
    assert!(short.starts_with("t.csv, line 3: 1 fields where the header has 2"), "{short}");
    let long = texts("a,number\r\nx,1\r\ny,2,3\r\n").unwrap_err();
    assert!(long.starts_with("t.csv, line 3: 3 fields where the header has 2"), "{long}");
}

#[test]
fn a_lone_quote_names_the_line_where_it_opened() {
    let at_end = texts("a,number\nx,1\n\"y,2\nz,3\n").unwrap_err();
    assert!(at_end.starts_with("t.csv, line 3: unclosed quote opened at line 3"), "{at_end}");
    let later = texts("a,number\n\"x\ny\",\"1\nz,3").unwrap_err();
    assert!(later.starts_with("t.csv, line 3: unclosed quote opened at line 3"), "{later}");
    let only = texts("a,number\nx,\"").unwrap_err();
    assert!(only.starts_with("t.csv, line 2: unclosed quote opened at line 2"), "{only}");
    let rest = "z,3\n".repeat(RECORD_BYTES_MAX as usize);
    let long = texts(format!("a,number\nx,1\n\"y,2\n{rest}")).unwrap_err();
    assert!(long.starts_with("t.csv, line 3: unclosed quote opened at line 3"), "{long}");
}

#[test]
fn records_are_limited_and_files_are_not() {
    let most = RECORD_BYTES_MAX as usize - ",1\n".len();
    let text = format!("a,number\n{},1\n", "x".repeat(most));
    assert_eq!(texts(text).unwrap()[0].1.len(), most);
    let error = texts(format!("a,number\n{},1\n", "x".repeat(most + 1))).unwrap_err();
    assert!(error.starts_with("t.csv, line 2: the record is longer than 1048576"), "{error}");
    let many = format!("a,number\n{}", "x,1\n".repeat(600_000));
    assert_eq!(texts(many).unwrap().len(), 600_000);
}

#[test]
fn other_encodings_are_named() {
    let latin = texts(b"a,number\nx,1\nna\xefve,2\n".to_vec()).unwrap_err();
    assert!(latin.starts_with("t.csv, line 3: byte 3 of field 1 is 0xef"), "{latin}");
    // Valid only if the two fields were one text.
    assert!(texts(b"a,number\n\xc3,\xa9\n".to_vec()).is_err());
    assert!(texts(b"\xff\xfea\0".to_vec()).unwrap_err().contains("UTF-16"));
    assert_eq!(texts("a,number\nnaïve,1\n"), Ok(lines(&[(2, "naïve")])));
}

/// A row with this value in the column `number` and in `time`.
fn row(value: &str) -> Rows {
    let mut rows = open_rows(format!("a,number,time\nx,{value},{value}\n")).unwrap();
    assert!(rows.advance().unwrap());
    rows
}

#[test]
fn numbers_are_whole_and_in_range() {
    let parsed = |value: &str| {
        let rows = row(value);
        rows.u64(rows.column("number")).map_err(|error| error.to_string())
    };
    assert_eq!(parsed("0"), Ok(0));
    assert_eq!(parsed("18446744073709551615"), Ok(u64::MAX));
    assert!(parsed("18446744073709551616").unwrap_err().contains("is too large"));
    for value in ["", "-1", "+1", "1.0", "1e400", "NaN", "inf", "0x10", " 1", "1_000", "１"] {
        let error = parsed(value).expect_err(value);
        assert!(error.starts_with("t.csv, line 2: column 'number': "), "{error}");
        assert!(error.contains("is not a whole number"), "{error}");
    }
    assert!(parsed(" 1").unwrap_err().contains("\" 1\" (there are spaces around it)"));
    assert!(parsed(&"9".repeat(500)).unwrap_err().len() < 200, "a long value is shortened");
    let rows = row("4294967296");
    assert!(rows.u32(rows.column("number")).unwrap_err().to_string().contains("4294967295"));
    assert!(rows.cpu(rows.column("number"), Cpu::MILLI).is_err());
    let rows = row("33554431");
    let most = Cpu::from_milli(33_554_431).unwrap();
    assert_eq!(rows.cpu(rows.column("number"), Cpu::MILLI).unwrap(), most);
    assert!(row("33554432").cpu(rows.column("number"), Cpu::MILLI).is_err());
}

#[test]
fn times_are_exact_decimals() {
    let micros = |value: &str| {
        let rows = row(value);
        let time = rows.seconds(rows.column("time"));
        time.map(crate::des::SimDuration::micros).map_err(|error| error.to_string())
    };
    assert_eq!(micros("0.1"), Ok(100_000));
    assert_eq!(micros("12"), Ok(12_000_000));
    assert_eq!(micros("100000000000"), Ok(100_000_000_000_000_000));
    assert!(micros("100000000000.000001").unwrap_err().contains("milliseconds"));
    for value in ["", "-1", "1e400", "NaN", "inf", "1.", ".5", "12s"] {
        let error = micros(value).expect_err(value);
        assert!(error.starts_with("t.csv, line 2: column 'time': "), "{error}");
    }
}

#[test]
fn empty_and_absent_columns_are_optional() {
    let rows = row("");
    let [time, other] = ["time", "other"].map(|name| rows.column(name));
    assert!(rows.has(time) && !rows.has(other));
    assert_eq!(rows.optional_u32(time).unwrap(), None);
    assert_eq!(rows.optional_seconds(other).unwrap(), None);
    assert_eq!((rows.text(other), rows.optional(time)), ("", None));
    assert!(rows.filled(time).unwrap_err().to_string().contains("fill it in"));
}

#[test]
fn gpu_requests_are_whole_or_a_share_of_one() {
    let gpu = |number: &str, time: &str| {
        let mut rows = open_rows(format!("a,number,time\nx,{number},{time}\n")).unwrap();
        rows.advance().unwrap();
        rows.gpu(rows.column("number"), rows.column("time")).ok()
    };
    assert_eq!(gpu("", ""), Some(GpuRequest::default()));
    assert_eq!(gpu("0", "0"), Some(GpuRequest::default()));
    assert_eq!(gpu("1", "460"), Some(GpuRequest::share(460)));
    assert_eq!(gpu("8", "1000"), Some(GpuRequest::whole(8)));
    assert_eq!(gpu("2", ""), Some(GpuRequest::whole(2)));
    for (devices, milli) in [("0", "500"), ("1", "0"), ("1", "1001"), ("2", "500"), ("33", "")] {
        assert_eq!(gpu(devices, milli), None, "{devices} x {milli}");
    }
}

#[test]
fn rows_before_the_end_of_a_truncated_file_come_with_an_error_that_stays() {
    let mut text = b"a,number\n".to_vec();
    for index in 0..50_000 {
        writeln!(text, "row-{index},{index}").unwrap();
    }
    let whole = gzip(&text);
    let directory = TempDir::new().unwrap();
    let path = file(&directory, &whole[..whole.len() / 2]);
    let mut rows = Rows::open(&path, &["a", "number"], &[]).unwrap();
    let mut read = 0;
    let error = loop {
        match rows.advance() {
            Ok(true) => read += 1,
            Ok(false) => panic!("a truncated file ended like a whole one"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(read > 1000, "{read} rows before the error");
    assert!(error.contains("trace, line ") && error.contains("truncated"), "{error}");
    assert!(error.contains("gzip -t"), "{error}");
    assert_eq!(rows.advance().unwrap_err().to_string(), error);
}
