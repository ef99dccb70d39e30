//! A member as a set lends it: an integer where the set keeps one, else its bytes.

use crate::base::num::{self, I64Text};

/// A member of a set, borrowed. One that reads as an integer may come in either form; [`Element::with_bytes`] is the same for both.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// The set keeps integers in their binary form.
    Integer(i64),
    /// Any member.
    Bytes(&'a [u8]),
}

impl Element<'_> {
    /// Shows `act` the member's bytes.
    #[inline]
    pub fn with_bytes<R>(self, act: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Element::Integer(value) => act(I64Text::new(value).as_bytes()),
            Element::Bytes(bytes) => act(bytes),
        }
    }

    /// The member as an integer, if it is the canonical text of one.
    #[inline]
    pub(super) fn as_integer(self) -> Option<i64> {
        match self {
            Element::Integer(value) => Some(value),
            Element::Bytes(bytes) => num::parse_i64(bytes),
        }
    }

    /// How long its bytes are.
    pub(super) fn len(self) -> usize {
        self.with_bytes(<[u8]>::len)
    }
}

impl<'a> From<&'a [u8]> for Element<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Element::Bytes(bytes)
    }
}
