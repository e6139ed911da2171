use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use crate::test_support::worker;
use crate::{spawn_local, yield_now};

/// Gives out the waker of its task, and ends when woken.
async fn woken_by(sender: mpsc::Sender<Waker>) {
    let mut first = true;
    poll_fn(move |cx| {
        if std::mem::take(&mut first) {
            sender.send(cx.waker().clone()).unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[test]
fn tasks_run_in_their_order_and_give_their_results() {
    let (mut worker, _) = worker();
    let order = Rc::new(Cell::new(0));
    let tasks: Vec<_> = (0..3)
        .map(|n| {
            let order = order.clone();
            worker.spawn_local(async move {
                assert_eq!(order.replace(n + 1), n);
                n * 10
            })
        })
        .collect();
    assert_eq!(worker.turn().polled, 3);
    let results = worker.block_on(async {
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    });
    assert_eq!(results, [0, 10, 20]);
    assert!(!worker.turn().is_busy());
}

#[test]
fn a_panic_ends_its_task_alone() {
    let (mut worker, _) = worker();
    let word = String::from("luck");
    let bad = worker.spawn_local(async move { panic!("no {word}") });
    let good = worker.spawn_local(async { 7 });
    let (bad, good): (Result<(), _>, _) = worker.block_on(async { (bad.await, good.await) });
    let error = bad.unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.to_string(), "the task panicked: no luck");
    assert_eq!(*error.try_into_panic().unwrap().downcast::<String>().unwrap(), "no luck");
    assert_eq!(good.unwrap(), 7);
}

#[test]
fn a_cancelled_task_drops_its_future() {
    let (mut worker, _) = worker();
    let held = Rc::new(());
    let copy = held.clone();
    let task = worker.spawn_local(async move {
        pending::<()>().await;
        drop(copy);
    });
    worker.turn();
    assert_eq!(Rc::strong_count(&held), 2);
    task.cancel();
    worker.turn();
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_dropped_handle_lets_the_task_run_on() {
    let (mut worker, _) = worker();
    let done = Rc::new(Cell::new(false));
    let copy = done.clone();
    drop(worker.spawn_local(async move {
        yield_now().await;
        copy.set(true);
    }));
    worker.turn();
    worker.turn();
    assert!(done.get());
}

#[test]
fn giving_way_lasts_until_the_next_turn() {
    let (mut worker, _) = worker();
    let rounds = Rc::new(Cell::new(0));
    let copy = rounds.clone();
    worker.spawn_local(async move {
        loop {
            copy.set(copy.get() + 1);
            yield_now().await;
        }
    });
    for turn in 1..=3 {
        assert!(worker.turn().more, "it wants to run again");
        assert_eq!(rounds.get(), turn);
    }
}

#[test]
fn a_task_that_always_wakes_itself_cannot_hold_up_the_turn() {
    let (mut worker, _) = worker();
    worker.spawn_local(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    let progress = worker.turn();
    assert_eq!(progress.polled, crate::Budget::default().polls);
    assert!(progress.more);
}

#[test]
fn another_thread_wakes_by_the_mailbox() {
    let (mut worker, _) = worker();
    let (sender, wakers) = mpsc::channel();
    let task = worker.spawn_local(woken_by(sender));
    worker.turn();
    let waker = wakers.recv().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert!(!task.is_finished());
    let progress = worker.turn();
    assert_eq!((progress.messages, progress.polled), (1, 1));
    assert!(task.is_finished());
}

#[test]
fn the_same_thread_wakes_without_the_mailbox() {
    let (mut worker, _) = worker();
    let (sender, wakers) = mpsc::channel();
    let task = worker.spawn_local(woken_by(sender));
    worker.turn();
    worker.enter(|| wakers.recv().unwrap().wake());
    let progress = worker.turn();
    assert_eq!((progress.messages, progress.polled), (0, 1));
    assert!(task.is_finished());
}

#[test]
fn the_end_of_the_worker_ends_its_tasks() {
    let (mut worker, _) = worker();
    let held = Rc::new(());
    let (sender, wakers) = mpsc::channel();
    for _ in 0..3 {
        let (copy, sender) = (held.clone(), sender.clone());
        drop(worker.spawn_local(async move {
            woken_by(sender).await;
            drop(copy);
        }));
    }
    worker.turn();
    let copy = held.clone();
    let never_polled = worker.spawn_local(async move { drop(copy) });
    assert_eq!(Rc::strong_count(&held), 5);
    drop(worker);
    assert_eq!(Rc::strong_count(&held), 1, "all futures are dropped");
    assert!(never_polled.is_finished());
    // Wakers that are still around do nothing, on whatever thread.
    let wakers: Vec<Waker> = wakers.try_iter().collect();
    assert_eq!(wakers.len(), 3);
    thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join().unwrap();
}

#[test]
fn tasks_start_tasks() {
    let (mut worker, _) = worker();
    let sum = worker.block_on(async {
        let inner = spawn_local(async { spawn_local(async { 20 }).await.unwrap() + 1 });
        inner.await.unwrap() + 21
    });
    assert_eq!(sum, 42);
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{field}={value:?} ");
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
}

#[test]
fn a_task_that_holds_up_its_core_is_counted_and_named_once() {
    let (mut worker, clock) = worker();
    let log = Log::default();
    let start = |worker: &crate::Worker, millis| {
        let clock = clock.clone();
        drop(worker.spawn_local(async move { clock.advance(std::time::Duration::from_millis(millis)) }));
    };
    tracing::subscriber::with_default(log.clone(), || {
        for millis in [39, 40, 0, 1000] {
            start(&worker, millis);
        }
        worker.turn();
    });
    assert_eq!(worker.stats().stalls, 2);
    let log = log.0.lock().unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("task=runtime/src/task/executor/tests.rs:"), "{log:?}");
    assert!(log[0].contains("milliseconds=40"), "{log:?}");
}

#[test]
fn a_panic_that_takes_long_is_both() {
    let (mut worker, clock) = worker();
    let task = worker.spawn_local(async move {
        clock.advance(std::time::Duration::from_secs(1));
        panic!("at last");
    });
    worker.turn();
    let other = worker.spawn_local(async { 5 });
    assert_eq!(worker.block_on(other).unwrap(), 5, "the worker lives");
    let result: Result<(), _> = worker.block_on(task);
    assert!(result.unwrap_err().is_panic());
    assert_eq!(worker.stats().stalls, 1);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_panic_in_the_drop_of_a_future_ends_its_task_alone() {
    let (mut worker, _) = worker();
    let bomb = Bomb;
    let cancelled = worker.spawn_local(async move {
        let _bomb = bomb;
        pending::<()>().await;
    });
    let mut ended = worker.spawn_local({
        let mut bomb = Some(Bomb);
        poll_fn(move |_| {
            assert!(bomb.as_mut().is_some());
            Poll::Ready(7)
        })
    });
    let good = worker.spawn_local(async { 5 });
    assert_eq!(worker.turn().polled, 3);
    assert_eq!(worker.block_on(good).unwrap(), 5, "the worker lives");
    let error = worker.block_on(&mut ended).unwrap_err();
    assert_eq!(error.to_string(), "the task panicked: dropped", "its future was dropped at its end");
    cancelled.cancel();
    assert_eq!(worker.turn().polled, 1);
    assert_eq!(worker.stats().tasks, 0);
}

#[test]
fn who_hears_of_an_end_finds_the_future_gone() {
    let (mut worker, _) = worker();
    let held = Rc::new(());
    let (ending, cancelled) = (held.clone(), held.clone());
    let first = worker.spawn_local(async move {
        let _held = &ending;
    });
    let second = worker.spawn_local(async move {
        let _held = cancelled;
        pending::<()>().await;
    });
    let watch = held.clone();
    let watcher = worker.spawn_local(async move {
        first.await.unwrap();
        Rc::strong_count(&watch)
    });
    worker.turn();
    assert_eq!(worker.block_on(watcher).unwrap(), 3, "held, watch, and what the second one holds");
    drop(worker);
    assert!(second.is_finished());
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_place_is_used_again_and_old_wakers_do_not_reach_who_has_it() {
    let (mut worker, _) = worker();
    let (sender, wakers) = mpsc::channel();
    let first = worker.spawn_local(woken_by(sender));
    worker.turn();
    let waker = wakers.recv().unwrap();
    waker.wake_by_ref();
    worker.block_on(first).unwrap();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let second = worker.spawn_local(poll_fn(move |_| {
        count.set(count.get() + 1);
        Poll::<()>::Pending
    }));
    worker.turn();
    worker.enter(|| waker.wake_by_ref());
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(worker.turn().polled, 0);
    assert_eq!(polls.get(), 1);
    second.cancel();
    worker.turn();
    assert_eq!(worker.stats().tasks, 0);
}

#[test]
fn a_task_is_in_the_mailbox_once_and_is_polled_after_the_last_wake() {
    let (mut worker, _) = worker();
    let (sender, wakers) = mpsc::channel();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    drop(worker.spawn_local(poll_fn(move |cx| {
        count.set(count.get() + 1);
        sender.send(cx.waker().clone()).unwrap();
        Poll::<()>::Pending
    })));
    worker.turn();
    for round in 2..5 {
        let waker = wakers.recv().unwrap();
        thread::spawn(move || (0..10).for_each(|_| waker.wake_by_ref())).join().unwrap();
        let progress = worker.turn();
        assert_eq!((progress.messages, progress.polled, polls.get()), (1, 1, round));
    }
}

#[test]
fn other_threads_cancel_a_task_also_one_that_has_not_arrived() {
    let (mut worker, _) = worker();
    let handle = worker.handle();
    let tasks: Vec<_> = (0..2).map(|_| handle.spawn_on(0, pending::<()>()).unwrap()).collect();
    let mut tasks = tasks.into_iter();
    thread::scope(|scope| {
        scope.spawn(|| tasks.next().unwrap().cancel());
    });
    worker.turn();
    assert_eq!(worker.stats().tasks, 1, "the second one");
    thread::scope(|scope| {
        scope.spawn(|| tasks.next().unwrap().cancel());
    });
    worker.turn();
    assert_eq!(worker.stats().tasks, 0);
}

#[test]
fn what_is_dropped_at_the_end_of_a_worker_may_start_tasks() {
    struct Starts(Rc<Cell<u32>>);
    impl Drop for Starts {
        fn drop(&mut self) {
            let left = self.0.get();
            if left > 0 {
                self.0.set(left - 1);
                let again = Starts(self.0.clone());
                drop(spawn_local(async move {
                    let _again = again;
                    pending::<()>().await;
                }));
            }
        }
    }
    let (worker, _) = worker();
    let left = Rc::new(Cell::new(5));
    let first = Starts(left.clone());
    drop(worker.spawn_local(async move {
        let _first = first;
        pending::<()>().await;
    }));
    drop(worker);
    assert_eq!((left.get(), Rc::strong_count(&left)), (0, 1));
}
