//! A disk that fails on command. It writes real files, so that what is read back is real too.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use undertow_cold::journal::{Disk, Segment, Storage};

/// What goes wrong next.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Bytes that still fit; without a limit if absent.
    pub(crate) room: Option<usize>,
    /// A write takes no more bytes than this.
    pub(crate) write_max: Option<usize>,
    /// Every second write is interrupted.
    pub(crate) interrupts: bool,
    /// So many syncs fail; what was not synced before is then lost.
    pub(crate) failing_syncs: u32,
    /// It is lost only when the power fails.
    pub(crate) keeps_unsynced: bool,
    /// No file can be made.
    pub(crate) is_read_only: bool,
    /// A sync takes so long.
    pub(crate) stall: Duration,
    /// Bytes of each file that are on the disk.
    pub(crate) synced: BTreeMap<PathBuf, u64>,
    calls: u64,
}

/// The disk; its clones share one plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faulty(pub(crate) Rc<RefCell<Plan>>);

struct FaultyFile {
    plan: Faulty,
    path: PathBuf,
    file: Box<dyn Segment>,
}

const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EIO: i32 = 5;

impl Faulty {
    pub(crate) fn set(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.0.borrow_mut());
    }

    /// The power fails: of each file only what was synced remains, and those of the later blocks
    /// that `keeps` says had reached the disk by chance; the others are zeros.
    pub(crate) fn lose_power(&self, mut keeps: impl FnMut() -> bool) {
        let plan = self.0.borrow();
        for (path, synced) in &plan.synced {
            let Ok(mut bytes) = fs::read(path) else {
                continue;
            };
            let synced = usize::try_from(*synced).expect("a length");
            let mut end = synced;
            for at in (synced..bytes.len()).step_by(512) {
                let until = (at + 512).min(bytes.len());
                if keeps() {
                    end = until;
                } else {
                    bytes[at..until].fill(0);
                }
            }
            bytes.truncate(end);
            fs::write(path, bytes).expect("it is written");
        }
    }

    fn wrap(&self, path: &Path, file: Box<dyn Segment>) -> Box<dyn Segment> {
        let len = fs::metadata(path).expect("it is there").len();
        self.set(|plan| {
            plan.synced.insert(path.to_owned(), len);
        });
        Box::new(FaultyFile {
            plan: self.clone(),
            path: path.to_owned(),
            file,
        })
    }
}

impl Storage for Faulty {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Segment>> {
        if self.0.borrow().is_read_only {
            return Err(io::Error::from_raw_os_error(EROFS));
        }
        let file = Disk.create(path)?;
        Ok(self.wrap(path, file))
    }

    fn open(&mut self, path: &Path, len: u64) -> io::Result<Box<dyn Segment>> {
        let file = Disk.open(path, len)?;
        Ok(self.wrap(path, file))
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.set(|plan| {
            plan.synced.remove(path);
        });
        Disk.remove(path)
    }

    fn forget(&mut self, path: &Path) -> io::Result<()> {
        Disk.forget(path)
    }
}

impl Segment for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut plan = self.plan.0.borrow_mut();
        plan.calls += 1;
        if plan.interrupts && plan.calls.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut count = bytes.len().min(plan.write_max.unwrap_or(usize::MAX));
        if let Some(room) = &mut plan.room {
            count = count.min(*room);
            *room -= count;
            if count == 0 {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
        }
        self.file.write(&bytes[..count])
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut plan = self.plan.0.borrow_mut();
        thread::sleep(plan.stall);
        if plan.failing_syncs > 0 {
            plan.failing_syncs -= 1;
            // As a kernel does that marks the pages clean which it could not write.
            let synced = plan.synced.get(&self.path).copied().unwrap_or(0);
            if !plan.keeps_unsynced {
                let file = OpenOptions::new().write(true).open(&self.path)?;
                file.set_len(synced)?;
            }
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.file.sync()?;
        let len = File::open(&self.path)?.metadata()?.len();
        plan.synced.insert(self.path.clone(), len);
        Ok(())
    }
}
