//! Numbered slots with generations, in pages that never move.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::offset_of;

const PAGE: usize = 256;

/// Names an entry of an [`Arena`]; after the entry is gone it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    slot: u32,
    generation: u32,
}

impl Id {
    pub(crate) const fn from_parts(slot: u32, generation: u32) -> Id {
        Id { slot, generation }
    }

    pub(crate) const fn slot(self) -> u32 {
        self.slot
    }

    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }
}

/// Entries that take whole cache lines, so that a look at one touches no other's.
#[repr(align(64))]
pub(crate) struct Lines;

/// Entries of half a cache line: two lie in one, but none in two.
#[repr(align(32))]
pub(crate) struct Halves;

/// `A` is its alignment. Each look needs the generation and the begin of the value.
#[repr(C)]
struct Entry<T, A> {
    _align: [A; 0],
    generation: u32,
    value: Option<T>,
}

/// Entries at stable places. It grows by a page at a time, so that a million connections never cost one large copy
/// (a `slab` moves all entries when its vector grows), and its ids carry a generation.
pub(crate) struct Arena<T, A = Lines> {
    pages: Vec<Box<[Entry<T, A>; PAGE]>>,
    free: Vec<u32>,
    len: usize,
}

fn empty_page<T, A>() -> Box<[Entry<T, A>; PAGE]> {
    let entries: Vec<_> = (0..PAGE).map(|_| Entry { _align: [], generation: 0, value: None }).collect();
    match entries.into_boxed_slice().try_into() {
        Ok(page) => page,
        Err(_) => unreachable!("it was made with PAGE entries"),
    }
}

impl<T, A> Arena<T, A> {
    /// Bytes that an entry takes.
    pub(crate) const ENTRY: usize = size_of::<Entry<T, A>>();

    pub(crate) const fn new() -> Arena<T, A> {
        Arena { pages: Vec::new(), free: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts in a value made from its id.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Id) -> T) -> Id {
        if self.free.is_empty() {
            let first = (self.pages.len() * PAGE) as u32; // pages of live entries stay far below u32::MAX
            self.pages.push(empty_page());
            self.free.extend((first..first + PAGE as u32).rev());
        }
        let slot = self.free.pop().unwrap_or_default(); // just filled
        let entry = &mut self.pages[slot as usize / PAGE][slot as usize % PAGE];
        let id = Id { slot, generation: entry.generation };
        entry.value = Some(make(id));
        self.len += 1;
        id
    }

    fn entry(&self, id: Id) -> Option<&Entry<T, A>> {
        let entry = &self.pages.get(id.slot as usize / PAGE)?[id.slot as usize % PAGE];
        (entry.generation == id.generation).then_some(entry)
    }

    /// Brings the entry near, whoever is in it.
    #[inline]
    pub(crate) fn prefetch(&self, id: Id) {
        self.prefetch_lines(id, u32::MAX);
    }

    /// As [`prefetch`](Self::prefetch), of those of its cache lines alone whose bit is set.
    #[inline]
    pub(crate) fn prefetch_lines(&self, id: Id, lines: u32) {
        if let Some(page) = self.pages.get(id.slot as usize / PAGE) {
            corelane_nic::prefetch_lines(&page[id.slot as usize % PAGE], lines);
        }
    }

    /// Where the value begins in the entry.
    pub(crate) const VALUE_AT: usize = offset_of!(Entry<T, A>, value);

    #[inline]
    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        self.entry(id)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let entry = &mut self.pages.get_mut(id.slot as usize / PAGE)?[id.slot as usize % PAGE];
        if entry.generation == id.generation { entry.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let entry = &mut self.pages.get_mut(id.slot as usize / PAGE)?[id.slot as usize % PAGE];
        if entry.generation != id.generation {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(id.slot);
        self.len -= 1;
        Some(value)
    }

    /// All entries; for shutting down and for listings, never on the data path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.pages.iter().flat_map(|page| page.iter()).enumerate().filter_map(|(slot, entry)| {
            let id = Id { slot: slot as u32, generation: entry.generation }; // as in insert_with
            entry.value.as_ref().map(|value| (id, value))
        })
    }
}
