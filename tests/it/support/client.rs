//! A connection that sends requests and decodes replies with an independent reader.

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use redis_protocol::resp3;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A server that says nothing for so long never will: the test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A blocking RESP connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes the option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes the option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes the option");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Sends one request.
    pub fn send<A: AsRef<[u8]>>(&mut self, argv: &[A]) {
        self.send_raw(&encode(argv));
    }

    /// Reads one RESP2 reply.
    pub fn read(&mut self) -> OwnedFrame {
        loop {
            if let Some((frame, used)) = decode(&self.buffer).expect("the server writes RESP2") {
                self.buffer.drain(..used);
                return frame;
            }
            assert!(self.fill(), "the server closed the connection in the middle of a reply");
        }
    }

    /// Reads one RESP3 reply.
    pub fn read3(&mut self) -> resp3::types::OwnedFrame {
        loop {
            if let Some((frame, used)) = resp3::decode::complete::decode(&self.buffer).expect("the server writes RESP3")
            {
                self.buffer.drain(..used);
                return frame;
            }
            assert!(self.fill(), "the server closed the connection in the middle of a reply");
        }
    }

    /// Sends one request and reads its RESP2 reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, argv: &[A]) -> OwnedFrame {
        self.send(argv);
        self.read()
    }

    /// The next reply, if it comes within `patience`.
    pub fn try_read(&mut self, patience: Duration) -> Option<OwnedFrame> {
        self.stream.set_read_timeout(Some(patience)).expect("a socket takes the option");
        loop {
            if let Some((frame, _)) = decode(&self.buffer).expect("the server writes RESP2") {
                return Some(frame);
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(bytes @ 1..) => self.buffer.extend_from_slice(&chunk[..bytes]),
                _ => return None,
            }
        }
    }

    /// Whether something came that was not read.
    pub fn has_reply(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket takes the option");
        let is_there = !self.buffer.is_empty() || self.stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
        self.stream.set_nonblocking(false).expect("a socket takes the option");
        is_there
    }

    /// Sends the words of a line (no quoting) and reads the RESP2 reply.
    pub fn run(&mut self, line: &str) -> OwnedFrame {
        self.call(&line.split(' ').collect::<Vec<_>>())
    }

    /// Sends bytes to a server that may have closed the connection meanwhile.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The same connection, for another thread that only writes.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket can be shared")
    }

    /// Ends this direction: the server reads no further request.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// This end of the connection, as CLIENT LIST tells it.
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// Everything up to the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(bytes) => {
                self.buffer.extend_from_slice(&chunk[..bytes]);
                bytes > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("reading from the server: {error}"),
        }
    }
}

/// One request on the wire.
pub fn encode<A: AsRef<[u8]>>(argv: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", argv.len()).into_bytes();
    for argument in argv {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

pub fn status(text: &str) -> OwnedFrame {
    OwnedFrame::SimpleString(text.as_bytes().to_vec())
}

pub fn bulk(bytes: impl AsRef<[u8]>) -> OwnedFrame {
    OwnedFrame::BulkString(bytes.as_ref().to_vec())
}

pub fn integer(value: i64) -> OwnedFrame {
    OwnedFrame::Integer(value)
}

pub fn array(frames: Vec<OwnedFrame>) -> OwnedFrame {
    OwnedFrame::Array(frames)
}

/// An error reply's frame.
pub fn error(text: &str) -> OwnedFrame {
    OwnedFrame::Error(text.to_owned())
}

/// The text of an error reply; empty for any other.
pub fn error_text(frame: &OwnedFrame) -> &str {
    match frame {
        OwnedFrame::Error(text) => text,
        _ => "",
    }
}

/// The number in an integer reply or in a bulk of digits.
pub fn number(frame: &OwnedFrame) -> i64 {
    match frame {
        OwnedFrame::Integer(value) => *value,
        OwnedFrame::BulkString(digits) => {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).expect("the bulk holds a number")
        }
        other => panic!("{other:?} is no number"),
    }
}

/// The elements of an array reply.
pub fn elements(frame: OwnedFrame) -> Vec<OwnedFrame> {
    match frame {
        OwnedFrame::Array(frames) => frames,
        other => panic!("{other:?} is no array"),
    }
}
