//! The sealed thread: an allocator that counts what a sealed thread allocates.
//!
//! A hot tile lays out all its state, seals its thread, and from then on every allocation or
//! release on that thread is counted. Counting, not refusing: a hot thread must not die of a
//! stray allocation while orders work, but a gate and a test fail on any count above zero.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Constant and without a destructor, so that reading it never allocates.
    static SEALED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator, counting on sealed threads.
struct Counting;

impl Counting {
    fn note() {
        // A thread that is being torn down has no cell left and is not hot any more.
        let sealed = SEALED.try_with(Cell::get).unwrap_or(false);
        if sealed {
            let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        }
    }
}

// SAFETY: every call goes to the system's allocator with the caller's own arguments, so its
// guarantees are the system's; counting touches only constant-initialised thread-local cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::note();
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Seals the current thread until dropped.
#[derive(Debug)]
pub struct Seal {
    start: u64,
}

impl Seal {
    /// Seals the current thread.
    #[must_use]
    pub fn new() -> Self {
        SEALED.set(true);
        Self { start: COUNT.get() }
    }

    /// Allocations and releases on this thread since it was sealed.
    #[must_use]
    pub fn count(&self) -> u64 {
        COUNT.get() - self.start
    }
}

impl Default for Seal {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        SEALED.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_thread_counts_allocation_and_release() {
        let seal = Seal::new();
        assert_eq!(seal.count(), 0);
        let boxed = std::hint::black_box(Box::new(7_u64));
        assert_eq!(seal.count(), 1);
        drop(boxed);
        assert_eq!(seal.count(), 2);
        let mut grown = std::hint::black_box(Vec::with_capacity(1));
        grown.extend(0..1000_u32);
        assert!(seal.count() >= 4);
    }

    #[test]
    fn other_threads_and_unsealed_time_do_not_count() {
        let seal = Seal::new();
        drop(seal);
        let before = COUNT.get();
        drop(std::hint::black_box(vec![1_u8; 64]));
        assert_eq!(COUNT.get(), before);
        let seal = Seal::new();
        let handle = {
            // Spawning allocates here, so the count is taken around the other thread's work only.
            std::thread::spawn(|| drop(std::hint::black_box(vec![1_u8; 64])))
        };
        let after_spawn = seal.count();
        while !handle.is_finished() {
            std::hint::spin_loop();
        }
        assert_eq!(seal.count(), after_spawn);
    }
}
