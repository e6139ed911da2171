use corelane_netstack::Config;

use super::*;
use crate::{PEER, Script, Spoken, US};

/// A monitor that has seen a peer of the script (10.0.0.2:5000) open with window scale 0 and be answered: its next
/// number is 101, the other's 201; both offered 1000 bytes, the other's MSS is 500.
struct Bed {
    script: Script,
    monitor: Monitor,
}

impl Bed {
    fn new() -> Bed {
        let mut bed = Bed { script: Script::new(Config::default()), monitor: Monitor::new(Medium::Ip, 1500) };
        let syn = Spoken {
            seq: 100,
            flags: "S",
            window: 1000,
            mss: Some(500),
            sack_permitted: true,
            ..Spoken::default()
        };
        let frame = bed.script.build(&syn);
        assert_eq!(bed.sends(&frame), None);
        bed.monitor.received(&frame, false);
        let answer = Spoken { seq: 200, ack: Some(101), ..syn };
        assert_eq!(bed.answers(&answer), None);
        bed.monitor.received(&bed.turned(&answer), false);
        assert_eq!(bed.says(&Spoken { seq: 101, ack: Some(201), window: 1000, ..Spoken::default() }), None);
        bed
    }

    /// What the monitor finds when the peer says this.
    fn says(&mut self, spoken: &Spoken<'_>) -> Option<String> {
        let frame = self.script.build(spoken);
        self.sends(&frame)
    }

    /// What the monitor finds when the other one says this.
    fn answers(&mut self, spoken: &Spoken<'_>) -> Option<String> {
        self.sends(&self.turned(spoken))
    }

    /// The frame of this from the other one.
    fn turned(&self, spoken: &Spoken<'_>) -> Vec<u8> {
        let mut frame = self.script.build(spoken);
        swap(&mut frame);
        frame
    }

    fn sends(&mut self, frame: &[u8]) -> Option<String> {
        self.monitor.sent(Duration::ZERO, frame, false);
        self.monitor.check().err().map(|failure| failure.what)
    }

    #[track_caller]
    fn objects(&mut self, spoken: &Spoken<'_>, why: &str) {
        let found = self.says(spoken).unwrap_or_default();
        assert!(found.contains(why), "'{why}' expected, found: '{found}'");
    }
}

/// Turns a packet round; addresses and ports are sums that stay the same.
fn swap(frame: &mut [u8]) {
    for (a, b, len) in [(12, 16, 4), (20, 22, 2)] {
        for i in 0..len {
            frame.swap(a + i, b + i);
        }
    }
}

fn data(seq: u32, data: &[u8]) -> Spoken<'_> {
    Spoken { seq, ack: Some(201), window: 1000, data, ..Spoken::default() }
}

#[test]
fn a_right_conversation_passes() {
    let mut bed = Bed::new();
    assert_eq!(bed.says(&data(101, &[1; 500])), None);
    assert_eq!(bed.says(&data(601, &[1; 500])), None);
    assert_eq!(bed.says(&data(101, &[1; 500])), None, "sent again");
    assert_eq!(bed.says(&Spoken { flags: "F", ..data(1101, &[]) }), None);
    assert_eq!((US, PEER), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
}

#[test]
fn data_where_none_may_be() {
    let mut bed = Bed::new();
    assert_eq!(bed.says(&data(101, &[1; 500])), None);
    assert_eq!(bed.says(&data(601, &[1; 499])), None);
    bed.objects(&data(1100, &[1; 2]), "beyond the peer's window, which ends at Some(1101)");
    Bed::new().objects(&data(101, &[1; 501]), "beyond the peer's MSS of 500");
    Bed::new().objects(&data(102, &[1]), "a gap");
    let mut bed = Bed::new();
    assert_eq!(bed.says(&Spoken { flags: "F", ..data(101, &[1]) }), None);
    bed.objects(&data(102, &[1]), "data behind the FIN");
    let mut bed = Bed::new();
    assert_eq!(bed.says(&Spoken { flags: "F", ..data(101, &[1]) }), None);
    bed.objects(&Spoken { flags: "F", ..data(101, &[]) }, "the FIN was at Some(102) before");
}

/// The other end forgot a SYN and answered it anew with another number, while its first answer was on its way and was taken.
#[test]
fn an_old_answer_that_is_taken_leaves_the_new_one() {
    let bare = |seq| Spoken { seq, ack: Some(101), window: 1000, ..Spoken::default() };
    let mut bed = Bed::new();
    assert_eq!(bed.answers(&Spoken { flags: "S", mss: Some(400), ..bare(900) }), None);
    assert_eq!(bed.says(&data(101, &[1; 500])), None, "the MSS is that of the answer that was taken");
    assert_eq!(bed.answers(&bare(901)), None);
    let found = bed.answers(&bare(902)).unwrap_or_default();
    assert!(found.contains("a gap: nothing was sent from 901 on"), "{found}");
}

#[test]
fn a_syn_cookie_that_comes_back_after_the_end_begins_anew() {
    let (us, them) = ((PEER, 5000), (US, 80));
    let mut bed = Bed::new();
    bed.monitor.accepted(us, them);
    assert_eq!(bed.says(&Spoken { flags: "F", ..data(101, &[1; 10]) }), None);
    bed.monitor.accepted(us, them);
    assert_eq!(bed.says(&data(101, &[1; 20])), None, "another connection by the same SYN-ACK");
    bed.objects(&data(122, &[1]), "a gap: nothing was sent from 121 on");
    let mut bed = Bed::new();
    assert_eq!(bed.says(&Spoken { flags: "F", ..data(101, &[1; 10]) }), None);
    bed.monitor.accepted(us, them);
    bed.objects(&data(101, &[1; 20]), "data behind the FIN");
}

/// The other end answered a SYN with a cookie, then kept another and gave it up, and only then the cookie came back.
#[test]
fn a_syn_cookie_opens_the_connection_after_another_answer() {
    let bare = |seq| Spoken { seq, ack: Some(101), window: 1000, ..Spoken::default() };
    let new = || {
        let mut bed = Bed::new();
        assert_eq!(bed.answers(&Spoken { flags: "S", ..bare(150) }), None);
        assert_eq!(bed.says(&data(101, &[1; 10])), None, "what the first answer allows");
        bed.monitor.accepted((US, 80), (PEER, 5000));
        bed
    };
    let mut bed = new();
    assert_eq!(bed.answers(&bare(201)), None);
    assert_eq!(bed.answers(&Spoken { data: &[1; 20], ..bare(201) }), None);
    let found = bed.answers(&bare(222)).unwrap_or_default();
    assert!(found.contains("a gap: nothing was sent from 221 on"), "{found}");
    let found = new().answers(&bare(202)).unwrap_or_default();
    assert!(
        found.contains("a gap: nothing was sent from 151 on"),
        "not where the first answer ends: {found}"
    );
}

#[test]
fn bytes_that_change() {
    let mut bytes = [0; 100];
    Pattern::between(5000, 80).fill(0, &mut bytes);
    let mut bed = Bed::new();
    bed.monitor.expect_patterns();
    assert_eq!(bed.says(&data(101, &bytes)), None);
    bytes[7] ^= 1;
    bed.objects(&data(101, &bytes), "byte 7 of the stream");
}

#[test]
fn windows_and_acknowledgments_that_go_back() {
    let bare = |ack, window| Spoken { seq: 101, ack: Some(ack), window, ..Spoken::default() };
    Bed::new().objects(&bare(201, 999), "the window's right edge moves left");
    Bed::new().objects(&bare(202, 1000), "an ACK of what never arrived");
    Bed::new().objects(&bare(200, 1000), "an ACK that goes back");
    let stamped = |value| Spoken { timestamps: Some((value, 0)), ..bare(201, 1000) };
    let mut bed = Bed::new();
    assert_eq!(bed.says(&stamped(50)), None);
    bed.objects(&stamped(49), "a timestamp before");
}

#[test]
fn sack_blocks_of_what_never_arrived() {
    let block = |start, end| Spoken { seq: 101, sack: Some((start, end)), ..data(101, &[]) };
    Bed::new().objects(&block(300, 400), "a SACK block of what never arrived: 300..400");
    let mut bed = Bed::new();
    let far = Spoken { seq: 300, ack: Some(101), data: &[1; 100], ..data(0, &[]) };
    bed.monitor.received(&bed.turned(&far), false);
    assert_eq!(bed.says(&block(300, 400)), None);
    bed.objects(&block(300, 401), "never arrived");
    Bed::new().objects(&block(300, 300), "never arrived");
}

#[test]
fn frames_that_are_wrong() {
    let mut bed = Bed::new();
    let mut frame = bed.script.build(&data(101, b"x"));
    *frame.last_mut().expect("not empty") ^= 1;
    assert!(bed.sends(&frame).expect("it is found").contains("wrong checksum"));
    let mut bed = Bed::new();
    bed.monitor.mtu = 100;
    bed.objects(&data(101, &[1; 80]), "beyond the MTU of 100");
}
