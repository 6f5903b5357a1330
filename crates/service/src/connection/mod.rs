//! Connections: the accept loop hands each stream to hyper through one of these.
//!
//! `stand_in` has the idea and its dangers, `io` the writer that knows stand-ins. A connection with TLS has no queue: its bodies read the
//! base (`pread`), because what is encrypted passes through this process anyway.

mod io;
pub(crate) mod stand_in;
#[cfg(test)]
mod tests;

pub(crate) use io::Connection;
pub(crate) use stand_in::Queue;
