//! Trimming: which entries go, and how many at once.

use super::block::Block;
use super::id::StreamId;
use super::{Rest, Stream};
use std::sync::Arc;

/// Which entries are to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last so many.
    Last(u64),
    /// Those from this id on.
    From(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is to stay.
    pub keep: Keep,
    /// Whether only whole blocks go.
    pub is_approximate: bool,
    /// At most so many entries go, as far as they go by whole blocks; 0 = any number.
    pub limit: u64,
}

impl Trim {
    fn goes(&self, len: u64, block: &Block) -> bool {
        match self.keep {
            Keep::Last(most) => len.saturating_sub(block.len() as u64) >= most,
            Keep::From(id) => block.last_ever().is_none_or(|last| last < id),
        }
    }
}

impl Stream {
    /// Removes entries from the front; yields how many, and what they were made of. O(blocks that go + the entries of one).
    pub fn trim(&mut self, trim: &Trim) -> (u64, Rest) {
        let mut rest = Rest::default();
        let Some(head) = self.head_mut() else { return (0, rest) };
        let mut removed = 0;
        while let Some((id, block)) = head.blocks.first() {
            let len = head.len;
            if matches!(trim.keep, Keep::Last(most) if len <= most) {
                break;
            }
            if trim.limit != 0 && removed + block.len() as u64 > trim.limit {
                break;
            }
            if trim.goes(len, block) {
                removed += block.len() as u64;
                head.len -= block.len() as u64;
                rest.0.extend(head.blocks.remove(id));
                continue;
            }
            if !trim.is_approximate {
                let block = Arc::make_mut(head.blocks.get_mut(id).expect("it is the first"));
                removed += cut(block, &mut head.len, trim.keep);
                // Those that would have stayed were deleted before.
                if block.is_empty() {
                    head.blocks.remove(id);
                }
            }
            break;
        }
        (removed, rest)
    }
}

/// Deletes the entries of a block that are not to stay.
fn cut(block: &mut Block, len: &mut u64, keep: Keep) -> u64 {
    let mut going: Vec<usize> = Vec::new();
    for (at, entry) in block.walk() {
        let stays = match keep {
            Keep::Last(most) => *len <= most,
            Keep::From(from) => entry.id >= from,
        };
        if stays {
            break;
        }
        *len -= 1;
        going.push(at);
    }
    going.iter().for_each(|at| block.delete_at(*at));
    going.len() as u64
}
