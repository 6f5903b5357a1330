//! Spans of time.

/// No token is good for longer than ten years.
const MAX_SECS: u64 = 10 * 366 * 86_400;

/// `30d` and the like, in seconds.
pub fn seconds(text: &str) -> Result<u64, String> {
    let must = || "must be a number and s, m, h, d or w, ten years at most, e.g. 30d".to_owned();
    let split = text.len().checked_sub(1).and_then(|at| text.split_at_checked(at)).ok_or_else(must)?;
    let unit = match split.1 {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(must()),
    };
    let plain = split.0.bytes().all(|byte| byte.is_ascii_digit());
    let secs = split.0.parse::<u64>().ok().filter(|_| plain).and_then(|number| number.checked_mul(unit));
    secs.filter(|secs| (1..=MAX_SECS).contains(secs)).ok_or_else(must)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!((seconds("30d"), seconds("2h"), seconds("1s")), (Ok(2_592_000), Ok(7200), Ok(1)));
        for wrong in ["", "d", "30", "0d", "-1d", "+1d", "1.5d", "3661d", "99999999999999999999d", "1y", "1 d", "30ä"]
        {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
