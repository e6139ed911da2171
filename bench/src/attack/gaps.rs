//! A connection that sends a byte at every second number.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process;
use std::time::Duration;

use anyhow::Context;
use smoltcp::wire::TcpControl;

use super::link::{Link, PATIENCE};
use super::report::Gaps;
use super::segment::Segment;

/// Of the benchmark network as the addresses of a flood, and none of these.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 1);
/// Our first number.
const FIRST: u32 = 0x7fff_ff00;
/// How long a SYN may take to be answered before it is sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// Opens a connection by hand, and sends `total` bytes, each behind a gap.
pub fn run(
    link: &mut Link,
    target: SocketAddrV4,
    (rate, total): (u32, u64),
    mut sent: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Gaps> {
    let ours = SocketAddrV4::new(ADDRESS, 20_000 + (process::id() % 20_000) as u16); // below 40,000
    let next = FIRST + 1;
    let theirs = open(link, ours, target)?;
    let segment = |seq| Segment { ack: Some(theirs), ..Segment::new(ours, target, seq) };
    link.send(&segment(next))?;
    let before = link.sent;
    // Twice 23 bits.
    let forge = |n: u64| Segment { length: 1, ..segment(next.wrapping_add(1 + 2 * n as u32)) };
    let mut answers = 0;
    link.attack(rate, total, forge, |heard| answers += u64::from(heard.to == ours))?;
    sent()?;
    let bytes = link.sent - before;
    // The byte before the first one makes two of them readable, and they come back.
    link.send(&Segment { length: 1, ..segment(next) })?;
    let mut echoed = 0;
    link.listen(PATIENCE, |heard| {
        answers += u64::from(heard.to == ours);
        if heard.to == ours {
            echoed = echoed.max(heard.length);
        }
        echoed > 0
    })?;
    // It expects the first number behind those that came, and is told the end with each that this can be.
    for n in 0..=2 {
        link.send(&Segment { control: TcpControl::Rst, ack: None, ..segment(next.wrapping_add(n)) })?;
    }
    Ok(Gaps { sent: bytes, refused: link.refused, missed: link.missed()?, answers, echoed })
}

/// The handshake; the number that we expect next.
fn open(link: &mut Link, ours: SocketAddrV4, target: SocketAddrV4) -> anyhow::Result<u32> {
    let syn = Segment { control: TcpControl::Syn, scale: Some(7), ..Segment::new(ours, target, FIRST) };
    let mut theirs = None;
    for _ in 0..PATIENCE.as_secs() {
        link.send(&syn)?;
        link.listen(AGAIN, |heard| {
            let is_answer = heard.to == ours && heard.control == TcpControl::Syn;
            theirs = is_answer.then(|| heard.end());
            is_answer
        })?;
        if theirs.is_some() {
            break;
        }
    }
    theirs.with_context(|| {
        format!("the SYN from {ADDRESS} is not answered: give the target a route to 198.18.0.0/15 through this link")
    })
}
