//! The disk as the journal sees it: the seam at which tests inject faults.
//!
//! A write may be short; a sync that returned is the only proof that bytes are on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Files and their directory.
pub trait Storage {
    /// Makes a new file, and its name durable.
    ///
    /// # Errors
    /// When it is there already, or cannot be made.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Segment>>;

    /// Opens a file to append to, cut to `len` bytes.
    ///
    /// # Errors
    /// When it cannot be opened, cut or synced.
    fn open(&mut self, path: &Path, len: u64) -> io::Result<Box<dyn Segment>>;

    /// Removes a file, and makes that durable.
    ///
    /// # Errors
    /// When it cannot be removed; one that is not there is no error.
    fn remove(&mut self, path: &Path) -> io::Result<()>;

    /// Lets go of what the machine has cached of a file, so that the next read asks the disk.
    ///
    /// # Errors
    /// When the file cannot be opened.
    fn forget(&mut self, path: &Path) -> io::Result<()>;
}

/// One open file.
pub trait Segment {
    /// Appends some of the bytes and says how many.
    ///
    /// # Errors
    /// As the file has them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns once everything written is on the disk.
    ///
    /// # Errors
    /// As the file has them; then nothing is known of what was written since the last sync.
    fn sync(&mut self) -> io::Result<()>;
}

/// Real files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Segment>> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        sync_parent(path)?;
        Ok(Box::new(file))
    }

    fn open(&mut self, path: &Path, len: u64) -> io::Result<Box<dyn Segment>> {
        let file = OpenOptions::new().append(true).open(path)?;
        if file.metadata()?.len() != len {
            file.set_len(len)?;
        }
        // What a dead process had not synced is only in memory so far.
        file.sync_all()?;
        sync_parent(path)?;
        Ok(Box::new(file))
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_parent(path),
        }
    }

    fn forget(&mut self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        #[cfg(target_os = "linux")]
        {
            use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        }
        drop(file);
        Ok(())
    }
}

impl Segment for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A file's name is in its directory, which has to be synced too.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
