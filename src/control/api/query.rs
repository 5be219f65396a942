//! Query strings: known parameters only, so that a misspelt one is not silently without effect.

use std::{ops::RangeInclusive, time::Duration};

use percent_encoding::percent_decode_str;

use crate::control::{
    limits::{FLEET_WAIT_MAX, SERVED_WAIT_MAX},
    shared::error::{ApiError, Kind},
};

/// The parameters of one request.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Splits and decodes a query string.
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(pairs.map(split).collect())
    }

    /// Takes a parameter's value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Takes a switch: `?all`, `?all=true`; `false` and `0` are off.
    pub fn flag(&mut self, name: &'static str) -> Result<bool, ApiError> {
        match self.take(name).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(malformed(name, &format!("`{}` is not true or false", other.escape_debug()))),
        }
    }

    /// Takes a whole number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let refused =
            |text: &str| malformed(name, &format!("`{}` is not a whole number from 0", text.escape_debug()));
        let parse = |text: String| text.parse().map_err(|_| refused(&text));
        self.take(name).map(parse).transpose()
    }

    /// Takes a whole number of a range.
    pub fn number_in(
        &mut self,
        name: &'static str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        if allowed.contains(&number) {
            return Ok(Some(number));
        }
        let (from, to) = allowed.into_inner();
        Err(ApiError::value(name, format!("{name}: `{number}` is not a whole number from {from} to {to}")))
    }

    /// Refuses parameters that nobody took.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("there is no parameter `{}` here", name.escape_debug());
                Err(ApiError::new(Kind::Malformed, message).field(name))
            }
        }
    }
}

/// What a write may ask for: to be answered when the whole fleet serves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteQuery {
    /// How long to wait for `?wait=fleet`.
    pub fleet: Option<Duration>,
}

impl WriteQuery {
    /// Takes `timeout`.
    pub fn take_timeout(query: &mut Query) -> Result<Option<Duration>, ApiError> {
        query.take("timeout").map(|text| duration(&text)).transpose()
    }

    /// Takes `wait` and `timeout`.
    pub fn take(query: &mut Query) -> Result<Self, ApiError> {
        let timeout = Self::take_timeout(query)?;
        let fleet = match query.take("wait").as_deref() {
            None => None,
            Some("fleet") => Some(timeout.unwrap_or(SERVED_WAIT_MAX).min(FLEET_WAIT_MAX)),
            Some(other) => {
                return Err(malformed("wait", &format!("`{}` is not `fleet`", other.escape_debug())));
            }
        };
        Ok(Self { fleet })
    }
}

/// `5s`, `500ms`, or seconds without a unit.
fn duration(text: &str) -> Result<Duration, ApiError> {
    let parsed = match text.strip_suffix("ms") {
        Some(ms) => ms.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s').unwrap_or(text).parse().ok().map(Duration::from_secs),
    };
    parsed.ok_or_else(|| malformed("timeout", "it is a time such as 5s or 500ms"))
}

fn malformed(name: &'static str, message: &str) -> ApiError {
    ApiError::new(Kind::Malformed, format!("{name}: {message}")).field(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_fleet_has_a_bounded_time() {
        let parse = |text: &str| WriteQuery::take(&mut Query::parse(Some(text))).map(|query| query.fleet);
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("wait=fleet"), Ok(Some(SERVED_WAIT_MAX)));
        assert_eq!(parse("wait=fleet&timeout=500ms"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(parse("timeout=5&wait=fleet"), Ok(Some(Duration::from_secs(5))));
        assert_eq!(parse("wait=fleet&timeout=9999s"), Ok(Some(FLEET_WAIT_MAX)));
        assert!(parse("wait=all").is_err());
        assert!(parse("wait=fleet&timeout=soon").is_err());
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_with_what_is_allowed() {
        let take = |text: &str| Query::parse(Some(text)).number_in("limit", 1..=200);
        assert_eq!([take(""), take("limit=1"), take("limit=200")], [Ok(None), Ok(Some(1)), Ok(Some(200))]);
        for refused in [0, 201, u64::MAX] {
            let message = format!("limit: `{refused}` is not a whole number from 1 to 200");
            assert_eq!(take(&format!("limit={refused}")), Err(ApiError::value("limit", message)));
        }
        assert_eq!(take("limit=many").map_err(|error| error.kind()), Err(Kind::Malformed));
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        let mut query = Query::parse(Some("all&limt=5"));
        assert_eq!(query.flag("all"), Ok(true));
        assert!(query.finish().is_err());
    }
}
