//! Replies as JSON text, for HTTP.
//!
//! Statuses, bulks and verbatim texts are strings; bytes that are not UTF-8 become U+FFFD, for JSON has no bytes. Integers are
//! numbers with all their digits (a reader that keeps numbers as doubles loses some past 2^53). Doubles are numbers as the protocol
//! prints them; `inf`, `-inf` and `nan`, which JSON lacks, are strings. Both nulls are `null`. Arrays, sets and pushes are arrays; pairs
//! an array of two-element arrays. A map is an object in the order given; a key that is not a string becomes one by its JSON
//! text, and a repeated key is repeated. An error is `{"error": "..."}` wherever it stands.
//!
//! Like the wire, the text never passes its limit: what would is dropped, and [`JsonSink::into_text`] then gives nothing. Nesting past
//! [`NESTING_MAX`] becomes an error in its place.

use super::record::{Skipped, TOO_DEEP, values_of};
use super::reply::{Aggregate, ReplySink};
use crate::base::limits::NESTING_MAX;
use crate::base::num;
use std::fmt::Write;

/// An array or object whose elements are still coming.
#[derive(Debug)]
struct Open {
    /// Values to come; keys and values of a map each count.
    left: usize,
    object: bool,
    /// Where the text of the aggregate begins.
    start: usize,
}

impl Open {
    /// In an object, whether the next value is a key.
    fn expects_key(&self) -> bool {
        self.object && self.left.is_multiple_of(2)
    }
}

/// Writes one reply as JSON.
#[derive(Debug)]
pub struct JsonSink {
    text: String,
    limit_bytes: usize,
    overflowed: bool,
    open: Vec<Open>,
    skipped: Skipped,
}

impl JsonSink {
    /// A sink whose text stays within `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self { text: String::new(), limit_bytes, overflowed: false, open: Vec::new(), skipped: Skipped::default() }
    }

    /// Whether the reply was too long.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The text of a reply that was given completely; none if it was too long.
    pub fn into_text(self) -> Option<String> {
        (!self.overflowed).then_some(self.text)
    }

    /// Writes one value without parts.
    fn put(&mut self, write: impl FnOnce(&mut String)) {
        if self.overflowed || self.skipped.passes(0) {
            return;
        }
        self.separate();
        let start = self.text.len();
        write(&mut self.text);
        self.settle(start);
    }

    fn string(&mut self, bytes: &[u8]) {
        // A string is at least as long as its bytes, so that one too long need not be written to be refused.
        if bytes.len() > self.limit_bytes {
            self.overflowed = true;
        }
        self.put(|text| append_string(text, &String::from_utf8_lossy(bytes)));
    }

    /// Writes what stands between the value before and the one to come.
    fn separate(&mut self) {
        if let Some(open) = self.open.last() {
            if open.object && !open.expects_key() {
                self.text.push(':');
            } else if self.text.len() > open.start + 1 {
                self.text.push(',');
            }
        }
    }

    /// Ends the value whose text begins at `start`, and every aggregate that it completes.
    fn settle(&mut self, mut start: usize) {
        while let Some(open) = self.open.last_mut() {
            if open.expects_key() && !self.text[start..].starts_with('"') {
                let key = self.text.split_off(start);
                append_string(&mut self.text, &key);
            }
            open.left -= 1;
            if open.left > 0 {
                break;
            }
            self.text.push(if open.object { '}' } else { ']' });
            start = open.start;
            self.open.pop();
        }
        if self.text.len() > self.limit_bytes {
            self.overflowed = true;
            self.text = String::new();
        }
    }
}

impl ReplySink for JsonSink {
    fn status(&mut self, text: &[u8]) {
        self.string(text);
    }

    fn error(&mut self, text: &[u8]) {
        self.put(|out| append_error(out, text));
    }

    fn integer(&mut self, value: i64) {
        self.put(|text| write!(text, "{value}").expect("writing to a string does not fail"));
    }

    fn double(&mut self, value: f64) {
        self.put(|text| {
            let digits = num::F64Text::new(value);
            let digits = std::str::from_utf8(digits.as_bytes()).expect("numbers print as ASCII");
            if value.is_finite() {
                text.push_str(digits);
            } else {
                append_string(text, digits);
            }
        });
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.string(bytes);
    }

    fn null(&mut self) {
        self.put(|text| text.push_str("null"));
    }

    fn null_array(&mut self) {
        self.null();
    }

    fn boolean(&mut self, value: bool) {
        self.put(|text| text.push_str(if value { "true" } else { "false" }));
    }

    fn verbatim(&mut self, _: [u8; 3], text: &[u8]) {
        self.string(text);
    }

    fn begin(&mut self, shape: Aggregate, len: usize) {
        let left = values_of(shape, len);
        if self.overflowed || self.skipped.passes(left) {
            return;
        }
        self.separate();
        let start = self.text.len();
        if self.open.len() >= NESTING_MAX {
            append_error(&mut self.text, TOO_DEEP);
            self.skipped.start(left);
            self.settle(start);
            return;
        }
        let object = shape == Aggregate::Map;
        if left == 0 {
            self.text.push_str(if object { "{}" } else { "[]" });
            self.settle(start);
        } else {
            self.text.push(if object { '{' } else { '[' });
            self.open.push(Open { left, object, start });
        }
    }
}

fn append_error(out: &mut String, text: &[u8]) {
    out.push_str("{\"error\":");
    append_string(out, &String::from_utf8_lossy(text));
    out.push('}');
}

/// Appends a JSON string (RFC 8259, section 7).
fn append_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a string does not fail");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::record::Value;

    fn json(value: &Value) -> String {
        let mut sink = JsonSink::new(1 << 20);
        value.replay(&mut sink);
        sink.into_text().unwrap()
    }

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.as_bytes().to_vec())
    }

    #[test]
    fn each_kind_of_value_has_its_json() {
        for (value, expected) in [
            (Value::Status(b"OK".to_vec()), r#""OK""#),
            (Value::Error(b"ERR no \"x\"".to_vec()), r#"{"error":"ERR no \"x\""}"#),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(f64::INFINITY), r#""inf""#),
            (Value::Double(f64::NEG_INFINITY), r#""-inf""#),
            (Value::Double(f64::NAN), r#""nan""#),
            (bulk("a\"\\\n\r\t\0\u{1f}\u{7f}é"), "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001f\u{7f}é\""),
            (Value::Bulk(b"\xff1".to_vec()), "\"\u{fffd}1\""),
            (Value::Null, "null"),
            (Value::NullArray, "null"),
            (Value::Boolean(true), "true"),
            (Value::Boolean(false), "false"),
            (Value::Verbatim { format: *b"txt", text: b"a".to_vec() }, r#""a""#),
            (Value::Array(vec![]), "[]"),
            (Value::Map(vec![]), "{}"),
            (Value::Array(vec![Value::Integer(1), Value::Null, Value::Array(vec![])]), "[1,null,[]]"),
            (Value::Set(vec![bulk("a"), bulk("")]), r#"["a",""]"#),
            (Value::Push(vec![bulk("message"), Value::Integer(2)]), r#"["message",2]"#),
            (Value::Pairs(vec![(bulk("m"), Value::Double(1.5)), (bulk("n"), bulk("v"))]), r#"[["m",1.5],["n","v"]]"#),
            (Value::Map(vec![(bulk("a"), Value::Integer(1)), (bulk("b"), Value::Map(vec![]))]), r#"{"a":1,"b":{}}"#),
        ] {
            assert_eq!(json(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_key_that_is_not_a_string_becomes_one() {
        let value = Value::Map(vec![
            (Value::Integer(7), Value::Map(vec![(Value::Null, bulk("x"))])),
            (Value::Array(vec![bulk("k"), Value::Integer(1)]), Value::Array(vec![Value::Boolean(true)])),
            (Value::Map(vec![]), Value::Integer(2)),
        ]);
        assert_eq!(json(&value), r#"{"7":{"null":"x"},"[\"k\",1]":[true],"{}":2}"#);
    }

    #[test]
    fn nesting_past_the_limit_becomes_an_error_in_its_place() {
        let mut sink = JsonSink::new(1 << 20);
        for _ in 0..=NESTING_MAX {
            sink.begin(Aggregate::Array, 2);
        }
        for number in 0..=NESTING_MAX + 1 {
            sink.integer(i64::try_from(number).unwrap());
        }
        let text = sink.into_text().unwrap();
        let expected = "[{\"error\":\"ERR the reply nests too deep\"},2],3]";
        assert!(text.starts_with(&"[".repeat(NESTING_MAX)) && text.contains(expected), "{text}");
        assert_eq!(text.matches('[').count(), NESTING_MAX);
        assert_eq!(text.matches(']').count(), NESTING_MAX);
    }

    #[test]
    fn a_text_past_its_limit_is_no_text() {
        for limit in 0..=8 {
            let mut sink = JsonSink::new(limit);
            Value::Array(vec![Value::Integer(1), bulk("abc")]).replay(&mut sink);
            assert_eq!(sink.overflowed(), limit < 9, "limit {limit}");
        }
        let mut sink = JsonSink::new(9);
        Value::Array(vec![Value::Integer(1), bulk("abc")]).replay(&mut sink);
        assert_eq!(sink.into_text().unwrap(), "[1,\"abc\"]");
    }
}
