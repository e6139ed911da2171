use std::pin::pin;

use super::*;

#[test]
fn closing_waits_for_the_last() {
    let members = Rc::new(Members::default());
    let (first, second) = (members.join(), members.join());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(!first.poll_closing(&mut cx));
    let mut close = pin!(members.close());
    assert!(close.as_mut().poll(&mut cx).is_pending());
    assert!(first.poll_closing(&mut cx));
    drop(second);
    assert!(close.as_mut().poll(&mut cx).is_pending());
    drop(first);
    assert!(close.as_mut().poll(&mut cx).is_ready());
}
