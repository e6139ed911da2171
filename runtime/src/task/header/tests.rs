//! loom runs each model in all orders that the threads can take.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::thread;

use super::{RemoteWake, TaskKey};
use crate::core::parts::Queue;
use crate::core::parts::tests::{LockedQueue, model};

#[test]
fn a_key_is_two_halves_of_a_word() {
    let last = TaskKey::new(7, u32::MAX);
    assert_eq!((last.slot(), last.next()), (7, TaskKey::new(7, 0)));
    assert_eq!((TaskKey::new(0, 1).slot(), TaskKey::new(0, 1).next()), (0, TaskKey::new(0, 2)));
    assert_eq!(TaskKey::NONE.slot(), u32::MAX);
}

#[test]
fn loom_a_poll_after_the_last_wake_sees_what_was_said_before_it() {
    model(3, || {
        let wakes = Arc::new(RemoteWake::<AtomicBool>::default());
        let (mail, said) = (Arc::new(LockedQueue::<()>::default()), Arc::new(AtomicU32::new(0)));
        let threads = [1, 2].map(|word| {
            let (wakes, mail, said) = (wakes.clone(), mail.clone(), said.clone());
            thread::spawn(move || {
                // Relaxed: that it is seen behind the wake is for the wake to see to.
                said.fetch_add(word, Ordering::Relaxed);
                if wakes.is_first() {
                    mail.push(());
                }
            })
        });
        let mut seen = 0;
        let mut polls = 0;
        while seen != 3 {
            if mail.pop().is_some() {
                wakes.arrived();
                seen = said.load(Ordering::Relaxed);
                polls += 1;
                assert!(polls <= 2, "each was sent once at most");
            } else {
                thread::yield_now();
            }
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
