//! How long an agent waits before it asks again: full jitter, so that a fleet that starts together does not ask together.

use std::time::Duration;

/// A fleet may start in one second; its first requests are spread over this time.
pub(crate) const FIRST: Duration = Duration::from_secs(30);
/// An extra time before the first reconnection after a server was lost.
pub(crate) const RECONNECT: Duration = Duration::from_secs(120);
/// How long a final refusal holds: an admin may mend it on the server.
pub(crate) const BLOCKED: Duration = Duration::from_secs(6 * 3600);

const BASE: Duration = Duration::from_secs(5);
const CAP: Duration = Duration::from_secs(600);
const LATE_CAP: Duration = Duration::from_secs(3600);
/// Failures after which the longer cap holds: about an hour.
const LATE: u32 = 12;

/// Failures in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed once more: the longest time to wait. The agent draws a random one below it, but not below `Retry-After`.
    pub(crate) fn failed(&mut self) -> Duration {
        let cap = if self.failures >= LATE { LATE_CAP } else { CAP };
        let longest = BASE.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX)).min(cap);
        self.failures = self.failures.saturating_add(1);
        longest
    }
}

/// The time to wait: a draw below `longest`, at least what the server asks for, never a busy loop.
pub(crate) fn wait(drawn: Duration, retry_after: Option<Duration>) -> Duration {
    drawn.max(retry_after.unwrap_or_default()).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_caps() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..14).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600, 3600, 3600]);
        backoff.reset();
        assert_eq!(backoff.failed().as_secs(), 5);
        assert_eq!(wait(Duration::ZERO, None).as_secs(), 1);
        assert_eq!(wait(Duration::from_secs(3), Some(Duration::from_secs(90))).as_secs(), 90);
    }

    /// 10,000 agents start in one second against a server that refuses the first minute, then answers: the peak of requests a second.
    #[test]
    fn ten_thousand_agents_do_not_ask_together() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: Duration| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Duration::from_millis((state >> 33) % (below.as_millis() as u64).max(1))
        };
        let mut requests = [0_u32; 600];
        for _ in 0..10_000 {
            let (mut at, mut backoff) = (draw(FIRST), Backoff::default());
            while at.as_secs() < 600 {
                // An agent asks twice for what it wants: hello, then the request.
                requests[at.as_secs() as usize] += if at.as_secs() < 60 { 1 } else { 2 };
                if at.as_secs() >= 60 {
                    break;
                }
                at += wait(draw(backoff.failed()), None);
            }
        }
        let peak = requests.iter().max().unwrap();
        assert!(*peak < 1_500, "{peak} requests in a second");
        assert!(requests.iter().sum::<u32>() > 20_000);
    }
}
