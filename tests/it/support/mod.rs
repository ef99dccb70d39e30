//! A server process for a test, and a connection to it.

mod client;

pub use client::{Client, array, bulk, integer, status};

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

/// How often another free port is tried when somebody took the one that was found.
const STARTS_MAX: usize = 10;

/// A `tally` process on a free loopback port, ended when dropped.
pub struct Server {
    child: Child,
    addr: SocketAddr,
    http: SocketAddr,
}

impl Server {
    /// Starts one with the default settings.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with further arguments.
    pub fn with(arguments: &[&str]) -> Self {
        for _ in 0..STARTS_MAX {
            if let Some(server) = Self::try_start(arguments) {
                return server;
            }
        }
        panic!("the server did not start in {STARTS_MAX} tries");
    }

    fn try_start(arguments: &[&str]) -> Option<Self> {
        let (addr, http) = (free_address(), free_address());
        let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
            .args(["--bind", "127.0.0.1", "--port", &addr.port().to_string(), "--http-port", &http.port().to_string()])
            .args(["--loglevel", "notice"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tally binary was built with this test");
        let output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        if !lines.any(|line| line.contains("ready to accept connections")) {
            child.wait().expect("a child can be waited for");
            return None;
        }
        // The pipe must not fill up, or the server would wait for its own log.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, addr, http })
    }

    /// Where it speaks RESP.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it speaks HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Sends a signal by its name (`TERM`).
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(done.expect("kill is on every Unix").success(), "the server is still there");
    }

    /// Waits for the process to end, and returns its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if the process has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address")
}
