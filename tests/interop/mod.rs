//! Other people's programs judge our files.
//!
//! A judge that is missing is named and the test returns, unless `STAMPWRIGHT_JUDGES=required` (which
//! `cargo xtask test` sets) or `CI` is set: then it fails.

mod agents;
mod boot;
mod compound_file;
mod deb;
mod enrolled;
mod intunemac;
mod issuer_keys;
#[cfg(unix)]
mod kit_dnf;
mod kit_gpo;
mod kit_graph;
mod kit_intune;
mod kit_macos;
mod kit_pages;
mod kit_schemas;
mod msi;
mod msi_wine;
mod openpgp;
mod pkg;
#[cfg(unix)]
mod pkg_device;
#[cfg(unix)]
mod pkg_scripts;
#[cfg(unix)]
mod pkg_slot;
mod preserve_msi;
mod preserve_pkg;
mod preserve_wine;
#[cfg(unix)]
mod rpm;
mod rpm_booted;
#[cfg(unix)]
mod rpm_foreign;
#[cfg(unix)]
mod rpm_root;
#[cfg(unix)]
mod rpm_six;
mod signing_ends;
mod signing_msi;
mod signing_old;
mod signing_pkg;
mod signing_program;
mod signing_refused;
#[path = "../../xtask/src/systems/mod.rs"]
mod systems;
#[cfg(unix)]
mod tokenless;
mod upgrades_wine;
mod windows_program;
mod wine_ten;
