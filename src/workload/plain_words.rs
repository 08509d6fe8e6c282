//! What serde says of a file, for those who wrote the file.

/// Serde's message without the types of this program.
pub fn in_plain_words(message: &str) -> String {
    let words = [
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u64", "expected a whole number from 0"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected i32", "expected a whole number"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        (" as i128", ", which is beyond the whole numbers of TOML"),
        (" as u128", ", which is beyond the whole numbers of TOML"),
    ];
    let plain = words.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to));
    match plain.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a table"),
        None => plain,
    }
}
