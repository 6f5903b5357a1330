//! One file per command.

pub mod build;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod extract;
pub mod init;
pub mod inspect;
pub mod kit;
pub mod make;
pub mod man;
pub mod prepare;
pub mod rpm_key;
pub mod rules;
pub mod schema;
#[cfg(unix)]
pub mod serve;
pub mod sign;
pub mod stamp;
pub mod token;
pub mod verify;
