//! A field of a large hash with its value: one allocation, `[length of the name: varint] [name] [value]`.

use super::super::table::Keyed;
use super::packed::{read_len, write_len};

/// A field and its value.
#[derive(Clone, Debug)]
pub(super) struct Field(Box<[u8]>);

impl Field {
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        let (prefix, prefix_len) = write_len(name.len());
        let mut bytes = Vec::with_capacity(prefix_len + name.len() + value.len());
        bytes.extend_from_slice(&prefix[..prefix_len]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
        Self(bytes.into_boxed_slice())
    }

    #[inline]
    pub(super) fn pair(&self) -> (&[u8], &[u8]) {
        let (name_len, prefix_len) = read_len(&self.0);
        self.0[prefix_len..].split_at(name_len)
    }

    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        self.pair().0
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        self.pair().1
    }

    pub(super) fn set_value(&mut self, value: &[u8]) {
        let (name, old) = self.pair();
        if old.len() == value.len() {
            let start = self.0.len() - value.len();
            self.0[start..].copy_from_slice(value);
        } else {
            *self = Self::new(name, value);
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Keyed for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        self.name()
    }
}
