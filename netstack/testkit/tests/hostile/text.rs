//! Data, FINs and urgent pointers in the wrong place or at the wrong time.

use std::time::Duration;

use corelane_netstack::{Config, Error, State};
use corelane_testkit::{Forged, Spoken};

use crate::support::{Bed, Live, Offer};

fn bed() -> (Bed, Live) {
    let mut bed = Bed::new(Config::default());
    let live = bed.open(5000, Offer { sack: true, ..Offer::default() });
    (bed, live)
}

/// All that can be read.
fn read(bed: &mut Bed, live: &Live) -> Vec<u8> {
    let mut buffer = [0; 5000];
    let n = bed.script.stack().read(live.id, &mut buffer).unwrap_or(0);
    buffer[..n].to_vec()
}

#[test]
fn urgent_data_are_read_in_line_wherever_the_pointer_points() {
    for urgent in [0, 1, 4, 5, 8, 500, u16::MAX] {
        let (mut bed, mut live) = bed();
        let flags = Forged::ACK | Forged::URG;
        bed.script.say_forged(&Forged { urgent, ..Bed::forged(&live, flags) }); // without data
        bed.script.say_forged(&Forged { urgent, data: b"urgent!!", ..Bed::forged(&live, flags) });
        assert_eq!(read(&mut bed, &live), b"urgent!!", "RFC 6093: in line; the pointer was {urgent}");
        live.theirs += 8;
        // Out of order, with the pointer before, in and behind what is missing.
        bed.script.say_forged(&Forged {
            seq: live.theirs + 8,
            urgent,
            data: b"behind",
            ..Bed::forged(&live, flags)
        });
        bed.script.say_forged(&Forged { urgent, data: b"in front", ..Bed::forged(&live, flags) });
        assert_eq!(read(&mut bed, &live), b"in frontbehind");
        live.theirs += 14;
        bed.finish(vec![live]);
    }
}

#[test]
fn an_urgent_pointer_without_its_flag_means_nothing() {
    let (mut bed, mut live) = bed();
    bed.script.say_forged(&Forged { urgent: 3, data: b"calm", ..Bed::forged(&live, Forged::ACK) });
    assert_eq!(read(&mut bed, &live), b"calm");
    live.theirs += 4;
    bed.finish(vec![live]);
}

#[test]
fn a_fin_before_its_data_waits_for_them() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { seq: live.theirs + 4, flags: "F", data: b"last", ..bed.ack(&live) });
    assert_eq!(bed.script.heard().last().unwrap().ack, Some(live.theirs), "a duplicate ACK");
    assert_eq!(bed.state(&live), State::Established);
    bed.script.say(&Spoken { data: b"next", ..bed.ack(&live) });
    assert_eq!(bed.script.heard().last().unwrap().ack, Some(live.theirs + 9), "data and FIN");
    assert_eq!(bed.state(&live), State::CloseWait);
    assert_eq!(read(&mut bed, &live), b"nextlast");
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(0));
    bed.script.stack().abort(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_second_fin_elsewhere_moves_nothing() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { seq: live.theirs + 8, flags: "F", ..bed.ack(&live) });
    bed.script.say(&Spoken { seq: live.theirs + 2, flags: "F", ..bed.ack(&live) });
    bed.script.say(&Spoken { data: b"12345678", ..bed.ack(&live) });
    assert_eq!(read(&mut bed, &live), b"12345678");
    assert_eq!(bed.state(&live), State::CloseWait);
    // Behind the FIN there is nothing.
    bed.script.say(&Spoken { seq: live.theirs + 9, data: b"more", ..bed.ack(&live) });
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(0));
    bed.script.stack().abort(live.id).unwrap();
    bed.check_home();
}

#[test]
fn data_behind_a_fin_go_when_it_is_taken() {
    let (mut bed, live) = bed();
    let next = live.theirs + 1;
    bed.script.say(&Spoken { seq: next, data: b"more", ..bed.ack(&live) });
    assert_eq!(bed.script.hear().sack, [(next, next + 4)]);
    bed.script.say(&Spoken { flags: "F", ..bed.ack(&live) });
    let answer = bed.script.hear();
    assert_eq!((answer.ack, answer.sack), (Some(next), vec![]), "no block of what lies behind the end");
    assert_eq!(bed.state(&live), State::CloseWait);
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(0));
    bed.script.stack().abort(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_fin_that_data_go_past_was_none() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { seq: live.theirs + 4, flags: "F", ..bed.ack(&live) });
    bed.script.say(&Spoken { data: b"12345678", ..bed.ack(&live) });
    assert_eq!(read(&mut bed, &live), b"12345678");
    assert_eq!(bed.state(&live), State::Established);
    bed.script.say(&Spoken { seq: live.theirs + 8, flags: "F", ..bed.ack(&live) });
    assert_eq!(bed.state(&live), State::CloseWait);
    bed.script.stack().abort(live.id).unwrap();
    bed.check_home();
}

#[test]
fn where_segments_disagree_the_first_copy_wins() {
    let (mut bed, mut live) = bed();
    let at = |offset: u32, data: &'static [u8], live: &Live, bed: &Bed| Spoken {
        seq: live.theirs + offset,
        data,
        ..bed.ack(live)
    };
    for (offset, data) in [(4, b"efgh" as &[u8]), (2, b"CDEFGHIJ"), (4, b"XXXX"), (8, b"YY"), (12, b"mn")] {
        let spoken = at(offset, data, &live, &bed);
        bed.script.say(&spoken);
    }
    let spoken = at(0, b"abcdefghijklmn", &live, &bed);
    bed.script.say(&spoken);
    // From the segment at 2: C and D, I and J; from the last one what was still missing.
    assert_eq!(read(&mut bed, &live), b"abCDefghIJklmn");
    live.theirs += 14;
    // What was read is not read again, whatever it says now.
    bed.script.say(&Spoken { seq: live.theirs - 14, data: b"ABCDEFGHIJKLMNop", ..bed.ack(&live) });
    assert_eq!(read(&mut bed, &live), b"op");
    live.theirs += 2;
    bed.finish(vec![live]);
}

#[test]
fn data_beyond_the_window_are_cut_off() {
    let (mut bed, live) = bed();
    let window = bed.script.stack().info(live.id).unwrap().rcv_wnd;
    let edge = live.theirs + window;
    bed.script.say(&Spoken { seq: edge - 4, data: b"12345678", ..bed.ack(&live) });
    bed.script.say(&Spoken { seq: edge, data: b"56789", ..bed.ack(&live) });
    bed.script.say(&Spoken { seq: edge + 10, data: b"far out", ..bed.ack(&live) });
    let heard = bed.script.heard();
    assert_eq!(heard.len(), 3, "each is answered: {heard:#?}");
    assert!(heard.iter().all(|heard| heard.ack == Some(live.theirs)));
    assert_eq!(bed.script.stack().stats().ofo_queue, 1);
    bed.finish(vec![live]);
}

#[test]
fn flags_that_make_no_sense_together() {
    for flags in [0, Forged::FIN, Forged::URG, Forged::FIN | Forged::URG, 0xc0, 0x08] {
        let (mut bed, live) = bed();
        // RFC 9293 3.10.7.4, fifth: without an ACK it is dropped.
        bed.script.say_forged(&Forged { data: b"data", ..Bed::forged(&live, flags) });
        bed.script.silence();
        assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Err(Error::WouldBlock), "{flags:#x}");
        bed.finish(vec![live]);
    }
    for flags in [0x03, 0x0b, 0x2b, 0x13, 0x3b] {
        let (mut bed, live) = bed();
        bed.script.say_forged(&Forged { data: b"data", ..Bed::forged(&live, flags) });
        assert_eq!(bed.script.hear().flags, "", "SYN and FIN: a challenge");
        assert_eq!(bed.script.stack().stats().syn_challenge, 1);
        bed.finish(vec![live]);
    }
}

#[test]
fn sack_blocks_that_can_not_be_change_nothing() {
    let (mut bed, mut live) = bed();
    bed.script.write(live.id, &[3; 5000]);
    bed.script.heard();
    let una = live.ours;
    let block = |from: u32, to: u32| {
        [una.wrapping_add(from).to_be_bytes(), una.wrapping_add(to).to_be_bytes()].concat()
    };
    let minus = |n: u32| 0u32.wrapping_sub(n);
    let lists = [
        vec![(3000, 2000)],                              // inverted
        vec![(1000, 1000)],                              // empty
        vec![(5000, 9000), (1 << 30, (1 << 30) + 10)],   // never sent
        vec![(minus(2000), minus(1000)), (minus(9), 9)], // before all
        vec![(0, 1 << 31), (minus(1 << 31), minus(1))],  // half of all numbers
        vec![(2000, 1 << 20), (minus(1 << 20), 1000)],   // one end within
    ];
    for blocks in &lists {
        let body: Vec<u8> = blocks.iter().flat_map(|(from, to)| block(*from, *to)).collect();
        let options = [&[1, 1, 5, 2 + body.len() as u8], &body[..]].concat(); // two blocks at most
        bed.script.say_forged(&Forged { options: &options, ..Bed::forged(&live, Forged::ACK) });
    }
    // Overlapping ones that are possible: together they say that 2000..4000 has arrived.
    let body = [block(2000, 3500), block(2500, 4000), block(2000, 3500)].concat();
    let options = [&[1, 1, 5, 26], &body[..]].concat();
    for _ in 0..3 {
        bed.script.say_forged(&Forged { options: &options, ..Bed::forged(&live, Forged::ACK) });
    }
    bed.script.pass(Duration::from_secs(3));
    let info = bed.script.stack().info(live.id).unwrap();
    assert_eq!((info.state, info.unacked), (State::Established, 5000), "nothing was acknowledged");
    assert!(bed.script.heard().iter().any(|heard| heard.seq == una), "what is missing comes again");
    live.ours = una.wrapping_add(5000);
    bed.script.say(&bed.ack(&live));
    bed.finish(vec![live]);
}
