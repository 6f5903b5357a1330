//! Group Policy software installation.
//!
//! It installs an MSI from a share at startup, as the computer's account, without a command line: properties cannot be
//! given, so the token is in the MSI (a stamped installer) or in a transform (an untouched base). The computers must be able to read
//! it, and no other account should; the page says how.
//!
//! Sources: Microsoft Learn, "Use Group Policy to remotely install software"; Windows Installer, "Guidelines for packages",
//! "Package Codes", "Changing the Product Code".

pub mod transform;

use container::read_at::FileAt;
use installer::Token;
use serde::Serialize;

use crate::folder::{Folder, KitError};
use crate::windows::Windows;

#[derive(Serialize)]
struct Page<'a> {
    product: &'a str,
    version: &'a str,
    file: &'a str,
    transform: Option<&'a str>,
    product_code: &'a str,
    package_code: &'a str,
    arch: &'a str,
    query: &'a str,
}

/// Writes the kit of an MSI. `token` is for a base.
pub fn write(folder: &mut Folder, msi: &Windows, file: &FileAt, token: Option<&Token>) -> Result<(), KitError> {
    msi.needs_token(token.is_some())?;
    folder.copy(&format!("gpo/{}", msi.file_name), file)?;
    let transform = token.map(|token| transform::name(msi, token));
    if let (Some(token), Some(name)) = (token, &transform) {
        folder.write(&format!("gpo/{name}"), &transform::write(msi, token)?)?;
    }
    let query = query(msi.arch());
    folder.write("gpo/wmi-filter.txt", format!("{query}\n").as_bytes())?;
    let page = Page {
        product: &msi.product,
        version: &msi.facts.product_version,
        file: &msi.file_name,
        transform: transform.as_deref(),
        product_code: &msi.facts.product_code,
        package_code: &msi.facts.package_code,
        arch: msi.arch(),
        query,
    };
    folder.page("gpo/README.md", "kit/gpo.md.hbs", include_str!("../../../../templates/kit/gpo.md.hbs"), &page)
}

/// Which computers, for a WMI filter: `Win32_Processor.Architecture` is 0 for x86, 9 for x64, 12 for arm64.
fn query(arch: &str) -> &'static str {
    match arch {
        "Arm64" => "SELECT DeviceID FROM Win32_Processor WHERE Architecture = 12",
        "x64" => "SELECT DeviceID FROM Win32_Processor WHERE Architecture = 9",
        _ => "SELECT DeviceID FROM Win32_Processor WHERE Architecture = 0 OR Architecture = 9",
    }
}
