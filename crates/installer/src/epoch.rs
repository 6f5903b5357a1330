//! The one date of everything that is built.

use std::fmt;

/// Seconds since 1970-01-01 UTC that stand in every time field of an installer.
///
/// It is an argument, never the clock: the program takes it from `SOURCE_DATE_EPOCH`, else it is
/// [`Epoch::DEFAULT`]. Same inputs, same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u32);

impl Epoch {
    /// 2024-01-01 00:00:00 UTC, when nothing else is said: late enough for every format's own first date.
    pub const DEFAULT: Self = Self(1_704_067_200);

    /// Seconds since 1970-01-01 UTC, between 1980-01-01 (the first date of zip and cabinet files) and 2106-02-07.
    #[must_use]
    pub const fn new(secs: u64) -> Option<Self> {
        const DOS_FIRST_SECS: u64 = 315_532_800;
        if secs < DOS_FIRST_SECS || secs > u32::MAX as u64 { None } else { Some(Self(secs as u32)) }
    }

    /// Seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 as u64
    }

    /// The civil date and time in UTC.
    #[must_use]
    pub const fn civil(self) -> Civil {
        Civil::from_secs(self.secs())
    }
}

/// A date and time in UTC, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Civil {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 0 is Sunday.
    pub(crate) weekday: u8,
}

impl Civil {
    /// The last second that four digits of a year can say: 9999-12-31T23:59:59Z. Later ones count as this one.
    pub(crate) const LAST_SECS: u64 = 253_402_300_799;

    /// The date and time of so many seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        let secs = if secs > Self::LAST_SECS { Self::LAST_SECS } else { secs };
        // Howard Hinnant's days-to-civil, for days since 1970-01-01.
        let days = (secs / 86_400) as i64 + 719_468;
        let second = secs % 86_400;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }) as u16,
            month: month as u8,
            day: (day_of_year - (153 * shifted + 2) / 5 + 1) as u8,
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            // 1970-01-01 was a Thursday; 0 is Sunday.
            weekday: ((secs / 86_400 + 4) % 7) as u8,
        }
    }

    /// As RFC 2822 writes it, e.g. `Mon, 01 Jan 2024 00:00:00 +0000` (Debian changelogs).
    #[must_use]
    pub(crate) fn rfc2822(self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = DAYS.get(usize::from(self.weekday)).copied().unwrap_or_default();
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or_default();
        format!(
            "{weekday}, {:02} {month} {} {:02}:{:02}:{:02} +0000",
            self.day, self.year, self.hour, self.minute, self.second
        )
    }
}

impl fmt::Display for Civil {
    /// As ISO 8601 writes it, e.g. `2024-01-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(Epoch::DEFAULT.civil().to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(Epoch::DEFAULT.civil().rfc2822(), "Mon, 01 Jan 2024 00:00:00 +0000");
        assert_eq!(Epoch::new(951_782_399).unwrap().civil().to_string(), "2000-02-28T23:59:59Z");
        assert_eq!(Epoch::new(951_868_800).unwrap().civil().rfc2822(), "Wed, 01 Mar 2000 00:00:00 +0000");
        assert_eq!(Epoch::new(u64::from(u32::MAX)).unwrap().civil().to_string(), "2106-02-07T06:28:15Z");
        assert_eq!(Epoch::new(0), None);
        assert_eq!(Civil::from_secs(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Civil::from_secs(Civil::LAST_SECS).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Civil::from_secs(u64::MAX), Civil::from_secs(Civil::LAST_SECS));
    }
}
