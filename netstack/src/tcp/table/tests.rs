use super::*;
use crate::arena::Arena;
use crate::config::TcpConfig;
use crate::tcp::connection::Connection;
use crate::tcp::seq::SeqNumber;
use crate::tcp::time_wait::TimeWaits;

fn tuple(port: u16) -> FourTuple {
    FourTuple {
        local: Ipv4Addr::new(10, 0, 0, 1),
        remote: Ipv4Addr::new(10, 0, 0, 2),
        local_port: 80,
        remote_port: port,
    }
}

fn wire(port: u16) -> WireTuple {
    WireTuple::received(&tuple(port))
}

#[test]
fn finds_and_removes() {
    let (mut connections, half_open, time_wait) = (Arena::new(), Arena::new(), TimeWaits::new());
    let mut table = FlowTable::new([7; 16]);
    let config = TcpConfig::default();
    let mut ids = alloc::vec::Vec::new();
    for port in 1..2000 {
        let id =
            connections.insert_with(|_| Connection::connect(tuple(port), SeqNumber(0), 0, &config, 1460));
        table.insert(&tuple(port), Owner::Connection(id));
        ids.push(id);
    }
    let records = Records::new(&connections, &half_open, &time_wait);
    let owner = Owner::Connection(ids[76]);
    assert_eq!((table.len(), table.get(&tuple(77), &records)), (1999, Some(owner)));
    assert_eq!(table.likely(wire(77)), Some(owner));
    table.remove(&tuple(77), Owner::Connection(ids[0]));
    assert_eq!(table.get(&tuple(77), &records), Some(owner), "another's entry stays");
    table.remove(&tuple(77), owner);
    assert_eq!(table.get(&tuple(77), &records), None);
    assert!(table.find(&tuple(78), &records).is_some() && table.find(&tuple(77), &records).is_none());
}

#[test]
fn a_hash_alone_is_no_proof() {
    let (mut connections, half_open, time_wait) = (Arena::new(), Arena::new(), TimeWaits::new());
    let id = connections
        .insert_with(|_| Connection::connect(tuple(1), SeqNumber(0), 0, &TcpConfig::default(), 1460));
    let mut table = FlowTable::new([7; 16]);
    // As if the hash of port 2 were that of port 1.
    table.insert(&tuple(2), Owner::Connection(id));
    let records = Records::new(&connections, &half_open, &time_wait);
    assert_eq!(table.likely(wire(2)), Some(Owner::Connection(id)));
    assert_eq!(table.get(&tuple(2), &records), None);
}

#[test]
fn two_flows_that_look_alike_are_told_apart() {
    let (mut connections, half_open, time_wait) = (Arena::new(), Arena::new(), TimeWaits::new());
    let config = TcpConfig::default();
    let mut table = FlowTable::new([7; 16]);
    let first = tuple(1000);
    // Another peer, with the ports that make up for its address.
    let mut other = FourTuple { remote: Ipv4Addr::new(192, 0, 2, 77), ..first };
    let differ = table.place(WireTuple::received(&first)).1 ^ table.place(WireTuple::received(&other)).1;
    other.remote_port ^= differ as u16;
    other.local_port ^= (differ >> 16) as u16;
    assert_eq!(table.place(WireTuple::received(&first)), table.place(WireTuple::received(&other)));
    let mut insert = |tuple: FourTuple, table: &mut FlowTable| {
        let id = connections.insert_with(|_| Connection::connect(tuple, SeqNumber(0), 0, &config, 1460));
        table.insert(&tuple, Owner::Connection(id));
        Owner::Connection(id)
    };
    let owners = [first, other].map(|tuple| insert(tuple, &mut table));
    let records = Records::new(&connections, &half_open, &time_wait);
    for _ in 0..3 {
        assert_eq!([first, other].map(|tuple| table.get(&tuple, &records)), owners.map(Some));
    }
    assert_eq!(
        table.likely(WireTuple::received(&first)),
        Some(owners[1]),
        "a guess, which its user has to check"
    );
    table.remove(&other, owners[1]);
    assert_eq!((table.get(&first, &records), table.get(&other, &records)), (Some(owners[0]), None));
}

#[test]
fn flows_of_a_peer_that_counts_its_ports_up_have_a_place_each() {
    let mut table = FlowTable::new([7; 16]);
    for port in 1..=20_000 {
        table.insert(&tuple(port), Owner::Connection(crate::arena::Id::from_parts(port.into(), 0)));
    }
    let mut places: alloc::vec::Vec<_> = (1..=20_000).map(|port| table.place(wire(port)).0).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!((places.len(), table.recent.len()), (20_000, 32_768));
}
