//! The SACK blocks of an ACK (RFC 2018, RFC 2883; Linux's `tcp_sacktag_write_queue`).

use crate::tcp::ack::Outcome;
use crate::tcp::connection::{Connection, Env};
use crate::tcp::segment::Segment;
use crate::tcp::seq::SeqNumber;

impl Connection {
    /// Takes the blocks of an ACK that came with SND.UNA at `prior_una`. Blocks that can't be are skipped.
    pub(crate) fn take_sack(
        &mut self,
        segment: &Segment,
        prior_una: SeqNumber,
        outcome: &mut Outcome,
        env: &mut Env<'_>,
    ) {
        let ack = segment.header.ack;
        let blocks: &[(SeqNumber, SeqNumber)] = segment.sacked.as_slice();
        let dsack = self.is_dsack(blocks, ack);
        if dsack && let Some(&(start, end)) = blocks.first() {
            self.take_dsack(start, end, ack, prior_una, outcome, env);
        }
        // By their distance from SND.UNA: comparisons of numbers that lie 2^31 apart say nothing.
        let una = self.snd.una;
        let offset = |n: SeqNumber| n.0.wrapping_sub(una.0);
        for &(start, end) in &blocks[usize::from(dsack)..] {
            if offset(start) < offset(end) && offset(end) <= self.snd.flight() {
                self.take_block(start, end, outcome, env);
            } else if ack == una || end.after(una) {
                // With an older ACK, what lies below SND.UNA was right once.
                env.stats.sack_discard += 1;
            }
        }
    }

    /// RFC 2883 4: the first block is one if it lies below the ACK, or within the second block.
    fn is_dsack(&self, blocks: &[(SeqNumber, SeqNumber)], ack: SeqNumber) -> bool {
        match blocks {
            [(start, _), ..] if start.before(ack) => true,
            [(start, end), (outer_start, outer_end), ..] => {
                start.at_or_after(*outer_start) && end.at_or_before(*outer_end)
            }
            _ => false,
        }
    }

    fn take_dsack(
        &mut self,
        start: SeqNumber,
        end: SeqNumber,
        ack: SeqNumber,
        prior_una: SeqNumber,
        outcome: &mut Outcome,
        env: &mut Env<'_>,
    ) {
        let (len, mss) = (end.since(start), u32::from(self.snd.mss).max(1));
        // Longer than any window of the peer's: it makes it up.
        if !start.before(end) || len > self.snd.max_wnd.max(mss) {
            env.stats.dsack_ignored_dubious += 1;
            return;
        }
        if start.before(ack) {
            env.stats.dsack_recv += 1;
        } else {
            env.stats.dsack_ofo_recv += 1;
        }
        let segments = len.div_ceil(mss);
        outcome.dsack_of_probe |=
            segments == 1 && self.recovery.tail_probe.is_some_and(|probe| probe.end() == end);
        self.recovery.dsack_dups = self.recovery.dsack_dups.saturating_add(segments);
        // More than was ever sent again: the network has doubled it, or the peer makes it up.
        if u64::from(self.recovery.dsack_dups) > self.snd.retransmits {
            env.stats.dsack_ignored_dubious += 1;
            return;
        }
        if !outcome.dsack_of_probe {
            self.recovery.rack.dsack();
        }
        outcome.dsack = true;
        outcome.delivered += len;
        let forgotten = end.at_or_before(prior_una);
        let ours = forgotten || self.flight.was_resent(start, end);
        let repair = *self.recovery.repair();
        if let (Some(marker), Some(left)) = (repair.undo_marker, repair.undo_retrans)
            && end.after(marker)
            && ours
        {
            self.recovery.repair_mut().undo_retrans = Some(left.saturating_sub(segments));
        }
    }

    fn take_block(&mut self, start: SeqNumber, end: SeqNumber, outcome: &mut Outcome, env: &Env<'_>) {
        let Connection { flight, rate, recovery, rtt, snd, .. } = self;
        let (min_rtt, high_seq) = (rtt.min(), recovery.high_seq);
        let highest = flight.high_sacked(snd.una);
        let news = flight.sack(start, end, |sent| {
            rate.segment_delivered(&mut outcome.sampler, &sent.rate, sent.at, sent.end);
            recovery.rack.advance(sent, env.now, min_rtt);
            if !sent.is_retransmission {
                outcome.original_acked |= sent.end.at_or_before(high_seq);
                outcome.first_sacked.get_or_insert(sent.at);
                outcome.last_sacked = Some(sent.at);
                if sent.start.before(highest) {
                    outcome.reorders(sent.start);
                }
            }
        });
        outcome.sacked |= news > 0;
        outcome.delivered += news;
    }
}
