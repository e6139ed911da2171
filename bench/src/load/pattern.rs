//! The bytes of a request: they depend on their position, on the request and on the connection,
//! so that an answer that is shifted, stale or another connection's is seen.

const WORD: usize = 8;

/// Between two words of a request: odd, so that none comes twice.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Fills `request` with the bytes of request `number` on connection `connection`: sums from a mixed start, of which the compiler makes
/// several at once. (With each word mixed for itself, 64 bytes were 4 % of a client's core.)
pub fn fill(request: &mut [u8], connection: u64, number: u64) {
    let mut value = mix(connection << 40 ^ number);
    let (words, rest) = request.as_chunks_mut::<WORD>();
    for word in words {
        *word = value.to_le_bytes();
        value = value.wrapping_add(STEP);
    }
    rest.copy_from_slice(&value.to_le_bytes()[..rest.len()]);
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
