//! TCP options (RFC 9293 3.2, RFC 7323, RFC 2018).

use crate::tcp::sack::{Blocks, SackList};
use crate::tcp::seq::SeqNumber;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const FAST_OPEN: u8 = 34;

/// The largest shift of a window. RFC 7323 2.3: a larger one is taken as 14.
pub(crate) const MAX_WINDOW_SCALE: u8 = 14;

/// The options that the stack knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TcpOptions {
    pub(crate) mss: Option<u16>,
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack_permitted: bool,
    /// TSval, TSecr.
    pub(crate) timestamps: Option<(u32, u32)>,
    /// Fast Open: a cookie, or the request for one.
    pub(crate) fast_open: Option<FastOpenCookie>,
    /// Parsing ended at an option whose length can't be.
    pub(crate) malformed: bool,
}

/// A cookie of Fast Open (RFC 7413 4.1.1): 4 to 16 bytes, an even number of them; or none, which asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FastOpenCookie {
    bytes: [u8; 16],
    len: u8,
}

impl FastOpenCookie {
    pub(crate) const REQUEST: FastOpenCookie = FastOpenCookie { bytes: [0; 16], len: 0 };

    /// `None` where no cookie is so long.
    pub(crate) fn new(cookie: &[u8]) -> Option<FastOpenCookie> {
        if !matches!(cookie.len(), 0 | 4..=16) || !cookie.len().is_multiple_of(2) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..cookie.len()].copy_from_slice(cookie);
        Some(FastOpenCookie { bytes, len: cookie.len() as u8 }) // at most 16
    }

    pub(crate) fn is_request(&self) -> bool {
        self.len == 0
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl TcpOptions {
    /// Reads what is known and skips the rest by its length. SACK blocks go to `sacked`: they are rare, and all the
    /// others fit a few words.
    pub(crate) fn parse(mut bytes: &[u8], sacked: &mut Blocks) -> TcpOptions {
        let mut options = TcpOptions::default();
        // RFC 7323 appendix A: nearly every segment has just this.
        if let [NOP, NOP, TIMESTAMPS, 10, a, b, c, d, e, f, g, h] = *bytes {
            options.timestamps = Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])));
            return options;
        }
        while let Some((&kind, rest)) = bytes.split_first() {
            match kind {
                END => break,
                NOP => bytes = rest,
                _ => {
                    // RFC 9293 3.1, MUST-7: prepared for an illegal length.
                    let Some(body) = rest.first().and_then(|&len| bytes.get(2..usize::from(len).max(1)))
                    else {
                        options.malformed = true;
                        break;
                    };
                    options.take(kind, body, sacked);
                    bytes = &bytes[2 + body.len()..];
                }
            }
        }
        options
    }

    fn take(&mut self, kind: u8, body: &[u8], sacked: &mut Blocks) {
        match (kind, body) {
            (MSS, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            (WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift.min(MAX_WINDOW_SCALE)),
            (SACK_PERMITTED, []) => self.sack_permitted = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                self.timestamps = Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])));
            }
            (FAST_OPEN, body) => self.fast_open = FastOpenCookie::new(body),
            (SACK, body) if body.len() % 8 == 0 => {
                let (numbers, _) = body.as_chunks::<4>();
                for pair in numbers.chunks_exact(2) {
                    let [start, end] = [pair[0], pair[1]].map(|n| SeqNumber(u32::from_be_bytes(n)));
                    sacked.push(start, end);
                }
            }
            (MSS | WINDOW_SCALE | SACK_PERMITTED | SACK | TIMESTAMPS, _) => self.malformed = true,
            _ => {}
        }
    }

    /// Bytes that `emit` writes, a multiple of 4.
    pub(crate) fn encoded_len(&self) -> usize {
        let mut len = 0;
        if self.mss.is_some() {
            len += 4;
        }
        if self.timestamps.is_some() {
            len += 12;
        } else if self.sack_permitted {
            len += 4;
        }
        if self.window_scale.is_some() {
            len += 4;
        }
        if let Some(cookie) = &self.fast_open {
            len += (2 + cookie.bytes().len()).next_multiple_of(4);
        }
        len
    }

    /// Writes the options in Linux's order (mss, sackOK, timestamps, nop, wscale) to `bytes`, which must have
    /// room for [`TcpOptions::encoded_len`]; what has no room is left out.
    pub(crate) fn emit(&self, bytes: &mut [u8]) {
        let mut at = 0;
        let mut put = |field: &[u8]| {
            if let Some(room) = bytes.get_mut(at..at + field.len()) {
                room.copy_from_slice(field);
                at += field.len();
            }
        };
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            put(&[MSS, 4, a, b]);
        }
        if let Some((value, echo)) = self.timestamps {
            // The two bytes that SACK-permitted takes are the padding otherwise.
            put(if self.sack_permitted { &[SACK_PERMITTED, 2] } else { &[NOP, NOP] });
            let ([a, b, c, d], [e, f, g, h]) = (value.to_be_bytes(), echo.to_be_bytes());
            put(&[TIMESTAMPS, 10, a, b, c, d, e, f, g, h]);
        } else if self.sack_permitted {
            put(&[NOP, NOP, SACK_PERMITTED, 2]);
        }
        if let Some(shift) = self.window_scale {
            put(&[NOP, WINDOW_SCALE, 3, shift]);
        }
        if let Some(cookie) = &self.fast_open {
            put(&[FAST_OPEN, 2 + cookie.len]);
            put(cookie.bytes());
            if cookie.len % 4 == 0 {
                put(&[NOP, NOP]);
            }
        }
    }
}

/// Bytes of a SACK option besides its blocks, with its padding; and of a block.
pub(crate) const SACK_HEAD: usize = 4;
pub(crate) const SACK_BLOCK: usize = 8;

/// Bytes of a SACK option with these blocks; 0 without any.
pub(crate) fn sack_len(sack: &SackList) -> usize {
    match sack.blocks().len() {
        0 => 0,
        count => SACK_HEAD + SACK_BLOCK * count,
    }
}

/// Writes the SACK option to `bytes`, which are [`sack_len`] long; fewer are left as they are.
pub(crate) fn emit_sack(sack: &SackList, bytes: &mut [u8]) {
    let count = sack.blocks().len();
    let Some((head, room)) = bytes.split_first_chunk_mut::<4>() else { return };
    *head = [NOP, NOP, SACK, 2 + 8 * count as u8]; // at most 4
    let (numbers, _) = room.as_chunks_mut::<4>();
    let blocks = sack.blocks().iter().flat_map(|(from, to)| [from, to]);
    for (field, number) in numbers.iter_mut().zip(blocks) {
        *field = number.0.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
