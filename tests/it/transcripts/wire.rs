//! The client of a replay: sends requests or bare bytes, and prints each reply as lines, one value a line.

use super::format::CLOSED;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A reply that takes longer has been forgotten by the server.
const REPLY_TIME_MAX: Duration = Duration::from_secs(20);

/// One connection to the server.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects, and says HELLO 3 if the protocol is 3; a server that wants a password first may refuse.
    pub fn open(address: SocketAddr, protocol: u8) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts connections");
        stream.set_nodelay(true).expect("a TCP socket knows TCP_NODELAY");
        stream.set_read_timeout(Some(REPLY_TIME_MAX)).expect("a positive timeout is accepted");
        let mut this = Self { stream: BufReader::new(stream) };
        if protocol == 3 {
            let hello = this.command(&[b"HELLO".to_vec(), b"3".to_vec()]).expect("HELLO 3 is answered");
            let refused = hello[0].starts_with("-NOAUTH");
            assert!(refused || hello[0].starts_with('%'), "HELLO 3 is answered with a map, not {hello:?}");
        }
        this
    }

    /// Ends the connection, and returns when the server has ended it too: what it had subscribed to or waited for no longer counts.
    pub fn leave(mut self) {
        // One that was lost has ended already.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// Sends a command; the lines of its reply, or of the close that came instead.
    pub fn command(&mut self, argv: &[Vec<u8>]) -> Result<Vec<String>> {
        self.send(std::slice::from_ref(&argv.to_vec()))?;
        self.hear()
    }

    /// Sends commands in one write.
    pub fn send(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<()> {
        let mut request = Vec::new();
        for argv in commands {
            request.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
            for argument in argv {
                request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
                request.extend_from_slice(argument);
                request.extend_from_slice(b"\r\n");
            }
        }
        self.stream.get_mut().write_all(&request)
    }

    /// Reads the next reply or message.
    pub fn hear(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        if !self.reply_or_close(&mut lines)? {
            lines.push(CLOSED.to_owned());
        }
        Ok(lines)
    }

    /// Sends bytes, each element in a write of its own, and reads as many replies as are expected, and the close if it is.
    /// A reply too many shows itself at the next step.
    pub fn raw(&mut self, writes: &[Vec<u8>], expected: &[String]) -> Result<Vec<String>> {
        for bytes in writes {
            self.stream.get_mut().write_all(bytes)?;
        }
        let mut lines = Vec::new();
        for _ in expected.iter().filter(|line| !line.starts_with(' ')) {
            if !self.reply_or_close(&mut lines)? {
                lines.push(CLOSED.to_owned());
                break;
            }
        }
        Ok(lines)
    }

    /// Reads one reply; false if the server closed before it began.
    fn reply_or_close(&mut self, lines: &mut Vec<String>) -> Result<bool> {
        match self.stream.fill_buf() {
            Ok([]) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        self.reply(0, lines)?;
        Ok(true)
    }

    fn reply(&mut self, depth: usize, lines: &mut Vec<String>) -> Result<()> {
        let pad = "  ".repeat(depth);
        let head = self.line()?;
        let (kind, rest) = head.split_first().ok_or_else(|| malformed(&head))?;
        let kind = char::from(*kind);
        match kind {
            '+' | '-' | ':' | '_' | '#' | ',' | '(' => {
                let mut text = escape(rest, false);
                // A space at the end of a line would not survive every editor.
                if text.ends_with(' ') {
                    text.replace_range(text.len() - 1.., "\\x20");
                }
                lines.push(format!("{pad}{kind}{text}"));
            }
            '$' | '=' => match length(&head)? {
                None => lines.push(format!("{pad}(nil)")),
                Some(len) => {
                    let mut bytes = vec![0; len + 2];
                    self.stream.read_exact(&mut bytes)?;
                    let text = bytes.strip_suffix(b"\r\n").ok_or_else(|| malformed(&head))?;
                    let mark = if kind == '=' { "=" } else { "" };
                    lines.push(format!("{pad}{mark}\"{}\"", escape(text, true)));
                }
            },
            '*' | '%' | '~' | '>' => match length(&head)? {
                None => lines.push(format!("{pad}(nil-array)")),
                Some(len) => {
                    lines.push(format!("{pad}{kind}{len}"));
                    for _ in 0..len * if kind == '%' { 2 } else { 1 } {
                        self.reply(depth + 1, lines)?;
                    }
                }
            },
            _ => return Err(malformed(&head)),
        }
        Ok(())
    }

    /// A line without its CR LF.
    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let text = line.strip_suffix(b"\r\n").ok_or_else(|| malformed(&line))?;
        Ok(text.to_vec())
    }
}

/// The length that a head announces; none for -1.
fn length(head: &[u8]) -> Result<Option<usize>> {
    if &head[1..] == b"-1" {
        return Ok(None);
    }
    let text = std::str::from_utf8(&head[1..]).map_err(|_| malformed(head))?;
    text.parse().map(Some).map_err(|_| malformed(head))
}

fn malformed(line: &[u8]) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not a reply: {:?}", String::from_utf8_lossy(line)))
}

/// Bytes as printable ASCII with escapes.
fn escape(bytes: &[u8], quoted: bool) -> String {
    let mut out = String::new();
    for &byte in bytes {
        match byte {
            b'"' if quoted => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}
