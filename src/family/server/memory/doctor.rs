//! MEMORY DOCTOR: what is unusual about the server's memory, in words, with what can be done about it.

use super::overview::{Overview, ratio};
use crate::base::process;
use crate::command::{Args, CommandError, Ctx, Replied, Reply};
use std::fmt::Write;

const MIB: u64 = 1024 * 1024;
/// Below this nothing can be said.
const USED_BYTES_MIN: u64 = 5 * MIB;
/// Times what is used; so much more was used once, or is resident.
const PEAK_MUCH: f64 = 1.5;
const RESIDENT_MUCH: f64 = 1.4;
/// Waste below this is no problem, whatever its share.
const WASTE_BYTES_MIN: u64 = 10 * MIB;
/// Average of a connection.
const CLIENT_BYTES_MUCH: u64 = 200 * 1024;
const SCRIPTS_MANY: usize = 500;
/// Of the machine's memory, without a limit.
const SYSTEM_SHARE_MUCH: f64 = 0.75;

pub(super) fn doctor(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.verbatim(report(&Overview::now(ctx), process::system_memory_bytes()).as_bytes()))
}

/// What to say of these figures on a machine with so much memory.
fn report(overview: &Overview, system_bytes: u64) -> String {
    let mib = |bytes: u64| bytes.div_ceil(MIB);
    if overview.used < USED_BYTES_MIN {
        return "The server is empty or nearly so: there is nothing to say about its memory yet.\n".to_owned();
    }
    let mut findings = Vec::new();
    if ratio(overview.peak, overview.used) > PEAK_MUCH {
        findings.push(format!(
            "Peak: {} MiB were in use once, {} MiB are now. Memory that was freed may still be resident; MEMORY PURGE returns what it can.",
            mib(overview.peak),
            mib(overview.used)
        ));
    }
    let waste = overview.resident.saturating_sub(overview.used);
    if ratio(overview.resident, overview.used) > RESIDENT_MUCH && waste > WASTE_BYTES_MIN {
        findings.push(format!(
            "Fragmentation: {} MiB are resident for {} MiB in use. After many deletions this goes down as new data fills the holes; MEMORY PURGE \
             returns whole free pages.",
            mib(overview.resident),
            mib(overview.used)
        ));
    }
    if overview.clients / overview.clients_count.max(1) as u64 > CLIENT_BYTES_MUCH {
        findings.push(format!(
            "Clients: {} connections take {} MiB. CLIENT LIST shows whose buffers are large (qbuf, omem, multi-mem): often one that does not read \
             its replies.",
            overview.clients_count,
            mib(overview.clients)
        ));
    }
    if overview.scripts_count > SCRIPTS_MANY {
        findings.push(format!(
            "Scripts: {} are cached. A client may be writing values into the texts of its scripts instead of passing them in ARGV.",
            overview.scripts_count
        ));
    }
    if overview.maxmemory == 0 && ratio(overview.resident, system_bytes) > SYSTEM_SHARE_MUCH {
        findings.push(format!(
            "Limit: {} of the machine's {} MiB are resident, and there is no maxmemory.",
            mib(overview.resident),
            mib(system_bytes)
        ));
    }
    if findings.is_empty() {
        return "Nothing unusual was found about the server's memory.\n".to_owned();
    }
    let mut text = String::from("What is unusual about the server's memory:\n");
    for finding in &findings {
        write!(text, "\n * {finding}\n").expect("writing to memory does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::alloc::Figures;

    fn overview(used: u64, peak: u64, resident: u64) -> Overview {
        Overview {
            used,
            peak,
            startup: MIB,
            resident,
            allocator: Figures::default(),
            clients: 0,
            clients_count: 1,
            machines: 0,
            scripts: 0,
            scripts_count: 0,
            functions: 0,
            functions_count: 0,
            libraries_count: 0,
            databases: Vec::new(),
            keys: 0,
            maxmemory: 0,
            policy: "noeviction",
        }
    }

    #[test]
    fn a_server_that_is_nearly_empty_gets_no_diagnosis() {
        assert!(report(&overview(MIB, 100 * MIB, 100 * MIB), 1).starts_with("The server is empty"));
    }

    #[test]
    fn a_healthy_server_has_nothing_unusual() {
        let text = report(&overview(100 * MIB, 120 * MIB, 110 * MIB), 16_000 * MIB);
        assert!(text.starts_with("Nothing unusual"), "{text}");
    }

    #[test]
    fn each_trouble_is_named_with_its_figures() {
        let ill = Overview { clients: 3 * MIB, scripts_count: 501, ..overview(100 * MIB, 200 * MIB, 150 * MIB) };
        let text = report(&ill, 180 * MIB);
        for part in
            ["Peak: 200", "Fragmentation: 150 MiB", "Clients: 1 ", "Scripts: 501", "Limit: 150 of the machine's 180"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
