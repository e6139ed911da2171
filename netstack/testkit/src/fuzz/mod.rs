//! Harnesses for fuzzing: an input is a script of what an attacker on the link does to two stacks that talk.
//!
//! They run under cargo-fuzz (`netstack/fuzz`), in the `fuzz_frames` program on stable Rust, and on some seeds as
//! tests. A failed check panics.

mod attack;
mod bed;
mod conversation;
pub(crate) mod frame;
mod options;
mod reader;
mod seeds;

use std::time::Duration;

use corelane_netstack::{Error, SocketId};

use attack::Attack;
use bed::Bed;
use reader::Reader;

pub use conversation::conversation;
pub use options::options;
pub use seeds::input;

/// Steps of one input at most: a longer input would only repeat what a short one does.
const STEPS: usize = 200;
/// How long the connection may take to come back after the attack: ARP has to find the peer again, and the
/// retransmission time-out may have been doubled a few times.
const RECOVERY: Duration = Duration::from_secs(600);

/// Arbitrary frames into a stack that holds live connections.
///
/// # Panics
/// When the stack does; when the connection that was not attacked does not work at the end; when a connection, a
/// timer or a buffer is left after all is closed.
pub fn frames(input: &[u8]) {
    let mut bed = Bed::new();
    let witness = bed.connect();
    let victim = bed.connect();
    let port = |bed: &Bed, id| bed.client.stack.local_addr(id).expect("it is open").port();
    bed.victim = port(&bed, victim);
    let attack = Attack { witness, witness_port: port(&bed, witness), victim };
    check_echo(&mut bed, witness, b"before");
    check_echo(&mut bed, victim, b"before");

    let mut reader = Reader::new(input);
    for _ in 0..STEPS {
        if reader.is_empty() {
            break;
        }
        attack.step(&mut bed, &mut reader);
    }

    let text: Vec<u8> = (0..5000_u32).map(|i| (i * 7) as u8).collect(); // any pattern that is longer than a segment
    check_echo(&mut bed, witness, &text);
    for id in [attack.witness, attack.victim] {
        bed.client.stack.close(id).expect("the client holds it");
    }
    bed.advance(Duration::from_secs(1));
    bed.shut_down();
    bed.check_empty();
}

/// What is written comes back.
fn check_echo(bed: &mut Bed, id: SocketId, text: &[u8]) {
    let deadline = bed.now + RECOVERY;
    let (mut written, mut echoed) = (0, Vec::<u8>::new());
    let mut buffer = [0; 4096];
    while echoed.len() < text.len() {
        assert!(bed.now < deadline, "{} of {} bytes came back", echoed.len(), text.len());
        let stack = &mut bed.client.stack;
        match stack.write(id, &text[written..]) {
            Ok(n) => written += n,
            Err(Error::WouldBlock) => {}
            Err(error) => panic!("writing to the connection that nobody attacked: {error}"),
        }
        match stack.read(id, &mut buffer) {
            Ok(0) => panic!("the connection that nobody attacked was closed"),
            Ok(n) => echoed.extend(&buffer[..n]),
            Err(Error::WouldBlock) => bed.advance(Duration::from_millis(10)),
            Err(error) => panic!("reading from the connection that nobody attacked: {error}"),
        }
    }
    assert!(echoed == text, "other bytes came back");
}

#[cfg(test)]
mod tests;
