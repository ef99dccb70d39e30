//! A rate limiter that lets a client burst and then flow: `token_bucket.lua`, called from several threads at once.
//!
//! ```text
//! cargo run --release --example token_bucket [redis://host:port]
//! ```
//! The check is the promise of every token bucket: in any span of time it grants at most its burst and what flowed in
//! meanwhile. Both are measured with the server's clock, for the bucket is filled by that one.

use redis::{Commands, Connection, RedisResult, Script};
use std::thread;

const KEY: &str = "example:token_bucket:alice";
const TOKENS_PER_SECOND: u64 = 50;
const BURST: u64 = 100;

const THREADS: u64 = 4;
const CALLS_PER_THREAD: u64 = 250;

#[expect(clippy::disallowed_macros, reason = "an example talks to its reader")]
fn main() -> RedisResult<()> {
    let address = std::env::args().nth(1).or_else(|| std::env::var("TALLY_URL").ok());
    for line in run(address.as_deref().unwrap_or("redis://127.0.0.1:6379"))? {
        println!("{line}");
    }
    Ok(())
}

/// Makes 1,000 calls as fast as it can, and says what became of them.
pub fn run(url: &str) -> RedisResult<Vec<String>> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_connection()?;
    connection.del::<_, ()>(KEY)?;

    let script = Script::new(include_str!("token_bucket.lua"));
    let callers = (0..THREADS).map(|_| client.get_connection()).collect::<RedisResult<Vec<_>>>()?;
    let began = server_micros(&mut connection)?;
    let allowed = hammer(&script, callers)?;
    let micros = server_micros(&mut connection)?.saturating_sub(began);

    let calls = THREADS * CALLS_PER_THREAD;
    let quota = BURST + micros * TOKENS_PER_SECOND / 1_000_000;
    assert!(allowed <= quota, "{allowed} calls were allowed, and only {quota} tokens were there");
    assert!(allowed >= BURST, "a full bucket grants its burst");
    let mut lines = vec![
        format!("{calls} calls from {THREADS} threads in {} ms", micros / 1000),
        format!("{allowed} allowed, {} denied; {BURST} in the bucket and what flowed in make {quota}", calls - allowed),
    ];

    let (denied, _, retry_after_ms) = take(&script, &mut connection, BURST + 1)?;
    assert!(!denied && retry_after_ms == -1, "more than the bucket holds can never be granted");
    lines.push(format!("{} tokens at once: never", BURST + 1));

    // Every token at once: there are few of them unless somebody stopped this process for seconds.
    let (allowed, remaining, retry_after_ms) = take(&script, &mut connection, BURST)?;
    assert!(allowed == (retry_after_ms == 0), "who is refused is told when to come back");
    lines.push(match allowed {
        true => format!("{BURST} tokens at once: allowed, {remaining} remaining"),
        false => format!("{BURST} tokens at once: denied, {remaining} are there, try again in {retry_after_ms} ms"),
    });

    let left_ms: i64 = connection.pttl(KEY)?;
    assert!(left_ms <= (BURST * 1000 / TOKENS_PER_SECOND) as i64 + 2, "a full bucket is not kept");
    lines.push(format!("the bucket is full, and forgotten, in {left_ms} ms"));

    connection.del::<_, ()>(KEY)?;
    Ok(lines)
}

/// Asks for tokens, and takes them if they are there: (allowed, remaining, retry after ms).
fn take(script: &Script, connection: &mut Connection, tokens: u64) -> RedisResult<(bool, u64, i64)> {
    script.key(KEY).arg(TOKENS_PER_SECOND).arg(BURST).arg(tokens).invoke(connection)
}

/// Calls from all connections at once, as fast as they can. Returns how many calls were allowed.
fn hammer(script: &Script, connections: Vec<Connection>) -> RedisResult<u64> {
    let hammer_one = |mut connection: Connection| -> RedisResult<u64> {
        let mut allowed = 0;
        for _ in 0..CALLS_PER_THREAD {
            allowed += u64::from(take(script, &mut connection, 1)?.0);
        }
        Ok(allowed)
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            connections.into_iter().map(|connection| scope.spawn(|| hammer_one(connection))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a caller returns its errors")).sum()
    })
}

/// The server's clock, in microseconds since 1970.
fn server_micros(connection: &mut Connection) -> RedisResult<u64> {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(connection)?;
    Ok(seconds * 1_000_000 + micros)
}
