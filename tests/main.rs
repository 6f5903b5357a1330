//! The one integration test binary.
//!
//! | module | what it holds us to |
//! |---|---|
//! | `laws` | what is true of every format, by iterating over the formats |
//! | `library` | the library's rules: what cannot reach a stamp, whoever calls |
//! | `plans` | stamps that programs in other languages put together from a plan |
//! | `batch` | lists: every row, all mistakes, interruptions |
//! | `signed` | what is true of every signed installer, whoever signs |
//! | `prepared` | what is true of every prepared installer and its slot |
//! | `prepared_hostile` | what may not have a slot, and slots that are none |
//! | `checks` | `verify --json --checks`: as many as are counted, and what fails is among them |
//! | `receipts` | what `--json` says of what was made, against what is there |
//! | `memory` | what a build of a large agent takes at most |
//! | `command_line` | outputs, streams, colours, and a newcomer's mistakes |
//! | `hostile` | bad input: an error within a second and bounded memory, never a panic |
//! | `tokens` | signed tokens on the command line, and installers whose issuer is known |
//! | `interop` | other people's programs judge our files: the real installers first |
//! | `service` | the download service: the real program, with curl as its client |
//! | `rules` | management systems: each rule holds, and can be broken alone |
//! | `transcripts` | the shell sessions of the manual, run as they stand there |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a test may read its environment")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]
#![allow(clippy::ptr_arg, reason = "a &Vec becomes a &dyn ReadAt, a slice does not")]

mod batch;
mod checks;
mod command_line;
mod hostile;
mod interop;
mod laws;
mod library;
#[cfg(target_os = "linux")]
mod memory;
mod plans;
mod prepared;
mod prepared_hostile;
mod receipts;
mod rules;
mod service;
mod signed;
mod support;
mod tokens;
mod transcripts;
