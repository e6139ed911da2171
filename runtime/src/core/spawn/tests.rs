use std::rc::Rc;
use std::thread;

use crate::test_support::{worker, worker_with};
use crate::{Clock, Handle};

#[test]
fn another_thread_starts_tasks_here() {
    let mut worker = worker_with(Clock::system());
    let handle = worker.handle();
    let (tell, told) = std::sync::mpsc::channel();
    let other = thread::spawn(move || {
        let sum = handle.spawn_on(0, async { 40 + 2 }).unwrap();
        let local = handle.spawn_with(0, || async { *Rc::new(7) }).unwrap();
        tell.send((sum, local)).unwrap();
    });
    let (sum, local) = told.recv().unwrap();
    let (sum, local) = worker.block_on(async { (sum.await.unwrap(), local.await.unwrap()) });
    assert_eq!((sum, local), (42, Some(7)));
    other.join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "it sleeps in poll(2), which miri does not have")]
fn a_sleeping_worker_is_woken_by_a_task_from_outside() {
    let mut worker = worker_with(Clock::system());
    worker.set_spin(std::time::Duration::ZERO);
    let handle = worker.handle();
    let (sender, receiver) = std::sync::mpsc::channel::<std::task::Waker>();
    // The worker sleeps at once, since it never spins; without the bell it would sleep for ever.
    let other = thread::spawn(move || {
        let waker = receiver.recv().unwrap();
        handle.spawn_on(0, async move { waker.wake() }).unwrap()
    });
    let mut woken = false;
    worker.block_on(std::future::poll_fn(|cx| {
        if std::mem::replace(&mut woken, true) {
            return std::task::Poll::Ready(());
        }
        sender.send(cx.waker().clone()).unwrap();
        std::task::Poll::Pending
    }));
    other.join().unwrap();
}

#[test]
fn workers_that_are_not_there_are_named() {
    let (worker, _) = worker();
    let error = worker.handle().spawn_on(3, async {}).unwrap_err();
    assert_eq!(error.to_string(), "there is no worker 3: the runtime has 1");
}

#[test]
fn a_task_for_a_worker_that_has_ended_is_cancelled() {
    let (first, _) = worker();
    let handle = first.handle();
    drop(first);
    let task = handle.spawn_on(0, async { 1 }).unwrap();
    let (mut second, _) = worker();
    assert!(second.block_on(task).unwrap_err().is_cancelled());
}

#[test]
fn a_panic_goes_through_to_who_waits() {
    let mut worker = worker_with(Clock::system());
    let handle = worker.handle();
    let task = handle.spawn_with(0, || async { panic!("far away") }).unwrap();
    let result: Result<Option<()>, _> = worker.block_on(task);
    assert_eq!(result.unwrap_err().to_string(), "the task panicked: far away");
}

#[test]
fn the_current_handle_is_known_inside_only() {
    let (worker, _) = worker();
    assert!(Handle::current().is_none());
    assert_eq!(worker.enter(|| Handle::current().map(|h| h.workers())), Some(1));
}
