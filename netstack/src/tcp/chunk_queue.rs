//! Chunks in order, for the queues of a connection.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::iter;

use corelane_nic::Chunk;

/// A queue of chunks whose first one lies in the connection's own record: most connections never hold a second, and
/// so need no memory beside it, nor a look there.
#[derive(Default)]
pub(crate) struct ChunkQueue {
    /// `None` only when the queue is empty.
    first: Option<Chunk>,
    /// Kept for its memory once it was needed, until the connection's timers rest.
    #[expect(
        clippy::box_collection,
        reason = "three words less in each connection, for two queues that are mostly without it"
    )]
    rest: Option<Box<VecDeque<Chunk>>>,
}

impl ChunkQueue {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    // Always inline: a chunk that goes through memory to a call is still being stored when it is read there.
    #[inline(always)]
    pub(crate) fn push_back(&mut self, chunk: Chunk) {
        if self.first.is_none() {
            self.first = Some(chunk);
        } else {
            self.push_rest(chunk);
        }
    }

    #[inline(never)]
    fn push_rest(&mut self, chunk: Chunk) {
        self.rest.get_or_insert_default().push_back(chunk);
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<Chunk> {
        let first = self.first.take()?;
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
        }
        Some(first)
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut Chunk> {
        self.first.as_mut()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Chunk> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.rest.as_ref()?.get(index),
        }
    }

    /// Whether something is kept for later chunks.
    #[inline]
    pub(crate) fn keeps_memory(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.is_empty())
    }

    /// Gives that back.
    pub(crate) fn release_memory(&mut self) {
        if self.keeps_memory() {
            self.rest = None;
        }
    }

    /// Bytes beside the record.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        let of = |rest: &VecDeque<Chunk>| size_of_val(rest) + rest.capacity() * size_of::<Chunk>();
        self.rest.as_deref().map_or(0, of)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Chunk> {
        iter::chain(&self.first, self.rest.iter().flat_map(|rest| rest.iter()))
    }
}

#[cfg(test)]
mod tests;
