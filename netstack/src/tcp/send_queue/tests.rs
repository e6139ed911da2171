extern crate std;
use std::vec;
use std::vec::Vec;

use corelane_nic::{Pool, PoolConfig};
use proptest::prelude::*;

use super::*;

fn device() -> Pool {
    Pool::heap(PoolConfig { slots: 64, slot_size: 4096, headroom: 0, reserve: 0 })
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Push(usize),
    Consume(usize),
    Copy(usize, usize),
    Chunks(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1usize..3000).prop_map(Step::Write),
        (0usize..3000).prop_map(Step::Push),
        (0usize..4000).prop_map(Step::Consume),
        (0usize..4000, 1usize..2000).prop_map(|(a, b)| Step::Copy(a, b)),
        (0usize..4000, 1usize..2000).prop_map(|(a, b)| Step::Chunks(a, b)),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    /// Against a plain vector of bytes.
    #[test]
    fn behaves_as_a_byte_queue(steps in steps()) {
        let pool = device();
        let memory = Memory::new(1 << 20, pool.clone());
        let (mut queue, mut model, mut next) = (SendQueue::default(), Vec::<u8>::new(), 0u8);
        let mut fill = |n: usize| (0..n).map(|_| { next = next.wrapping_add(1); next }).collect::<Vec<u8>>();
        for step in steps {
            match step {
                Step::Write(n) => {
                    let bytes = fill(n);
                    let done = queue.write(&bytes, &memory);
                    model.extend(&bytes[..done]);
                }
                Step::Push(n) => {
                    let bytes = fill(n);
                    if let Some(chunk) = Chunk::copy_from(&pool, &bytes) {
                        queue.push(chunk);
                        model.extend(&bytes);
                    }
                }
                Step::Consume(n) => {
                    queue.consume(n);
                    model.drain(..n.min(model.len()));
                }
                Step::Copy(offset, len) if offset < model.len() => {
                    let mut packet = pool.take().unwrap();
                    let len = len.min(model.len() - offset);
                    prop_assert_eq!(queue.copy_to(offset, len, &mut packet), len);
                    prop_assert_eq!(&packet[..], &model[offset..offset + len]);
                }
                Step::Chunks(offset, len) if offset < model.len() => {
                    let len = len.min(model.len() - offset);
                    let mut got = vec![];
                    let n = queue.chunks(offset, len, 64, |chunk| got.extend_from_slice(&chunk));
                    prop_assert_eq!(n, len);
                    prop_assert_eq!(&got[..], &model[offset..offset + len]);
                }
                Step::Copy(..) | Step::Chunks(..) => {}
            }
            prop_assert_eq!(queue.len(), model.len());
        }
        queue.consume(usize::MAX);
        prop_assert_eq!((memory.in_use(), pool.available()), (0, 64));
    }
}

#[test]
fn small_writes_share_a_buffer() {
    let memory = Memory::new(1 << 20, device());
    let mut queue = SendQueue::default();
    for _ in 0..8 {
        assert_eq!(queue.write(&[7; 64], &memory), 64);
    }
    assert_eq!(memory.in_use(), 1);
}

#[test]
fn without_memory_a_write_takes_what_fits() {
    let memory = Memory::new(0, device()); // 16 small and 16 large buffers
    let mut queue = SendQueue::default();
    let all = vec![1; 1 << 20];
    let taken = queue.write(&all, &memory);
    assert_eq!(taken, 16 * 512 + 16 * 16 * 1024);
    assert_eq!(queue.write(&all, &memory), 0);
    assert!(!memory.has_room());
}
