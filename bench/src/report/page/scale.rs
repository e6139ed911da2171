//! From values to places on an axis, and where its ticks are.

/// What of a value is even along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The value.
    Linear,
    /// Its logarithm.
    Log,
    /// The logarithm of 1 / (1 - percentile / 100): 90, 99 and 99.9 % are at even distances.
    Percentile,
}

/// An axis from `low` to `high`, without its place on the page.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
}

/// Beyond these no figure makes sense, and a broken file must not make a million ticks.
const LEAST: f64 = 1e-4;
const MOST: f64 = 1e15;

impl Scale {
    /// From zero to a round number above all of `values`.
    pub fn linear(values: impl Iterator<Item = f64>) -> Self {
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max).clamp(LEAST, MOST);
        let step = step(most);
        Self { kind: Kind::Linear, low: 0.0, high: (most / step).ceil() * step }
    }

    /// Between round numbers around all of `values` that are above zero.
    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let high = round(high, f64::ceil);
        let low = round(low, f64::floor);
        Self { kind: Kind::Log, low, high: if high > low { high } else { 2.0 * low } }
    }

    /// Between the lowest and the highest of `values`, which are above zero.
    pub fn log_exact(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        Self { kind: Kind::Log, low, high: if high > low { high } else { 2.0 * low } }
    }

    /// From 0 % to `highest`.
    pub fn percentile(highest: f64) -> Self {
        Self { kind: Kind::Percentile, low: 0.0, high: highest.clamp(90.0, 99.9999) }
    }

    /// [`Scale::linear`], or [`Scale::log`] where the highest of `values` is so many times the lowest that it would be lost.
    pub fn linear_or_log(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high) = range(values.clone());
        if high / low > 30.0 { Self::log(values) } else { Self::linear(values) }
    }

    /// Whether distances on it are ratios.
    pub fn is_log(&self) -> bool {
        self.kind == Kind::Log
    }

    /// Where on the axis a value is: 0 at its start, 1 at its end. What is outside is put there.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.even(self.low), self.even(self.high));
        let place = (self.even(value) - low) / (high - low);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    fn even(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.max(f64::MIN_POSITIVE).log10(),
            Kind::Percentile => -(1.0 - value.min(99.999_999) / 100.0).log10(),
        }
    }

    /// The values that stand at the axis.
    pub fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Linear => {
                let step = step(self.high);
                (0..=10)
                    .map(|index| f64::from(index) * step)
                    .filter(|tick| *tick <= self.high * 1.001)
                    .collect()
            }
            Kind::Log => self.log_ticks(),
            Kind::Percentile => {
                let all = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];
                all.into_iter().filter(|tick| *tick <= self.high).collect()
            }
        }
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let (mantissas, every): (&[f64], i32) = match decades {
            few if few < 2.7 => (&[1.0, 2.0, 5.0], 1),
            some if some < 7.0 => (&[1.0], 1),
            _ => (&[1.0], 3),
        };
        let decade = |value: f64| value.log10().floor() as i32; // -4 to 15
        let powers = (decade(self.low)..=decade(self.high)).filter(|power| power % every == 0);
        let all =
            powers.flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * 10_f64.powi(power)));
        all.filter(|tick| *tick >= self.low * 0.999 && *tick <= self.high * 1.001).collect()
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let above_zero = values.filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) =
        above_zero.fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)));
    if low > high { (1.0, 1.0) } else { (low.clamp(LEAST, MOST), high.clamp(LEAST, MOST)) }
}

/// The distance of ticks from 0 to `most`, four of them or a few more: 1, 2, 2.5 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let mantissa = [1.0, 2.0, 2.5, 5.0].into_iter().find(|mantissa| mantissa * power >= rough * 0.999);
    mantissa.unwrap_or(10.0) * power
}

/// The next of 1, 2, 5, 10 times a power of ten.
fn round(value: f64, to: fn(f64) -> f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let mantissa = value / power;
    let is_up = to(0.5) > 0.5;
    let steps = [1.0, 2.0, 5.0, 10.0];
    let found = if is_up {
        steps.into_iter().find(|step| *step >= mantissa * 0.999_999)
    } else {
        steps.into_iter().rev().find(|step| *step <= mantissa * 1.000_001)
    };
    found.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests;
