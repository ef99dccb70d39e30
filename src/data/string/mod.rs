//! A string value: bytes, kept as a number where they are one.
//!
//! Three encodings, which OBJECT ENCODING shows under the names that Redis gives them: `int` for canonical 64-bit decimals (no sign but a
//! minus, no leading zero), `embstr` for short bytes, and `raw` for longer ones and for whatever was ever appended to or written into.
//!
//! [`Str`] is a string by itself, as a command makes or edits one. In the keyspace a string lies in its key's record
//! ([`crate::data::record`]), and is read from there as a [`StrRef`].
//!
//! Invariant: `Emb` is at most 44 bytes. Not here: keys, limits (512 MiB), how INCR or GETRANGE read their arguments.

mod raw;
#[cfg(test)]
mod tests;

pub use self::raw::Raw;
use crate::base::num;

/// The longest `embstr`.
const EMB_BYTES_MAX: usize = 44;
/// The longest text that may be a canonical 64-bit decimal.
const INT_BYTES_MAX: usize = 20;

/// A string value.
#[derive(Clone, Debug)]
pub struct Str(Form);

#[derive(Clone, Debug)]
enum Form {
    Int(i64),
    Emb(Box<[u8]>),
    Raw(Raw),
}

const _: () = assert!(size_of::<Str>() <= 24, "a string value fits into three words");

/// The form of a string, taken apart.
pub(in crate::data) enum StrForm<'a> {
    Int(i64),
    /// At most 44 bytes.
    Text(&'a [u8]),
    Raw(&'a mut Raw),
}

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
        Self(if bytes.len() <= EMB_BYTES_MAX { Form::Emb(bytes.into()) } else { Form::Raw(Raw::from_slice(bytes)) })
    }

    /// The value of a number.
    #[inline]
    pub fn from_i64(value: i64) -> Self {
        Self(Form::Int(value))
    }

    /// The value of these bytes, which were once written into.
    pub(in crate::data) fn from_written(bytes: &[u8]) -> Self {
        Self(Form::Raw(Raw::from_slice(bytes)))
    }

    /// The value that has these bytes.
    pub(in crate::data) fn from_raw(raw: Raw) -> Self {
        Self(Form::Raw(raw))
    }

    /// How it is kept, for who keeps it elsewhere.
    pub(in crate::data) fn form(&mut self) -> StrForm<'_> {
        match &mut self.0 {
            Form::Int(value) => StrForm::Int(*value),
            Form::Emb(bytes) => StrForm::Text(bytes),
            Form::Raw(raw) => StrForm::Raw(raw),
        }
    }

    /// The value, to be read.
    #[inline]
    pub fn lend(&self) -> StrRef<'_> {
        match &self.0 {
            Form::Int(value) => StrRef(Lent::Int(*value)),
            Form::Emb(bytes) => StrRef(Lent::Text(bytes)),
            Form::Raw(raw) => StrRef(Lent::Written(raw.as_slice())),
        }
    }

    /// Its length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.lend().len()
    }

    /// Whether it has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes; those of a number are written into `buffer`.
    #[inline]
    pub fn bytes<'a>(&'a self, buffer: &'a mut IntBuf) -> &'a [u8] {
        self.lend().bytes(buffer)
    }

    /// What `read` makes of its bytes.
    #[inline]
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        self.lend().with_bytes(read)
    }

    /// The number that its bytes are, whatever the encoding; `None` if they are no canonical 64-bit decimal.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        self.lend().as_i64()
    }

    /// Redis' name for how it is kept: `int`, `embstr` or `raw`.
    pub fn encoding(&self) -> &'static str {
        self.lend().encoding()
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
        // What is added far behind the end comes cleared if it is asked for as such.
        let added = end.saturating_sub(self.len());
        let raw = self.make_raw(if added < raw::MAPPED_BYTES_MIN { added } else { 0 }).grown_to(end);
        raw[offset..end].copy_from_slice(bytes);
        raw.len()
    }

    /// The bytes allocated for it beside itself.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Int(_) => 0,
            Form::Emb(bytes) => bytes.len(),
            Form::Raw(raw) => raw.allocated_bytes(),
        }
    }

    /// Its bytes as `raw`, if it has to be made that with room for so many more.
    fn make_raw(&mut self, added: usize) -> &mut Raw {
        if !matches!(self.0, Form::Raw(_)) {
            self.0 = Form::Raw(self.with_bytes(|bytes| Raw::with_room(bytes, bytes.len() + added)));
        }
        let Form::Raw(raw) = &mut self.0 else { unreachable!("the value was made raw") };
        raw
    }
}

/// A string that lies elsewhere, to be read: a copy of this is as good.
#[derive(Clone, Copy, Debug)]
pub struct StrRef<'a>(Lent<'a>);

#[derive(Clone, Copy, Debug)]
enum Lent<'a> {
    Int(i64),
    /// As it was set.
    Text(&'a [u8]),
    /// Appended to, or written into.
    Written(&'a [u8]),
}

impl<'a> StrRef<'a> {
    /// A number.
    #[inline]
    pub(in crate::data) fn from_i64(value: i64) -> Self {
        Self(Lent::Int(value))
    }

    /// Bytes, and whether they were ever written into.
    #[inline]
    pub(in crate::data) fn from_bytes(bytes: &'a [u8], written: bool) -> Self {
        Self(if written { Lent::Written(bytes) } else { Lent::Text(bytes) })
    }

    /// A string of its own with the same bytes and encoding. O(bytes).
    pub fn to_owned(self) -> Str {
        match self.0 {
            Lent::Int(value) => Str::from_i64(value),
            Lent::Text(bytes) => Str::from_text(bytes),
            Lent::Written(bytes) => Str::from_written(bytes),
        }
    }

    /// Its length in bytes.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Lent::Int(value) => {
                usize::from(value < 0) + value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1)
            }
            Lent::Text(bytes) | Lent::Written(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Its bytes; those of a number are written into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut IntBuf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self.0 {
            Lent::Int(value) => buffer.0.format(value).as_bytes(),
            Lent::Text(bytes) | Lent::Written(bytes) => bytes,
        }
    }

    /// What `read` makes of its bytes.
    #[inline]
    pub fn with_bytes<R>(self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.bytes(&mut IntBuf::new()))
    }

    /// The number that its bytes are, whatever the encoding; `None` if they are no canonical 64-bit decimal.
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Lent::Int(value) => Some(value),
            Lent::Text(bytes) | Lent::Written(bytes) => int_of(bytes),
        }
    }

    /// Redis' name for how it is kept: `int`, `embstr` or `raw`.
    pub fn encoding(self) -> &'static str {
        match self.0 {
            Lent::Int(_) => "int",
            Lent::Text(bytes) if bytes.len() <= EMB_BYTES_MAX => "embstr",
            Lent::Text(_) | Lent::Written(_) => "raw",
        }
    }
}

/// The number that these bytes are in canonical form.
#[inline]
pub(in crate::data) fn int_of(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > INT_BYTES_MAX { None } else { num::parse_i64(bytes) }
}
