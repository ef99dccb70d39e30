//! Searching for bytes as they are.

/// Where `needle` begins in `subject`, at `from` or later. O(n), whatever is in them.
pub(in crate::script) fn plain(subject: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = &subject[from..];
    let found = match needle {
        [] => Some(0),
        [byte] => memchr::memchr(*byte, rest),
        _ => memchr::memmem::find(rest, needle),
    };
    found.map(|at| from + at)
}

/// Whether a pattern is more than bytes as they are. Unlike a match this also looks behind a byte 0.
pub(in crate::script) fn has_specials(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-'))
}
