//! Looks at what stacks say on the wire, and finds what TCP must never do.

use std::collections::BTreeMap;
use std::mem;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::ranges::Ranges;
use crate::{Failure, Medium, Pattern, Segment};

/// Sender and receiver of one direction of a connection.
type Flow = ((Ipv4Addr, u16), (Ipv4Addr, u16));

/// `a` lies behind `b`, modulo 2^32.
fn after(a: u32, b: u32) -> bool {
    (b.wrapping_sub(a) as i32) < 0
}

/// What a SYN says of its sender; the MSS counts 536 where it says none.
#[derive(Debug, Clone, Copy)]
struct Syn {
    iss: u32,
    scale: Option<u8>,
    mss: u16,
    sack: bool,
    is_answer: bool,
}

/// What one end of a connection has said, and what it has heard.
#[derive(Debug, Clone)]
struct End {
    syn: Syn,
    /// The other's SYN that it has acknowledged: an old one may be, long after the other has sent another.
    peer: Option<Syn>,
    /// Its application has accepted the connection.
    accepted: bool,
    /// One past the highest sequence number sent.
    sent: u32,
    fin: Option<u32>,
    ack: Option<u32>,
    /// The right edge of the window that it offered.
    offered: Option<u32>,
    /// The right edge that it was offered and has heard of.
    granted: Option<u32>,
    timestamp: Option<u32>,
}

/// What has arrived at one end from the other, whole.
#[derive(Debug, Clone)]
struct Arrived {
    /// The peer's SYN, and its window.
    syn: Syn,
    window: u16,
    /// Counted from its initial number on.
    numbers: Ranges,
}

/// Checks every frame that a stack sends, against all that it sent and heard before.
///
/// It finds: wrong checksums, frames beyond the MTU, segments beyond the MSS or the window that the peer offered, bytes that
/// differ from an earlier sending, a window whose right edge moves left, acknowledgments that go back, ACKs and SACK blocks that
/// cover what never arrived, gaps, a FIN that moves, data behind it, timestamps that go back.
pub struct Monitor {
    medium: Medium,
    mtu: u16,
    /// The device cuts segments.
    is_tso: bool,
    /// Data are those of [`Pattern::between`] the ports.
    is_patterned: bool,
    /// The last is the one that counts. The earlier ones have sent a SYN-ACK with a cookie: an ACK that brings it back opens
    /// the connection by that one after all.
    ends: BTreeMap<Flow, Vec<End>>,
    /// By the flow that answers; one for each SYN, since a forged one may be refused and the connection go on.
    arrived: BTreeMap<Flow, Vec<Arrived>>,
    failure: Option<Failure>,
    segments: u64,
    payload_bytes: u64,
}

impl Monitor {
    /// For frames of `medium` with IP packets of at most `mtu` bytes.
    pub fn new(medium: Medium, mtu: u16) -> Monitor {
        Monitor {
            medium,
            mtu,
            is_tso: false,
            is_patterned: false,
            ends: BTreeMap::new(),
            arrived: BTreeMap::new(),
            failure: None,
            segments: 0,
            payload_bytes: 0,
        }
    }

    /// A device cuts the segments: they may be longer than the MSS.
    pub(crate) fn allow_tso(&mut self) {
        self.is_tso = true;
    }

    /// From now on each payload byte sent must be that of [`Pattern::between`] at its place. So a segment
    /// sent again is the same to the byte.
    pub fn expect_patterns(&mut self) {
        self.is_patterned = true;
    }

    /// The first thing found.
    ///
    /// # Errors
    /// That thing.
    pub fn check(&self) -> Result<(), Failure> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// TCP segments looked at, and payload bytes in them, those sent again included.
    pub fn seen(&self) -> (u64, u64) {
        (self.segments, self.payload_bytes)
    }

    /// A frame arrives at a stack. `is_partial`: its checksum was left to the device, and nothing has changed it.
    pub fn received(&mut self, frame: &[u8], is_partial: bool) {
        let Some(segment) = Segment::parse(frame, self.medium) else { return };
        if !(segment.is_intact || is_partial) || segment.rst {
            return;
        }
        let flow = (segment.to, segment.from);
        self.note_arrival(flow, &segment);
        let last = self.arrived.get(&flow).and_then(|streams| streams.last()).map(|arrived| arrived.syn);
        let Some(ends) = self.ends.get_mut(&flow) else { return };
        let Some(ack) = segment.ack else {
            if let Some(end) = ends.last_mut().filter(|_| segment.syn) {
                let edge = end.syn.iss.wrapping_add(1 + u32::from(segment.window));
                end.granted.get_or_insert(edge); // simultaneous open
            }
            return;
        };
        let which = ends.iter().rposition(|end| end.has_sent(ack)).unwrap_or(ends.len() - 1);
        let end = &mut ends[which];
        if after(ack, end.sent) {
            return; // of an earlier connection
        }
        let peer = end.peer.or(last); // data may follow a SYN-ACK before it is answered
        let shift = match (segment.syn, end.syn.scale, peer.and_then(|peer| peer.scale)) {
            (false, Some(_), Some(scale)) => scale,
            _ => 0,
        };
        let edge = ack.wrapping_add(u32::from(segment.window) << shift);
        if end.granted.is_none_or(|granted| after(edge, granted)) {
            end.granted = Some(edge);
        }
    }

    fn note_arrival(&mut self, flow: Flow, segment: &Segment<'_>) {
        let streams = self.arrived.entry(flow).or_default();
        if segment.syn && streams.iter().all(|arrived| arrived.syn.iss != segment.seq) {
            let (syn, window) = (Syn::of(segment), segment.window);
            streams.push(Arrived { syn, window, numbers: Ranges::default() });
        }
        for arrived in streams {
            let start = segment.seq.wrapping_sub(arrived.syn.iss);
            match start.checked_add(segment.seq_len()) {
                Some(end) => arrived.numbers.add(start, end),
                // A probe lies before the start of the stream when nothing was sent yet; a forged segment may reach into it.
                None => arrived.numbers.add(0, start.wrapping_add(segment.seq_len())),
            }
        }
    }

    /// The application at `local` has accepted a connection; to be told before what that sends.
    ///
    /// A second one by the same SYN-ACK comes when the first is over and an old ACK brings a SYN cookie back: it begins anew.
    pub(crate) fn accepted(&mut self, local: (Ipv4Addr, u16), peer: (Ipv4Addr, u16)) {
        let end = self.ends.get_mut(&(local, peer)).and_then(|ends| ends.last_mut());
        let Some(end) = end else { return };
        if mem::replace(&mut end.accepted, true) {
            end.begin_anew();
        }
    }

    /// A stack sends a frame. `is_partial`: the device fills the checksum in.
    pub fn sent(&mut self, now: Duration, frame: &[u8], is_partial: bool) {
        let Some(segment) = Segment::parse(frame, self.medium) else { return };
        self.segments += 1;
        self.payload_bytes += segment.payload.len() as u64;
        let found = self.judge_frame(&segment, is_partial).or_else(|| self.judge(&segment));
        if let (Some(what), None) = (found, &self.failure) {
            let what = format!("{what}; in {}", describe(&segment));
            self.failure = Some(Failure { at: now, what });
        }
    }

    fn judge_frame(&self, segment: &Segment<'_>, is_partial: bool) -> Option<String> {
        if !segment.is_intact && !is_partial {
            return Some("a wrong checksum was sent".to_string());
        }
        if segment.ip_len > self.mtu {
            return Some(format!("a packet beyond the MTU of {} was sent", self.mtu));
        }
        None
    }

    fn judge(&mut self, segment: &Segment<'_>) -> Option<String> {
        if segment.rst {
            return None;
        }
        let flow = (segment.from, segment.to);
        let arrived = self.arrived.get(&flow).map_or(&[][..], |streams| streams);
        if segment.syn {
            let ends = self.ends.entry(flow).or_default();
            if ends.last().is_none_or(|end| end.syn.iss != segment.seq) {
                let granted = arrived.iter().map(|s| s.window).max().filter(|_| segment.ack.is_some());
                let mut end = End::new(Syn::of(segment));
                end.granted = granted.map(|window| end.sent.wrapping_add(u32::from(window)));
                ends.retain(|end| end.syn.is_answer && end.syn.iss != segment.seq);
                ends.push(end);
            }
        }
        let (is_patterned, is_tso) = (self.is_patterned, self.is_tso);
        // Without a SYN it is an answer to something forged.
        let ends = self.ends.get_mut(&flow)?;
        go_back_to_cookie(ends, segment);
        let end = ends.last_mut()?;
        if let Some(ack) = segment.ack {
            end.note_taken(ack, arrived);
        }
        end.judge_data(segment, is_tso, is_patterned)
            .or_else(|| end.judge_sack(segment, arrived))
            .or_else(|| end.judge_ack(segment, arrived))
    }
}

/// An end that has sent nothing but its SYN-ACK may turn out to be one that sent an earlier SYN-ACK, with a cookie.
fn go_back_to_cookie(ends: &mut Vec<End>, segment: &Segment<'_>) {
    let is_fresh = ends.last().is_some_and(|end| end.syn.is_answer && end.has_only_syn());
    if segment.syn || !is_fresh || ends.last().is_some_and(|end| end.sent == segment.seq) {
        return;
    }
    let begins = |end: &End| end.syn.iss.wrapping_add(1) == segment.seq;
    if let Some(which) = ends.iter().position(begins) {
        let mut end = ends.remove(which);
        if !end.has_only_syn() {
            end.begin_anew();
        }
        end.accepted |= ends.last_mut().is_some_and(|last| mem::take(&mut last.accepted));
        ends.push(end);
    }
}

impl Syn {
    fn of(segment: &Segment<'_>) -> Syn {
        Syn {
            iss: segment.seq,
            scale: segment.scale,
            mss: segment.mss.unwrap_or(536),
            sack: segment.sack_permitted,
            is_answer: segment.ack.is_some(),
        }
    }
}

impl End {
    /// One that has sent its SYN and nothing else.
    fn new(syn: Syn) -> End {
        End {
            syn,
            peer: None,
            accepted: false,
            sent: syn.iss.wrapping_add(1),
            fin: None,
            ack: None,
            offered: None,
            granted: None,
            timestamp: None,
        }
    }

    fn has_only_syn(&self) -> bool {
        self.sent == self.syn.iss.wrapping_add(1)
    }

    /// Whether `ack` is of what this one sent, and not of another with the same ports.
    fn has_sent(&self, ack: u32) -> bool {
        let sent = self.sent.wrapping_sub(self.syn.iss);
        (1..=sent).contains(&ack.wrapping_sub(self.syn.iss))
    }

    /// A cookie opens once more what is over.
    fn begin_anew(&mut self) {
        let (accepted, peer, granted, timestamp) = (self.accepted, self.peer, self.granted, self.timestamp);
        *self = End { accepted, peer, granted, timestamp, ..End::new(self.syn) };
    }

    /// A SYN is taken when it is acknowledged; of several whose number fits it is the last, unless one was taken before.
    fn note_taken(&mut self, ack: u32, arrived: &[Arrived]) {
        let known = self.peer.map(|peer| peer.iss);
        let mut fitting = arrived.iter().filter(|s| s.numbers.holds(0, ack.wrapping_sub(s.syn.iss)));
        if let Some(last) = fitting.clone().next_back()
            && fitting.all(|stream| Some(stream.syn.iss) != known)
        {
            self.peer = Some(last.syn);
        }
    }

    fn judge_data(&mut self, segment: &Segment<'_>, is_tso: bool, is_patterned: bool) -> Option<String> {
        let (seq, data_end) = (segment.seq, segment.data_end());
        if after(seq, self.sent) {
            return Some(format!("a gap: nothing was sent from {} on", self.sent));
        }
        if !segment.payload.is_empty() {
            // RFC 7413: with a cookie data go before there is a window.
            let early = segment.syn && segment.ack.is_none() && segment.fast_open.is_some();
            if !early && self.granted.is_none_or(|granted| after(data_end, granted)) {
                return Some(format!("data beyond the peer's window, which ends at {:?}", self.granted));
            }
            if let Some(mss) = self.peer.map(|peer| peer.mss).filter(|_| !is_tso)
                && segment.payload.len() + segment.options_len > usize::from(mss)
            {
                return Some(format!("a segment beyond the peer's MSS of {mss}"));
            }
            if self.fin.is_some_and(|fin| after(data_end, fin)) {
                return Some("data behind the FIN".to_string());
            }
            let first = seq.wrapping_add(u32::from(segment.syn)); // the SYN's number is in front of its data
            let offset = u64::from(first.wrapping_sub(self.syn.iss).wrapping_sub(1));
            let pattern = Pattern::between(segment.from.1, segment.to.1);
            if is_patterned && let Some(at) = pattern.mismatch(offset, segment.payload) {
                return Some(format!("byte {} of the stream is not the one written", offset + at as u64));
            }
        }
        if segment.fin {
            if self.fin.is_some_and(|fin| fin != data_end) {
                return Some(format!("the FIN was at {:?} before", self.fin));
            }
            self.fin = Some(data_end);
        }
        let end = seq.wrapping_add(segment.seq_len());
        if after(end, self.sent) {
            self.sent = end;
        }
        None
    }

    /// RFC 2018: a block tells what has arrived beyond the ACK; the first may be a duplicate (RFC 2883).
    fn judge_sack(&self, segment: &Segment<'_>, arrived: &[Arrived]) -> Option<String> {
        let agreed = self.syn.sack && self.peer.is_some_and(|peer| peer.sack);
        if !segment.sack.is_empty() && !agreed {
            return Some("SACK blocks that were not agreed on".to_string());
        }
        for (index, (start, end)) in segment.sack.iter().copied().enumerate() {
            let from = |iss: u32| (start.wrapping_sub(iss), end.wrapping_sub(iss));
            let holds = arrived.iter().any(|arrived| {
                let (start, end) = from(arrived.syn.iss);
                arrived.numbers.holds(start, end)
            });
            if !after(end, start) || !holds {
                return Some(format!("a SACK block of what never arrived: {start}..{end}"));
            }
            if index > 0 && segment.ack.is_some_and(|ack| !after(start, ack)) {
                return Some(format!("a SACK block that the ACK covers: {start}..{end}"));
            }
        }
        None
    }

    fn judge_ack(&mut self, segment: &Segment<'_>, arrived: &[Arrived]) -> Option<String> {
        if let Some((value, _)) = segment.timestamps {
            if self.timestamp.is_some_and(|last| after(last, value)) {
                return Some(format!("a timestamp before {:?}", self.timestamp));
            }
            self.timestamp = Some(value);
        }
        let ack = segment.ack?;
        if !arrived.iter().any(|arrived| arrived.numbers.holds(0, ack.wrapping_sub(arrived.syn.iss))) {
            return Some("an ACK of what never arrived".to_string());
        }
        if self.ack.is_some_and(|last| after(last, ack)) {
            return Some(format!("an ACK that goes back behind {:?}", self.ack));
        }
        self.ack = Some(ack);
        let shift = match (segment.syn, self.syn.scale, self.peer.and_then(|peer| peer.scale)) {
            (false, Some(scale), Some(_)) => scale,
            _ => 0,
        };
        let edge = ack.wrapping_add(u32::from(segment.window) << shift);
        if self.offered.is_some_and(|offered| after(offered, edge)) {
            if segment.syn {
                return None; // Fast Open: data went ahead, with a window that is scaled; who has them has this one too
            }
            return Some(format!("the window's right edge moves left from {:?} to {edge}", self.offered));
        }
        self.offered = Some(edge);
        None
    }
}

fn describe(segment: &Segment<'_>) -> String {
    let flags = [("SYN ", segment.syn), ("FIN ", segment.fin), ("RST ", segment.rst)];
    let flags: String = flags.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    format!(
        "{}:{} > {}:{} {flags}seq {} len {} ack {:?} win {}",
        segment.from.0,
        segment.from.1,
        segment.to.0,
        segment.to.1,
        segment.seq,
        segment.payload.len(),
        segment.ack,
        segment.window
    )
}

#[cfg(test)]
mod tests;
