//! Snapshots and payloads, written and read back, recorded from others, made by hand, and mutated.

mod chunks;
mod encodings;
mod functions;
mod mutations;
mod old;
mod packed;
mod round;
mod snapshot;
mod streams;

use super::{Limits, RdbError, RestoreError, crc64, restore};
use crate::data::hash::Hash;
use crate::data::list::{End, List};
use crate::data::record::{Value, ValueRef};
use crate::data::set::Set;
use crate::data::string::Str;
use crate::data::zset::ZSet;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What a value holds, in a form that is compared.
#[derive(Clone, Debug, PartialEq)]
enum Content {
    Str(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    ZSet(Vec<(Vec<u8>, f64)>),
}

impl Content {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Str(value) => Self::Str(value.with_bytes(<[u8]>::to_vec)),
            ValueRef::List(list) => Self::List(list.iter(0..list.len()).map(|e| e.text().to_vec()).collect()),
            ValueRef::Set(set) => Self::Set(set.iter().map(|e| e.with_bytes(<[u8]>::to_vec)).collect()),
            ValueRef::Hash(hash) => Self::Hash(hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect()),
            ValueRef::ZSet(zset) => Self::ZSet(zset.iter(0..zset.len()).map(|(m, s)| (m.to_vec(), s)).collect()),
            ValueRef::Stream(stream) => Self::Str(streams::shown(stream).into_bytes()),
        }
    }

    /// The value that commands would make of it. Members of a sorted set may come in any order, but each once.
    fn value(&self, limits: &Limits) -> Value {
        match self {
            Self::Str(bytes) => Value::Str(Str::from_bytes(bytes)),
            Self::List(elements) => {
                let mut list = List::new();
                elements.iter().for_each(|element| list.push(End::Right, element, &limits.list));
                Value::List(list)
            }
            Self::Set(members) => {
                let mut set = Set::new();
                members.iter().for_each(|member| _ = set.insert(&member[..], &limits.set));
                Value::Set(set)
            }
            Self::Hash(fields) => {
                let mut hash = Hash::new();
                fields.iter().for_each(|(field, value)| _ = hash.set(field, value, limits.hash));
                Value::Hash(hash)
            }
            Self::ZSet(members) => {
                let mut zset = ZSet::new();
                members.iter().for_each(|(member, score)| _ = zset.insert(member, *score, &limits.zset));
                Value::ZSet(zset)
            }
        }
    }
}

fn list(elements: &[&str]) -> Content {
    Content::List(elements.iter().map(|element| element.as_bytes().to_vec()).collect())
}

fn set(members: &[&str]) -> Content {
    Content::Set(members.iter().map(|member| member.as_bytes().to_vec()).collect())
}

fn hash(pairs: &[(&str, &str)]) -> Content {
    Content::Hash(pairs.iter().map(|(field, value)| (field.as_bytes().to_vec(), value.as_bytes().to_vec())).collect())
}

fn zset(members: &[(&str, f64)]) -> Content {
    Content::ZSet(members.iter().map(|(member, score)| (member.as_bytes().to_vec(), *score)).collect())
}

/// Texts that values are made of: short and long, numbers, repetitions.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        2 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        2 => (-300i64..300).prop_map(|value| value.to_string().into_bytes()),
        1 => (prop::collection::vec(any::<u8>(), 1..4), 1usize..100).prop_map(|(bytes, times)| bytes.repeat(times)),
        1 => prop::collection::vec(any::<u8>(), 60..300),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-5i32..5).prop_map(f64::from),
        any::<f64>().prop_filter("a score is a number", |score| !score.is_nan()).prop_map(|score| score + 0.0),
        Just(f64::INFINITY),
        Just(1_700_000_000_123_456_768.0),
    ]
}

/// A value with up to `len` elements.
fn content(len: usize) -> impl Strategy<Value = Content> {
    let integers = prop::collection::btree_set(any::<i16>().prop_map(|value| value.to_string().into_bytes()), 1..len);
    prop_oneof![
        text().prop_map(Content::Str),
        prop::collection::vec(text(), 1..len).prop_map(Content::List),
        prop::collection::btree_set(text(), 1..len).prop_map(Content::Set),
        integers.prop_map(Content::Set),
        prop::collection::btree_map(text(), text(), 1..len).prop_map(Content::Hash),
        prop::collection::btree_map(text(), score(), 1..len).prop_map(|members| {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(a, one), (b, other)| one.total_cmp(other).then_with(|| a.cmp(b)));
            Content::ZSet(members)
        }),
    ]
}

/// A payload of this body, with the right footer.
fn sealed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = [body, &version.to_le_bytes()].concat();
    payload.extend_from_slice(&crc64::update(0, &payload).to_le_bytes());
    payload
}

/// What the payload with this type and these bytes holds.
fn loaded(kind: u8, body: &[u8], version: u16) -> Content {
    let payload = sealed(&[&[kind], body].concat(), version);
    match restore(&payload, Limits::default()) {
        Ok(value) => Content::of(value.lend()),
        Err(error) => panic!("type {kind}: {error}"),
    }
}

/// Why the payload with this type and these bytes is refused, and where.
fn refused(kind: u8, body: &[u8], version: u16) -> (u64, String) {
    let payload = sealed(&[&[kind], body].concat(), version);
    match restore(&payload, Limits::default()) {
        Ok(value) => panic!("type {kind} was taken: {:?}", Content::of(value.lend())),
        Err(RestoreError::Footer) => panic!("type {kind}: the footer is right"),
        Err(RestoreError::Value(error)) => {
            let offset = error.offset();
            assert!(offset <= payload.len() as u64, "{error} is in the payload");
            let what = match error {
                RdbError::Corrupt { what, .. } => what.to_owned(),
                RdbError::Unsupported { what, .. } => what,
                other => other.to_string(),
            };
            (offset, what)
        }
    }
}
