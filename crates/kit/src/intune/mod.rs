//! Microsoft Intune, macOS.
//!
//! Intune takes a flat package itself, in one of two types: *line-of-business* (installed by Apple's MDM, with strict
//! rules) and *macOS app (PKG)* (installed by Intune's agent, with few). [`rules`] says what each of them will make of a
//! package. Until August 2022 the package had to be wrapped in a `.intunemac`, which [`intunemac`] still writes and
//! reads.

pub mod intunemac;
pub mod rules;
