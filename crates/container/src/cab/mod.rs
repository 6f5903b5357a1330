//! cab
