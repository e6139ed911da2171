//! SYNs from addresses that never answer, and how often the target asks them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use smoltcp::wire::TcpControl;

use super::link::Link;
use super::report::Flood;
use super::segment::Segment;

/// The benchmark network of RFC 2544, 198.18.0.0/15: nobody's on the Internet.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// Addresses of it that SYNs come from; the next port follows.
const ADDRESSES: u32 = 100_000;
/// The first port.
const PORT: u16 = 1024;

/// `total` SYNs, each from an address and a port of its own; then answers are counted for `linger`.
pub fn run(
    link: &mut Link,
    target: SocketAddrV4,
    (rate, total): (u32, u64),
    linger: Duration,
    mut sent: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Flood> {
    let mut answers = Answers { counts: vec![0; usize::try_from(total)?], wrong: 0 };
    let start = Instant::now();
    link.attack(rate, total, |n| syn(n as u32, target), |heard| answers.count(heard))?; // 23 bits
    let milliseconds = start.elapsed().as_millis();
    sent()?;
    link.listen(linger, |heard| {
        answers.count(heard);
        false
    })?;
    let counts = &answers.counts;
    Ok(Flood {
        sent: link.sent,
        milliseconds,
        refused: link.refused,
        missed: link.missed()?,
        answered: counts.iter().filter(|count| **count > 0).count(),
        answers: counts.iter().map(|count| u64::from(*count)).sum(),
        most_for_one: counts.iter().max().copied().unwrap_or(0),
        wrong: answers.wrong,
    })
}

/// The `n`th SYN.
fn syn(n: u32, target: SocketAddrV4) -> Segment {
    let address = Ipv4Addr::from(u32::from(FIRST) + n % ADDRESSES);
    let from = SocketAddrV4::new(address, PORT + (n / ADDRESSES) as u16); // below 60
    Segment { control: TcpControl::Syn, window: 1000, ..Segment::new(from, target, number(n)) }
}

/// The number of the `n`th SYN.
fn number(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b1)
}

/// SYN-ACKs for each SYN.
struct Answers {
    counts: Vec<u16>,
    /// To the network of the SYNs, and not the answer to one.
    wrong: u64,
}

impl Answers {
    fn count(&mut self, heard: &Segment) {
        let offset = u32::from(*heard.to.ip()).wrapping_sub(u32::from(FIRST));
        if offset >= ADDRESSES {
            return;
        }
        let n = heard.to.port().checked_sub(PORT).map(|port| u32::from(port) * ADDRESSES + offset);
        let of = n.and_then(|n| Some((n, self.counts.get_mut(n as usize)?)));
        match of {
            Some((n, count))
                if heard.control == TcpControl::Syn && heard.ack == Some(number(n).wrapping_add(1)) =>
            {
                *count = count.saturating_add(1);
            }
            _ => self.wrong += 1,
        }
    }
}

#[cfg(test)]
mod tests;
