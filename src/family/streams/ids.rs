//! Ids as clients write them: `ms`, `ms-seq`, `-` and `+`, in ranges also with `(` before them; and for XADD `ms-*`.

use crate::command::CommandError;
use crate::data::stream::StreamId;

const INVALID: CommandError = CommandError::text("ERR Invalid stream ID specified as stream command argument");
const NO_START: CommandError = CommandError::text("ERR invalid start ID for the interval");
const NO_END: CommandError = CommandError::text("ERR invalid end ID for the interval");
/// A longer text is no id.
const TEXT_BYTES_MAX: usize = 127;

/// The id that a text means; one without a sequence number has `missing`.
pub(super) fn id(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    match partial(text, missing)? {
        (id, true) => Ok(id),
        (_, false) => Err(INVALID),
    }
}

/// The same, and `-` and `+` for the least and the greatest.
pub(super) fn id_or_end(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => id(text, missing),
    }
}

/// The id that a text means, and whether it says a sequence number or leaves it to the stream.
pub(super) fn partial(text: &[u8], missing: u64) -> Result<(StreamId, bool), CommandError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(INVALID);
    }
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let dash = text.iter().position(|byte| *byte == b'-');
    let (ms, seq) = dash.map_or((text, None), |dash| (&text[..dash], Some(&text[dash + 1..])));
    let ms = number(ms).ok_or(INVALID)?;
    match seq {
        Some(b"*") => Ok((StreamId { ms, seq: 0 }, false)),
        Some(seq) => Ok((StreamId { ms, seq: number(seq).ok_or(INVALID)? }, true)),
        None => Ok((StreamId { ms, seq: missing }, true)),
    }
}

/// A number as `strtoull` reads it, negative ones left out.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// The first id of a range, perhaps behind the one that is named.
pub(super) fn start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => id(rest, 0)?.next().ok_or(NO_START),
        _ => id_or_end(text, 0),
    }
}

/// The last id of a range, perhaps before the one that is named.
pub(super) fn end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => id(rest, u64::MAX)?.previous().ok_or(NO_END),
        _ => id_or_end(text, u64::MAX),
    }
}

/// Ids, each of which has to be one.
pub(super) fn all(texts: &[&[u8]]) -> Result<Vec<StreamId>, CommandError> {
    texts.iter().map(|text| id(text, 0)).collect()
}
