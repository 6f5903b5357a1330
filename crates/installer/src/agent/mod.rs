//! The agent check.
