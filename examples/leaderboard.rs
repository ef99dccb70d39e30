//! A leaderboard of 100,000 players: the first ten, my rank, and the players around me.
//!
//! ```text
//! cargo run --release --example leaderboard [redis://host:port]
//! ```
//! A sorted set keeps its members in order, so each question costs O(log n) and an answer is as long as what it shows. Ranks
//! count from the best, hence the REV forms.

use redis::{Commands, Connection, RedisResult, pipe};

const KEY: &str = "example:leaderboard:season";
const PLAYERS: u64 = 100_000;
const PLAYERS_PER_PIPELINE: u64 = 10_000;
const ME: u64 = 4_711;
/// How many players are shown above me, and how many below.
const AROUND: usize = 5;

#[expect(clippy::disallowed_macros, reason = "an example talks to its reader")]
fn main() -> RedisResult<()> {
    let address = std::env::args().nth(1).or_else(|| std::env::var("TALLY_URL").ok());
    for line in run(address.as_deref().unwrap_or("redis://127.0.0.1:6379"))? {
        println!("{line}");
    }
    Ok(())
}

/// Fills the board, asks it, and lets me rise.
pub fn run(url: &str) -> RedisResult<Vec<String>> {
    let mut connection = redis::Client::open(url)?.get_connection()?;
    connection.unlink::<_, ()>(KEY)?;
    fill(&mut connection)?;
    let players: u64 = connection.zcard(KEY)?;
    assert_eq!(players, PLAYERS, "each player is on the board once");
    let mut lines = vec![format!("{players} players; the first ten:")];

    let top = slice(&mut connection, 0, 9)?;
    assert!(top.len() == 10 && top.is_sorted_by(|above, below| above.1 > below.1), "the best come first");
    lines.extend(shown(0, &top));

    let me = player(ME);
    let rank = rank_of(&mut connection, &me)?;
    lines.push(format!("{me} is number {}, among:", rank + 1));
    let first = rank.saturating_sub(AROUND);
    let around = slice(&mut connection, first, rank + AROUND)?;
    assert!(around[rank - first] == (me.clone(), score(ME)), "I stand where my rank says");
    lines.extend(shown(first, &around));

    // A won game. ZINCRBY is atomic: two games that end at once both count.
    let before = score(ME);
    let after: u64 = connection.zincr(KEY, &me, 1_000)?;
    assert_eq!(after, before + 1_000, "points are added, not set");
    let risen = rank_of(&mut connection, &me)?;
    assert!(risen < rank, "1,000 points more than before are more than somebody has");
    lines.push(format!("{me} wins 1000 points: number {}, with {after}", risen + 1));

    connection.zincr::<_, _, _, ()>(KEY, &me, 1_000_000)?;
    assert_eq!(slice(&mut connection, 0, 0)?, [(me.clone(), after + 1_000_000)], "nobody has a million");
    lines.push(format!("{me} wins a million: number 1"));

    connection.unlink::<_, ()>(KEY)?;
    Ok(lines)
}

/// Adds all players, ten thousand ZADDs to a round trip.
fn fill(connection: &mut Connection) -> RedisResult<()> {
    for first in (0..PLAYERS).step_by(PLAYERS_PER_PIPELINE as usize) {
        let mut pipeline = pipe();
        for number in first..first + PLAYERS_PER_PIPELINE {
            pipeline.zadd(KEY, player(number), score(number)).ignore();
        }
        pipeline.exec(connection)?;
    }
    Ok(())
}

fn player(number: u64) -> String {
    format!("player:{number:06}")
}

/// A score for each player that no other has: 100,003 is a prime.
fn score(number: u64) -> u64 {
    (number + 1) * 7_919 % 100_003
}

/// The place of a player, 0 for the best.
fn rank_of(connection: &mut Connection, player: &str) -> RedisResult<usize> {
    let rank: Option<usize> = connection.zrevrank(KEY, player)?;
    Ok(rank.expect("the player is on the board"))
}

/// The players at these places, the last included, with their scores.
fn slice(connection: &mut Connection, first: usize, last: usize) -> RedisResult<Vec<(String, u64)>> {
    redis::cmd("ZRANGE").arg(KEY).arg(first).arg(last).arg("REV").arg("WITHSCORES").query(connection)
}

fn shown(first: usize, players: &[(String, u64)]) -> impl Iterator<Item = String> {
    players
        .iter()
        .enumerate()
        .map(move |(index, (player, score))| format!("{:>8}. {player} {score:>7}", first + index + 1))
}
