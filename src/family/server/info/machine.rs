//! The sections about the process and what it runs on.

use super::text::Text;
use crate::base::process;
use crate::command::Ctx;
use crate::family::connection::REDIS_VERSION;

pub(super) fn server(ctx: &Ctx, text: &mut Text) {
    let services = ctx.services;
    let config = &services.config;
    let uptime_secs = services.clock.ticks().since(services.started) / 1_000_000_000;
    text.section("Server");
    text.line("redis_version", REDIS_VERSION);
    text.line("tally_version", env!("CARGO_PKG_VERSION"));
    text.line("redis_git_sha1", "00000000");
    text.line("redis_git_dirty", 0);
    text.line("redis_build_id", 0);
    text.line("redis_mode", "standalone");
    text.line("os", process::system_name());
    text.line("arch_bits", usize::BITS);
    text.line("process_id", std::process::id());
    text.line("run_id", &services.run_id);
    text.line("tcp_port", config.start.port);
    text.line("server_time_usec", services.clock.unix_micros());
    text.line("uptime_in_seconds", uptime_secs);
    text.line("uptime_in_days", uptime_secs / 86_400);
    text.line("hz", 10);
    text.line("configured_hz", 10);
    // 24 bits of seconds, as in Redis.
    text.line("lru_clock", (ctx.now / 1000) & 0xFF_FFFF);
    text.line("executable", process::executable());
    text.line("config_file", config.file.as_deref().map_or_else(String::new, |path| path.display().to_string()));
    text.line("threads", config.worker_threads());
    text.line("io_threads_active", 0);
}

pub(super) fn replication(ctx: &Ctx, text: &mut Text) {
    text.section("Replication");
    text.line("role", "master");
    text.line("connected_slaves", 0);
    text.line("master_failover_state", "no-failover");
    text.line("master_replid", &ctx.services.run_id);
    text.line("master_replid2", "0".repeat(40));
    text.line("master_repl_offset", 0);
    text.line("second_repl_offset", -1);
    text.line("repl_backlog_active", 0);
    text.line("repl_backlog_size", 0);
    text.line("repl_backlog_first_byte_offset", 0);
    text.line("repl_backlog_histlen", 0);
}

pub(super) fn cpu(_: &Ctx, text: &mut Text) {
    let used = process::cpu();
    text.section("CPU");
    let mut seconds = |name, micros| text.line(name, format_args!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
    seconds("used_cpu_sys", used.system);
    seconds("used_cpu_user", used.user);
    seconds("used_cpu_sys_children", 0);
    seconds("used_cpu_user_children", 0);
}

pub(super) fn modules(_: &Ctx, text: &mut Text) {
    text.section("Modules");
}

pub(super) fn cluster(_: &Ctx, text: &mut Text) {
    text.section("Cluster");
    text.line("cluster_enabled", 0);
}
