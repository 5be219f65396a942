//! One freeze window: a line such as `Fri 16:00 - Mon 08:00 Europe/Berlin`, `22:00 - 06:00 UTC` or
//! `12-20 00:00 - 01-07 00:00 Asia/Tokyo`.
//!
//! It stands while a clock of its place shows a time in it. Where such a clock is put back, so that a time comes twice, a window
//! begins when its beginning first comes and ends when its end last does. Where it is put forward, a time that never comes is the
//! moment at which the clock passes over it.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

/// A freeze window.
#[derive(Debug, Clone, PartialEq)]
pub struct FreezeWindow {
    from: Moment,
    to: Moment,
    zone: TimeZone,
    text: String,
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
        // `Etc/Unknown` is a name, but of no place.
        let zone = TimeZone::get(zone).ok().filter(|zone| !zone.is_unknown())?;
        Some(Self { from, to, zone, text: text.to_owned() })
    }

    /// The line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it ends, if it stands at `now`.
    pub(super) fn end_at(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.date_at(now);
        let newest = self.from.day.on_or_before(today)?;
        let before = newest.yesterday().ok().and_then(|date| self.from.day.on_or_before(date));
        let spans = [Some(newest), before].into_iter().flatten().filter_map(|date| self.span(date));
        spans.filter(|(start, end)| *start <= now && now < *end).map(|(_, end)| end).max()
    }

    /// When it begins and ends, in order: from the one on that stands at `now`, or stood last before it.
    pub(super) fn spans(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let before = |date: Date| date.yesterday().ok().and_then(|date| self.from.day.on_or_before(date));
        let newest = self.from.day.on_or_before(self.date_at(now));
        let first = newest.map(|newest| before(newest).unwrap_or(newest));
        let next = move |date: &Date| self.from.day.on_or_after(date.tomorrow().ok()?);
        std::iter::successors(first, next).filter_map(move |date| self.span(date))
    }

    /// When it begins next after `now`, if it does so within two days.
    pub(super) fn start_after(&self, now: Timestamp) -> Option<Timestamp> {
        let days = std::iter::successors(Some(self.date_at(now)), |date| date.tomorrow().ok()).take(3);
        let begins = days.filter(|date| self.from.day.on_or_before(*date) == Some(*date));
        begins.filter_map(|date| self.span(date)).map(|(start, _)| start).find(|start| *start > now)
    }

    fn date_at(&self, now: Timestamp) -> Date {
        self.zone.to_datetime(now).date()
    }

    /// Beginning and end of the window that begins on a day. None: the clock passes over all of it.
    fn span(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let start = date.to_datetime(self.from.time);
        let (start, end) = (self.instant(start, false)?, self.instant(self.to.after(start)?, true)?);
        (start < end).then_some((start, end))
    }

    /// When a clock of the place shows a time: first, or last.
    fn instant(&self, at: DateTime, is_last: bool) -> Option<Timestamp> {
        let instants = self.zone.to_ambiguous_timestamp(at);
        match instants.offset() {
            AmbiguousOffset::Gap { .. } => {
                let before = instants.earlier().ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
            AmbiguousOffset::Fold { .. } if is_last => instants.later().ok(),
            _ => instants.earlier().ok(),
        }
    }
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

    /// The windows of a day, as times in UTC.
    fn span(window: &str, day: &str) -> String {
        let window = FreezeWindow::parse(window).unwrap_or_else(|| panic!("{window}"));
        match window.span(day.parse().unwrap()) {
            Some((start, end)) => format!("{start} {end}"),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn a_time_that_comes_twice_begins_with_the_first_and_ends_with_the_last() {
        // Berlin has 02:00 to 03:00 twice on this day: from 00:00 UTC and from 01:00 UTC.
        for (window, is) in [
            ("02:30 - 05:00 Europe/Berlin", "2026-10-25T00:30:00Z 2026-10-25T04:00:00Z"),
            ("01:00 - 02:30 Europe/Berlin", "2026-10-24T23:00:00Z 2026-10-25T01:30:00Z"),
            ("02:15 - 02:45 Europe/Berlin", "2026-10-25T00:15:00Z 2026-10-25T01:45:00Z"),
            // The end is before the beginning on the clock, so it is the next day's.
            ("02:45 - 02:15 Europe/Berlin", "2026-10-25T00:45:00Z 2026-10-26T01:15:00Z"),
            ("Sun 02:30 - Mon 02:30 Europe/Berlin", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"),
        ] {
            assert_eq!(span(window, "2026-10-25"), is, "{window}");
        }
    }

    #[test]
    fn a_time_that_never_comes_is_the_change_of_the_clock() {
        // Berlin has no 02:00 to 03:00 on this day: the clock is put forward at 01:00 UTC.
        for (window, is) in [
            ("02:30 - 05:00 Europe/Berlin", "2026-03-29T01:00:00Z 2026-03-29T03:00:00Z"),
            ("01:00 - 02:30 Europe/Berlin", "2026-03-29T00:00:00Z 2026-03-29T01:00:00Z"),
            ("02:00 - 03:00 Europe/Berlin", "none"),
            ("02:15 - 02:45 Europe/Berlin", "none"),
            ("22:00 - 02:30 Europe/Berlin", "2026-03-29T20:00:00Z 2026-03-30T00:30:00Z"),
        ] {
            assert_eq!(span(window, "2026-03-29"), is, "{window}");
        }
        // Samoa had no 30th of December in 2011, and Lord Howe changes its clock by half an hour.
        assert_eq!(span("09:00 - 17:00 Pacific/Apia", "2011-12-30"), "none");
        assert_eq!(
            span("02:10 - 03:00 Australia/Lord_Howe", "2026-10-04"),
            "2026-10-03T15:30:00Z 2026-10-03T16:00:00Z"
        );
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
            "09:00 - 17:00 Etc/Unknown",
            "09:00 - 17:00 +02:00",
            "09:00 - 17:00 CEST",
            "09:00 - 17:00 CET-1CEST,M3.5.0,M10.5.0",
            "09:00 - 17:00 ../../etc/localtime",
        ] {
            assert_eq!(FreezeWindow::parse(wrong), None, "{wrong}");
        }
    }
}
