//! A program that is no service, so that Wine lives on.

use std::process::Child;

/// A command interpreter that waits for its input.
pub(super) struct Session(pub(super) Child);

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
