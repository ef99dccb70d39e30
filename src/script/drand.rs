//! `math.random` as Redis has it: the 48-bit linear congruence of `lrand48`, seeded with 0 before every script.
//!
//! The same script yields the same numbers on every server and in every run.

/// The divisor by which an integer becomes a number in [0, 1).
const MAX: i32 = i32::MAX;

/// The generator's 48 bits.
#[derive(Debug)]
pub(super) struct Drand(u64);

impl Drand {
    pub(super) fn seeded(seed: i32) -> Self {
        Self((u64::from(seed as u32) << 16) | 0x330E)
    }

    fn next_i31(&mut self) -> i32 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & 0xFFFF_FFFF_FFFF;
        (self.0 >> 17) as i32
    }

    /// The next number in [0, 1).
    pub(super) fn next_unit(&mut self) -> f64 {
        f64::from(self.next_i31() % MAX) / f64::from(MAX)
    }
}
