//! After a retransmission time-out (RFC 6298 5.4), and whether it was one (F-RTO, RFC 5682).

use super::Retransmit;
use crate::tcp::ack::Outcome;
use crate::tcp::congestion::Phase;
use crate::tcp::connection::{Connection, Env};

impl Connection {
    /// The timer fired: all that is not SACKed counts as lost, but what RACK knows to be too young (Linux's
    /// `tcp_enter_loss`); `again`: it had fired for the same data before.
    pub(crate) fn enter_loss(&mut self, again: bool, env: &mut Env<'_>) {
        let new_recovery = self.recovery.phase < Phase::Recovery;
        self.mark_timed_out(env);
        let recovery = &mut self.recovery;
        let first = recovery.phase <= Phase::Disorder
            || !recovery.high_seq.after(self.snd.una)
            || (recovery.phase == Phase::Loss && !again);
        if first {
            recovery.repair_mut().keeps_reduction = false;
        }
        let in_flight = self.flight.pipe();
        self.cc.on_rto(env.now, in_flight, first);
        if first {
            self.begin_undo();
        }
        let recovery = &mut self.recovery;
        // Many duplicates and a time-out all the same: the path does not reorder as far as was thought.
        if recovery.phase <= Phase::Disorder && self.flight.sacked_count() >= super::DUP_THRESH {
            recovery.reordering = super::DUP_THRESH;
        }
        recovery.phase = Phase::Loss;
        recovery.high_seq = self.snd.nxt;
        recovery.tail_probe = None;
        recovery.end_prr();
        // RFC 5682 2.1 step 1: not when the data had been sent again before that.
        recovery.frto = env.config.tcp_frto && (new_recovery || again);
        self.queue_cwr();
    }

    /// What was too long for the path goes again. That was no congestion, so cwnd stays (Linux's `tcp_simple_retransmit`).
    pub(crate) fn retransmit_cut(&mut self) {
        if self.flight.lost_bytes() == 0 {
            return;
        }
        let recovery = &mut self.recovery;
        if recovery.phase != Phase::Loss {
            recovery.high_seq = self.snd.nxt;
            recovery.forget_undo();
            recovery.phase = Phase::Loss;
        }
        recovery.frto = false;
        self.effects.transmit = true;
    }

    fn mark_timed_out(&mut self, env: &mut Env<'_>) {
        self.recovery.dup_acks = 0;
        if self.flight.head().is_some_and(|head| head.is_sacked()) {
            env.stats.sack_reneging += 1;
            self.flight.renege();
            self.flight.mark_all_lost(|_| false);
            return;
        }
        let (rack, sack, head) = (self.recovery.rack, self.snd.sack, self.snd.una);
        self.flight.mark_all_lost(|sent| sack && sent.start != head && rack.is_recent(sent, env.now));
    }

    /// An ACK while a time-out is being repaired (Linux's `tcp_process_loss`); whether that is all there is to do.
    pub(super) fn alert_in_loss(
        &mut self,
        outcome: &mut Outcome,
        echo: Option<u32>,
        env: &mut Env<'_>,
    ) -> (Retransmit, bool) {
        let recovered = !self.snd.una.before(self.recovery.high_seq);
        if outcome.advanced && self.try_undo_loss(false, echo, env.stats) {
            return (Retransmit::Nothing, false);
        }
        if self.recovery.frto {
            // RFC 5682 3.1 step 3b: data that were sent once have arrived, so not all was lost.
            if outcome.original_acked && self.try_undo_loss(true, echo, env.stats) {
                return (Retransmit::Nothing, false);
            }
            if self.snd.nxt.after(self.recovery.high_seq) {
                if outcome.sacked || outcome.is_duplicate() {
                    self.recovery.frto = false; // step 3a: the loss is real
                }
            } else if outcome.advanced && !recovered {
                self.recovery.high_seq = self.snd.nxt;
                // Step 2b: new data show whether the originals arrive.
                if self.snd.has_unsent() && (self.snd.una + self.snd.wnd).after(self.snd.nxt) {
                    return (Retransmit::New, false);
                }
                self.recovery.frto = false;
            }
        }
        if recovered {
            self.try_undo_recovery(echo, env.stats);
            return (Retransmit::Nothing, false);
        }
        if self.snd.nxt.after(self.recovery.high_seq) && outcome.is_duplicate() {
            self.count_duplicate(outcome);
        } else if outcome.advanced {
            self.recovery.dup_acks = 0;
        }
        (Retransmit::Lost, false)
    }
}
