use super::*;

fn tuple(port: u16) -> FourTuple {
    FourTuple {
        local: Ipv4Addr::new(10, 0, 0, 1),
        remote: Ipv4Addr::new(10, 0, 0, 2),
        local_port: 80,
        remote_port: port,
    }
}

#[test]
fn finds_replaces_and_removes() {
    let mut table = FlowTable::new([7; 16]);
    let owner = |n| Owner::Connection(Id::from_parts(n, 0));
    for port in 1..2000 {
        table.insert(tuple(port), owner(u32::from(port)));
    }
    assert_eq!((table.len(), table.get(&tuple(77))), (1999, Some(owner(77))));
    table.insert(tuple(77), Owner::TimeWait(Id::from_parts(1, 1)));
    table.remove(&tuple(77), owner(77));
    assert_eq!(table.get(&tuple(77)), Some(Owner::TimeWait(Id::from_parts(1, 1))), "another's entry stays");
    table.remove(&tuple(77), Owner::TimeWait(Id::from_parts(1, 1)));
    assert_eq!((table.get(&tuple(77)), table.contains(&tuple(78))), (None, true));
}
