//! Random bytes, and random segments near a live connection.

use std::time::Duration;

use corelane_netstack::{Config, State};
use corelane_sim::Rng;
use corelane_testkit::{Script, Spoken};

const WINDOW: u16 = 20_000;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// Packets of random bytes; half of them start like those of a live connection, some with right checksums.
fn random_packet(script: &Script, rng: &mut Rng, theirs: u32, ours: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..rng.below(200)).map(|_| rng.next_u64() as u8).collect(); // any 8 bits
    if rng.below(2) == 0 {
        return bytes;
    }
    // Never at the expected number: that would be data, or the end.
    let flags = ["", "S", "F", "R", "SF", "FR", "SR", "SFR"][rng.below(8) as usize]; // below 8
    let seq = theirs.wrapping_add(100_000).wrapping_add(rng.next_u64() as u32 >> 1);
    let ack = (rng.below(2) == 0).then(|| ours.wrapping_add(100_000 + (rng.next_u64() as u32 >> 1)));
    let spoken = Spoken { seq, ack, flags, window: WINDOW, data: &bytes, ..Spoken::default() };
    let mut frame = script.build(&spoken);
    if rng.below(2) == 0 {
        let at = rng.below(frame.len() as u64) as usize; // an index
        frame[at] ^= 1 << rng.below(8);
    }
    if rng.below(4) == 0 {
        frame.truncate(rng.below(frame.len() as u64) as usize); // as above
    }
    frame
}

#[test]
fn random_packets_change_nothing_for_a_connection() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    let free = script.stack().pool().available();
    let mut rng = Rng::new(5);
    for round in 0..20_000 {
        let packet = random_packet(&script, &mut rng, theirs, ours);
        script.say_raw(&packet);
        if round % 100 == 0 {
            script.pass(Duration::from_millis(10));
        }
    }
    script.heard();
    assert_eq!(script.stack().info(id).unwrap().state, State::Established);
    script.say(&Spoken { data: b"still here", ..ack(theirs, ours) });
    assert_eq!(script.stack().read(id, &mut [0; 20]), Ok(10));
    script.write(id, b"so are we");
    assert_eq!(script.heard().last().unwrap().data, b"so are we");
    script.say(&ack(theirs + 10, ours.wrapping_add(9)));
    script.say(&Spoken { flags: "R", seq: theirs + 10, ..Spoken::default() });
    script.stack().close(id).unwrap();
    script.pass(Duration::from_secs(200));
    assert_eq!(script.stack().pool().available(), free);
    assert_eq!((script.stack().flows(), script.stack().timers(), script.stack().buffers_in_use()), (0, 0, 0));
}
