//! 3.1, 3.2, 3.7.1: the header's fields and options.

use corelane_netstack::{Config, TcpConfig};
use corelane_testkit::{Forged, Script, Spoken};

#[test]
fn a_window_is_a_number_without_sign() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(u16::MAX);
    assert_eq!(script.stack().info(id).unwrap().snd_wnd, 65_535);
    script.say(&Spoken { seq: theirs, ack: Some(ours), window: 0x8000, ..Spoken::default() });
    assert_eq!(script.stack().info(id).unwrap().snd_wnd, 0x8000);
}

#[test]
fn a_scaled_window_has_32_bits() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(1);
    script.say(&Spoken { seq: 9000, flags: "S", window: 1000, scale: Some(14), ..Spoken::default() });
    let ours = script.hear().seq.wrapping_add(1);
    script.say(&Spoken { seq: 9001, ack: Some(ours), window: u16::MAX, ..Spoken::default() });
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().info(id).unwrap().snd_wnd, 65_535 << 14);
}

#[test]
fn every_segment_that_is_sent_has_a_right_checksum() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(20_000);
    for len in [1, 2, 3, 499, 1000] {
        script.write(id, &vec![0xa7; len]);
    }
    script.shut(id);
    script.say(&Spoken {
        seq: theirs,
        ack: Some(ours.wrapping_add(1505)),
        window: 20_000,
        ..Spoken::default()
    });
    // `Script` checks each with another parser, and panics on a wrong one.
    assert!(script.heard().iter().map(|heard| heard.data.len()).sum::<usize>() >= 1505);
}

#[test]
fn options_are_taken_in_any_segment_at_any_alignment() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(1);
    // The MSS stands at an odd place, behind one NOP; timestamps behind two more.
    let options = [1, 2, 4, 3, 0, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0];
    script.say_forged(&Forged {
        seq: 9000,
        flags: Forged::SYN,
        window: 9000,
        options: &options,
        ..Forged::default()
    });
    let syn_ack = script.hear();
    assert_eq!(syn_ack.timestamps.map(|(_, echo)| echo), Some(9));
    let ack = syn_ack.seq.wrapping_add(1);
    // In a segment with data: the timestamps, unaligned; the end of options in front of what is not one.
    let options = [8, 10, 0, 0, 0, 11, 0, 0, 0, 0, 0, 99, 0, 1];
    let third =
        Forged { seq: 9001, ack, flags: Forged::ACK, window: 9000, options: &options, ..Forged::default() };
    script.say_forged(&Forged { data: b"data", ..third });
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(4));
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 768 - 12);
    assert_eq!(script.heard().last().unwrap().timestamps.map(|(_, echo)| echo), Some(11));
    assert_eq!(script.stack().stats().tcp_bad_options, 0);
}

#[test]
fn a_syn_has_the_mss_of_the_mtu_and_nothing_else_has_one() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    let syn_ack = script.hear();
    assert_eq!(syn_ack.mss, Some(1460), "MUST-67: the MTU of 1500, less 40");
    script.port = 81;
    script.peer_port = 5001;
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    assert_eq!(syn.mss, Some(1460));
    script.port = syn.ports.0;
    let ack = Some(syn.seq.wrapping_add(1));
    script.say(&Spoken { seq: 9000, ack, flags: "S", window: 9000, ..Spoken::default() });
    script.write(id, b"data");
    script.shut(id);
    let heard = script.heard();
    assert!(heard.len() >= 2 && heard.iter().all(|heard| heard.mss.is_none()), "MUST-65");
}

#[test]
fn without_an_mss_segments_have_536_bytes() {
    let mut script = Script::new(Config {
        tcp: TcpConfig { tcp_timestamps: false, ..TcpConfig::default() },
        ..Config::default()
    });
    let listener = script.listen(1);
    script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    let ack = script.hear().seq.wrapping_add(1);
    script.say(&Spoken { seq: 9001, ack: Some(ack), window: 9000, ..Spoken::default() });
    let (id, _) = script.stack().accept(listener).unwrap();
    script.write(id, &[1; 1072]);
    assert_eq!(script.heard().iter().map(|heard| heard.data.len()).collect::<Vec<_>>(), [536, 536]);
}

#[test]
fn options_that_are_sent_are_padded() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    // MSS alone, then with timestamps, window scale and SACK: each a multiple of four bytes, which another parser reads whole.
    let offers = [
        Spoken::default(),
        Spoken { scale: Some(3), ..Spoken::default() },
        Spoken { timestamps: Some((1, 0)), sack_permitted: true, scale: Some(3), ..Spoken::default() },
    ];
    for (n, offer) in (0u16..).zip(offers) {
        script.peer_port = 5000 + n;
        script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..offer });
        let syn_ack = script.hear();
        assert_eq!((syn_ack.mss, syn_ack.timestamps.is_some()), (Some(1460), n == 2));
    }
}
