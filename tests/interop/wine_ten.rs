//! Wine 10 as a second judge of MSIs, where it says something that Wine 8 does not: it calls itself Windows Installer 5.0, makes
//! administrative images, and reads a command line as Windows does.

use std::fs;

use super::msi_wine::Wine;
use super::upgrades_wine::outlives_an_upgrade;

const TOKEN: &str = "Tenant-A.first~token_0123456789/+=:";
const OTHER: &str = "Tenant-B.other";
/// The last byte of 1639, a command line that cannot be read.
const COMMAND_LINE: i32 = 1639 & 0xFF;

#[test]
fn wine_10_installs_retokens_and_leaves_nothing() {
    let Some(wine) = Wine::ten() else { return };
    let (first, second) = (wine.installer("1.4.2", Some(TOKEN)), wine.installer("1.4.2", Some(OTHER)));
    wine.install(&first, &[]);
    assert!(wine.log().contains("VersionMsi = 5.0"), "not a newer Windows Installer: {}", wine.log());
    assert!(wine.service_is_running());
    wine.wait_for_report(TOKEN);
    wine.install(&second, &[]);
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    wine.wait_for_report(OTHER);
    wine.remove(&second, &[]);
    wine.assert_nothing_is_left();
    outlives_an_upgrade(&wine);
}

/// What an administrator lays out on a share: the files beside a smaller MSI, which has no cabinet any more and still has the token.
#[test]
fn an_administrative_image_installs() {
    let Some(wine) = Wine::ten() else { return };
    let file = wine.installer("1.4.2", Some(TOKEN));
    let _ = fs::remove_dir_all(wine.drive("admin"));
    assert_eq!(wine.msiexec(&["/a", &file, r"TARGETDIR=C:\admin"]), 0);
    let names: Vec<_> = fs::read_dir(wine.drive("admin")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let image = names.iter().find(|path| path.extension().is_some_and(|end| end == "msi")).unwrap();
    let (small, whole) =
        (fs::metadata(image).unwrap().len(), fs::metadata(wine.folder.path().join(&file)).unwrap().len());
    assert!(small < whole, "the image's MSI has {small} bytes of {whole}: {names:?}");
    // Nothing was installed by that.
    wine.assert_nothing_is_left();
    let image = format!(r"C:\admin\{}", image.file_name().unwrap().to_str().unwrap());
    wine.install(&image, &[]);
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(TOKEN));
    wine.wait_for_report(TOKEN);
    wine.remove(&image, &[]);
    wine.assert_nothing_is_left();
    fs::remove_dir_all(wine.drive("admin")).unwrap();
}

#[test]
fn a_quotation_mark_too_many_on_the_command_line_installs_nothing() {
    let Some(wine) = Wine::ten() else { return };
    let file = wine.installer("1.4.2", None);
    assert_eq!(wine.msiexec(&["/i", &file, "ENROLLMENTTOKEN=abc\"def"]), COMMAND_LINE);
    wine.assert_nothing_is_left();
}
