//! Both disks are files that grow and names that change; the simulated one also knows what a crash leaves.

use super::*;
use std::path::PathBuf;

const LOSE: Torn = Torn { contents: Contents::Lost, names: Names::Lost };
const KEEP: Torn = Torn { contents: Contents::Kept, names: Names::Kept };

/// A directory of its own on the real disk, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tally-disk-{}-{name}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn write_all(file: &mut dyn DiskFile, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = file.write(bytes).unwrap();
        bytes = &bytes[count..];
    }
}

fn read(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    disk.open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The same steps on either disk.
fn files_come_and_go(disk: &dyn Disk, dir: &Path) {
    assert!(disk.create(&dir.join("a")).is_err(), "the directory is not there yet");
    disk.create_dir(dir).unwrap();
    disk.create_dir(dir).unwrap();
    let (a, b) = (dir.join("a"), dir.join("b"));
    let mut file = disk.create(&a).unwrap();
    write_all(&mut *file, b"one");
    file.sync().unwrap();
    drop(file);
    write_all(&mut *disk.append(&a).unwrap(), b" two");
    write_all(&mut *disk.append(&b).unwrap(), b"other");
    assert_eq!(disk.len(&a).unwrap(), 7);
    assert_eq!(disk.list(dir).unwrap(), ["a", "b"]);
    assert_eq!(read(disk, &a), b"one two");
    disk.truncate(&a, 3).unwrap();
    disk.rename(&a, &b).unwrap();
    disk.sync_dir(dir).unwrap();
    assert_eq!(disk.list(dir).unwrap(), ["b"]);
    assert_eq!(read(disk, &b), b"one");
    write_all(&mut *disk.create(&b).unwrap(), b"new");
    assert_eq!(read(disk, &b), b"new");
    disk.remove(&b).unwrap();
    assert_eq!(disk.open(&b).err().unwrap().kind(), std::io::ErrorKind::NotFound);
    assert!(disk.remove(&b).is_err() && disk.rename(&b, &a).is_err() && disk.len(&b).is_err());
}

#[test]
fn the_real_disk_writes_renames_and_removes_files() {
    let folder = Folder::new("steps");
    files_come_and_go(&RealDisk, &folder.0.join("in"));
}

#[test]
fn the_simulated_disk_does_the_same() {
    files_come_and_go(&SimulatedDisk::new(), Path::new("/data/in"));
}

#[test]
fn a_crash_loses_or_tears_what_was_not_synced() {
    let disk = SimulatedDisk::new();
    let path = Path::new("/log");
    let mut file = disk.append(path).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    write_all(&mut *file, b"synced");
    file.sync().unwrap();
    write_all(&mut *file, b" and not");
    let after = |contents| disk.crash(Torn { contents, names: Names::Lost }).read(path).unwrap();
    assert_eq!(after(Contents::Lost), b"synced");
    assert_eq!(after(Contents::Kept), b"synced and not");
    assert_eq!(after(Contents::Torn(1)), b"synced ");
    assert_eq!(after(Contents::Torn(512)), b"synced and not");
    assert_eq!(disk.crash_at(3, LOSE).read(path).unwrap(), b"", "after the first write and before its sync");
    assert_eq!(disk.crash_at(1, LOSE).read(path), None, "the name was not durable yet");
    assert_eq!(disk.crash_at(1, KEEP).read(path).unwrap(), b"");
}

#[test]
fn a_rename_is_durable_only_once_its_directory_is_synced() {
    let disk = SimulatedDisk::new();
    let (temp, path) = (Path::new("/temp"), Path::new("/data"));
    for text in [b"old", b"new"] {
        let mut file = disk.create(temp).unwrap();
        write_all(&mut *file, text);
        file.sync().unwrap();
        disk.rename(temp, path).unwrap();
        if text == b"old" {
            disk.sync_dir(Path::new("/")).unwrap();
        }
    }
    assert_eq!(disk.crash(LOSE).read(path).unwrap(), b"old");
    assert_eq!(disk.crash(KEEP).read(path).unwrap(), b"new");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.crash(LOSE).read(path).unwrap(), b"new");
    assert_eq!(disk.crash(LOSE).read(temp), None);
}

#[test]
fn operations_fail_by_number_or_by_kind() {
    let disk = SimulatedDisk::new();
    let path = Path::new("/data");
    disk.fail_call(2, Failure::NoSpace);
    let mut file = disk.create(path).unwrap();
    assert_eq!(file.write(b"x").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    disk.limit_writes(Some(2));
    assert_eq!(file.write(b"xyz").unwrap(), 2);
    disk.fail_kind(OperationKind::Rename, Some(Failure::Io));
    assert!(disk.rename(path, Path::new("/other")).is_err());
    disk.fail_kind(OperationKind::Rename, None);
    disk.rename(path, Path::new("/other")).unwrap();
    let kinds: Vec<_> = disk.operations().iter().map(|operation| (operation.kind, operation.failed)).collect();
    use OperationKind::{Create, Rename, Write};
    assert_eq!(kinds, [(Create, false), (Write, true), (Write, false), (Rename, true), (Rename, false)]);
}

/// An operating system reports a failed write-back once and then holds the pages for clean: who syncs again hears that all is well.
#[test]
fn after_a_failed_sync_a_second_one_makes_nothing_durable() {
    let disk = SimulatedDisk::new();
    let path = Path::new("/log");
    let mut file = disk.append(path).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    write_all(&mut *file, b"first");
    file.sync().unwrap();
    write_all(&mut *file, b" second");
    disk.fail_call(disk.count() + 1, Failure::Io);
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(disk.crash(LOSE).read(path).unwrap(), b"first");
    assert_eq!(disk.crash(KEEP).read(path).unwrap(), b"first second");
}
