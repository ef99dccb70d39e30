//! Lengths, and strings that are integers.
//!
//! ```text
//! length    00llllll                       below 64
//!           01llllll llllllll              below 16,384
//!           0x80 [length: u32 BE]
//!           0x81 [length: u64 BE]
//! string    [length] [bytes]
//!           0xC0 i8,  0xC1 i16 LE,  0xC2 i32 LE                          the canonical text of that integer
//!           0xC3 [length: compressed] [length: whole] [LZF bytes]
//! ```

/// What the first byte of a length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The length itself.
    Short(u8),
    /// The upper bits; a byte follows.
    Middle(u8),
    /// Four bytes follow.
    Word,
    /// Eight bytes follow.
    Long,
    /// No length but a string in another encoding.
    Encoded(u8),
    /// Nothing that is known.
    Unknown,
}

pub(super) const INT8: u8 = 0;
pub(super) const INT16: u8 = 1;
pub(super) const INT32: u8 = 2;
pub(super) const LZF: u8 = 3;

const WORD: u8 = 0x80;
const LONG: u8 = 0x81;
const ENCODED: u8 = 0xC0;

impl Head {
    #[inline]
    pub(super) fn of(byte: u8) -> Self {
        match byte {
            0x00..=0x3F => Self::Short(byte),
            0x40..=0x7F => Self::Middle(byte & 0x3F),
            WORD => Self::Word,
            LONG => Self::Long,
            ENCODED.. => Self::Encoded(byte & 0x3F),
            _ => Self::Unknown,
        }
    }
}

/// A length or the head of a string as it is written: at most nine bytes, on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    bytes: [u8; 9],
    len: u8,
}

impl Written {
    fn of(parts: &[&[u8]]) -> Self {
        let (mut bytes, mut len) = ([0; 9], 0);
        for part in parts {
            bytes[len..len + part.len()].copy_from_slice(part);
            len += part.len();
        }
        Self { bytes, len: len as u8 }
    }

    /// A length.
    #[inline]
    pub(super) fn length(length: u64) -> Self {
        match length {
            0..=0x3F => Self::of(&[&[length as u8]]),
            0x40..=0x3FFF => Self::of(&[&(length as u16 | 0x4000).to_be_bytes()]),
            0x4000..=0xFFFF_FFFF => Self::of(&[&[WORD], &(length as u32).to_be_bytes()]),
            _ => Self::of(&[&[LONG], &length.to_be_bytes()]),
        }
    }

    /// A string that is an integer, if it fits into 32 bits.
    #[inline]
    pub(super) fn integer(value: i64) -> Option<Self> {
        Some(if let Ok(value) = i8::try_from(value) {
            Self::of(&[&[ENCODED | INT8], &value.to_le_bytes()])
        } else if let Ok(value) = i16::try_from(value) {
            Self::of(&[&[ENCODED | INT16], &value.to_le_bytes()])
        } else {
            Self::of(&[&[ENCODED | INT32], &i32::try_from(value).ok()?.to_le_bytes()])
        })
    }

    /// The byte before the two lengths of a compressed string.
    pub(super) fn compressed() -> Self {
        Self::of(&[&[ENCODED | LZF]])
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_fewest_bytes() {
        assert_eq!(Written::length(0).bytes(), [0]);
        assert_eq!(Written::length(63).bytes(), [63]);
        assert_eq!(Written::length(64).bytes(), [0x40, 64]);
        assert_eq!(Written::length(16_383).bytes(), [0x7F, 0xFF]);
        assert_eq!(Written::length(16_384).bytes(), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(Written::length(1 << 32).bytes(), [0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn integers_are_written_in_the_fewest_bytes() {
        assert_eq!(Written::integer(-128).unwrap().bytes(), [0xC0, 0x80]);
        assert_eq!(Written::integer(128).unwrap().bytes(), [0xC1, 0x80, 0]);
        assert_eq!(Written::integer(-32_769).unwrap().bytes(), [0xC2, 0xFF, 0x7F, 0xFF, 0xFF]);
        assert!(Written::integer(1 << 31).is_none());
    }

    #[test]
    fn first_bytes_that_nobody_writes_are_unknown() {
        assert_eq!(Head::of(0x82), Head::Unknown);
        assert_eq!(Head::of(0xBF), Head::Unknown);
        assert_eq!(Head::of(0xFF), Head::Encoded(0x3F));
    }
}
