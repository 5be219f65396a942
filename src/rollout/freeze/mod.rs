//! Freeze windows: times in which `ci` changes nothing, again every day, week or year, by the clock of a place.
//!
//! The time zones are those of the IANA, as of the build: a router reads no file of the machine that it runs on.

mod window;

use jiff::{SignedDuration, Timestamp};

pub use self::window::FreezeWindow;

/// What a window may be, for the person who has to correct one.
pub const ALLOWED: &str = "`FROM - TO ZONE`, where both are HH:MM (every day), such as Fri 16:00 (every week), or such as 12-20 00:00 \
                           (every year), and ZONE is a time zone of the IANA, such as Europe/Berlin";

/// The most windows of one list.
pub const WINDOWS_MAX: usize = 32;

/// How far ahead the end of windows that follow each other is looked for, in days. Most end within days. What leaves no gap
/// in more than a year, after which all windows have come again, has no end.
const AHEAD: [i64; 4] = [8, 32, 128, 512];

/// How long before it begins a freeze is announced.
const ANNOUNCED: SignedDuration = SignedDuration::from_hours(24);

/// A freeze that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The window.
    pub window: String,
    /// When no window stands any more, Unix ms. None: the windows leave no gap.
    pub until: Option<u64>,
}

/// A freeze that comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComingFreeze {
    /// When it begins, Unix ms.
    pub from: u64,
    /// The freeze then.
    pub freeze: Freeze,
}

/// The freeze that stands at `now` (Unix ms), with the end of all windows that follow each other without a gap.
pub fn freeze_at<'a>(windows: impl Iterator<Item = &'a FreezeWindow> + Clone, now: u64) -> Option<Freeze> {
    let now = timestamp(now)?;
    let standing = windows.clone().filter_map(|window| Some((window.end_at(now)?, window)));
    let (_, window) = standing.max_by_key(|(end, _)| *end)?;
    let end = AHEAD.iter().find_map(|days| end_within(windows.clone(), now, *days));
    Some(Freeze { window: window.text().to_owned(), until: end.and_then(unix_ms) })
}

/// When no window stands any more, after `now`; none: some window does at any time in so many days.
fn end_within<'a>(
    windows: impl Iterator<Item = &'a FreezeWindow>,
    now: Timestamp,
    days: i64,
) -> Option<Timestamp> {
    let ahead = now.checked_add(SignedDuration::from_hours(24 * days)).ok()?;
    let spans = |window: &'a FreezeWindow| window.spans(now).take_while(move |(start, _)| *start < ahead);
    let mut spans: Vec<(Timestamp, Timestamp)> = windows.flat_map(spans).collect();
    spans.sort_unstable();
    let end =
        spans.into_iter().fold(now, |end, (start, next)| if start <= end { end.max(next) } else { end });
    (end < ahead).then_some(end)
}

/// The freeze that begins next, within a day from `now` (Unix ms); after the end of one that stands.
pub fn coming_freeze<'a>(
    windows: impl Iterator<Item = &'a FreezeWindow> + Clone,
    now: u64,
) -> Option<ComingFreeze> {
    let end = timestamp(now)?.checked_add(ANNOUNCED).ok()?;
    let free = match freeze_at(windows.clone(), now) {
        Some(freeze) => freeze.until?,
        None => now,
    };
    let free = timestamp(free)?;
    let starts = windows.clone().filter_map(|window| window.start_after(free));
    let from = unix_ms(starts.filter(|start| *start < end).min()?)?;
    Some(ComingFreeze { from, freeze: freeze_at(windows, from)? })
}

/// Parses a list of lines as JSON, as it is stored for all apps.
///
/// # Errors
/// It is no such list; the text says what is allowed.
pub fn parse_list(json: &[u8]) -> Result<Vec<FreezeWindow>, String> {
    let lines: Vec<String> =
        serde_json::from_slice(json).map_err(|error| format!("a list of freeze windows: {error}"))?;
    if lines.len() > WINDOWS_MAX {
        return Err(format!("a list of at most {WINDOWS_MAX} freeze windows; this one has {}", lines.len()));
    }
    let parse =
        |line: &String| FreezeWindow::parse(line).ok_or_else(|| format!("freeze windows, each {ALLOWED}"));
    lines.iter().map(parse).collect()
}

fn timestamp(unix_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()
}

fn unix_ms(at: Timestamp) -> Option<u64> {
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    fn text(unix_ms: u64) -> String {
        timestamp(unix_ms).unwrap().to_string()
    }

    fn parse(windows: &[&str]) -> Vec<FreezeWindow> {
        let parse = |text: &&str| FreezeWindow::parse(text).unwrap_or_else(|| panic!("{text}"));
        windows.iter().map(parse).collect()
    }

    /// When the freeze ends that stands then; empty: none stands.
    fn end(windows: &[&str], at: &str) -> String {
        let freeze = freeze_at(parse(windows).iter(), ms(at));
        freeze.map(|freeze| freeze.until.map_or("never".to_owned(), text)).unwrap_or_default()
    }

    /// When the next freeze begins and ends; empty: none does within a day.
    fn coming(windows: &[&str], at: &str) -> String {
        let coming = coming_freeze(parse(windows).iter(), ms(at));
        let until = |freeze: Freeze| freeze.until.map_or("never".to_owned(), text);
        coming.map(|next| format!("{} {}", text(next.from), until(next.freeze))).unwrap_or_default()
    }

    #[test]
    fn a_window_stands_by_the_clock_of_its_place() {
        let weekend = "Fri 16:00 - Mon 08:00 Europe/Berlin";
        for (at, ends) in [
            // Berlin is two hours ahead of UTC in summer, and one in winter.
            ("2026-07-03T13:59:59Z", ""),
            ("2026-07-03T14:00:00Z", "2026-07-06T06:00:00Z"),
            ("2026-07-06T05:59:59Z", "2026-07-06T06:00:00Z"),
            ("2026-07-06T06:00:00Z", ""),
            ("2026-01-02T15:00:00Z", "2026-01-05T07:00:00Z"),
            ("2026-01-07T12:00:00Z", ""),
            // The clock is put forward on this Sunday.
            ("2026-03-27T15:00:00Z", "2026-03-30T06:00:00Z"),
        ] {
            assert_eq!(end(&[weekend], at), ends, "{at}");
        }
    }

    #[test]
    fn nights_and_seasons_pass_over_midnight_and_new_year() {
        let night = "22:00 - 06:00 UTC";
        for (at, ends) in [
            ("2026-05-01T21:59:00Z", ""),
            ("2026-05-01T22:00:00Z", "2026-05-02T06:00:00Z"),
            ("2026-05-02T05:59:00Z", "2026-05-02T06:00:00Z"),
            ("2026-05-02T06:00:00Z", ""),
        ] {
            assert_eq!(end(&[night], at), ends, "{at}");
        }
        assert_eq!(end(&["09:00 - 17:00 Asia/Tokyo"], "2026-05-02T00:00:00Z"), "2026-05-02T08:00:00Z");
        let season = "12-20 00:00 - 01-07 00:00 UTC";
        for (at, ends) in [
            ("2026-12-19T23:59:59Z", ""),
            ("2026-12-20T00:00:00Z", "2027-01-07T00:00:00Z"),
            ("2027-01-06T23:00:00Z", "2027-01-07T00:00:00Z"),
            ("2027-01-07T00:00:00Z", ""),
            ("2026-06-01T00:00:00Z", ""),
        ] {
            assert_eq!(end(&[season], at), ends, "{at}");
        }
        assert_eq!(end(&["Mon 08:00 - Mon 09:00 UTC"], "2026-11-30T08:30:00Z"), "2026-11-30T09:00:00Z");
        assert_eq!(end(&["Mon 09:00 - Mon 08:00 UTC"], "2026-11-30T08:30:00Z"), "");
    }

    #[test]
    fn windows_that_follow_each_other_are_one_freeze() {
        let windows = ["20:00 - 00:00 UTC", "00:00 - 06:00 UTC", "Sat 05:00 - Sun 12:00 UTC"];
        assert_eq!(end(&windows, "2026-11-25T21:00:00Z"), "2026-11-26T06:00:00Z");
        assert_eq!(
            end(&windows, "2026-11-27T21:00:00Z"),
            "2026-11-29T12:00:00Z",
            "from Friday night to Sunday noon"
        );
    }

    #[test]
    fn windows_without_a_gap_have_no_end() {
        let halves = ["00:00 - 12:00 UTC", "12:00 - 00:00 UTC"];
        assert_eq!(end(&halves, "2026-11-25T21:00:00Z"), "never");
        assert_eq!(coming(&halves, "2026-11-25T21:00:00Z"), "");
        let years = ["12-20 00:00 - 01-07 00:00 UTC", "01-07 00:00 - 12-20 00:00 UTC"];
        assert_eq!(end(&years, "2026-11-25T21:00:00Z"), "never");
    }

    /// 128 windows were followed, one after the other, and the end of the last was told as the end of all.
    #[test]
    fn the_end_is_found_over_weeks_and_months_of_short_windows() {
        let hours: Vec<String> =
            (0..24).map(|hour| format!("{hour:02}:00 - {:02}:00 UTC", (hour + 1) % 24)).collect();
        let of_day = |skipped: usize, filled: &[&str]| -> Vec<String> {
            let kept =
                hours.iter().enumerate().filter(|(hour, _)| *hour != skipped).map(|(_, text)| text.clone());
            kept.chain(filled.iter().map(|text| (*text).to_owned())).collect()
        };
        // One hour of the day is free, but not on weekdays: the next is on Saturday.
        let weekdays =
            ["Mon", "Tue", "Wed", "Thu", "Fri"].map(|day| format!("{day} 05:00 - {day} 06:00 UTC"));
        let weekdays: Vec<&str> = weekdays.iter().map(String::as_str).collect();
        let week = of_day(5, &weekdays);
        let week: Vec<&str> = week.iter().map(String::as_str).collect();
        assert_eq!(end(&week, "2026-11-23T00:30:00Z"), "2026-11-28T05:00:00Z", "130 windows later");
        // Nor in a season.
        let season = of_day(5, &["01-10 00:00 - 12-20 00:00 UTC"]);
        let season: Vec<&str> = season.iter().map(String::as_str).collect();
        assert_eq!(end(&season, "2026-01-10T05:30:00Z"), "2026-12-20T05:00:00Z", "8,000 windows later");
    }

    #[test]
    fn the_end_is_when_none_stands_also_over_many_windows() {
        // Two at once: the end of the longer one, whichever is named first.
        let (short, long) = ("09:00 - 12:00 UTC", "10:00 - 18:00 UTC");
        for windows in [[short, long], [long, short]] {
            assert_eq!(end(&windows, "2026-11-25T09:30:00Z"), "2026-11-25T18:00:00Z");
            assert_eq!(end(&windows, "2026-11-25T11:00:00Z"), "2026-11-25T18:00:00Z");
        }
        let hours: Vec<String> =
            (0..23).map(|hour| format!("{hour:02}:00 - {:02}:00 UTC", hour + 1)).collect();
        let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
        assert_eq!(end(&hours, "2026-11-25T00:30:00Z"), "2026-11-25T23:00:00Z");
        assert_eq!(end(&hours, "2026-11-25T23:30:00Z"), "");
    }

    #[test]
    fn a_week_passes_over_its_end() {
        let windows = ["Sat 22:00 - Sun 04:00 UTC", "Sun 20:00 - Mon 06:00 America/New_York"];
        for (at, ends) in [
            ("2026-11-28T21:59:59Z", ""),
            ("2026-11-29T03:00:00Z", "2026-11-29T04:00:00Z"),
            ("2026-11-30T00:59:59Z", ""),
            ("2026-11-30T01:00:00Z", "2026-11-30T11:00:00Z"),
            ("2026-11-30T10:59:59Z", "2026-11-30T11:00:00Z"),
            ("2026-11-30T11:00:00Z", ""),
        ] {
            assert_eq!(end(&windows, at), ends, "{at}");
        }
    }

    #[test]
    fn a_freeze_is_announced_a_day_before_it_begins() {
        let weekend = "Fri 16:00 - Mon 08:00 Europe/Berlin";
        for (at, comes) in [
            ("2026-07-02T13:59:59Z", ""),
            ("2026-07-02T14:00:01Z", "2026-07-03T14:00:00Z 2026-07-06T06:00:00Z"),
            ("2026-07-03T13:59:59Z", "2026-07-03T14:00:00Z 2026-07-06T06:00:00Z"),
            ("2026-07-03T14:00:00Z", ""),
            ("2026-07-06T07:00:00Z", ""),
        ] {
            assert_eq!(coming(&[weekend], at), comes, "{at}");
        }
        // What stands already is not announced; what comes after it is.
        let night = "22:00 - 06:00 UTC";
        assert_eq!(coming(&[night], "2026-05-01T23:00:00Z"), "2026-05-02T22:00:00Z 2026-05-03T06:00:00Z");
        // Each begins while another stands, so there is one freeze with one beginning.
        let windows = ["20:00 - 23:00 UTC", "22:00 - 02:00 UTC"];
        assert_eq!(coming(&windows, "2026-05-01T12:00:00Z"), "2026-05-01T20:00:00Z 2026-05-02T02:00:00Z");
        assert_eq!(coming(&windows, "2026-05-01T21:00:00Z"), "2026-05-02T20:00:00Z 2026-05-03T02:00:00Z");
        // The clock passes over it tonight.
        assert_eq!(coming(&["02:15 - 02:45 Europe/Berlin"], "2026-03-28T12:00:00Z"), "");
    }
}
