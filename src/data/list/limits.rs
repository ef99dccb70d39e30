//! How long a chunk may become: the setting `list-max-listpack-size`.

/// What the allocation of a block has beside its bytes.
pub(super) const HEADER_BYTES: usize = 8;
/// The most bytes of a chunk whose limit is a number of elements.
const COUNTED_BYTES: usize = 8 * 1024;
/// The bytes that the settings -1 to -5 mean.
const BYTES: [usize; 5] = [4 * 1024, 8 * 1024, 16 * 1024, 32 * 1024, 64 * 1024];
/// The most elements of a chunk, whatever the setting.
pub(super) const ELEMENTS_MAX: usize = i16::MAX as usize;

/// How many elements and bytes a chunk may hold. A single element may always be longer: it has a chunk of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    elements: usize,
    bytes: usize,
}

impl Limits {
    /// The limits that `list-max-listpack-size` means: -1 to -5 for 4, 8, 16, 32 or 64 KiB; a positive number for so many
    /// elements and at most 8 KiB. Beyond either end the setting means the end, and 0 means 1.
    pub fn from_setting(setting: i64) -> Self {
        let (elements, bytes) = match setting {
            ..=-1 => (ELEMENTS_MAX, BYTES[setting.max(-5).unsigned_abs() as usize - 1]),
            _ => (setting.clamp(1, ELEMENTS_MAX as i64) as usize, COUNTED_BYTES),
        };
        // The allocation is of a round size, its header included.
        Self { elements, bytes: bytes - HEADER_BYTES }
    }

    /// Whether a chunk may be so large.
    #[inline]
    pub(super) fn fit(&self, elements: usize, bytes: usize) -> bool {
        elements <= self.elements && bytes <= self.bytes
    }

    /// Whether a chunk of this size is less than a quarter full.
    #[inline]
    pub(super) fn is_sparse(&self, elements: usize, bytes: usize) -> bool {
        4 * elements < self.elements && 4 * bytes < self.bytes
    }

    /// Whether a chunk of this size is at most three quarters full, so that two that make it up should be one.
    #[inline]
    pub(super) fn is_roomy(&self, elements: usize, bytes: usize) -> bool {
        4 * elements <= 3 * self.elements && 4 * bytes <= 3 * self.bytes
    }

    /// Whether a list of this size should be small again: half of what it may be.
    #[inline]
    pub(super) fn is_half(&self, elements: usize, bytes: usize) -> bool {
        2 * elements <= self.elements.max(2) && 2 * bytes <= self.bytes
    }
}

impl Default for Limits {
    /// What Redis has by default: 8 KiB.
    fn default() -> Self {
        Self::from_setting(-2)
    }
}
