//! Elements that leave a collection by name (HDEL, SREM, ZREM). Many are removed from a clone, which then takes the collection's place: in a large one each waits for memory
//! several times.

use super::long::{self, Store};
use crate::command::{Args, CommandError, Ctx, Missing, Replied, Reply};
use crate::data::hash::Hash;
use crate::data::set::Set;
use crate::data::zset::ZSet;
use crate::keyspace::{Kind, Value};
use crate::resp::long::{MANY_ARGUMENTS, Stop};

/// A collection of named elements.
pub(super) trait Named: Kind + Clone + Send + 'static {
    /// How many there are.
    fn elements(&self) -> usize;
    /// Removes those with these names and returns how many there were.
    fn remove_all<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>) -> usize;
    /// The collection that a value is.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! named {
    ($($type:ident)*) => {
        $(impl Named for $type {
            fn elements(&self) -> usize {
                self.len()
            }
            fn remove_all<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>) -> usize {
                Self::remove_all(self, names)
            }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::$type(collection) = value { Some(collection) } else { None }
            }
        })*
    };
}

named!(Hash Set ZSet);

/// Names that outlive their request: one after the other, so that they are copied at the speed of memory.
struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Names {
    fn of(names: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(names.iter().map(|name| name.len()).sum());
        let mut ends = Vec::with_capacity(names.len());
        for name in names {
            bytes.extend_from_slice(name);
            ends.push(bytes.len());
        }
        Self { bytes, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.bytes[std::mem::replace(&mut start, end)..end])
    }
}

/// Removes the elements named from the second argument on, and replies how many there were.
pub(super) fn remove<T: Named>(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let names = args.from(2);
    let mut tries = None;
    if args.len() > MANY_ARGUMENTS {
        match long::change(ctx, &reply) {
            Store::Ready(rest) => {
                let rest = T::from_value(rest).expect("a key that was not changed has the type that it had");
                return Ok(reply.count(replace(ctx, &args[1], rest)?));
            }
            Store::Away(earlier) => tries = Some(earlier),
            Store::Here => {}
        }
    }
    let removed = ctx.keys.edit::<T, _>(&args[1], Missing::Skip, |collection| {
        if tries.is_some() {
            return Err(T::clone(collection));
        }
        let removed = collection.remove_all(names.iter().copied());
        if removed == 0 {
            collection.unchanged();
        }
        Ok(removed)
    })?;
    match (removed, tries) {
        (Some(Err(mut rest)), Some(tries)) => {
            let (effort, names) = (names.len(), Names::of(names));
            let make = move |_: &Stop| {
                rest.remove_all(names.iter());
                Some(rest.into_value())
            };
            Ok(long::store_later(ctx, reply, std::iter::once(&args[1]), (tries, effort), make))
        }
        (Some(Ok(removed)), _) => Ok(reply.count(removed)),
        _ => Ok(reply.count(0)),
    }
}

/// Puts what is left of a collection in its place and returns how many elements that has less. None is no change.
fn replace<T: Named>(ctx: &mut Ctx, key: &[u8], mut rest: T) -> Result<usize, CommandError> {
    let removed = ctx.keys.edit::<T, _>(key, Missing::Skip, |collection| {
        let removed = collection.elements() - rest.elements();
        if removed > 0 {
            std::mem::swap(&mut **collection, &mut rest);
        }
        removed
    })?;
    ctx.keys.discard(rest.into_value());
    Ok(removed.expect("a key that was not changed is there"))
}
