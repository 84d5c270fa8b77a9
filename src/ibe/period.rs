//! Validity periods on a UTC grid.
//!
//! An identity is valid for one hour, day, week or month. Which of them is fixed by the public parameters, so everybody
//! computes the same start from the same clock: the hour, midnight, the Monday of the ISO week, or the first of the
//! month, always UTC, leap seconds not counted (Unix time). Times are whole seconds in the years 1970 to 9999, what
//! `GeneralizedTime` can hold.
//!
//! RFC 5409 section 2 rounds a week down to a multiple of 604,800 seconds since 1970, which begins weeks on Thursdays;
//! ours begin on Mondays, as people expect.

use alloc::{format, string::String};
use core::fmt;
use core::time::Duration;
use der::DateTime;

use crate::error::{DecodeError, DecodeReason, IdentityError};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
const WEEK: u64 = 604_800;
/// Monday, 5 January 1970, in seconds: the first ISO week that begins inside the range.
const FIRST_MONDAY: u64 = 4 * DAY;
/// The last second of the year 9999.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;
/// The largest clock difference between two ends that is tolerated, in seconds.
const SKEW: u64 = 300;

/// A time in UTC, in whole seconds of the years 1970 to 9999, and its calendar fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Utc(DateTime);

impl Utc {
    pub(super) fn new(unix: u64) -> Result<Self, IdentityError> {
        DateTime::from_unix_duration(Duration::from_secs(unix)).map(Self).map_err(|_| IdentityError::TimeRange)
    }

    /// `YYYYMMDDHHMMSSZ`.
    pub(super) fn generalized(&self) -> String {
        let t = &self.0;
        format!("{:04}{:02}{:02}{:02}{:02}{:02}Z", t.year(), t.month(), t.day(), t.hour(), t.minutes(), t.seconds())
    }

    fn first_of_month(year: u16, month: u8) -> Result<u64, IdentityError> {
        let first = DateTime::new(year, month, 1, 0, 0, 0).map_err(|_| IdentityError::TimeRange)?;
        Ok(first.unix_duration().as_secs())
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339).
/// RFC 3339, UTC; the number where there is no such date.
#[cfg(feature = "server")]
pub(crate) fn format_utc(unix: u64) -> alloc::string::String {
    Utc::new(unix).map_or_else(|_| alloc::format!("{unix}"), |t| alloc::format!("{t}"))
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long an identity is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Granularity {
    /// From the full hour.
    Hour = 1,
    /// From midnight UTC.
    Day = 2,
    /// From Monday, midnight UTC (ISO 8601).
    Week = 3,
    /// From the first of the month, midnight UTC.
    Month = 4,
}

impl Granularity {
    /// All of them, shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Its identifier in public parameters and headers.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// From its identifier.
    ///
    /// # Errors
    /// An identifier that is not registered.
    pub const fn from_id(id: u8) -> Result<Self, DecodeError> {
        match id {
            1 => Ok(Self::Hour),
            2 => Ok(Self::Day),
            3 => Ok(Self::Week),
            4 => Ok(Self::Month),
            got => Err(DecodeError::new("granularity", DecodeReason::Unknown { got: got as u32 })),
        }
    }

    /// Its name as programs print and take it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }
}

/// One period of the grid: its first second and its granularity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    start: u64,
    end: u64,
    granularity: Granularity,
}

impl Period {
    /// The period that begins at `start` (Unix seconds).
    ///
    /// # Errors
    /// [`IdentityError::OffGrid`] if none begins there, [`IdentityError::TimeRange`] outside the years 1970 to 9999.
    pub fn new(granularity: Granularity, start: u64) -> Result<Self, IdentityError> {
        // Monday, 29 December 1969 has no GeneralizedTime of ours: before the first Monday nothing is on the grid.
        if granularity == Granularity::Week && start < FIRST_MONDAY {
            return Err(IdentityError::OffGrid);
        }
        let period = Self::containing(granularity, start)?;
        if period.start == start { Ok(period) } else { Err(IdentityError::OffGrid) }
    }

    /// The period in which the second `t` lies (Unix seconds).
    ///
    /// # Errors
    /// [`IdentityError::TimeRange`] if `t`, or the start of its period, is outside the years 1970 to 9999.
    pub fn containing(granularity: Granularity, t: u64) -> Result<Self, IdentityError> {
        let calendar = Utc::new(t)?.0;
        let (start, end) = match granularity {
            Granularity::Hour => (t - t % HOUR, t - t % HOUR + HOUR),
            Granularity::Day => (t - t % DAY, t - t % DAY + DAY),
            Granularity::Week => {
                let since_monday = t.checked_sub(FIRST_MONDAY).ok_or(IdentityError::TimeRange)? % WEEK;
                (t - since_monday, t - since_monday + WEEK)
            }
            Granularity::Month => {
                let (year, month) = (calendar.year(), calendar.month());
                let end = match (year, month) {
                    (9999, 12) => LAST_SECOND + 1,
                    (_, 12) => Utc::first_of_month(year + 1, 1)?,
                    _ => Utc::first_of_month(year, month + 1)?,
                };
                (Utc::first_of_month(year, month)?, end)
            }
        };
        Ok(Self { start, end, granularity })
    }

    /// The first second, in Unix time.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The first second after the period.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The length class.
    pub const fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The period that begins where this one ends.
    ///
    /// # Errors
    /// [`IdentityError::TimeRange`] after the year 9999.
    pub fn next(&self) -> Result<Self, IdentityError> {
        Self::containing(self.granularity, self.end)
    }

    /// Whether an identity of this period may be used at `now`: `start - skew <= now < end + skew`, where the skew that
    /// two clocks may differ by is five minutes, and never more than half the period.
    pub fn is_current(&self, now: u64) -> bool {
        let skew = SKEW.min((self.end - self.start) / 2);
        self.start.saturating_sub(skew) <= now && now < self.end.saturating_add(skew)
    }
}

/// `day from 2025-03-01T00:00:00Z`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from ", self.granularity.name())?;
        match Utc::new(self.start) {
            Ok(t) => t.fmt(f),
            Err(_) => self.start.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// Day number of a civil date, by the month table: shares nothing with the code above.
    fn unix(year: u64, month: u64, day: u64) -> u64 {
        let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let years: u64 = (1970..year).map(|y| 365 + u64::from(leap(y))).sum();
        let table = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let months: u64 = table[..month as usize - 1].iter().sum();
        (years + months + day - 1) * DAY
    }

    #[test]
    fn months_follow_the_calendar() {
        for (year, month, next) in [
            (1970, 1, (1970, 2)),
            (1999, 12, (2000, 1)),
            (2000, 2, (2000, 3)),
            (2023, 2, (2023, 3)),
            (2024, 2, (2024, 3)),
            (2100, 2, (2100, 3)),
            (9999, 11, (9999, 12)),
        ] {
            let p = Period::containing(Granularity::Month, unix(year, month, 17) + 4711).unwrap();
            assert_eq!((p.start(), p.end()), (unix(year, month, 1), unix(next.0, next.1, 1)));
            assert_eq!(p.next().unwrap().start(), p.end());
        }
    }

    #[test]
    fn weeks_begin_on_mondays() {
        // Monday 2024-12-30 opens ISO week 2025-W01; Monday 2000-02-28 spans the leap day.
        for (monday, inside) in
            [((2024, 12, 30), (2025, 1, 5)), ((2000, 2, 28), (2000, 3, 5)), ((1970, 1, 5), (1970, 1, 11))]
        {
            let p = Period::containing(Granularity::Week, unix(inside.0, inside.1, inside.2) + DAY - 1).unwrap();
            assert_eq!(p.start(), unix(monday.0, monday.1, monday.2));
            assert_eq!(p.end() - p.start(), WEEK);
        }
        assert_eq!(Period::containing(Granularity::Week, FIRST_MONDAY - 1), Err(IdentityError::TimeRange));
    }

    #[test]
    fn only_boundaries_are_accepted() {
        let t = unix(2024, 2, 29);
        assert!(Period::new(Granularity::Hour, t + HOUR).is_ok() && Period::new(Granularity::Day, t).is_ok());
        for (g, start) in [
            (Granularity::Hour, t + 1),
            (Granularity::Day, t + HOUR),
            (Granularity::Week, t), // a Thursday
            (Granularity::Month, t),
            (Granularity::Week, 0),
        ] {
            assert_eq!(Period::new(g, start), Err(IdentityError::OffGrid));
        }
        for g in Granularity::ALL {
            assert_eq!(Period::new(g, LAST_SECOND + 1), Err(IdentityError::TimeRange));
            assert_eq!(Period::new(g, u64::MAX), Err(IdentityError::TimeRange));
            let last = Period::containing(g, LAST_SECOND).unwrap();
            assert_eq!(last.next(), Err(IdentityError::TimeRange));
        }
    }

    #[test]
    fn skew_widens_both_ends() {
        let p = Period::new(Granularity::Hour, unix(2025, 6, 1)).unwrap();
        for (now, current) in
            [(p.start() - 301, false), (p.start() - 300, true), (p.end() + 299, true), (p.end() + 300, false)]
        {
            assert_eq!(p.is_current(now), current);
        }
        assert!(Period::new(Granularity::Hour, 0).unwrap().is_current(0));
    }

    #[test]
    fn skew_is_at_most_half_the_period() {
        // Made by hand: the shortest period of the grid, an hour, is longer than two skews.
        let p = Period { start: 10_000, end: 10_100, granularity: Granularity::Hour };
        for (now, current) in [(9_949, false), (9_950, true), (10_149, true), (10_150, false)] {
            assert_eq!(p.is_current(now), current, "{now}");
        }
    }

    #[test]
    fn ids_names_and_texts() {
        for g in Granularity::ALL {
            assert_eq!((Granularity::from_id(g.id()), Granularity::from_name(g.name())), (Ok(g), Some(g)));
        }
        assert!(Granularity::from_id(0).is_err() && Granularity::from_id(5).is_err());
        let p = Period::new(Granularity::Month, unix(2025, 3, 1)).unwrap();
        assert_eq!(p.to_string(), "month from 2025-03-01T00:00:00Z");
        assert_eq!(Utc::new(951_782_399).unwrap().generalized(), "20000228235959Z");
    }

    proptest! {
        #[test]
        fn every_second_has_one_period(t in FIRST_MONDAY..=LAST_SECOND, i in 0..4usize) {
            let p = Period::containing(Granularity::ALL[i], t).unwrap();
            prop_assert!(p.start() <= t && t < p.end());
            prop_assert_eq!(Period::new(p.granularity(), p.start()), Ok(p));
            prop_assert_eq!(Period::containing(p.granularity(), p.end() - 1).ok(), (p.end() <= LAST_SECOND + 1).then_some(p));
        }
    }
}
