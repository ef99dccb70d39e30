//! Ghosts: fingerprints of entries that went, so that one that is asked for again soon is known. Two bytes each.
//!
//! A table of buckets, each a queue of fingerprints from the newest to the oldest. A hash chooses its bucket by its upper bits below those that all
//! hashes of the shard have in common, and its fingerprint by its lowest; so a ghost is taken for another of the same bucket once in 65,536
//! times per place. What a bucket has no room for is forgotten, the oldest first: nearly the order of one long queue, without its links.

/// A bucket has at least this many places, so that it forgets roughly in order.
const WAYS_MIN: usize = 16;
/// With more places than this, it is time for twice as many buckets.
const WAYS_MAX: usize = 2 * WAYS_MIN;

/// Fingerprints of the entries that went last.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghosts {
    /// `1 << bucket_bits` buckets of `ways` places. 0 is an empty place, and empty places come last in a bucket.
    places: Box<[u16]>,
    bucket_bits: u32,
    ways: usize,
}

impl Ghosts {
    /// Makes room for about `wanted` ghosts: the oldest go where there is less than before. Does nothing if it has about that already. O(ghosts).
    pub(super) fn resize(&mut self, wanted: usize) {
        let room = self.places.len();
        if wanted <= room && wanted >= room / 2 {
            return;
        }
        // A little more than is needed now, so that growing tables do not resize each time.
        let wanted = (wanted + wanted / 16).max(WAYS_MIN);
        let bucket_bits = (wanted / WAYS_MAX).checked_ilog2().map_or(0, |bits| bits + 1);
        let ways = wanted.div_ceil(1 << bucket_bits);
        let mut resized = Self { places: vec![0; ways << bucket_bits].into_boxed_slice(), bucket_bits, ways };
        for bucket in 0..1usize << bucket_bits {
            for way in 0..self.ways {
                // With more buckets each old one goes to all that come of it, for the bits that tell them apart are lost; with fewer, several to one.
                for old in self.ancestors(bucket, bucket_bits) {
                    let fingerprint = self.places[old * self.ways + way];
                    if let Some(place) = resized.bucket(bucket).iter_mut().find(|place| **place == 0) {
                        *place = fingerprint;
                    }
                }
            }
        }
        *self = resized;
    }

    /// The buckets of this table whose ghosts belong to `bucket` of one with `bits`.
    fn ancestors(&self, bucket: usize, bits: u32) -> std::ops::Range<usize> {
        if self.places.is_empty() {
            return 0..0;
        }
        match bits.checked_sub(self.bucket_bits) {
            Some(more) => bucket >> more..(bucket >> more) + 1,
            None => {
                let fewer = self.bucket_bits - bits;
                bucket << fewer..(bucket + 1) << fewer
            }
        }
    }

    /// Remembers one that went.
    pub(super) fn insert(&mut self, hash: u64, skip_bits: u32) {
        if self.places.is_empty() {
            return;
        }
        let bucket = self.bucket(self.bucket_of(hash, skip_bits));
        bucket.copy_within(..bucket.len() - 1, 1);
        bucket[0] = fingerprint(hash);
    }

    /// Forgets one, and says whether it was there.
    pub(super) fn take(&mut self, hash: u64, skip_bits: u32) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let bucket = self.bucket(self.bucket_of(hash, skip_bits));
        let Some(at) = bucket.iter().position(|place| *place == fingerprint(hash)) else { return false };
        bucket.copy_within(at + 1.., at);
        bucket[bucket.len() - 1] = 0;
        true
    }

    /// The bytes that they take.
    pub(super) fn allocated_bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    fn bucket(&mut self, bucket: usize) -> &mut [u16] {
        &mut self.places[bucket * self.ways..][..self.ways]
    }

    fn bucket_of(&self, hash: u64, skip_bits: u32) -> usize {
        // In two steps, for a shift by all 64 bits is none.
        ((hash << skip_bits) >> 1 >> (63 - self.bucket_bits)) as usize
    }
}

/// Never 0, which is an empty place.
fn fingerprint(hash: u64) -> u16 {
    (hash as u16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const SKIP_BITS: u32 = 8;

    #[test]
    fn the_last_to_go_are_remembered_and_older_ones_forgotten() {
        let mut ghosts = Ghosts::default();
        ghosts.resize(1000);
        let mut rng = Rng::seeded(1);
        let hashes: Vec<u64> = (0..10_000).map(|_| rng.next_u64() >> SKIP_BITS).collect();
        for hash in &hashes {
            ghosts.insert(*hash, SKIP_BITS);
        }
        let found =
            |ghosts: &mut Ghosts, hashes: &[u64]| hashes.iter().filter(|hash| ghosts.take(**hash, SKIP_BITS)).count();
        assert!(found(&mut ghosts, &hashes[..8_000]) < 20, "the oldest are gone but for mistaken ones");
        assert!(found(&mut ghosts, &hashes[9_500..]) > 480, "the newest are there");
        assert!(found(&mut ghosts, &hashes[9_500..]) < 5, "what was taken is gone");
    }

    #[test]
    fn growing_and_shrinking_keep_the_newest() {
        for (from, to) in [(500, 5_000), (5_000, 500), (100, 100_000), (3_000, 2_900)] {
            let mut ghosts = Ghosts::default();
            ghosts.resize(from);
            let mut rng = Rng::seeded(2);
            let hashes: Vec<u64> = (0..from.min(to) / 2).map(|_| rng.next_u64() >> SKIP_BITS).collect();
            hashes.iter().for_each(|hash| ghosts.insert(*hash, SKIP_BITS));
            ghosts.resize(to);
            let found = hashes.iter().filter(|hash| ghosts.take(**hash, SKIP_BITS)).count();
            assert!(found * 10 >= hashes.len() * 9, "{found} of {} after {from} became {to}", hashes.len());
        }
    }

    #[test]
    fn nothing_is_remembered_without_room() {
        let mut ghosts = Ghosts::default();
        ghosts.insert(7, SKIP_BITS);
        assert!(!ghosts.take(7, SKIP_BITS));
        assert_eq!(ghosts.allocated_bytes(), 0);
    }
}
