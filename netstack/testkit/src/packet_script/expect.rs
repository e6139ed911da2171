//! Whether what the stack sent is what the script says.

use super::flow::Flow;
use super::syntax::TcpPacket;
use super::tcp_option::TcpOption;
use super::wire::Observed;

/// The first thing in which a segment, in the script's numbers, differs from what is expected.
pub(super) fn difference(expected: &TcpPacket, sent: &TcpPacket) -> Option<&'static str> {
    let differs = [
        ("the flags differ", expected.flags != sent.flags),
        ("the sequence number differs", expected.seq != sent.seq),
        ("the length differs", expected.len != sent.len),
        ("the ACK number differs", expected.ack != sent.ack),
        ("the window differs", expected.window.is_some() && expected.window != sent.window),
        ("the urgent pointer differs", expected.urgent.is_some() && expected.urgent != sent.urgent),
        ("the ECN field differs", expected.marks.ecn.is_some() && expected.marks.ecn != sent.marks.ecn),
    ];
    if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
        return Some(what);
    }
    let (Some(expected), Some(sent)) = (&expected.options, &sent.options) else { return None };
    let same = expected.len() == sent.len() && expected.iter().zip(sent).all(|(e, s)| is_same_option(e, s));
    (!same).then_some("the options differ")
}

fn is_same_option(expected: &TcpOption, sent: &TcpOption) -> bool {
    match (expected, sent) {
        // Any cookie.
        (TcpOption::FastOpen(None), TcpOption::FastOpen(Some(cookie))) => !cookie.is_empty(),
        _ => expected == sent,
    }
}

/// Whether `next` goes on where `first` ends, so that a device that cuts segments would have sent them as one.
pub(super) fn continues(first: &Observed, next: &Observed) -> bool {
    let (a, b) = (&first.packet, &next.packet);
    first.at == next.at
        && first.ports == next.ports
        && a.seq.wrapping_add(a.len as u32) == b.seq // below 64 KiB, or the sum of several: far from 2^32
        && b.len > 0
        && a.ack == b.ack
        && a.options == b.options
}

/// Joins `next` to `first`: the flags are those of the last.
pub(super) fn join(first: &mut Observed, next: &Observed) {
    first.packet.len += next.packet.len;
    first.packet.flags |= next.packet.flags;
}

/// What was expected and what came, for a person.
pub(super) fn report(what: &str, expected: &TcpPacket, sent: &Observed, flow: &Flow) -> String {
    let ecn = expected.marks.ecn.is_some();
    let sent = TcpPacket { ports: expected.ports, ..flow.to_script(&sent.packet) };
    format!(
        "{what}\n  expected: > {}\n  sent:     > {}",
        super::wire::notation(expected, ecn),
        super::wire::notation(&sent, ecn)
    )
}
