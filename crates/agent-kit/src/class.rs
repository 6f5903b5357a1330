//! What kind of machine a device is.

use serde::{Deserialize, Serialize};

/// What kind of machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A machine of its own.
    Physical,
    /// A virtual machine.
    Vm,
    /// A container.
    Container,
    /// It could not be told.
    #[default]
    Unknown,
}
