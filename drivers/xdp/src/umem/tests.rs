use super::*;

fn umem() -> Umem {
    Umem::new(32, 2048, |_| Ok(())).expect("64 KiB")
}

#[test]
fn a_slot_goes_out_and_comes_home() {
    let mut umem = umem();
    let before = umem.pool().available();
    let mut packet = umem.pool().take().expect("fresh");
    packet.extend_from_slice(b"hello");
    let (address, len) = umem.lend(packet, Loan::Transmit).expect("own");
    assert_eq!((address % 2048, len), (u64::from(HEADROOM), 5));
    assert_eq!((umem.lent(Loan::Transmit), umem.lent(Loan::Fill)), (1, 0));
    assert_eq!(umem.pool().available(), before - 1);
    let packet = umem.take_back(address, len, Loan::Transmit).expect("it was on loan");
    assert_eq!(&packet[..], b"hello");
    drop(packet);
    assert_eq!((umem.pool().available(), umem.lent(Loan::Transmit)), (before, 0));
}

#[test]
fn what_was_not_lent_is_not_taken_back() {
    let mut umem = umem();
    let packet = umem.pool().take().expect("fresh");
    let (address, _) = umem.lend(packet, Loan::Fill).expect("own");
    assert!(umem.take_back(address, 0, Loan::Transmit).is_none(), "lent through the other ring");
    assert!(umem.take_back(address + 2048, 0, Loan::Fill).is_none(), "another slot");
    assert!(umem.take_back(u64::MAX, 0, Loan::Fill).is_none(), "no slot at all");
    assert!(umem.take_back(address, 2048, Loan::Fill).is_none(), "beyond the end of the chunk");
    assert!(umem.take_back(address, 100, Loan::Fill).is_some());
    assert!(umem.take_back(address, 100, Loan::Fill).is_none(), "twice");
}

#[test]
fn foreign_packets_are_handed_back() {
    let mut umem = umem();
    let other = Pool::heap(PoolConfig { slots: 1, slot_size: 64, headroom: 0, reserve: 0 });
    let packet = other.take().expect("fresh");
    assert!(umem.lend(packet, Loan::Transmit).is_err());
    assert_eq!(other.available(), 1);
}

#[test]
fn a_refused_registration_is_the_callers_error() {
    let refuse = |_: &Mapping| Err(io::Error::from_raw_os_error(libc::ENOBUFS));
    let error = Umem::new(32, 2048, refuse).err().expect("refused");
    assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
}
