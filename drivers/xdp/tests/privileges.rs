//! What a process may not do is named, with the command that would let it. Needs root, to give privileges up.

mod support;

use std::io::ErrorKind;

use corelane_nic::{Nic, QueueId};
use corelane_xdp::{Filter, XdpConfig, XdpNic};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use support::{Bed, INTERFACE, OURS};

/// Gives capabilities of the calling thread up.
fn give_up(gone: CapabilitySet) {
    let mut sets = capabilities(None).expect("capget");
    sets.effective.remove(gone);
    sets.permitted.remove(gone);
    set_capabilities(None, sets).expect("giving up is always allowed");
}

/// One test, since limits hold for the whole process.
#[test]
fn what_is_missing_is_named() {
    let bed = bed_or_skip!(1);
    let config = XdpConfig::new(INTERFACE, Filter::addresses([OURS]));

    let limit = 1 << 20;
    setrlimit(Resource::Memlock, Rlimit { current: Some(limit), maximum: Some(limit) }).expect("as root");
    let ours = config.clone();
    Bed::within(&bed.host, move || {
        give_up(CapabilitySet::IPC_LOCK | CapabilitySet::SYS_RESOURCE);
        let mut nic = XdpNic::open(&ours).expect("the program needs no locked memory");
        let error = Nic::open_queue(&mut nic, QueueId(0), 1024).err().expect("2 MiB are too much");
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        let text = error.to_string();
        assert!(text.contains("2097152 bytes") && text.contains("(1048576 bytes)"), "{text}");
        assert!(text.contains("`ulimit -l 2048`"), "{text}");
        Nic::open_queue(&mut nic, QueueId(0), 256).expect("512 KiB may be locked");
    });

    for (gone, name) in [
        (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
        (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
        (CapabilitySet::BPF | CapabilitySet::SYS_ADMIN, "CAP_BPF"),
    ] {
        let ours = config.clone();
        let error = Bed::within(&bed.host, move || {
            give_up(gone);
            XdpNic::open(&ours).err().expect("must be refused")
        });
        assert_eq!(error.to_string(), format!("missing {name}"));
        assert!(error.remedy().contains(&format!("setcap {}+ep", name.to_lowercase())), "{}", error.remedy());
    }
    assert!(!bed.has_xdp(), "refusals leave nothing behind");
}
