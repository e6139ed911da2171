//! Who may be ready, in the order in which that was heard.

use slab::Slab;

use super::ready::Registration;

/// The place of who was taken out.
const NONE: u32 = u32::MAX;

/// The keys of registrations, first in, first out. Each knows its place, so that taking it out of the middle costs no search: it leaves
/// a hole, which is passed over.
#[derive(Default)]
pub(super) struct ReadyList {
    keys: Vec<u32>,
    /// How many of the keys were popped.
    popped: usize,
    /// The place of the first of the keys; places are counted on, modulo 2^32.
    first: u32,
    /// Keys that are no holes and were not popped.
    len: usize,
}

impl ReadyList {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether [`ReadyList::make_room`] must come before the next `push`.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.keys.len() == self.keys.capacity()
    }

    /// Puts a registration that is not in a list at the end, where there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, registration: &mut Registration, key: u32) {
        registration.place = Some(self.first.wrapping_add(self.keys.len() as u32)); // as many as there are sockets, which are u32
        self.keys.push(key);
        self.len += 1;
    }

    /// Takes out the first.
    #[inline(always)]
    pub(super) fn pop<'a>(&mut self, all: &'a mut Slab<Registration>) -> Option<(u32, &'a mut Registration)> {
        if self.len == 0 {
            return None;
        }
        loop {
            let key = *self.keys.get(self.popped)?;
            self.popped += 1;
            if key != NONE {
                self.shorten();
                let registration = all.get_mut(key as usize)?;
                registration.place = None;
                return Some((key, registration));
            }
        }
    }

    /// Takes out the one at `place`.
    pub(super) fn remove(&mut self, place: u32) {
        if let Some(key) = self.keys.get_mut(place.wrapping_sub(self.first) as usize) {
            *key = NONE;
            self.shorten();
        }
    }

    /// There is one less.
    #[inline(always)]
    fn shorten(&mut self) {
        self.len -= 1;
        if self.len == 0 {
            self.first = self.first.wrapping_add(self.keys.len() as u32); // as above
            self.keys.clear();
            self.popped = 0;
        }
    }

    /// Closes the holes where at least half are such, so that each key is moved once. Otherwise it grows.
    #[cold]
    pub(super) fn make_room(&mut self, all: &mut Slab<Registration>) {
        if self.len > self.keys.len() / 2 {
            self.keys.reserve(1);
            return;
        }
        self.keys.drain(..std::mem::take(&mut self.popped));
        self.keys.retain(|key| *key != NONE);
        for (index, key) in self.keys.iter().enumerate() {
            if let Some(registration) = all.get_mut(*key as usize) {
                registration.place = Some(self.first.wrapping_add(index as u32)); // as in `push`
            }
        }
    }
}

#[cfg(test)]
mod tests;
