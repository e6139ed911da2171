//! Random use of buffers: whatever is done to them, all are back in the end, each in its own pool.

use corelane_nic::{Chunk, Packet, Pool, PoolConfig, TxBurst, TxOffload};

const SLOTS: u32 = 12;

/// What a program may hold at one time.
#[derive(Default)]
struct Held {
    packets: Vec<Packet>,
    chunks: Vec<Chunk>,
}

/// Random numbers (Knuth's MMIX generator), the same on each run of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        (!from.is_empty()).then(|| from.swap_remove(self.below(from.len())))
    }
}

fn step(held: &mut Held, dice: &mut Dice, pools: &[Pool; 2], tx: &mut TxBurst) {
    match dice.below(10) {
        0 => held.packets.extend(pools[dice.below(2)].take().map(|mut packet| {
            packet.extend_from_slice(&[0x55; 10]);
            packet
        })),
        1 => drop(dice.pick(&mut held.packets)),
        2 => held.chunks.extend(dice.pick(&mut held.packets).map(Packet::freeze)),
        3 => drop(dice.pick(&mut held.chunks)),
        4 => {
            if let Some(mut chunk) = dice.pick(&mut held.chunks) {
                let front = chunk.split_to(dice.below(12));
                held.chunks.extend([front, chunk]);
            }
        }
        5 => match dice.pick(&mut held.chunks).map(Chunk::try_into_packet) {
            Some(Ok(packet)) => held.packets.push(packet),
            Some(Err(chunk)) => held.chunks.push(chunk),
            None => {}
        },
        6 => {
            if let (Some(mut head), Some(tail)) = (dice.pick(&mut held.packets), dice.pick(&mut held.packets))
            {
                head.append(tail);
                held.packets.push(head);
            }
        }
        7 => {
            if let Some(mut head) = dice.pick(&mut held.packets) {
                held.packets.extend(head.split_next());
                held.packets.push(head);
            }
        }
        8 => {
            if let Some(packet) = dice.pick(&mut held.packets) {
                tx.push(packet, TxOffload::default());
                dice.pick(&mut held.chunks).into_iter().for_each(|chunk| tx.attach(chunk));
            }
        }
        _ => held.packets.extend(tx.pop_linear().and_then(Result::ok).map(|(packet, ..)| packet)),
    }
}

#[test]
fn every_buffer_comes_home_whatever_was_done_to_it() {
    let seeds = if cfg!(miri) { 8 } else { 500 };
    for seed in 0..seeds {
        let config = PoolConfig { slots: SLOTS, slot_size: 64, headroom: 8, reserve: 0 };
        let pools = [Pool::heap(config), Pool::heap(config)];
        let (mut dice, mut held) = (Dice(seed), Held::default());
        let mut tx = TxBurst::with_capacity(64);
        for _ in 0..200 {
            step(&mut held, &mut dice, &pools, &mut tx);
        }
        drop((held, tx));
        assert_eq!(pools.each_ref().map(Pool::available), [SLOTS as usize; 2], "seed {seed}");
    }
}

#[test]
fn a_pool_may_go_before_what_came_from_it() {
    let seeds = if cfg!(miri) { 8 } else { 500 };
    for seed in 0..seeds {
        let config = PoolConfig { slots: SLOTS, slot_size: 64, headroom: 8, reserve: 0 };
        let pools = [Pool::heap(config), Pool::heap(config)];
        let (mut dice, mut held) = (Dice(seed), Held::default());
        let mut tx = TxBurst::with_capacity(64);
        for _ in 0..100 {
            step(&mut held, &mut dice, &pools, &mut tx);
        }
        drop(pools);
        for chunk in &held.chunks {
            assert!(chunk.iter().all(|&byte| byte == 0x55), "seed {seed}");
        }
        // Miri finds what is left or used too late.
        drop((tx, held));
    }
}
