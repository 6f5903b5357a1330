//! zst
