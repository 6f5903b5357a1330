//! cfb
