//! Much of what costs a little: the others are served meanwhile.

use std::time::Duration;

use corelane_netstack::{Config, State};
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
    let slots = bed.script.host.stack.pool().config().slots as usize;
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
    let used = slots - bed.script.host.stack.pool().available();
    assert!(used < slots, "the device still has buffers: {used} of {slots} are used");
    let stats = *bed.script.stack().stats();
    assert!(
        stats.ofo_queue > 100 && stats.ofo_drop > 0,
        "kept up to a bound: {} {}",
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
