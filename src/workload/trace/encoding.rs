//! Batches as bytes: the blocks of a cache file, each with a check sum.
//!
//! Everything is little-endian. A block is a head (rows, bytes of definitions, bytes of texts, 1 if
//! it is the last: four `u32`), the rows at [`ROW_BYTES`] each, for each definition the length of
//! its key as `u32` and the key, the texts, and the XXH3 hash of all that as `u64`.

use std::io::{self, BufRead, Read, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::des::{SimDuration, SimTime};
use crate::model::Outcome;
use crate::workload::{Behaviour, UsageId};

use super::batch::{BATCH_ROWS, Batch, End, Row};

/// Bytes of a row: time and run time, then definition, count, and the lengths of group and label,
/// then the flags.
pub(super) const ROW_BYTES: usize = 33;

const HEAD_BYTES: usize = 16;
const SUM_BYTES: usize = 8;

/// A run time or length that is not there.
const NO_TIME: u64 = u64::MAX;
const NO_TEXT: u32 = u32::MAX;

const GANG: u8 = 1;
const FAILS: u8 = 2;

/// Why a block cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("it is {0}")]
    Damaged(&'static str),
}

/// Writes a batch as a block.
pub(super) fn write_block(out: &mut impl Write, batch: &Batch) -> io::Result<()> {
    let definitions: usize = batch.definitions.iter().map(|one| 4 + one.key.len()).sum();
    let length = |length: usize| u32::try_from(length).map_err(io::Error::other);
    let mut block = Vec::with_capacity(HEAD_BYTES + batch.rows.len() * ROW_BYTES);
    for number in [
        length(batch.rows.len())?,
        length(definitions)?,
        length(batch.texts.len())?,
        u32::from(batch.end == End::Trace),
    ] {
        block.extend_from_slice(&number.to_le_bytes());
    }
    for row in &batch.rows {
        block.extend_from_slice(&encoded(row));
    }
    for one in &batch.definitions {
        block.extend_from_slice(&length(one.key.len())?.to_le_bytes());
        block.extend_from_slice(&one.key);
    }
    block.extend_from_slice(batch.texts.as_bytes());
    let sum = xxh3_64(&block);
    out.write_all(&block)?;
    out.write_all(&sum.to_le_bytes())
}

fn encoded(row: &Row) -> [u8; ROW_BYTES] {
    let mut bytes = [0; ROW_BYTES];
    let run_time = row.behaviour.run_time.map_or(NO_TIME, SimDuration::micros);
    bytes[0..8].copy_from_slice(&row.at.micros().to_le_bytes());
    bytes[8..16].copy_from_slice(&run_time.to_le_bytes());
    bytes[16..20].copy_from_slice(&row.definition.to_le_bytes());
    bytes[20..24].copy_from_slice(&row.count.to_le_bytes());
    let [group, label] = row.texts.map(|length| length.unwrap_or(NO_TEXT));
    bytes[24..28].copy_from_slice(&group.to_le_bytes());
    bytes[28..32].copy_from_slice(&label.to_le_bytes());
    let gang = if row.all_or_nothing { GANG } else { 0 };
    let fails = if row.behaviour.ends == Outcome::Failed { FAILS } else { 0 };
    bytes[32] = gang | fails;
    bytes
}

fn decoded(bytes: &[u8; ROW_BYTES]) -> Row {
    let u64_at = |at: usize| u64::from_le_bytes(array(&bytes[at..at + 8]));
    let u32_at = |at: usize| u32::from_le_bytes(array(&bytes[at..at + 4]));
    let text_at = |at| Some(u32_at(at)).filter(|length| *length != NO_TEXT);
    let run_time = Some(u64_at(8)).filter(|micros| *micros != NO_TIME);
    let ends = if bytes[32] & FAILS == 0 { Outcome::Completed } else { Outcome::Failed };
    Row {
        at: SimTime::from_micros(u64_at(0)),
        behaviour: Behaviour {
            run_time: run_time.map(SimDuration::from_micros),
            ends,
            usage: UsageId::RESERVED,
        },
        definition: u32_at(16),
        count: u32_at(20),
        all_or_nothing: bytes[32] & GANG != 0,
        texts: [text_at(24), text_at(28)],
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cut as many bytes")
}

/// A block as it is in the file, with a check sum that is right.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// Reads the next block; false if the file has ended.
    pub(super) fn read(&mut self, input: &mut impl BufRead) -> Result<bool, BlockError> {
        if input.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.bytes.clear();
        self.append(input, HEAD_BYTES)?;
        if self.head(0) > BATCH_ROWS {
            return Err(BlockError::Damaged("damaged: a block has too many rows"));
        }
        let payload = self.head(0) * ROW_BYTES + self.head(1) + self.head(2);
        self.append(input, payload + SUM_BYTES)?;
        let (block, sum) = self.bytes.split_at(HEAD_BYTES + payload);
        if xxh3_64(block).to_le_bytes() != *sum {
            return Err(BlockError::Damaged("damaged: a check sum is wrong"));
        }
        Ok(true)
    }

    /// Memory grows with what the file has, not with what a damaged head promises.
    fn append(&mut self, input: &mut impl BufRead, count: usize) -> Result<(), BlockError> {
        let read = input.by_ref().take(count as u64).read_to_end(&mut self.bytes)?;
        if read < count {
            return Err(BlockError::Damaged("truncated"));
        }
        Ok(())
    }

    /// A number of the head.
    fn head(&self, index: usize) -> usize {
        u32::from_le_bytes(array(&self.bytes[4 * index..4 * index + 4])) as usize
    }

    /// Whether it is the last block.
    pub(super) fn is_last(&self) -> bool {
        self.head(3) == 1
    }

    /// The keys of its definitions.
    pub(super) fn keys(&self) -> Result<Vec<&[u8]>, BlockError> {
        let from = HEAD_BYTES + self.head(0) * ROW_BYTES;
        let mut rest = &self.bytes[from..from + self.head(1)];
        let mut keys = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let key = behind.split_at_checked(u32::from_le_bytes(*length) as usize);
            let (key, behind) = key.ok_or(BlockError::Damaged("damaged: a key is cut"))?;
            keys.push(key);
            rest = behind;
        }
        Ok(keys)
    }

    /// Puts the rows and texts in a batch; definitions must be below `known`.
    pub(super) fn decode(&self, batch: &mut Batch, known: usize) -> Result<(), BlockError> {
        let rows = &self.bytes[HEAD_BYTES..HEAD_BYTES + self.head(0) * ROW_BYTES];
        let (rows, _) = rows.as_chunks();
        batch.rows.extend(rows.iter().map(decoded));
        let from = HEAD_BYTES + self.head(0) * ROW_BYTES + self.head(1);
        let texts = std::str::from_utf8(&self.bytes[from..from + self.head(2)]);
        batch.texts.push_str(texts.map_err(|_| BlockError::Damaged("damaged: a text is none"))?);
        let mut end = 0;
        let mut is_sound = true;
        for row in &batch.rows {
            is_sound &= (row.definition as usize) < known;
            for length in row.texts.into_iter().flatten() {
                end += length as usize;
                is_sound &= batch.texts.is_char_boundary(end);
            }
        }
        if !is_sound || end != batch.texts.len() {
            return Err(BlockError::Damaged("damaged: a row is not whole"));
        }
        Ok(())
    }
}

/// XXH3 of all that a reader gives, 128 bits.
pub(super) fn hash(mut input: impl Read) -> io::Result<u128> {
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hash.digest128()),
            read => hash.update(&buffer[..read]),
        }
    }
}
