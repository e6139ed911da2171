//! Windows that shrink, stay shut or stay tiny.

use std::time::Duration;

use corelane_netstack::{Config, State, TcpConfig};
use corelane_testkit::{Heard, Spoken};

use crate::support::{Bed, Live, Offer};

/// A connection on which the stack wants to send `len` bytes, and the peer says `window`.
fn bed(window: u16, len: usize) -> (Bed, Live) {
    let mut bed = Bed::new(Config::default());
    let live = bed.open(5000, Offer::default());
    bed.script.say(&Spoken { window, ..bed.ack(&live) });
    bed.script.write(live.id, &vec![5; len]);
    (bed, live)
}

/// The peer takes and acknowledges all that is sent, with the window wide open, until `len` bytes have come.
fn take_all(bed: &mut Bed, live: &mut Live, len: u32) {
    let end = live.ours.wrapping_add(len);
    for _ in 0..1000 {
        bed.script.say(&bed.ack(live));
        for heard in bed.script.heard() {
            if heard.seq == live.ours {
                live.ours = live.ours.wrapping_add(heard.data.len() as u32); // a segment
            }
        }
        if live.ours == end {
            bed.script.say(&bed.ack(live));
            return;
        }
        bed.script.pass(Duration::from_millis(100));
    }
    panic!("what was written does not come");
}

#[test]
fn a_window_shut_for_a_day_is_probed_and_costs_no_more_than_at_first() {
    let (mut bed, mut live) = bed(0, 10_000);
    bed.script.heard();
    let (buffers, timers) = (bed.script.stack().buffers_in_use(), bed.script.stack().timers());
    let mut probes: Vec<Heard> = Vec::new();
    for _ in 0..24 * 60 {
        bed.script.pass(Duration::from_secs(60));
        for probe in bed.script.heard() {
            bed.script.say(&Spoken { window: 0, ..bed.ack(&live) });
            probes.push(probe);
        }
    }
    assert_eq!(bed.state(&live), State::Established, "MUST-37: as long as it answers");
    assert!(probes.iter().all(|probe| probe.data.is_empty()), "as Linux probes");
    assert!((24 * 30..24 * 70).contains(&probes.len()), "each 120 s at last: {}", probes.len());
    assert_eq!(bed.script.stack().stats().win_probe, probes.len() as u64, "it can be seen");
    assert_eq!((bed.script.stack().buffers_in_use(), bed.script.stack().timers()), (buffers, timers));
    take_all(&mut bed, &mut live, 10_000);
    bed.finish(vec![live]);
}

#[test]
fn a_window_of_three_bytes_gets_no_tiny_segments_but_all_arrives() {
    let (mut bed, mut live) = bed(3, 2000);
    assert!(bed.script.heard().iter().all(|heard| heard.data.is_empty()), "silly windows are avoided");
    let start = live.ours;
    for _ in 0..50 {
        bed.script.pass(Duration::from_secs(1));
        for heard in bed.script.heard() {
            assert!(heard.data.len() <= 3, "{heard:?}");
            if heard.seq == live.ours {
                live.ours = live.ours.wrapping_add(heard.data.len() as u32); // three bytes
            }
            bed.script.say(&Spoken { window: 3, ..bed.ack(&live) });
        }
    }
    let done = live.ours.wrapping_sub(start);
    assert!(done > 0, "MUST-38: what fits goes when the timer says so");
    take_all(&mut bed, &mut live, 2000 - done);
    bed.finish(vec![live]);
}

#[test]
fn a_window_that_shrinks_below_what_is_out() {
    let (mut bed, mut live) = bed(10_000, 10_000);
    assert_eq!(bed.script.heard().iter().map(|heard| heard.data.len()).sum::<usize>(), 10_000);
    // MUST-34: the right edge moves from 10,000 back to 1,500.
    live.ours = live.ours.wrapping_add(1000);
    bed.script.say(&Spoken { window: 500, ..bed.ack(&live) });
    bed.script.pass(Duration::from_secs(20));
    assert_eq!(bed.state(&live), State::Established, "SHLD-17: it is not timed out");
    bed.script.heard();
    take_all(&mut bed, &mut live, 9000);
    bed.finish(vec![live]);
}

#[test]
fn a_window_that_opens_and_shuts_at_each_ack() {
    let (mut bed, mut live) = bed(1000, 50_000);
    let mut done = 0;
    for round in 0..200 {
        for heard in bed.script.heard() {
            if heard.seq == live.ours {
                live.ours = live.ours.wrapping_add(heard.data.len() as u32); // a segment
                done += heard.data.len() as u32;
            }
        }
        bed.script.say(&Spoken { window: if round % 2 == 0 { 0 } else { 1000 }, ..bed.ack(&live) });
        bed.script.pass(Duration::from_millis(10));
    }
    assert!(done > 10_000, "{done}");
    take_all(&mut bed, &mut live, 50_000 - done);
    bed.finish(vec![live]);
}

#[test]
fn an_old_segment_does_not_bring_an_old_window_back() {
    let (mut bed, mut live) = bed(4000, 4000);
    live.ours = live.ours.wrapping_add(4000);
    bed.script.say(&Spoken { window: 9000, data: b"1", ..bed.ack(&live) });
    live.theirs += 1;
    let late = Spoken { window: 10, ack: Some(live.ours.wrapping_sub(2000)), ..bed.ack(&live) };
    bed.script.say(&late);
    assert_eq!(bed.script.stack().info(live.id).unwrap().snd_wnd, 9000, "SND.WL1, SND.WL2");
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(1));
    bed.finish(vec![live]);
}

#[test]
fn probes_of_a_shut_window_are_answered_and_their_data_dropped() {
    let tcp = TcpConfig { tcp_rmem: 4096.into(), ..TcpConfig::default() };
    let mut bed = Bed::new(Config { tcp, ..Config::default() });
    let mut live = bed.open(5000, Offer::default());
    while bed.script.stack().info(live.id).unwrap().rcv_wnd > 0 {
        let window = bed.script.stack().info(live.id).unwrap().rcv_wnd;
        let data = vec![1; window.min(500) as usize];
        bed.script.say(&Spoken { data: &data, ..bed.ack(&live) });
        live.theirs += data.len() as u32; // up to 500
        bed.script.pass(Duration::from_millis(50));
    }
    bed.script.write(live.id, b"hello");
    bed.script.heard();
    // One byte more, as BSD probes; its ACK counts (MUST-66 and RFC 9293 3.10.7.4).
    live.ours = live.ours.wrapping_add(5);
    bed.script.say(&Spoken { data: b"x", ..bed.ack(&live) });
    let answer = bed.script.hear();
    assert_eq!((answer.ack, answer.window), (Some(live.theirs), 0));
    assert_eq!(bed.script.stack().stats().zero_window_drop, 1);
    assert_eq!(bed.script.stack().info(live.id).unwrap().unacked, 0, "what we sent is acknowledged");
    while bed.script.stack().read(live.id, &mut [0; 1000]).is_ok() {}
    bed.script.run();
    bed.finish(vec![live]);
}
