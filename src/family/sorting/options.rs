//! What follows the key in a SORT.

use super::pattern::Pattern;
use crate::command::args::is_word;
use crate::command::{Args, CommandError, KeySpec};
use smallvec::SmallVec;
use std::ops::Range;

/// Words before STORE whose arguments are not options, as COMMAND GETKEYS knows them.
pub(super) const SKIPPED: &[(&str, usize)] = &[("LIMIT", 2), ("GET", 1), ("BY", 1)];

/// The options.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    /// The greatest first.
    pub desc: bool,
    /// By bytes instead of numbers.
    pub alpha: bool,
    /// Not at all, for it was said at least once to do it BY what is the same for all elements.
    pub unsorted: bool,
    /// By what, if not by the elements themselves.
    pub by: Option<Pattern<'a>>,
    /// What is given for an element: itself if there are none.
    pub gets: SmallVec<[Pattern<'a>; 4]>,
    /// The key that gets the result.
    pub store: Option<&'a [u8]>,
    offset: i64,
    count: i64,
}

impl<'a> Options<'a> {
    const NONE: Self = Self {
        desc: false,
        alpha: false,
        unsorted: false,
        by: None,
        gets: SmallVec::new_const(),
        store: None,
        offset: 0,
        count: -1,
    };

    /// Reads them; STORE only if it `may_store`.
    pub(super) fn parse(args: Args<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut options = Self::NONE;
        let mut index = 2;
        while let Some(word) = args.get(index) {
            let left = args.len() - index - 1;
            if is_word(word, "ASC") {
                options.desc = false;
            } else if is_word(word, "DESC") {
                options.desc = true;
            } else if is_word(word, "ALPHA") {
                options.alpha = true;
            } else if is_word(word, "LIMIT") && left >= 2 {
                (options.offset, options.count) = (args.integer(index + 1)?, args.integer(index + 2)?);
                index += 2;
            } else if left == 0 {
                return Err(CommandError::Syntax);
            } else if is_word(word, "STORE") && may_store {
                options.store = args.get(index + 1);
                index += 1;
            } else if is_word(word, "BY") {
                options.by = args.get(index + 1).map(Pattern::new);
                options.unsorted |= options.by.is_some_and(|by| !by.finds_keys());
                index += 1;
            } else if is_word(word, "GET") {
                options.gets.extend(args.get(index + 1).map(Pattern::new));
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }

    /// Which of `len` elements LIMIT leaves.
    pub(super) fn range(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }

    /// The same, if they give the elements themselves, in an order that no other key has a part in. Of the key that gets the result only that there is one
    /// is left.
    pub(super) fn by_itself(&self) -> Option<Options<'static>> {
        let is_itself = self.gets.is_empty() && (self.unsorted || self.by.is_none());
        let Self { desc, alpha, unsorted, offset, count, .. } = *self;
        let store = self.store.map(|_| &b""[..]);
        is_itself.then_some(Options { desc, alpha, unsorted, store, offset, count, ..Options::NONE })
    }

    fn finds_keys(&self) -> bool {
        let by = self.by.iter().filter(|_| !self.unsorted);
        by.chain(&self.gets).any(Pattern::finds_keys)
    }
}

/// Whether the request will touch keys beyond those that its row declares: by patterns, or because COMMAND GETKEYS, whose rules are looser
/// than those of the command, takes another argument for the one after STORE.
pub(super) fn may_need_more_than_declared(argv: &[&[u8]]) -> bool {
    let Ok(options) = Options::parse(Args::new(argv), true) else { return false };
    let declared = KeySpec::last_after_word(argv, "STORE", 2, SKIPPED).and_then(|index| argv.get(index)).copied();
    options.finds_keys() || options.store != declared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs_more(request: &str) -> bool {
        let argv: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        may_need_more_than_declared(&argv)
    }

    #[test]
    fn only_patterns_that_lead_to_keys_need_more_than_the_declared_keys() {
        assert!(!needs_more("SORT a"));
        assert!(!needs_more("SORT a BY nosort GET # GET constant LIMIT 0 1 STORE b"));
        assert!(needs_more("SORT a BY w_*"));
        assert!(needs_more("SORT a GET # GET w_*->f"));
        assert!(needs_more("SORT_RO a BY w_*"));
    }

    #[test]
    fn a_destination_that_getkeys_does_not_see_is_never_taken_for_declared() {
        assert!(!needs_more("SORT a STORE limit"));
        assert!(!needs_more("SORT a STORE store STORE b"));
        assert!(needs_more("SORT a STORE get STORE b"));
        assert!(needs_more("SORT a STORE limit STORE b"));
    }

    #[test]
    fn limits_are_cut_to_what_there_is() {
        let range = |offset: i64, count: i64| {
            let words = [offset.to_string(), count.to_string()];
            let argv: [&[u8]; 5] = [b"SORT", b"a", b"LIMIT", words[0].as_bytes(), words[1].as_bytes()];
            Options::parse(Args::new(&argv), true).expect("it is well formed").range(10)
        };
        assert_eq!(range(0, -1), 0..10);
        assert_eq!(range(3, 4), 3..7);
        assert_eq!(range(-5, 2), 0..2);
        assert_eq!(range(3, 0), 3..3);
        assert_eq!(range(3, -7), 3..10);
        assert!(range(10, 5).is_empty());
        assert_eq!(range(i64::MIN, i64::MIN), 0..10);
        assert!(range(i64::MAX, i64::MAX).is_empty());
        assert_eq!(range(1, i64::MAX), 1..10);
    }
}
