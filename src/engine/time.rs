//! An engine's own time: it says it as RFC 3339, and wants it as seconds.

/// The time in seconds since 1970 with its fraction, as events are asked for. None: it is not in UTC, or no time.
pub(super) fn unix_seconds(rfc3339: &str) -> Option<String> {
    let (date, time) = rfc3339.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = three(whole, ':')?;
    let is_time =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !is_time || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(format!("{seconds}.{fraction:0<9}"))
}

/// Days since 1970. The year begins in March, so that a leap day is its last one (Howard Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers: Vec<i64> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_becomes_seconds() {
        let read = |text: &str| unix_seconds(text).unwrap_or_default();
        assert_eq!(read("1970-01-01T00:00:00Z"), "0.000000000");
        assert_eq!(read("2000-02-29T12:34:56.5Z"), "951827696.500000000");
        assert_eq!(read("2026-11-29T13:22:33.123456789Z"), "1795958553.123456789");
        for text in
            ["", "2026-11-29", "2026-13-29T13:22:33Z", "2026-11-29T13:22:33+01:00", "2026-11-29T13:22:33.xZ"]
        {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
