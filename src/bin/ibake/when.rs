//! Times as people write them: a date, RFC 3339 in UTC, or seconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::DateTime;

/// The present, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// For clap: `2026-11-21`, `2026-11-21T10:00:00Z` or `1795262400`.
pub(crate) fn parse(s: &str) -> Result<u64, String> {
    if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) {
        return s.parse().map_err(|_| String::from("the number of seconds is too large"));
    }
    let full = if s.len() == 10 { format!("{s}T00:00:00Z") } else { s.to_owned() };
    let time: Result<DateTime, _> = full.parse();
    time.map(|t| t.unix_duration().as_secs())
        .map_err(|_| String::from("write 2026-11-21, 2026-11-21T10:00:00Z (UTC) or seconds since 1970"))
}

/// For clap: a month as `2026-12`; its first second, and that of the next one.
pub(crate) fn parse_month(s: &str) -> Result<(u64, u64), String> {
    let wrong = || String::from("write a month as 2026-12");
    let (year, month) = s.split_once('-').filter(|(y, m)| y.len() == 4 && m.len() == 2).ok_or_else(wrong)?;
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<u32>().ok()).flatten();
    let (year, month) = digits(year).zip(digits(month)).ok_or_else(wrong)?;
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = |y: u32, m: u32| parse(&format!("{y:04}-{m:02}-01")).map_err(|_| wrong());
    Ok((first(year, month)?, first(next_year, next)?))
}

/// RFC 3339, UTC.
pub(crate) fn format(unix: u64) -> String {
    DateTime::from_unix_duration(Duration::from_secs(unix)).map_or_else(|_| unix.to_string(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_the_next_one_begins() {
        let day = |s| parse(s).unwrap();
        assert_eq!(parse_month("2026-12"), Ok((day("2026-12-01"), day("2027-01-01"))));
        assert_eq!(parse_month("2028-02"), Ok((day("2028-02-01"), day("2028-03-01"))));
        for bad in ["", "2026", "2026-13", "2026-00", "26-12", "2026-1", "2026-12-01", "9999-12", "+026-12", "1969-12"]
        {
            assert!(parse_month(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_three_spellings_agree() {
        for s in ["2026-11-21", "2026-11-21T00:00:00Z", "1795219200"] {
            assert_eq!(parse(s), Ok(1_795_219_200));
        }
        assert_eq!(format(1_795_219_200), "2026-11-21T00:00:00Z");
        for bad in ["", "21.11.2026", "2026-02-30", "2026-11-21T25:00:00Z", "99999999999999999999", "tomorrow"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
