//! Doubles printed as replies print them since Redis 7.2.
//!
//! | value                                        | text                              |
//! |----------------------------------------------|-----------------------------------|
//! | infinities, NaN                              | `inf` `-inf` `nan`                |
//! | integral, magnitude up to 2^62               | `3` `-10000000` `-0` for -0.0     |
//! | large integers, at most 7 zeros to be filled | `9223372036854776000`             |
//! | few decimals, or a magnitude near 1          | `0.1` `0.000001` `1234567.000123` |
//! | all others                                   | `1e+20` `1e-7` `1.5e-100`         |
//!
//! The digits are [`grisu`]'s, the layout is that of `emit_digits` in the library fpconv, which Redis uses; the exponent has no leading
//! zero, unlike C's printf. Checked against Valkey 8.0.1; Redis 7.0 still printed `%.17g`.

use super::grisu;

/// The longest text is 25 bytes: a sign, and 17 digits with a point and a three-digit exponent, or filled with 7 zeros.
const TEXT_BYTES_MAX: usize = 32;
/// Up to this magnitude an integral double is printed as an integer: 2^62, from where on casting to `i64` was thought unsafe.
const INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0;

/// A double as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct F64Text {
    bytes: [u8; TEXT_BYTES_MAX],
    len: u8,
}

impl F64Text {
    /// The text of `value`. About 14 ns if it is integral, 35 to 85 ns if not (release build, two busy cores).
    #[inline]
    pub fn new(value: f64) -> Self {
        let mut text = Self { bytes: [0; TEXT_BYTES_MAX], len: 0 };
        if value.abs() <= INTEGER_MAX && (value as i64) as f64 == value {
            if value == 0.0 && value.is_sign_negative() {
                text.push(b"-0");
            } else {
                text.push(itoa::Buffer::new().format(value as i64).as_bytes());
            }
        } else if value.is_finite() {
            text.push_fraction(value);
        } else {
            text.push(if value.is_nan() {
                b"nan"
            } else if value > 0.0 {
                b"inf"
            } else {
                b"-inf"
            });
        }
        text
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Lays out the digits of a finite double other than zero.
    fn push_fraction(&mut self, value: f64) {
        if value < 0.0 {
            self.push(b"-");
        }
        let decimal = grisu::shortest(value.abs());
        let digits = decimal.digits();
        let count = digits.len() as i32;
        let scientific = decimal.exponent + count - 1;
        if decimal.exponent >= 0 && scientific < count + 7 {
            self.push(digits);
            self.push_zeros(decimal.exponent);
        } else if decimal.exponent < 0 && (decimal.exponent > -7 || scientific.abs() < 4) {
            let whole = count + decimal.exponent;
            if whole <= 0 {
                self.push(b"0.");
                self.push_zeros(-whole);
                self.push(digits);
            } else {
                let (whole, fraction) = digits.split_at(whole as usize);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            }
        } else {
            self.push(&digits[..1]);
            if count > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if scientific < 0 { b"e-" } else { b"e+" });
            self.push(itoa::Buffer::new().format(scientific.abs()).as_bytes());
        }
    }

    fn push_zeros(&mut self, count: i32) {
        for _ in 0..count {
            self.push(b"0");
        }
    }

    #[inline]
    fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + piece.len()].copy_from_slice(piece);
        self.len += piece.len() as u8;
    }
}

/// Appends the text of `value`: see [`F64Text`].
#[inline]
pub fn append_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(F64Text::new(value).as_bytes());
}
