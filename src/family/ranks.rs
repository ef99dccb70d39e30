//! A stretch of a list or a sorted set as requests name it: by its first and its last place.

use std::ops::Range;

/// The places from `first` to `last`, both inside, among `len`; negative ones count from the end, -1 being the last.
pub(super) fn between(first: i64, last: i64, len: usize) -> Range<usize> {
    let len_signed = i64::try_from(len).expect("a length fits into an i64");
    // A negative end plus a length cannot overflow.
    let from_start = |place: i64| if place < 0 { place + len_signed } else { place };
    let start = usize::try_from(from_start(first)).unwrap_or(0);
    let end = usize::try_from(from_start(last)).map_or(0, |last| last.saturating_add(1)).min(len);
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn ends_beyond_the_list_are_cut_and_a_stretch_turned_around_is_empty() {
        assert_eq!(between(0, -1, 5), 0..5);
        assert_eq!(between(-3, 3, 5), 2..4);
        assert_eq!(between(i64::MIN, i64::MAX, 5), 0..5);
        assert_eq!(between(i64::MAX, i64::MAX, 5), 0..0);
        assert_eq!(between(i64::MIN, i64::MIN, 5), 0..0);
        assert_eq!(between(3, 2, 5), 0..0);
        assert_eq!(between(0, -1, 0), 0..0);
        assert_eq!(between(-100, 0, 5), 0..1);
    }
}
