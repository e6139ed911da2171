//! Slots with generations: what a handle names.

use slab::Slab;

/// As [`corelane_netstack::SocketId`] and `ListenerId`, which both are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// Generations leave the highest bit free, for [`Token`](super::Token).
const GENERATIONS: u32 = 0x7fff_ffff;

/// Values by key. The key of a value that was removed never names another one, until two thousand million were inserted.
pub(super) struct Table<T> {
    entries: Slab<(u32, T)>,
    generation: u32,
}

impl<T> Table<T> {
    pub(super) fn new() -> Table<T> {
        Table { entries: Slab::new(), generation: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        self.generation = (self.generation + 1) & GENERATIONS;
        let slot = self.entries.insert((self.generation, value));
        Key { slot: slot as u32, generation: self.generation } // the process has fewer descriptors than u32::MAX
    }

    /// The key that [`Table::insert`] gives next: the kernel wants it together with the descriptor.
    pub(super) fn next_key(&self) -> Key {
        Key { slot: self.entries.vacant_key() as u32, generation: (self.generation + 1) & GENERATIONS }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.entries.get_mut(key.slot as usize)?;
        (*generation == key.generation).then_some(value)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let (generation, value) = self.entries.get(key.slot as usize)?;
        (*generation == key.generation).then_some(value)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.entries.remove(key.slot as usize).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries
            .iter()
            .map(|(slot, (generation, value))| (Key { slot: slot as u32, generation: *generation }, value))
    }

    /// Takes all values out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.entries.drain().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests;
