//! What is counted is what happened, and the exposition says it in Prometheus' words.

use super::histogram::{BUCKETS, Histogram, bucket_of, floor_of};
use super::*;
use crate::base::clock::Ticks;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

const GET: usize = 0;
const SET: usize = 1;
const CONFIG_GET: usize = 2;

fn metrics() -> Metrics {
    Metrics::new(vec!["get", "set", "config|get"])
}

fn gauges() -> Gauges {
    Gauges {
        version: "1.2.3".to_owned(),
        uptime_seconds: 12.5,
        connections: 3,
        memory_used_bytes: 1000,
        memory_resident_bytes: 2000,
        keyspace_hits: 21,
        keyspace_misses: 22,
        expired_keys: 23,
        databases: vec![
            DatabaseGauges { index: 0, keys: 10, keys_with_ttl: 4 },
            DatabaseGauges { index: 9, keys: 1, keys_with_ttl: 0 },
        ],
    }
}

fn latency(durations: &[u64]) -> Latency {
    let histogram = Histogram::default();
    durations.iter().for_each(|&nanos| histogram.record(nanos));
    let mut latency = Latency::default();
    histogram.add_to(&mut latency);
    latency
}

#[test]
fn outcomes_are_told_apart() {
    let metrics = metrics();
    let recorder = metrics.recorder();
    recorder.command(GET, 1_000, Outcome::Ok);
    recorder.command(GET, 3_000, Outcome::Failed);
    recorder.command(SET, 99, Outcome::Rejected);
    let totals = metrics.totals();
    let get = &totals.commands[&GET];
    assert_eq!((get.calls(), get.usec(), get.failed, get.rejected), (2, 4, 1, 0));
    assert_eq!(get.usec_per_call(), 2.0);
    let set = &totals.commands[&SET];
    assert_eq!((set.calls(), set.usec(), set.failed, set.rejected), (0, 0, 0, 1));
    assert_eq!((set.usec_per_call(), set.quantile_usec(0.5)), (0.0, 0.0));
    assert_eq!(totals.commands_processed(), 2);
    assert!(!totals.commands.contains_key(&CONFIG_GET));
    assert_eq!(metrics.command_name(CONFIG_GET), "config|get");
}

#[test]
fn each_event_is_counted_as_itself() {
    for (index, &event) in Event::ALL.iter().enumerate() {
        assert_eq!(event as usize, index);
    }
    let metrics = metrics();
    let recorder = metrics.recorder();
    recorder.evicted(4);
    (0..5).for_each(|_| recorder.connection_opened());
    (0..6).for_each(|_| recorder.connection_closed());
    (0..7).for_each(|_| recorder.connection_rejected());
    recorder.net_input(8);
    recorder.net_output(9);
    (0..10).for_each(|_| recorder.script_failed());
    (0..11).for_each(|_| recorder.script_run(500));
    let totals = metrics.totals();
    let counts: Vec<u64> = Event::ALL.iter().map(|&event| totals.count(event)).collect();
    assert_eq!(counts, [4, 5, 6, 7, 8, 9, 10]);
    assert_eq!((totals.scripts.count(), totals.scripts.nanos()), (11, 5_500));
}

#[test]
fn the_sum_over_threads_misses_nothing() {
    const THREADS: u64 = 4;
    const EACH: u64 = 10_000;
    let metrics = metrics();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let recorder = metrics.recorder();
            scope.spawn(move || {
                for n in 0..EACH {
                    recorder.command(GET, n, Outcome::Ok);
                    recorder.net_input(1);
                }
            });
        }
        // A reader while they write sees no more than there will be.
        assert!(metrics.totals().commands_processed() <= THREADS * EACH);
    });
    let totals = metrics.totals();
    assert_eq!(totals.commands_processed(), THREADS * EACH);
    assert_eq!(totals.commands[&GET].latency.nanos(), THREADS * (EACH - 1) * EACH / 2);
    assert_eq!(totals.count(Event::NetInputByte), THREADS * EACH);
}

#[test]
fn threads_that_come_and_go_leave_their_numbers_but_no_recorder() {
    let metrics = metrics();
    for _ in 0..100 {
        let recorder = metrics.recorder();
        recorder.command(SET, 1_000, Outcome::Ok);
        recorder.error_code("OOM");
    }
    assert_eq!(metrics.state.lock().recorders.len(), 1);
    let totals = metrics.totals();
    assert_eq!((totals.commands_processed(), totals.errors["OOM"]), (100, 100));
}

#[test]
fn a_reset_begins_again_at_zero_and_leaves_prometheus_alone() {
    let metrics = metrics();
    let recorder = metrics.recorder();
    recorder.command(GET, 1_000, Outcome::Failed);
    recorder.command(SET, 0, Outcome::Rejected);
    recorder.net_output(1);
    recorder.script_run(1);
    recorder.error_code("ERR");
    metrics.reset();
    assert_eq!(metrics.totals(), Totals::default());
    assert_eq!(metrics.totals_since_start().commands_processed(), 1);
    assert!(metrics.prometheus_text(&gauges()).contains("tally_commands_total{command=\"get\"} 1\n"));

    recorder.command(GET, 2_000, Outcome::Ok);
    recorder.error_code("ERR");
    let totals = metrics.totals();
    let get = &totals.commands[&GET];
    assert_eq!((get.calls(), get.usec(), get.failed), (1, 2, 0));
    assert_eq!(totals.errors, BTreeMap::from([("ERR".to_owned(), 1)]));
    assert_eq!(totals.commands.len(), 1);
}

#[test]
fn error_codes_are_bounded_and_safe_in_a_line_of_info() {
    let metrics = metrics();
    let recorder = metrics.recorder();
    recorder.error_code("WRONGTYPE");
    recorder.error_code("WRONGTYPE");
    recorder.error_code("a:b=c,d#e\r\nf g\"h\\\u{e9}");
    recorder.error_code(&"x".repeat(1_000));
    let totals = metrics.totals();
    assert_eq!(totals.errors["WRONGTYPE"], 2);
    assert_eq!(totals.errors["a_b_c_d_e__f_g\"h\\__"], 1);
    assert_eq!(totals.errors[&"x".repeat(ERROR_CODE_BYTES_MAX)], 1);
    assert_eq!(totals.error_replies(), 4);
    for n in 0..ERROR_CODES_MAX {
        recorder.error_code(&format!("CODE{n}"));
    }
    recorder.error_code("WRONGTYPE");
    let totals = metrics.totals();
    assert_eq!(totals.errors.len(), ERROR_CODES_MAX + 1);
    assert_eq!((totals.errors[ERROR_CODES_OVERFLOW], totals.errors["WRONGTYPE"]), (3, 3));
}

#[test]
fn buckets_join_without_gap_or_overlap() {
    assert_eq!((bucket_of(0), bucket_of(63), bucket_of(64)), (0, 0, 1));
    assert_eq!((bucket_of((1 << 34) - 1), bucket_of(1 << 34), bucket_of(u64::MAX)), (112, 113, 113));
    for index in 1..BUCKETS {
        assert_eq!((bucket_of(floor_of(index) - 1), bucket_of(floor_of(index))), (index - 1, index));
    }
}

#[test]
fn quantiles_of_nothing_one_and_the_endless_are_defined() {
    assert_eq!(latency(&[]).quantile_nanos(0.5), 0);
    assert_eq!(bucket_of(latency(&[1_000]).quantile_nanos(0.5) - 1), bucket_of(1_000));
    assert_eq!(latency(&[u64::MAX]).quantile_nanos(1.0), 1 << 34);
    let wild = latency(&[100, 200]);
    assert_eq!(wild.quantile_nanos(f64::NAN), wild.quantile_nanos(0.0));
    assert_eq!(wild.quantile_nanos(7.0), wild.quantile_nanos(1.0));
}

proptest! {
    #[test]
    fn a_quantile_is_within_a_quarter_of_the_true_one(
        mut durations in prop::collection::vec(64u64..1 << 34, 1..300),
        quantile in 0.0f64..=1.0,
    ) {
        let estimate = latency(&durations).quantile_nanos(quantile);
        durations.sort_unstable();
        let rank = ((quantile * durations.len() as f64).ceil() as usize).max(1);
        let exact = durations[rank - 1];
        prop_assert!(estimate.abs_diff(exact) <= exact / 4 + 1, "estimated {estimate}, exact {exact}");
    }

    #[test]
    fn counts_below_a_power_of_two_are_exact(durations in prop::collection::vec(any::<u64>(), 0..300), log2 in 6u32..=34) {
        let durations: Vec<u64> = durations.into_iter().map(|nanos| nanos >> (nanos % 64)).collect();
        let exact = durations.iter().filter(|&&nanos| nanos < 1 << log2).count() as u64;
        prop_assert_eq!(latency(&durations).count_below(1 << log2), exact);
    }
}

#[test]
fn the_rate_is_the_average_of_sixteen_ticks() {
    const TICK_NANOS: u64 = 100_000_000;
    let sampler = OpsSampler::new();
    sampler.tick(Ticks(5), 1_000);
    assert_eq!(sampler.per_second(), 0);
    for tick in 1..=8 {
        sampler.tick(Ticks(5 + tick * TICK_NANOS), 1_000 + tick * 10);
    }
    assert_eq!(sampler.per_second(), 50);
    for tick in 9..=40 {
        sampler.tick(Ticks(5 + tick * TICK_NANOS), 1_000 + tick * 10);
    }
    assert_eq!(sampler.per_second(), 100);
    // The same instant again, and a total that went back, are no growth.
    sampler.tick(Ticks(5 + 40 * TICK_NANOS), 9_000_000);
    assert_eq!(sampler.per_second(), 100);
    for tick in 41..=56 {
        sampler.tick(Ticks(5 + tick * TICK_NANOS), 0);
    }
    assert_eq!(sampler.per_second(), 0);
}

/// The samples of a text by name and labels, after checking its grammar: each family announced once with HELP and TYPE, its
/// samples directly below and none twice, counters called `_total`, histograms cumulative up to `+Inf` = `_count`.
fn checked(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = HashSet::new();
    let mut current = (String::new(), String::new());
    let mut helped = String::new();
    let mut last_bucket = 0.0;
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').expect("a help text").0.to_owned();
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(name, helped);
            assert!(families.insert(name.to_owned()), "{name} is announced twice");
            assert!(name.starts_with("tally_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            current = (name.to_owned(), kind.to_owned());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value: f64 = value.parse().expect("a number");
        let name = series.split('{').next().expect("a name");
        match name.strip_prefix(current.0.as_str()).expect("a sample below its family") {
            "" => assert_ne!(current.1, "histogram"),
            suffix => {
                assert_eq!(current.1, "histogram");
                match suffix {
                    "_bucket" => {
                        assert!(value >= last_bucket, "{series} is less than the bucket before");
                        last_bucket = value;
                    }
                    "_sum" => {}
                    "_count" => {
                        assert_eq!(value, last_bucket, "{series} differs from +Inf");
                        last_bucket = 0.0;
                    }
                    other => panic!("{other} is no part of a histogram"),
                }
            }
        }
        assert!(samples.insert(series.to_owned(), value).is_none(), "{series} is there twice");
    }
    samples
}

#[test]
fn prometheus_text_says_what_was_recorded() {
    let metrics = metrics();
    let recorder = metrics.recorder();
    recorder.command(GET, 300, Outcome::Ok);
    recorder.command(GET, 1_000_000, Outcome::Failed);
    recorder.command(GET, u64::from(u32::MAX) * 8, Outcome::Ok);
    recorder.command(CONFIG_GET, 1, Outcome::Rejected);
    recorder.script_run(2_000_000_000);
    recorder.script_failed();
    recorder.error_code("a\"b\\c");
    recorder.net_input(1 << 40);
    let samples = checked(&metrics.prometheus_text(&gauges()));
    for (series, value) in [
        ("tally_build_info{version=\"1.2.3\"}", 1.0),
        ("tally_uptime_seconds", 12.5),
        ("tally_connections", 3.0),
        ("tally_memory_used_bytes", 1000.0),
        ("tally_memory_resident_bytes", 2000.0),
        ("tally_keys{db=\"0\"}", 10.0),
        ("tally_keys{db=\"9\"}", 1.0),
        ("tally_keys_with_ttl{db=\"0\"}", 4.0),
        ("tally_commands_total{command=\"get\"}", 3.0),
        ("tally_command_errors_total{command=\"get\"}", 1.0),
        ("tally_command_rejections_total{command=\"config|get\"}", 1.0),
        ("tally_command_duration_seconds_bucket{command=\"get\",le=\"0.000000256\"}", 0.0),
        ("tally_command_duration_seconds_bucket{command=\"get\",le=\"0.000000512\"}", 1.0),
        ("tally_command_duration_seconds_bucket{command=\"get\",le=\"0.001048576\"}", 2.0),
        ("tally_command_duration_seconds_bucket{command=\"get\",le=\"17.179869184\"}", 2.0),
        ("tally_command_duration_seconds_bucket{command=\"get\",le=\"+Inf\"}", 3.0),
        ("tally_command_duration_seconds_count{command=\"get\"}", 3.0),
        ("tally_script_runs_total", 1.0),
        ("tally_script_errors_total", 1.0),
        ("tally_script_duration_seconds_sum", 2.0),
        ("tally_error_replies_total{code=\"a\\\"b\\\\c\"}", 1.0),
        ("tally_keyspace_hits_total", 21.0),
        ("tally_keyspace_misses_total", 22.0),
        ("tally_expired_keys_total", 23.0),
        ("tally_net_input_bytes_total", (1u64 << 40) as f64),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
    let absent =
        ["tally_command_duration_seconds_count{command=\"config|get\"}", "tally_commands_total{command=\"set\"}"];
    assert!(absent.iter().all(|series| !samples.contains_key(*series)));
}

#[test]
fn prometheus_text_of_an_idle_server_is_well_formed() {
    let samples = checked(&metrics().prometheus_text(&Gauges::default()));
    assert_eq!(samples["tally_connections_received_total"], 0.0);
    assert!(!samples.keys().any(|series| series.starts_with("tally_keys{")));
}
