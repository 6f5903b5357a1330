//! xar
