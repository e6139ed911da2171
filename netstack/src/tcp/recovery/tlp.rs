//! Tail loss probe (RFC 8985 7): when the ACK of the last segments does not come, one segment asks for it long before
//! the retransmission timer would.

use core::time::Duration;

use crate::tcp::connection::{Connection, Env};
use crate::tcp::sack::Blocks;
use crate::tcp::seq::SeqNumber;
use crate::tcp::timers::Timer;
use crate::time::Instant;

/// The shortest PTO: a peer that shares its core answers late without having lost anything (as Linux, two ticks).
const MIN_PTO: Duration = Duration::from_millis(2);

/// A probe that was sent: what it ends with, and whether it was data sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TailProbe {
    end: SeqNumber,
    resent: bool,
}

impl Connection {
    /// RFC 8985 7.2: schedules the probe, in the place of a time-out, while more than one segment flies and nothing is
    /// known to be lost. (With one segment the PTO has room for the peer's delayed ACK, and the RTO is not later.)
    pub(crate) fn set_tail_probe(&mut self, now: Instant) {
        let tail = self.snd.sack && self.snd.flight() > u32::from(self.snd.mss);
        if !tail || self.snd.tail_probe.is_some() || self.scoreboard.is_some() {
            return self.timers.clear(Timer::TailProbe);
        }
        if let Some(srtt) = self.rtt.srtt() {
            self.timers.set(Timer::TailProbe, now + (srtt * 2).max(MIN_PTO));
        }
    }

    /// RFC 8985 7.3: new data if there are any that the peer takes, else the last segment once more.
    pub(crate) fn tail_probe_timeout(&mut self, env: &mut Env<'_>) {
        if self.snd.flight() == 0 || self.scoreboard.is_some() {
            return;
        }
        let new = self.snd.nxt == self.snd.max && self.snd.nxt.before(self.snd.data_end());
        let taken = (self.snd.una + self.snd.wnd).after(self.snd.nxt);
        self.snd.tail_probe = Some(TailProbe { end: self.snd.max, resent: !(new && taken) });
        if new && taken {
            self.snd.force = true;
        } else {
            self.snd.resend_tail = true;
        }
        env.stats.loss_probes += 1;
        self.effects.transmit = true;
        // RFC 8985 7.3: the retransmission timer starts anew.
        self.timers.set(Timer::Retransmit, env.now.plus_nanos(self.rto(env.config)));
    }

    /// RFC 8985 7.4: an ACK of the probe. Unless a DSACK says that both copies arrived, the probe has repaired a loss,
    /// and the congestion control must know.
    pub(crate) fn tail_probe_acked(&mut self, ack: SeqNumber, sacked: &Blocks, env: &mut Env<'_>) {
        let Some(probe) = self.snd.tail_probe.filter(|probe| ack.at_or_after(probe.end)) else { return };
        self.snd.tail_probe = None;
        let both = sacked.iter().next().is_some_and(|(_, end)| end.at_or_before(ack));
        if probe.resent && !both {
            env.stats.loss_probe_recovery += 1;
            self.cc.on_congestion_event(env.now, self.snd.flight());
            self.cc.on_recovery_exit();
        }
    }
}
