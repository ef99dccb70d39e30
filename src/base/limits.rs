//! Limits that are not settings, each with its name. Settings have theirs in `config`.

/// The most databases a server can be told to have. A shard carries one table slot for each.
pub const DATABASES_MAX: usize = 64;
/// The largest string value, key or argument: 512 MiB, as `proto-max-bulk-len` by default.
pub const STRING_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The most arguments of one request.
pub const ARGUMENTS_MAX: usize = 1024 * 1024;
/// The longest inline request, in bytes.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Before a connection has authenticated: the most arguments of a request.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: usize = 10;
/// Before a connection has authenticated: the longest argument, in bytes.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;
/// How deep a reply or a JSON document may nest.
pub const NESTING_MAX: usize = 128;
