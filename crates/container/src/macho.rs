//! macho
