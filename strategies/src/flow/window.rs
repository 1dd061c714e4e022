//! The last so many values, in memory that is laid out once.

use alloc::boxed::Box;
use core::iter::repeat_n;

/// A ring of fixed capacity: a new value takes the place of the oldest.
#[derive(Clone, Debug)]
pub struct Window<T> {
    values: Box<[T]>,
    /// Where the next value goes.
    head: usize,
    len: usize,
}

impl<T: Copy + Default> Window<T> {
    /// An empty window of at least one place.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            // Written value by value, so that no page of it is missing later.
            values: repeat_n(T::default(), capacity.max(1)).collect(),
            head: 0,
            len: 0,
        }
    }

    /// Adds a value and returns the one that it displaced.
    #[inline]
    pub fn push(&mut self, value: T) -> Option<T> {
        let displaced = core::mem::replace(&mut self.values[self.head], value);
        self.head += 1;
        if self.head == self.values.len() {
            self.head = 0;
        }
        if self.is_full() {
            return Some(displaced);
        }
        self.len += 1;
        None
    }

    /// Takes the oldest value out.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let oldest = *self.back(self.len.checked_sub(1)?)?;
        self.len -= 1;
        Some(oldest)
    }

    /// The value `age` places before the newest, which is at 0.
    #[inline]
    #[must_use]
    pub fn back(&self, age: usize) -> Option<&T> {
        Some(&self.values[self.place(age)?])
    }

    /// The same, to be changed.
    #[inline]
    pub fn back_mut(&mut self, age: usize) -> Option<&mut T> {
        let place = self.place(age)?;
        Some(&mut self.values[place])
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// How many values there can be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the next value displaces one.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len == self.values.len()
    }

    /// Forgets all values.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// From the oldest to the newest.
    pub fn iter(&self) -> impl Iterator<Item = T> + Clone + '_ {
        (0..self.len)
            .rev()
            .filter_map(|age| self.back(age).copied())
    }

    #[inline]
    const fn place(&self, age: usize) -> Option<usize> {
        if age >= self.len {
            return None;
        }
        let back = age + 1;
        Some(if back <= self.head {
            self.head - back
        } else {
            self.values.len() + self.head - back
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn oldest_value_gives_way_to_a_new_one() {
        let mut window = Window::new(3);
        assert_eq!([1, 2, 3].map(|value| window.push(value)), [None; 3]);
        assert_eq!(window.push(4), Some(1));
        assert_eq!(window.iter().collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!((window.back(0), window.back(2)), (Some(&4), Some(&2)));
        assert_eq!(window.back(3), None);
        assert_eq!((window.pop(), window.len()), (Some(2), 2));
        assert_eq!(window.push(5), None);
        assert_eq!(window.iter().collect::<Vec<_>>(), [3, 4, 5]);
        window.clear();
        assert_eq!((window.pop(), window.is_empty()), (None, true));
    }
}
