//! What wraps or goes with an installer in one management system.

pub mod intune;
