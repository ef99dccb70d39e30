//! The process: how it starts, what it says when it cannot, and how it ends.

use crate::support::{Client, Server, bulk, encode, free_address, status};
use redis_protocol::resp2::types::OwnedFrame;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs `tally` to its end. Panics if it becomes a running server.
fn tally(arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built with this test");
    let mut said = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
    while output.read_line(&mut said).expect("what it says is text") > 0 {
        if said.contains("ready to accept connections") {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
            panic!("{arguments:?} started a server");
        }
    }
    let output = child.wait_with_output().expect("a child can be waited for");
    Output { stdout: said.into_bytes(), ..output }
}

/// Asserts that the start failed: exit code 1, nothing on standard output, one line on standard error, which holds each of `parts`.
fn assert_refused(arguments: &[&str], parts: &[&str]) {
    let output = tally(arguments);
    let said = String::from_utf8(output.stderr).expect("what it says is text");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    assert!(said.starts_with("tally: "), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is in {said:?}");
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tally-it-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files is writable");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the path is text").to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).expect("the folder is writable");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sigterm_ends_the_process_with_0_although_connections_are_open() {
    for signal in ["TERM", "INT"] {
        let server = Server::with(&["--threads", "2"]);
        let mut clients: Vec<Client> = (0..5).map(|_| server.client()).collect();
        for client in &mut clients {
            assert_eq!(client.run("PING"), status("PONG"));
        }
        clients[0].send_raw(b"*2\r\n$3\r\nGET\r\n$1");
        server.signal(signal);
        assert_eq!(server.wait(), Some(0));
        for client in &mut clients {
            assert_eq!(client.read_to_end(), b"");
        }
    }
}

#[test]
fn shutdown_ends_the_process_with_0() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    client.send_raw(b"SET k v\r\nSHUTDOWN NOSAVE\r\nPING\r\n");
    assert_eq!(client.read_to_end(), b"+OK\r\n");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_running_script_finishes_before_the_server_stops_and_its_reply_arrives() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    assert_eq!(client.run("CLIENT SETNAME runner"), status("OK"));
    // If this is over before the signal comes, the test shows less but holds.
    let script = "local start = os.clock() while os.clock() - start < 0.2 do end return redis.call('INCR', KEYS[1])";
    client.send(&["EVAL", script, "1", "k"]);
    server.wait_for_command("runner", "eval");
    server.signal("TERM");
    assert_eq!(client.read_to_end(), b":1\r\n");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_second_signal_ends_the_process_at_once_although_a_script_loops() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "1"]);
    let mut client = server.client();
    client.send(&["EVAL", "while true do end", "1", "k"]);
    server.wait_for_busy("k");
    server.signal("TERM");
    // The listener is closed once the first signal was heard.
    while std::net::TcpStream::connect(server.addr()).is_ok() {}
    server.signal("INT");
    assert_eq!(server.wait(), Some(1));
    assert_eq!(client.read_to_end(), b"");
}

/// What a script has written is half of something, so the server waits for its end, longer than for one that could be ended.
#[test]
fn a_script_that_has_written_is_whole_after_sigterm_and_nothing_of_it_is_left_after_shutdown_nosave() {
    let folder = Folder::new("half");
    for (end, kept) in [("return 1", "1"), ("while true do end", "")] {
        let dir = folder.path(if kept.is_empty() { "hard" } else { "soft" });
        std::fs::create_dir(&dir).expect("it is ours");
        let options = ["--appendonly", "yes", "--dir", &dir];
        let server = Server::with(&[&options[..], &["--threads", "1", "--lua-time-limit", "1"]].concat());
        let mut client = server.client();
        let script = format!(
            "redis.call('SET',KEYS[1],1)local s=os.clock()while os.clock()-s<6 do end redis.call('SET',KEYS[2],1){end}"
        );
        client.send(&["EVAL", &script, "2", "a", "b"]);
        server.wait_for_busy("a");
        if kept.is_empty() {
            // One that came before the script waits for its end.
            let mut other = server.client();
            other.send(&["SHUTDOWN", "NOSAVE"]);
            assert_eq!((other.read_to_end(), server.wait()), (Vec::new(), Some(0)));
        } else {
            server.signal("TERM");
            assert_eq!((client.read_to_end(), server.wait()), (b":1\r\n".to_vec(), Some(0)));
        }
        let server = Server::with(&options);
        let wanted = if kept.is_empty() { OwnedFrame::Null } else { bulk(kept) };
        assert_eq!(server.client().run("GET a"), wanted);
        assert_eq!(server.client().run("GET b"), wanted);
    }
}

/// Such a client once kept the server from ever ending.
#[test]
fn a_client_that_does_not_read_its_replies_does_not_keep_the_server_from_ending() {
    const MB: usize = 1024 * 1024;
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    assert_eq!(client.call(&[&b"SET"[..], b"k", &vec![b'v'; MB]]), status("OK"));
    client.send_raw(&encode(&["GET", "k"]).repeat(40));
    client.send(&["SET", "done", "1"]);
    while server.client().run("EXISTS done") != crate::support::integer(1) {}
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_port_in_use_is_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let port = taken.local_addr().expect("a bound socket has an address").port().to_string();
    let http = free_address().port().to_string();
    let address = format!("127.0.0.1:{port}");
    assert_refused(&["--bind", "127.0.0.1", "--port", &port, "--http-port", &http], &["cannot listen on", &address]);
    assert_refused(&["--bind", "127.0.0.1", "--port", &http, "--http-port", &port], &["cannot listen on", &address]);
}

#[test]
fn a_settings_file_that_cannot_be_used_is_told_with_its_line() {
    let folder = Folder::new("settings");
    let missing = folder.path("missing.toml");
    assert_refused(&[&missing], &[&missing, "cannot read the settings"]);
    for (name, text, parts) in [
        (
            "unknown.toml",
            "port = 7000\n\nmaxclient = 5\n",
            &[":3: maxclient: there is no such setting", "did you mean maxclients?"][..],
        ),
        (
            "unknown.conf",
            "port 7000\nmaxclient 5\n",
            &[":2: maxclient: there is no such setting", "did you mean maxclients?"],
        ),
        ("range.toml", "# a comment\ndatabases = 65\n", &[":2: databases: ", "65", "1 to 64"]),
        ("range.conf", "\n\ndatabases 0\n", &[":3: databases: ", "0", "1 to 64"]),
        ("word.conf", "loglevel loud\n", &[":1: loglevel: ", "debug, verbose, notice, warning"]),
        ("type.toml", "port = \"many\"\n", &[":1: port: ", "many", "is not an integer"]),
        ("syntax.toml", "port = \n", &[":1: "]),
        ("fixed.conf", "cluster-enabled yes\n", &[":1: cluster-enabled: ", "not supported"]),
    ] {
        let path = folder.write(name, text);
        let place = format!("{path}{}", parts[0]);
        assert_refused(&[&path], &[&[place.as_str()], &parts[1..]].concat());
    }
    assert_refused(&["--databases", "65"], &["--databases: ", "1 to 64"]);
    assert_refused(&["--nosuch", "1"], &["--nosuch: there is no such setting"]);
}

#[test]
fn help_and_version_are_printed_with_exit_code_0() {
    for flag in ["--help", "-h"] {
        let output = tally(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("the help is text");
        for part in ["tally [FILE]", "--port", "--requirepass", "--threads"] {
            assert!(text.contains(part), "{part} is in the help");
        }
        assert_eq!(output.stderr, b"");
    }
    for flag in ["--version", "-v"] {
        let output = tally(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn an_address_that_others_can_reach_needs_a_password() {
    let port = free_address().port().to_string();
    let arguments = ["--bind", "0.0.0.0", "--port", &port, "--http-port", "0"];
    assert_refused(&arguments, &["other machines can reach 0.0.0.0", "requirepass"]);
    // The last of two flags holds, so this server listens on all addresses.
    let server = Server::with(&["--bind", "0.0.0.0", "--requirepass", "secret", "--threads", "1"]);
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), status("OK"));
    let reply = client.call(&["CONFIG", "SET", "requirepass", ""]);
    assert!(crate::support::error_text(&reply).contains("other machines"), "{reply:?}");
}

#[test]
fn settings_come_from_a_toml_file_a_conf_file_and_flags_and_flags_win() {
    let folder = Folder::new("sources");
    let toml = folder.write("a.toml", "maxclients = 11\ntimeout = 22\nhash-max-listpack-entries = 33\n");
    let conf = folder.write("a.conf", "# as in redis.conf\nmaxclients 11\ntimeout 22\nhash-max-ziplist-entries 33\n");
    for file in [toml, conf] {
        for arguments in [vec![file.as_str()], vec!["--config", &file]] {
            let server = Server::with(&[&arguments[..], &["--timeout", "44", "--threads", "1"]].concat());
            let mut client = server.client();
            let mut value = |name: &str| crate::support::elements(client.call(&["CONFIG", "GET", name])).remove(1);
            assert_eq!(value("maxclients"), bulk("11"));
            assert_eq!(value("timeout"), bulk("44"));
            assert_eq!(value("hash-max-listpack-entries"), bulk("33"));
        }
    }
}

#[test]
fn the_settings_file_of_the_project_starts_a_server_as_without_one() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/server.toml");
    let all = |server: &Server| server.client().call(&["CONFIG", "GET", "[^phbd]*"]);
    let (with, without) = (Server::with(&[file, "--threads", "1"]), Server::with(&["--threads", "1"]));
    let (with, without) = (all(&with), all(&without));
    let differing: Vec<_> = crate::support::elements(with)
        .chunks(2)
        .zip(crate::support::elements(without).chunks(2))
        .filter(|(with, without)| with != without)
        .map(|(with, without)| format!("{with:?} {without:?}"))
        .collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn a_unix_socket_is_served_and_its_file_is_gone_at_the_end() {
    let folder = Folder::new("unix");
    let path = folder.path("tally.sock");
    // A file that nobody listens on is left by a server that was killed.
    drop(UnixListener::bind(&path).expect("the folder is writable"));
    let server = Server::with(&["--threads", "1", "--unixsocket", &path, "--unixsocketperm", "700"]);
    let ask = |requests: &[u8]| {
        let mut stream = UnixStream::connect(&path).expect("the server listens on its socket");
        stream.write_all(requests).expect("the server reads");
        stream.shutdown(std::net::Shutdown::Write).expect("the connection is open");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("the reply is text");
        reply
    };
    assert_eq!(ask(b"SET k 1\r\nINCR k\r\n"), "+OK\r\n:2\r\n");
    assert_eq!(server.client().run("GET k"), bulk("2"), "it is the same keyspace");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path).expect("the file is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // A second server finds the socket in use.
    let (port, http) = (free_address().port().to_string(), free_address().port().to_string());
    assert_refused(
        &["--bind", "127.0.0.1", "--port", &port, "--http-port", &http, "--unixsocket", &path],
        &["cannot listen on", &path],
    );
    assert_eq!(ask(b"PING\r\n"), "+PONG\r\n", "which leaves it alone");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let folder = Folder::new("file");
    let path = folder.write("data", "precious");
    let (port, http) = (free_address().port().to_string(), free_address().port().to_string());
    assert_refused(
        &["--bind", "127.0.0.1", "--port", &port, "--http-port", &http, "--unixsocket", &path],
        &["cannot listen on", &path],
    );
    assert_eq!(std::fs::read_to_string(&path).expect("it is still there"), "precious");
}
