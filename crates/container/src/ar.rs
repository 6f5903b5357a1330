//! ar
