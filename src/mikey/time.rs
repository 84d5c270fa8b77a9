//! Timestamps and Unix time (RFC 3830 section 4.2.8, RFC 6043 section 6.3, RFC 4330 section 3).
//!
//! NTP counts seconds from 1900 and its 32 bits overflow on 7 February 2036. As RFC 4330 has it, values with the top bit set
//! are of 1968 to 2036, others of 2036 to 2104. A known fault of other stacks is to write Unix time, which counts from 1970,
//! and call it NTP: such a value is 70 years too small, and is read as one 66 years in the future.

use super::numbers::TsType;
use super::payloads::Timestamp;

/// Seconds from 1900 to 1970.
pub const NTP_TO_UNIX: u64 = 2_208_988_800;
/// How far a timestamp may be from now to be taken for Unix time when it makes no sense as NTP.
const UNIX_WINDOW: u64 = 86_400;

/// What a timestamp says, as seen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Inside the allowed skew.
    Fresh,
    /// This many seconds too old, beyond the skew.
    Old {
        /// How many.
        by: u64,
    },
    /// This many seconds in the future, beyond the skew.
    New {
        /// How many.
        by: u64,
    },
    /// Wrong as it is labelled; right, to a day, if it is Unix time. Not to be accepted: whoever writes this does not look
    /// at timestamps either.
    UnixTime {
        /// The Unix time that it would be.
        unix: u64,
    },
    /// A counter, which says nothing about the time.
    Counter,
}

impl Timestamp {
    /// NTP-UTC at this Unix time.
    ///
    /// Two messages of an initiator must not have the same (RFC 3830 section 5.2): `fraction` counts in 2^-32 seconds.
    #[must_use]
    pub const fn ntp_utc(unix: u64, fraction: u32) -> Self {
        let seconds = unix.wrapping_add(NTP_TO_UNIX) as u32;
        Self { kind: TsType::NTP_UTC, value: (seconds as u64) << 32 | fraction as u64 }
    }

    /// The 32 bits of seconds; `None` for a counter and types that are not known.
    const fn seconds(&self) -> Option<u64> {
        match self.kind {
            TsType::NTP_UTC | TsType::NTP | TsType::NTP_UTC_32 => Some(self.as_64_bits() >> 32),
            _ => None,
        }
    }

    /// Unix time of an NTP timestamp, in the years 1968 to 2104; before 1970 it is 0. `None` as for a counter.
    #[must_use]
    pub const fn unix(&self) -> Option<u64> {
        match self.seconds() {
            Some(s) if s >> 31 == 1 => Some(s.saturating_sub(NTP_TO_UNIX)),
            Some(s) => Some(s + (1 << 32) - NTP_TO_UNIX),
            None => None,
        }
    }

    /// The Unix time that this would be if it were mislabelled, for a value of the years 2001 to 2038. No honest NTP
    /// timestamp before the year 2067 has such a value.
    #[must_use]
    pub const fn looks_like_unix(&self) -> Option<u64> {
        match self.seconds() {
            Some(s) if s >= 1_000_000_000 && s >> 31 == 0 => Some(s),
            _ => None,
        }
    }

    /// Compares with the time of the caller, `now` in Unix seconds.
    #[must_use]
    pub const fn freshness(&self, now: u64, skew: u64) -> Freshness {
        let Some(unix) = self.unix() else { return Freshness::Counter };
        if unix.abs_diff(now) <= skew {
            return Freshness::Fresh;
        }
        if let Some(meant) = self.looks_like_unix()
            && meant.abs_diff(now) <= UNIX_WINDOW
        {
            return Freshness::UnixTime { unix: meant };
        }
        let by = unix.abs_diff(now) - skew;
        if unix < now { Freshness::Old { by } } else { Freshness::New { by } }
    }
}
