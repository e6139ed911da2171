//! How sure the ratio of two medians is, by the percentile bootstrap (Efron and Tibshirani, An Introduction to the
//! Bootstrap, 1993, chapter 13).

use crate::compare::interval::CONFIDENCE;
use crate::compare::row;

/// How often rounds are drawn.
const SAMPLES: usize = 10_000;

/// Fewer rounds than this have too few different medians.
pub const LEAST: usize = 5;

/// A ratio with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Of the medians: the second's to the first's.
    pub ratio: f64,
    /// The lower end; `None` when there are too few rounds.
    pub interval: Option<(f64, f64)>,
}

/// The ratio of the median of `second` to that of `first`; `None` where one has no round, or the first's median is not
/// above zero.
pub fn ratio(first: &[f64], second: &[f64], seed: u64) -> Option<Ratio> {
    let (below, above) = (middle(&mut first.to_vec())?, middle(&mut second.to_vec())?);
    if below <= 0.0 {
        return None;
    }
    let enough = first.len().min(second.len()) >= LEAST;
    let interval = if enough { interval(first, second, seed) } else { None };
    Some(Ratio { ratio: above / below, interval })
}

fn interval(first: &[f64], second: &[f64], seed: u64) -> Option<(f64, f64)> {
    let mut random = SplitMix64(seed);
    let (mut below, mut above) = (first.to_vec(), second.to_vec());
    let mut ratios = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        random.draw(first, &mut below);
        random.draw(second, &mut above);
        let (below, above) = (middle(&mut below)?, middle(&mut above)?);
        ratios.push(if below > 0.0 { above / below } else { f64::INFINITY });
    }
    ratios.sort_by(f64::total_cmp);
    let outside = (SAMPLES as f64 * (1.0 - CONFIDENCE) / 2.0) as usize; // 250
    Some((*ratios.get(outside)?, *ratios.get(SAMPLES - 1 - outside)?))
}

fn middle(rounds: &mut [f64]) -> Option<f64> {
    rounds.sort_by(f64::total_cmp);
    row::median(rounds)
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, quick, and the same on every machine.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Fills `to` with what is drawn from `from`, each time from all of it.
    fn draw(&mut self, from: &[f64], to: &mut [f64]) {
        for place in to {
            // The upper half of the product: even, but for one in 2^64 / length.
            let index = (u128::from(self.next()) * from.len() as u128) >> 64;
            *place = from[index as usize]; // below the length
        }
    }
}

#[cfg(test)]
mod tests;
