//! bom
