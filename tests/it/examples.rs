//! The examples: each is run against a server of its own. They assert themselves what they show; that they say it is asserted here.

use crate::support::{Server, integer};

#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/cache_aside.rs"]
mod cache_aside;
#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/eviction/main.rs"]
mod eviction;
#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/fixed_window.rs"]
mod fixed_window;
#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/leaderboard.rs"]
mod leaderboard;
#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/sliding_window_log.rs"]
mod sliding_window_log;
#[expect(dead_code, reason = "the test calls `run`, not `main`")]
#[path = "../../examples/token_bucket.rs"]
mod token_bucket;

/// Runs an example, twice on one server: it cleans up, so the second run finds what the first found.
fn assert_says(run: fn(&str) -> redis::RedisResult<Vec<String>>, part: &str) {
    let server = Server::start();
    for _ in 0..2 {
        let lines =
            run(&format!("redis://{}", server.addr())).expect("the example finds a server that speaks as it does");
        assert!(lines.iter().any(|line| line.contains(part)), "{part:?} is said in {lines:#?}");
        assert_eq!(server.client().call(&["DBSIZE"]), integer(0), "an example leaves nothing behind");
    }
}

#[test]
fn a_cache_beside_a_slow_source_computes_an_article_once_per_edit() {
    assert_says(cache_aside::run, "hit ratio 97.");
}

#[test]
fn a_fixed_window_grants_its_quota_to_many_callers() {
    assert_says(fixed_window::run, "100 allowed, 300 denied");
}

#[test]
fn a_leaderboard_knows_the_first_ten_and_those_around_me() {
    assert_says(leaderboard::run, "player:004711 is number ");
}

#[test]
fn a_sliding_window_log_grants_its_quota_to_many_callers() {
    assert_says(sliding_window_log::run, "100 allowed, 300 denied");
}

#[test]
fn a_token_bucket_grants_its_burst_and_what_flows_in() {
    assert_says(token_bucket::run, "1000 calls from 4 threads");
}

/// The simulator in miniature. Its figures are those of a run at full size, but for the second digit.
#[test]
fn s3fifo_beats_lru_on_every_trace_and_by_far_on_loops_and_scans() {
    let rows = eviction::run(eviction::Scale { keys: 8_000, requests: 120_000 }, &[0.1]);
    assert_eq!(rows.len(), 7);
    let table = eviction::table(&rows).join("\n");
    for row in &rows {
        assert!(row.to_lru() > 0.98 && row.real[3] > 0.97 * row.exact[0], "no worse than LRU: {}\n{table}", row.trace);
    }
    let row = |name: &str| rows.iter().find(|row| row.trace.contains(name)).expect("the trace is there");
    assert!(row("loop").real[3] > 0.6 && row("loop").to_lru() > 1.05 && row("loop").exact[0] == 0.0, "{table}");
    assert!(row("scans").real[3] > 1.05 * row("scans").exact[0], "{table}");
    assert!(rows.iter().map(eviction::Row::to_lru).sum::<f64>() > 1.1 * 7.0, "{table}");
}
