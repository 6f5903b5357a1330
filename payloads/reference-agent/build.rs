//! Gives the Windows build a version resource where the target's resource compiler is there. Without one the installer
//! has no file version to go by and uses a hash of the file, which is right as well.
#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_default();
    let (true, Ok(out)) = (target == "x86_64-pc-windows-gnu", env::var("OUT_DIR")) else { return };
    let script = PathBuf::from(&out).join("version.rc");
    let object = PathBuf::from(&out).join("version.o");
    let number = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    fs::write(&script, resource(&number)).expect("the build folder is writable");
    let windres = Command::new("x86_64-w64-mingw32-windres").arg(&script).arg(&object).status();
    if windres.is_ok_and(|status| status.success()) {
        println!("cargo:rustc-link-arg-bins={}", object.display());
    }
}

/// VS_VERSIONINFO as a resource script: language 1033 (English, United States), code page 1200 (UTF-16).
fn resource(version: &str) -> String {
    let commas = version.replace('.', ",");
    format!(
        r#"1 VERSIONINFO
FILEVERSION {commas},0
PRODUCTVERSION {commas},0
FILEOS 0x40004
FILETYPE 0x1
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904B0"
    BEGIN
      VALUE "CompanyName", "Stampwright"
      VALUE "FileDescription", "Reference agent"
      VALUE "FileVersion", "{version}.0"
      VALUE "InternalName", "reference-agent"
      VALUE "OriginalFilename", "reference-agent.exe"
      VALUE "ProductName", "Stampwright reference agent"
      VALUE "ProductVersion", "{version}"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1200
  END
END
"#
    )
}
