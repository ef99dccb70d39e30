//! Requests the other way round: a command as the bytes that a client would send.
//!
//! The log of effects is made of them, one for each write, so this counts its instructions: some 130 for SET, where appending piece by piece to a `Vec` took 500. The
//! room for all of it is made at once, and what is short is copied by words that overlap rather than by a call.
#![expect(unsafe_code, reason = "measured: a write with the log on spends a tenth of its instructions here otherwise")]

/// The most that stands beside an argument: a line end, its kind, its length in decimal, a line end; and what a whole word may take behind that.
const HEAD_BYTES: usize = 2 + 1 + 20 + 2 + 8;

/// What stands before an argument of one digit and of two, as the words that they are in memory; the digits are added.
const SHORT: u64 = u64::from_le_bytes(*b"\r\n$0\r\n\0\0");
const LONGER: u64 = u64::from_le_bytes(*b"\r\n$00\r\n\0");

/// Appends a command: an array of bulk strings.
pub fn put_command(out: &mut Vec<u8>, argv: &[&[u8]]) {
    let room = argv.iter().map(|argument| argument.len() + HEAD_BYTES).sum::<usize>() + HEAD_BYTES;
    out.reserve(room);
    let begin: *mut u8 = out.spare_capacity_mut().as_mut_ptr().cast();
    let mut pen = Pen { place: begin };
    // SAFETY: what is written is, for each argument, its bytes and at most HEAD_BYTES, and at most as many for their number: no more than the room that was just made, all
    // of which is written up to where the length is set.
    unsafe {
        pen.word(*b"*");
        match argv.len() {
            len @ 0..10 => pen.word([b'0' + len as u8]),
            len => pen.bytes(itoa::Buffer::new().format(len).as_bytes()),
        }
        for argument in argv {
            pen.head(argument.len());
            pen.bytes(argument);
        }
        pen.word(*b"\r\n");
        let written = pen.place.offset_from_unsigned(begin);
        debug_assert!(written <= room, "the room was counted");
        out.set_len(out.len() + written);
    }
}

/// Writes on.
///
/// # Invariants
/// `place` is where the next byte goes, in the spare room of a `Vec` that nobody touches meanwhile.
struct Pen {
    place: *mut u8,
}

impl Pen {
    /// # Safety
    /// There is room for the word.
    #[inline(always)]
    unsafe fn word<const N: usize>(&mut self, word: [u8; N]) {
        // SAFETY: the caller says so, and a place may be anywhere.
        unsafe {
            self.place.cast::<[u8; N]>().write_unaligned(word);
            self.advance(N);
        }
    }

    /// # Safety
    /// So many bytes were written.
    #[inline(always)]
    unsafe fn advance(&mut self, bytes: usize) {
        // SAFETY: that is still in the room, or at its end.
        self.place = unsafe { self.place.add(bytes) };
    }

    /// The end of the line before, and the length of the argument that comes.
    ///
    /// # Safety
    /// There is room for [`HEAD_BYTES`].
    #[inline(always)]
    unsafe fn head(&mut self, len: usize) {
        let number = len as u64;
        let (word, bytes) = match len {
            0..10 => (SHORT + (number << 24), 6),
            10..100 => (LONGER + ((number / 10) << 24) + ((number % 10) << 32), 7),
            // SAFETY: the caller says so.
            _ => return unsafe { self.long_head(len) },
        };
        // SAFETY: a word is shorter than that. What is behind the bytes that count is written again.
        unsafe {
            self.place.cast::<u64>().write_unaligned(word.to_le());
            self.advance(bytes);
        }
    }

    /// # Safety
    /// There is room for [`HEAD_BYTES`].
    #[cold]
    #[inline(never)]
    unsafe fn long_head(&mut self, len: usize) {
        // SAFETY: a usize has at most 20 digits.
        unsafe {
            self.word(*b"\r\n$");
            self.bytes(itoa::Buffer::new().format(len).as_bytes());
            self.word(*b"\r\n");
        }
    }

    /// # Safety
    /// There is room for these bytes.
    #[inline(always)]
    unsafe fn bytes(&mut self, bytes: &[u8]) {
        // SAFETY: the caller says so.
        unsafe {
            match bytes.len() {
                8..=16 => self.ends::<8>(bytes),
                17..=32 => self.ends::<16>(bytes),
                4..8 => self.ends::<4>(bytes),
                2..4 => self.ends::<2>(bytes),
                // Nobody lends out the room, so it does not overlap with them.
                len => std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.place, len),
            }
            self.advance(bytes.len());
        }
    }

    /// Writes the first and the last `N` of these bytes, which may overlap and are all of them.
    ///
    /// # Safety
    /// There are at least `N`, and there is room for all.
    #[inline(always)]
    unsafe fn ends<const N: usize>(&mut self, bytes: &[u8]) {
        let (from, last) = (bytes.as_ptr(), bytes.len() - N);
        // SAFETY: each word that is read lies within `bytes`, and each that is written within as many bytes from here on; both may be anywhere.
        unsafe {
            let first_word = from.cast::<[u8; N]>().read_unaligned();
            let last_word = from.add(last).cast::<[u8; N]>().read_unaligned();
            self.place.cast::<[u8; N]>().write_unaligned(first_word);
            self.place.add(last).cast::<[u8; N]>().write_unaligned(last_word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::put_command;
    use proptest::prelude::*;

    fn naive(argv: &[&[u8]]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", argv.len()).into_bytes();
        for argument in argv {
            out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            out.extend_from_slice(argument);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    proptest! {
        #[test]
        fn a_command_is_put_as_the_naive_way_puts_it(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            argv in proptest::collection::vec(prop_oneof![9 => proptest::collection::vec(any::<u8>(), 0..40), 1 => proptest::collection::vec(any::<u8>(), 90..1100)], 0..14),
            is_tight in any::<bool>(),
        ) {
            let mut out = before.clone();
            if is_tight {
                out.shrink_to_fit();
            }
            let argv: Vec<&[u8]> = argv.iter().map(|argument| &**argument).collect();
            put_command(&mut out, &argv);
            prop_assert_eq!(out, [before, naive(&argv)].concat());
        }
    }

    #[test]
    fn many_and_long_arguments_have_long_numbers() {
        let long = vec![b'x'; 1_000_000];
        let argv: Vec<&[u8]> = std::iter::repeat_n(&b"a"[..], 12_345).chain([&long[..], b""]).collect();
        let mut out = Vec::new();
        put_command(&mut out, &argv);
        assert!(out == naive(&argv));
    }
}
