//! Values that TOML has no type for.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use corelane_netstack::{BufferSizes, CongestionControl};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A duration, written with its unit: `"200us"`, `"40ms"`, `"7200s"`, `"2h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Time(pub Duration);

const WANTED: &str = "a duration with its unit, such as \"200us\", \"40ms\", \"7200s\", \"15min\" or \"2h\"";

/// Longest first: `min` ends in `n`, and `ms` in `s`.
const UNITS: [(&str, u64); 6] = [
    ("min", 60_000_000_000),
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("h", 3_600_000_000_000),
];

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        let wrong = || format!("\"{text}\" is not {WANTED}");
        let (number, unit) = UNITS
            .iter()
            .find_map(|(suffix, nanos)| Some((text.strip_suffix(suffix)?, *nanos)))
            .ok_or_else(wrong)?;
        let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
        let nanos = number.checked_mul(unit).ok_or_else(|| format!("\"{text}\" is longer than 584 years"))?;
        Ok(Time(Duration::from_nanos(nanos)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"")?;
        let nanos = self.0.as_nanos();
        let whole = |unit: u128| nanos >= unit && nanos.is_multiple_of(unit);
        match nanos {
            n if whole(1_000_000_000) => write!(f, "{}s", n / 1_000_000_000)?,
            n if whole(1_000_000) => write!(f, "{}ms", n / 1_000_000)?,
            n if whole(1_000) => write!(f, "{}us", n / 1_000)?,
            n => write!(f, "{n}ns")?,
        }
        write!(f, "\"")
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        time.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WANTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The first and the last of a range of ports, written `[32768, 60999]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, serde::Deserialize)]
#[serde(try_from = "[u16; 2]")]
pub struct Ports(pub u16, pub u16);

impl TryFrom<[u16; 2]> for Ports {
    type Error = String;

    fn try_from([first, last]: [u16; 2]) -> Result<Ports, String> {
        if first == 0 || first > last {
            return Err(format!("[{first}, {last}] is not a range of ports, such as [32768, 60999]"));
        }
        Ok(Ports(first, last))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.0, self.1)
    }
}

impl From<Ports> for (u16, u16) {
    fn from(ports: Ports) -> (u16, u16) {
        (ports.0, ports.1)
    }
}

/// The smallest, the first and the largest size of a buffer, written `[4096, 131072, 6291456]`. One number is all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Written")]
pub struct Sizes(pub usize, pub usize, pub usize);

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "give one number or three: min, default, max")]
enum Written {
    One(usize),
    Three([usize; 3]),
}

impl Sizes {
    /// A size that stays.
    pub const fn all(size: usize) -> Sizes {
        Sizes(size, size, size)
    }
}

impl TryFrom<Written> for Sizes {
    type Error = String;

    fn try_from(written: Written) -> Result<Sizes, String> {
        match written {
            Written::One(size) => Ok(Sizes::all(size)),
            Written::Three([min, default, max]) if min <= default && default <= max => {
                Ok(Sizes(min, default, max))
            }
            Written::Three([min, default, max]) => {
                Err(format!("[{min}, {default}, {max}] is not min, default, max"))
            }
        }
    }
}

/// Less or greater when each of the three is.
impl PartialOrd for Sizes {
    fn partial_cmp(&self, other: &Sizes) -> Option<Ordering> {
        let pairs = [(self.0, other.0), (self.1, other.1), (self.2, other.2)];
        match (pairs.iter().all(|(a, b)| a <= b), pairs.iter().all(|(a, b)| a >= b)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Sizes::all(self.0) {
            return write!(f, "{}", self.0);
        }
        write!(f, "[{}, {}, {}]", self.0, self.1, self.2)
    }
}

impl From<Sizes> for BufferSizes {
    fn from(sizes: Sizes) -> BufferSizes {
        BufferSizes { min: sizes.0, default: sizes.1, max: sizes.2 }
    }
}

/// A congestion control, written with its name in Linux: `"cubic"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(pub CongestionControl);

impl Algorithm {
    /// The first of [`CongestionControl::ALL`].
    pub(crate) const FIRST: Algorithm = Algorithm(CongestionControl::ALL[0]);
    /// The last one.
    pub(crate) const LAST: Algorithm = Algorithm(CongestionControl::ALL[CongestionControl::ALL.len() - 1]);

    fn place(self) -> Option<usize> {
        CongestionControl::ALL.iter().position(|kind| *kind == self.0)
    }
}

/// In the order of [`CongestionControl::ALL`].
impl PartialOrd for Algorithm {
    fn partial_cmp(&self, other: &Algorithm) -> Option<Ordering> {
        self.place().partial_cmp(&other.place())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl From<Algorithm> for CongestionControl {
    fn from(algorithm: Algorithm) -> CongestionControl {
        algorithm.0
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Algorithm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names: Vec<String> =
                    CongestionControl::ALL.iter().map(|kind| format!("\"{kind}\"")).collect();
                write!(f, "one of {}", names.join(", "))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Algorithm, E> {
                let unknown = |_| E::invalid_value(de::Unexpected::Str(text), &self);
                text.parse().map(Algorithm).map_err(unknown)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
