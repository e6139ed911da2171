use std::sync::atomic::AtomicU32;
use std::task::Wake;
use std::thread;

use super::*;

/// Runs a future on this thread, without a worker.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn messages_of_each_sender_arrive_in_order_through_a_narrow_channel() {
    const EACH: u64 = if cfg!(miri) { 20 } else { 20_000 };
    let (sender, mut receiver) = channel(3);
    let threads = [0u64, 1].map(|number| {
        let sender = sender.clone();
        thread::spawn(move || {
            block_on(async move {
                for n in 0..EACH {
                    sender.send((number, n)).await.unwrap();
                }
            });
        })
    });
    drop(sender);
    let mut next = [0; 2];
    block_on(async {
        while let Ok((number, n)) = receiver.recv().await {
            assert_eq!(n, next[number as usize]);
            next[number as usize] += 1;
        }
    });
    assert_eq!(next, [EACH; 2]);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_full_channel_gives_the_message_back_or_waits() {
    let (sender, mut receiver) = channel(1);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    sender.try_send(1).unwrap();
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    let mut waiting = sender.send(3);
    assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
    assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    // For miri a vtable has many addresses, so that no waker is known again.
    let times = woken.0.load(Ordering::SeqCst);
    assert!(times == 1 || (cfg!(miri) && times == 2), "registered once, woken {times} times");
    assert_eq!(Pin::new(&mut waiting).poll(&mut cx), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_sender_that_gives_up_leaves_its_turn_to_the_others() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let wakers = [(); 2].map(|()| Arc::new(Woken::default()));
    let waiting = wakers.each_ref().map(|woken| {
        let mut send = sender.send(2);
        assert!(Pin::new(&mut send).poll(&mut Context::from_waker(&Waker::from(woken.clone()))).is_pending());
        send
    });
    let [given_up, _waiting] = waiting;
    drop(given_up);
    receiver.try_recv().unwrap();
    assert_eq!(wakers[1].0.load(Ordering::SeqCst), 1);
}

#[test]
fn each_end_learns_that_the_other_is_gone() {
    let (sender, mut receiver) = channel(2);
    let last = sender.clone();
    drop(sender);
    last.try_send(1).unwrap();
    drop(last);
    assert_eq!(block_on(receiver.recv()), Ok(1), "what was sent before still arrives");
    assert_eq!(block_on(receiver.recv()), Err(RecvError));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    let (sender, receiver) = channel(1);
    let message = Arc::new(());
    sender.try_send(message.clone()).unwrap();
    let mut waiting = sender.send(message.clone());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(block_on(waiting).is_err());
    assert!(matches!(sender.try_send(message.clone()), Err(TrySendError::Disconnected(_))));
    assert_eq!(Arc::strong_count(&message), 1, "none is kept");
}

#[test]
#[should_panic(expected = "a channel must hold a message or more")]
fn a_channel_without_room_is_refused() {
    channel::<()>(0);
}

/// A task of loom's: asleep until it is woken.
#[derive(Default)]
struct LoomTask(crate::core::parts::tests::Counter);

impl LoomTask {
    fn block_on<R>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> R {
        use crate::core::parts::Bell;
        let task = loom::sync::Arc::new(LoomTask::default());
        // std's Waker wants its own Arc; loom must see when the bell is dropped.
        let waker = Waker::from(Arc::new(LoomWaker(task.clone())));
        loop {
            if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            task.0.wait();
            task.0.silence();
        }
    }
}

struct LoomWaker(loom::sync::Arc<LoomTask>);

impl Wake for LoomWaker {
    fn wake(self: Arc<Self>) {
        crate::core::parts::Bell::ring(&self.0.0);
    }
}

type LoomShared<T> = Shared<T, crate::core::parts::tests::Loom>;

#[test]
fn loom_a_message_wakes_the_receiver_and_the_end_does_too() {
    crate::core::parts::tests::model(3, || {
        let shared = loom::sync::Arc::new(LoomShared::new(1));
        let other = shared.clone();
        let thread = loom::thread::spawn(move || {
            other.try_send(7).unwrap();
            other.end();
        });
        assert_eq!(LoomTask::block_on(|cx| shared.poll_recv(cx)), Ok(7));
        assert_eq!(LoomTask::block_on(|cx| shared.poll_recv(cx)), Err(RecvError));
        thread.join().unwrap();
    });
}

#[test]
fn loom_room_wakes_a_sender() {
    crate::core::parts::tests::model(3, || {
        let shared = loom::sync::Arc::new(LoomShared::new(1));
        let other = shared.clone();
        let thread = loom::thread::spawn(move || {
            for n in 1..=2 {
                let mut place = Some(n);
                assert!(LoomTask::block_on(|cx| other.poll_send(&mut place, cx)).is_ok());
            }
        });
        for n in 1..=2 {
            assert_eq!(LoomTask::block_on(|cx| shared.poll_recv(cx)), Ok(n));
        }
        thread.join().unwrap();
    });
}

#[test]
fn loom_nothing_stays_in_a_channel_that_is_closed_and_no_sender_waits() {
    crate::core::parts::tests::model(3, || {
        let shared = loom::sync::Arc::new(LoomShared::new(1));
        let (other, message) = (shared.clone(), Arc::new(()));
        let sent = message.clone();
        let thread = loom::thread::spawn(move || {
            for _ in 0..2 {
                let mut place = Some(sent.clone());
                let _ = LoomTask::block_on(|cx| other.poll_send(&mut place, cx)); // given back, when it is closed
            }
        });
        shared.close();
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}
