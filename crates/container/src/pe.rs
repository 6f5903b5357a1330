//! pe
