//! Numbers exactly as the protocol reads and prints them.
//!
//! One file per question: integers both ways ([`parse_i64`], [`I64Text`]), doubles read ([`parse_f64`]), doubles printed as replies
//! print them ([`F64Text`]) or as C's printf does ([`append_f64_17g`]), and [`extended`], the 80-bit arithmetic of INCRBYFLOAT.
//!
//! Invariants: every reader judges the *whole* token and answers `None` rather than guess; every reader rounds to nearest, ties to even;
//! whatever [`append_f64`] prints, [`parse_f64`] reads back as the same double (NaN excepted, which nothing reads).
//!
//! Not here: error texts, what a command allows (NaN sums, ranges), the folding of -0 to 0.

mod binary;
mod double;
pub mod extended;
mod grisu;
mod hexadecimal;
mod integer;
mod powers;
mod printf;
mod reply_text;

#[cfg(test)]
mod tests;

pub use double::{parse_f64, parse_range_bound};
pub use integer::{I64Text, append_i64, parse_cursor, parse_i64};
pub use printf::{append_f64_14g, append_f64_17f, append_f64_17g, append_f64_fixed};
pub use reply_text::{F64Text, append_f64};
