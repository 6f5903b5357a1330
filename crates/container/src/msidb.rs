//! msidb
