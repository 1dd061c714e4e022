//! One writer a directory: a lock file that names its process and when that process began.
//!
//! The kernel's lock on the file ends with its process, however that ends. The name in it is for
//! people, and for file systems on which such locks are not shared: a process id alone may have
//! been given to somebody else since, the time at which it began tells them apart.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::error::JournalError;

/// The lock's file in the journal's directory.
pub(super) const NAME: &str = "lock";

/// Held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A process that cannot be taken for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    pid: u32,
    /// Boot of the machine and ticks since then at which the process began.
    began: String,
}

impl Lock {
    /// Takes the lock of a directory. One left behind by a process that is gone is taken over.
    ///
    /// # Errors
    /// When another process has it, or its file cannot be written.
    pub fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(NAME);
        let io = |doing| JournalError::io(doing, &path);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(io("open"))?;
        let mut said = String::new();
        // A lock file that is not text was never ours to read; the kernel's lock still decides.
        let _ = file.read_to_string(&mut said);
        let holder = Holder::parse(&said);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(path, holder)),
            Err(TryLockError::Error(error)) => return Err(io("lock")(error)),
        }
        let own = Holder::of(process::id());
        if let Some(other) = &holder
            && own.as_ref() != Some(other)
            && Holder::of(other.pid).as_ref() == Some(other)
        {
            return Err(locked(path, holder));
        }
        let text = own.map_or_else(String::new, |own| format!("{} {}\n", own.pid, own.began));
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(io("write"))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Emptied, not removed: somebody may have it open already, waiting for it. If this fails
        // the process is gone all the same, which the next one sees.
        let _ = self.file.set_len(0);
        // Not left to the closing of the file: a process that is just being started by another
        // thread has it open until it becomes what it is to be.
        let _ = self.file.unlock();
    }
}

impl Holder {
    fn parse(text: &str) -> Option<Self> {
        let (pid, began) = text.trim().split_once(' ')?;
        Some(Self {
            pid: pid.parse().ok()?,
            began: began.to_owned(),
        })
    }

    /// A process that runs now; `None` if none of this id does, or nobody can say.
    fn of(pid: u32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything, so fields are counted from its closing bracket: the state
        // is the third, the start the twenty-second.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?;
        let start = fields.nth(18)?;
        let is_dead = matches!(state, "Z" | "X");
        let began = format!("{} {start}", boot.trim());
        (!is_dead).then_some(Self { pid, began })
    }
}

fn locked(path: PathBuf, holder: Option<Holder>) -> JournalError {
    JournalError::Locked {
        path,
        pid: holder.map(|holder| holder.pid),
    }
}
