//! Scores as two bytes: where a score lies within the range of one leaf's scores.
//!
//! A score's *order* is an integer that orders as scores do. A frame cuts the orders into steps of 2^shift and numbers 65,536 of them,
//! from `base` on; that number is the score's *mark*. Members of a leaf are neighbours among many, so their range is small, and equal marks are rare
//! among unequal scores: a hundred random scores leave a step for each 500 marks. Where marks are equal the records are asked, unless
//! `shift` is 0, when equal marks mean equal scores.
//!
//! A frame is made wider without a look at the records, narrower only with one: see `Leaf::refine`.

/// The most steps that the scores of a frame span when it is made; the rest is room on both sides, for scores to come.
const SPAN_MAX: u64 = 1 << 15;
/// How many steps have a mark.
const MARKS: u64 = 1 << 16;

/// An integer for each score, in the order of scores. The score is neither NaN nor -0.0.
#[inline]
pub(super) fn order(score: f64) -> u64 {
    let bits = score.to_bits();
    // Negative numbers have their bits turned, for they order the other way about; positive ones go above them.
    bits ^ (((bits as i64) >> 63) as u64 | 1 << 63)
}

/// Steps of orders, and which of them is numbered 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) base: u64,
    pub(super) shift: u8,
}

/// Where a score lies, seen from a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Below every mark.
    Below,
    /// On this one.
    At(u16),
    /// Above every mark.
    Above,
}

impl Frame {
    /// A frame for steps of 2^shift from number `low` to number `high`, or larger steps if those are too many.
    /// Both ends of the range get a part of the room that is left.
    pub(super) fn around(low: u64, high: u64, shift: u8) -> Self {
        let mut more = 0;
        while (high >> more) - (low >> more) > SPAN_MAX {
            more += 1;
        }
        let (low, high) = (low >> more, high >> more);
        Self { base: low.saturating_sub((MARKS - (high - low)) / 2), shift: shift + more }
    }

    /// Whether equal marks mean equal scores.
    #[inline]
    pub(super) fn is_exact(self) -> bool {
        self.shift == 0
    }

    /// The mark of a score with this order.
    #[inline]
    pub(super) fn mark(self, order: u64) -> Mark {
        let step = order >> self.shift;
        match step.checked_sub(self.base) {
            None => Mark::Below,
            Some(mark) if mark < MARKS => Mark::At(mark as u16),
            Some(_) => Mark::Above,
        }
    }

    /// The mark of a step of 2^shift, which lies within the frame. `shift` is not above the frame's.
    #[inline]
    pub(super) fn mark_of_step(self, step: u64, shift: u8) -> u16 {
        let mark = (step >> (self.shift - shift)) - self.base;
        debug_assert!(mark < MARKS, "a step that is marked lies within the frame");
        mark as u16
    }

    /// The step of a mark.
    #[inline]
    pub(super) fn step(self, mark: u16) -> u64 {
        self.base + u64::from(mark)
    }
}
