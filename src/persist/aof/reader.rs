//! An incremental file read, command by command.
//!
//! ```text
//! file      [#annotation CRLF | command] ...
//! command   *N CRLF ($bytes CRLF argument CRLF) x N
//! unit      a command, or MULTI, commands, EXEC
//! ```
//! A file that ends within a unit was cut off by a crash: that is [`AofError::Truncated`], and says where the last whole unit ends. So does one that ends with
//! zeros, which file systems leave where bytes were promised and never came. Anything else that is no command is [`AofError::Format`].

use crate::base::limits::{ARGUMENTS_MAX, STRING_BYTES_MAX};
use std::fmt;
use std::io::{self, Read};

/// What is read at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// The longest line: a count or a length, or an annotation.
const LINE_BYTES_MAX: usize = 1024;

/// Why a file cannot be read on.
#[derive(Debug)]
pub enum AofError {
    /// The disk failed.
    Io {
        /// The byte that was to be read.
        offset: u64,
        /// Why.
        cause: io::Error,
    },
    /// It ends within a unit.
    Truncated {
        /// Where the last whole unit ends.
        whole: u64,
        /// Where the file ends.
        end: u64,
    },
    /// It holds what is no command.
    Format {
        /// Where.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for AofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { offset, .. } => write!(f, "it cannot be read at byte {offset}"),
            Self::Truncated { whole, end } => {
                write!(f, "it ends within a command or a transaction: {whole} of its {end} bytes are whole")
            }
            Self::Format { offset, what } => write!(f, "at byte {offset}: {what}"),
        }
    }
}

impl std::error::Error for AofError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// Reads commands.
#[derive(Debug)]
pub struct Reader<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    /// The offset of the buffer's first byte in the file.
    base: u64,
    whole: u64,
    is_in_multi: bool,
}

/// The end of the file in the midst of something.
struct Cut;

enum Stop {
    Cut,
    Failed(AofError),
}

impl From<Cut> for Stop {
    fn from(_: Cut) -> Self {
        Self::Cut
    }
}

impl From<AofError> for Stop {
    fn from(error: AofError) -> Self {
        Self::Failed(error)
    }
}

impl<R: Read> Reader<R> {
    /// Reads from `reader`, whose first byte is at `offset` of the file.
    pub fn new(reader: R, offset: u64) -> Self {
        Self { reader, buffer: Vec::new(), at: 0, base: offset, whole: offset, is_in_multi: false }
    }

    /// How many bytes of the file are done with.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Where the last whole unit ends.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether the next bytes are a snapshot's, which older versions put before the commands.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn begins_with_snapshot(&mut self) -> Result<bool, AofError> {
        while self.buffer.len() - self.at < 5 && self.fill()? {}
        Ok(self.buffer[self.at..].starts_with(b"REDIS"))
    }

    /// Reads the next command into `argv`, whose vectors are used again. False at the end.
    ///
    /// # Errors
    /// Whatever an [`AofError`] says.
    pub fn next(&mut self, argv: &mut Vec<Vec<u8>>) -> Result<bool, AofError> {
        match self.command(argv) {
            Ok(true) => {
                let is = |name: &[u8]| argv.len() == 1 && argv[0].eq_ignore_ascii_case(name);
                self.is_in_multi = is(b"MULTI") || self.is_in_multi && !is(b"EXEC");
                if !self.is_in_multi {
                    self.whole = self.offset();
                }
                Ok(true)
            }
            Ok(false) if !self.is_in_multi => Ok(false),
            Ok(false) | Err(Stop::Cut) => {
                while self.fill()? {
                    self.base += self.buffer.len() as u64;
                    self.buffer.clear();
                    self.at = 0;
                }
                Err(AofError::Truncated { whole: self.whole, end: self.base + self.buffer.len() as u64 })
            }
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn command(&mut self, argv: &mut Vec<Vec<u8>>) -> Result<bool, Stop> {
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                return Ok(false);
            }
            match self.buffer[self.at] {
                b'#' => _ = self.line()?,
                b'*' => break,
                0 => {
                    self.skip_zeros()?;
                    return Err(Stop::Cut);
                }
                _ => return Err(self.format("a command begins with '*'")),
            }
        }
        let len = self.number(b'*')?;
        if len == 0 || len > ARGUMENTS_MAX {
            return Err(self.format("a command has at least one argument, and not too many"));
        }
        argv.truncate(len);
        for index in 0..len {
            let bytes = self.number(b'$')?;
            if bytes > STRING_BYTES_MAX {
                return Err(self.format("an argument is longer than a string may be"));
            }
            if index == argv.len() {
                argv.push(Vec::new());
            }
            self.argument(bytes, &mut argv[index])?;
        }
        Ok(true)
    }

    fn argument(&mut self, mut bytes: usize, argument: &mut Vec<u8>) -> Result<(), Stop> {
        argument.clear();
        while bytes > 0 {
            if self.at == self.buffer.len() && !self.fill()? {
                return Err(Stop::Cut);
            }
            let part = bytes.min(self.buffer.len() - self.at);
            argument.extend_from_slice(&self.buffer[self.at..self.at + part]);
            self.at += part;
            bytes -= part;
        }
        for expected in *b"\r\n" {
            if self.at == self.buffer.len() && !self.fill()? {
                return Err(Stop::Cut);
            }
            if self.buffer[self.at] != expected {
                return self.odd("an argument is longer than it says");
            }
            self.at += 1;
        }
        Ok(())
    }

    /// A number in a line that begins with `kind`.
    fn number(&mut self, kind: u8) -> Result<usize, Stop> {
        if self.at == self.buffer.len() && !self.fill()? {
            return Err(Stop::Cut);
        }
        if self.buffer[self.at] != kind {
            return self.odd("a count or a length is expected");
        }
        let (from, to) = self.line()?;
        let digits = &self.buffer[from + 1..to];
        let number = crate::base::num::parse_i64(digits).and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| self.format("a count or a length is no number"))
    }

    /// What is no command may be a tail of zeros.
    fn odd<T>(&mut self, what: &'static str) -> Result<T, Stop> {
        if self.buffer[self.at] == 0 {
            self.skip_zeros()?;
            return Err(Stop::Cut);
        }
        Err(self.format(what))
    }

    /// Nothing but zeros may follow, up to the end of the file.
    fn skip_zeros(&mut self) -> Result<(), Stop> {
        loop {
            match self.buffer[self.at..].iter().position(|byte| *byte != 0) {
                Some(zeros) => {
                    self.at += zeros;
                    return Err(self.format("zeros, and more behind them"));
                }
                None => self.at = self.buffer.len(),
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Takes a line; where it is in the buffer, without its end.
    fn line(&mut self) -> Result<(usize, usize), Stop> {
        let mut looked_at = 0;
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(end) = rest[looked_at..].iter().position(|byte| *byte == b'\n') {
                let (from, to) = (self.at, self.at + looked_at + end);
                self.at = to + 1;
                return Ok((from, to - usize::from(to > from && self.buffer[to - 1] == b'\r')));
            }
            looked_at = rest.len();
            if let Some(zero) = rest.iter().position(|byte| *byte == 0) {
                self.at += zero;
                return self.odd("a zero in a line");
            }
            if looked_at > LINE_BYTES_MAX {
                return Err(self.format("a line that does not end"));
            }
            if !self.fill()? {
                return Err(Stop::Cut);
            }
        }
    }

    fn format(&self, what: &'static str) -> Stop {
        Stop::Failed(AofError::Format { offset: self.offset(), what })
    }

    /// Reads more. False at the end of the file.
    fn fill(&mut self) -> Result<bool, AofError> {
        self.base += self.at as u64;
        self.buffer.drain(..std::mem::take(&mut self.at));
        let len = self.buffer.len();
        self.buffer.resize(len + BUFFER_BYTES, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(len + *read.as_ref().unwrap_or(&0));
        read.map(|bytes| bytes > 0).map_err(|cause| AofError::Io { offset: self.base + len as u64, cause })
    }
}
