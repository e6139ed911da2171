//! loom runs each model in all orders that the threads can take, up to the number of preemptions that is told; what a
//! lost wake-up leaves behind is a thread that sleeps for ever, and loom says so.

use std::sync::Arc as StdArc;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::Letterbox;
use crate::core::parts::tests::{Counter, Loom, model};

type Box<T> = Letterbox<T, Loom>;

fn letterbox<T>() -> Arc<Box<T>> {
    Arc::new(Letterbox::new(Counter::default()))
}

impl<T> Box<T> {
    /// Sleeps until somebody rings, unless something has come.
    pub(crate) fn sleep(&self) {
        if self.prepare_sleep() {
            self.bell.wait();
            self.finish_sleep();
        }
    }
}

/// What a worker does with its box, turn for turn, until `done`.
fn work<T>(letters: &Box<T>, mut done: impl FnMut(Option<T>) -> bool) {
    loop {
        if letters.is_pending() {
            letters.clear_pending();
            while let Some(letter) = letters.pop() {
                if done(Some(letter)) {
                    return;
                }
            }
        }
        if done(None) {
            return;
        }
        letters.sleep();
    }
}

#[test]
fn loom_a_message_wakes_whoever_is_about_to_sleep() {
    model(5, || {
        let letters = letterbox();
        let sender = letters.clone();
        let thread = thread::spawn(move || sender.push(7));
        let mut got = 0;
        work(&letters, |letter| letter.is_some_and(|letter| (got = letter, true).1));
        assert_eq!(got, 7);
        thread.join().unwrap();
    });
}

#[test]
fn loom_all_messages_of_two_senders_arrive() {
    model(2, || {
        let letters = letterbox();
        let senders = [1, 2].map(|n| {
            let sender = letters.clone();
            thread::spawn(move || sender.push(n))
        });
        let mut sum = 0;
        work(&letters, |letter| {
            sum += letter.unwrap_or(0);
            sum == 3
        });
        for thread in senders {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_a_message_after_a_sleep_wakes_again() {
    model(3, || {
        let letters = letterbox();
        let sender = letters.clone();
        let thread = thread::spawn(move || (1..=2).for_each(|n| sender.push(n)));
        let mut last = 0;
        work(&letters, |letter| {
            if let Some(letter) = letter {
                assert_eq!(letter, last + 1, "a sender's messages stay in order");
                last = letter;
            }
            last == 2
        });
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_nudge_is_seen_without_a_message() {
    model(5, || {
        let letters = letterbox::<()>();
        let frame = Arc::new(AtomicBool::new(false));
        let (sender, sent) = (letters.clone(), frame.clone());
        let thread = thread::spawn(move || {
            sent.store(true, Ordering::Release);
            sender.nudge();
        });
        // Relaxed: that what was sent is seen behind the nudge is for the box to see to.
        work(&letters, |_| frame.load(Ordering::Relaxed));
        thread.join().unwrap();
    });
}

#[test]
fn loom_nothing_stays_in_a_box_that_is_closed() {
    model(5, || {
        let letters = letterbox();
        let (sender, letter) = (letters.clone(), StdArc::new(()));
        let sent = letter.clone();
        let thread = thread::spawn(move || sender.push(sent));
        letters.close();
        thread.join().unwrap();
        assert_eq!(StdArc::strong_count(&letter), 1, "whoever comes second drops it");
    });
}
