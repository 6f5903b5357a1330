//! `stampwright schema`: the JSON Schema of the manifest.

use installer::product::manifest;

use crate::failure::Failure;
use crate::receipt;

pub fn run() -> Result<(), Failure> {
    receipt::print(&manifest::schema())
}
