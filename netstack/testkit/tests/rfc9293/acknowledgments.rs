//! 3.8.6.3, 3.10.7.4: when an ACK goes out.

use corelane_netstack::Config;
use corelane_testkit::{Script, Spoken};

fn data(seq: u32, ack: u32, data: &[u8]) -> Spoken<'_> {
    Spoken { seq, ack: Some(ack), window: 9000, data, ..Spoken::default() }
}

#[test]
fn segments_that_arrive_together_get_one_ack() {
    let mut script = Script::new(Config::default());
    let (_, theirs, ours) = script.accept(9000);
    let frames: Vec<_> = (0..20).map(|n| script.build(&data(theirs + 100 * n, ours, &[1; 100]))).collect();
    script.say_together(&frames);
    assert_eq!(script.hear().ack, Some(theirs + 2000), "MUST-58, MUST-59");
}

#[test]
fn what_is_out_of_order_is_kept_and_answered_at_once() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(9000);
    script.say(&data(theirs + 4, ours, b"next"));
    assert_eq!(script.hear().ack, Some(theirs), "MAY-13");
    script.say(&data(theirs, ours, b"this"));
    assert_eq!(script.hear().ack, Some(theirs + 8), "SHLD-31: it was kept");
    let mut buffer = [0; 9];
    assert_eq!(script.stack().read(id, &mut buffer), Ok(8));
    assert_eq!(&buffer[..8], b"thisnext");
}
