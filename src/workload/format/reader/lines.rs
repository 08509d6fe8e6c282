//! The bytes of a table as its readers take them: line ends made equal, and where the commas, line
//! ends and quotes are.

use std::fmt;
use std::io::{self, ErrorKind, Read};

use memchr::memchr;

/// Bytes held at once: few enough to stay in a core's own cache until they are parsed.
pub(super) const BUFFER_BYTES: usize = 128 << 10;

/// Bytes whose marks are found at once.
const BLOCK_BYTES: usize = 64;

/// A buffer over the input. CRLF and lone CR become LF, so that lines are counted right in every
/// file, and one LF is put behind the last byte, so that a record that ends with the input and not
/// with a line end can only be one whose quote was never closed.
pub(super) struct Lines {
    inner: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// The bytes `start..end` of the buffer are still to be taken.
    start: usize,
    end: usize,
    /// Where a comma, a line end or a quote is in the buffer; those at `next_mark..found` are to be
    /// taken.
    marks: Box<[u32]>,
    next_mark: usize,
    found: usize,
    /// Whether all bytes to be taken are ASCII.
    is_ascii: bool,
    /// Whether the last byte read was a CR, whose LF is then dropped.
    after_return: bool,
    /// Whether the input has ended and the LF behind its last byte was added.
    is_closed: bool,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lines");
        shown.field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Lines {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Lines {
        Lines {
            inner,
            buffer: vec![0; BUFFER_BYTES].into(),
            start: 0,
            end: 0,
            // Every byte may be a mark.
            marks: vec![0; BUFFER_BYTES + BLOCK_BYTES].into(),
            next_mark: 0,
            found: 0,
            is_ascii: true,
            after_return: false,
            is_closed: false,
        }
    }

    /// The whole buffer, which the marks point into.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Where in the buffer the bytes to be taken start.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The bytes to be taken, as far as they were read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where in the buffer commas, line ends and quotes are since the last refill, and how many of
    /// them were taken.
    pub(super) fn marks(&self) -> (&[u32], usize) {
        (&self.marks[..self.found], self.next_mark)
    }

    /// Whether all bytes to be taken are ASCII; a `false` may come from bytes taken before.
    pub(super) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Takes bytes with the marks among them.
    pub(super) fn take(&mut self, bytes: usize, marks: usize) {
        self.start += bytes;
        self.next_mark += marks;
    }

    /// Takes bytes, whatever marks are among them.
    pub(super) fn take_bytes(&mut self, bytes: usize) {
        self.start += bytes;
        let taken = |mark: &&u32| (**mark as usize) < self.start;
        let marks = &self.marks[self.next_mark..self.found];
        self.next_mark += marks.iter().take_while(taken).count();
    }

    /// Reads more behind the bytes to be taken, which move to the start of the buffer; false if
    /// there is no more, or no room for it.
    pub(super) fn refill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let before = self.end;
        let outcome = self.read_on();
        self.find_marks();
        outcome.map(|()| self.end > before)
    }

    fn read_on(&mut self) -> io::Result<()> {
        // Of a CRLF at the end of a read nothing may be left.
        let before = self.end;
        while self.end == before && self.end < self.buffer.len() && !self.is_closed {
            let read = match self.inner.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if read == 0 {
                self.is_closed = true;
                self.buffer[self.end] = b'\n';
                self.end += 1;
            } else {
                self.end += self.equalise(self.end, read);
            }
        }
        Ok(())
    }

    /// Makes line ends equal in the `count` bytes from `from` on, in place; returns how many bytes
    /// are left.
    fn equalise(&mut self, from: usize, count: usize) -> usize {
        let bytes = &mut self.buffer[from..from + count];
        let mut read = usize::from(self.after_return && bytes[0] == b'\n');
        let mut kept = 0;
        self.after_return = false;
        while let Some(length) = memchr(b'\r', &bytes[read..]) {
            bytes.copy_within(read..read + length, kept);
            kept += length;
            bytes[kept] = b'\n';
            kept += 1;
            read += length + 1;
            match bytes.get(read) {
                Some(b'\n') => read += 1,
                Some(_) => {}
                None => self.after_return = true,
            }
        }
        if read > kept {
            bytes.copy_within(read.., kept);
        }
        kept + bytes.len() - read
    }

    fn find_marks(&mut self) {
        let bytes = &self.buffer[..self.end];
        self.next_mark = 0;
        let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
        let mut found = 0;
        let mut seen = 0;
        let mut last = [0; BLOCK_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        for (index, block) in blocks.iter().chain([&last]).enumerate() {
            seen |= block.iter().fold(0, |seen, byte| seen | byte);
            let mut marked = marked(block);
            let room = &mut self.marks[found..found + BLOCK_BYTES];
            let mut count = 0;
            while marked != 0 {
                room[count] = (index * BLOCK_BYTES) as u32 + marked.trailing_zeros();
                marked &= marked - 1;
                count += 1;
            }
            found += count;
        }
        self.found = found;
        self.is_ascii = seen < 0x80;
    }

    /// Bytes up to the next line end, that included; all if there is none.
    pub(super) fn line_length(&self) -> usize {
        memchr(b'\n', self.bytes()).map_or(self.end - self.start, |at| at + 1)
    }
}

/// Which bytes of a block are a comma, a line end or a quote, the first in the lowest bit. Written
/// so that compilers turn it into vector instructions.
fn marked(block: &[u8; BLOCK_BYTES]) -> u64 {
    /// Collects the lowest bits of eight bytes in the highest byte of the product.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let is = |byte: u8, mark: u8| u8::from(byte == mark);
    let is_mark = block.map(|byte| is(byte, b',') | is(byte, b'\n') | is(byte, b'"'));
    let (groups, _) = is_mark.as_chunks::<8>();
    let bits = |group: &[u8; 8]| u64::from_le_bytes(*group).wrapping_mul(GATHER) >> 56;
    groups.iter().enumerate().fold(0, |all, (index, group)| all | bits(group) << (8 * index))
}
