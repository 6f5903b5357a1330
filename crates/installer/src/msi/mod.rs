//! msi
