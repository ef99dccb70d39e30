//! A server process for a test, and a connection to it.

mod client;

pub use client::{Client, array, bulk, elements, encode, error, error_text, integer, number, status};

use redis_protocol::resp2::types::OwnedFrame;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often another free port is tried when somebody took the one that was found.
const STARTS_MAX: usize = 10;

/// How long one connection is asked before another is tried.
const ASK_PATIENCE: Duration = Duration::from_millis(500);

/// A `tally` process on a free loopback port, ended when dropped.
pub struct Server {
    child: Child,
    addr: SocketAddr,
    http: SocketAddr,
    /// Where its files are, if no other directory was given.
    _dir: TempDir,
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
        let (addr, http, dir) = (free_address(), free_address(), TempDir::new());
        let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
            .args(["--bind", "127.0.0.1", "--port", &addr.port().to_string(), "--http-port", &http.port().to_string()])
            .args(["--loglevel", "notice", "--save", "", "--dir"])
            .arg(&dir.0)
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
        Some(Self { child, addr, http, _dir: dir })
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

    /// A number from INFO, by the name of its line.
    pub fn info(&self, name: &str) -> u64 {
        let OwnedFrame::BulkString(text) = self.client().run("INFO everything") else { panic!("INFO replies a bulk") };
        let text = String::from_utf8(text).expect("INFO is text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("INFO tells {name}:\n{text}"))
    }

    /// Asks by a new connection, and by another one if there is no answer: one that its worker had taken before a slow script came waits
    /// for the script's end. An answer that comes late counts: it may be that of the SCRIPT KILL after which the next finds nothing to end.
    pub fn ask(&self, argv: &[&str]) -> OwnedFrame {
        let mut asked = Vec::new();
        loop {
            let mut client = self.client();
            client.send(argv);
            asked.push(client);
            if let Some(reply) = asked.iter_mut().rev().find_map(|client| client.try_read(ASK_PATIENCE)) {
                return reply;
            }
        }
    }

    /// Ends the script that is running, or about to.
    pub fn kill_script(&self) {
        while self.ask(&["SCRIPT", "KILL"]) != status("OK") {}
    }

    /// Waits until a script owns `key` and has passed `lua-time-limit`.
    pub fn wait_for_busy(&self, key: &str) {
        while !error_text(&self.ask(&["GET", key])).starts_with("BUSY ") {}
    }

    /// Waits until a connection named `name` is in the middle of `command`, in lower case.
    pub fn wait_for_command(&self, name: &str, command: &str) {
        let (name, command) = (format!(" name={name} "), format!(" cmd={command} "));
        loop {
            let OwnedFrame::BulkString(list) = self.ask(&["CLIENT", "LIST"]) else { panic!("a list is a bulk") };
            let list = String::from_utf8(list).expect("CLIENT LIST is text");
            if list.lines().any(|line| line.contains(&name) && line.contains(&command)) {
                return;
            }
        }
    }

    /// Waits for the process to end, and returns its exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }
}

/// A directory of one test, removed when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static SERIAL: AtomicUsize = AtomicUsize::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tally-it-{}-{serial}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the system has a place for temporary files");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What is left in a temporary place hurts nobody.
        drop(std::fs::remove_dir_all(&self.0));
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
