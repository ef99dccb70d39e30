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

/// What a name of [`SHORT_MAX`] bytes, a number, and what frames them as two bulk strings take, and what stores may write behind them.
const PAIR_BYTES: usize = 128;

/// Appends a name of at most [`SHORT_MAX`] bytes and a number below [`WHOLE_END`], each as a bulk string.
#[inline(always)]
pub(super) fn append_pair(out: &mut Vec<u8>, name: &[u8], number: u64) {
    let start = out.len();
    out.extend_from_slice(&[0; PAIR_BYTES]);
    let room = out.last_chunk_mut::<PAIR_BYTES>().expect("it was appended");
    let mut at = put_length(room, 0, name.len());
    put_text(room, at, name);
    at += name.len();
    put(room, at, *b"\r\n");
    let digits = Digits::of(number);
    at = put_length(room, at + 2, digits.len);
    put(room, at, digits.text.to_le_bytes());
    at += digits.len;
    put(room, at, *b"\r\n");
    out.truncate(start + at + 2);
}

/// Whether [`append_pair`] takes such a name.
#[inline(always)]
pub(super) fn is_short(name: &[u8]) -> bool {
    name.len() <= SHORT_MAX
}

#[inline(always)]
fn put<const N: usize>(room: &mut [u8; PAIR_BYTES], at: usize, bytes: [u8; N]) {
    *room[at..].first_chunk_mut::<N>().expect("the room is for the longest pair") = bytes;
}

/// Puts the header of a bulk string of less than a hundred bytes, and says where it ends.
#[inline(always)]
fn put_length(room: &mut [u8; PAIR_BYTES], at: usize, len: usize) -> usize {
    let (tens, ones) = (b'0' + (len / 10) as u8, b'0' + (len % 10) as u8);
    if len < 10 {
        put(room, at, [b'$', ones, b'\r', b'\n']);
        at + 4
    } else {
        put(room, at, [b'$', tens, ones, b'\r', b'\n', 0, 0, 0]);
        at + 5
    }
}

/// Puts a text of at most [`SHORT_MAX`] bytes.
#[inline(always)]
fn put_text(room: &mut [u8; PAIR_BYTES], at: usize, text: &[u8]) {
    match (text.last_chunk::<WIDE>(), text.first_chunk::<HALF>(), text.last_chunk::<HALF>()) {
        (Some(last), ..) => {
            let (wholes, _) = text.as_chunks::<WIDE>();
            for (index, whole) in wholes.iter().enumerate() {
                put(room, at + WIDE * index, *whole);
            }
            put(room, at + text.len() - WIDE, *last);
        }
        (None, Some(first), Some(last)) => {
            put(room, at, *first);
            put(room, at + text.len() - HALF, *last);
        }
        _ => room[at..at + text.len()].copy_from_slice(text),
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
            assert_eq!(Digits::of(number).len, number.to_string().len());
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

    #[test]
    fn pairs_of_every_length_are_two_bulk_strings() {
        let text: Vec<u8> = (0..=255).collect();
        for name in (0..=SHORT_MAX).map(|len| &text[..len]) {
            for number in [0, 7, 10, 12_345_678, 123_456_789, WHOLE_END - 1] {
                let mut out = b"before".to_vec();
                append_pair(&mut out, name, number);
                let digits = number.to_string();
                let (len, digits_len) = (name.len(), digits.len());
                let head = format!("before${len}\r\n");
                let tail = format!("\r\n${digits_len}\r\n{digits}\r\n");
                assert_eq!(out, [head.as_bytes(), name, tail.as_bytes()].concat());
                assert!(is_short(name) && !is_short(&text[..=SHORT_MAX]));
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
