use corelane_nic::{Medium, Offloads, Pool, PoolConfig};

use super::*;
use crate::config::Link;
use crate::tcp::connection::Env;
use crate::tcp::memory::Memory;
use crate::tcp::options::Negotiated;
use crate::tcp::state::Machine;
use crate::tcp::table::FourTuple;
use crate::tcp::wire_tuple::WireTuple;
use crate::time::Instant;
use crate::wire::plain::{Plain, PlainFrame};

fn link() -> Link {
    Link { medium: Medium::Ip, mtu: 1500, offloads: Offloads::default() }
}

fn tuple() -> FourTuple {
    FourTuple { local: [10, 0, 0, 1].into(), remote: [10, 0, 0, 2].into(), local_port: 80, remote_port: 5000 }
}

/// A segment with 100 bytes from `seq` on, as header prediction takes it; gives whether ECE and an ACK are due.
fn predicted(connection: &mut Connection, config: &TcpConfig, seq: u32, ecn: u8) -> (bool, bool) {
    let pool = Pool::heap(PoolConfig { slots: 16, slot_size: 2048, headroom: 128, reserve: 0 });
    let memory = Memory::new(1 << 20, pool.clone());
    let mut stats = Stats::default();
    let mut env = Env { now: Instant::ZERO, config, stats: &mut stats, memory: &memory, link: &link() };
    let segment = Plain {
        tuple: WireTuple::sent(&tuple()),
        seq: SeqNumber(seq),
        ack: connection.snd.una,
        flags: Flags::ACK,
        ecn,
        window: 1000,
        timestamps: None,
    };
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(&[0; 100]);
    assert!(segment.emit(&mut packet, &[0; 14], 64, None));
    connection.predict();
    assert!(PlainFrame::of(&packet).is_some_and(|segment| connection.predicts(&segment, env.now)));
    connection.rcv.ack_now = false;
    connection.input_predicted(packet, &mut env);
    while connection.rcv.queue.pop().is_some() {}
    (connection.ecn.demand_cwr, connection.rcv.ack_now)
}

fn open(config: &TcpConfig, ok: bool) -> Connection {
    let pool = Pool::heap(PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 });
    let memory = Memory::new(1 << 20, pool);
    let mut stats = Stats::default();
    let env = Env { now: Instant::ZERO, config, stats: &mut stats, memory: &memory, link: &link() };
    let mut connection = Connection::connect(tuple(), SeqNumber(100), 0, config, 1460);
    let negotiated = Negotiated { mss: 1460, scale: None, timestamps: None, sack: false };
    connection.open(SeqNumber(999), 1000, negotiated, &env);
    connection.machine = Machine::passive_open(Instant::ZERO);
    connection.snd.acknowledge(SeqNumber(101));
    connection.snd.nxt = SeqNumber(101);
    connection.ecn = Ecn::new(ok);
    connection.set_quickack(false);
    connection
}

#[test]
fn header_prediction_loses_no_mark() {
    let config = TcpConfig::default();
    let mut connection = open(&config, true);
    assert_eq!(predicted(&mut connection, &config, 1000, ECT_0), (false, false));
    assert_eq!(predicted(&mut connection, &config, 1100, CE), (true, true));
    let mut without = open(&config, false);
    assert_eq!(predicted(&mut without, &config, 1000, CE), (false, false), "not agreed on");
}

#[test]
fn dctcp_acknowledges_apart_what_came_before_a_change() {
    let config = TcpConfig { tcp_congestion_control: CongestionControl::Dctcp, ..TcpConfig::default() };
    let mut connection = open(&config, true);
    assert_eq!(predicted(&mut connection, &config, 1000, ECT_0), (false, false));
    assert_eq!(predicted(&mut connection, &config, 1100, CE), (true, true));
    assert_eq!(predicted(&mut connection, &config, 1200, CE), (true, false));
    assert_eq!(predicted(&mut connection, &config, 1300, ECT_0), (false, true));
    let cut = connection.cut_acks.as_mut().unwrap();
    let acks: alloc::vec::Vec<_> = core::iter::from_fn(|| cut.pop()).map(|(ack, ece)| (ack.0, ece)).collect();
    assert_eq!(acks, [(1100, false), (1300, true)]);
}

#[test]
fn what_is_cut_off_is_bounded() {
    let mut cut = Cut::default();
    (0..20).for_each(|n| cut.push(SeqNumber(n), n % 2 == 0));
    let acks: alloc::vec::Vec<_> = core::iter::from_fn(|| cut.pop()).map(|(ack, _)| ack.0).collect();
    assert_eq!(acks, [0, 1, 2, 3, 4, 5, 6, 7]);
}
