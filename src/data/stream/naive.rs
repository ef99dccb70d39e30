//! The twin: entries in a vector, pending entries in one map.

use super::{Keep, StreamId};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    pub(super) entries: Vec<(StreamId, Vec<Vec<u8>>)>,
    pub(super) last: StreamId,
    pub(super) added: u64,
    pub(super) max_deleted: StreamId,
    /// By id: who has it, since when, how often it was given.
    pub(super) pending: BTreeMap<StreamId, (Vec<u8>, i64, u64)>,
}

impl Naive {
    pub(super) fn append(&mut self, id: StreamId, pairs: &[&[u8]]) {
        self.entries.push((id, pairs.iter().map(|item| item.to_vec()).collect()));
        self.last = id;
        self.added += 1;
    }

    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|(other, _)| *other != id);
        let removed = self.entries.len() < before;
        if removed {
            self.max_deleted = self.max_deleted.max(id);
        }
        removed
    }

    pub(super) fn trim(&mut self, keep: Keep) -> u64 {
        let going = match keep {
            Keep::Last(most) => self.entries.len().saturating_sub(most as usize),
            Keep::From(id) => self.entries.iter().filter(|(other, _)| *other < id).count(),
        };
        self.entries.drain(..going);
        going as u64
    }

    pub(super) fn range(&self, from: StreamId, to: StreamId) -> Vec<(StreamId, Vec<Vec<u8>>)> {
        self.entries.iter().filter(|(id, _)| (from..=to).contains(id)).cloned().collect()
    }
}
