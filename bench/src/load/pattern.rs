//! The bytes of a request: they depend on their position, on the request and on the connection,
//! so that an answer that is shifted, stale or another connection's is seen.

const WORD: usize = 8;

/// Bytes from the start of a request whose words are mixed each for itself. Those behind them are a sum each, which the compiler
/// makes two or more of at once: mixing 64 KiB took the client longer than sending them.
const MIXED: usize = 1024;

/// Between two words behind them: odd, so that none comes twice.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Fills `request` with the bytes of request `number` on connection `connection`.
pub fn fill(request: &mut [u8], connection: u64, number: u64) {
    let seed = mix(connection << 40 ^ number);
    let mut request = request;
    if request.len() > MIXED {
        let (start, long) = request.split_at_mut(MIXED);
        fill_long(long, seed);
        request = start;
    }
    let mut words = request.chunks_exact_mut(WORD);
    let mut position = 0;
    for word in &mut words {
        word.copy_from_slice(&mix(seed ^ position).to_le_bytes());
        position += 1;
    }
    let rest = words.into_remainder();
    let last = mix(seed ^ position).to_le_bytes();
    rest.copy_from_slice(&last[..rest.len()]);
}

fn fill_long(request: &mut [u8], seed: u64) {
    let mut value = seed;
    let mut words = request.chunks_exact_mut(WORD);
    for word in &mut words {
        value = value.wrapping_add(STEP);
        word.copy_from_slice(&value.to_le_bytes());
    }
    let rest = words.into_remainder();
    let last = value.wrapping_add(STEP).to_le_bytes();
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The finaliser of SplitMix64: every bit of the result depends on every bit of `value`.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// How many bytes of `answer`, which starts at byte `position`, aren't those of `expected`. Bytes
/// past its end are wrong each.
pub fn errors(expected: &[u8], position: usize, answer: &[u8]) -> u64 {
    let expected = expected.get(position..).unwrap_or_default();
    if expected.get(..answer.len()) == Some(answer) {
        return 0;
    }
    let surplus = answer.len().saturating_sub(expected.len());
    let wrong = expected.iter().zip(answer).filter(|(expected, got)| expected != got);
    (wrong.count() + surplus) as u64 // usize is at most 64 bits
}

#[cfg(test)]
mod tests;
