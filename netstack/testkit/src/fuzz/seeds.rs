//! Inputs from numbers, where no fuzzer makes them.

use corelane_sim::Rng;

/// Inputs that are made from the same base.
const FAMILY: u64 = 16;

/// Input number `index` of a run: random steps, or those of a relative with some bytes changed. The same two numbers give
/// the same bytes.
pub fn input(seed: u64, index: u64) -> Vec<u8> {
    let family = index - index % FAMILY;
    let mut input = steps(&mut Rng::new(seed ^ family.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    if index != family {
        let mut rng = Rng::new(seed.rotate_left(32) ^ index);
        for _ in 0..=rng.below(8) {
            mutate(&mut input, &mut rng);
        }
    }
    input
}

/// A step is a kind and what it reads; how much that is, only the harness knows, so steps run into each other.
fn steps(rng: &mut Rng) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..rng.below(120) {
        input.push(byte(rng));
        for _ in 0..rng.below(24) {
            input.push(byte(rng));
        }
    }
    input
}

/// Small values more often: lengths, flags and choices are small.
fn byte(rng: &mut Rng) -> u8 {
    let value = rng.next_u64() as u8; // the low byte
    match rng.below(4) {
        0 => value & 0x0f,
        1 => value & 0x3f,
        _ => value,
    }
}

fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(input.len() as u64 + 1) as usize;
    match rng.below(4) {
        0 => input.insert(at, byte(rng)),
        1 => input.truncate(at),
        2 => {
            let end = at + (input.len() - at).min(rng.below(16) as usize);
            input.extend_from_within(at..end);
        }
        _ => {
            if let Some(value) = input.get_mut(at) {
                *value = byte(rng);
            }
        }
    }
}
