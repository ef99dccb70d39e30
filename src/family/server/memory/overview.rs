//! Where the memory goes, as far as the server knows: what INFO, MEMORY STATS and MEMORY DOCTOR tell of it.

use crate::base::alloc;
use crate::base::sync::atomic::Ordering;
use crate::command::{Client, Ctx};
use crate::keyspace::{TABLE_BYTES_PER_ENTRY, WHEEL_BYTES_PER_ENTRY};
use crate::script;

/// What one database takes beside its entries.
#[derive(Clone, Copy, Debug)]
pub(in crate::family::server) struct DatabaseBytes {
    pub(in crate::family::server) db: usize,
    /// Its tables.
    pub(in crate::family::server) tables: u64,
    /// Its timing wheels.
    pub(in crate::family::server) wheels: u64,
}

/// All figures of one moment, in bytes but for counts.
#[derive(Debug)]
pub(in crate::family::server) struct Overview {
    pub(in crate::family::server) used: u64,
    pub(in crate::family::server) peak: u64,
    pub(in crate::family::server) startup: u64,
    pub(in crate::family::server) resident: u64,
    pub(in crate::family::server) allocator: alloc::Figures,
    /// What connections have of their own: buffers, queued transactions, what the server knows of them.
    pub(in crate::family::server) clients: u64,
    pub(in crate::family::server) clients_count: usize,
    /// The scripts' machines, all threads together.
    pub(in crate::family::server) machines: u64,
    /// The texts of cached scripts.
    pub(in crate::family::server) scripts: u64,
    pub(in crate::family::server) scripts_count: usize,
    /// The libraries of functions.
    pub(in crate::family::server) functions: u64,
    pub(in crate::family::server) functions_count: usize,
    pub(in crate::family::server) libraries_count: usize,
    /// Databases that are not empty.
    pub(in crate::family::server) databases: Vec<DatabaseBytes>,
    pub(in crate::family::server) keys: u64,
    pub(in crate::family::server) maxmemory: u64,
    /// What is evicted once that is reached.
    pub(in crate::family::server) policy: &'static str,
}

impl Overview {
    pub(in crate::family::server) fn now(ctx: &Ctx) -> Self {
        let services = ctx.services;
        let keyspace = &services.keyspace;
        let clients = services.clients.all();
        let libraries = services.libraries.catalog();
        let lens = (0..keyspace.databases()).map(|db| (db, keyspace.len(db) as u64)).filter(|(_, len)| *len > 0);
        let lens: Vec<(usize, u64)> = lens.collect();
        Self {
            used: alloc::allocated_bytes(),
            peak: alloc::peak_bytes(),
            startup: alloc::startup_bytes(),
            resident: alloc::resident_bytes(),
            allocator: alloc::figures(),
            clients: clients.iter().map(|client| client_bytes(client)).sum(),
            clients_count: clients.len(),
            machines: script::machines_bytes(),
            scripts: services.scripts.bytes() as u64,
            scripts_count: services.scripts.len(),
            functions: services.libraries.bytes() as u64,
            functions_count: libraries.functions_len(),
            libraries_count: libraries.libraries().len(),
            databases: lens
                .iter()
                .map(|(db, len)| DatabaseBytes {
                    db: *db,
                    tables: len * TABLE_BYTES_PER_ENTRY as u64,
                    wheels: (keyspace.volatile(*db) * WHEEL_BYTES_PER_ENTRY) as u64,
                })
                .collect(),
            keys: lens.iter().map(|(_, len)| len).sum(),
            maxmemory: services.config.live.maxmemory.get() as u64,
            policy: services.config.live.maxmemory_policy.get().name(),
        }
    }

    /// What is taken by other things than data.
    pub(in crate::family::server) fn overhead(&self) -> u64 {
        let databases: u64 = self.databases.iter().map(|database| database.tables + database.wheels).sum();
        self.startup + self.clients + self.machines + self.scripts + self.functions + databases
    }

    /// The data: entries with their values.
    pub(in crate::family::server) fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// The share of the data in what was allocated since the start, in percent.
    pub(in crate::family::server) fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset(), self.used.saturating_sub(self.startup))
    }
}

/// What a connection takes. The fixed part is what the server keeps of each, however idle; the buffers that its worker lends are not its own.
pub(in crate::family) fn client_bytes(client: &Client) -> u64 {
    let number = |cell: &std::sync::atomic::AtomicUsize| cell.load(Ordering::Relaxed);
    let own = number(&client.query_bytes)
        + number(&client.query_free_bytes)
        + number(&client.multi_bytes)
        + number(&client.output_memory_bytes);
    (size_of::<Client>() + size_of::<crate::command::Session>() + own) as u64
}

/// 0 for a part of nothing.
pub(in crate::family::server) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
