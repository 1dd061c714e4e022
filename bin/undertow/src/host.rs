//! What only the operating system can tell: one safe function for each libc call.
//!
//! Everything here is for boot and for the doctor; nothing is called on the hot path. Files of
//! `/sys` and `/proc` are read by the doctor itself, for they need no `unsafe`.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A limit of the process (`ulimit`): what holds now, and how far it may be raised without root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In force now; [`Limit::NONE`] if unlimited.
    pub soft: u64,
    /// The most that the process may set itself; [`Limit::NONE`] if unlimited.
    pub hard: u64,
}

impl Limit {
    /// No limit at all.
    pub const NONE: u64 = libc::RLIM_INFINITY;
}

/// Which limit [`limit`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Open file descriptors.
    Files,
    /// Threads and processes of this user.
    Threads,
    /// Locked memory, in bytes.
    LockedMemory,
}

/// The core that the calling thread runs on at this moment; `None` where the kernel cannot say.
#[must_use]
pub fn current_core() -> Option<usize> {
    // SAFETY: takes no argument and only reads the calling thread's state.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Locks one page in memory and lets it go again.
///
/// # Errors
/// What the kernel says: `EPERM` or `ENOMEM` if the limit of locked memory forbids it.
pub fn lock_one_page() -> io::Result<()> {
    let page = vec![0_u8; 4096];
    // SAFETY: the range is one live allocation, and locking changes neither content nor owner.
    let locked = unsafe { libc::mlock(page.as_ptr().cast(), page.len()) };
    if locked != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the same range as above, still alive.
    unsafe { libc::munlock(page.as_ptr().cast(), page.len()) };
    Ok(())
}

/// A limit of this process.
///
/// # Errors
/// What the kernel says.
pub fn limit(resource: Resource) -> io::Result<Limit> {
    let resource = match resource {
        Resource::Files => libc::RLIMIT_NOFILE,
        Resource::Threads => libc::RLIMIT_NPROC,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
    };
    let mut found = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `found` is a valid place for the kernel to write one `rlimit`.
    if unsafe { libc::getrlimit(resource, &raw mut found) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Limit {
        soft: found.rlim_cur,
        hard: found.rlim_max,
    })
}

/// Bytes that an unprivileged user may still write on the file system of `path`.
///
/// # Errors
/// What the kernel says, or a path that holds a NUL.
pub fn disk_free(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a NUL, and `found` is room for one `statvfs`.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned 0, so it filled the structure.
    let found = unsafe { found.assume_init() };
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The kernel's monotonic clock, in nanoseconds since boot.
///
/// # Errors
/// What the kernel says.
pub fn monotonic_ns() -> io::Result<u64> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for the kernel to write one `timespec`.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// What the kernel knows of the wall clock's agreement with a time server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSync {
    /// Whether anything keeps the clock in step.
    pub synchronised: bool,
    /// The most that it may be off, in microseconds, as the kernel estimates.
    pub error_us_max: u64,
}

/// Whether the wall clock is kept in step.
///
/// # Errors
/// What the kernel says; some sandboxes forbid the question.
pub fn clock_sync() -> io::Result<ClockSync> {
    // SAFETY: `timex` is plain numbers, for which zero is valid; modes 0 only reads.
    let mut timex = unsafe { std::mem::zeroed::<libc::timex>() };
    // SAFETY: `timex` is a valid place for the kernel to write one `timex`.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(ClockSync {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        error_us_max: u64::try_from(timex.maxerror).unwrap_or(0),
    })
}
