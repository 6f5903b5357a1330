//! `cargo xtask rpm6`: rpm 6 of Debian unstable judges our rpms. Unstable changes from day to day, so this is no part of the test command.

use xshell::{Shell, cmd};

use crate::debian::{self, program};
use crate::failure::Result;

/// Makes the root where it is not there, and runs the tests that are for it.
pub(crate) fn run(sh: &Shell) -> Result {
    let needs = [program("mmdebstrap", "mmdebstrap"), program("unshare", "util-linux"), program("openssl", "openssl")];
    debian::ensure(sh, &needs)?;
    cmd!(sh, "cargo test --quiet --locked --package stampwright-cli --test all rpm_six -- --ignored")
        .env("STAMPWRIGHT_JUDGES", "required")
        .run()?;
    Ok(())
}
