//! The list, seen from outside.

use std::thread;
use std::time::{Duration, Instant};

use xshell::Shell;

use crate::failure::Result;
use crate::serving::{Serving, field, said, text};

/// From the installation to the list.
const SOON: Duration = Duration::from_secs(120);

/// Waits until the device that has enrolled with the token is in the list and was seen, and prints its line.
pub(super) fn listed(sh: &Shell, service: &Serving, token: &str, begin: Instant, by: &str) -> Result {
    loop {
        let devices = service.ask(sh, "GET", "/v1/devices", None)?;
        let mut devices = devices.as_array().into_iter().flatten();
        let ours = devices
            .find(|device| field(device, "token_id").as_str() == Some(token) && field(device, "last_seen").is_number());
        let elapsed = begin.elapsed();
        if elapsed > SOON {
            return Err(said("a device is not listed within two minutes"));
        }
        let Some(device) = ours else {
            thread::sleep(Duration::from_millis(200));
            continue;
        };
        println!("installed  by {by}");
        println!(
            "list       {}  {}  {}  {}  by token {token}, after {:.0} s",
            text(device, "id")?,
            text(device, "tenant")?,
            text(device, "status")?,
            text(device, "os")?,
            elapsed.as_secs_f64()
        );
        return Ok(());
    }
}
