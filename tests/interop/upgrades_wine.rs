//! The second year of an installed MSI under Wine: upgrades without a token, edited configuration, removal of what the agent has made.
//!
//! What Wine does not do is in `msi_wine`; nor does it know junctions (a symbolic link of the host is a plain folder to it), nor does it set UPGRADINGPRODUCTCODE when an upgrade removes the old product, so the test of what
//! survives that sets it by hand.

use std::fs;

use super::msi_wine::{FAILED, KEY, Wine};

#[path = "../../xtask/src/device/log.rs"]
#[allow(dead_code, reason = "the file's own tests run with xtask")]
mod log;

const TOKEN: &str = "Tenant-A.first~token_0123456789/+=:";
const OTHER: &str = "Tenant-B.other";
const STATE: &str = "ProgramData/Stampwright/Probe Agent";
const INSTALLED: &str = "Program Files/Stampwright/Probe Agent";
pub(super) const ANY: &str = "UPGRADINGPRODUCTCODE={6F1D2C3B-0000-4000-8000-0123456789AB}";

/// A base that can do without a token.
fn optional(manifest: String) -> String {
    format!("{manifest}\n[token]\nrequired = false\n")
}

#[test]
fn a_token_that_waits_outlives_an_upgrade_without_one() {
    let Some(wine) = Wine::start() else { return };
    let first = wine.installer("1.4.2", Some(TOKEN));
    let bases = [wine.installer("1.5.0", None), wine.installer_of("1.6.0", None, "optional", optional)];
    wine.install(&first, &[]);
    for (base, version) in bases.iter().zip(["1.5.0", "1.6.0"]) {
        wine.install(base, &[]);
        assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(TOKEN), "{base}");
        assert_eq!(wine.value("Version").as_deref(), Some(version));
        assert!(wine.service_is_running());
        wine.install(base, &["REINSTALL=ALL", "REINSTALLMODE=vomus"]);
        assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(TOKEN), "a repair of {base}");
    }
    // A new token takes the place of the one that waits.
    let other = wine.installer("1.7.0", Some(OTHER));
    wine.install(&other, &[]);
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    wine.wait_for_report(OTHER);
    wine.remove(&other, &[]);
    wine.assert_nothing_is_left();
    // After a removal nothing waits any more.
    assert_eq!(wine.msiexec(&["/i", &bases[0]]), FAILED);
    wine.assert_nothing_is_left();
}

#[test]
fn what_an_enrolled_device_has_outlives_an_upgrade_and_no_token_comes_back() {
    let Some(wine) = Wine::start() else { return };
    outlives_an_upgrade(&wine);
}

/// The same, as Wine 10 has it.
pub(super) fn outlives_an_upgrade(wine: &Wine) {
    let (old, new) = (wine.installer("1.4.2", Some(TOKEN)), wine.installer("1.5.0", None));
    wine.install(&old, &[]);
    // What the agent does once it has an identity of its own.
    wine.set_value("EnrollmentState", "enrolled");
    assert_eq!(wine.run(&["reg", "delete", KEY, "/v", "EnrollmentToken", "/f"]).0, 0);
    fs::create_dir_all(wine.drive(STATE).join("db/wal")).unwrap();
    fs::write(wine.drive(STATE).join("db/wal/0001"), "identity").unwrap();
    fs::write(wine.drive(STATE).join("device.key"), "identity").unwrap();
    wine.remove(&old, &[ANY]);
    assert_eq!(wine.value("EnrollmentState").as_deref(), Some("enrolled"));
    wine.install(&new, &[]);
    assert_eq!(wine.value("EnrollmentState").as_deref(), Some("enrolled"));
    assert_eq!(wine.value("EnrollmentToken"), None);
    assert_eq!(fs::read_to_string(wine.drive(STATE).join("db/wal/0001")).unwrap(), "identity");
    // A removal takes all of it, whatever lies in folders.
    wine.remove(&new, &[]);
    wine.assert_nothing_is_left();
}

#[test]
fn a_configuration_outlives_the_removal_of_an_upgrade_and_goes_with_the_product() {
    let Some(wine) = Wine::start() else { return };
    let with_config = |text: &'static str| {
        let source = wine.folder.path().join(format!("{text}.conf"));
        fs::write(&source, text).unwrap();
        move |manifest: String| {
            let entry = |destination: &str| {
                let source = source.display();
                format!(
                    "\n[[file]]\nplatform = \"windows\"\nsource = \"{source}\"\ndestination = \"{destination}\"\n\
                     config = true\n"
                )
            };
            format!("{manifest}{}{}", entry("agent.conf"), entry("conf/other.conf"))
        }
    };
    let token = Some(TOKEN);
    let old = wine.installer_of("1.4.2", token, "", with_config("old"));
    let installed = |name: &str| fs::read_to_string(wine.drive(INSTALLED).join(name)).unwrap();
    wine.install(&old, &[]);
    assert_eq!((installed("agent.conf"), installed("agent.conf.default")), ("old".into(), "old".into()));
    fs::write(wine.drive(INSTALLED).join("agent.conf"), "edited").unwrap();
    let new = wine.installer_of("1.5.0", token, "", with_config("new"));
    // As the new product removes the old one. Wine overwrites it then, whatever the component's attributes say; Windows does not.
    wine.remove(&old, &[ANY]);
    assert_eq!(installed("agent.conf"), "edited");
    assert!(!wine.drive(INSTALLED).join("agent.conf.default").exists());
    wine.install(&new, &[]);
    assert_eq!((installed("agent.conf.default"), installed("conf/other.conf.default")), ("new".into(), "new".into()));
    wine.remove(&new, &[]);
    wine.assert_nothing_is_left();
}

/// Wine hides no property, so the search that the workflow makes on Windows must find the token here.
#[test]
fn the_search_of_a_log_finds_what_is_in_it() {
    let Some(wine) = Wine::start() else { return };
    let file = wine.installer("1.4.2", Some(TOKEN));
    wine.install(&file, &["/l*v", r"C:\search.log"]);
    let log = fs::read(wine.drive("search.log")).unwrap();
    assert!(!log::lines_with(&log, TOKEN).is_empty());
    assert!(log::lines_with(&log, "token-of-somebody-else").is_empty());
    fs::remove_file(wine.drive("search.log")).unwrap();
    wine.remove(&file, &[]);
    wine.assert_nothing_is_left();
}
