//! The session's memory: one arena, asked to lie on huge pages, and locked if so configured.
//!
//! Both are favours that the system may refuse; a refusal is reported, never fatal.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use bumpalo::Bump;
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

/// Maps the program's own pages, its libraries' included, so that code which runs for the first
/// time on a sealed thread does not fault. Returns why it could not, if it could not.
#[must_use]
pub fn map_program() -> Option<String> {
    let maps = match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => maps,
        Err(error) => return Some(format!("/proc/self/maps cannot be read: {error}")),
    };
    let refusals = maps.lines().filter_map(file_mapping).filter_map(populate);
    // Every mapping has its try, whatever came of those before.
    refusals.reduce(|first, _| first)
}

/// A mapping of a file, as a line of `/proc/self/maps` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileMapping {
    start: usize,
    end: usize,
    is_writable: bool,
}

/// The mapping of a line, if it is readable and of a file.
fn file_mapping(line: &str) -> Option<FileMapping> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let access = fields.next()?;
    let is_of_file = fields.nth(3)?.starts_with('/');
    if !is_of_file || !access.starts_with('r') {
        return None;
    }
    Some(FileMapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        is_writable: access.starts_with("rw"),
    })
}

fn populate(mapping: FileMapping) -> Option<String> {
    let start = NonNull::new(std::ptr::with_exposed_provenance_mut(mapping.start))?;
    let how = if mapping.is_writable {
        MmapAdvise::MADV_POPULATE_WRITE
    } else {
        MmapAdvise::MADV_POPULATE_READ
    };
    // SAFETY: populating reads or rewrites nothing: it only makes pages present. The range is a
    // mapping that the kernel has just named; were it gone meanwhile, the call would fail.
    let outcome = unsafe { madvise(start, mapping.end - mapping.start, how) };
    let error = outcome.err()?;
    Some(format!("the program's own pages may fault: {error}"))
}

/// Touches as much of the current thread's stack as its work may need.
#[inline(never)]
pub fn touch_stack() {
    const WORK: usize = 128 << 10;
    std::hint::black_box(&mut [0_u8; WORK]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_readable_mappings_of_files_are_mapped() {
        let text = "55a0-55b0 r-xp 00000000 fe:01 1234 /usr/bin/undertow";
        let data = "55b0-55c0 rw-p 00000000 fe:01 1234 /usr/bin/undertow";
        let guard = "55c0-55d0 ---p 00000000 fe:01 1234 /usr/lib/libc.so.6";
        let heap = "55d0-55e0 rw-p 00000000 00:00 0 [heap]";
        let bare = "55d0-55e0 rw-p 00000000 00:00 0";
        let mapping = |start, end, is_writable| FileMapping {
            start,
            end,
            is_writable,
        };
        assert_eq!(file_mapping(text), Some(mapping(0x55a0, 0x55b0, false)));
        assert_eq!(file_mapping(data), Some(mapping(0x55b0, 0x55c0, true)));
        for line in [guard, heap, bare, ""] {
            assert_eq!(file_mapping(line), None, "{line}");
        }
        assert_eq!(map_program(), None);
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
