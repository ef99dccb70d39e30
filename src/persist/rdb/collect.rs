//! Values as they grow from what is read. What a value cannot hold is refused: a member or field twice, a score that is no number.

use super::Limits;
use crate::base::num;
use crate::data::hash::Hash;
use crate::data::list::{Element, End, List};
use crate::data::set::{self, Set};
use crate::data::zset::{Builder, ZSet};

/// The rule that an element broke.
pub(super) type Broken = &'static str;

/// Adds an element at the end of a list.
#[inline]
pub(super) fn push(list: &mut List, element: &[u8], limits: &Limits) {
    list.push(End::Right, element, &limits.list);
}

/// Gives a hash a field that it does not have.
#[inline]
pub(super) fn set_field(hash: &mut Hash, field: &[u8], value: &[u8], limits: &Limits) -> Result<(), Broken> {
    if hash.set(field, value, limits.hash) { Ok(()) } else { Err("a hash that has a field twice") }
}

/// Adds a member that a set does not have.
#[inline]
pub(super) fn add_member(set: &mut Set, member: set::Element<'_>, limits: &Limits) -> Result<(), Broken> {
    if set.insert(member, &limits.set) { Ok(()) } else { Err("a set that has a member twice") }
}

/// The score that an element of a packed sorted set is.
pub(super) fn score_of(element: Element<'_>) -> Result<f64, Broken> {
    match element {
        Element::Integer(value) => Ok(value as f64),
        Element::Text(text) => num::parse_f64(text).ok_or("a score that is no number"),
    }
}

/// Members of a sorted set with their scores, in any order.
///
/// They are put in order at the end, and the set is made at once. What was written in order, or in reverse as Redis does, is sorted in one pass.
#[derive(Debug, Default)]
pub(super) struct Scored {
    /// The members, one after the other.
    names: Vec<u8>,
    members: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    score: f64,
    start: usize,
    len: u32,
}

impl Scored {
    /// Adds a member, whose score comes afterwards.
    #[inline]
    pub(super) fn name(&mut self, member: &[u8]) {
        let (start, len) = (self.names.len(), member.len());
        self.names.extend_from_slice(member);
        let len = u32::try_from(len).expect("a string has at most 512 MiB");
        self.members.push(Place { score: 0.0, start, len });
    }

    /// Gives the member that came last its score.
    #[inline]
    pub(super) fn score(&mut self, score: f64) -> Result<(), Broken> {
        if score.is_nan() {
            return Err("a score that is no number");
        }
        // Minus zero is zero, and so they sort alike.
        self.members.last_mut().expect("a member comes before its score").score = score + 0.0;
        Ok(())
    }

    /// The set.
    pub(super) fn finish(mut self, limits: &Limits) -> Result<ZSet, Broken> {
        let name = |place: &Place| &self.names[place.start..place.start + place.len as usize];
        self.members
            .sort_unstable_by(|one, other| one.score.total_cmp(&other.score).then_with(|| name(one).cmp(name(other))));
        let mut builder = Builder::new(&limits.zset);
        for place in &self.members {
            if !builder.try_push(name(place), place.score) {
                return Err("a sorted set that has a member twice");
            }
        }
        Ok(builder.finish())
    }
}
