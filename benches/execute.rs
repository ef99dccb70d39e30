//! What whole commands cost without sockets: every gate, the locks, the handler and the reply as bytes.
//!
//! ```text
//! cargo bench --bench execute -- --quick
//! ```
//! Each command runs twice: alone in its batch, as a client that waits for each reply sends it, and sixteen to a batch, which
//! share two readings of the clock and one entry into the keyspace.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use tally::base::clock::{SystemClock, Ticks};
use tally::base::rng::Rng;
use tally::command::Session;
use tally::config::Config;
use tally::engine::{Executed, Worker};
use tally::resp::writer::Writer;

const KEYS: usize = 100_000;
const PLAYERS: usize = 100_000;
const BUCKETS: usize = 10_000;
/// Different requests of one kind, sent in turn: more than the caches hold.
const REQUESTS: usize = 1 << 16;
const BATCHES: [usize; 2] = [1, 16];
const OUTPUT_BYTES_MAX: usize = 1 << 20;

criterion_group!(benches, commands);
criterion_main!(benches);

fn commands(criterion: &mut Criterion) {
    let mut server = Server::start();
    let mut rng = Rng::seeded(3);
    for number in 0..KEYS {
        server.call(&request(&["SET", &key(number), "0123456789abcdef"]));
    }
    for number in 0..PLAYERS {
        server.call(&request(&["ZADD", "board", &rng.below(PLAYERS).to_string(), &player(number)]));
    }
    let nothing = server.load("return 1");
    let bucket = server.load(include_str!("../examples/token_bucket.lua"));

    measure(criterion, &mut server, "PING", || request(&["PING"]));
    measure(criterion, &mut server, "GET", || request(&["GET", &key(rng.below(KEYS))]));
    measure(criterion, &mut server, "SET", || request(&["SET", &key(rng.below(KEYS)), "fedcba9876543210"]));
    measure(criterion, &mut server, "SET EX", || request(&["SET", &key(rng.below(KEYS)), "0123456789", "EX", "3600"]));
    measure(criterion, &mut server, "INCR", || request(&["INCR", &format!("counter:{}", rng.below(KEYS))]));
    measure(criterion, &mut server, "ZADD", || {
        request(&["ZADD", "board", &rng.below(PLAYERS).to_string(), &player(rng.below(PLAYERS))])
    });
    measure(criterion, &mut server, "ZREVRANK", || request(&["ZREVRANK", "board", &player(rng.below(PLAYERS))]));
    measure(criterion, &mut server, "ZRANGE top 10", || request(&["ZRANGE", "board", "0", "9", "REV", "WITHSCORES"]));
    measure(criterion, &mut server, "EVALSHA return 1", || request(&["EVALSHA", &nothing, "1", &key(rng.below(KEYS))]));
    measure(criterion, &mut server, "EVALSHA token bucket", || {
        request(&["EVALSHA", &bucket, "1", &format!("bucket:{}", rng.below(BUCKETS)), "1000000", "1000000", "1"])
    });
}

type Request = Vec<Vec<u8>>;

/// Measures a kind of request at each size of batch.
fn measure(criterion: &mut Criterion, server: &mut Server, name: &str, mut make: impl FnMut() -> Request) {
    let requests: Vec<Request> = (0..REQUESTS).map(|_| make()).collect();
    let requests: Vec<Vec<&[u8]>> =
        requests.iter().map(|request| request.iter().map(|word| &word[..]).collect()).collect();
    for batch in BATCHES {
        let mut group = criterion.benchmark_group("execute");
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new(name, batch), |bencher| {
            let mut next = 0;
            bencher.iter(|| {
                server.batch(&requests[next..next + batch]);
                next = (next + batch) % REQUESTS;
            });
        });
    }
}

/// A worker with everything that it needs, but no socket and no other thread.
struct Server {
    worker: Worker,
    session: Session,
    output: Vec<u8>,
}

impl Server {
    fn start() -> Self {
        let config = Config::from_pairs([("threads", "1")]).expect("one thread is within the setting's range");
        let services = Arc::new(tally::server::services(config, Arc::new(SystemClock::new()), Box::new(|_| {})));
        let client = services.clients.connect(Default::default(), services.clock.unix_millis(), Ticks(1));
        Self { worker: Worker::new(services, 0), session: Session::new(client, true), output: Vec::new() }
    }

    /// Executes requests in one batch; their replies are `self.output`.
    fn batch(&mut self, requests: &[Vec<&[u8]>]) {
        self.output.clear();
        let mut batch = self.worker.batch();
        for argv in requests {
            let mut writer = Writer::new(&mut self.output, self.session.protocol, OUTPUT_BYTES_MAX);
            let executed = batch.execute(&mut self.session, argv, &mut writer);
            assert!(executed == Executed::Done, "nobody else holds a lock");
        }
        // An error is quick, and would make a fine figure.
        assert!(self.output[0] != b'-', "{}", String::from_utf8_lossy(&self.output));
        black_box(&self.output);
    }

    fn call(&mut self, request: &Request) {
        self.batch(&[request.iter().map(|word| &word[..]).collect()]);
    }

    /// Loads a script and returns its digest.
    fn load(&mut self, code: &str) -> String {
        self.call(&request(&["SCRIPT", "LOAD", code]));
        let reply = String::from_utf8_lossy(&self.output);
        reply.lines().nth(1).expect("the reply is a bulk: its length, its bytes").to_owned()
    }
}

fn request(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn key(number: usize) -> String {
    format!("key:{number:012}")
}

fn player(number: usize) -> String {
    format!("player:{number:09}")
}
