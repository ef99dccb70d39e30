//! A snapshot cut into chunks of whole items, so that several threads can read it at once.
//!
//! To find where an item ends is much less work than to read it: lengths are added up and nothing is made of what they announce. So one thread at a time
//! scans, and each reads the chunks that it got.

use super::Limits;
use super::codes::{Version, kind, opcode};
use super::crc64;
use super::decoder::{Checksum, version_of};
use super::error::RdbError;
use super::items::{Items, Part, refused};
use super::length::{self, Head};
use super::read::{ValueReader, module_name};
use super::source::Source;
use std::io::{Empty, Read};

/// A chunk has about so many bytes, and more only where a single item has. It is read at once, so that long.
const CHUNK_BYTES: usize = 256 * 1024;
/// How many bytes stand before the first item, and behind the last.
const HEAD_BYTES: usize = 9;
const SUM_BYTES: usize = 8;

/// A stretch of a snapshot: whole items.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    offset: u64,
    db: u64,
}

impl Chunk {
    /// The number of the database of the entries before the first that says another.
    pub fn db(&self) -> u64 {
        self.db
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no item.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Cuts a snapshot into chunks.
///
/// Memory: a chunk and what was read beyond it; of an item larger than a chunk twice the item.
#[derive(Debug)]
pub struct Scanner<R> {
    reader: R,
    version: Version,
    /// What was read and is in no chunk yet, and the offset of its first byte.
    buffer: Vec<u8>,
    base: u64,
    crc: u64,
    db: u64,
    end: Option<Checksum>,
}

impl<R: Read> Scanner<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`RdbError::NotRdb`], [`RdbError::Version`], or those of the reader.
    pub fn new(reader: R) -> Result<Self, RdbError> {
        let mut scanner =
            Self { reader, version: Version::WRITTEN, buffer: Vec::new(), base: 0, crc: 0, db: 0, end: None };
        scanner.read(HEAD_BYTES)?;
        scanner.version = version_of(*scanner.buffer.first_chunk().expect("so many bytes were asked for"))?;
        scanner.pass(HEAD_BYTES);
        Ok(scanner)
    }

    /// The version of the format.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes are behind: in chunks, or before and after all of them.
    pub fn offset(&self) -> u64 {
        self.base
    }

    /// What became of the checksum, once there is no further chunk.
    pub fn end(&self) -> Option<Checksum> {
        self.end
    }

    /// The next chunk; `None` after the end. `spare` is memory to use again.
    ///
    /// # Errors
    /// Whatever an [`RdbError`] says. Chunks that were given before are whole all the same.
    pub fn next(&mut self, mut spare: Vec<u8>) -> Result<Option<Chunk>, RdbError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let (offset, db) = (self.base, self.db);
        let (mut at, mut ends) = (0, false);
        while at < CHUNK_BYTES && !ends {
            let mut walk = Walk { bytes: &self.buffer, at, base: self.base, version: self.version };
            match walk.items(CHUNK_BYTES, &mut self.db, &mut at) {
                Ok(found_end) => ends = found_end,
                Err(Stop::Refused(error)) => return Err(error),
                // Something is whole: the rest is for the next chunk.
                Err(Stop::More) if at > 0 && self.buffer.len() >= CHUNK_BYTES => break,
                // An item is scanned again from its beginning, but of twice as many bytes each time.
                Err(Stop::More) => self.read((self.buffer.len() - at).max(CHUNK_BYTES))?,
            }
        }
        spare.clear();
        spare.extend_from_slice(&self.buffer[at..]);
        let bytes = std::mem::replace(&mut self.buffer, spare);
        let mut chunk = Chunk { bytes, offset, db };
        chunk.bytes.truncate(at);
        self.crc = crc64::update(self.crc, &chunk.bytes);
        self.base += at as u64;
        if ends {
            self.finish()?;
        }
        Ok(Some(chunk))
    }

    /// Reads what is behind the last item.
    fn finish(&mut self) -> Result<(), RdbError> {
        self.pass(1);
        if self.version.number() < Version::SUMMED {
            self.end = Some(Checksum::Absent);
            return Ok(());
        }
        while self.buffer.len() < SUM_BYTES {
            self.read(SUM_BYTES)?;
        }
        let found = u64::from_le_bytes(*self.buffer.first_chunk().expect("so many bytes were asked for"));
        self.end = Some(Checksum::of(found, self.crc));
        self.base += SUM_BYTES as u64;
        Ok(())
    }

    /// Leaves bytes behind that are in no chunk.
    fn pass(&mut self, len: usize) {
        self.crc = crc64::update(self.crc, &self.buffer[..len]);
        self.buffer.drain(..len);
        self.base += len as u64;
    }

    /// Reads up to so many more bytes, at least one.
    fn read(&mut self, len: usize) -> Result<(), RdbError> {
        let before = self.buffer.len();
        let offset = self.base + before as u64;
        match self.reader.by_ref().take(len as u64).read_to_end(&mut self.buffer) {
            Ok(0) => Err(RdbError::Truncated { offset }),
            Ok(_) if offset == 0 && self.buffer.len() < HEAD_BYTES => {
                Err(RdbError::Truncated { offset: self.buffer.len() as u64 })
            }
            Ok(_) => Ok(()),
            Err(source) => Err(RdbError::Read { offset: self.base + self.buffer.len() as u64, source }),
        }
    }
}

/// Why a walk goes no further.
enum Stop {
    /// The bytes end within an item.
    More,
    /// An item cannot be passed over.
    Refused(RdbError),
}

type Walked<T> = Result<T, Stop>;

/// A walk over bytes that makes nothing of them.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The offset of the first byte.
    base: u64,
    version: Version,
}

impl Walk<'_> {
    /// Passes items over until so many bytes are behind, and notes behind each where it is. True if the end was met instead.
    fn items(&mut self, until: usize, db: &mut u64, behind: &mut usize) -> Walked<bool> {
        loop {
            let start = self.at;
            match self.byte()? {
                opcode::EXPIRE_TIME_MS => {
                    self.skip(8)?;
                    // What follows belongs to it.
                    continue;
                }
                opcode::EXPIRE_TIME => {
                    self.skip(4)?;
                    continue;
                }
                opcode::IDLE => {
                    self.length()?;
                    continue;
                }
                opcode::FREQ => {
                    self.skip(1)?;
                    continue;
                }
                opcode::SLOT_INFO => {
                    self.lengths(3)?;
                    continue;
                }
                opcode::EOF => return Ok(true),
                opcode::SELECT_DB => *db = self.length()?,
                opcode::RESIZE_DB => self.lengths(2)?,
                opcode::AUX => self.strings(2)?,
                opcode::FUNCTION_2 => self.string()?,
                kind if ValueReader::knows(kind) => {
                    self.string()?;
                    self.value(kind)?;
                }
                code => {
                    let module = self.length_or_encoding();
                    if matches!(module, Err(Stop::More)) && code == opcode::MODULE_AUX {
                        return Err(Stop::More);
                    }
                    let module = module.ok().and_then(Result::ok).unwrap_or(0);
                    return Err(Stop::Refused(refused(code, self.base + start as u64, || Ok(module))));
                }
            }
            *behind = self.at;
            if self.at >= until {
                return Ok(false);
            }
        }
    }

    fn value(&mut self, kind: u8) -> Walked<()> {
        match kind {
            kind::STRING
            | kind::HASH_ZIPMAP
            | kind::LIST_ZIPLIST
            | kind::SET_INTSET
            | kind::ZSET_ZIPLIST
            | kind::HASH_ZIPLIST
            | kind::HASH_LISTPACK
            | kind::ZSET_LISTPACK
            | kind::SET_LISTPACK => self.string(),
            kind::LIST | kind::SET | kind::LIST_QUICKLIST => self.each(|walk| walk.string()),
            kind::HASH => self.each(|walk| walk.strings(2)),
            kind::ZSET => self.each(|walk| {
                walk.string()?;
                match walk.byte()? {
                    // Infinities and what is no number.
                    253.. => Ok(()),
                    digits => walk.skip(digits.into()),
                }
            }),
            kind::ZSET_2 => self.each(|walk| {
                walk.string()?;
                walk.skip(8)
            }),
            kind::LIST_QUICKLIST_2 => self.each(|walk| {
                walk.length()?;
                walk.string()
            }),
            kind::HASH_LISTPACK_EX => {
                self.skip(8)?;
                self.string()
            }
            kind::HASH_METADATA => {
                self.skip(8)?;
                self.each(|walk| {
                    walk.length()?;
                    walk.strings(2)
                })
            }
            kind::VALKEY_HASH_2 if self.version.is_valkey() => self.each(|walk| {
                walk.strings(2)?;
                walk.skip(8)
            }),
            kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => self.stream(kind),
            _ => self.unsupported(kind),
        }
    }

    /// See [`super::stream`].
    fn stream(&mut self, kind: u8) -> Walked<()> {
        const ID_BYTES: u64 = 16;
        let has_groups_with_counts = kind != kind::STREAM_LISTPACKS;
        let has_active_times = kind == kind::STREAM_LISTPACKS_3;
        self.each(|walk| walk.strings(2))?;
        self.lengths(3 + if has_groups_with_counts { 5 } else { 0 })?;
        self.each(|walk| {
            walk.string()?;
            walk.lengths(2 + usize::from(has_groups_with_counts))?;
            walk.each(|walk| {
                walk.skip(ID_BYTES + 8)?;
                walk.length().map(drop)
            })?;
            walk.each(|walk| {
                walk.string()?;
                walk.skip(8 + if has_active_times { 8 } else { 0 })?;
                walk.each(|walk| walk.skip(ID_BYTES))
            })
        })
    }

    /// What cannot be passed over is refused in the words of who would read it.
    #[cold]
    fn unsupported(&mut self, kind: u8) -> Walked<()> {
        let offset = self.base + self.at as u64;
        let what = match kind {
            kind::MODULE_PRE_GA => "a value of a module, in a form older than modules".into(),
            kind::MODULE_2 => {
                let name = module_name(self.length()?);
                format!("a value of the module type {name}, which is not there")
            }
            _ => "a hash in a form of a Redis 7.4 before its release".into(),
        };
        Err(Stop::Refused(RdbError::Unsupported { offset, what }))
    }

    #[inline]
    fn each(&mut self, mut item: impl FnMut(&mut Self) -> Walked<()>) -> Walked<()> {
        // A count is no promise: the walk ends where the bytes do.
        for _ in 0..self.length()? {
            item(self)?;
        }
        Ok(())
    }

    #[inline]
    fn byte(&mut self) -> Walked<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::More)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn skip(&mut self, len: u64) -> Walked<()> {
        if len > (self.bytes.len() - self.at) as u64 {
            return Err(Stop::More);
        }
        self.at += len as usize;
        Ok(())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Walked<[u8; N]> {
        let bytes = *self.bytes[self.at..].first_chunk().ok_or(Stop::More)?;
        self.at += N;
        Ok(bytes)
    }

    #[inline]
    fn length_or_encoding(&mut self) -> Walked<Result<u64, u8>> {
        Ok(Ok(match Head::of(self.byte()?) {
            Head::Short(length) => length.into(),
            Head::Middle(high) => u16::from_be_bytes([high, self.byte()?]).into(),
            Head::Word => u32::from_be_bytes(self.array()?).into(),
            Head::Long => u64::from_be_bytes(self.array()?),
            Head::Encoded(encoding) => return Ok(Err(encoding)),
            Head::Unknown => return Err(self.corrupt("a length of an unknown form")),
        }))
    }

    #[inline]
    fn length(&mut self) -> Walked<u64> {
        match self.length_or_encoding()? {
            Ok(length) => Ok(length),
            Err(_) => Err(self.corrupt("a string where a length should be")),
        }
    }

    fn lengths(&mut self, count: usize) -> Walked<()> {
        (0..count).try_for_each(|_| self.length().map(drop))
    }

    #[inline]
    fn string(&mut self) -> Walked<()> {
        match self.length_or_encoding()? {
            Ok(length) => self.skip(length),
            Err(length::INT8) => self.skip(1),
            Err(length::INT16) => self.skip(2),
            Err(length::INT32) => self.skip(4),
            Err(length::LZF) => {
                let packed = self.length()?;
                self.length()?;
                self.skip(packed)
            }
            Err(_) => Err(self.corrupt("a string in an unknown encoding")),
        }
    }

    fn strings(&mut self, count: usize) -> Walked<()> {
        (0..count).try_for_each(|_| self.string())
    }

    /// The byte before this one breaks a rule.
    #[cold]
    fn corrupt(&self, what: &'static str) -> Stop {
        Stop::Refused(RdbError::Corrupt { offset: self.base + self.at as u64 - 1, what })
    }
}

/// Reads chunks, one after the other.
#[derive(Debug)]
pub struct ChunkReader {
    items: Items<Empty>,
}

impl ChunkReader {
    /// For chunks of a snapshot of this version.
    pub fn new(version: Version, limits: Limits) -> Self {
        Self { items: Items::new(Source::of_bytes(Vec::new(), 0), version, limits) }
    }

    /// Goes on with this chunk. What was left of the one before is passed over, and its memory given back.
    pub fn begin(&mut self, chunk: Chunk) -> Vec<u8> {
        self.items.source.replace(chunk.bytes, chunk.offset)
    }

    /// The offset of the next item.
    pub fn offset(&self) -> u64 {
        self.items.source.offset()
    }

    /// The next item; `None` at the end of the chunk.
    ///
    /// # Errors
    /// Whatever an [`RdbError`] says.
    #[expect(clippy::should_implement_trait, reason = "what is lent lives until the next is asked for")]
    pub fn next(&mut self) -> Result<Option<Part<'_>>, RdbError> {
        if self.items.source.is_drained() { Ok(None) } else { self.items.next().map(Some) }
    }
}
