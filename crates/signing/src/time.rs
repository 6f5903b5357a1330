//! Moments: seconds since 1970 in, dates out. The clock itself is an argument.

use std::time::Duration;

use der::DateTime;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode, Encode};

use container::der::{GENERALIZED_TIME, UTC_TIME, Value};
use container::reader::{Malformed, Problem};

/// A moment for people: `2026-01-31T12:00:00Z`.
#[must_use]
pub(crate) fn date(seconds: u64) -> String {
    match DateTime::from_unix_duration(Duration::from_secs(seconds)) {
        Ok(date) => date.to_string(),
        Err(_) => format!("{seconds} seconds after 1970"),
    }
}

/// A Time (RFC 5652 §11.3: UTCTime until 2049), written. `None`: after the year 9999.
pub(crate) fn encode(seconds: u64) -> Option<Vec<u8>> {
    let moment = Duration::from_secs(seconds);
    match UtcTime::from_unix_duration(moment) {
        Ok(time) => time.to_der().ok(),
        Err(_) => GeneralizedTime::from_unix_duration(moment).ok()?.to_der().ok(),
    }
}

/// A Time as seconds since 1970. Fractions, which timestamps may have (RFC 3161 §2.4.2), are cut off.
pub(crate) fn decode(value: &Value<'_>, what: &'static str) -> Result<u64, Malformed> {
    let wrong = || value.wrong(what, Problem::Data { what: "it is not a date in the form that DER asks for" });
    match value.tag {
        UTC_TIME => Ok(UtcTime::from_der(value.whole).map_err(|_| wrong())?.to_unix_duration().as_secs()),
        GENERALIZED_TIME => {
            let text = std::str::from_utf8(value.content).map_err(|_| wrong())?;
            let whole = match text.split_once('.') {
                Some((seconds, fraction)) if fraction.ends_with('Z') => format!("{seconds}Z"),
                _ => text.to_owned(),
            };
            let der = crate::asn1::tlv(GENERALIZED_TIME, whole.as_bytes());
            Ok(GeneralizedTime::from_der(&der).map_err(|_| wrong())?.to_unix_duration().as_secs())
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use container::der::Values;

    use crate::asn1::tlv;

    #[test]
    fn moments_survive_writing_and_reading() {
        for seconds in [0, 1_700_000_000, 4_000_000_000] {
            let der = encode(seconds).unwrap();
            assert_eq!(decode(&Values::der(&der).take("toy").unwrap(), "toy").unwrap(), seconds);
        }
        let der = tlv(GENERALIZED_TIME, b"20231114221320.25Z");
        assert_eq!(decode(&Values::der(&der).take("toy").unwrap(), "toy").unwrap(), 1_700_000_000);
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20Z");
    }
}
