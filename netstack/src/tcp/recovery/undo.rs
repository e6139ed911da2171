//! What was no loss: the window goes back to what it was (RFC 3522 by timestamps, RFC 3708 by DSACK, RFC 4015).

use crate::stats::Stats;
use crate::tcp::congestion::Phase;
use crate::tcp::connection::{Connection, Env};
use crate::tcp::seq::SeqNumber;

impl Connection {
    /// A reduction begins that may turn out to be a mistake.
    pub(super) fn begin_undo(&mut self) {
        let repair = self.recovery.repair_mut();
        repair.undo_marker = Some(self.snd.una);
        // What was sent again before may be named by a DSACK, too.
        let out = self.flight.resent_bytes().div_ceil(u32::from(self.snd.mss).max(1));
        repair.undo_retrans = (out > 0).then_some(out);
    }

    /// RFC 3522: the peer's echo is older than the first retransmission, so it answers the original.
    fn is_delayed(&self, echo: Option<u32>) -> bool {
        match (self.timestamps, self.recovery.repair().retrans_stamp, echo) {
            (Some(_), Some(stamp), Some(echo)) => SeqNumber(echo).before(SeqNumber(stamp)),
            _ => false,
        }
    }

    fn may_undo(&self, echo: Option<u32>) -> bool {
        let repair = self.recovery.repair();
        repair.undo_marker.is_some() && (repair.undo_retrans == Some(0) || self.is_delayed(echo))
    }

    /// The window as it was; `spare`: what is marked lost is not.
    fn undo_reduction(&mut self, spare: bool) {
        if spare {
            self.flight.spare_lost();
        }
        if !self.recovery.repair().keeps_reduction {
            self.cc.undo();
            self.withdraw_cwr();
        }
        self.recovery.forget_undo();
        self.recovery.rack.look_again();
    }

    /// Without SACK the phase stays until something beyond `high_seq` is acknowledged: late duplicates of what was sent
    /// again would start another recovery (RFC 6582 3.2).
    fn must_wait(&mut self) -> bool {
        let waits = !self.snd.sack && self.snd.una == self.recovery.high_seq && !self.flight.is_empty();
        if waits && !self.any_resent() {
            self.recovery.forget_retrans_stamp();
        }
        waits
    }

    /// All of the window is acknowledged. `true`: the phase stays for now.
    pub(super) fn try_undo_recovery(&mut self, echo: Option<u32>, stats: &mut Stats) -> bool {
        if self.may_undo(echo) {
            let was_loss = self.recovery.phase == Phase::Loss;
            self.undo_reduction(false);
            if was_loss {
                stats.loss_undo += 1;
            } else {
                stats.full_undo += 1;
            }
            self.recovery.end_prr(); // cwnd is what it was
        } else {
            self.recovery.rack.recovered(false);
        }
        if self.must_wait() {
            return true;
        }
        if self.recovery.repair().prr.prior_cwnd > 0 {
            self.end_reduction();
        }
        self.recovery.phase = Phase::Open;
        false
    }

    /// DSACKs have named all that was sent again.
    pub(super) fn try_undo_dsack(&mut self, stats: &mut Stats) -> bool {
        let repair = self.recovery.repair();
        let all = repair.undo_marker.is_some() && repair.undo_retrans == Some(0);
        if all {
            self.recovery.rack.recovered(true);
            self.undo_reduction(false);
            stats.dsack_undo += 1;
        }
        all
    }

    /// An ACK in recovery that leaves something: if it answers an original, that was late and not lost. `true`: with
    /// retransmissions out, wait what they bring.
    pub(super) fn try_undo_partial(
        &mut self,
        prior_una: SeqNumber,
        echo: Option<u32>,
        env: &mut Env<'_>,
    ) -> bool {
        if self.recovery.repair().undo_marker.is_none() || !self.is_delayed(echo) {
            return false;
        }
        let high = self.flight.high_sacked(self.snd.una);
        if prior_una.before(high) {
            self.reordered(high.since(prior_una));
            env.stats.ts_reorder += 1;
        }
        if self.flight.resent_bytes() > 0 {
            return true;
        }
        if !self.any_resent() {
            self.recovery.forget_retrans_stamp();
        }
        self.undo_reduction(true);
        env.stats.partial_undo += 1;
        self.keep_open();
        false
    }

    /// The time-out was spurious: by RFC 5682 (`frto`), by timestamps or by DSACK.
    pub(super) fn try_undo_loss(&mut self, frto: bool, echo: Option<u32>, stats: &mut Stats) -> bool {
        if !frto && !self.may_undo(echo) {
            return false;
        }
        self.flight.spare_timed_out();
        self.undo_reduction(false);
        stats.loss_undo += 1;
        if frto {
            stats.spurious_rtos += 1;
        }
        self.snd.retries = 0;
        self.rtt.restart();
        if !self.must_wait() && (frto || self.snd.sack) {
            self.recovery.phase = Phase::Open;
        }
        true
    }
}
