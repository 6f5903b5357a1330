//! Systems inside of this one: Debians in folders, entered or booted, and Windows as Wine has it. The tests take this folder as theirs.

pub(crate) mod debian_root;
pub(crate) mod nspawn;
pub(crate) mod wine;
