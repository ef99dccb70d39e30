//! A rate limiter that counts calls in fixed windows: `fixed_window.lua`, called from several threads at once.
//!
//! ```text
//! cargo run --release --example fixed_window [redis://host:port]
//! ```
//! The client sends EVALSHA, and SCRIPT LOAD only when the server answers NOSCRIPT. The window's time comes from the server, so
//! the callers' clocks do not matter, and its end is a time to live, so nothing has to be cleaned up.

use redis::{Commands, Connection, RedisResult, Script};
use std::thread;

const KEY: &str = "example:fixed_window:alice";
const LIMIT: u64 = 100;
const WINDOW_MS: u64 = 3_600_000;

const THREADS: u64 = 4;
const CALLS_PER_THREAD: u64 = 100;

#[expect(clippy::disallowed_macros, reason = "an example talks to its reader")]
fn main() -> RedisResult<()> {
    let address = std::env::args().nth(1).or_else(|| std::env::var("TALLY_URL").ok());
    for line in run(address.as_deref().unwrap_or("redis://127.0.0.1:6379"))? {
        println!("{line}");
    }
    Ok(())
}

/// Makes 400 calls of which 100 may pass, and says what became of them.
pub fn run(url: &str) -> RedisResult<Vec<String>> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_connection()?;
    connection.del::<_, ()>(KEY)?;

    let script = Script::new(include_str!("fixed_window.lua"));
    let callers = (0..THREADS).map(|_| client.get_connection()).collect::<RedisResult<Vec<_>>>()?;
    let allowed = hammer(&script, callers)?;
    let calls = THREADS * CALLS_PER_THREAD;
    assert_eq!(allowed, LIMIT, "a window grants its quota and not one call more");
    let mut lines =
        vec![format!("{calls} calls from {THREADS} threads: {allowed} allowed, {} denied", calls - allowed)];

    let (denied, _, retry_after_ms) = call(&script, &mut connection)?;
    assert!(!denied && (1..=WINDOW_MS as i64 + 1).contains(&retry_after_ms), "the window ends");
    lines.push(format!("one more: denied, try again in {retry_after_ms} ms"));

    let left_ms: i64 = connection.pttl(KEY)?;
    assert!((0..=WINDOW_MS as i64).contains(&left_ms), "the server forgets the window by itself");
    lines.push(format!("the window is one counter, {:?}, and gone in {left_ms} ms", connection.get::<_, String>(KEY)?));

    // What the end of the window will do.
    connection.del::<_, ()>(KEY)?;
    let (allowed, remaining, _) = call(&script, &mut connection)?;
    assert!(allowed && remaining == LIMIT - 1, "a new window has its full quota");
    lines.push(format!("a new window: allowed, {remaining} remaining"));

    connection.del::<_, ()>(KEY)?;
    Ok(lines)
}

/// Asks whether one more call may pass, and counts it if so: (allowed, remaining, retry after ms).
fn call(script: &Script, connection: &mut Connection) -> RedisResult<(bool, u64, i64)> {
    script.key(KEY).arg(LIMIT).arg(WINDOW_MS).invoke(connection)
}

/// Calls from all connections at once, as fast as they can. Returns how many calls were allowed.
fn hammer(script: &Script, connections: Vec<Connection>) -> RedisResult<u64> {
    let hammer_one = |mut connection: Connection| -> RedisResult<u64> {
        let mut allowed = 0;
        for _ in 0..CALLS_PER_THREAD {
            allowed += u64::from(call(script, &mut connection)?.0);
        }
        Ok(allowed)
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            connections.into_iter().map(|connection| scope.spawn(|| hammer_one(connection))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a caller returns its errors")).sum()
    })
}
