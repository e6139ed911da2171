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
    assert_eq!(table.likely(table.hash(&tuple(77))), Some(owner));
    table.remove(&tuple(77), Owner::Connection(ids[0]));
    assert_eq!(table.get(&tuple(77), &records), Some(owner), "another's entry stays");
    table.remove(&tuple(77), owner);
    assert_eq!(table.get(&tuple(77), &records), None);
    assert!(table.contains(&tuple(78), &records) && !table.contains(&tuple(77), &records));
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
    assert_eq!(table.likely(table.hash(&tuple(2))), Some(Owner::Connection(id)));
    assert_eq!(table.get(&tuple(2), &records), None);
}
