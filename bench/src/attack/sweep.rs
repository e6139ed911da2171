//! RSTs or SYNs through the window of a live connection (RFC 5961).

use std::net::SocketAddrV4;
use std::time::Duration;

use smoltcp::wire::TcpControl;

use super::link::Link;
use super::live::Live;
use super::report::Sweep;

/// How long challenges may be on their way after the last segment: half a second is between two of a connection.
const LATE: Duration = Duration::from_millis(700);
/// How long another connection may wait for its challenge; it takes a turn, on a machine that does something else.
const CHALLENGE: Duration = Duration::from_secs(3);

/// Sweeps `total` segments, all with another number than the next one; then looks at both connections.
pub fn run(
    link: &mut Link,
    target: SocketAddrV4,
    control: TcpControl,
    (rate, total): (u32, u64),
    mut sent: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Sweep> {
    let mut victim = Live::open(link, target)?;
    let mut other = Live::open(link, target)?;
    let window = u64::from(victim.window.max(2) - 1);
    // The product of 23 and 30 bits; the quotient is below the window.
    let forge = |n: u64| victim.forge(control, 1 + (n * window / total) as u32);
    let (mut challenges, mut strangers) = (0, 0);
    let mut count = |heard: &super::Segment| {
        if heard.to == victim.ours {
            challenges += u64::from(heard.is_ack_only());
            strangers += u64::from(!heard.is_ack_only());
        }
        false
    };
    link.attack(rate, total, forge, |heard| {
        count(heard);
    })?;
    link.listen(LATE, &mut count)?;
    sent()?;
    let sent = link.sent;
    // What the victim got must not have been taken from the other.
    link.send(&other.forge(TcpControl::Rst, 1000.min(other.window / 2)))?;
    let mut challenged = false;
    link.listen(CHALLENGE, |heard| {
        challenged = heard.to == other.ours && heard.is_ack_only();
        challenged
    })?;
    Ok(Sweep {
        sent,
        refused: link.refused,
        missed: link.missed()?,
        window: victim.window,
        challenges,
        strangers,
        victim_echoes: victim.echoes(),
        other_challenged: challenged,
        other_echoes: other.echoes(),
    })
}
