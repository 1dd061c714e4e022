//! First in, first out, in room that is laid out at construction.
//!
//! An empty one begins anew where it began before: those places are in the near caches, and the next
//! ones are not. A standard `VecDeque` goes on through all of its room instead.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::repeat_with;

/// See the module.
#[derive(Debug)]
pub struct Fifo<T> {
    /// A power of two of places.
    places: Box<[Option<T>]>,
    first: usize,
    len: usize,
}

impl<T> Fifo<T> {
    /// Room for so many and more. Every place is written once, so that no page is missing later.
    #[must_use]
    pub fn new(room: usize) -> Self {
        let places = room.max(1).next_power_of_two();
        Self {
            places: repeat_with(|| None).take(places).collect(),
            first: 0,
            len: 0,
        }
    }

    /// How many wait.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts one behind the others. Without a place left the room doubles, which allocates: nothing is
    /// lost by whoever has reckoned wrongly.
    #[inline]
    pub fn push(&mut self, item: T) {
        *self.next_place() = Some(item);
    }

    /// The place of one that is put in now, for whoever makes it there: a large one is costly to copy.
    /// It must be filled.
    #[inline]
    pub fn next_place(&mut self) -> &mut Option<T> {
        if self.len == self.places.len() {
            self.grow();
        }
        let at = self.place(self.len);
        self.len += 1;
        &mut self.places[at]
    }

    #[cold]
    fn grow(&mut self) {
        let room = 2 * self.places.len();
        let mut places = Vec::with_capacity(room);
        places.extend((0..self.len).map(|nth| self.places[self.place(nth)].take()));
        places.resize_with(room, || None);
        self.places = places.into_boxed_slice();
        self.first = 0;
    }

    /// The one that has waited longest.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        // A place that nobody has is empty.
        self.places[self.first].as_ref()
    }

    /// Takes the one that has waited longest.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let item = self.places[self.first].take()?;
        self.len -= 1;
        self.first = if self.len == 0 { 0 } else { self.place(1) };
        Some(item)
    }

    /// All that wait, the one that has waited longest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let waiting = (0..self.len).map(|nth| &self.places[self.place(nth)]);
        waiting.flatten()
    }

    /// The same, to be changed, in no order that is promised.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }

    /// Calls for the memory of the next one that is put in.
    pub fn call_for_next(&self) {
        crate::prefetch::whole(&self.places[self.place(self.len)]);
    }

    #[inline]
    const fn place(&self, nth: usize) -> usize {
        (self.first + nth) & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue(room in 0..9_usize, steps in prop::collection::vec(any::<Option<u16>>(), 0..200)) {
            let (mut fifo, mut twin) = (Fifo::new(room), VecDeque::new());
            for step in steps {
                match step {
                    Some(item) => {
                        fifo.push(item);
                        twin.push_back(item);
                    }
                    None => prop_assert_eq!(fifo.pop(), twin.pop_front()),
                }
                fifo.call_for_next();
                prop_assert_eq!(fifo.front(), twin.front());
                prop_assert_eq!((fifo.len(), fifo.is_empty()), (twin.len(), twin.is_empty()));
                prop_assert_eq!(fifo.iter().collect::<Vec<_>>(), twin.iter().collect::<Vec<_>>());
                let mut all: Vec<_> = fifo.iter_mut().map(|item| *item).collect();
                all.sort_unstable();
                let mut twins: Vec<_> = twin.iter().copied().collect();
                twins.sort_unstable();
                prop_assert_eq!(all, twins);
            }
        }
    }

    #[test]
    fn an_empty_one_begins_anew() {
        let mut fifo = Fifo::new(4);
        for item in 0..9 {
            fifo.push(item);
            assert_eq!((fifo.first, fifo.pop()), (0, Some(item)));
        }
    }
}
