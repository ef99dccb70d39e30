//! A bag of words that only grows at its end and only shrinks from there, without a long copy and with little left over.

/// Words of a full chunk: 1 KiB.
const CHUNK: usize = 128;

/// Words in chunks. The last chunk grows by moving, which copies less than [`CHUNK`] words; full chunks never move.
#[derive(Debug, Default)]
pub(super) struct List {
    tail: Vec<u64>,
    full: Vec<Box<[u64]>>,
}

impl List {
    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.tail.len()
    }

    /// Adds a word. Allocates only where a chunk has to grow.
    #[inline]
    pub(super) fn push(&mut self, word: u64) {
        if self.tail.len() == self.tail.capacity() {
            self.make_room();
        }
        self.tail.push(word);
    }

    /// Takes the word that was added last.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<u64> {
        if self.tail.is_empty() {
            self.tail = self.full.pop()?.into_vec();
        }
        self.tail.pop()
    }

    #[cold]
    fn make_room(&mut self) {
        if self.tail.len() >= CHUNK {
            self.full.push(std::mem::take(&mut self.tail).into_boxed_slice());
        }
        // Doubling. Finer steps, in all sizes that the allocator has, fill less of the last chunk with nothing but leave more freed blocks
        // of odd sizes behind: the resident memory of a million entries was the same or more, and the time was twice as long.
        self.tail.reserve_exact(self.tail.len().max(2));
    }

    /// The bytes allocated, without what the allocator adds.
    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        let words = self.full.len() * CHUNK + self.tail.capacity();
        words * size_of::<u64>() + self.full.capacity() * size_of::<Box<[u64]>>()
    }
}
