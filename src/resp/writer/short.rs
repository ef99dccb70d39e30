//! Short texts onto the end of a buffer without a call: names, lengths and scores are what most replies are made of, and to call `memcpy` for each costs more
//! than the bytes.
//!
//! Everything is appended as an array whose size the compiler knows, and what is too much is cut off again, so nothing here is unsafe.

/// Bytes that a store moves at once.
const WIDE: usize = 16;
const HALF: usize = 8;
/// Longer texts are worth the call.
const SHORT_MAX: usize = 4 * WIDE;

/// Whole numbers below this are written here.
pub(super) const WHOLE_END: u64 = EIGHT_DIGITS * EIGHT_DIGITS / 10;
const EIGHT_DIGITS: u64 = 100_000_000;

/// Appends bytes of any number.
#[inline(always)]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        WIDE..=SHORT_MAX => {
            let (wholes, rest) = bytes.as_chunks::<WIDE>();
            wholes.iter().for_each(|whole| out.extend_from_slice(whole));
            if let (false, Some(last)) = (rest.is_empty(), bytes.last_chunk::<WIDE>()) {
                again(out, WIDE - rest.len(), last);
            }
        }
        HALF..WIDE => {
            if let (Some(first), Some(last)) = (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>()) {
                out.extend_from_slice(first);
                again(out, 2 * HALF - bytes.len(), last);
            }
        }
        _ => out.extend_from_slice(bytes),
    }
}

/// Appends a text of which so many bytes are there already.
#[inline(always)]
fn again<const N: usize>(out: &mut Vec<u8>, already: usize, text: &[u8; N]) {
    out.truncate(out.len() - already);
    out.extend_from_slice(text);
}

/// Appends a length of at most two digits, or any number: a tag, its digits, and the end of the line.
#[inline(always)]
pub(super) fn append_line(out: &mut Vec<u8>, tag: u8, number: u64) {
    match number {
        0..10 => out.extend_from_slice(&[tag, b'0' + number as u8, b'\r', b'\n']),
        10..100 => {
            out.extend_from_slice(&[tag, b'0' + (number / 10) as u8, b'0' + (number % 10) as u8, b'\r', b'\n']);
        }
        _ => {
            out.push(tag);
            Digits::of(number).append_line(out);
        }
    }
}

/// The decimal digits of a number below [`WHOLE_END`].
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// In ASCII, the first one lowest.
    text: u128,
    len: usize,
}

impl Digits {
    #[inline(always)]
    pub(super) fn of(number: u64) -> Self {
        debug_assert!(number < WHOLE_END, "a number of at most fifteen digits");
        if number < EIGHT_DIGITS {
            let digits = eight(number as u32);
            // The last digit counts even if it is 0.
            let zeros = ((digits | 1 << 56).trailing_zeros() / 8) as usize;
            return Self { text: u128::from((digits | ASCII) >> (8 * zeros)), len: 8 - zeros };
        }
        let (upper, lower) = (eight((number / EIGHT_DIGITS) as u32), eight((number % EIGHT_DIGITS) as u32));
        let zeros = (upper.trailing_zeros() / 8) as usize;
        let text = u128::from(upper | ASCII) | u128::from(lower | ASCII) << 64;
        Self { text: text >> (8 * zeros), len: 16 - zeros }
    }

    #[inline(always)]
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// Appends the digits and the end of the line.
    #[inline(always)]
    pub(super) fn append_line(self, out: &mut Vec<u8>) {
        let text = self.text.to_le_bytes();
        if self.len <= HALF {
            let [a, b, c, d, e, f, g, h, ..] = text;
            out.extend_from_slice(&[a, b, c, d, e, f, g, h]);
            out.truncate(out.len() - (HALF - self.len));
        } else {
            out.extend_from_slice(&text);
            out.truncate(out.len() - (WIDE - self.len));
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Eight times the digit 0.
const ASCII: u64 = 0x3030_3030_3030_3030;

/// The eight digits of a number below 10^8 as bytes of 0 to 9, the first one lowest: halves, quarters and digits are divided in parallel.
#[inline(always)]
fn eight(number: u32) -> u64 {
    let halves = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    // 10486 / 2^20 is 1/100, and 103 / 2^10 is 1/10, near enough for what is divided.
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let quarters = hundreds | (halves - 100 * hundreds) << 16;
    let tens = ((quarters * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (quarters - 10 * tens) << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(tag: u8, number: u64) -> String {
        let mut out = b"before".to_vec();
        append_line(&mut out, tag, number);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_at_every_edge_have_their_digits() {
        let powers = (0..15).map(|power| 10u64.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1, power / 2]).chain([WHOLE_END - 1]);
        for number in edges {
            assert_eq!(line(b':', number), format!("before:{number}\r\n"));
            assert_eq!(Digits::of(number).len(), number.to_string().len());
        }
    }

    #[test]
    fn every_four_digits_are_divided_rightly_in_each_half() {
        for number in 0..10_000 {
            let digits =
                |number: u32| format!("{number:08}").bytes().rev().fold(0, |sum, digit| sum << 8 | u64::from(digit));
            for number in [number, number * 10_000, number * 10_001] {
                assert_eq!(eight(number) | ASCII, digits(number), "{number}");
            }
        }
    }

    #[test]
    fn texts_of_every_length_are_appended_as_they_are() {
        let text: Vec<u8> = (0..=255).collect();
        for len in 0..=200 {
            for before in [0, 1, 17] {
                let mut out = vec![b'b'; before];
                append(&mut out, &text[..len]);
                assert_eq!(out, [&vec![b'b'; before], &text[..len]].concat());
            }
        }
    }

    proptest! {
        #[test]
        fn any_number_has_its_digits(number in 0..WHOLE_END) {
            prop_assert_eq!(line(b'$', number), format!("before${number}\r\n"));
        }
    }
}
