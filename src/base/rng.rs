//! Seeded pseudo-random numbers (xoshiro-class quality is not needed: sampling, RANDOMKEY, client ids' starts).
//!
//! SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. Not for secrets.

/// A generator that replays from its seed.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that yields the same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator seeded from the hasher's process-wide seed and `salt`.
    pub fn from_process(salt: u64) -> Self {
        Self(super::hash::hash(&salt.to_le_bytes()))
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A generator of its own, for what goes on elsewhere.
    pub fn split(&mut self) -> Self {
        Self::seeded(self.next_u64())
    }

    /// A number below `bound`, as good as unbiased (the bias is below 2^-32 for any bound that fits in memory).
    ///
    /// # Panics
    /// If `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "a random choice needs at least one candidate");
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }
}
