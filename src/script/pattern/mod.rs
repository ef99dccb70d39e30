//! Lua's patterns, matched by steps that are counted: what `string.find`, `match`, `gmatch` and `gsub` of scripts run on.
//!
//! The rules are those of Lua 5.1 with `%f`. A pattern is read as it is matched, never in advance, because what is wrong in one is
//! an error only once the matching comes to it. A byte 0 ends a pattern.
//!
//! A match is a walk with a stack of *choices*, places to come back to when the walk ends in failure ([`walk`]). So no pattern, however long,
//! deepens the thread's own stack, and a pattern that would take ages can be ended: every [`STEPS`] steps [`Matcher`] asks whether to go on.
//!
//! Not here: Lua. Subjects and patterns are bytes, results are ranges of them. The oracle is LuaJIT's own library, in the tests.

mod class;
mod plain;
mod walk;

#[cfg(test)]
mod tests;

pub(super) use plain::{has_specials, plain};

use std::ops::Range;

/// Steps between two questions whether to go on; about 50 us.
pub(super) const STEPS: usize = 10_000;
/// The most choices that a match may keep open, which a pattern of as many items can. In bytes it is sixteen times that.
const CHOICES_MAX: usize = 10_000;
/// The most captures of a pattern.
pub(super) const CAPTURES_MAX: usize = 32;

/// Why there is neither a match nor the certainty that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    EscapeAtEnd,
    SetWithoutEnd,
    FrontierWithoutSet,
    BalanceWithoutPair,
    NothingToClose,
    NoSuchCapture,
    CapturesTooMany,
    CaptureWithoutEnd,
    TooComplex,
    /// It was asked whether to go on, and told not to.
    Halted,
}

impl Problem {
    /// What Lua says of it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::EscapeAtEnd => "malformed pattern (ends with '%')",
            Self::SetWithoutEnd => "malformed pattern (missing ']')",
            Self::FrontierWithoutSet => "missing '[' after '%f' in pattern",
            Self::BalanceWithoutPair => "unbalanced pattern",
            Self::NothingToClose => "invalid pattern capture",
            Self::NoSuchCapture => "invalid capture index",
            Self::CapturesTooMany => "too many captures",
            Self::CaptureWithoutEnd => "unfinished capture",
            Self::TooComplex => "pattern too complex",
            Self::Halted => "the search was ended",
        }
    }
}

/// A place to come back to. 32 bits are enough: no string of LuaJIT's is longer.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// Go on at `item` of the pattern and `at` of the subject.
    Skip { item: u32, at: u32 },
    /// Go on at `item` with one byte less than up to `at`, but not below `least`.
    Fewer { item: u32, at: u32, least: u32 },
    /// Take the byte at `at` by the item from `item` to `end`, if it matches.
    More { item: u32, end: u32, at: u32 },
    /// Forget the last capture.
    Opened,
    /// Capture `index` is open again.
    Closed { index: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Open,
    Position,
    Len(u32),
}

#[derive(Clone, Copy, Debug)]
struct Capture {
    start: u32,
    extent: Extent,
}

/// What a capture holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// A part of the subject.
    Part(Range<usize>),
    /// `()`: a position, which starts at 0.
    Position(usize),
}

/// What a search works on: buffers that are kept from one to the next. Afterwards it holds the captures of the match.
#[derive(Debug)]
pub(super) struct Workspace {
    choices: Vec<Choice>,
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    /// Steps until the next question, from one search to the next: many short ones are as good as a long one.
    left: usize,
}

impl Default for Workspace {
    fn default() -> Self {
        let captures = [Capture { start: 0, extent: Extent::Open }; CAPTURES_MAX];
        Self { choices: Vec::new(), captures, level: 0, left: STEPS }
    }
}

impl Workspace {
    /// The number of values that the match yields: its captures, or itself if it has none.
    pub(super) fn values(&self) -> usize {
        self.level.max(1)
    }

    /// The number of captures of the match.
    pub(super) fn captures(&self) -> usize {
        self.level
    }

    /// The value at `index` of the match found last, which was `whole`.
    pub(super) fn value(&self, index: usize, whole: &Range<usize>) -> Result<Captured, Problem> {
        if index >= self.level {
            return if index == 0 { Ok(Captured::Part(whole.clone())) } else { Err(Problem::NoSuchCapture) };
        }
        let Capture { start, extent } = self.captures[index];
        let start = start as usize;
        match extent {
            Extent::Open => Err(Problem::CaptureWithoutEnd),
            Extent::Position => Ok(Captured::Position(start)),
            Extent::Len(len) => Ok(Captured::Part(start..start + len as usize)),
        }
    }
}

/// A pattern on its way through a subject.
///
/// It owns nothing that needs to be freed, so that it may be left behind when an error of Lua's passes by.
pub(super) struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    go_on: &'a dyn Fn() -> bool,
    /// Steps until the next question.
    steps: usize,
}

impl<'a> Matcher<'a> {
    /// For matching `pattern`, without an anchor, in `subject` for as long as `go_on` says so.
    ///
    /// # Panics
    /// If one of them is longer than 32 bits can count.
    #[inline]
    pub(super) fn new(subject: &'a [u8], pattern: &'a [u8], go_on: &'a dyn Fn() -> bool) -> Self {
        let len = subject.len().max(pattern.len());
        assert!(len < u32::MAX as usize - 4, "strings have less than 2^32 bytes");
        Self { subject, pattern, go_on, steps: STEPS }
    }

    /// The first match that begins at `from` or later, or, if it is anchored, there. O(n) at best.
    pub(super) fn search(
        &mut self,
        from: usize,
        anchored: bool,
        work: &mut Workspace,
    ) -> Result<Option<Range<usize>>, Problem> {
        self.steps = self.steps.min(work.left);
        let found = self.look_for(from, anchored, work);
        work.left = self.steps;
        found
    }

    fn look_for(&mut self, from: usize, anchored: bool, work: &mut Workspace) -> Result<Option<Range<usize>>, Problem> {
        // One more than those of the walk, so that a search that finds nothing at once counts as well.
        self.spend(1)?;
        if anchored {
            return Ok(self.match_at(from, work)?.map(|end| from..end));
        }
        let lead = walk::lead(self.pattern);
        let mut at = from;
        while at <= self.subject.len() {
            if let Some(lead) = lead {
                // No other byte can begin a match.
                match self.find_single(lead, at)? {
                    Some(found) => at = found,
                    None => return Ok(None),
                }
            }
            if let Some(end) = self.match_at(at, work)? {
                return Ok(Some(at..end));
            }
            at += 1;
        }
        Ok(None)
    }
}
