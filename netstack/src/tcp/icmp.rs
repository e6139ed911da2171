//! ICMP errors about segments of ours (RFC 5461, RFC 5927).

use super::connection::Connection;
use super::seq::SeqNumber;
use super::state::State;
use super::table::{FourTuple, Owner};
use super::{Net, Tcp};
use crate::error::Error;
use crate::wire::icmp::{self, IcmpError};

impl Tcp {
    /// An ICMP error that quotes a segment of ours.
    pub(crate) fn icmp_error(
        &mut self,
        error: &IcmpError,
        tuple: FourTuple,
        sequence: u32,
        net: &mut Net<'_>,
    ) {
        let Some(owner) = self.lookup(&tuple) else {
            net.stats.icmp_in_errors += 1;
            return;
        };
        // What is half open or over is ended by its own timer.
        let Owner::Connection(id) = owner else { return };
        let Some(connection) = self.connections.get_mut(id) else { return };
        // RFC 5927 4.1: it must be about something that is out there. Only who sees our segments knows such a number.
        let seq = SeqNumber(sequence);
        if seq.before(connection.snd.una) || seq.at_or_after(connection.snd.nxt) {
            net.stats.out_of_window_icmps += 1;
            return;
        }
        connection.unpredict();
        match error {
            IcmpError::PacketTooBig(_) if !connection.snd.syn_acked => return, // no SYN is too big
            IcmpError::PacketTooBig(mtu) => {
                connection.learn_path_mtu((*mtu).max(net.ip.min_pmtu()), net.now + net.ip.mtu_expires());
            }
            // RFC 6633: it tells nothing.
            IcmpError::SourceQuench => return,
            IcmpError::Unreachable(code) if connection.is_refused_by(*code) => {
                net.stats.tcp_attempt_fails += 1;
                connection.fail(Error::ConnectionRefused);
            }
            // RFC 5461: soft; the reason, should the retries run out.
            _ => connection.app.soft_error = Some(Error::HostUnreachable),
        }
        self.settle(id);
    }
}

impl Connection {
    /// Hard errors (RFC 9293 3.9.2.2) end an opening. An open connection has been heard of from its peer, so whoever says that
    /// there is no such port there lies or is confused (RFC 5927 5.2; as Linux).
    fn is_refused_by(&self, code: u8) -> bool {
        self.machine.get() == State::SynSent
            && matches!(code, icmp::PROTOCOL_UNREACHABLE | icmp::PORT_UNREACHABLE)
    }
}
