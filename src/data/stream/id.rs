//! The id of an entry: milliseconds and a sequence number, ordered.

use std::fmt;

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds, by the clock of whoever made it.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The last id that there is.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The id after this one.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The id before this one.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// As 16 bytes that are in the same order.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }

    /// As everybody writes it: `ms-seq`.
    #[inline]
    pub fn text(self) -> IdText {
        let mut bytes = [0; TEXT_BYTES_MAX];
        let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (ms, seq) = (ms.format(self.ms).as_bytes(), seq.format(self.seq).as_bytes());
        bytes[..ms.len()].copy_from_slice(ms);
        bytes[ms.len()] = b'-';
        let len = ms.len() + 1 + seq.len();
        bytes[ms.len() + 1..len].copy_from_slice(seq);
        IdText { bytes, len: len as u8 }
    }
}

/// Two numbers of at most 20 digits, and what stands between them.
const TEXT_BYTES_MAX: usize = 41;

/// An id as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: u8,
}

impl IdText {
    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}
