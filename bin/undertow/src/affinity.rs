//! Cores: which there are, and putting the calling thread on one of them, proven.
//!
//! `core_affinity` does the work, inside a fence, for it has three traps: a core id of 1024 or
//! more aborts the process; its list of cores is the calling thread's own mask, so it shrinks to
//! one core after a pin and is inherited by threads spawned from there; and its answer is a bare
//! `bool`. So cores are listed once ([`Cores::found`], before any pin), ids are checked before
//! the call, and a pin is read back from the kernel. The list hides cores set apart with
//! `isolcpus`, so a configured core is not looked up in it: it is tried.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use core_affinity::CoreId;

use crate::host;

/// One more than the highest core id that can be pinned: the size of the kernel interface's set.
pub const CORE_IDS_MAX: usize = libc::CPU_SETSIZE as usize;

/// The cores this process was given at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    ids: Vec<usize>,
}

impl Cores {
    /// The cores of the thread that asks first. Later calls return the same list, so call it at
    /// boot, from the main thread, before anything is pinned. Empty if the kernel does not say.
    #[must_use]
    pub fn found() -> &'static Self {
        static FOUND: OnceLock<Cores> = OnceLock::new();
        FOUND.get_or_init(|| Self { ids: allowed_now() })
    }

    /// The ids, ascending.
    #[must_use]
    pub fn ids(&self) -> &[usize] {
        &self.ids
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }
}

/// Why a thread is not where it should be.
#[derive(Debug)]
pub enum PinError {
    /// No machine has a core of this number: ids end before [`CORE_IDS_MAX`].
    OutOfRange {
        /// The core asked for.
        core: usize,
    },
    /// The kernel refused: the core does not exist, is off line, or lies outside our cpuset.
    Refused {
        /// The core asked for.
        core: usize,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The kernel agreed, but the thread runs elsewhere or may still move.
    Elsewhere {
        /// The core asked for.
        core: usize,
        /// The core on which the thread was seen, if the kernel says.
        seen: Option<usize>,
    },
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { core } => write!(
                f,
                "core {core} cannot exist: core ids go from 0 to {}",
                CORE_IDS_MAX - 1
            ),
            Self::Refused { core, cause } => write!(
                f,
                "core {core} is absent, off line or outside this process's cpuset ({cause})"
            ),
            Self::Elsewhere { core, seen } => match seen {
                Some(seen) => write!(f, "pinned to core {core} but seen on core {seen}"),
                None => write!(
                    f,
                    "pinned to core {core} but the kernel does not confirm it"
                ),
            },
        }
    }
}

impl std::error::Error for PinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused { cause, .. } => Some(cause),
            Self::OutOfRange { .. } | Self::Elsewhere { .. } => None,
        }
    }
}

/// Pins the calling thread to `core` and proves it. Threads spawned from here on inherit the pin.
///
/// # Errors
/// When the id is impossible, the kernel refuses, or the thread is then seen elsewhere. The
/// thread may run on, unpinned; nothing aborts.
pub fn pin_current(core: usize) -> Result<(), PinError> {
    // Listed before the first pin whatever the caller does: afterwards the list is gone.
    let _ = Cores::found();
    if core >= CORE_IDS_MAX {
        return Err(PinError::OutOfRange { core });
    }
    if !core_affinity::set_for_current(CoreId { id: core }) {
        let cause = io::Error::last_os_error();
        return Err(PinError::Refused { core, cause });
    }
    // The kernel moves the thread before it returns, so both must hold at once.
    let seen = host::current_core();
    if seen == Some(core) && allowed_now() == [core] {
        Ok(())
    } else {
        Err(PinError::Elsewhere { core, seen })
    }
}

/// The calling thread's own mask, ascending.
fn allowed_now() -> Vec<usize> {
    let mut ids: Vec<usize> = core_affinity::get_core_ids()
        .unwrap_or_default()
        .into_iter()
        .map(|core| core.id)
        .collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Pins change the thread they run on, so each test has its own.
    fn on_own_thread<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
        thread::spawn(test)
            .join()
            .expect("the test thread panicked")
    }

    #[test]
    fn every_found_core_can_be_pinned_and_read_back() {
        let cores = Cores::found();
        assert!(cores.count() > 0);
        on_own_thread(|| {
            // Back and forth on one thread: a pin does not stop a later one.
            for core in Cores::found().ids() {
                pin_current(*core).expect("a core from our own mask");
                assert_eq!(host::current_core(), Some(*core));
                assert_eq!(allowed_now(), [*core]);
            }
        });
    }

    #[test]
    fn pin_does_not_shrink_the_list_of_cores() {
        let before = Cores::found().clone();
        let after = on_own_thread(|| {
            pin_current(Cores::found().ids()[0]).expect("a core from our own mask");
            // The child inherits the mask, and still sees the whole list.
            thread::spawn(|| Cores::found().clone())
                .join()
                .expect("the child thread panicked")
        });
        assert_eq!(before, after);
    }

    #[test]
    fn p09_core_id_of_1024_or_more_is_an_error_and_not_an_abort() {
        for core in [1024, 5000, usize::MAX] {
            let error = on_own_thread(move || pin_current(core)).expect_err("cannot exist");
            assert!(matches!(error, PinError::OutOfRange { .. }), "{error}");
            assert!(error.to_string().contains("from 0 to 1023"), "{error}");
        }
    }

    #[test]
    fn p09_absent_core_is_refused_and_the_thread_runs_on() {
        let absent = CORE_IDS_MAX - 1;
        if Cores::found().ids().contains(&absent) {
            println!("skipped: this machine has a core {absent}");
            return;
        }
        let (error, mask) = on_own_thread(move || (pin_current(absent), allowed_now()));
        let error = error.expect_err("no such core");
        assert!(matches!(error, PinError::Refused { .. }), "{error}");
        assert_eq!(mask, Cores::found().ids());
    }
}
