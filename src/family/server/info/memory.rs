//! The section about memory. What this server does not have (replicas, functions, a log in memory) takes 0 bytes.

use super::super::memory::{Overview, ratio};
use super::text::Text;
use crate::base::{alloc, process};
use crate::command::Ctx;

pub(super) fn memory(ctx: &Ctx, text: &mut Text) {
    let now = Overview::now(ctx);
    let (allocator, garbage) = (now.allocator, ctx.services.keyspace.garbage());
    let more = |whole: u64, part: u64| i128::from(whole) - i128::from(part);
    text.section("Memory");
    text.bytes("used_memory", now.used);
    text.bytes("used_memory_rss", now.resident);
    text.bytes("used_memory_peak", now.peak);
    text.line("used_memory_peak_perc", format_args!("{:.2}%", 100.0 * ratio(now.used, now.peak)));
    text.line("used_memory_overhead", now.overhead());
    text.line("used_memory_startup", now.startup);
    text.line("used_memory_dataset", now.dataset());
    text.line("used_memory_dataset_perc", format_args!("{:.2}%", now.dataset_percent()));
    text.line("allocator_allocated", allocator.allocated);
    text.line("allocator_active", allocator.active);
    text.line("allocator_resident", allocator.resident);
    text.bytes("total_system_memory", process::system_memory_bytes());
    // The oldest of three names for the same.
    text.line("used_memory_lua", now.machines);
    text.line("used_memory_vm_eval", now.machines);
    text.line("used_memory_lua_human", super::text::human(now.machines));
    text.line("used_memory_scripts_eval", now.scripts);
    text.line("number_of_cached_scripts", now.scripts_count);
    text.line("number_of_functions", now.functions_count);
    text.line("number_of_libraries", now.libraries_count);
    text.line("used_memory_vm_functions", 0);
    text.bytes("used_memory_vm_total", now.machines);
    text.line("used_memory_functions", now.functions);
    text.bytes("used_memory_scripts", now.scripts);
    text.bytes("maxmemory", now.maxmemory);
    text.line("maxmemory_policy", now.policy);
    text.line("allocator_frag_ratio", format_args!("{:.2}", ratio(allocator.active, allocator.allocated)));
    text.line("allocator_frag_bytes", more(allocator.active, allocator.allocated));
    text.line("allocator_rss_ratio", format_args!("{:.2}", ratio(allocator.resident, allocator.active)));
    text.line("allocator_rss_bytes", more(allocator.resident, allocator.active));
    text.line("rss_overhead_ratio", format_args!("{:.2}", ratio(now.resident, allocator.resident)));
    text.line("rss_overhead_bytes", more(now.resident, allocator.resident));
    text.line("mem_fragmentation_ratio", format_args!("{:.2}", ratio(now.resident, now.used)));
    text.line("mem_fragmentation_bytes", more(now.resident, now.used));
    text.line("mem_not_counted_for_evict", ctx.services.keyspace.not_counted_for_eviction(ctx.now));
    text.line("mem_replication_backlog", 0);
    text.line("mem_total_replication_buffers", 0);
    text.line("mem_clients_slaves", 0);
    text.line("mem_clients_normal", now.clients);
    text.line("mem_cluster_links", 0);
    text.line("mem_aof_buffer", 0);
    text.line("mem_allocator", alloc::NAME);
    text.line("active_defrag_running", 0);
    text.line("lazyfree_pending_objects", garbage.pending);
    text.line("lazyfreed_objects", garbage.freed);
}
