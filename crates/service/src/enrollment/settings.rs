//! `[enrollment]` in `serve.toml`.

use std::path::PathBuf;

use enrollment::{Clones, Exhausted, Policy};
use serde::Deserialize;

/// How devices enroll.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Whether they do.
    pub(crate) enabled: bool,
    /// How often a device checks in, in seconds.
    pub(crate) check_in_secs: u64,
    /// A file with the 64 hex digits that the vendor's agents have for hardware fingerprints. Without it, tokens that are bound to a serial
    /// number and lists of serial numbers are refused.
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// How many devices a tenant may have; any number without it.
    pub(crate) allocation: Option<u32>,
    /// A device above the allocation waits, instead of being refused.
    pub(crate) hold_above_allocation: bool,
    /// Only devices on the tenant's list of serial numbers.
    pub(crate) pre_enrolled_only: bool,
    /// Every new device waits for an admin.
    pub(crate) approval: bool,
    /// `allow`, `approve` or `refuse` a device that says that it is a copy.
    pub(crate) clones: CloneSetting,
    /// A record that has been silent for so many seconds is offered for re-association.
    pub(crate) offline_secs: u64,
}

/// What happens to a device that says that it is a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CloneSetting {
    /// It gets a record of its own.
    Allow,
    /// It waits for an admin.
    Approve,
    /// It is refused.
    Refuse,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            check_in_secs: 300,
            fingerprint_key_file: None,
            allocation: None,
            hold_above_allocation: false,
            pre_enrolled_only: false,
            approval: false,
            clones: CloneSetting::Allow,
            offline_secs: Policy::default().offline_secs,
        }
    }
}

impl Settings {
    /// The rules.
    #[must_use]
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            allocation: self.allocation,
            exhausted: if self.hold_above_allocation { Exhausted::Hold } else { Exhausted::Refuse },
            pre_enrolled_only: self.pre_enrolled_only,
            approval: self.approval,
            clones: match self.clones {
                CloneSetting::Allow => Clones::Allow,
                CloneSetting::Approve => Clones::Approve,
                CloneSetting::Refuse => Clones::Refuse,
            },
            offline_secs: self.offline_secs,
            ..Policy::default()
        }
    }
}
