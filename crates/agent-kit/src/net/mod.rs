//! The way to the server: its address is compiled in, its answers are JSON of one protocol, and everything else is a named cause.

mod cause;
mod client;
pub(crate) mod probe;
mod proxy;
mod server;
mod sign;
mod tls;

pub use cause::Cause;
pub use client::Roots;
pub(crate) use client::{Answer, Client, Signer, server_now};
pub(crate) use proxy::{Route, routes, settings};
pub(crate) use server::Server;
