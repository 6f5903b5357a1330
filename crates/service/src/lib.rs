//! The download service: one token in, one installer out, over HTTP. The only crate with async code.
//!
//! ```text
//!  client ──▶ serve ─▶ connection ─▶ http (routes) ─▶ caller: key, limits
//!                         ▲             │
//!                         │             ├─▶ store: which base       ledger: tokens, links, a row before byte one
//!                         │             └─▶ handout: accept, stamp, row
//!                         └── body ◀────────────────┘
//!                      (stand-ins)   ranges of the base by sendfile, new bytes from memory
//! ```
//!
//! | module | what |
//! |---|---|
//! | `serve` | start, accept loop, reload, graceful stop |
//! | `config`, `first_start` | what the operator says; what the first start makes |
//! | `store` | the bases: imported, hashed, opened once, watched |
//! | `body`, `connection` | a download's bytes, without copying them; every guard of that |
//! | `http` | paths, answers, refusals; `http/openapi.json` is the document |
//! | `page` | what a person does with a key in a browser |
//! | `links`, `keys`, `sealed`, `tokens` | secrets of links, keys of callers, tokens that are kept, tokens that are minted |
//! | `enrollment` | devices: from a token to an identity, check-ins, what an admin answers |
//! | `ledger` | what was handed out and everything else that outlives a restart: SQLite or PostgreSQL |
//! | `trust`, `tls` | authorities of servers that it connects to, its own certificates |
//! | `edge` | the clock, randomness, and keys that are in the environment |
//!
//! The rules of stamping are the library's (`stampwright`); this crate knows none of them.

mod app;
mod body;
mod config;
mod connection;
mod edge;
mod enrollment;
mod first_start;
mod http;
mod keys;
mod ledger;
mod limits;
mod links;
mod logging;
mod metrics;
mod notify;
mod page;
mod sealed;
mod serve;
mod signing_pool;
mod start;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod trust;

pub use config::Config;
#[cfg(feature = "fuzzing")]
pub use http::fuzzed::{bodies as read_bodies, headers as read_headers};
pub use serve::{Start, run};
