//! The section about the files that hold data.

use super::text::Text;
use crate::base::alloc;
use crate::command::Ctx;
use crate::persist::log::Health;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

pub(super) fn persistence(ctx: &Ctx, text: &mut Text) {
    let services = ctx.services;
    let (durability, now) = (&services.durability, services.clock.ticks());
    let (figures, load) = (durability.figures(), durability.load());
    let save = durability.save();
    let background = save.as_ref().filter(|save| save.in_background);
    let (keys, total) = background.map_or((0, 0), |save| (save.progress.keys(), save.progress.keys_total()));
    let or_never = |seconds: Option<u64>| seconds.map_or(-1, |seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
    text.section("Persistence");
    text.line("loading", u8::from(load.is_some()));
    text.line("async_loading", 0);
    // Nothing forks: what a frozen clone costs is in used_memory.
    text.line("current_cow_peak", 0);
    text.line("current_cow_size", 0);
    text.line("current_cow_size_age", 0);
    text.line("current_fork_perc", format_args!("{:.2}", percent(keys, total)));
    text.line("current_save_keys_processed", keys);
    text.line("current_save_keys_total", total);
    text.line("rdb_changes_since_last_save", services.keyspace.totals().changes.saturating_sub(figures.saved_changes));
    text.line("rdb_bgsave_in_progress", u8::from(background.is_some()));
    text.line("rdb_last_save_time", figures.last_save_at / 1000);
    text.line("rdb_last_bgsave_status", if figures.last_failed { "err" } else { "ok" });
    text.line("rdb_last_bgsave_time_sec", or_never(figures.last_seconds));
    let seconds = background.map(|save| now.since(save.began) / 1_000_000_000);
    text.line("rdb_current_bgsave_time_sec", or_never(seconds));
    text.line("rdb_saves", figures.saves);
    text.line("rdb_last_cow_size", 0);
    text.line("rdb_last_load_keys_expired", figures.load_expired);
    text.line("rdb_last_load_keys_loaded", figures.loaded);
    log(ctx, text);
    if let Some(load) = load {
        let (bytes, all) = (load.progress.bytes(), load.progress.bytes_total());
        let nanos = now.since(load.began);
        let eta = match bytes {
            0 => 1,
            _ => (u128::from(nanos) * u128::from(all.saturating_sub(bytes)) / u128::from(bytes) / 1_000_000_000) as u64,
        };
        text.line("loading_start_time", load.began_at / 1000);
        text.line("loading_total_bytes", all);
        text.line("loading_rdb_used_mem", alloc::allocated_bytes());
        text.line("loading_loaded_bytes", bytes);
        text.line("loading_loaded_perc", format_args!("{:.2}", percent(bytes, all)));
        text.line("loading_eta_seconds", eta);
    }
}

/// The lines about the log of writes.
fn log(ctx: &Ctx, text: &mut Text) {
    let (services, aof) = (ctx.services, &ctx.services.aof);
    let (log, status) = (aof.log(), &aof.status);
    let is_rewriting = status.is_rewriting.load(Relaxed);
    let is_scheduled = status.is_scheduled.load(Relaxed);
    text.line("aof_enabled", u8::from(services.config.live.appendonly.get()));
    text.line("aof_rewrite_in_progress", u8::from(is_rewriting && !is_scheduled));
    text.line("aof_rewrite_scheduled", u8::from(is_scheduled));
    text.line("aof_last_rewrite_time_sec", status.last_seconds.load(Relaxed));
    let seconds = services.clock.ticks().since(services.started) / 1_000_000_000;
    let begun = seconds.saturating_sub(status.begun_seconds.load(Relaxed));
    let current = if is_rewriting { i64::try_from(begun).unwrap_or(i64::MAX) } else { -1 };
    text.line("aof_current_rewrite_time_sec", current);
    text.line("aof_last_bgrewrite_status", if status.was_rewritten.load(Relaxed) { "ok" } else { "err" });
    text.line("aof_rewrites", status.rewrites.load(Acquire));
    text.line("aof_rewrites_consecutive_failures", status.failures.load(Relaxed));
    text.line("aof_last_write_status", if log.health() == Health::Good { "ok" } else { "err" });
    text.line("aof_last_cow_size", 0);
    if aof.is_on() {
        let [_, written, synced] = log.positions();
        text.line("aof_current_size", aof.bytes());
        text.line("aof_base_size", status.base_bytes.load(Relaxed));
        text.line("aof_pending_rewrite", u8::from(is_scheduled));
        text.line("aof_buffer_length", log.buffered_bytes());
        text.line("aof_pending_bio_fsync", u8::from(synced < written));
        text.line("aof_delayed_fsync", log.delayed());
    }
}

fn percent(done: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { 100.0 * done as f64 / all as f64 }
}
