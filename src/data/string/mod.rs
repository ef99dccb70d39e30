//! A string value: bytes, kept as a number where they are one.
//!
//! Three encodings, which OBJECT ENCODING shows under the names that Redis gives them: `int` for canonical 64-bit decimals (no sign but a
//! minus, no leading zero), `embstr` for short bytes in a block of exactly their size, and `raw` for longer ones and for whatever
//! was ever appended to or written into, for it may change again.
//!
//! Invariant: `Emb` is at most 44 bytes. Not here: keys, limits (512 MiB), how INCR or GETRANGE read their arguments.

use crate::base::num;
use crate::base::prefetch::prefetch;

#[cfg(test)]
mod tests;

/// The longest `embstr`.
const EMB_BYTES_MAX: usize = 44;
/// The longest text that may be a canonical 64-bit decimal.
const INT_BYTES_MAX: usize = 20;
/// A growing `raw` string reserves its own length again, but no more than this.
const SPARE_BYTES_MAX: usize = 1024 * 1024;

/// A string value.
#[derive(Clone, Debug)]
pub struct Str(Form);

#[derive(Clone, Debug)]
enum Form {
    Int(i64),
    Emb(Box<[u8]>),
    Raw(Vec<u8>),
}

const _: () = assert!(size_of::<Str>() <= 24, "a string value fits into three words");

/// Where the digits of an `int` are written for a reader. Lives on the stack.
#[derive(Clone)]
pub struct IntBuf(itoa::Buffer);

impl IntBuf {
    /// An empty buffer.
    #[inline]
    pub fn new() -> Self {
        Self(itoa::Buffer::new())
    }
}

impl Default for IntBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for IntBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntBuf")
    }
}

impl Str {
    /// The value of these bytes: a number if they are a canonical one (as SET keeps what it is given).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match int_of(bytes) {
            Some(value) => Self::from_i64(value),
            None => Self::from_text(bytes),
        }
    }

    /// The value of these bytes, kept as bytes even if they are a number (as INCRBYFLOAT keeps its result).
    pub fn from_text(bytes: &[u8]) -> Self {
        Self(if bytes.len() <= EMB_BYTES_MAX { Form::Emb(bytes.into()) } else { Form::Raw(bytes.to_vec()) })
    }

    /// The value of a number.
    #[inline]
    pub fn from_i64(value: i64) -> Self {
        Self(Form::Int(value))
    }

    /// Begins to load the bytes, if they are elsewhere.
    #[inline]
    pub fn prefetch(&self) {
        match &self.0 {
            Form::Int(_) => {}
            Form::Emb(bytes) => prefetch(bytes.as_ptr()),
            Form::Raw(bytes) => prefetch(bytes.as_ptr()),
        }
    }

    /// Becomes what [`Str::from_bytes`] makes of `bytes`, within the present allocation if that has the right size.
    pub fn assign(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Form::Emb(old) if old.len() == bytes.len() && int_of(bytes).is_none() => old.copy_from_slice(bytes),
            Form::Raw(old) if bytes.len() > EMB_BYTES_MAX && is_good_fit(old.capacity(), bytes.len()) => {
                old.clear();
                old.extend_from_slice(bytes);
            }
            _ => *self = Self::from_bytes(bytes),
        }
    }

    /// Its length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Int(value) => {
                usize::from(*value < 0) + value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1)
            }
            Form::Emb(bytes) => bytes.len(),
            Form::Raw(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes; those of a number are written into `buffer`.
    #[inline]
    pub fn bytes<'a>(&'a self, buffer: &'a mut IntBuf) -> &'a [u8] {
        match &self.0 {
            Form::Int(value) => buffer.0.format(*value).as_bytes(),
            Form::Emb(bytes) => bytes,
            Form::Raw(bytes) => bytes,
        }
    }

    /// What `read` makes of its bytes.
    #[inline]
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.bytes(&mut IntBuf::new()))
    }

    /// The number that its bytes are, whatever the encoding; `None` if they are no canonical 64-bit decimal.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Form::Int(value) => Some(*value),
            Form::Emb(bytes) => int_of(bytes),
            Form::Raw(bytes) => int_of(bytes),
        }
    }

    /// Redis' name for how it is kept: `int`, `embstr` or `raw`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Int(_) => "int",
            Form::Emb(_) => "embstr",
            Form::Raw(_) => "raw",
        }
    }

    /// Adds bytes at the end and yields the new length. Amortised O(bytes added). The value is `raw` from now on.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let raw = self.make_raw(bytes.len());
        raw.extend_from_slice(bytes);
        raw.len()
    }

    /// Writes bytes over what stands from `offset` on, after zeros if the value ends before it, and yields the new length. The value is
    /// `raw` from now on; but writing nothing changes nothing.
    ///
    /// # Panics
    /// If `offset` plus the length exceeds memory: whoever calls has checked the limit on strings.
    pub fn set_range(&mut self, offset: usize, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return self.len();
        }
        let end = offset.checked_add(bytes.len()).expect("a range within the limit on strings");
        let raw = self.make_raw(end.saturating_sub(self.len()));
        if raw.len() < end {
            raw.resize(end, 0);
        }
        raw[offset..end].copy_from_slice(bytes);
        raw.len()
    }

    /// The bytes allocated for it beside itself.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Int(_) => 0,
            Form::Emb(bytes) => bytes.len(),
            Form::Raw(bytes) => bytes.capacity(),
        }
    }

    /// Its bytes as `raw`, with room for so many more.
    fn make_raw(&mut self, added: usize) -> &mut Vec<u8> {
        if !matches!(self.0, Form::Raw(_)) {
            let mut buffer = IntBuf::new();
            let bytes = self.bytes(&mut buffer);
            let mut raw = Vec::with_capacity(bytes.len() + added);
            raw.extend_from_slice(bytes);
            self.0 = Form::Raw(raw);
        }
        let Form::Raw(raw) = &mut self.0 else { unreachable!("the value was made raw") };
        if raw.capacity() - raw.len() < added {
            raw.reserve_exact(added + (raw.len() + added).min(SPARE_BYTES_MAX));
        }
        raw
    }
}

/// The number that these bytes are in canonical form.
#[inline]
fn int_of(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > INT_BYTES_MAX { None } else { num::parse_i64(bytes) }
}

/// Whether an allocation may be used again: it need not grow, and at most a quarter is left over.
fn is_good_fit(capacity: usize, len: usize) -> bool {
    len <= capacity && capacity - len <= capacity / 4
}
