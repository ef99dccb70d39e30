//! LZF, by which long strings of a snapshot are compressed.
//!
//! ```text
//! literal     000lllll [l + 1 bytes]                       1 to 32 bytes as they are
//! reference   lllooooo oooooooo                            l from 1 to 6: l + 2 bytes that stand o + 1 bytes back
//!             111ooooo llllllll oooooooo                   l + 9 bytes of the same
//! ```
//! A reference may overlap what it makes: one byte back repeats that byte. The length of the whole is known from elsewhere.

/// The longest literal.
const LITERAL_MAX: usize = 32;
/// The longest reference, and how far back it reaches.
const REFERENCE_MAX: usize = 264;
const DISTANCE_MAX: usize = 1 << 13;
/// What three bytes can make at most is 264, so one makes at most this many.
const EXPANSION_MAX: usize = REFERENCE_MAX / 3;
/// Places that the compressor remembers, one for each hash of three bytes.
const PLACES: usize = 1 << 13;

/// Makes bytes shorter. The same one serves any number of inputs, so that its table is cleared once.
#[derive(Debug)]
pub struct Compressor {
    /// `base + 1 + index` for a place in the input at hand; what is not above `base` is from an earlier one.
    places: Box<[u32; PLACES]>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { places: Box::new([0; PLACES]), base: 0 }
    }
}

impl Compressor {
    /// Compresses `input` into `out`, which is emptied first; false if that takes more than `bytes_max`, and `out` means nothing then.
    ///
    /// # Panics
    /// If the input is longer than 2 GiB.
    pub fn compress(&mut self, input: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let len = u32::try_from(input.len()).ok().filter(|len| *len <= 1 << 31).expect("a string has at most 512 MiB");
        if self.base.checked_add(len + 1).is_none() {
            *self = Self::default();
        }
        let base = self.base;
        let (mut at, mut literal) = (0, 0);
        while let Some(next) = input.get(at..at + 3) {
            let place = &mut self.places[slot(next)];
            let seen = std::mem::replace(place, base + 1 + at as u32);
            if seen > base {
                let from = (seen - base - 1) as usize;
                if at - from <= DISTANCE_MAX && input[from..from + 3] == *next {
                    let most = (input.len() - at).min(REFERENCE_MAX);
                    let len = 3 + (3..most).take_while(|&index| input[from + index] == input[at + index]).count();
                    push_literals(&input[literal..at], out);
                    push_reference(at - from, len, out);
                    at += len;
                    literal = at;
                    if out.len() > bytes_max {
                        break;
                    }
                    continue;
                }
            }
            at += 1;
            if out.len() + (at - literal) > bytes_max {
                break;
            }
        }
        self.base = base + len + 1;
        if out.len() + (input.len() - literal) > bytes_max {
            return false;
        }
        push_literals(&input[literal..], out);
        out.len() <= bytes_max
    }
}

#[inline]
fn slot(next: &[u8]) -> usize {
    let word = u32::from_le_bytes([next[0], next[1], next[2], 0]);
    (word.wrapping_mul(0x9E37_79B1) >> (32 - PLACES.trailing_zeros())) as usize
}

fn push_literals(literals: &[u8], out: &mut Vec<u8>) {
    for literal in literals.chunks(LITERAL_MAX) {
        out.push((literal.len() - 1) as u8);
        out.extend_from_slice(literal);
    }
}

fn push_reference(distance: usize, len: usize, out: &mut Vec<u8>) {
    let [high, low] = ((distance - 1) as u16).to_be_bytes();
    match len - 2 {
        len @ ..7 => out.push((len as u8) << 5 | high),
        len => out.extend_from_slice(&[7 << 5 | high, (len - 7) as u8]),
    }
    out.push(low);
}

/// Makes `len` bytes of `input` again, in `out`, which is emptied first. Nothing is reserved that the input cannot make.
///
/// # Errors
/// What is wrong with the input.
pub fn decompress(input: &[u8], len: u64, out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.clear();
    let len = usize::try_from(len).ok().filter(|len| *len <= input.len().saturating_mul(EXPANSION_MAX));
    let len = len.ok_or("a compressed string that cannot be as long as it says")?;
    out.reserve(len);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        if usize::from(control) < LITERAL_MAX {
            let (literal, after) = rest.split_at_checked(usize::from(control) + 1).ok_or(CUT)?;
            out.extend_from_slice(literal);
            rest = after;
        } else {
            let mut count = usize::from(control >> 5) + 2;
            if count == 9 {
                let (&more, after) = rest.split_first().ok_or(CUT)?;
                count += usize::from(more);
                rest = after;
            }
            let (&low, after) = rest.split_first().ok_or(CUT)?;
            rest = after;
            let distance = usize::from(u16::from_be_bytes([control & 0x1F, low])) + 1;
            let from =
                out.len().checked_sub(distance).ok_or("a compressed string that refers to before its beginning")?;
            copy_back(out, from, count);
        }
        if out.len() > len {
            return Err("a compressed string that is longer than it says");
        }
    }
    if out.len() == len { Ok(()) } else { Err("a compressed string that is shorter than it says") }
}

const CUT: &str = "a compressed string that ends too early";

/// Appends `count` bytes that stand from `from` on, some of which may be made on the way.
fn copy_back(out: &mut Vec<u8>, from: usize, count: usize) {
    let mut left = count;
    while left > 0 {
        let step = left.min(out.len() - from);
        out.extend_from_within(from..from + step);
        left -= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(compressor: &mut Compressor, input: &[u8]) -> Option<usize> {
        let (mut packed, mut back) = (Vec::new(), Vec::new());
        if !compressor.compress(input, input.len(), &mut packed) {
            return None;
        }
        decompress(&packed, input.len() as u64, &mut back).unwrap();
        assert!(back == input, "what was compressed comes back");
        Some(packed.len())
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(
            inputs in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..400), 1..8),
            repeats in 1usize..60,
        ) {
            let mut compressor = Compressor::default();
            for input in inputs {
                round_trip(&mut compressor, &input);
                round_trip(&mut compressor, &input.repeat(repeats));
            }
        }

        #[test]
        fn no_input_makes_it_panic(input in prop::collection::vec(any::<u8>(), 0..60), len in 0u64..3000) {
            let mut out = Vec::new();
            if decompress(&input, len, &mut out).is_ok() {
                prop_assert_eq!(out.len() as u64, len);
            }
        }
    }

    #[test]
    fn repetitions_take_little() {
        let mut compressor = Compressor::default();
        assert!(round_trip(&mut compressor, &[b'x'; 100_000]).unwrap() < 1300);
        assert!(round_trip(&mut compressor, b"hello hello hello hello hello").unwrap() < 20);
        let far: Vec<u8> = [&b"needle in a haystack"[..], &[b'.'; 8180], b"needle in a haystack"].concat();
        assert!(round_trip(&mut compressor, &far).is_some());
        assert_eq!(round_trip(&mut compressor, b"abcdefghijkl"), None, "nothing repeats");
    }

    #[test]
    fn a_table_whose_counter_wraps_forgets_all() {
        let mut compressor = Compressor::default();
        round_trip(&mut compressor, b"abcabcabcabcabcabc");
        compressor.base = u32::MAX - 3;
        assert!(round_trip(&mut compressor, b"abcabcabcabcabcabc").is_some());
        assert_eq!(compressor.base, 19);
    }

    #[test]
    fn an_announced_length_reserves_nothing_that_cannot_come() {
        let mut out = Vec::new();
        assert!(decompress(&[0, b'a'], u64::MAX, &mut out).is_err());
        assert!(decompress(&[0, b'a'], 1 << 30, &mut out).is_err());
        assert_eq!(out.capacity(), 0);
        for input in [&[5, b'a'][..], &[0xE0], &[0x20], &[0x20, 0], &[0, b'a', 0x3F, 0xFF], &[0xFF, 1, 1]] {
            assert!(decompress(input, 3, &mut out).is_err(), "{input:?}");
        }
        decompress(&[0, b'a', 0xE0, 0xFF, 0], 265, &mut out).unwrap();
        assert_eq!(out, [b'a'; 265]);
    }
}
