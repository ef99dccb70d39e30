//! Libraries of functions by themselves: what FUNCTION DUMP gives and FUNCTION RESTORE takes.
//!
//! ```text
//! 0xF5 [string], for each library; version, checksum
//! ```

use super::codes::opcode;
use super::payload::{body_of, with_footer};
use super::source::{Source, Spill};
use std::fmt;

/// Why a payload holds no libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionsError {
    /// It is too short, of an unknown version, or its checksum is wrong.
    Footer,
    /// Something in it is no library.
    Other,
    /// Something in it is a library in a form of before the release of Redis 7.0.
    Early,
    /// A library's source is cut off or cannot be read.
    Source,
}

impl fmt::Display for FunctionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Footer => "DUMP payload version or checksum are wrong",
            Self::Other => "given type is not a function",
            Self::Early => "Pre-GA function format not supported",
            Self::Source => "Failed loading library payload",
        })
    }
}

impl std::error::Error for FunctionsError {}

/// The payload of libraries, given by their sources.
pub fn dump_functions<'s>(sources: impl IntoIterator<Item = &'s [u8]>, compress: bool) -> Vec<u8> {
    with_footer(compress, |sink| {
        sources.into_iter().try_for_each(|source| {
            sink.put(&[opcode::FUNCTION_2])?;
            sink.string(source)
        })
    })
}

/// The sources of a payload's libraries. Of a compressed one no more is made than its bytes can hold.
///
/// # Errors
/// See [`FunctionsError`].
pub fn restore_functions(payload: &[u8]) -> Result<Vec<Vec<u8>>, FunctionsError> {
    let (body, _) = body_of(payload).ok_or(FunctionsError::Footer)?;
    let mut source = Source::new(body, body.len());
    let mut spill = Spill::default();
    let mut libraries = Vec::new();
    while source.offset() < body.len() as u64 {
        match source.byte() {
            Ok(opcode::FUNCTION_2) => {}
            Ok(opcode::FUNCTION_PRE_GA) => return Err(FunctionsError::Early),
            _ => return Err(FunctionsError::Other),
        }
        let library = source.string(&mut spill).map_err(|_| FunctionsError::Source)?;
        libraries.push(library.to_vec());
    }
    Ok(libraries)
}
