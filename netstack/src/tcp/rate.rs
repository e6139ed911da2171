//! How fast the path delivers (draft-cheng-iccrg-delivery-rate-estimation; Linux's tcp_rate.c).

use crate::tcp::congestion::RateSample;
use crate::tcp::seq::SeqNumber;
use crate::time::Instant;

/// What was delivered when a segment was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Snapshot {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    is_app_limited: bool,
}

impl Snapshot {
    pub(crate) const NONE: Snapshot = Snapshot {
        delivered: 0,
        delivered_at: Instant::ZERO,
        first_sent_at: Instant::ZERO,
        is_app_limited: false,
    };
}

/// Counts what is delivered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    /// Bytes delivered, SACKed ones too.
    delivered: u64,
    delivered_at: Instant,
    /// When the segment was sent that was delivered last.
    first_sent_at: Instant,
    /// `delivered` at which the time in which the application had nothing to send is over.
    app_limited: u64,
    /// The last sample that says something: bytes, nanoseconds, whether the application was the limit.
    last: (u32, u64, bool),
}

/// What the segments that one ACK delivers say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sampler {
    prior: Option<(u64, Instant)>,
    last_end: SeqNumber,
    last_sent: Instant,
    send_time: u64,
    is_app_limited: bool,
}

impl Sampler {
    /// What was delivered when the segment was sent that the sample is of.
    pub(crate) fn prior_delivered(&self) -> Option<u64> {
        self.prior.map(|(delivered, _)| delivered)
    }
}

impl Rate {
    /// Bytes delivered since the connection began.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// A segment is sent; `idle`: nothing else is out.
    #[inline]
    pub(crate) fn sent(&mut self, now: Instant, idle: bool) -> Snapshot {
        if idle {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            is_app_limited: self.app_limited > 0,
        }
    }

    /// The application has nothing more to send, with `in_flight` bytes on their way.
    pub(crate) fn app_limited(&mut self, in_flight: u32) {
        self.app_limited = (self.delivered + u64::from(in_flight)).max(1);
    }

    /// A segment that was sent at `at` with `snapshot`, and ends at `end`, has arrived.
    #[inline(always)]
    pub(crate) fn segment_delivered(
        &mut self,
        sampler: &mut Sampler,
        snapshot: &Snapshot,
        at: Instant,
        end: SeqNumber,
    ) {
        let newer = at > sampler.last_sent || (at == sampler.last_sent && end.after(sampler.last_end));
        if sampler.prior.is_none() || newer {
            sampler.prior = Some((snapshot.delivered, snapshot.delivered_at));
            sampler.is_app_limited = snapshot.is_app_limited;
            (sampler.last_end, sampler.last_sent) = (end, at);
            self.first_sent_at = at;
            sampler.send_time = at.nanos_since(snapshot.first_sent_at);
        }
    }

    /// An ACK has delivered `bytes`: the sample that follows, if it says something.
    #[inline(always)]
    pub(crate) fn sample(
        &mut self,
        sampler: &Sampler,
        bytes: u32,
        now: Instant,
        min_rtt: Option<u64>,
    ) -> Option<RateSample> {
        self.delivered += u64::from(bytes);
        if self.app_limited > 0 && self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        if bytes > 0 {
            self.delivered_at = now;
        }
        let (prior_delivered, prior_at) = sampler.prior?;
        let delivered = (self.delivered - prior_delivered).min(u64::from(u32::MAX)) as u32; // just limited
        // Neither the sender's pace nor a clump of ACKs makes the path faster than it is.
        let interval = sampler.send_time.max(now.nanos_since(prior_at));
        if interval < min_rtt.unwrap_or(0).max(1) {
            return None;
        }
        let sample = RateSample {
            delivered,
            interval,
            prior_delivered,
            total_delivered: self.delivered,
            is_app_limited: sampler.is_app_limited,
        };
        let (bytes, time, _) = self.last;
        let faster = u128::from(delivered) * u128::from(time) >= u128::from(bytes) * u128::from(interval);
        if !sample.is_app_limited || faster {
            self.last = (delivered, interval, sample.is_app_limited);
        }
        Some(sample)
    }

    /// Bytes a second by the last sample, and whether the application was the limit.
    pub(crate) fn delivery_rate(&self) -> Option<(u64, bool)> {
        let (bytes, interval, app_limited) = self.last;
        let rate = (u64::from(bytes) * 1_000_000_000).checked_div(interval)?;
        Some((rate, app_limited))
    }
}

#[cfg(test)]
mod tests;
