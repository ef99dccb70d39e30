//! What one byte of a subject is matched with: any byte, a certain one, a class (`%a`) or a set (`[a-z%d]`).

const ALPHA: u16 = 1;
const CNTRL: u16 = 1 << 1;
const DIGIT: u16 = 1 << 2;
const LOWER: u16 = 1 << 3;
const PUNCT: u16 = 1 << 4;
const SPACE: u16 = 1 << 5;
const UPPER: u16 = 1 << 6;
const ALNUM: u16 = 1 << 7;
const XDIGIT: u16 = 1 << 8;
const ZERO: u16 = 1 << 9;

/// The classes of each byte, as the C locale has them.
const CLASSES: [u16; 256] = {
    let mut classes = [0; 256];
    let mut at: usize = 0;
    while at < 256 {
        let byte = at as u8;
        classes[at] = (if byte.is_ascii_alphabetic() { ALPHA } else { 0 })
            | (if byte.is_ascii_control() { CNTRL } else { 0 })
            | (if byte.is_ascii_digit() { DIGIT } else { 0 })
            | (if byte.is_ascii_lowercase() { LOWER } else { 0 })
            | (if byte.is_ascii_punctuation() { PUNCT } else { 0 })
            | (if matches!(byte, b' ' | 0x09..=0x0D) { SPACE } else { 0 })
            | (if byte.is_ascii_uppercase() { UPPER } else { 0 })
            | (if byte.is_ascii_alphanumeric() { ALNUM } else { 0 })
            | (if byte.is_ascii_hexdigit() { XDIGIT } else { 0 })
            | (if byte == 0 { ZERO } else { 0 });
        at += 1;
    }
    classes
};

/// The class that a letter behind `%` names, in either case; 0 if none.
fn named(letter: u8) -> u16 {
    match letter.to_ascii_lowercase() {
        b'a' => ALPHA,
        b'c' => CNTRL,
        b'd' => DIGIT,
        b'l' => LOWER,
        b'p' => PUNCT,
        b's' => SPACE,
        b'u' => UPPER,
        b'w' => ALNUM,
        b'x' => XDIGIT,
        b'z' => ZERO,
        _ => 0,
    }
}

/// Whether `%letter` matches `byte`.
#[inline]
fn class_matches(byte: u8, letter: u8) -> bool {
    match named(letter) {
        0 => byte == letter,
        class => (CLASSES[usize::from(byte)] & class != 0) == letter.is_ascii_lowercase(),
    }
}

/// One item of a pattern without what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Single<'a> {
    Any,
    Byte(u8),
    /// A class, and whether the byte is to be in it.
    Class(u16, bool),
    /// What stands between `[` and `]`, with the `]`.
    Set(&'a [u8]),
}

impl<'a> Single<'a> {
    /// The single that `text` is, from its first byte to its last.
    #[inline]
    pub(super) fn of(text: &'a [u8]) -> Self {
        match text {
            [b'.'] => Self::Any,
            [b'%', letter] => match named(*letter) {
                0 => Self::Byte(*letter),
                class => Self::Class(class, letter.is_ascii_lowercase()),
            },
            [b'[', set @ ..] => Self::Set(set),
            [byte, ..] => Self::Byte(*byte),
            [] => unreachable!("an item has a first byte"),
        }
    }

    #[inline]
    pub(super) fn matches(self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Byte(own) => byte == own,
            Self::Class(class, within) => (CLASSES[usize::from(byte)] & class != 0) == within,
            Self::Set(set) => set_matches(byte, set),
        }
    }

    /// How many bytes at the start of `text` match. O(n), times the length of a set.
    pub(super) fn run(self, text: &[u8]) -> usize {
        let first_other = match self {
            Self::Any => None,
            Self::Byte(own) => text.iter().position(|byte| *byte != own),
            Self::Class(class, within) => {
                text.iter().position(|byte| (CLASSES[usize::from(*byte)] & class != 0) != within)
            }
            Self::Set(set) => text.iter().position(|byte| !set_matches(*byte, set)),
        };
        first_other.unwrap_or(text.len())
    }

    /// What one byte costs, in steps.
    pub(super) fn cost(self) -> usize {
        match self {
            Self::Set(set) => set.len(),
            _ => 1,
        }
    }
}

/// Whether a set matches `byte`; `set` as in [`Single::Set`].
#[inline]
pub(super) fn set_matches(byte: u8, set: &[u8]) -> bool {
    let (set, within) = match set {
        [b'^', rest @ ..] => (rest, false),
        _ => (set, true),
    };
    let end = set.len() - 1;
    let mut at = 0;
    while at < end {
        let found = match set[at] {
            // Behind a `%` that ends a range the bracket itself is the letter, as in the original.
            b'%' => {
                at += 1;
                class_matches(byte, set[at])
            }
            low if set[at + 1] == b'-' && at + 2 < end => {
                at += 2;
                (low..=set[at]).contains(&byte)
            }
            own => byte == own,
        };
        if found {
            return within;
        }
        at += 1;
    }
    !within
}
