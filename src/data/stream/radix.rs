//! How many nodes Redis' tree of blocks would have, for XINFO tells it: a radix tree of ids of 16 bytes, whose chains are one node each.

use super::id::StreamId;

/// The nodes of the tree of these ids, which are in ascending order. O(n).
pub(super) fn nodes(ids: impl Iterator<Item = StreamId>) -> usize {
    let keys: Vec<[u8; 16]> = ids.map(StreamId::to_bytes).collect();
    if keys.is_empty() { 1 } else { below(&keys, 0) }
}

/// The nodes for the bytes from `from` on. Recursion ends with the bytes.
fn below(keys: &[[u8; 16]], from: usize) -> usize {
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    let same = (from..first.len()).take_while(|at| first[*at] == last[*at]).count();
    let branch = from + same;
    let chain = usize::from(same > 0);
    if branch == first.len() {
        return chain + 1;
    }
    chain + 1 + keys.chunk_by(|a, b| a[branch] == b[branch]).map(|group| below(group, branch + 1)).sum::<usize>()
}
