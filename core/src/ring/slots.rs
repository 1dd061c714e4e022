//! The memory of a link: slots that say themselves whether they are filled.
//!
//! A ring that tells its reader by an index makes it wait twice, for the line of the index and
//! then for those of the slot. Here the slot ends in the number of the message that it holds. A
//! reader waits for that alone, and a message that fits a line comes with it.
//!
//! Both ends count positions from 0. The slot of position `p` is `p` modulo the slots, and it is
//! filled once its turn is `p + 1`. Whose a slot is, writer's or reader's, follows from two
//! numbers that only grow: its turn, which the writer raises, and `taken`, which the reader does.
//! `tests/ring_model.rs` goes through every order in which the two may see each other's steps.
#![allow(unsafe_code)]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use sync::{AtomicBool, AtomicUsize, Ordering, UnsafeCell};

#[cfg(loom)]
mod sync {
    pub(super) use loom::cell::UnsafeCell;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
}

#[cfg(not(loom))]
mod sync {
    pub(super) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A cell with the two accesses that the model checker watches.
    pub(super) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(super) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        #[inline(always)]
        pub(super) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

/// The turn stands behind the value, so that the line which the reader watches is written last.
#[repr(C, align(64))]
struct Slot<T> {
    value: UnsafeCell<T>,
    turn: AtomicUsize,
}

/// What one end writes and the other reads now and then, apart from all else: two lines, for
/// processors fetch them in pairs.
#[repr(align(128))]
struct End {
    /// The position after the last one that this end is done with.
    position: AtomicUsize,
    is_gone: AtomicBool,
}

impl End {
    fn new() -> Self {
        Self {
            position: AtomicUsize::new(0),
            is_gone: AtomicBool::new(false),
        }
    }
}

struct Shared<T> {
    /// A power of two of them, `depth` at least.
    slots: Vec<Slot<T>>,
    /// Most messages that may wait.
    depth: usize,
    writer: End,
    reader: End,
}

// SAFETY: values are the only thing that is not atomic. The writer writes one only while it is
// the writer's and the reader reads one only while it is the reader's, and each hands it over by
// a store that the other has acquired; so they are sent, never shared.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    #[inline(always)]
    fn slot(&self, position: usize) -> &Slot<T> {
        &self.slots[position & (self.slots.len() - 1)]
    }
}

/// Makes a ring that holds `depth` values, of `blank` ones: all of its memory is written here, so
/// that its pages are there before the first message.
pub(super) fn slots<T: Copy>(depth: usize, blank: T) -> (Producer<T>, Consumer<T>) {
    let slot = |_| Slot {
        value: UnsafeCell::new(blank),
        turn: AtomicUsize::new(0),
    };
    let shared = Arc::new(Shared {
        slots: (0..depth.max(1).next_power_of_two()).map(slot).collect(),
        depth,
        writer: End::new(),
        reader: End::new(),
    });
    let producer = Producer {
        shared: Arc::clone(&shared),
        position: 0,
        room: depth,
    };
    let consumer = Consumer {
        shared,
        position: 0,
    };
    (producer, consumer)
}

/// The writing end.
pub(super) struct Producer<T> {
    shared: Arc<Shared<T>>,
    /// Of the next value.
    position: usize,
    /// How many values fit as far as was seen; the reader may have made more room since.
    room: usize,
}

impl<T> Producer<T> {
    /// How many values fit as far as was seen.
    #[inline(always)]
    pub(super) const fn room_seen(&self) -> usize {
        self.room
    }

    /// How many values fit: asks the other end, which costs a cache miss.
    #[inline]
    pub(super) fn room(&mut self) -> usize {
        // Acquired, for what was read must have been read before it is written again.
        let taken = self.shared.reader.position.load(Ordering::Acquire);
        self.room = self.shared.depth - self.position.wrapping_sub(taken);
        self.room
    }

    /// Whether the reading end is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.shared.reader.is_gone.load(Ordering::Acquire)
    }
}

impl<T: Copy> Producer<T> {
    /// Lets `write` write a value over an old one where it will lie, if it fits, and says whether
    /// it does.
    #[inline(always)]
    #[must_use]
    pub(super) fn push(&mut self, write: impl FnOnce(&mut T)) -> bool {
        if self.room == 0 && self.room() == 0 {
            return false;
        }
        let Self {
            shared, position, ..
        } = self;
        let slot = shared.slot(*position);
        // SAFETY: there is room, so the reader is done with the value that lay here a lap ago, and
        // was seen to be; it does not look at the slot again before the turn is stored below. This
        // is the only writer, for it is borrowed mutably and not `Clone`.
        slot.value.with_mut(|place| write(unsafe { &mut *place }));
        *position = position.wrapping_add(1);
        // Before the turn, so that who has seen the turn sees this too.
        shared.writer.position.store(*position, Ordering::Relaxed);
        slot.turn.store(*position, Ordering::Release);
        self.room -= 1;
        true
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        // Released: who sees it sees all that was written.
        self.shared.writer.is_gone.store(true, Ordering::Release);
    }
}

/// The reading end.
pub(super) struct Consumer<T> {
    shared: Arc<Shared<T>>,
    /// Of the next value.
    position: usize,
}

impl<T> Consumer<T> {
    /// Hands the next value to `read` where it lies, if there is one now, and gives its slot back
    /// afterwards.
    #[inline(always)]
    pub(super) fn take<R>(&mut self, read: impl FnOnce(&T) -> R) -> Option<R> {
        let Self { shared, position } = self;
        let slot = shared.slot(*position);
        let next = position.wrapping_add(1);
        if slot.turn.load(Ordering::Acquire) != next {
            return None;
        }
        // SAFETY: the turn says that the value of this position is written, and it was acquired.
        // The writer comes back to the slot only after the store below, which follows `read`, and
        // the reference that `read` gets cannot outlive it.
        let result = slot.value.with(|value| read(unsafe { &*value }));
        *position = next;
        shared.reader.position.store(next, Ordering::Release);
        Some(result)
    }

    /// How many values wait, or are about to.
    pub(super) fn backlog(&self) -> usize {
        let written = self.shared.writer.position.load(Ordering::Relaxed);
        written.wrapping_sub(self.position)
    }

    /// Whether the writing end is gone and everything it wrote has been taken. The order matters:
    /// what was written before it went must still be read.
    pub(super) fn is_finished(&self) -> bool {
        self.shared.writer.is_gone.load(Ordering::Acquire) && self.backlog() == 0
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.reader.is_gone.store(true, Ordering::Release);
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, room, .. } = self;
        write!(f, "Producer at {position}, room for {room}")
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consumer at {}", self.position)
    }
}
