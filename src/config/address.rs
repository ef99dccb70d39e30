//! One address to listen on, as `bind` lists them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// The address; unspecified (`0.0.0.0`, `::`) for all of its family.
    pub ip: IpAddr,
    /// Written with a leading `-`: a machine that does not have this address is no reason to refuse to start.
    pub is_optional: bool,
    text: String,
}

impl BindAddress {
    /// Reads `127.0.0.1`, `::1`, `localhost`, `*` (all of IPv4), `::*` (all of IPv6), each with an optional leading `-`.
    /// Other host names are not looked up: what a server listens on must not depend on a name server.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_optional, host) = match text.strip_prefix('-') {
            Some(host) => (true, host),
            None => (false, text),
        };
        let ip = match host {
            "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => host.parse().ok()?,
        };
        Some(Self { ip, is_optional, text: text.to_owned() })
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.ip.to_canonical().is_loopback()
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
