//! The section about the files that hold data.

use super::text::Text;
use crate::base::alloc;
use crate::command::Ctx;

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
    log(text);
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
fn log(text: &mut Text) {
    text.line("aof_enabled", 0);
    text.line("aof_rewrite_in_progress", 0);
    text.line("aof_rewrite_scheduled", 0);
    text.line("aof_last_rewrite_time_sec", -1);
    text.line("aof_current_rewrite_time_sec", -1);
    text.line("aof_last_bgrewrite_status", "ok");
    text.line("aof_rewrites", 0);
    text.line("aof_rewrites_consecutive_failures", 0);
    text.line("aof_last_write_status", "ok");
    text.line("aof_last_cow_size", 0);
}

fn percent(done: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { 100.0 * done as f64 / all as f64 }
}
