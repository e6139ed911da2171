use std::collections::VecDeque;

use corelane_netstack::SocketId;
use proptest::prelude::*;

use super::*;
use crate::poll::ready::{Watched, registration};

/// A list, and what it must hold, in order.
struct Bed {
    all: Slab<Registration>,
    list: ReadyList,
    model: VecDeque<u32>,
}

impl Bed {
    fn new(count: u32) -> Bed {
        let mut all = Slab::new();
        for slot in 0..count {
            all.insert(registration(Watched::Socket(SocketId::from_parts(slot, 0))));
        }
        Bed { all, list: ReadyList::default(), model: VecDeque::new() }
    }

    fn push(&mut self, key: u32) {
        if self.all[key as usize].place.is_none() {
            if self.list.is_full() {
                self.list.make_room(&mut self.all);
            }
            self.list.push(&mut self.all[key as usize], key);
            self.model.push_back(key);
        }
    }

    fn remove(&mut self, key: u32) {
        if let Some(place) = self.all[key as usize].place.take() {
            self.list.remove(place);
            self.model.retain(|other| *other != key);
        }
    }

    fn pop(&mut self) {
        let popped = self.list.pop(&mut self.all).map(|(key, registration)| {
            assert_eq!(registration.place, None);
            key
        });
        assert_eq!(popped, self.model.pop_front());
    }

    fn check(&self) {
        assert_eq!(self.list.len(), self.model.len());
        for (key, registration) in &self.all {
            assert_eq!(registration.place.is_some(), self.model.contains(&(key as u32)));
        }
        // Holes take no more memory than what is in there does, but for a little.
        assert!(self.list.keys.capacity() <= (4 * self.all.len()).max(8), "{}", self.list.keys.capacity());
    }
}

proptest! {
    #[test]
    fn it_is_a_queue_that_can_be_left(
        first in prop_oneof![Just(0), Just(u32::MAX - 3), any::<u32>()],
        steps in prop::collection::vec((0..3_u8, 0..10_u32), 0..400),
    ) {
        let mut bed = Bed::new(10);
        bed.list.first = first;
        for (kind, key) in steps {
            match kind {
                0 => bed.push(key),
                1 => bed.remove(key),
                _ => bed.pop(),
            }
            bed.check();
        }
        while !bed.model.is_empty() {
            bed.pop();
        }
        bed.check();
    }
}

#[test]
fn who_comes_and_goes_leaves_no_memory_behind() {
    let mut bed = Bed::new(3);
    bed.push(0);
    for _ in 0..100_000 {
        bed.push(1);
        bed.push(2);
        bed.remove(1);
        bed.remove(2);
    }
    bed.check();
    bed.pop();
    assert_eq!(bed.list.keys.len(), 0);
}
