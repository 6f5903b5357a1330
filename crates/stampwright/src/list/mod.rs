//! One base, a list of devices or tenants, an installer for each.
//!
//! ```text
//!   list ──table──▶ rows ──┬─folder──▶ DIR/NAME/FILE, manifest.jsonl, manifest.csv    resumable
//!        all mistakes      └─archive─▶ one ZIP stream with the same in it
//! ```
//!
//! The list is checked whole before anything is written. A row is stamped as any other token is, on all cores: the result is
//! read back through the splice, then written, the kept ranges copied by the kernel. The manifest says which file carries
//! which token by the token's fingerprint; tokens are in the installers and nowhere else.

mod archive;
mod done;
mod folder;
mod group;
mod journal;
mod minter;
mod names;
mod rows;
mod table;
mod work;

pub use done::Done;
pub use journal::Entry;
pub use minter::Minter;
pub use rows::{List, ListOptions, read_bytes, read_file};
pub use table::Mapping;
