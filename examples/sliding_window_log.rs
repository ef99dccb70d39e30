//! An exact rate limiter: `sliding_window_log.lua` keeps the time of every granted call, so that no span of the window's length
//! ever sees more than the quota. Called from several threads at once.
//!
//! ```text
//! cargo run --release --example sliding_window_log [redis://host:port]
//! ```
//! The price of exactness is one sorted-set member per granted call. Refused calls are not kept.

use redis::{Commands, Connection, RedisResult, Script};
use std::thread;

const KEY: &str = "example:sliding_window_log:alice";
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

    let script = Script::new(include_str!("sliding_window_log.lua"));
    let callers = (0..THREADS).map(|_| client.get_connection()).collect::<RedisResult<Vec<_>>>()?;
    let allowed = hammer(&script, callers)?;
    let calls = THREADS * CALLS_PER_THREAD;
    assert_eq!(allowed, LIMIT, "the window grants its quota and not one call more");
    let mut lines =
        vec![format!("{calls} calls from {THREADS} threads: {allowed} allowed, {} denied", calls - allowed)];

    let kept: u64 = connection.zcard(KEY)?;
    assert_eq!(kept, allowed, "each granted call has a member of its own, also if two came in one microsecond");
    let log: Vec<(String, u64)> = connection.zrange_withscores(KEY, 0, -1)?;
    let micros = log.last().map_or(0, |(_, at)| at - log[0].1);
    lines.push(format!("the log holds {kept} calls, granted within {micros} us"));

    let (denied, _, retry_after_ms) = call(&script, &mut connection)?;
    assert!(!denied && (1..=WINDOW_MS as i64).contains(&retry_after_ms), "the oldest call leaves the window");
    lines.push(format!("one more: denied, try again in {retry_after_ms} ms, when the oldest call leaves the window"));

    let left_ms: i64 = connection.pttl(KEY)?;
    assert!((0..=WINDOW_MS as i64 + 1).contains(&left_ms), "the server forgets the log by itself");
    lines.push(format!("without further calls the log is gone in {left_ms} ms"));

    // What time will do: one call leaves, one more may pass.
    connection.zpopmin::<_, ()>(KEY, 1)?;
    let (allowed, remaining, _) = call(&script, &mut connection)?;
    assert!(allowed && remaining == 0, "one call has left the window");
    lines.push("the oldest call left: allowed, 0 remaining".into());

    connection.del::<_, ()>(KEY)?;
    Ok(lines)
}

/// Asks whether one more call may pass, and keeps it if so: (allowed, remaining, retry after ms).
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
