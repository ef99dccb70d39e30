//! What every layer needs and no layer owns: clock, randomness, numbers as text, patterns, hashing, locks, limits.

pub mod alloc;
pub mod clock;
pub mod event;
pub mod glob;
pub mod hash;
pub mod limits;
pub mod num;
pub mod prefetch;
pub mod process;
pub mod rest;
pub mod rng;
pub mod sync;
