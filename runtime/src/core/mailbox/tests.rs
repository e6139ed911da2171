use super::*;

fn rings(shared: &Shared) -> bool {
    let mut count = [0; 8];
    rustix::io::read(shared.mailbox.bell(), &mut count).is_ok()
}

#[test]
fn an_awake_worker_costs_no_system_call() {
    let shared = Shared::new().unwrap();
    shared.mailbox.push(Message::Stop);
    assert!(shared.mailbox.is_pending());
    assert!(!rings(&shared));
}

#[test]
fn a_sleeping_worker_is_rung_once() {
    let shared = Shared::new().unwrap();
    assert!(shared.mailbox.prepare_sleep());
    shared.mailbox.push(Message::Stop);
    shared.mailbox.push(Message::Stop);
    assert!(rings(&shared), "the first message rings");
    assert!(!rings(&shared), "the second finds it woken");
}

#[test]
fn no_sleep_when_a_message_is_waiting() {
    let shared = Shared::new().unwrap();
    shared.mailbox.push(Message::Stop);
    assert!(!shared.mailbox.prepare_sleep());
    shared.mailbox.clear_pending();
    assert!(shared.mailbox.pop().is_some());
    assert!(shared.mailbox.prepare_sleep());
}

#[test]
fn messages_of_two_threads_all_arrive() {
    const EACH: usize = if cfg!(miri) { 50 } else { 20_000 };
    let shared = Shared::new().unwrap();
    let mut taken = 0;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..EACH).for_each(|n| shared.mailbox.push(Message::CancelTimer(n))));
        }
        while taken < 2 * EACH {
            if !shared.mailbox.is_pending() {
                if cfg!(miri) {
                    std::thread::yield_now(); // it has no poll(2)
                } else if shared.mailbox.prepare_sleep() {
                    let mut fds = [rustix::event::PollFd::from_borrowed_fd(
                        shared.mailbox.bell(),
                        rustix::event::PollFlags::IN,
                    )];
                    // A lost wake-up would hang here.
                    rustix::event::poll(&mut fds, None).unwrap();
                }
                shared.mailbox.finish_sleep();
                continue;
            }
            shared.mailbox.clear_pending();
            while shared.mailbox.pop().is_some() {
                taken += 1;
            }
        }
    });
    assert_eq!(taken, 2 * EACH);
}

#[test]
fn workers_are_found_while_they_live() {
    let shared = Shared::new().unwrap();
    let id = shared.id();
    assert!(Arc::ptr_eq(&find(id).unwrap(), &shared));
    drop(shared);
    assert!(find(id).is_none());
}
