use core::net::Ipv4Addr;
use core::time::Duration;

use corelane_nic::{Pool, PoolConfig};

use super::*;
use crate::tcp::segment::Payload;
use crate::wire::tcp::TcpHeader;
use crate::wire::tcp_options::TcpOptions;

fn record(expires: u64) -> TimeWait {
    TimeWait {
        tuple: FourTuple {
            local: Ipv4Addr::new(10, 0, 0, 1),
            remote: Ipv4Addr::new(10, 0, 0, 2),
            local_port: 80,
            remote_port: 5,
        },
        snd_nxt: SeqNumber(500),
        rcv_nxt: SeqNumber(1000),
        window: 100,
        timestamps: Some(Timestamps { offset: 0, recent: 50, recent_at: 0 }),
        expires: Instant::ZERO + Duration::from_secs(expires),
        acked_at: None,
    }
}

fn answer(seq: u32, flags: Flags, timestamp: Option<u32>) -> Answer {
    answer_by(true, seq, flags, timestamp)
}

fn answer_by(rfc1337: bool, seq: u32, flags: Flags, timestamp: Option<u32>) -> Answer {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 });
    let header = TcpHeader {
        source_port: 5,
        destination_port: 80,
        seq: SeqNumber(seq),
        ack: SeqNumber(500),
        flags,
        window: 0,
        checksum: 0,
        options: TcpOptions { timestamps: timestamp.map(|t| (t, 0)), ..TcpOptions::default() },
        header_len: 20,
    };
    record(60).input(
        &Segment {
            header,
            payload: Payload::new(pool.take().unwrap(), 0),
            sacked: Default::default(),
            ecn: 0,
        },
        rfc1337,
        Instant::ZERO,
    )
}

#[test]
fn what_each_segment_means() {
    let fin = Flags::FIN.with(Flags::ACK);
    assert_eq!(answer(1000, Flags::RST, Some(60)), Answer::Drop);
    assert_eq!(answer(999, fin, Some(50)), Answer::Restart);
    assert_eq!(answer(999, fin, Some(49)), Answer::Ack, "PAWS");
    assert_eq!(answer(1000, Flags::ACK, Some(51)), Answer::Drop);
    assert_eq!(answer(900, Flags::ACK, Some(51)), Answer::Ack);
    assert_eq!(answer(900, Flags::SYN, Some(51)), Answer::Reuse, "a newer timestamp");
    assert_eq!(answer(1001, Flags::SYN, None), Answer::Reuse, "a larger number");
    assert_eq!(answer(1000, Flags::SYN, None), Answer::Ack);
    assert_eq!(answer(1001, Flags::SYN, Some(50)), Answer::Reuse, "the same timestamp, a larger number");
    assert_eq!(answer(1001, Flags::SYN, Some(49)), Answer::Ack, "an old SYN, whatever its number");
}

#[test]
fn a_reset_ends_it_only_where_it_may() {
    assert_eq!(answer_by(true, 1000, Flags::RST, Some(60)), Answer::Drop);
    assert_eq!(answer_by(false, 1000, Flags::RST, Some(60)), Answer::Remove);
    assert_eq!(answer_by(false, 1000, Flags::RST, Some(49)), Answer::Drop, "PAWS");
    assert_eq!(answer_by(false, 1001, Flags::RST, None), Answer::Drop, "not exactly there");
}

#[test]
fn expires_in_order_and_starts_anew() {
    let mut all = TimeWaits::new();
    let (a, b) = (all.insert(record(60)), all.insert(record(61)));
    all.restart(a, Instant::ZERO + Duration::from_secs(90));
    let at = |s| Instant::ZERO + Duration::from_secs(s);
    assert!(all.expire(at(60)).is_none());
    assert_eq!(all.expire(at(61)).map(|(id, _)| id), Some(b));
    assert!(all.expire(at(89)).is_none());
    assert_eq!(all.expire(at(90)).map(|(id, _)| id), Some(a));
    assert_eq!((all.len(), all.next_deadline()), (0, None));
}
