//! The sums as Prometheus' text: which families there are, what they are called, what each one says.
//!
//! Families are built anew at each scrape and given to the `prometheus` crate's encoder; there is no registry, as nothing
//! here is counted by that crate. A command appears once it was called or rejected, so the text grows with use, not with the table.

use super::histogram::Latency;
use super::recorder::Event;
use super::totals::{CommandTotals, Totals};
use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// A histogram's edges are the powers of two from 2^8 ns = 256 ns ...
const EDGE_LOG2_MIN: u32 = 8;
/// ... to 2^34 ns = 17.2 s, all of them edges of our own buckets, so the counts are exact.
const EDGE_LOG2_MAX: u32 = 34;

/// What is not counted by recorders but looked up at each scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gauges {
    /// The server's version.
    pub version: String,
    /// Seconds since the start.
    pub uptime_seconds: f64,
    /// Connections open now.
    pub connections: u64,
    /// Bytes that the program has asked for.
    pub memory_used_bytes: u64,
    /// Bytes of real memory that the process holds.
    pub memory_resident_bytes: u64,
    /// Lookups that found their key. This and the next two are counted by the keyspace, since the start.
    pub keyspace_hits: u64,
    /// Lookups that found nothing.
    pub keyspace_misses: u64,
    /// Keys whose time came.
    pub expired_keys: u64,
    /// The databases worth a line, usually those that are not empty.
    pub databases: Vec<DatabaseGauges>,
}

/// The size of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseGauges {
    /// Its number, as in SELECT.
    pub index: usize,
    /// Its keys.
    pub keys: u64,
    /// Those of them that have a deadline.
    pub keys_with_ttl: u64,
}

/// The whole text.
pub(super) fn text(totals: &Totals, command_names: &[&'static str], gauges: &Gauges) -> String {
    let mut families = process_families(gauges);
    families.extend(command_families(totals, command_names));
    families.extend(event_families(totals));
    // The encoder refuses a family without a line.
    families.retain(|family| !family.get_metric().is_empty());
    TextEncoder::new().encode_to_string(&families).expect("a family with a name and a line can be written to a string")
}

fn process_families(gauges: &Gauges) -> Vec<MetricFamily> {
    let per_database = |value: fn(&DatabaseGauges) -> u64| {
        let of = |database: &DatabaseGauges| gauge(value(database) as f64, "db", &database.index.to_string());
        gauges.databases.iter().map(of).collect()
    };
    let single = |name: &str, help: &str, value: f64| {
        let mut metric = Metric::default();
        metric.set_gauge(gauge_value(value));
        family(name, help, MetricType::GAUGE, vec![metric])
    };
    let counted =
        |name: &str, help: &str, value: u64| family(name, help, MetricType::COUNTER, vec![counter(value, None)]);
    vec![
        family(
            "tally_build_info",
            "Always 1; the label is the server's version.",
            MetricType::GAUGE,
            vec![gauge(1.0, "version", &gauges.version)],
        ),
        single("tally_uptime_seconds", "Seconds since the server started.", gauges.uptime_seconds),
        single("tally_connections", "Connections open now.", gauges.connections as f64),
        single("tally_memory_used_bytes", "Bytes allocated by the server.", gauges.memory_used_bytes as f64),
        single("tally_memory_resident_bytes", "Bytes of real memory held.", gauges.memory_resident_bytes as f64),
        family("tally_keys", "Keys, by database.", MetricType::GAUGE, per_database(|database| database.keys)),
        family(
            "tally_keys_with_ttl",
            "Keys that have a deadline, by database.",
            MetricType::GAUGE,
            per_database(|database| database.keys_with_ttl),
        ),
        counted("tally_keyspace_hits_total", "Lookups that found their key.", gauges.keyspace_hits),
        counted("tally_keyspace_misses_total", "Lookups that found nothing.", gauges.keyspace_misses),
        counted("tally_expired_keys_total", "Keys whose time came.", gauges.expired_keys),
    ]
}

fn command_families(totals: &Totals, command_names: &[&'static str]) -> Vec<MetricFamily> {
    let counted = |name: &str, help: &str, value: fn(&CommandTotals) -> u64| {
        let of = |(&id, sums)| counter(value(sums), Some(("command", command_names[id])));
        family(name, help, MetricType::COUNTER, totals.commands.iter().map(of).collect())
    };
    let called = totals.commands.iter().filter(|(_, sums)| sums.calls() > 0);
    let durations = called.map(|(&id, sums)| histogram(&sums.latency, Some(("command", command_names[id])))).collect();
    let errors = totals.errors.iter().map(|(code, &count)| counter(count, Some(("code", code)))).collect();
    vec![
        counted("tally_commands_total", "Commands that ran, by command.", CommandTotals::calls),
        counted("tally_command_errors_total", "Commands that ran and replied an error.", |sums| sums.failed),
        counted("tally_command_rejections_total", "Commands refused before they ran.", |sums| sums.rejected),
        family(
            "tally_command_duration_seconds",
            "How long commands ran, by command.",
            MetricType::HISTOGRAM,
            durations,
        ),
        family("tally_error_replies_total", "Error replies, by code.", MetricType::COUNTER, errors),
        family(
            "tally_script_runs_total",
            "Scripts that ran.",
            MetricType::COUNTER,
            vec![counter(totals.scripts.count(), None)],
        ),
        family(
            "tally_script_duration_seconds",
            "How long scripts ran.",
            MetricType::HISTOGRAM,
            vec![histogram(&totals.scripts, None)],
        ),
    ]
}

fn event_families(totals: &Totals) -> impl Iterator<Item = MetricFamily> {
    Event::ALL.into_iter().map(|event| {
        let (name, help) = event_words(event);
        family(name, help, MetricType::COUNTER, vec![counter(totals.count(event), None)])
    })
}

/// An event's name and help.
fn event_words(event: Event) -> (&'static str, &'static str) {
    match event {
        Event::Evicted => ("tally_evicted_keys_total", "Keys that went because memory was short."),
        Event::ConnectionOpened => ("tally_connections_received_total", "Connections accepted."),
        Event::ConnectionClosed => ("tally_connections_closed_total", "Accepted connections that have ended."),
        Event::ConnectionRejected => ("tally_connections_rejected_total", "Connections refused, past maxclients."),
        Event::NetInputByte => ("tally_net_input_bytes_total", "Bytes read from clients."),
        Event::NetOutputByte => ("tally_net_output_bytes_total", "Bytes written to clients."),
        Event::ScriptFailed => ("tally_script_errors_total", "Scripts that ended with an error."),
    }
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn gauge(value: f64, label: &str, label_value: &str) -> Metric {
    let mut metric = labelled(Some((label, label_value)));
    metric.set_gauge(gauge_value(value));
    metric
}

fn gauge_value(value: f64) -> Gauge {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    gauge
}

fn counter(value: u64, label: Option<(&str, &str)>) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = labelled(label);
    metric.set_counter(counter);
    metric
}

/// Prometheus counts "at most" an edge and we count "below" it: a duration of exactly an edge is told one bucket too late.
fn histogram(latency: &Latency, label: Option<(&str, &str)>) -> Metric {
    let mut histogram = Histogram::default();
    histogram.set_sample_count(latency.count());
    histogram.set_sample_sum(latency.nanos() as f64 / 1e9);
    let edges = (EDGE_LOG2_MIN..=EDGE_LOG2_MAX).map(|log2| {
        let nanos = 1u64 << log2;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(nanos as f64 / 1e9);
        bucket.set_cumulative_count(latency.count_below(nanos));
        bucket
    });
    // The encoder adds the edge +Inf from the sample count.
    histogram.set_bucket(edges.collect());
    let mut metric = labelled(label);
    metric.set_histogram(histogram);
    metric
}

fn labelled(label: Option<(&str, &str)>) -> Metric {
    let mut metric = Metric::default();
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    metric.set_label(label.map(pair).into_iter().collect());
    metric
}
