//! systemd and launchd: a process that stays in the foreground until SIGTERM.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use agent_kit::{Kit, Stop};

const SIGTERM: i32 = 15;

static TERMINATED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn on_sigterm(_: i32) {
    TERMINATED.store(true, Ordering::Relaxed);
}

/// Serves until SIGTERM.
pub(crate) fn serve(kit: Kit, log: Option<PathBuf>) -> Result<(), String> {
    // SAFETY: the handler only stores into an atomic, which is safe in a signal handler.
    unsafe { signal(SIGTERM, on_sigterm) };
    let stop = Stop::default();
    let ended = stop.clone();
    let agent = thread::spawn(move || crate::serve::run(&kit, log, &ended));
    // A supervisor waits seconds for an end; a fifth of one needs no cleverer waiting.
    while !TERMINATED.load(Ordering::Relaxed) && !agent.is_finished() {
        thread::sleep(Duration::from_millis(200));
    }
    stop.stop();
    agent.join().map_err(|_| "the agent's thread has ended".to_owned())
}
