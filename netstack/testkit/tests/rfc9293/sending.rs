//! 3.8.6, 3.9.1.2: what is sent when.

use std::time::Duration;

use corelane_netstack::{Config, Keepalive};
use corelane_testkit::{Script, Spoken};

#[test]
fn small_writes_go_together_and_the_last_segment_is_pushed() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(20_000);
    for _ in 0..250 {
        assert_eq!(script.stack().write(id, &[1; 10]), Ok(10));
    }
    script.run();
    let mut heard = script.heard();
    assert_eq!(
        heard.iter().map(|heard| heard.data.len()).collect::<Vec<_>>(),
        [1000, 1000, 500],
        "SHLD-28, MAY-16"
    );
    let pushed: Vec<bool> = heard.iter().map(|heard| heard.push).collect();
    assert_eq!(pushed, [false, false, true], "SHLD-27, MUST-61");
    assert_eq!(heard.remove(0).seq, ours);
    // What waits is not kept for ever: it goes with the next ACK (MUST-60).
    script.write(id, b"tail");
    script.silence();
    script.say(&Spoken {
        seq: theirs,
        ack: Some(ours.wrapping_add(2500)),
        window: 20_000,
        ..Spoken::default()
    });
    let tail = script.hear();
    assert_eq!((&tail.data[..], tail.push), (&b"tail"[..], true));
}

#[test]
fn a_window_that_shrinks_gets_nothing_new() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(4000);
    script.write(id, &[1; 8000]);
    assert_eq!(script.heard().iter().map(|heard| heard.data.len()).sum::<usize>(), 4000);
    // 1000 bytes are acknowledged, and the right edge moves from 4000 back to 2000.
    let ack = Some(ours.wrapping_add(1000));
    script.say(&Spoken { seq: theirs, ack, window: 1000, ..Spoken::default() });
    script.silence(); // SHLD-15
    script.pass(Duration::from_secs(5));
    let again = script.heard();
    assert!(!again.is_empty(), "SHLD-16: what is within the window goes again");
    for heard in &again {
        assert!(heard.seq.wrapping_sub(ours) < 4000, "nothing new: {heard:?}");
    }
    assert_eq!(again[0].seq, ours.wrapping_add(1000));
}

#[test]
fn probes_begin_after_an_rto_and_back_off() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(1000);
    let start = script.now();
    let shut = Spoken { seq: theirs, ack: Some(ours), window: 0, ..Spoken::default() };
    script.say(&shut);
    script.write(id, b"data");
    script.silence();
    let rto = script.stack().info(id).unwrap().rto;
    let mut times = Vec::new();
    while times.len() < 5 {
        script.pass(Duration::from_millis(10));
        for probe in script.heard() {
            times.push(probe.at - start);
            script.say(&shut);
            script.silence();
        }
    }
    assert!(times[0] >= rto && times[0] < rto + Duration::from_millis(20), "{times:?}, RTO {rto:?}");
    for (n, pair) in times.windows(2).enumerate() {
        let wait = pair[1] - pair[0];
        let doubled = rto * (2 << n);
        assert!(wait >= doubled && wait < doubled + Duration::from_millis(20), "{times:?}, RTO {rto:?}");
    }
}

#[test]
fn keep_alive_is_off_and_two_hours_by_default() {
    let mut script = Script::new(Config::default());
    let (id, ..) = script.accept(1000);
    script.pass(Duration::from_secs(4 * 3600));
    script.silence();
    let tcp = Config::default().tcp;
    assert_eq!((tcp.tcp_keepalive_time, tcp.tcp_keepalive_probes), (Duration::from_secs(7200), 9));
    script.stack().abort(id).unwrap();
}

#[test]
fn keep_alive_waits_for_silence() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(1000);
    let (time, interval) = (Duration::from_secs(100), Duration::from_secs(10));
    script.stack().set_keepalive(id, Some(Keepalive { time, interval, probes: 3 })).unwrap();
    let heard =
        |n: u32| Spoken { seq: theirs + n, ack: Some(ours), window: 1000, data: b"x", ..Spoken::default() };
    for n in 0..10 {
        script.pass(Duration::from_secs(60));
        script.say(&heard(n));
    }
    assert_eq!(script.stack().stats().keep_alive, 0, "each 60 s something was heard");
    script.pass(Duration::from_secs(99));
    script.heard();
    script.pass(Duration::from_secs(2));
    let probe = script.hear();
    assert_eq!((probe.seq, probe.data.len()), (ours.wrapping_sub(1), 0), "SHLD-12");
}
