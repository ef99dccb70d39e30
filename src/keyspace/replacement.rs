//! What a key is set to, as a new record or in the place of what it held.

use super::entry::Value;
use crate::base::clock::UnixMillis;
use crate::data::record::Record;

/// What a key is set to.
pub(super) enum New<'v> {
    String(&'v [u8]),
    Value(Value),
}

impl New<'_> {
    #[inline]
    pub(super) fn into_record(self, key: &[u8], deadline: UnixMillis, access: u32) -> Record {
        match self {
            Self::String(bytes) => Record::with_string(key, bytes, deadline, access),
            Self::Value(value) => Record::new(key, value, deadline, access),
        }
    }

    #[inline]
    pub(super) fn put_into(self, record: &mut Record, deadline: UnixMillis) {
        match self {
            Self::String(bytes) => record.set_string(bytes, deadline),
            Self::Value(value) => record.set_value(value, deadline),
        }
    }
}
