//! A queue of small values that is mostly emptied before it is filled again.

use alloc::vec::Vec;

/// First in, first out. A `VecDeque` takes its values by reference on a call of its own, which for an id that was just
/// put together is a stall of a dozen cycles; this one is a `Vec` and a place in it.
#[derive(Debug)]
pub(crate) struct Fifo<T: Copy> {
    values: Vec<T>,
    /// Where the oldest value is.
    next: usize,
}

impl<T: Copy> Default for Fifo<T> {
    fn default() -> Fifo<T> {
        Fifo { values: Vec::new(), next: 0 }
    }
}

impl<T: Copy> Fifo<T> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        if self.values.len() == self.values.capacity() {
            self.make_room();
        }
        self.values.push(value);
    }

    /// The oldest value.
    #[inline]
    pub(crate) fn front(&self) -> Option<T> {
        self.values.get(self.next).copied()
    }

    /// The value behind `index` others.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<T> {
        self.values.get(self.next + index).copied()
    }

    /// Takes the oldest value.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let value = self.front()?;
        self.next += 1;
        if self.next == self.values.len() {
            self.values.clear();
            self.next = 0;
        }
        Some(value)
    }

    /// Moves what is left to the start where at least half was taken, so that each value is moved once. Otherwise it grows.
    #[cold]
    fn make_room(&mut self) {
        if self.next > self.values.len() / 2 {
            self.values.drain(..self.next);
            self.next = 0;
        } else {
            self.values.reserve(1);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.next = 0;
    }

    /// What waits, oldest first.
    pub(crate) fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.values[self.next..].iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() - self.next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
