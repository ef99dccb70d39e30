//! A connection that sends requests and decodes replies with an independent reader.

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use redis_protocol::resp3;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A blocking RESP connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server listens");
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

    /// Sends the words of a line (no quoting) and reads the RESP2 reply.
    pub fn run(&mut self, line: &str) -> OwnedFrame {
        self.call(&line.split(' ').collect::<Vec<_>>())
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
