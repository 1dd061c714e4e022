//! The session's memory: one arena, asked to lie on huge pages, and locked if so configured.
//!
//! Both are favours that the system may refuse; a refusal is reported, never fatal.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use bumpalo::Bump;
use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, MmapAdvise, madvise, mlockall};

/// Size of a huge page on the machines we run on.
const HUGE_PAGE: usize = 2 << 20;

/// The memory of the books, and which part of it was asked to lie on huge pages.
#[derive(Debug)]
pub struct Arena {
    bump: Bump,
    huge: Option<(NonNull<libc::c_void>, usize)>,
}

impl Arena {
    /// An arena of `bytes`, with that as its hard limit.
    ///
    /// The advice about huge pages is taken before anything touches the memory, so that the first
    /// touch already gets them. Returns why it was refused, if it was.
    #[must_use]
    pub fn new(bytes: usize, huge_pages: bool) -> (Self, Option<String>) {
        // Bump rounds up and keeps a footer; two pages more than asked never fall short.
        let bump = Bump::with_capacity(bytes + HUGE_PAGE);
        let huge = huge_pages.then(|| whole_pages(&bump, bytes)).flatten();
        bump.set_allocation_limit(Some(bump.allocated_bytes()));
        let arena = Self { bump, huge };
        let refusal = arena.advise(MmapAdvise::MADV_HUGEPAGE);
        (arena, refusal)
    }

    /// What to allocate in.
    #[must_use]
    pub const fn bump(&self) -> &Bump {
        &self.bump
    }

    /// Leaves every page as it now is: to be called when all has been touched. The kernel would
    /// otherwise go on gathering small pages into huge ones, and whoever touches one meanwhile
    /// faults.
    pub fn settle(&self) {
        // A refusal leaves the arena as it was, which is slower at worst.
        let _refusal = self.advise(MmapAdvise::MADV_NOHUGEPAGE);
    }

    fn advise(&self, how: MmapAdvise) -> Option<String> {
        let (start, len) = self.huge?;
        // SAFETY: the range lies inside the chunk that the arena reserved (`bytes` below its
        // first allocation), and neither advice that we give changes any content of it.
        let advice = unsafe { madvise(start, len, how) };
        advice
            .err()
            .map(|error| format!("huge pages refused: {error}"))
    }
}

/// The part of the arena's chunk that whole huge pages can cover.
fn whole_pages(bump: &Bump, bytes: usize) -> Option<(NonNull<libc::c_void>, usize)> {
    // The arena hands out memory downwards, so its first allocation lies at the chunk's end.
    let end = std::ptr::from_ref(bump.alloc(0_u8)).addr();
    let first = (end - bytes).next_multiple_of(HUGE_PAGE);
    let last = end / HUGE_PAGE * HUGE_PAGE;
    let len = last.checked_sub(first).filter(|len| *len > 0)?;
    let start = NonNull::new(std::ptr::without_provenance_mut(first))?;
    Some((start, len))
}

/// Locks everything the process has and will have in memory. Returns why it was refused.
#[must_use]
pub fn lock() -> Option<String> {
    let outcome = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE);
    outcome
        .err()
        .map(|error| format!("memory lock refused: {error} (see `undertow doctor`)"))
}

/// Makes every page of the program present: of its code and its libraries', which would fault where
/// it runs for the first time, and of all memory that has been laid out and not been written yet.
/// Returns why it could not, if it could not.
#[must_use]
pub fn populate() -> Option<String> {
    let maps = match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => maps,
        Err(error) => return Some(format!("/proc/self/maps cannot be read: {error}")),
    };
    let refusals = maps.lines().filter_map(mapping).filter_map(present);
    // Every mapping has its try, whatever came of those before.
    refusals.reduce(|first, _| first)
}

/// A mapping, as a line of `/proc/self/maps` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    start: usize,
    end: usize,
    is_writable: bool,
}

/// The mapping of a line, if it is one of a file that can be read, or of memory that can be
/// written. What is neither is the kernel's own, or keeps others apart.
fn mapping(line: &str) -> Option<Mapping> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let access = fields.next()?;
    let is_of_file = fields.nth(3).is_some_and(|name| name.starts_with('/'));
    let is_writable = access.starts_with("rw");
    let mapping = Mapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        is_writable,
    };
    (is_writable || is_of_file && access.starts_with('r')).then_some(mapping)
}

fn present(mapping: Mapping) -> Option<String> {
    let start = NonNull::new(std::ptr::with_exposed_provenance_mut(mapping.start))?;
    let how = if mapping.is_writable {
        MmapAdvise::MADV_POPULATE_WRITE
    } else {
        MmapAdvise::MADV_POPULATE_READ
    };
    // SAFETY: populating reads or rewrites nothing: it only makes pages present. The range is a
    // mapping that the kernel has just named; were it gone meanwhile, the call would fail.
    let outcome = unsafe { madvise(start, mapping.end - mapping.start, how) };
    // No memory is what the kernel says of a mapping that has gone meanwhile.
    let error = outcome.err().filter(|error| *error != Errno::ENOMEM)?;
    Some(format!("pages of the program may fault: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Usage;

    #[test]
    fn files_that_can_be_read_and_memory_that_can_be_written_are_populated() {
        let text = "55a0-55b0 r-xp 00000000 fe:01 1234 /usr/bin/undertow";
        let data = "55b0-55c0 rw-p 00000000 fe:01 1234 /usr/bin/undertow";
        let heap = "55c0-55d0 rw-p 00000000 00:00 0 [heap]";
        let bare = "55d0-55e0 rw-p 00000000 00:00 0";
        let mapping_of = |start, end, is_writable| Mapping {
            start,
            end,
            is_writable,
        };
        assert_eq!(mapping(text), Some(mapping_of(0x55a0, 0x55b0, false)));
        assert_eq!(mapping(data), Some(mapping_of(0x55b0, 0x55c0, true)));
        assert_eq!(mapping(heap), Some(mapping_of(0x55c0, 0x55d0, true)));
        assert_eq!(mapping(bare), Some(mapping_of(0x55d0, 0x55e0, true)));
        let guard = "55e0-55f0 ---p 00000000 fe:01 1234 /usr/lib/libc.so.6";
        let kernel = "7ffc-7ffd r--p 00000000 00:00 0 [vvar]";
        for line in [guard, kernel, ""] {
            assert_eq!(mapping(line), None, "{line}");
        }
    }

    #[test]
    fn what_has_been_populated_does_not_fault() {
        // On a thread of its own, for faults are counted by thread.
        let faults = std::thread::spawn(|| {
            let mut laid_out = Vec::<u8>::with_capacity(16 << 20);
            assert_eq!(populate(), None);
            let before = Usage::of_thread();
            laid_out.resize(laid_out.capacity(), 1);
            std::hint::black_box(&laid_out);
            Usage::of_thread().since(before).page_faults
        });
        // The kernel may move a page meanwhile; without populating there are 4,096 of them.
        assert!(faults.join().unwrap() < 100);
    }

    #[test]
    fn arena_holds_what_was_asked_and_no_more() {
        for huge_pages in [false, true] {
            let (arena, _) = Arena::new(8 << 20, huge_pages);
            let bump = arena.bump();
            let slice = bump.try_alloc_slice_fill_copy(8 << 20, 7_u8).unwrap();
            arena.settle();
            assert!(slice.iter().all(|byte| *byte == 7));
            assert!(bump.try_alloc_slice_fill_copy(4 << 20, 0_u8).is_err());
        }
    }
}
