//! The sections about what clients ask for.

use super::text::Text;
use crate::command::Ctx;
use crate::command::pubsub::Kind;
use crate::metrics::Event;
use std::sync::atomic::Ordering;

pub(super) fn clients(ctx: &Ctx, text: &mut Text) {
    let clients = ctx.services.clients.all();
    let most =
        |figure: fn(&crate::command::Client) -> usize| clients.iter().map(|client| figure(client)).max().unwrap_or(0);
    text.section("Clients");
    text.line("connected_clients", clients.len());
    text.line("cluster_connections", 0);
    text.line("maxclients", ctx.services.config.live.maxclients.get());
    text.line("client_recent_max_input_buffer", most(|client| client.query_bytes.load(Ordering::Relaxed)));
    text.line("client_recent_max_output_buffer", most(|client| client.output_bytes.load(Ordering::Relaxed)));
    text.line("blocked_clients", ctx.services.keyspace.waiting());
    text.line("tracking_clients", 0);
    text.line("clients_in_timeout_table", ctx.services.keyspace.waiting_for_a_time());
}

pub(super) fn stats(ctx: &Ctx, text: &mut Text) {
    let services = ctx.services;
    let totals = services.metrics.totals();
    let keys = services.keyspace.totals_since_reset();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    text.section("Stats");
    text.line("total_connections_received", totals.count(Event::ConnectionOpened));
    text.line("total_commands_processed", totals.commands_processed());
    text.line("instantaneous_ops_per_sec", services.ops.per_second());
    text.line("total_net_input_bytes", totals.count(Event::NetInputByte));
    text.line("total_net_output_bytes", totals.count(Event::NetOutputByte));
    text.line("instantaneous_input_kbps", kilobytes(services.net_input.per_second()));
    text.line("instantaneous_output_kbps", kilobytes(services.net_output.per_second()));
    text.line("rejected_connections", totals.count(Event::ConnectionRejected));
    text.line("sync_full", 0);
    text.line("sync_partial_ok", 0);
    text.line("sync_partial_err", 0);
    text.line("expired_keys", keys.expired);
    text.line("expired_stale_perc", format_args!("{:.2}", services.keyspace.stale_percent()));
    text.line("expired_time_cap_reached_count", keys.expire_capped);
    text.line("expire_cycle_cpu_milliseconds", keys.expire_nanos / 1_000_000);
    text.line("evicted_keys", totals.count(Event::Evicted));
    text.line("evicted_clients", 0);
    let (past_millis, past_millis_now) = services.keyspace.pressure().past_millis(ctx.now);
    text.line("total_eviction_exceeded_time", past_millis);
    text.line("current_eviction_exceeded_time", past_millis_now);
    text.line("keyspace_hits", keys.hits);
    text.line("keyspace_misses", keys.misses);
    text.line("pubsub_channels", services.channels.len(Kind::Channel));
    text.line("pubsub_patterns", services.channels.len(Kind::Pattern));
    text.line("pubsubshard_channels", services.channels.len(Kind::Shard));
    text.line("latest_fork_usec", 0);
    text.line("total_forks", 0);
    text.line("migrate_cached_sockets", 0);
    text.line("tracking_total_keys", 0);
    text.line("total_error_replies", totals.error_replies());
}

pub(super) fn command_stats(ctx: &Ctx, text: &mut Text) {
    text.section("Commandstats");
    for (id, command) in &ctx.services.metrics.totals().commands {
        text.line(
            &format!("cmdstat_{}", ctx.services.metrics.command_name(*id)),
            format_args!(
                "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
                command.calls(),
                command.usec(),
                command.usec_per_call(),
                command.rejected,
                command.failed,
            ),
        );
    }
}

pub(super) fn error_stats(ctx: &Ctx, text: &mut Text) {
    text.section("Errorstats");
    for (code, count) in &ctx.services.metrics.totals().errors {
        text.line(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latency_stats(ctx: &Ctx, text: &mut Text) {
    text.section("Latencystats");
    for (id, command) in ctx.services.metrics.totals().commands.iter().filter(|(_, command)| command.calls() > 0) {
        text.line(
            &format!("latency_percentiles_usec_{}", ctx.services.metrics.command_name(*id)),
            format_args!(
                "p50={:.3},p99={:.3},p99.9={:.3}",
                command.quantile_usec(0.5),
                command.quantile_usec(0.99),
                command.quantile_usec(0.999),
            ),
        );
    }
}

pub(super) fn keyspace(ctx: &Ctx, text: &mut Text) {
    let keyspace = &ctx.services.keyspace;
    text.section("Keyspace");
    for db in (0..keyspace.databases()).filter(|db| !keyspace.is_empty(*db)) {
        // The average is not known without a walk over all keys, so it is 0, as in Redis before its first one.
        let (keys, expires) = (keyspace.len(db), keyspace.volatile(db));
        text.line(&format!("db{db}"), format_args!("keys={keys},expires={expires},avg_ttl=0"));
    }
}
