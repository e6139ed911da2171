//! Much of what costs a little: the others are served meanwhile.

use std::time::Duration;

use corelane_netstack::{Config, Instant, State, TcpConfig};
use corelane_nic::{Checksum, RxBurst, RxFrame};
use corelane_testkit::{Forged, Spoken};

use crate::support::{Bed, Live, Offer, WINDOW};

fn bed() -> (Bed, Live, Live) {
    let mut bed = Bed::new(Config::default());
    let victim = bed.open(5000, Offer { scale: Some(7), sack: true, ..Offer::default() });
    let witness = bed.open(5001, Offer::default());
    (bed, victim, witness)
}

#[test]
fn ninety_thousand_gapped_bytes_starve_nobody() {
    let (mut bed, victim, mut witness) = bed();
    let slots = bed.script.stack().pool().config().slots as usize;
    for n in 0..90_000u32 {
        bed.script.peer_port = victim.port;
        bed.script.say_forged(&Forged {
            seq: victim.theirs.wrapping_add(1 + 2 * n),
            data: b"x",
            ..Bed::forged(&victim, Forged::ACK)
        });
        if n % 5000 == 0 {
            bed.echo(&mut witness);
            bed.script.pass(Duration::from_millis(10));
        }
    }
    bed.script.heard();
    let used = slots - bed.script.stack().pool().available();
    assert!(used < slots, "the device still has buffers: {used} of {slots} are used");
    let stats = *bed.script.stack().stats();
    assert!(
        stats.ofo_queue == 512 && stats.ofo_drop > 0 && used <= 1,
        "kept up to twice the receive buffer, in copies of 512 bytes: {} {}, {used}",
        stats.ofo_queue,
        stats.ofo_drop
    );
    assert_eq!(bed.state(&victim), State::Established);
    bed.echo(&mut witness);
    bed.script.peer_port = victim.port;
    bed.script.say(&Spoken { flags: "R", ..bed.ack(&victim) });
    bed.script.stack().close(victim.id).unwrap();
    bed.finish(vec![witness]);
}

#[test]
fn a_flood_of_empty_acks_and_of_unknown_ports_starves_nobody() {
    let (mut bed, victim, mut witness) = bed();
    for n in 0..20_000u32 {
        bed.script.peer_port = victim.port;
        bed.script.say(&bed.ack(&victim));
        bed.script.port = 81;
        bed.script.say_forged(&Forged { seq: n, flags: Forged::ACK, ..Forged::default() });
        bed.script.port = 80;
        if n % 1000 == 0 {
            bed.echo(&mut witness);
        }
    }
    bed.script.heard();
    bed.finish(vec![victim, witness]);
}

#[test]
fn a_flood_of_syns_fills_a_bounded_queue() {
    let (mut bed, _, mut witness) = bed();
    let most = Config::default().tcp.tcp_max_syn_backlog;
    for n in 0..3 * most as u32 {
        bed.script.peer_port = 10_000 + (n % 50_000) as u16; // below 60,000
        bed.script.say_forged(&Forged { seq: n, flags: Forged::SYN, window: WINDOW, ..Forged::default() });
        bed.script.heard();
    }
    assert!(bed.script.stack().half_open() <= most, "{}", bed.script.stack().half_open());
    bed.echo(&mut witness);
    bed.script.pass(Duration::from_secs(200));
    assert_eq!(bed.script.stack().half_open(), 0, "they are forgotten");
    bed.echo(&mut witness);
}

#[test]
fn a_peer_that_takes_a_byte_at_a_time_costs_what_was_written() {
    let (mut bed, mut victim, mut witness) = bed();
    let limit = Config::default().tcp.tcp_wmem.max;
    let mut written = 0;
    while let Ok(n) = bed.script.stack().write(victim.id, &[7; 10_000]) {
        written += n;
    }
    assert!(written <= limit, "{written}");
    bed.script.run();
    let buffers = bed.script.stack().buffers_in_use();
    for _ in 0..2000 {
        victim.ours = victim.ours.wrapping_add(1);
        bed.script.peer_port = victim.port;
        bed.script.say(&Spoken { window: 1, ..bed.ack(&victim) });
        bed.script.pass(Duration::from_millis(5));
        bed.script.heard();
    }
    assert!(bed.script.stack().buffers_in_use() <= buffers);
    let info = bed.script.stack().info(victim.id).unwrap();
    assert_eq!(info.bytes_acked, 2000, "it can be seen");
    bed.echo(&mut witness);
    bed.script.peer_port = victim.port;
    bed.script.say(&Spoken { flags: "R", ..bed.ack(&victim) });
    bed.script.stack().close(victim.id).unwrap();
    bed.finish(vec![witness]);
}

#[test]
fn tiny_segments_and_blocks_without_number_change_nothing_for_others() {
    let (mut bed, _, mut witness) = bed();
    // CVE-2019-11477 to 11479: an MSS of 48, and SACK blocks that cut what is out into as many pieces as there are segments.
    bed.script.peer_port = 6000;
    let syn = Forged { seq: 9000, flags: Forged::SYN, window: u16::MAX, ..Forged::default() };
    bed.script.say_forged(&Forged { options: &[2, 4, 0, 1, 3, 3, 5, 1, 1, 1, 4, 2], ..syn });
    let mut ours = bed.script.hear().seq.wrapping_add(1);
    let ack = |ours: u32, options: &[u8], bed: &mut Bed| {
        bed.script.peer_port = 6000;
        let segment =
            Forged { seq: 9001, ack: ours, flags: Forged::ACK, window: u16::MAX, ..Forged::default() };
        bed.script.say_forged(&Forged { options, ..segment });
    };
    ack(ours, &[], &mut bed);
    let (id, _) = bed.script.stack().accept(bed.listener).unwrap();
    // Until cwnd lets a thousand segments out.
    for n in 0.. {
        let info = bed.script.stack().info(id).unwrap();
        assert!(n < 300, "it does not grow: {info:?}");
        if info.unacked >= 40_000 {
            break;
        }
        let _ = bed.script.stack().write(id, &[1; 200_000]);
        bed.script.run();
        for heard in bed.script.heard() {
            if heard.seq == ours && !heard.data.is_empty() {
                ours = ours.wrapping_add(heard.data.len() as u32); // a segment
            }
        }
        ack(ours, &[], &mut bed);
    }
    bed.script.heard();
    let buffers = bed.script.stack().buffers_in_use();
    let mut sent = 0;
    for n in 0..3000u32 {
        let at = |k: u32| ours.wrapping_add(48 * (1 + (2 * (n + 700 * k)) % 2000));
        let blocks =
            (0..4).flat_map(|k| [at(k).to_be_bytes(), at(k).wrapping_add(48).to_be_bytes()].concat());
        let options: Vec<u8> = [1, 1, 5, 34].into_iter().chain(blocks).collect();
        ack(ours, &options, &mut bed);
        sent += bed.script.heard().len();
        if n % 500 == 0 {
            bed.echo(&mut witness);
        }
    }
    // What is sent in answer is bounded by what was out, not by what the peer says.
    assert!(sent < 10_000, "{sent}");
    assert!(bed.script.stack().buffers_in_use() <= buffers);
    bed.echo(&mut witness);
    bed.script.peer_port = 6000;
    bed.script.say_forged(&Forged { seq: 9001, flags: Forged::RST, ..Forged::default() });
    bed.script.stack().close(id).unwrap();
    bed.echo(&mut witness);
}

#[test]
fn what_all_connections_write_is_bounded_together() {
    let tcp = TcpConfig { tcp_mem: 1 << 20, ..TcpConfig::default() };
    let mut bed = Bed::new(Config { tcp, ..Config::default() });
    let lives: Vec<Live> = (0..40).map(|n| bed.open(5000 + n, Offer::default())).collect();
    let mut written = 0;
    for live in &lives {
        bed.script.peer_port = live.port;
        bed.script.say(&Spoken { window: 0, ..bed.ack(live) });
        while let Ok(n) = bed.script.stack().write(live.id, &[7; 10_000]) {
            written += n;
        }
    }
    assert!((1 << 19..=1 << 20).contains(&written), "tcp_mem 1 MiB: {written}");
    // What one gives back another can have.
    bed.script.peer_port = lives[0].port;
    bed.script.say(&Spoken { flags: "R", ..bed.ack(&lives[0]) });
    bed.script.run();
    assert!(bed.script.stack().write(lives[39].id, b"at last").is_ok());
    for live in &lives {
        bed.script.stack().abort(live.id).unwrap();
    }
    bed.check_home();
}

#[test]
fn what_nobody_reads_leaves_buffers_for_the_others() {
    let mut bed = Bed::new(Config::default());
    let mut witness = bed.open(4999, Offer::default());
    let mut lives: Vec<Live> = (0..100).map(|n| bed.open(5000 + n, Offer::default())).collect();
    for round in 0..100 {
        for live in &mut lives {
            bed.script.peer_port = live.port;
            bed.script.say(&Spoken { data: &[7; 500], ..bed.ack(live) });
            live.theirs += 500;
        }
        bed.script.heard();
        if round % 20 == 0 {
            bed.echo(&mut witness);
        }
    }
    let pool = bed.script.stack().pool();
    assert!(pool.available() > pool.config().reserve as usize, "the device still has buffers");
    bed.echo(&mut witness);
    for live in &lives {
        bed.script.stack().abort(live.id).unwrap();
    }
    bed.finish(vec![witness]);
}

/// RFC 9293 3.10.7.3: SYN-SENT answers each ACK of what was never sent by a RST, and waits on.
#[test]
fn resets_that_the_device_does_not_take_are_bounded() {
    const WRONG: usize = 1000;
    const KEPT: usize = 256;
    let (mut bed, victim, witness) = bed();
    let script = &mut bed.script;
    script.peer_port = 5002;
    let remote = script.peer_addr();
    let opening = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    let wrong = script.build(&Spoken { seq: 1, ack: Some(syn.seq), flags: "S", ..Spoken::default() });
    let now = Instant::from_nanos(script.now().as_nanos() as u64); // the test takes no centuries
    let pool = script.stack().pool().clone();
    let mut rx = RxBurst::with_capacity(1);
    for _ in 0..WRONG {
        let mut packet = pool.take().expect("none is kept");
        packet.extend_from_slice(&wrong);
        rx.push(RxFrame { packet, checksum: Checksum::Unknown, hash: None });
        script.stack().receive(now, &mut rx);
    }
    script.stack().abort(victim.id).unwrap();
    script.stack().expire(now);
    let stats = script.stack().stats();
    assert_eq!(stats.abort_failed, (WRONG - KEPT) as u64, "counted while the device still takes nothing");
    script.run();
    let heard = script.heard();
    assert!(heard.iter().all(|heard| heard.flags == "R"));
    assert_eq!(heard.len(), KEPT + 1, "and the end of a connection, which is said once");
    assert_eq!(heard.last().unwrap().ports.1, victim.port);
    script.stack().abort(opening).unwrap();
    script.port = 80;
    bed.finish(vec![witness]);
}
