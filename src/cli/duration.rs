//! Lengths of time, as people write and read them.

use std::time::Duration;

/// `90`, `90s`, `5m`, `2h` or `3d`; whole numbers, at most a year.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let seconds = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    match seconds.filter(|seconds| unit > 0 && *seconds <= 365 * 86_400) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => {
            Err("allowed is a whole number of s, m, h or d, at most 365d, such as 90s, 5m, 2h or 3d".into())
        }
    }
}

/// As the API reads it.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

/// In the one unit that says enough: `38 ms`, `5 s`, `14 min`, `3 h`, `2 d`.
pub(super) fn rough(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} ms"),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_lengths_of_time() {
        let read = |text| parse(text).map(|time| time.as_secs());
        assert_eq!(["5", "5s", "2m", "3h", "1d"].map(read), [5, 5, 120, 10_800, 86_400].map(Ok));
        for text in ["", "s", "-1s", "1.5h", "5 s", "366d", "1w", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let written = [999, 1_000, 119_999, 120_000, 7_200_000, 172_800_000].map(rough);
        assert_eq!(written, ["999 ms", "1 s", "119 s", "2 min", "2 h", "2 d"]);
    }
}
