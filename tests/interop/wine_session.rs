//! A program that is no service, so that Wine lives on.

use std::process::Child;

/// A command interpreter that waits for its input.
pub(super) struct Session(pub(super) Child);

impl Drop for Session {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
