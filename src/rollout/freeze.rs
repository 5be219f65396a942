//! Freeze windows: times in which `ci` changes nothing, again every day, week or year, by the clock of a place.
//!
//! A window is one line: `Fri 16:00 - Mon 08:00 Europe/Berlin`, `22:00 - 06:00 UTC`, `12-20 00:00 - 01-07 00:00 Asia/Tokyo`. The
//! time zones are those of the IANA, as of the build: a router reads no file of the machine that it runs on.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

/// What a window may be, for the person who has to correct one.
pub const ALLOWED: &str = "`FROM - TO ZONE`, where both are HH:MM (every day), such as Fri 16:00 (every week), or such as 12-20 00:00 \
                           (every year), and ZONE is a time zone of the IANA, such as Europe/Berlin";

/// The most windows of one list.
pub const WINDOWS_MAX: usize = 32;

/// How many windows are followed, one after the other, to say when the last of them ends. Those that follow each other for longer
/// say the end of this one.
const CHAIN_MAX: usize = 16;

/// A freeze window.
#[derive(Debug, Clone, PartialEq)]
pub struct FreezeWindow {
    from: Moment,
    to: Moment,
    zone: TimeZone,
    text: String,
}

/// A freeze that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The window.
    pub window: String,
    /// When no window stands any more, Unix ms.
    pub until: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    day: Day,
    time: Time,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Day {
    Every,
    OfWeek(Weekday),
    OfYear { month: i8, day: i8 },
}

impl FreezeWindow {
    /// Parses one line; none: it is no window.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, rest) = text.split_once(" - ")?;
        let (to, zone) = rest.trim().rsplit_once(' ')?;
        let (from, to) = (Moment::parse(from.trim())?, Moment::parse(to.trim())?);
        // One that begins and ends at the same time would be for ever, or never.
        if std::mem::discriminant(&from.day) != std::mem::discriminant(&to.day) || from == to {
            return None;
        }
        let zone = TimeZone::get(zone).ok()?;
        Some(Self { from, to, zone, text: text.to_owned() })
    }

    /// The line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it ends, if it stands at `now`.
    fn end_at(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        let newest = self.from.day.on_or_before(today)?;
        let before = newest.yesterday().ok().and_then(|date| self.from.day.on_or_before(date));
        [Some(newest), before].into_iter().flatten().find_map(|date| {
            let start = date.to_datetime(self.from.time);
            let end = self.to.after(start)?;
            let (start, end) = (self.zone.to_timestamp(start).ok()?, self.zone.to_timestamp(end).ok()?);
            (start <= now && now < end).then_some(end)
        })
    }
}

/// The freeze that stands at `now` (Unix ms), with the end of all windows that follow each other without a gap.
pub fn freeze_at<'a>(windows: impl Iterator<Item = &'a FreezeWindow> + Clone, now: u64) -> Option<Freeze> {
    let at = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?;
    let last_end = |at: Timestamp| {
        let standing = windows.clone().filter_map(|window| Some((window.end_at(at)?, window)));
        standing.max_by_key(|(end, _)| *end)
    };
    let (mut end, window) = last_end(at)?;
    for _ in 0..CHAIN_MAX {
        let Some((later, _)) = last_end(end) else { break };
        end = later;
    }
    Some(Freeze { window: window.text.clone(), until: u64::try_from(end.as_millisecond()).ok()? })
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

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = match text.split_once(' ') {
            Some((day, time)) => (Day::parse(day)?, time.trim()),
            None => (Day::Every, text),
        };
        let (hour, minute) = time.split_once(':')?;
        let time = Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).ok()?;
        Some(Self { day, time })
    }

    /// The first such moment after another one.
    fn after(self, start: DateTime) -> Option<DateTime> {
        let same_day = self.day.on_or_after(start.date())?.to_datetime(self.time);
        if same_day > start {
            return Some(same_day);
        }
        Some(self.day.on_or_after(start.date().tomorrow().ok()?)?.to_datetime(self.time))
    }
}

impl Day {
    fn parse(text: &str) -> Option<Self> {
        let week = [
            ("Mon", Weekday::Monday),
            ("Tue", Weekday::Tuesday),
            ("Wed", Weekday::Wednesday),
            ("Thu", Weekday::Thursday),
            ("Fri", Weekday::Friday),
            ("Sat", Weekday::Saturday),
            ("Sun", Weekday::Sunday),
        ];
        if let Some((_, day)) = week.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Some(Self::OfWeek(*day));
        }
        let (month, day) = text.split_once('-')?;
        let (month, day) = (two_digits(month)?, two_digits(day)?);
        // A day of every year: 2023 has no 29th of February.
        Date::new(2023, month, day).ok()?;
        Some(Self::OfYear { month, day })
    }

    fn on_or_before(self, date: Date) -> Option<Date> {
        self.nearest(date, |date| date.yesterday().ok(), |date| date.year().checked_sub(1))
    }

    fn on_or_after(self, date: Date) -> Option<Date> {
        self.nearest(date, |date| date.tomorrow().ok(), |date| date.year().checked_add(1))
    }

    /// The nearest such day, by steps of a day or of a year away from a date.
    fn nearest(
        self,
        date: Date,
        step: impl Fn(Date) -> Option<Date>,
        year: impl Fn(Date) -> Option<i16>,
    ) -> Option<Date> {
        match self {
            Self::Every => Some(date),
            Self::OfWeek(day) => {
                let mut nearest = date;
                while nearest.weekday() != day {
                    nearest = step(nearest)?;
                }
                Some(nearest)
            }
            Self::OfYear { month, day } => {
                let this = Date::new(date.year(), month, day).ok()?;
                let is_ahead = step(date)? > date;
                if this == date || (this > date) == is_ahead {
                    return Some(this);
                }
                Date::new(year(date)?, month, day).ok()
            }
        }
    }
}

fn two_digits(text: &str) -> Option<i8> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    /// When the freeze ends that stands then; empty: none stands.
    fn end(windows: &[&str], at: &str) -> String {
        let windows: Vec<FreezeWindow> = windows
            .iter()
            .map(|text| FreezeWindow::parse(text).unwrap_or_else(|| panic!("{text}")))
            .collect();
        let freeze = freeze_at(windows.iter(), ms(at));
        freeze
            .map(|freeze| Timestamp::from_millisecond(freeze.until as i64).unwrap().to_string())
            .unwrap_or_default()
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
        // It has no end, and some end is said.
        assert!(!end(&["00:00 - 12:00 UTC", "12:00 - 00:00 UTC"], "2026-11-25T21:00:00Z").is_empty());
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for wrong in [
            "",
            "Fri 16:00",
            "Fri 16:00 - Mon 08:00",
            "Fri 16:00 - Mon 08:00 Europe/Nowhere",
            "Fri 16:00 - 08:00 UTC",
            "Fri 16:00 - 12-24 08:00 UTC",
            "Fri 16:00 - Fri 16:00 UTC",
            "Fry 16:00 - Mon 08:00 UTC",
            "24:00 - 06:00 UTC",
            "9:00 - 17:00 UTC",
            "02-29 00:00 - 03-01 00:00 UTC",
            "13-01 00:00 - 13-02 00:00 UTC",
            "+1:00 - 17:00 UTC",
            "Fri 16:00-Mon 08:00 UTC",
        ] {
            assert_eq!(FreezeWindow::parse(wrong), None, "{wrong}");
        }
    }
}
