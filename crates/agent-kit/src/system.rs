//! The doors to clock, environment and randomness. Nothing else of the crate asks for them.

use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// Seconds since 1970 by the device's own clock, which may be wrong.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A variable of the environment.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Key("the system gives no randomness"))?;
    Ok(bytes)
}

/// A random time below `most`.
pub(crate) fn random_below(most: Duration) -> Duration {
    let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let drawn = random::<8>().map_or(0, u64::from_le_bytes);
    Duration::from_millis(if millis == 0 { 0 } else { drawn % millis })
}

/// This computer's name, for lists that people read.
pub(crate) fn host_name() -> String {
    let from_file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_program = || {
        let out = std::process::Command::new("/bin/hostname").output().ok()?;
        String::from_utf8(out.stdout).ok()
    };
    let name = match () {
        () if cfg!(windows) => variable("COMPUTERNAME"),
        () if cfg!(target_os = "linux") => from_file(),
        () => from_program(),
    };
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    name.trim().chars().filter(|letter| !letter.is_control()).take(253).collect()
}
