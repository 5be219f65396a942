//! The blend: percent of unpinned clients sent to the candidate, exact to two decimals.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Unexpected, Visitor},
};

/// Percent of unpinned clients sent to the candidate, 0..=100 with at most two decimals, kept in hundredths so
/// that no rounding ever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Blend(u16);

/// A value is not a blend. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a blend is a percentage from 0 to 100 with at most two decimals")]
pub struct BlendError;

impl Blend {
    /// Nobody is sent to the candidate.
    pub const ZERO: Self = Self(0);
    /// Every unpinned client is sent to the candidate.
    pub const FULL: Self = Self(10_000);

    /// From hundredths of a percent, 0..=10,000.
    pub fn from_hundredths(hundredths: u16) -> Result<Self, BlendError> {
        if hundredths <= 10_000 { Ok(Self(hundredths)) } else { Err(BlendError) }
    }

    /// Hundredths of a percent, 0..=10,000: the number of buckets of 10,000 that go to the candidate.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// The percentage as a float, for display only.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl FromStr for Blend {
    type Err = BlendError;

    /// Parses `0`, `12.5`, `99.99`, `100`. A sign, an exponent, blanks and superfluous digits are refused.
    fn from_str(text: &str) -> Result<Self, BlendError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 3) || !digits(fraction, 2) {
            return Err(BlendError);
        }
        let whole: u16 = whole.parse().map_err(|_| BlendError)?;
        let tenths: u16 = fraction.parse().map_err(|_| BlendError)?;
        Self::from_hundredths(whole * 100 + if fraction.len() == 1 { tenths * 10 } else { tenths })
    }
}

impl fmt::Display for Blend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) if rest % 10 == 0 => write!(f, "{whole}.{}", rest / 10),
            (whole, rest) => write!(f, "{whole}.{rest:02}"),
        }
    }
}

impl Serialize for Blend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            serializer.serialize_u16(self.0 / 100)
        } else {
            serializer.serialize_f64(self.percent())
        }
    }
}

impl<'de> Deserialize<'de> for Blend {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Percentage;

        impl Percentage {
            fn read<E: de::Error>(&self, text: &str, found: Unexpected<'_>) -> Result<Blend, E> {
                text.parse().map_err(|_| E::invalid_value(found, self))
            }
        }

        impl Visitor<'_> for Percentage {
            type Value = Blend;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage from 0 to 100 with at most two decimals")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Blend, E> {
                self.read(&number.to_string(), Unexpected::Unsigned(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Blend, E> {
                self.read(&number.to_string(), Unexpected::Signed(number))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Blend, E> {
                self.read(&number.to_string(), Unexpected::Float(number))
            }
        }

        deserializer.deserialize_any(Percentage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_every_hundredth() {
        for hundredths in 0..=10_000 {
            let blend = Blend::from_hundredths(hundredths).unwrap();
            assert_eq!(blend.to_string().parse(), Ok(blend));
            let json = serde_json::to_string(&blend).unwrap();
            assert_eq!(serde_json::from_str::<Blend>(&json).unwrap(), blend, "{json}");
        }
    }

    #[test]
    fn refuses_what_is_no_percentage() {
        for text in ["", "-1", "+1", "101", "100.01", "1.234", "1.", ".5", "1e1", " 1", "1 ", "0001", "NaN"] {
            assert_eq!(text.parse::<Blend>(), Err(BlendError), "{text:?}");
        }
    }
}
