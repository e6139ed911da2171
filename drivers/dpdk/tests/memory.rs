//! More packet memory than EAL has: in a process of its own, since it takes what others would need.
#![cfg(feature = "dpdk")]

use corelane_dpdk::{DpdkConfig, DpdkNic, Memory};
use corelane_nic::{Nic, QueueId};

#[test]
fn too_many_slots_are_refused_and_leave_room_for_fewer() {
    let config = DpdkConfig { memory: Memory::Ordinary(Some(64)), ..DpdkConfig::new("net_ring0") };
    let mut nic = DpdkNic::open(&config).expect("it opens");
    for slots in [1 << 20, 1 << 15] {
        let error = Nic::open_queue(&mut nic, QueueId(0), slots).err().expect("must be refused");
        let text = error.to_string();
        assert!(text.contains("MiB, can't be had"), "{text}");
        assert!(text.contains("use fewer slots, or give EAL more memory"), "{text}");
    }
    let queue = Nic::open_queue(&mut nic, QueueId(0), 1024).expect("it fits");
    assert!(queue.pool().available() > 0);
}
