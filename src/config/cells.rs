//! How values are held: untyped between text and field ([`Value`]), and in the type that readers want.
//!
//! A setting that holds from start to stop is a plain field. One that may change while others read it is a [`Changeable`]: one
//! relaxed atomic, so that a hot path may read it for each command. Nothing is ordered by such a read: a reader sees the new value soon,
//! and two settings changed by one CONFIG SET may be seen one before the other.

use super::address::BindAddress;
use super::points::SavePoint;
use crate::base::event::Classes;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU64, Ordering};
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

/// A value that is right for its setting's kind, on its way between text and field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    Integer(i64),
    /// An index into the names of the kind.
    Choice(usize),
    Text(String),
    Addresses(Vec<BindAddress>),
    Secret(Secret),
    SavePoints(Vec<SavePoint>),
}

/// A password in the clear. Debug does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) Arc<[u8]>);

impl Secret {
    /// The password itself; empty means that there is none.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is no password.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret(hidden)" })
    }
}

/// A type that a setting's value can be held in.
pub(super) trait Typed: Sized {
    /// # Panics
    /// If the row pairs a kind with a type that cannot hold all of its values. A test tries the ends of every row's range.
    fn from_value(value: Value) -> Self;
    fn to_value(&self) -> Value;
}

/// A type of value that fits into an atomic.
pub trait Word: Copy {
    /// As 64 bits.
    fn to_word(self) -> u64;
    /// Back from [`Word::to_word`].
    fn from_word(word: u64) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Typed for $type {
            fn from_value(value: Value) -> Self {
                let Value::Integer(number) = value else { unreachable!("an integer field is for a numeric setting") };
                Self::try_from(number).expect("the range of a setting fits into its field")
            }
            fn to_value(&self) -> Value {
                Value::Integer(i64::try_from(*self).expect("a setting came from an i64"))
            }
        }
        impl Word for $type {
            #[inline]
            fn to_word(self) -> u64 {
                self as u64
            }
            #[inline]
            fn from_word(word: u64) -> Self {
                word as Self
            }
        }
    )* };
}
integers!(u16, u32, i32, u64, i64, usize);

impl Typed for bool {
    fn from_value(value: Value) -> Self {
        let Value::Bool(yes) = value else { unreachable!("a bool field is for a setting of yes or no") };
        yes
    }
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Word for bool {
    #[inline]
    fn to_word(self) -> u64 {
        u64::from(self)
    }
    #[inline]
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Typed for Classes {
    fn from_value(value: Value) -> Self {
        let Value::Integer(bits) = value else { unreachable!("classes of events are held as bits") };
        Self::from_bits(u32::try_from(bits).expect("classes of events fit into 32 bits"))
    }
    fn to_value(&self) -> Value {
        Value::Integer(self.bits().into())
    }
}

impl Word for Classes {
    #[inline]
    fn to_word(self) -> u64 {
        self.bits().into()
    }
    #[inline]
    fn from_word(word: u64) -> Self {
        Self::from_bits(word as u32)
    }
}

/// A path, or nothing for the empty text.
impl Typed for Option<PathBuf> {
    fn from_value(value: Value) -> Self {
        let Value::Text(text) = value else { unreachable!("a path field is for a setting of text") };
        (!text.is_empty()).then(|| text.into())
    }
    fn to_value(&self) -> Value {
        Value::Text(self.as_ref().map_or_else(String::new, |path| path.to_string_lossy().into_owned()))
    }
}

impl Typed for PathBuf {
    fn from_value(value: Value) -> Self {
        String::from_value(value).into()
    }
    fn to_value(&self) -> Value {
        Value::Text(self.to_string_lossy().into_owned())
    }
}

impl Typed for String {
    fn from_value(value: Value) -> Self {
        let Value::Text(text) = value else { unreachable!("a field of text is for a setting of text") };
        text
    }
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Typed for Vec<BindAddress> {
    fn from_value(value: Value) -> Self {
        let Value::Addresses(list) = value else { unreachable!("a list of addresses is for a setting of addresses") };
        list
    }
    fn to_value(&self) -> Value {
        Value::Addresses(self.clone())
    }
}

/// A value that CONFIG SET may change while others read it. One relaxed load to read.
pub struct Changeable<T> {
    word: AtomicU64,
    holds: PhantomData<T>,
}

impl<T: Word> Changeable<T> {
    /// The value now.
    #[inline]
    pub fn get(&self) -> T {
        T::from_word(self.word.load(Ordering::Relaxed))
    }
}

impl<T: Word + fmt::Debug> fmt::Debug for Changeable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// A password that CONFIG SET may change. Whether there is one costs a relaxed load; the password itself a lock.
#[derive(Debug)]
pub struct ChangeableSecret {
    is_set: Changeable<bool>,
    secret: Mutex<Secret>,
}

impl ChangeableSecret {
    /// Whether there is a password.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// The password now.
    pub fn get(&self) -> Secret {
        self.secret.lock().clone()
    }
}

/// Save points that CONFIG SET may change. Read seldom, so under a lock.
#[derive(Debug)]
pub struct ChangeablePoints(Mutex<Arc<[SavePoint]>>);

impl ChangeablePoints {
    /// The points now.
    pub fn get(&self) -> Arc<[SavePoint]> {
        Arc::clone(&self.0.lock())
    }
}

impl Cell for ChangeablePoints {
    fn new(value: Value) -> Self {
        let Value::SavePoints(points) = value else { unreachable!("a cell of save points is for such") };
        Self(Mutex::new(points.into()))
    }
    fn put(&self, value: Value) {
        let Value::SavePoints(points) = value else { unreachable!("a cell of save points is for such") };
        *self.0.lock() = points.into();
    }
    fn value(&self) -> Value {
        Value::SavePoints(self.get().to_vec())
    }
}

/// A cell of [`super::Live`].
pub(super) trait Cell: Sized {
    fn new(value: Value) -> Self;
    fn put(&self, value: Value);
    fn value(&self) -> Value;
}

impl<T: Word + Typed> Cell for Changeable<T> {
    fn new(value: Value) -> Self {
        Self { word: AtomicU64::new(T::from_value(value).to_word()), holds: PhantomData }
    }
    fn put(&self, value: Value) {
        self.word.store(T::from_value(value).to_word(), Ordering::Relaxed);
    }
    fn value(&self) -> Value {
        self.get().to_value()
    }
}

impl Cell for ChangeableSecret {
    fn new(value: Value) -> Self {
        let Value::Secret(secret) = value else { unreachable!("a secret cell is for a secret") };
        Self { is_set: Changeable::new(Value::Bool(!secret.is_empty())), secret: Mutex::new(secret) }
    }
    fn put(&self, value: Value) {
        let Value::Secret(secret) = value else { unreachable!("a secret cell is for a secret") };
        let mut held = self.secret.lock();
        // Under the lock, so that the flag is that of the last password put.
        self.is_set.put(Value::Bool(!secret.is_empty()));
        *held = secret;
    }
    fn value(&self) -> Value {
        Value::Secret(self.get())
    }
}
