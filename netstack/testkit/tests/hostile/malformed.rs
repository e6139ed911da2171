//! Headers whose lengths lie, and options that can't be.

use corelane_netstack::{Config, Stats};
use corelane_testkit::{Forged, Spoken};

use crate::support::{Bed, Live, Offer, WINDOW};

fn bed() -> (Bed, Live) {
    let mut bed = Bed::new(Config::default());
    let live = bed.open(5000, Offer::default());
    (bed, live)
}

/// Data of the connection in a packet that `spoil` changes: not taken, not answered, counted once by `count`.
#[track_caller]
fn dropped(spoil: impl Fn(&mut Vec<u8>), count: fn(&Stats) -> u64) {
    let (mut bed, live) = bed();
    let mut packet = bed.script.build(&Spoken { data: b"some data", ..bed.ack(&live) });
    spoil(&mut packet);
    bed.script.say_spoiled(packet);
    bed.script.silence();
    assert!(bed.script.stack().read(live.id, &mut [0; 20]).is_err());
    assert_eq!(count(bed.script.stack().stats()), 1);
    bed.finish(vec![live]);
}

#[test]
fn an_ip_header_shorter_than_20_bytes() {
    for words in 0..5 {
        dropped(|packet| packet[0] = 0x40 | words, |stats| stats.ip_in_hdr_errors);
    }
}

#[test]
fn an_ip_header_longer_than_its_packet() {
    dropped(|packet| packet[0] = 0x4f, |stats| stats.ip_in_hdr_errors);
}

#[test]
fn an_ip_length_beyond_the_frame() {
    dropped(|packet| packet[2..4].copy_from_slice(&2000u16.to_be_bytes()), |stats| stats.ip_in_truncated);
    dropped(|packet| packet[2..4].copy_from_slice(&[0xff, 0xff]), |stats| stats.ip_in_truncated);
}

#[test]
fn an_ip_length_shorter_than_its_header() {
    for len in [0u16, 19] {
        dropped(|packet| packet[2..4].copy_from_slice(&len.to_be_bytes()), |stats| stats.ip_in_hdr_errors);
    }
}

#[test]
fn a_segment_shorter_than_its_header() {
    for len in [20u16, 21, 39] {
        dropped(|packet| packet[2..4].copy_from_slice(&len.to_be_bytes()), |stats| stats.tcp_in_errs);
    }
}

#[test]
fn a_packet_cut_anywhere() {
    let (mut bed, live) = bed();
    let packet = bed.script.build(&Spoken { data: b"some data", ..bed.ack(&live) });
    for len in 1..packet.len() {
        let cut = packet[..len].to_vec();
        bed.script.say_raw(&cut);
    }
    bed.script.silence();
    let stats = bed.script.stack().stats();
    assert_eq!(
        stats.ip_in_truncated + stats.ip_in_hdr_errors + stats.in_frame_errors,
        packet.len() as u64 - 1,
        "each is counted"
    );
    bed.finish(vec![live]);
}

#[test]
fn a_data_offset_below_five_or_beyond_the_segment() {
    for words in [0, 1, 4, 8, 15] {
        let (mut bed, live) = bed();
        let forged =
            Forged { data_offset: Some(words), data: b"some data", ..Bed::forged(&live, Forged::ACK) };
        bed.script.say_forged(&forged);
        bed.script.silence();
        assert_eq!(bed.script.stack().stats().tcp_in_errs, 1, "{words} words");
        bed.finish(vec![live]);
    }
}

#[test]
fn a_wrong_checksum() {
    let (mut bed, live) = bed();
    let mut packet = bed.script.build(&Spoken { data: b"some data", ..bed.ack(&live) });
    *packet.last_mut().unwrap() ^= 1;
    bed.script.say_raw(&packet);
    bed.script.silence();
    assert_eq!(bed.script.stack().stats().tcp_in_csum_errors, 1);
    bed.finish(vec![live]);
}

#[test]
fn options_whose_length_can_not_be() {
    let bad: [&[u8]; 7] = [
        &[8, 0],                         // timestamps of no length
        &[8, 1, 1, 1],                   // and of one byte
        &[253, 255, 0, 0],               // beyond the header
        &[1, 1, 1, 2],                   // no length at all
        &[2, 3, 5, 0],                   // an MSS of one byte
        &[5, 9, 1, 2, 3, 4, 5, 6, 7, 0], // most of a SACK block
        &[3, 40, 7, 0],                  // a window scale that is longer than all options
    ];
    for options in bad {
        let (mut bed, mut live) = bed();
        bed.script.say_forged(&Forged { options, data: b"data", ..Bed::forged(&live, Forged::ACK) });
        // As Linux: what stands before the malformed option counts, and so do the data.
        assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(4), "{options:?}");
        assert_eq!(bed.script.stack().stats().tcp_bad_options, 1, "{options:?}");
        live.theirs += 4;
        bed.script.heard();
        let syn = Forged { seq: 100, flags: Forged::SYN, window: WINDOW, options, ..Forged::default() };
        bed.script.peer_port = 6000;
        bed.script.say_forged(&syn);
        assert_eq!(bed.script.heard()[0].flags, "S", "{options:?}");
        bed.script.say_forged(&Forged { seq: 101, flags: Forged::RST, ..Forged::default() });
        bed.finish(vec![live]);
    }
}

#[test]
fn options_that_nobody_knows_are_skipped() {
    let (mut bed, mut live) = bed();
    let options = [254, 4, 1, 2, 30, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 18];
    bed.script.say_forged(&Forged {
        options: &options[..16],
        data: b"data",
        ..Bed::forged(&live, Forged::ACK)
    });
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(4));
    assert_eq!(bed.script.stack().stats().tcp_bad_options, 0);
    live.theirs += 4;
    bed.finish(vec![live]);
}

/// A connection whose SYN has these options; what it sends of `len` bytes at once.
fn first_flight(bed: &mut Bed, options: &[u8], window: u16, len: usize) -> (Live, Vec<usize>) {
    bed.script.peer_port = 5000;
    let syn = Forged { seq: 9000, flags: Forged::SYN, window, options, ..Forged::default() };
    bed.script.say_forged(&syn);
    let ours = bed.script.hear().seq.wrapping_add(1);
    bed.script.say_forged(&Forged { seq: 9001, ack: ours, flags: Forged::ACK, window, ..Forged::default() });
    let (id, _) = bed.script.stack().accept(bed.listener).expect("it is open");
    bed.script.write(id, &vec![9; len]);
    let sizes = bed.script.heard().iter().map(|heard| heard.data.len()).collect();
    (Live { port: 5000, id, theirs: 9001, ours, timestamps: None }, sizes)
}

#[test]
fn a_window_scale_of_255_counts_as_14() {
    let mut bed = Bed::new(Config::default());
    let (live, sizes) = first_flight(&mut bed, &[2, 4, 5, 0, 3, 3, 255], 1, 40_000);
    assert_eq!(sizes.iter().sum::<usize>(), 10 * 1280, "the window is 16 KiB, and ten segments fly");
    assert_eq!(bed.script.stack().info(live.id).unwrap().snd_wnd, 1 << 14, "RFC 7323 2.3");
    bed.script.say(&Spoken { flags: "R", ..bed.ack(&live) });
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_tiny_mss_does_not_make_tiny_segments() {
    for (mss, full) in [(0u16, 536), (1, 48), (48, 48), (96, 96)] {
        let mut bed = Bed::new(Config::default());
        let [high, low] = mss.to_be_bytes();
        let (mut live, sizes) = first_flight(&mut bed, &[2, 4, high, low], 1000, 96);
        let expected: Vec<usize> = if full > 96 { vec![96] } else { vec![full; 96 / full] };
        assert_eq!(sizes, expected, "MSS {mss}: tcp_min_snd_mss is 48");
        live.ours = live.ours.wrapping_add(96);
        bed.script.say(&bed.ack(&live));
        bed.finish(vec![live]);
    }
}
