//! Times and durations as requests and answers say them.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The last second of the year 9999.
const LAST_SECS: u64 = 253_402_300_799;

/// A time as RFC 3339 writes it, in UTC: `2026-03-01T12:00:00Z`.
#[must_use]
pub(crate) fn rfc3339(secs: u64) -> String {
    let secs = secs.min(LAST_SECS);
    let (year, month, day) = civil(secs / 86_400);
    let second = secs % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The date of a day since 1970-01-01 (Howard Hinnant's days-to-civil).
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads seconds since 1970, or what [`rfc3339`] writes.
#[must_use]
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    if let Ok(secs) = text.parse::<u64>() {
        return (secs <= LAST_SECS).then_some(secs);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, sign: char| {
        let numbers: Option<Vec<u64>> = text.split(sign).map(|number| number.parse().ok()).collect();
        numbers.and_then(|numbers| <[u64; 3]>::try_from(numbers).ok())
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days from civil, the same way back.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
    let days =
        (era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year).checked_sub(719_468)?;
    (civil(days) == (year, month, day)).then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Reads `45s`, `10m`, `12h` or `30d` as seconds.
#[must_use]
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.strip_suffix(unit).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.parse::<u64>().ok()?.checked_mul(seconds).filter(|seconds| *seconds > 0)
}

/// When something ends: so long from now, or at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// So many seconds from now.
    After(u64),
    /// In seconds since 1970.
    At(u64),
}

impl Expiry {
    /// In seconds since 1970.
    #[must_use]
    pub(crate) const fn from(self, now: u64) -> u64 {
        match self {
            Self::After(seconds) => now.saturating_add(seconds),
            Self::At(time) => time,
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Secs(u64),
            Text(String),
        }
        let problem =
            || D::Error::custom("must be a duration (30d), a time (2026-03-01T12:00:00Z) or seconds since 1970");
        match Given::deserialize(deserializer).map_err(|_| problem())? {
            Given::Secs(time) => (time <= LAST_SECS).then_some(Self::At(time)).ok_or_else(problem),
            Given::Text(text) => {
                let duration = parse_duration(&text).map(Self::After);
                duration.or_else(|| parse_time(&text).map(Self::At)).ok_or_else(problem)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_out_and_in() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (LAST_SECS, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(secs), text);
            assert_eq!(parse_time(text), Some(secs));
        }
        assert_eq!(parse_time("1800000000"), Some(1_800_000_000));
        for wrong in
            ["2001-02-29T00:00:00Z", "2001-13-01T00:00:00Z", "2001-01-00T00:00:00Z", "2001-01-01T24:00:00Z", "soon", ""]
        {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("30d"), Some(2_592_000));
        assert_eq!(parse_duration("45s"), Some(45));
        for wrong in ["", "d", "30", "0d", "-1d", "1.5h", "99999999999999999999d", "1ä"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
        let expiry = |json: &str| serde_json::from_str::<Expiry>(json);
        assert_eq!(expiry("\"12h\"").unwrap().from(100), 100 + 43_200);
        assert_eq!(expiry("1800000000").unwrap().from(100), 1_800_000_000);
        assert!(expiry("\"soon\"").is_err() && expiry("-1").is_err());
    }
}
