//! The session's memory: one arena, asked to lie on huge pages, and locked if so configured.
//!
//! Both are favours that the system may refuse; a refusal is reported, never fatal.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use bumpalo::Bump;
use nix::sys::mman::{MlockAllFlags, MmapAdvise, madvise, mlockall};

/// Size of a huge page on the machines we run on.
const HUGE_PAGE: usize = 2 << 20;

/// An arena of `bytes`, with that as its hard limit.
///
/// The advice about huge pages is taken before anything touches the memory, so that the first
/// touch already gets them. Returns why it was refused, if it was.
#[must_use]
pub fn arena(bytes: usize, huge_pages: bool) -> (Bump, Option<String>) {
    // Bump rounds up and keeps a footer; two pages more than asked never fall short.
    let arena = Bump::with_capacity(bytes + HUGE_PAGE);
    let refusal = if huge_pages {
        advise_huge(&arena, bytes)
    } else {
        None
    };
    arena.set_allocation_limit(Some(arena.allocated_bytes()));
    (arena, refusal)
}

fn advise_huge(arena: &Bump, bytes: usize) -> Option<String> {
    // The arena hands out memory downwards, so its first allocation lies at the chunk's end.
    let end = std::ptr::from_ref(arena.alloc(0_u8)).addr();
    let first = (end - bytes).next_multiple_of(HUGE_PAGE);
    let last = end / HUGE_PAGE * HUGE_PAGE;
    let len = last.checked_sub(first).filter(|len| *len > 0)?;
    let start = NonNull::new(std::ptr::without_provenance_mut(first))?;
    // SAFETY: the range lies inside the chunk that the arena has just reserved (`bytes` below
    // its first allocation), and this advice changes no content of it.
    let advice = unsafe { madvise(start, len, MmapAdvise::MADV_HUGEPAGE) };
    advice
        .err()
        .map(|error| format!("huge pages refused: {error}"))
}

/// Locks everything the process has and will have in memory. Returns why it was refused.
#[must_use]
pub fn lock() -> Option<String> {
    let outcome = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE);
    outcome
        .err()
        .map(|error| format!("memory lock refused: {error} (see `undertow doctor`)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arena_holds_what_was_asked_and_no_more() {
        for huge_pages in [false, true] {
            let (arena, _) = arena(8 << 20, huge_pages);
            let slice = arena.try_alloc_slice_fill_copy(8 << 20, 7_u8).unwrap();
            assert!(slice.iter().all(|byte| *byte == 7));
            assert!(arena.try_alloc_slice_fill_copy(4 << 20, 0_u8).is_err());
        }
    }
}
