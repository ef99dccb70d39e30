//! What reading a request and writing a reply cost. The reader stands beside `redis-protocol`'s decoders: the one that answers with
//! ranges of the buffer, as ours does, and the one that answers with frames of their own.
//!
//! ```text
//! cargo bench --bench protocol -- --quick
//! ```

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use redis_protocol::resp2::decode::{decode, decode_range};
use std::hint::black_box;
use tally::resp::reply::{Aggregate, ReplySink};
use tally::resp::request::{Limits, Parsed, Parser};
use tally::resp::writer::{Protocol, Writer};

const PIPELINE: usize = 16;
const OUTPUT_BYTES_MAX: usize = 1 << 20;

criterion_group!(benches, requests, replies);
criterion_main!(benches);

fn requests(criterion: &mut Criterion) {
    let get = encoded(&[b"GET", b"key:000000000042"]);
    let set = encoded(&[b"SET", b"key:000000000042", b"0123456789abcdef"]);
    let evalsha = encoded(&[b"EVALSHA", &[b'a'; 40], b"1", b"limit:000000000042", b"10", b"100", b"1"]);
    let pipeline = set.repeat(PIPELINE);
    request(criterion, "GET", &get, 1);
    request(criterion, "SET", &set, 1);
    request(criterion, "EVALSHA", &evalsha, 1);
    request(criterion, "16 SETs", &pipeline, PIPELINE);
}

/// Reads `count` requests by each reader.
fn request(criterion: &mut Criterion, name: &str, bytes: &[u8], count: usize) {
    let mut group = criterion.benchmark_group("read requests");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::new("tally", name), |bencher| {
        let mut parser = Parser::new();
        bencher.iter(|| {
            read_all(bytes, count, |rest| {
                let parsed = parser.parse(rest, &Limits::DEFAULT).expect("the bytes keep to the protocol");
                black_box(&parser.args(rest));
                match parsed {
                    Parsed::Complete { consumed } => consumed,
                    other => panic!("a request is complete and not empty, but {other:?}"),
                }
            });
        });
    });
    group.bench_function(BenchmarkId::new("redis-protocol, ranges", name), |bencher| {
        bencher.iter(|| {
            read_all(bytes, count, |rest| {
                let decoded = decode_range(rest).expect("the bytes keep to the protocol");
                let (frame, consumed) = decoded.expect("the request is complete");
                black_box(&frame);
                consumed
            });
        });
    });
    group.bench_function(BenchmarkId::new("redis-protocol, owned", name), |bencher| {
        bencher.iter(|| {
            read_all(bytes, count, |rest| {
                let decoded = decode(rest).expect("the bytes keep to the protocol");
                let (frame, consumed) = decoded.expect("the request is complete");
                black_box(&frame);
                consumed
            });
        });
    });
}

/// Has `read` take one request after the other off `bytes`: it returns how long the one was.
fn read_all(bytes: &[u8], count: usize, mut read: impl FnMut(&[u8]) -> usize) {
    let mut rest = black_box(bytes);
    for _ in 0..count {
        rest = &rest[read(rest)..];
    }
    assert!(rest.is_empty(), "all requests were read to their ends");
}

fn replies(criterion: &mut Criterion) {
    reply(criterion, "OK", |sink| sink.status(b"OK"));
    reply(criterion, "small integer", |sink| sink.integer(black_box(7)));
    reply(criterion, "large integer", |sink| sink.integer(black_box(1_700_000_000_000_000)));
    reply(criterion, "bulk of 16 bytes", |sink| sink.bulk(black_box(b"0123456789abcdef")));
    reply(criterion, "integral score", |sink| sink.double(black_box(4_711.0)));
    reply(criterion, "fractional score", |sink| sink.double(black_box(0.1)));
    reply(criterion, "top 10 with scores", |sink| {
        sink.begin(Aggregate::Pairs, 10);
        for place in 0..10 {
            sink.begin(Aggregate::Pair, 2);
            sink.bulk(black_box(b"player:000004711"));
            sink.double(black_box(f64::from(100_000 - place)));
        }
    });
}

/// Writes a reply in both protocols.
fn reply(criterion: &mut Criterion, name: &str, write: impl Fn(&mut dyn ReplySink)) {
    for (version, protocol) in [("RESP2", Protocol::Resp2), ("RESP3", Protocol::Resp3)] {
        let id = BenchmarkId::new(version, name);
        criterion.benchmark_group("write replies").bench_function(id, |bencher| {
            let mut output = Vec::with_capacity(1024);
            bencher.iter(|| {
                output.clear();
                write(&mut Writer::new(&mut output, protocol, OUTPUT_BYTES_MAX));
                black_box(&output);
            });
        });
    }
}

fn encoded(argv: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", argv.len()).into_bytes();
    for argument in argv {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
