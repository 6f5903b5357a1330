//! dnf, under the vendor preset of Fedora and RHEL (`disable *`): installed, upgraded, removed and installed again.

use std::fs;

use installer::format::Kind;
use serde_json::json;

use super::super::boot::debian_with_rpm;
use super::super::rpm_root::distribution;
use super::Vendor;
use crate::support::judge;

const STEPS: &str = r#"
mkdir -p /etc/rpm
# Debian's rpm has its database in the home folder.
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
rpm --initdb
rpm -U --nodeps /test/distribution.rpm
echo 'disable *' > /usr/lib/systemd/system-preset/99-default-disable.preset
dnf() { command dnf -y --releasever=1 --disablerepo='*' "$@"; }

dnf install /test/first.rpm; say first.status "$?"
enrolled first
say first.doctor "$($(program) doctor > /test/doctor.txt; echo $?)"
id=$(status device_id)

# The newer version brings a token of its own, which an enrolled device does not use.
rm $state/outcome.json
dnf install /test/newer.rpm; say newer.status "$?"
enrolled newer
say newer.same "$(is_same)"
say newer.version "$(rpm -q --qf '%{VERSION}' enrolled-agent)"

# A removal takes token and state along and leaves the agent's own files: the key, so it is the same device that comes back.
dnf remove enrolled-agent; say removed.status "$?"
say removed.left "$(find /etc /usr -name '*enrolled-agent*' | tr '\n' ' ')"
say removed.state "$(cd $state && ls | grep -E 'enrollment|device' | tr '\n' ' ')"
rm $state/outcome.json
dnf install /test/again.rpm; say again.status "$?"
enrolled again
say again.same "$(is_same)"

# Without its key it is a device that has never been here: the hardware of a container never matches.
dnf remove enrolled-agent; rm -r $state
dnf install /test/new.rpm; say new.status "$?"
enrolled new
say new.same "$(is_same)"
"#;

#[test]
fn a_stamped_rpm_becomes_a_device_that_an_upgrade_and_a_new_installation_keep() {
    let (Some(nspawn), Some(root), Some(vendor)) = (judge("systemd-nspawn"), debian_with_rpm(), Vendor::new(Kind::Rpm))
    else {
        return;
    };
    vendor.publish([1, 4, 2], "/usr/libexec/enrolled-agent");
    let first = vendor.stamp("first.rpm");
    let Some(packages) = distribution(&vendor.path("first.rpm"), vendor.folder.path()) else { return };
    fs::copy(packages, vendor.path("distribution.rpm")).unwrap();
    vendor.publish([1, 4, 3], "/usr/libexec/enrolled-agent");
    let [newer, again, new] = ["newer.rpm", "again.rpm", "new.rpm"].map(|file| vendor.stamp(file));

    let said = vendor.boot(&root, &nspawn, STEPS, &[&first, &newer, &again, &new]);
    said.is_enrolled("first");
    said.is("first.doctor", "0");
    said.is_enrolled("newer");
    said.is("newer.same", "yes");
    said.is("newer.version", "1.4.3");
    said.is("removed.status", "0");
    said.is("removed.left", "");
    said.is("removed.state", "device.json device.key ");
    said.is_enrolled("again");
    said.is("again.same", "yes");
    said.is_enrolled("new");
    said.is("new.same", "");

    let devices = vendor.devices();
    let tokens: Vec<_> = devices.iter().map(|device| &device["token_id"]).collect();
    assert_eq!(tokens, [&new.id, &first.id], "{devices:?}");
    let uses = [&first, &newer, &again, &new].map(|token| vendor.uses(token));
    assert_eq!(uses, [json!(1), json!(0), json!(0), json!(1)]);
    // The first device has told the service its new version.
    assert!(devices.iter().all(|device| device["agent"].to_string().contains("1.4.3")), "{devices:?}");
}
