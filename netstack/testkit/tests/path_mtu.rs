//! ICMP errors about segments that are out there (RFC 1191, 5461, 5927).

use std::time::Duration;

use corelane_netstack::{Config, Error, State};
use corelane_testkit::{PEER, Script, Spoken, US};
use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, PacketBuilder};

const WINDOW: u16 = 20_000;

/// A router's complaint about our segment with this number.
fn complaint(script: &Script, what: DestUnreachableHeader, seq: u32) -> Vec<u8> {
    let mut quoted = Vec::new();
    let ours =
        PacketBuilder::ipv4(US.octets(), PEER.octets(), 60).tcp(script.port, script.peer_port, seq, 100);
    ours.ack(1).write(&mut quoted, &[]).expect("a vector takes it");
    quoted.truncate(28); // RFC 792: the header and 8 bytes
    let mut frame = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 254], US.octets(), 64)
        .icmpv4(Icmpv4Type::DestinationUnreachable(what))
        .write(&mut frame, &quoted)
        .expect("a vector takes it");
    frame
}

fn too_big(script: &Script, mtu: u16, seq: u32) -> Vec<u8> {
    complaint(script, DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu }, seq)
}

#[test]
fn a_packet_too_big_makes_segments_smaller_and_sends_them_again() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 3000]);
    assert_eq!(script.heard().len(), 3, "MSS 1000");
    let packet = too_big(&script, 700, ours);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 660);
    let again = script.heard();
    assert_eq!(again.first().map(|heard| (heard.seq, heard.data.len())), Some((ours, 660)), "{again:?}");
    assert_eq!(script.stack().stats().timeouts, 0, "without waiting for the timer");
    script.say(&Spoken {
        seq: theirs,
        ack: Some(ours.wrapping_add(3000)),
        window: WINDOW,
        ..Spoken::default()
    });
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}

#[test]
fn complaints_that_can_not_be_are_ignored() {
    let mut script = Script::new(Config::default());
    let (id, _, ours) = script.accept(WINDOW);
    script.write(id, &[1; 3000]);
    script.heard();
    // RFC 5927: the number must be out there; a larger MTU says nothing.
    for (mtu, seq) in [(700, ours.wrapping_sub(1)), (700, ours.wrapping_add(3000)), (9000, ours)] {
        let packet = too_big(&script, mtu, seq);
        script.say_raw(&packet);
        assert_eq!(script.stack().info(id).unwrap().snd_mss, 1000, "MTU {mtu}, number {seq}");
    }
    // And none makes it smaller than Linux's min_pmtu of 552.
    let packet = too_big(&script, 68, ours);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 512);
}

#[test]
fn an_unreachable_host_is_only_a_reason_should_the_retries_run_out() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    let packet = complaint(&script, DestUnreachableHeader::Host, syn.seq);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent, "RFC 5461: soft");
    assert_eq!(script.stack().take_error(id), Ok(None));
    script.pass(Duration::from_secs(130));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::HostUnreachable)));
}

#[test]
fn what_a_router_said_is_forgotten_after_ten_minutes() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 1000]);
    let packet = too_big(&script, 700, ours);
    script.say_raw(&packet);
    let all = ours.wrapping_add(1000);
    script.say(&Spoken { seq: theirs, ack: Some(all), window: WINDOW, ..Spoken::default() });
    script.pass(Duration::from_secs(590));
    script.heard();
    script.write(id, &[1; 1000]);
    let sizes = |heard: Vec<corelane_testkit::Heard>| heard.iter().map(|h| h.data.len()).collect::<Vec<_>>();
    assert_eq!(sizes(script.heard())[0], 660);
    let all = all.wrapping_add(1000);
    script.say(&Spoken { seq: theirs, ack: Some(all), window: WINDOW, ..Spoken::default() });
    script.pass(Duration::from_secs(20));
    script.heard();
    script.write(id, &[1; 1000]);
    assert_eq!(sizes(script.heard()), [1000], "mtu_expires 600 s");
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 1000);
}
