//! Which loader an executable asks for: the little of the ELF format that tells.

use super::endpoint::EngineError;

/// Type of the program header that names the loader (`PT_INTERP`).
const INTERPRETER: u32 = 3;

/// Numbers of one byte order at offsets that may lie outside the file.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    /// The unsigned number of `size` bytes at an offset.
    fn number(&self, at: u64, size: usize) -> Option<u64> {
        let from = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(from..from.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let number = if self.big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        };
        Some(number)
    }
}

/// The path of the loader that an ELF executable asks for; `None` if it is statically linked.
///
/// # Errors
///
/// [`EngineError::Image`] for what is no 64-bit ELF file, or one whose headers lead outside of it.
pub(super) fn interpreter(file: &[u8]) -> Result<Option<String>, EngineError> {
    let wrong = |why: &str| EngineError::Image(format!("the executable {why}"));
    if file.get(..4) != Some(b"\x7fELF".as_slice()) || file.get(4) != Some(&2) {
        return Err(wrong("is no 64-bit ELF file: containers are Linux only"));
    }
    let fields = Fields { bytes: file, big_endian: file.get(5) == Some(&2) };
    let cut = || wrong("has program headers that lead outside of it");
    let table = fields.number(32, 8).ok_or_else(cut)?;
    let entry_size = fields.number(54, 2).ok_or_else(cut)?;
    let entries = fields.number(56, 2).ok_or_else(cut)?;
    for entry in 0..entries {
        let at = table.checked_add(entry * entry_size).ok_or_else(cut)?;
        if fields.number(at, 4).ok_or_else(cut)? != u64::from(INTERPRETER) {
            continue;
        }
        let field = |offset: u64| at.checked_add(offset).and_then(|at| fields.number(at, 8));
        let from = field(8).ok_or_else(cut)?;
        let to = field(32).and_then(|size| from.checked_add(size)).ok_or_else(cut)?;
        let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        let path = range.and_then(|(from, to)| file.get(from..to)).ok_or_else(cut)?;
        let path = path.strip_suffix(b"\0").unwrap_or(path);
        let path = std::str::from_utf8(path).ok().filter(|path| path.starts_with('/'));
        return Ok(Some(path.ok_or_else(|| wrong("names no path as its loader"))?.to_owned()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::interpreter;

    /// A file with one program header of a type, little-endian, and a loader's path at its end.
    fn file(kind: u32, path: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64..68].copy_from_slice(&kind.to_le_bytes());
        bytes[72] = 120;
        bytes[96] = u8::try_from(path.len() + 1).unwrap();
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn the_loader_is_the_interpreter_and_static_files_have_none() {
        let loader = interpreter(&file(3, "/lib64/ld.so")).unwrap();
        assert_eq!(loader.as_deref(), Some("/lib64/ld.so"));
        assert_eq!(interpreter(&file(1, "/lib64/ld.so")), Ok(None));
    }

    #[test]
    fn this_tests_own_executable_can_be_read() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let loader = interpreter(&own).unwrap();
        if cfg!(all(target_env = "gnu", not(target_feature = "crt-static"))) {
            let loader = loader.unwrap();
            assert!(std::path::Path::new(&loader).exists(), "{loader}");
        }
    }

    #[test]
    fn every_cut_and_every_wild_number_is_an_error_or_a_value_and_no_panic() {
        let whole = file(3, "/lib64/ld.so");
        for length in 0..whole.len() {
            assert!(interpreter(&whole[..length]).is_err(), "{length} bytes");
        }
        for at in 6..120 {
            for byte in [0x00, 0x01, 0x7f, 0xff] {
                let mut wild = whole.clone();
                wild[at] = byte;
                let _ = interpreter(&wild);
                wild[at..(at + 8).min(120)].fill(byte);
                let _ = interpreter(&wild);
            }
        }
    }
}
