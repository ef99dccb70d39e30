//! The ends of a range of scores or of members.
//!
//! How a request spells them (`(5`, `[a`, `-`, `+inf`) is the command layer's business.

/// One end of a range of scores. An infinite bound is an infinite value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// Where the range ends; never NaN.
    pub value: f64,
    /// Whether `value` itself lies outside.
    pub exclusive: bool,
}

/// One end of a range of members in byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberBound<'a> {
    /// Before every member.
    Min,
    /// After every member.
    Max,
    /// At this member, which lies inside.
    Inclusive(&'a [u8]),
    /// At this member, which lies outside.
    Exclusive(&'a [u8]),
}

impl MemberBound<'_> {
    /// Whether `member` lies inside when this is the lower end.
    #[inline]
    pub(super) fn admits_from_below(&self, member: &[u8]) -> bool {
        match *self {
            Self::Min => true,
            Self::Max => false,
            Self::Inclusive(bound) => member >= bound,
            Self::Exclusive(bound) => member > bound,
        }
    }

    /// Whether `member` lies inside when this is the upper end.
    #[inline]
    pub(super) fn admits_from_above(&self, member: &[u8]) -> bool {
        match *self {
            Self::Min => false,
            Self::Max => true,
            Self::Inclusive(bound) => member <= bound,
            Self::Exclusive(bound) => member < bound,
        }
    }
}
