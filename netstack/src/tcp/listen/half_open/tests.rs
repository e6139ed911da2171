use core::net::Ipv4Addr;

use corelane_nic::{Pool, PoolConfig};

use super::*;
use crate::arena::Id;
use crate::tcp::segment::Payload;
use crate::wire::tcp::TcpHeader;
use crate::wire::tcp_options::TcpOptions;

const WINDOW: u16 = 1000;
const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const RST: Flags = Flags::RST;
const FIN: Flags = Flags::FIN;

/// IRS 99, ISS 499: 100 is expected, 500 is the right ACK.
fn half() -> HalfOpen {
    HalfOpen {
        tuple: FourTuple {
            local: Ipv4Addr::new(10, 0, 0, 1),
            remote: Ipv4Addr::new(10, 0, 0, 2),
            local_port: 80,
            remote_port: 5,
        },
        listener: ListenerId(Id::from_parts(0, 0)),
        irs: SeqNumber(99),
        iss: SeqNumber(499),
        window: 0,
        negotiated: Negotiated { mss: 536, scale: None, timestamps: Some(50), sack: false },
        ecn_ok: false,
        offers_fast_open: false,
        ts_offset: 0,
        retries: 0,
        since: Instant::ZERO,
        retransmits: 0,
        by_cookie: false,
        answered: None,
        timer: None,
    }
}

fn answer_at(timestamp: u32, seq: u32, ack: u32, flags: &[Flags], len: usize) -> Answer {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 });
    let header = TcpHeader {
        source_port: 5,
        destination_port: 80,
        seq: SeqNumber(seq),
        ack: SeqNumber(ack),
        flags: flags.iter().fold(Flags::default(), |all, flag| all.with(*flag)),
        window: 0,
        checksum: 0,
        options: TcpOptions { timestamps: Some((timestamp, 0)), ..TcpOptions::default() },
        header_len: 20,
    };
    let payload = Payload::new(pool.take().unwrap(), len);
    half().answer(&Segment { header, payload, sacked: Default::default(), ecn: 0 }, WINDOW, Instant::ZERO)
}

fn answer(seq: u32, ack: u32, flags: &[Flags], len: usize) -> Answer {
    answer_at(50, seq, ack, flags, len)
}

#[test]
fn what_opens() {
    assert_eq!(answer(100, 500, &[ACK], 0), Answer::Open);
    assert_eq!(answer(100, 500, &[ACK], 10), Answer::Open, "with data");
    assert_eq!(answer(100, 500, &[ACK, FIN], 10), Answer::Open, "with data and FIN");
    assert_eq!(answer(110, 500, &[ACK], 10), Answer::Open, "the bare ACK was lost, and the first data too");
    assert_eq!(answer(1100, 500, &[ACK], 0), Answer::Open, "at the window's end");
}

#[test]
fn what_does_not() {
    assert_eq!(answer(1100, 500, &[ACK], 1), Answer::Challenge, "data behind the window");
    assert_eq!(answer(99, 500, &[ACK], 0), Answer::Challenge, "before the window");
    assert_eq!(answer(100, 501, &[ACK], 0), Answer::Reset(SeqNumber(501)));
    assert_eq!(answer(5000, 499, &[ACK], 0), Answer::Reset(SeqNumber(499)));
    assert_eq!(answer(100, 0, &[], 10), Answer::Drop, "no ACK");
    assert_eq!(answer_at(49, 100, 500, &[ACK], 0), Answer::Paws);
}

#[test]
fn another_syn_and_the_same() {
    assert_eq!(answer(99, 0, &[SYN], 0), Answer::SynAck);
    assert_eq!(answer(99, 0, &[SYN], 10), Answer::SynAck, "with data that nobody takes");
    assert_eq!(answer_at(49, 99, 0, &[SYN], 0), Answer::Paws, "an old one");
    assert_eq!(answer(300, 0, &[SYN], 0), Answer::Challenge);
    assert_eq!(answer(70_000, 0, &[SYN], 0), Answer::Challenge);
    assert_eq!(answer(99, 500, &[SYN, ACK], 0), Answer::Challenge);
    assert_eq!(answer(99, 0, &[SYN, FIN], 0), Answer::Challenge);
}

#[test]
fn which_reset_ends_it() {
    assert_eq!(answer(100, 0, &[RST], 0), Answer::Remove);
    assert_eq!(answer(100, 500, &[RST, ACK], 0), Answer::Remove);
    assert_eq!(answer_at(49, 100, 0, &[RST], 0), Answer::Remove, "RFC 7323 5.2: a RST passes PAWS");
    assert_eq!(answer(100, 77, &[RST, ACK], 0), Answer::Drop, "another connection's");
    assert_eq!(answer(101, 0, &[RST], 0), Answer::Challenge, "RFC 5961 3.2");
    assert_eq!(answer(1101, 0, &[RST], 0), Answer::Drop);
    assert_eq!(answer(99, 0, &[RST], 0), Answer::Drop);
}
