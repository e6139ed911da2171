use corelane_nic::{Pool, PoolConfig};

use super::*;
use crate::tcp::memory::Memory;

fn memory() -> Memory {
    Memory::new(1 << 20, Pool::heap(PoolConfig { slots: 4, slot_size: 64, headroom: 0, reserve: 0 }))
}

#[test]
fn syn_data_and_fin_are_acknowledged_in_their_order() {
    let mut snd = Sender::new(SeqNumber(u32::MAX), 1000);
    snd.queue.write(b"hello", &memory());
    snd.fin = true;
    assert_eq!((snd.base(), snd.data_end()), (SeqNumber(0), SeqNumber(5)));
    snd.nxt = SeqNumber(6);
    assert_eq!(snd.acknowledge(SeqNumber(0)), 0);
    assert!(snd.syn_acked);
    assert_eq!(snd.acknowledge(SeqNumber(3)), 3);
    assert_eq!((snd.queue.len(), snd.flight()), (2, 3));
    assert_eq!(snd.acknowledge(SeqNumber(6)), 2);
    assert_eq!((snd.queue.len(), snd.flight(), snd.nxt), (0, 0, SeqNumber(6)));
    assert!(snd.fin_acked && !snd.has_unsent());
    assert_eq!(snd.data_end(), SeqNumber(5), "the FIN's own number");
}

#[test]
fn an_old_segment_does_not_undo_the_window() {
    let mut snd = Sender::new(SeqNumber(0), 1000);
    snd.open_window(SeqNumber(9), 0);
    assert!(snd.update_window(SeqNumber(10), SeqNumber(5), 100));
    assert!(!snd.update_window(SeqNumber(9), SeqNumber(5), 50));
    assert!(!snd.update_window(SeqNumber(10), SeqNumber(4), 50));
    assert!(snd.update_window(SeqNumber(10), SeqNumber(5), 0));
    assert_eq!((snd.wnd, snd.max_wnd), (0, 100));
    assert!(snd.update_window(SeqNumber(9), SeqNumber(6), 50), "sent again, and so with a newer ACK");
}

#[test]
fn the_first_window_is_taken_whatever_the_peers_number() {
    for irs in [0, 1, 1 << 31, u32::MAX] {
        let mut snd = Sender::new(SeqNumber(77), 1000);
        snd.open_window(SeqNumber(irs), 10);
        assert!(snd.update_window(SeqNumber(irs) + 1, SeqNumber(78), 500), "ISN {irs}");
        assert_eq!(snd.wnd, 500);
    }
}
