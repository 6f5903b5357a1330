//! `stampwright schema`: the JSON Schema of the manifest.

use installer::product::manifest;
use stampwright::Result;

use crate::print;

pub fn run() -> Result<()> {
    print::json(&manifest::schema())
}
