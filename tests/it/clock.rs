//! Deadlines under a clock that runs on with every look at it: within a batch, a transaction or a script no key expires, between them it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tally::base::clock::{Clock, Ticks};
use tally::command::Session;
use tally::config::Config;
use tally::engine::{Executed, Worker};
use tally::keyspace::expire::Rest;
use tally::resp::writer::Writer;

/// Each look finds the clock 10 ms later.
struct Racing(AtomicI64);

impl Clock for Racing {
    fn unix_micros(&self) -> i64 {
        1_700_000_000_000_000 + self.0.fetch_add(10_000, Ordering::Relaxed)
    }

    fn ticks(&self) -> Ticks {
        Ticks(1)
    }
}

/// A worker with everything that it needs, but no socket and no other thread.
struct Server {
    worker: Worker,
    session: Session,
}

impl Server {
    fn start() -> Self {
        let config = Config::from_pairs([("threads", "1"), ("enable-debug-command", "yes")]);
        let config = config.expect("these are within the settings' ranges");
        let services = Arc::new(tally::server::services(config, Arc::new(Racing(AtomicI64::new(0))), Box::new(|_| {})));
        let client = services.clients.connect(Default::default(), services.clock.unix_millis(), Ticks(1));
        Self { worker: Worker::new(services, 0), session: Session::new(client, true) }
    }

    /// The replies to requests that are executed as one batch.
    fn batch(&mut self, requests: &[&[&str]]) -> String {
        let mut output = Vec::new();
        let mut batch = self.worker.batch();
        for request in requests {
            let argv: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
            let mut writer = Writer::new(&mut output, self.session.protocol, 1 << 20);
            let executed = batch.execute(&mut self.session, &argv, &mut writer);
            assert!(executed == Executed::Done, "nobody else holds a lock");
        }
        drop(batch);
        String::from_utf8(output).expect("these replies are text")
    }
}

#[test]
fn the_commands_of_a_batch_agree_on_whether_a_key_has_expired() {
    let mut server = Server::start();
    let replies = server.batch(&[&["SET", "k", "v", "PX", "5"], &["GET", "k"], &["PTTL", "k"], &["EXISTS", "k"]]);
    assert_eq!(replies, "+OK\r\n$1\r\nv\r\n:5\r\n:1\r\n");
    assert_eq!(server.batch(&[&["GET", "k"], &["EXISTS", "k"], &["PTTL", "k"]]), "$-1\r\n:0\r\n:-2\r\n");
}

#[test]
fn the_commands_of_a_transaction_agree_on_whether_a_key_has_expired() {
    let mut server = Server::start();
    server.batch(&[&["MULTI"]]);
    server.batch(&[&["SET", "k", "v", "PX", "5"], &["GET", "k"]]);
    server.batch(&[&["PTTL", "k"]]);
    assert_eq!(server.batch(&[&["EXEC"]]), "*3\r\n+OK\r\n$1\r\nv\r\n:5\r\n");
    assert_eq!(server.batch(&[&["GET", "k"]]), "$-1\r\n");
}

#[test]
fn a_key_does_not_expire_within_a_script() {
    const SCRIPT: &str = "redis.call('SET', KEYS[1], 'v', 'PX', 5)
        for _ = 1, 1000 do
            if redis.call('GET', KEYS[1]) ~= 'v' or redis.call('PTTL', KEYS[1]) ~= 5 then return 'gone' end
        end
        return 'stayed'";
    let mut server = Server::start();
    // The first run owns everything, the second one its key.
    for _ in 0..2 {
        assert_eq!(server.batch(&[&["EVAL", SCRIPT, "1", "k"]]), "$6\r\nstayed\r\n");
        assert_eq!(server.batch(&[&["GET", "k"]]), "$-1\r\n");
    }
}

#[test]
fn a_turn_gives_back_what_nobody_asks_for() {
    let mut server = Server::start();
    server.batch(&[&["SET", "k", "v", "PX", "5"], &["SET", "l", "v", "PX", "60000"], &["SET", "m", "v"]]);
    assert_eq!(server.batch(&[&["DBSIZE"]]), ":3\r\n");
    let Ok(Rest::Until(Some(next))) = server.worker.expire() else { panic!("a key has a deadline yet") };
    assert_eq!(server.batch(&[&["DBSIZE"]]), ":2\r\n");
    assert!(next > server.worker.services().clock.unix_millis());
    server.batch(&[&["DEBUG", "SET-ACTIVE-EXPIRE", "0"], &["SET", "k", "v", "PX", "5"]]);
    assert!(server.worker.expire().is_ok());
    assert_eq!(server.batch(&[&["DBSIZE"]]), ":3\r\n");
    server.batch(&[&["DEBUG", "SET-ACTIVE-EXPIRE", "1"]]);
    assert!(server.worker.expire().is_ok());
    assert_eq!(server.batch(&[&["DBSIZE"]]), ":2\r\n");
    let stats = server.batch(&[&["INFO", "stats"]]);
    for line in [
        "expired_keys:2",
        "expired_stale_perc:0.00",
        "expired_time_cap_reached_count:0",
        "expire_cycle_cpu_milliseconds:0",
    ] {
        assert!(stats.contains(&format!("\r\n{line}\r\n")), "{line} is not in {stats}");
    }
}
