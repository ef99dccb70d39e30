//! The disk: the only way to the files that hold data.
//!
//! [`Disk`] is what snapshots and logs need of a file system and no more: files that grow at their end, renames, and the two kinds of sync that a
//! crash makes matter. [`RealDisk`] is the operating system's; [`SimulatedDisk`] lives in memory, fails when it is told to, and knows what a crash
//! at any moment leaves.
//!
//! What is on the disk after a crash: the bytes of a file that were written before its last [`DiskFile::sync`], under the names that its
//! directory had at the last [`Disk::sync_dir`]. Everything later may be there, or not, or in part.

mod real;
mod simulated;
#[cfg(test)]
mod tests;

pub use real::RealDisk;
pub use simulated::{Contents, Failure, Names, Operation, OperationKind, SimulatedDisk, Torn};

use std::fmt::Debug;
use std::io;
use std::path::Path;

/// A file system, as far as data files need one.
pub trait Disk: Send + Sync + Debug {
    /// A file to be written, new or with nothing in it.
    ///
    /// # Errors
    /// Those of the file system, as in all methods.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be written at its end, new if there is none.
    ///
    /// # Errors
    /// Those of the file system.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be read from its beginning.
    ///
    /// # Errors
    /// Those of the file system.
    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read + Send>>;

    /// How many bytes a file has.
    ///
    /// # Errors
    /// Those of the file system.
    fn len(&self, path: &Path) -> io::Result<u64>;

    /// Cuts a file to `len` bytes, and syncs it.
    ///
    /// # Errors
    /// Those of the file system.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Gives a file another name, in the place of the file that has it. Whoever looks sees one of the two, never neither.
    ///
    /// # Errors
    /// Those of the file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the file system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in a directory are as durable as they can be.
    ///
    /// # Errors
    /// Those of the file system.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes a directory and those above it; well if it is there.
    ///
    /// # Errors
    /// Those of the file system.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// The names of the files in a directory, sorted. One that is not UTF-8 is none of ours and left out.
    ///
    /// # Errors
    /// Those of the file system.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
}

/// A file that is being written at its end.
pub trait DiskFile: Send + Debug {
    /// Writes some of the bytes, at least one if there is any, and says how many.
    ///
    /// # Errors
    /// Those of the file system; nothing was written then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when all that was written is durable. After an error it may never be, whatever a later call says: the file is not to be trusted
    /// behind its last good sync.
    ///
    /// # Errors
    /// Those of the file system.
    fn sync(&mut self) -> io::Result<()>;
}
