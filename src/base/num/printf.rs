//! Doubles printed as C's printf does with `%.14g` and `%.17g`, for scripts that were written against those digits, and with a fixed number of
//! decimals.

use std::fmt::Write;

/// The longest mantissa and exponent that `{:.16e}` prints, with room.
const SCIENTIFIC_BYTES_MAX: usize = 32;

/// Appends `value` as C's `%.14g` does: Lua's own `tostring`.
pub fn append_f64_14g(out: &mut Vec<u8>, value: f64) {
    append_general(out, value, 14);
}

/// Appends `value` as C's `%.17g` does: enough digits for every double, and often too many.
pub fn append_f64_17g(out: &mut Vec<u8>, value: f64) {
    append_general(out, value, 17);
}

/// Appends a finite `value` as C's `%.{decimals}f` does.
pub fn append_f64_fixed(out: &mut Vec<u8>, value: f64, decimals: usize) {
    std::io::Write::write_fmt(out, format_args!("{value:.decimals$}")).expect("writing to memory does not fail");
}

/// Appends a finite `value` as C's `%.17f` does, without the zeros at the end, nor a point that nothing follows.
pub fn append_f64_17f(out: &mut Vec<u8>, value: f64) {
    append_f64_fixed(out, value, 17);
    while out.pop_if(|last| *last == b'0').is_some() {}
    out.pop_if(|last| *last == b'.');
}

/// `%.{precision}g`: `precision` significant digits, trailing zeros removed; scientific if the exponent is below -4 or not below
/// `precision`.
fn append_general(out: &mut Vec<u8>, value: f64, precision: usize) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if !magnitude.is_finite() {
        out.extend_from_slice(if magnitude.is_nan() { b"nan" } else { b"inf" });
        return;
    }
    let mut scientific = Scientific { bytes: [0; SCIENTIFIC_BYTES_MAX], len: 0 };
    // The standard library rounds the exact decimal expansion, ties to even, as glibc does.
    write!(scientific, "{magnitude:.*e}", precision - 1).expect("a double of 17 digits fits the buffer");
    let (digits, exponent) = scientific.split();
    if exponent < -4 || exponent >= precision as i32 {
        append_point(out, digits, 1);
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-exponent - 1) as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        append_point(out, digits, exponent as usize + 1);
    }
}

/// Appends `digits` with a point after the first `whole` of them, zeros filled in before it, and no point at the end.
fn append_point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

/// A place on the stack for what `{:e}` prints: `d.ddde-x`.
struct Scientific {
    bytes: [u8; SCIENTIFIC_BYTES_MAX],
    len: usize,
}

impl Write for Scientific {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let free = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl Scientific {
    /// The digits without point and trailing zeros (at least one stays), and the exponent of the first.
    fn split(&mut self) -> (&[u8], i32) {
        let text = &mut self.bytes[..self.len];
        let mark = text.iter().position(|byte| *byte == b'e').expect("{:e} prints an exponent");
        let exponent = super::parse_i64(&text[mark + 1..]).expect("{:e} prints a plain integer as exponent") as i32;
        // The first digit moves over the point.
        text[1] = text[0];
        let digits = &text[1..mark];
        let kept = digits.iter().rposition(|byte| *byte != b'0').map_or(1, |last| last + 1);
        (&digits[..kept], exponent)
    }
}
