//! When a snapshot is saved by itself: after so many changes within so much time.

use std::fmt;

/// The most save points in a list; nobody needs as many.
const POINTS_MAX: usize = 64;

/// A snapshot is saved once the last is so old and there were so many changes since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// How old, in seconds; at least 1.
    pub seconds: u64,
    /// How many changes; 0 counts as 1.
    pub changes: u64,
}

impl SavePoint {
    /// The points of a list of words, two for each. `None` if it is not that.
    pub(super) fn parse_list(text: &str) -> Option<Vec<Self>> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > POINTS_MAX {
            return None;
        }
        let number = |word: &str| word.parse::<u32>().ok().filter(|number| i32::try_from(*number).is_ok());
        let point = |[seconds, changes]: &[&str; 2]| {
            let (seconds, changes) = (number(seconds)?, number(changes)?);
            (seconds >= 1).then_some(Self { seconds: seconds.into(), changes: changes.into() })
        };
        pairs.iter().map(point).collect()
    }
}

impl fmt::Display for SavePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seconds, self.changes)
    }
}
