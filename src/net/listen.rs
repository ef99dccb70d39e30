//! Binds what the settings name.

use crate::config::Config;
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The listening sockets of a server. A Unix socket's file goes when this is dropped.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Bound and listening.
    pub tcp: Vec<TcpListener>,
    /// Bound and listening.
    pub unix: Vec<UnixListener>,
    /// The HTTP listener.
    pub http: Vec<TcpListener>,
    unix_path: Option<PathBuf>,
}

/// An address could not be bound.
#[derive(Debug)]
pub struct ListenError {
    address: String,
    /// The setting that chooses another address.
    setting: &'static str,
    cause: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.cause)?;
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => write!(f, " (is another server running? --{} chooses another)", self.setting),
            io::ErrorKind::PermissionDenied => f.write_str(" (is it allowed? ports below 1024 need privileges)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Listeners {
    /// Binds everything that the settings name.
    ///
    /// # Errors
    /// The first address that could not be bound, unless it was written as optional.
    pub fn bind(config: &Config) -> Result<Self, ListenError> {
        let start = &config.start;
        let mut listeners = Self::default();
        if start.port != 0 {
            for address in &start.bind {
                match tcp(SocketAddr::new(address.ip, start.port), "port", start.tcp_backlog) {
                    Ok(listener) => listeners.tcp.push(listener),
                    Err(error) if address.is_optional => tracing::debug!("{error}; it is optional"),
                    Err(error) => return Err(error),
                }
            }
        }
        if start.http_port != 0 {
            for address in &start.http_bind {
                match tcp(SocketAddr::new(address.ip, start.http_port), "http-port", start.tcp_backlog) {
                    Ok(listener) => listeners.http.push(listener),
                    Err(error) if address.is_optional => tracing::debug!("{error}; it is optional"),
                    Err(error) => return Err(error),
                }
            }
        }
        if let Some(path) = &start.unixsocket {
            listeners.unix.push(unix(path, start.unixsocketperm)?);
            listeners.unix_path = Some(path.clone());
        }
        Ok(listeners)
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        if let Some(path) = &self.unix_path {
            // The file may be gone already; then there is nothing to remove.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn tcp(address: SocketAddr, setting: &'static str, backlog: i32) -> Result<TcpListener, ListenError> {
    let bind = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    bind().map_err(|cause| ListenError { address: address.to_string(), setting, cause })
}

/// A stale socket file (nobody answers on it) is replaced; a live one is an address in use, and any other file is left alone.
fn unix(path: &Path, permissions: u32) -> Result<UnixListener, ListenError> {
    let bind = || -> io::Result<UnixListener> {
        if path.exists() {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::from(io::ErrorKind::AddrInUse));
            }
            if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
            }
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        if permissions != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
        }
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|cause| ListenError { address: path.display().to_string(), setting: "unixsocket", cause })
}
