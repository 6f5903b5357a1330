//! systemd and launchd: a process that stays in the foreground until SIGTERM and reads its token from a file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::options::{Options, Start};
use crate::report;

const SIGTERM: i32 = 15;

static TERMINATED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    safe fn geteuid() -> u32;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn on_sigterm(_: i32) {
    TERMINATED.store(true, Ordering::Relaxed);
}

/// Starts, and stays until SIGTERM.
pub(crate) fn serve(options: Options, start: Start) -> Result<(), String> {
    // SAFETY: the handler only stores into an atomic, which is safe in a signal handler.
    unsafe { signal(SIGTERM, on_sigterm) };
    start(&options)?;
    // A supervisor waits seconds for an end; a tenth of one needs no cleverer waiting.
    while !TERMINATED.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(100));
    }
    report::append(&options.log, &report::stopped("SIGTERM"))
}

/// The bytes of the token file; nothing when it is not there.
pub(crate) fn read_token(options: &Options) -> Option<Vec<u8>> {
    fs::read(&options.token_file).ok()
}

/// The effective user, by number.
pub(crate) fn account() -> String {
    format!("uid {}", geteuid())
}

/// Records the enrollment, then deletes the token: in this order a crash in between loses nothing.
pub(crate) fn enroll(options: &Options) -> Result<(), String> {
    let state = &options.state_file;
    if let Some(folder) = Path::new(state).parent() {
        fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(state);
    file.and_then(|mut file| file.write_all(b"enrolled\n"))
        .map_err(|error| format!("cannot write {state}: {error}"))?;
    match fs::remove_file(&options.token_file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot delete {}: {error}", options.token_file))
        }
        _ => Ok(()),
    }
}
